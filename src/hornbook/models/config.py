"""What the configurations of all families check: types, ranges, names of activation functions."""

from dataclasses import fields
from numbers import Integral, Real
from typing import Any, get_args, get_type_hints

from hornbook.backend import Activation
from hornbook.errors import ConfigError

__all__ = ["activation_named", "check_range", "check_types"]

ACTIVATION_FUNCTIONS: dict[str, Activation] = {
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu": "gelu",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
}
"""Names in config.json, and those of operations."""


def activation_named(name: str) -> Activation:
    """The activation function that a config.json names.

    Raises:
        ConfigError: there is none of this name.
    """
    if name not in ACTIVATION_FUNCTIONS:
        known = ", ".join(ACTIVATION_FUNCTIONS)
        raise ConfigError(f"activation_function: expected one of {known}, got {name!r:.50}")
    return ACTIVATION_FUNCTIONS[name]


def check_types(config: Any) -> None:
    """Holds each field of a dataclass to its annotation; numbers of other libraries become Python's.

    Raises:
        ConfigError: a value of another type.
    """
    hints = get_type_hints(type(config))
    for field in fields(config):
        value = getattr(config, field.name)
        object.__setattr__(config, field.name, _checked(field.name, value, hints[field.name]))


def check_range(key: str, value: float | None, smallest: float, largest: float) -> None:
    """Raises ConfigError for a number that is not within bounds."""
    if value is not None and not smallest <= value <= largest:
        raise ConfigError(f"{key}: expected {smallest} to {largest}, got {value}")


def _checked(key: str, value: Any, hint: Any) -> Any:
    allowed = get_args(hint) or (hint,)
    if type(value) in allowed:
        return value
    if not isinstance(value, bool) and isinstance(value, Integral) and {int, float} & set(allowed):
        return int(value)
    if isinstance(value, Real) and not isinstance(value, Integral) and float in allowed:
        return float(value)
    names = " or ".join("null" if kind is type(None) else kind.__name__ for kind in allowed)
    raise ConfigError(f"{key}: expected {names}, got {value!r:.50}")
