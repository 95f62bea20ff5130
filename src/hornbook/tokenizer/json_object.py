"""JSON objects read key by key, each value checked; unknown keys, as of later versions, are ignored."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from hornbook.errors import TokenizerError
from hornbook.tokenizer.checking import brief, well_formed

__all__ = ["REQUIRED", "JsonObject"]

REQUIRED: Final[Any] = object()
"""The default of a setting that must be given."""


class JsonObject:
    """An object of a tokenizer file.

    Args:
        value: the object.
        path: the file, and the keys that lead to the object, for messages.

    Raises:
        TokenizerError: `value` is not an object.
    """

    def __init__(self, value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise TokenizerError(f"{path}: expected an object, got {brief(value)}")
        self.path = path
        self._values: Mapping[str, Any] = value

    def value(self, key: str, default: Any = None) -> Any:
        """The value of a key, of any type; `null` counts as absent."""
        found = self._values.get(key)
        if found is None and default is REQUIRED:
            raise self.error(key, "is missing")
        return default if found is None else found

    def flag(self, key: str, default: Any = REQUIRED) -> bool:
        """True or false."""
        value = self.value(key, default)
        if not isinstance(value, bool):
            raise self.error(key, f"must be true or false, got {brief(value)}")
        return value

    def text(self, key: str, default: Any = REQUIRED) -> str:
        """A text without lone surrogates; it may be empty."""
        value = self.value(key, default)
        if not isinstance(value, str) or well_formed(value) != value:
            raise self.error(key, f"must be text, got {brief(value)}")
        return value

    def character(self, key: str, default: Any = REQUIRED) -> str:
        """A text of one character."""
        value = self.text(key, default)
        if len(value) != 1:
            raise self.error(key, f"must be one character, got {brief(value)}")
        return value

    def integer(self, key: str, default: Any = REQUIRED, *, least: int = 0) -> int:
        """An integer of at least `least`."""
        value = self.value(key, default)
        if type(value) is not int or value < least:
            raise self.error(key, f"must be an integer of {least} or more, got {brief(value)}")
        return value

    def choice(self, key: str, choices: Collection[str], default: Any = REQUIRED) -> str:
        """One of several words."""
        value = self.text(key, default)
        if value not in choices:
            raise self.error(key, f"must be one of {', '.join(choices)}; got {brief(value)}")
        return value

    def __iter__(self) -> Iterator[str]:
        """All keys of the object."""
        return iter(self._values)

    def items(self, key: str) -> list[Any]:
        """A list of anything; empty for `null`."""
        value = self.value(key, [])
        if not isinstance(value, list | tuple):
            raise self.error(key, f"expected a list, got {brief(value)}")
        return list(value)

    def objects(self, key: str) -> "list[JsonObject]":
        """A list of objects; empty for `null`."""
        return [
            JsonObject(item, f"{self.path}: {key}[{number}]") for number, item in enumerate(self.items(key))
        ]

    def object(self, key: str) -> "JsonObject":
        """An object."""
        return JsonObject(self._values.get(key), f"{self.path}: {key}")

    def optional(self, key: str) -> "JsonObject | None":
        """An object, or None for `null`."""
        return None if self.value(key) is None else self.object(key)

    def error(self, key: str, problem: str) -> TokenizerError:
        """The error about one setting."""
        return TokenizerError(f"{self.path}: {key} {problem}")
