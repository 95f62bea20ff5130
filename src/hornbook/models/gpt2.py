"""GPT-2, top-down: a table of tokens, blocks of attention and MLP, a final normalisation.

The one definition, for generating, embedding and training alike. Shapes: N rows (the tokens of all
sequences, packed one after the other), C = n_embd, V = vocab_size.

Source: Radford et al., "Language Models are Unsupervised Multitask Learners", 2019.
"""

from collections.abc import Iterator, Mapping
from math import sqrt
from typing import Any

from hornbook.backend import Array, Generator, KVCache, LayerCache, PackedBatch, get_backend
from hornbook.errors import ContextLengthError, ShapeError
from hornbook.models.gpt2_checkpoint import GPT2Checkpoint
from hornbook.models.gpt2_config import GPT2Config
from hornbook.nn import Attention, Dropout, Embedding, LayerNorm, Linear, Module, ResidualLinear
from hornbook.tensor import Tensor, cat

__all__ = ["GPT2", "MLP", "Block"]


class MLP(Module):
    """Two layers with an activation between them, four times as wide inside."""

    def __init__(self, config: GPT2Config, rng: Generator | None = None) -> None:
        c, inner = config.n_embd, config.inner_size
        self.activation = config.activation
        self.c_fc = Linear(c, inner, std=config.initializer_range, rng=rng)
        self.c_proj = ResidualLinear(inner, c, dropout=config.resid_pdrop, std=_residual_std(config), rng=rng)

    def __call__(self, x: Tensor, *, residual: Tensor | None = None) -> Tensor:
        """`[N, C] -> [N, C]`."""
        inner = self.c_fc(x, activation=self.activation)  # [N, 4C]
        return self.c_proj(inner, residual=residual)


class Block(Module):
    """x + attn(ln_1(x)), then x + mlp(ln_2(x)). The sums are fused into each branch's last layer."""

    def __init__(self, config: GPT2Config, index: int, rng: Generator | None = None) -> None:
        self.ln_1 = LayerNorm(config.n_embd, config.layer_norm_epsilon)
        self.attn = Attention(
            config.n_embd,
            config.n_head,
            scale=_attention_scale(config, index),
            attn_pdrop=config.attn_pdrop,
            resid_pdrop=config.resid_pdrop,
            std=config.initializer_range,
            residual_std=_residual_std(config),
            rng=rng,
        )
        self.ln_2 = LayerNorm(config.n_embd, config.layer_norm_epsilon)
        self.mlp = MLP(config, rng)

    def __call__(self, x: Tensor, offsets: Array, cache: LayerCache | None = None) -> Tensor:
        """`[N, C] -> [N, C]`."""
        x = self.attn(self.ln_1(x), offsets, cache=cache, residual=x)
        return self.mlp(self.ln_2(x), residual=x)


class GPT2(Module):
    """The whole model.

    Args:
        config: its shape.
        seed: for first weights and dropout; None for different ones each time.

    Example:
        >>> model = GPT2(GPT2Config(vocab_size=11, n_positions=8, n_embd=6, n_layer=1, n_head=2), seed=0)
        >>> model([[1, 2, 3], [4, 5, 6]]).shape
        (2, 3, 11)
    """

    def __init__(self, config: GPT2Config, *, seed: int | None = None) -> None:
        rng = get_backend().generator(seed)
        std = config.initializer_range
        self.config = config
        self.wte = Embedding(config.vocab_size, config.n_embd, std=std, rng=rng)
        self.wpe = Embedding(config.n_positions, config.n_embd, std=std, rng=rng, packs=False)
        self.drop = Dropout(config.embd_pdrop, rng=rng)
        self.h = [Block(config, index, rng) for index in range(config.n_layer)]
        self.ln_f = LayerNorm(config.n_embd, config.layer_norm_epsilon)
        if not config.tie_word_embeddings:
            self.lm_head = Embedding(config.vocab_size, config.n_embd, std=std, rng=rng)

    @classmethod
    def from_hub_weights(cls, config: GPT2Config, tensors: Mapping[str, Array]) -> "GPT2":
        """Builds the model from the tensors of a Hugging Face checkpoint.

        Raises:
            ModelFormatError: tensors are missing, unknown or of another shape; the message names them.
            ConfigError: vocab_size differs from the token table.
        """
        return GPT2Checkpoint().build(cls, config, tensors)

    @property
    def output(self) -> Embedding:
        """The layer whose table `[V, C]` hidden states are compared with to get logits."""
        return self.wte if self.config.tie_word_embeddings else self.lm_head

    def __call__(self, ids: Any) -> Tensor:
        """Logits of the next token at every position: `[T] -> [T, V]` or `[B, T] -> [B, T, V]`."""
        batch, shape = PackedBatch.from_ids(ids)
        return self.logits(self.encode(batch)).reshape(*shape, self.config.vocab_size)

    def encode(self, batch: PackedBatch, cache: KVCache | None = None) -> Tensor:
        """The last hidden state of every token, `[N, C]`.

        Args:
            batch: packed sequences.
            cache: of earlier tokens, which gets these; the batch's positions begin where its sequences ended.

        Raises:
            ContextLengthError: a position is not below n_positions, or the cache is full.
        """
        x = self._embed(batch)
        if cache is not None:
            cache.check_room(batch.lengths)
        for index, block in enumerate(self.h):
            x = block(x, batch.offsets, None if cache is None else cache.layers[index])
        if cache is not None:
            cache.advance(batch.lengths)
        return self.ln_f(x)

    def hidden_states(self, batch: PackedBatch) -> Iterator[Tensor]:
        """The stream after the embedding, each block and the last normalisation: n_layer + 2 times `[N, C]`.

        Raises:
            ContextLengthError: a position is not below n_positions.
        """
        x = self._embed(batch)
        yield x
        for block in self.h:
            x = block(x, batch.offsets)
            yield x
        yield self.ln_f(x)

    def attention_weights(self, batch: PackedBatch) -> Tensor:
        """How much each token takes from which: `[n_layer, n_head, T, T]`, each row sums to 1.

        Raises:
            ShapeError: the batch is not one sequence.
        """
        if len(batch) != 1:
            raise ShapeError(f"attention_weights: expected one sequence, got {len(batch)}")
        inputs = zip(self.h, self.hidden_states(batch), strict=False)
        return cat([block.attn.steps(block.ln_1(x)).weights for block, x in inputs])

    def stages(self, n_tokens: int) -> list[tuple[str, str]]:
        """The names of `hidden_states`, each with how it is computed from the one before."""
        n, c, heads = n_tokens, self.config.n_embd, self.config.n_head
        embedding = f"rows of {self.config.vocab_size} and {self.config.n_positions}"
        attention = f"attention qkv [{n}, {3 * c}], {heads} heads [{heads}, {n}, {c // heads}]"
        block = f"{attention}, weights [{heads}, {n}, {n}]; mlp [{n}, {self.config.inner_size}]"
        blocks = [(f"block {index}", block) for index in range(self.config.n_layer)]
        return [("embedding", f"wte[id] + wpe[position], {embedding}"), *blocks, ("ln_f", "layer norm")]

    def logits(self, hidden: Tensor) -> Tensor:
        """`[N, C] -> [N, V]`."""
        return self.output.unembed(hidden)

    def losses(self, batch: PackedBatch) -> Tensor:
        """The cross-entropy of each next token in nats, `[N]`; 0 for the last of each sequence."""
        return self.output.cross_entropy(self.encode(batch), batch.next_ids)

    def loss(self, batch: PackedBatch) -> Tensor:
        """The mean of `losses` over all tokens that have a next one; what training lowers."""
        return self.output.mean_cross_entropy(self.encode(batch), batch.next_ids)

    def new_cache(self, n_sequences: int, capacity: int) -> KVCache:
        """Room for the keys and values of `capacity` tokens of each sequence."""
        c = self.config
        return get_backend().new_cache(c.n_layer, n_sequences, c.n_head, c.n_embd // c.n_head, capacity)

    def _embed(self, batch: PackedBatch) -> Tensor:
        """Each token's row of the token table plus its position's row, `[N, C]`."""
        if batch.n_positions > self.config.n_positions:
            raise ContextLengthError(
                f"the text has {batch.n_positions} tokens, "
                f"the model takes {self.config.n_positions}; shorten it"
            )
        return self.drop(self.wte(batch.ids) + self.wpe(batch.positions))


def _attention_scale(config: GPT2Config, index: int) -> float:
    scale = 1 / sqrt(config.n_embd // config.n_head) if config.scale_attn_weights else 1.0
    return scale / (index + 1) if config.scale_attn_by_inverse_layer_idx else scale


def _residual_std(config: GPT2Config) -> float:
    """The last layers of branches start smaller, so that the stream's variance does not grow with depth."""
    return config.initializer_range / sqrt(2 * config.n_layer)
