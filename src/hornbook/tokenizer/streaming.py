"""Ids to text as they come, never half a character."""

import codecs
from collections.abc import Callable

__all__ = ["DecodeStream"]


class DecodeStream:
    """Decodes ids one by one; all pieces joined are what `decode` gives for all ids.

    A token may hold only part of a character's bytes: these wait for the rest. Bytes that can become no
    character give U+FFFD.

    Args:
        token_bytes: the bytes of an id.

    Example:
        >>> stream = DecodeStream({0: b"caf", 1: "é".encode()[:1], 2: "é".encode()[1:]}.__getitem__)
        >>> stream.push(0), stream.push(1), stream.push(2), stream.finish()
        ('caf', '', 'é', '')
    """

    def __init__(self, token_bytes: Callable[[int], bytes]) -> None:
        self._token_bytes = token_bytes
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, token_id: int) -> str:
        """The text that one more id completes; it may be empty."""
        return self._decoder.decode(self._token_bytes(token_id))

    def finish(self) -> str:
        """What is left when no more ids come: U+FFFD for a character that was never completed."""
        return self._decoder.decode(b"", final=True)
