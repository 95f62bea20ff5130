"""JSON objects read key by key: what a file asks for is done or named in an error, never passed over."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from hornbook.errors import TokenizerError
from hornbook.tokenizer.checking import brief, well_formed

__all__ = ["REQUIRED", "Settings"]

REQUIRED: Final[Any] = object()
"""Stands for a default where there is none."""


class Settings:
    """An object of a tokenizer file.

    Args:
        value: what the file has there.
        place: the file and the way to the object, for messages.

    Raises:
        TokenizerError: `value` is no object.
    """

    def __init__(self, value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise TokenizerError(f"{place}: expected an object, got {brief(value)}")
        self.place = place
        self._values: Mapping[str, Any] = value
        self._unread = {key for key, entry in value.items() if entry is not None}

    def value(self, key: str, default: Any = None) -> Any:
        """What stands at a key, of any type; `null` counts as nothing."""
        self._unread.discard(key)
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
        """A text without halves of surrogate pairs; it may be empty."""
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

    def integer(self, key: str, default: Any = REQUIRED, *, least: int = 0, most: int | None = None) -> int:
        """An integer from `least` on, to `most` if that is given."""
        value = self.value(key, default)
        if type(value) is not int or value < least or (most is not None and value > most):
            bounds = f"of {least} or more" if most is None else f"from {least} to {most}"
            raise self.error(key, f"must be an integer {bounds}, got {brief(value)}")
        return value

    def choice(self, key: str, choices: Collection[str], default: Any = REQUIRED) -> str:
        """One of several words."""
        value = self.text(key, default)
        if value not in choices:
            raise self.error(key, f"must be one of {', '.join(choices)}; got {brief(value)}")
        return value

    def neutral(self, key: str, *accepted: Any) -> None:
        """Takes a setting that is not supported if it changes nothing: absent, or one of `accepted`."""
        value = self.value(key)
        if value is not None and not any(value == each for each in accepted):
            expected = " or ".join(map(repr, (*accepted, None)))
            raise self.error(key, f"must be {expected}, got {brief(value)}; nothing else is supported")

    def __iter__(self) -> Iterator[str]:
        """All keys of the object."""
        return iter(self._values)

    def items(self, key: str) -> list[Any]:
        """A list of anything; none for `null`."""
        value = self.value(key, [])
        if not isinstance(value, list):
            raise self.error(key, f"expected a list, got {brief(value)}")
        return value

    def objects(self, key: str) -> "list[Settings]":
        """A list of objects; none for `null`."""
        return [
            Settings(item, f"{self.place}: {key}[{number}]") for number, item in enumerate(self.items(key))
        ]

    def object(self, key: str) -> "Settings":
        """An object."""
        self._unread.discard(key)
        return Settings(self._values.get(key), f"{self.place}: {key}")

    def optional(self, key: str) -> "Settings | None":
        """An object, or None for `null`."""
        return None if self.value(key) is None else self.object(key)

    def close(self) -> None:
        """Refuses what nobody has read.

        Raises:
            TokenizerError: there is a setting that is not supported.
        """
        if self._unread:
            key = min(self._unread)
            raise self.error(key, f"is not supported, got {brief(self._values[key])}")

    def error(self, key: str, problem: str) -> TokenizerError:
        """The error about one setting."""
        return TokenizerError(f"{self.place}: {key} {problem}")
