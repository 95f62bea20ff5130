"""GPT-2 with a layer that classifies whole texts by their last token: `GPT2ForSequenceClassification`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from hornbook.backend import PackedBatch
from hornbook.errors import ConfigError
from hornbook.models.checkpoint import Source, StoredParameter
from hornbook.models.config import possible_token_id
from hornbook.models.gpt2 import GPT2
from hornbook.models.gpt2_checkpoint import GPT2Checkpoint
from hornbook.models.gpt2_config import GPT2Config
from hornbook.nn import Linear
from hornbook.tensor import Tensor

__all__ = ["GPT2Classifier", "GPT2ClassifierCheckpoint", "GPT2ClassifierConfig"]


@dataclass(frozen=True, kw_only=True)
class GPT2ClassifierConfig(GPT2Config):
    """The shape of a GPT-2 that classifies.

    Attributes:
        labels: the names of the classes; a single one is a score.
        pad_token_id: a token at the end of texts that does not count; None where there is none.
    """

    labels: tuple[str, ...] = ("LABEL_0", "LABEL_1")
    pad_token_id: int | None = None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """As `GPT2Config.from_dict`; the labels are those of `id2label`, else `num_labels` numbered ones."""
        pad = possible_token_id(values, "pad_token_id")
        return super().from_dict({**values, "labels": _labels(values), "pad_token_id": pad})

    def to_dict(self) -> dict[str, Any]:
        """The content of a config.json that transformers reads as well."""
        values = super().to_dict()
        labels = values.pop("labels")
        return values | {
            "architectures": ["GPT2ForSequenceClassification"],
            "id2label": {str(index): label for index, label in enumerate(labels)},
            "label2id": {label: index for index, label in enumerate(labels)},
        }

    @property
    def num_parameters(self) -> int:
        """As `GPT2Config.num_parameters`, with those of the last layer."""
        return super().num_parameters + len(self.labels) * self.n_embd


class GPT2Classifier(GPT2):
    """A GPT-2 whose hidden state of a text's last token is compared with each class.

    Args:
        config: its shape.
        seed: as for `GPT2`.
    """

    def __init__(self, config: GPT2ClassifierConfig, *, seed: int | None = None) -> None:
        super().__init__(config, seed=seed)
        self.labels = config.labels
        self.pad_token_id = config.pad_token_id
        self.score = Linear(config.n_embd, len(config.labels), bias=False)

    def classify(self, batch: PackedBatch) -> Tensor:
        """Logits of the classes, `[B, labels]`.

        Raises:
            ShapeError: a sequence is empty.
        """
        return self.score(self.encode(batch)[batch.last_rows(self.pad_token_id)])


class GPT2ClassifierCheckpoint(GPT2Checkpoint):
    """The tensors of a GPT-2, and those of the last layer, which has its matrix the other way round."""

    def parameters(self, config: GPT2Config) -> Iterator[StoredParameter]:
        """Every parameter."""
        yield from super().parameters(config)
        if isinstance(config, GPT2ClassifierConfig):
            shape = len(config.labels), config.n_embd
            yield StoredParameter("score.weight", (Source("score.weight", shape, transposed=True),))

    def written_name(self, name: str) -> str:
        """The last layer does not belong to the `transformer`."""
        return name if name == "score.weight" else super().written_name(name)


def _labels(values: Mapping[str, Any]) -> tuple[str, ...]:
    named, count = values.get("id2label"), values.get("num_labels", 2)
    if isinstance(named, Mapping):
        try:
            return tuple(str(named[key]) for key in sorted(named, key=int))
        except (TypeError, ValueError):
            raise ConfigError(f"id2label: expected numbers as keys, got {list(named)!r:.50}") from None
    if not isinstance(count, int) or not 1 <= count <= 1 << 16:
        raise ConfigError(f"num_labels: expected 1 to 65536, got {count!r:.50}")
    return tuple(f"LABEL_{index}" for index in range(count))
