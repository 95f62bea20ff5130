"""Ids to text as they come, whole characters only."""

import codecs
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

__all__ = ["ChainStream", "DecodeStream", "TextRun"]


class DecodeStream:
    """Decodes ids one by one; all pieces joined are what `decode` gives for all ids.

    A token may hold only part of a character's bytes: these wait for the rest. Bytes that cannot become a
    character give U+FFFD.

    Args:
        piece: Gives the bytes of an id; the flag says whether it is the first.
        left_out: Ids that stand for no text.

    Example:
        >>> pieces = [b"caf", "é".encode()[:1], "é".encode()[1:]]
        >>> stream = DecodeStream(lambda token_id, first: pieces[token_id])
        >>> stream.push(0), stream.push(1), stream.push(2), stream.finish()
        ('caf', '', 'é', '')
    """

    def __init__(self, piece: Callable[[int, bool], bytes], left_out: Collection[int] = ()) -> None:
        self._piece = piece
        self._left_out = left_out
        self._is_first = True
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token_id: int) -> str:
        """The text that one more id completes; it may be empty."""
        if token_id in self._left_out:
            return ""
        piece = self._piece(token_id, self._is_first)
        self._is_first = False
        return self._decoder.decode(piece)

    def finish(self) -> str:
        """The text that is left when no more ids come: U+FFFD for a character that was never completed."""
        return self._decoder.decode(b"", final=True)


class TextRun(Protocol):
    """Decodes tokens one by one."""

    def push(self, token: str) -> str:
        """The text that one more token completes; it may be empty."""

    def finish(self) -> str:
        """The text that is left when no more tokens come."""


class ChainStream(DecodeStream):
    """Decodes ids one by one, by what decodes their tokens.

    Args:
        spellings: Ids to tokens; other ids stand for no text.
        run: Decodes the tokens.
        left_out: Ids that stand for no text.
    """

    def __init__(self, spellings: Mapping[int, str], run: TextRun, left_out: Collection[int] = ()) -> None:
        self._spellings = spellings
        self._run = run
        self._left_out = left_out

    def push(self, token_id: int) -> str:
        """See `DecodeStream.push`."""
        token = None if token_id in self._left_out else self._spellings.get(token_id)
        return "" if token is None else self._run.push(token)

    def finish(self) -> str:
        """See `DecodeStream.finish`."""
        return self._run.finish()
