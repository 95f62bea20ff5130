"""One text on its way through the model, for reading: tokens, shapes, attention, likely continuations."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hornbook.backend import PackedBatch, get_backend
from hornbook.builtin import DEFAULT_LANGUAGE_MODEL
from hornbook.embedding.pooling import Pooling
from hornbook.errors import ConfigError, ModelFormatError
from hornbook.loading import check_finite, load_model
from hornbook.models import Encoder, Traceable
from hornbook.tensor import Tensor, no_grad
from hornbook.tokenizer import AnyTokenizer

__all__ = ["Explanation", "Prediction", "Stage", "TokenSpan", "explain", "explain_with"]

N_PREDICTIONS = 5


@dataclass(frozen=True)
class TokenSpan:
    """A token and its position in the text.

    Attributes:
        id: its id.
        text: what it stands for; U+FFFD for a part of a character.
        start: index of its first character in the text.
        end: index of the character after its last.
    """

    id: int
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Stage:
    """What one part of the model computes.

    Attributes:
        name: `embedding`, `block 0`, ..., `ln_f`, `pooling`.
        made_by: how it is computed, with the shapes on the way.
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
        id: its id.
        text: what it stands for.
        probability: how likely, 0 to 1.
    """

    id: int
    text: str
    probability: float


@dataclass(frozen=True)
class Explanation:
    """One text on its way through the model.

    Attributes:
        text: the text.
        tokens: what it was split into.
        stages: embedding, blocks, last normalisation, pooling.
        predictions: the likeliest next tokens, the best first.
        embedding: the pooled vector, `[C]`.
        attention: how much each token attends to each, `[n_layer, n_head, T, T]`; each row sums to 1.
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
    text: str,
    name_or_folder: str | Path = DEFAULT_LANGUAGE_MODEL,
    *,
    revision: str | None = None,
    allow_nonfinite: bool = False,
) -> Explanation:
    """Follows one text through the model of a name.

    Args:
        text: at least one character.
        name_or_folder: see `hornbook.load`.
        revision: see `hornbook.load`.
        allow_nonfinite: see `hornbook.load`.

    Raises:
        ConfigError: the text is empty, or the model does not show its steps.
        ContextLengthError: it has more tokens than the model takes.
        TypeError: it is not a str.
    """
    loaded = load_model(name_or_folder, revision=revision, allow_nonfinite=allow_nonfinite)
    if loaded.tokenizer is None:
        raise ModelFormatError(f"{loaded.bundle.folder}: no tokenizer files beside the model")
    return explain_with(loaded.model, loaded.tokenizer, text, source=str(loaded.bundle.folder))


def explain_with(
    model: Encoder, tokenizer: AnyTokenizer, text: str, *, source: str | None = None
) -> Explanation:
    """Follows one text through a model in memory; raises as `explain`.

    Args:
        model: one that shows its steps, see `Traceable`.
        tokenizer: what turns text into its ids.
        text: at least one character.
        source: what messages call the model; None for its class.
    """
    if not isinstance(model, Traceable):
        raise ConfigError(f"explain: {type(model).__name__} does not show its steps")
    spans = tokenizer.encode_with_spans(text)
    if not spans:
        raise ConfigError("explain: the text is empty; there is nothing to follow")
    batch = PackedBatch.pack([[token_id for token_id, _, _ in spans]])
    with no_grad():
        states = list(model.hidden_states(batch))
        source = type(model).__name__ if source is None else source
        check_finite(states[-1].numpy(), source=source, what="the hidden states")
        pooled = Pooling("mean")(states[-1], batch)
        return Explanation(
            text=text,
            tokens=tuple(TokenSpan(i, tokenizer.decode([i]), start, end) for i, start, end in spans),
            stages=_stages(model, states, pooled),
            predictions=_predictions(model, tokenizer, states[-1]),
            embedding=pooled.numpy()[0],
            attention=model.attention_weights(batch).numpy(),
        )


def _stages(model: Traceable, states: list[Tensor], pooled: Tensor) -> tuple[Stage, ...]:
    parts = [*model.stages(len(states[0])), ("pooling", "mean over the tokens")]
    return tuple(
        Stage(name, made_by, state.shape, _mean_norm(state.numpy()))
        for (name, made_by), state in zip(parts, [*states, pooled], strict=True)
    )


def _mean_norm(rows: NDArray[Any]) -> float:
    return float(np.mean(np.linalg.norm(rows, axis=-1)))


def _predictions(model: Traceable, tokenizer: AnyTokenizer, hidden: Tensor) -> tuple[Prediction, ...]:
    """The likeliest of the tokenizer's tokens; a model may have more."""
    logits = model.logits(hidden[-1:])[0, : tokenizer.vocab_size]
    values, ids = get_backend().top_k(logits.softmax().numpy(), N_PREDICTIONS)
    return tuple(
        Prediction(int(i), tokenizer.decode([i]), float(value)) for value, i in zip(values, ids, strict=True)
    )
