"""GPT-2's configuration: the keys of its own config.json, checked."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Self

from hornbook.backend import Activation
from hornbook.errors import ConfigError
from hornbook.models.config import (
    activation_named,
    check_range,
    check_types,
    known_values,
    possible_token_id,
)

__all__ = ["GPT2Config"]

ALIASES = {
    "hidden_size": "n_embd",
    "num_hidden_layers": "n_layer",
    "num_attention_heads": "n_head",
    "max_position_embeddings": "n_positions",
}
"""Names that other families have, which transformers takes as well."""

END_OF_TEXT = 50256  # the last id of GPT-2's own vocabulary begins and ends its texts

RANGES: dict[str, tuple[float, float]] = {
    "vocab_size": (1, 1 << 24),
    "n_positions": (1, 1 << 24),
    "n_embd": (1, 1 << 16),
    "n_layer": (1, 1 << 12),
    "n_head": (1, 1 << 12),
    "n_inner": (1, 1 << 20),
    "layer_norm_epsilon": (0, 1),
    "attn_pdrop": (0, 1),
    "embd_pdrop": (0, 1),
    "resid_pdrop": (0, 1),
    "initializer_range": (0, 100),
}
"""Smallest and largest values. Sizes end far above any model that exists: more comes from a damaged file."""


@dataclass(frozen=True, kw_only=True)
class GPT2Config:
    """The shape of a GPT-2, with the defaults of the small one.

    Attributes:
        vocab_size: V, rows of the token table.
        n_positions: the longest text, in tokens.
        n_embd: C, features of a token.
        n_layer: number of blocks.
        n_head: H, attention heads in a block.
        n_inner: features inside of the MLP; None for 4 C.
        activation_function: gelu_new, gelu_pytorch_tanh, gelu_fast, gelu, gelu_python, quick_gelu, relu,
            silu or swish.
        layer_norm_epsilon: added to the variance.
        scale_attn_weights: whether scores are divided by sqrt(C/H).
        scale_attn_by_inverse_layer_idx: whether those of block i are divided by i + 1, too.
        tie_word_embeddings: whether the output uses the token table.
        attn_pdrop: dropout of attention weights in training.
        embd_pdrop: dropout of embeddings in training.
        resid_pdrop: dropout where a branch joins the stream, in training.
        initializer_range: standard deviation of initial weights.
        bos_token_id: begins a text, and stands for an empty one; None leaves that to the tokenizer.
        eos_token_id: ends a text, or several that do; None leaves that to the tokenizer.

    Raises:
        ConfigError: a value of another type, out of range, or that does not fit the others.
    """

    model_type: ClassVar[str] = "gpt2"

    vocab_size: int = 50257
    n_positions: int = 1024
    n_embd: int = 768
    n_layer: int = 12
    n_head: int = 12
    n_inner: int | None = None
    activation_function: str = "gelu_new"
    layer_norm_epsilon: float = 1e-5
    scale_attn_weights: bool = True
    scale_attn_by_inverse_layer_idx: bool = False
    tie_word_embeddings: bool = True
    attn_pdrop: float = 0.1
    embd_pdrop: float = 0.1
    resid_pdrop: float = 0.1
    initializer_range: float = 0.02
    bos_token_id: int | None = None
    eos_token_id: int | tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        check_types(self)
        for key, (smallest, largest) in RANGES.items():
            check_range(key, getattr(self, key), smallest, largest)
        check_range("bos_token_id", self.bos_token_id, 0, self.vocab_size - 1)
        for token_id in self.eos_token_ids:
            check_range("eos_token_id", token_id, 0, self.vocab_size - 1)
        if self.n_embd % self.n_head:
            raise ConfigError(f"n_head: must divide n_embd {self.n_embd}, got {self.n_head}")
        activation_named(self.activation_function)

    @classmethod
    def gpt2_small(cls) -> "GPT2Config":
        """124,439,808 parameters: `openai-community/gpt2`."""
        return cls(bos_token_id=END_OF_TEXT, eos_token_id=END_OF_TEXT)

    @classmethod
    def gpt2_medium(cls) -> "GPT2Config":
        """354,823,168 parameters: `openai-community/gpt2-medium`."""
        return replace(cls.gpt2_small(), n_embd=1024, n_layer=24, n_head=16)

    @classmethod
    def gpt2_large(cls) -> "GPT2Config":
        """774,030,080 parameters: `openai-community/gpt2-large`."""
        return replace(cls.gpt2_small(), n_embd=1280, n_layer=36, n_head=20)

    @classmethod
    def gpt2_xl(cls) -> "GPT2Config":
        """1,557,611,200 parameters: `openai-community/gpt2-xl`."""
        return replace(cls.gpt2_small(), n_embd=1600, n_layer=48, n_head=25)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Takes the keys it knows out of a config.json.

        Raises:
            ConfigError: see the class; also for cross-attention, which is not supported.
        """
        if values.get("add_cross_attention"):
            raise ConfigError(
                "add_cross_attention: expected false, got true; decoders of translators are not GPT-2"
            )
        values = {"vocab_size": cls.vocab_size} | dict(values)
        special = {key: possible_token_id(values, key) for key in ("bos_token_id", "eos_token_id")}
        return cls(**known_values(cls, values, ALIASES) | special)

    def to_dict(self) -> dict[str, Any]:
        """The content of a config.json that transformers reads as well."""
        return {"model_type": self.model_type, "architectures": ["GPT2LMHeadModel"], **asdict(self)}

    @property
    def eos_token_ids(self) -> tuple[int, ...]:
        """Every token that ends a text."""
        if self.eos_token_id is None:
            return ()
        return self.eos_token_id if isinstance(self.eos_token_id, tuple) else (self.eos_token_id,)

    @property
    def inner_size(self) -> int:
        """Features inside of the MLP."""
        return 4 * self.n_embd if self.n_inner is None else self.n_inner

    @property
    def activation(self) -> Activation:
        """The activation function by the name that operations use."""
        return activation_named(self.activation_function)

    @property
    def num_parameters(self) -> int:
        """How many numbers such a model learns, computed without making one."""
        c, inner = self.n_embd, self.inner_size
        attention = c * 3 * c + 3 * c + c * c + c
        mlp = c * inner + inner + inner * c + c
        block = 2 * c + attention + 2 * c + mlp
        tables = (self.vocab_size * (1 if self.tie_word_embeddings else 2) + self.n_positions) * c
        return tables + self.n_layer * block + 2 * c
