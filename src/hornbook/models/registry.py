"""Which classes belong to the `model_type` of a config.json."""

from collections.abc import Mapping
from typing import Any

from hornbook.errors import ConfigError
from hornbook.models.config import GPT2Config

__all__ = ["config_from_dict"]

CONFIGS = {"gpt2": GPT2Config}


def config_from_dict(values: Mapping[str, Any]) -> GPT2Config:
    """Makes the configuration that `model_type` names.

    Raises:
        ConfigError: an unknown `model_type`, or a value that does not fit.
    """
    model_type = values.get("model_type")
    if not isinstance(model_type, str) or model_type not in CONFIGS:
        raise ConfigError(f"model_type: expected {' or '.join(CONFIGS)}, got {model_type!r:.50}")
    return CONFIGS[model_type].from_dict(values)
