"""Which classes belong to the `model_type` of a config.json. A new family is a line here."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from hornbook.backend import Array
from hornbook.errors import ConfigError
from hornbook.models.checkpoint import CheckpointFormat
from hornbook.models.gpt2 import GPT2
from hornbook.models.gpt2_checkpoint import GPT2Checkpoint
from hornbook.models.gpt2_classifier import GPT2Classifier, GPT2ClassifierCheckpoint, GPT2ClassifierConfig
from hornbook.models.gpt2_config import GPT2Config
from hornbook.models.gpt2_conversion import read_foreign_gpt2
from hornbook.models.protocols import Encoder, ModelConfig

__all__ = ["ARCHITECTURES", "Architecture", "architecture_of", "config_from_dict", "recognise_architecture"]

ForeignReader: TypeAlias = Callable[[Mapping[str, Array], Mapping[str, Any]], tuple[Any, dict[str, Array]]]


@dataclass(frozen=True)
class Architecture:
    """A family of models.

    Attributes:
        config_class: reads and writes its config.json.
        model_class: makes a model of a configuration.
        checkpoint: the names and shapes of its tensors in files.
        class_names: how the names of its classes begin in `architectures` of a config.json.
        variants: models with another head, by the endings of those names.
        read_foreign: configuration and tensors of checkpoints that other programs write, from their tensors
            and what they say beside them; None where only transformers' layout is known.
    """

    config_class: type[ModelConfig]
    model_class: Callable[[Any], Encoder]
    checkpoint: CheckpointFormat[Any]
    class_names: tuple[str, ...] = ()
    variants: Mapping[str, "Architecture"] = field(default_factory=dict)
    read_foreign: ForeignReader | None = None

    def load(self, config: ModelConfig, tensors: Mapping[str, Array]) -> Encoder:
        """Makes a model of the tensors of a checkpoint.

        Raises:
            ModelFormatError: tensors are missing, unknown or of another shape; the message names them.
            ConfigError: vocab_size differs from the token table.
        """
        return self.checkpoint.build(self.model_class, config, tensors)


ARCHITECTURES: dict[str, Architecture] = {
    "gpt2": Architecture(
        GPT2Config,
        GPT2,
        GPT2Checkpoint(),
        class_names=("GPT2",),
        variants={
            "ForSequenceClassification": Architecture(
                GPT2ClassifierConfig, GPT2Classifier, GPT2ClassifierCheckpoint()
            )
        },
        read_foreign=read_foreign_gpt2,
    )
}
"""The families by their `model_type`."""


def architecture_of(model_type: Any) -> Architecture:
    """The family of a `model_type`.

    Raises:
        ConfigError: there is none of this name.
    """
    if not isinstance(model_type, str) or model_type not in ARCHITECTURES:
        known = " or ".join(ARCHITECTURES)
        raise ConfigError(f"model_type: expected {known}, got {model_type!r:.50}")
    return ARCHITECTURES[model_type]


def recognise_architecture(
    values: Mapping[str, Any], tensor_names: Callable[[], Iterable[str]] = tuple
) -> Architecture:
    """The family that a config.json names by `model_type`, else by `architectures`, else that of the tensors.

    `architectures` also tells which head the model has.

    Args:
        values: the content of config.json.
        tensor_names: gives the names of the checkpoint's tensors, where config.json does not tell.

    Raises:
        ConfigError: it is none of those that there are.
    """
    listed = values.get("architectures")
    names = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    family = _family(values.get("model_type"), names, tensor_names)
    for ending, variant in family.variants.items():
        if any(name.endswith(ending) for name in names):
            return variant
    return family


def _family(
    model_type: Any, class_names: list[str], tensor_names: Callable[[], Iterable[str]]
) -> Architecture:
    if model_type is not None:
        return architecture_of(model_type)
    for architecture in ARCHITECTURES.values():
        if any(name.startswith(architecture.class_names) for name in class_names):
            return architecture
    tensors = list(tensor_names())
    for architecture in ARCHITECTURES.values():
        if architecture.checkpoint.recognises(tensors):
            return architecture
    return architecture_of(None)


def config_from_dict(values: Mapping[str, Any]) -> ModelConfig:
    """Makes the configuration of the content of a config.json.

    Raises:
        ConfigError: it is of no known family, or a value does not fit.
    """
    return recognise_architecture(values).config_class.from_dict(values)
