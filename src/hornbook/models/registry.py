"""Which classes belong to the `model_type` of a config.json. A new family is a line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hornbook.backend import Array
from hornbook.errors import ConfigError
from hornbook.models.checkpoint import CheckpointFormat
from hornbook.models.gpt2 import GPT2
from hornbook.models.gpt2_checkpoint import GPT2Checkpoint
from hornbook.models.gpt2_config import GPT2Config
from hornbook.models.protocols import Encoder, ModelConfig

__all__ = ["ARCHITECTURES", "Architecture", "architecture_of", "config_from_dict"]


@dataclass(frozen=True)
class Architecture:
    """A family of models.

    Attributes:
        config_class: reads and writes its config.json.
        model_class: makes a model of a configuration.
        checkpoint: the names and shapes of its tensors in files.
    """

    config_class: type[ModelConfig]
    model_class: Callable[[Any], Encoder]
    checkpoint: CheckpointFormat[Any]

    def load(self, config: ModelConfig, tensors: Mapping[str, Array]) -> Encoder:
        """Makes a model of the tensors of a checkpoint.

        Raises:
            ModelFormatError: tensors are missing, unknown or of another shape; the message names them.
            ConfigError: vocab_size differs from the token table.
        """
        return self.checkpoint.build(self.model_class, config, tensors)


ARCHITECTURES: dict[str, Architecture] = {"gpt2": Architecture(GPT2Config, GPT2, GPT2Checkpoint())}
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


def config_from_dict(values: Mapping[str, Any]) -> ModelConfig:
    """Makes the configuration that `model_type` names.

    Raises:
        ConfigError: an unknown `model_type`, or a value that does not fit.
    """
    return architecture_of(values.get("model_type")).config_class.from_dict(values)
