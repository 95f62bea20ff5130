"""Normalization of one character at a time."""

from collections.abc import Callable

from hornbook.tokenizer.steps.aligned_text import AlignedText

__all__ = ["CharacterMap"]


class CharacterMap(dict[int, str]):
    """Replaces every character with the result of a function: nothing, another one, or several.

    Args:
        replace: gives the replacement of a character; called once for each distinct character.
    """

    def __init__(self, replace: Callable[[str], str]) -> None:
        super().__init__()
        self._replace = replace

    def __missing__(self, code: int) -> str:
        self[code] = replacement = self._replace(chr(code))
        return replacement

    def __call__(self, aligned: AlignedText) -> AlignedText:
        """The text with all characters replaced."""
        text = aligned.text
        origins = (index for index, character in enumerate(text) for _ in self[ord(character)])
        return aligned.rewritten(text.translate(self), origins)
