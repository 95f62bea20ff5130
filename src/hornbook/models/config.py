"""What the configurations of all families check: types, ranges, names of activation functions."""

from collections.abc import Mapping
from dataclasses import fields
from numbers import Integral, Real
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from hornbook.backend import Activation
from hornbook.errors import ConfigError

__all__ = ["activation_named", "check_range", "check_types", "known_values", "possible_token_id"]

ACTIVATION_FUNCTIONS: dict[str, Activation] = {
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "gelu": "gelu",
    "gelu_python": "gelu",
    "quick_gelu": "quick_gelu",
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


def known_values(config_class: Any, values: Mapping[str, Any], aliases: Mapping[str, str]) -> dict[str, Any]:
    """What a config.json says of the fields of a dataclass; others are left out.

    Args:
        config_class: the dataclass.
        values: the content of a config.json.
        aliases: other names of fields; they hold where the field's own name is missing.
    """
    renamed = {field: values[alias] for alias, field in aliases.items() if alias in values}
    known = {field.name for field in fields(config_class)}
    return renamed | {key: value for key, value in values.items() if key in known}


def possible_token_id(values: Mapping[str, Any], key: str) -> Any:
    """A special token of a config.json, which may be a list; ids that no text can have are no tokens.

    Files written for a smaller vocabulary often keep the ids of the larger one.
    """
    given, vocab_size = values.get(key), values.get("vocab_size")
    listed = given if isinstance(given, list) else [given]
    possible = tuple(i for i in listed if not _is_outside(i, vocab_size))
    return possible if len(possible) > 1 else next(iter(possible), None)


def _is_outside(token_id: Any, vocab_size: Any) -> bool:
    are_numbers = isinstance(token_id, Integral) and isinstance(vocab_size, Integral)
    return are_numbers and not 0 <= token_id < vocab_size


def _checked(key: str, value: Any, hint: Any) -> Any:
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    allowed = tuple(get_origin(kind) or kind for kind in kinds)
    if type(value) in allowed:
        return value
    if not isinstance(value, bool) and isinstance(value, Integral) and {int, float} & set(allowed):
        return int(value)
    if isinstance(value, Real) and not isinstance(value, Integral) and float in allowed:
        return float(value)
    names = " or ".join("null" if kind is type(None) else kind.__name__ for kind in allowed)
    raise ConfigError(f"{key}: expected {names}, got {value!r:.50}")
