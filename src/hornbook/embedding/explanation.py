"""One text on its way through the model, for reading: tokens, shapes, attention, likely continuations."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hornbook.backend import PackedBatch, get_backend
from hornbook.builtin import DEFAULT_LANGUAGE_MODEL
from hornbook.embedding.pooling import mean_pooling
from hornbook.errors import ConfigError
from hornbook.loading import LoadedModel, load_model
from hornbook.models import GPT2Config
from hornbook.tensor import Tensor, no_grad

__all__ = ["Explanation", "Prediction", "Stage", "TokenSpan", "explain"]

N_PREDICTIONS = 5


@dataclass(frozen=True)
class TokenSpan:
    """A token and where it stands in the text.

    Attributes:
        id: its number.
        text: what it stands for; U+FFFD for a part of a character.
        start: its first character in the text.
        end: the character behind its last.
    """

    id: int
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Stage:
    """What one part of the model has made of the text.

    Attributes:
        name: `embedding`, `block 0`, ..., `ln_f`, `pooling`.
        made_by: how, with the shapes on the way.
        shape: of the result.
        norm: mean length of its rows.
    """

    name: str
    made_by: str
    shape: tuple[int, ...]
    norm: float


@dataclass(frozen=True)
class Prediction:
    """A token that may come next.

    Attributes:
        id: its number.
        text: what it stands for.
        probability: how likely, 0 to 1.
    """

    id: int
    text: str
    probability: float


@dataclass(frozen=True)
class Explanation:
    """The whole way of one text.

    Attributes:
        text: the text.
        tokens: what it was cut into.
        stages: embedding, blocks, last normalisation, pooling.
        predictions: the likeliest next tokens, the best first.
        embedding: the pooled vector, `[C]`.
        attention: who looks at whom, `[n_layer, n_head, T, T]`; each row sums to 1.
    """

    text: str
    tokens: tuple[TokenSpan, ...]
    stages: tuple[Stage, ...]
    predictions: tuple[Prediction, ...]
    embedding: NDArray[Any]
    attention: NDArray[Any]

    def attention_map(self, layer: int, head: int) -> NDArray[Any]:
        """One head's map, `[T, T]`.

        Raises:
            ConfigError: there is no such layer or head.
        """
        n_layer, n_head = self.attention.shape[:2]
        if not (0 <= layer < n_layer and 0 <= head < n_head):
            raise ConfigError(
                f"attention: layers 0 to {n_layer - 1} with heads 0 to {n_head - 1} exist, got {layer}.{head}"
            )
        return np.asarray(self.attention[layer, head])


def explain(
    text: str, name_or_folder: str | Path = DEFAULT_LANGUAGE_MODEL, *, revision: str | None = None
) -> Explanation:
    """Follows one text through a model.

    Args:
        text: at least one character.
        name_or_folder: see `hornbook.load`.
        revision: see `hornbook.load`.

    Raises:
        ConfigError: the text is empty.
        ContextLengthError: it has more tokens than the model takes.
        TypeError: it is not a str.
    """
    loaded = load_model(name_or_folder, revision=revision)
    spans = loaded.tokenizer.encode_with_spans(text)
    if not spans:
        raise ConfigError("explain: the text is empty; there is nothing to follow")
    batch = PackedBatch.pack([[token_id for token_id, _, _ in spans]])
    with no_grad():
        states = list(loaded.model.hidden_states(batch))
        pooled = mean_pooling(states[-1], batch)
        return Explanation(
            text=text,
            tokens=tuple(TokenSpan(i, loaded.tokenizer.decode([i]), start, end) for i, start, end in spans),
            stages=_stages(loaded.config, states, pooled),
            predictions=_predictions(loaded, states[-1]),
            embedding=pooled.numpy()[0],
            attention=_attention(loaded, states),
        )


def _stages(config: GPT2Config, states: list[Tensor], pooled: Tensor) -> tuple[Stage, ...]:
    blocks = [(f"block {i}", _block_shapes(config, len(states[0]))) for i in range(config.n_layer)]
    parts = [
        ("embedding", f"wte[id] + wpe[position], rows of {config.vocab_size} and {config.n_positions}"),
        *blocks,
        ("ln_f", "layer norm"),
        ("pooling", "mean over the tokens"),
    ]
    return tuple(
        Stage(name, made_by, state.shape, _mean_norm(state.numpy()))
        for (name, made_by), state in zip(parts, [*states, pooled], strict=True)
    )


def _block_shapes(config: GPT2Config, length: int) -> str:
    """The shapes inside of a block, in the order in which they come about."""
    c, heads = config.n_embd, config.n_head
    return (
        f"attention qkv [{length}, {3 * c}], {heads} heads [{heads}, {length}, {c // heads}], "
        f"weights [{heads}, {length}, {length}]; mlp [{length}, {config.inner_size}]"
    )


def _mean_norm(rows: NDArray[Any]) -> float:
    return float(np.mean(np.linalg.norm(rows, axis=-1)))


def _predictions(loaded: LoadedModel, hidden: Tensor) -> tuple[Prediction, ...]:
    """Of the tokenizer's tokens; a model may have more."""
    logits = loaded.model.logits(hidden[-1:])[0, : loaded.tokenizer.vocab_size]
    probabilities = logits.softmax().numpy()
    values, ids = get_backend().top_k(probabilities, N_PREDICTIONS)
    return tuple(
        Prediction(int(i), loaded.tokenizer.decode([i]), float(value))
        for value, i in zip(values, ids, strict=True)
    )


def _attention(loaded: LoadedModel, states: list[Tensor]) -> NDArray[Any]:
    """Each block's attention weights, from the state before it."""
    blocks = zip(loaded.model.h, states[: len(loaded.model.h)], strict=True)
    return np.stack([block.attn.steps(block.ln_1(state)).weights.numpy()[0] for block, state in blocks])
