"""Normalisation that looks at one character at a time."""

from collections.abc import Callable

from hornbook.tokenizer.steps.aligned_text import Part

__all__ = ["CharacterMap"]


class CharacterMap(dict[int, str]):
    """Replaces every character by what a function makes of it: nothing, another one, or several.

    Args:
        replace: a character to what takes its place; called once for each different character.
    """

    def __init__(self, replace: Callable[[str], str]) -> None:
        super().__init__()
        self._replace = replace

    def __missing__(self, code: int) -> str:
        self[code] = replacement = self._replace(chr(code))
        return replacement

    def __call__(self, part: Part) -> Part:
        """The part with all characters replaced."""
        text = part.text
        origins = (index for index, character in enumerate(text) for _ in self[ord(character)])
        return part.rewritten(text.translate(self), origins)
