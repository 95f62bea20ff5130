"""What the rest of the package asks of a tokenizer, whatever its kind."""

from collections.abc import Iterable
from typing import Protocol, SupportsIndex

from hornbook.tokenizer.streaming import DecodeStream

__all__ = ["AnyTokenizer"]


class AnyTokenizer(Protocol):
    """Turns text into ids and ids into text.

    `decode(encode(text)) == text` for a tokenizer that normalises nothing and knows every character.
    """

    @property
    def vocab_size(self) -> int:
        """Number of ids: they run from 0 to `vocab_size - 1`."""

    @property
    def bos_token_id(self) -> int | None:
        """The id that begins a document, if there is one."""

    @property
    def eos_token_id(self) -> int | None:
        """The id that ends a document, if there is one."""

    def encode(self, text: str) -> list[int]:
        """Turns text into ids."""

    def decode(self, ids: Iterable[SupportsIndex]) -> str:
        """Turns ids into text; bytes that are not UTF-8 become U+FFFD."""

    def decode_stream(self) -> DecodeStream:
        """Decodes ids as they come."""

    def token_bytes(self, token_id: int) -> bytes:
        """The UTF-8 bytes that one id stands for; it may be only a part of a character."""
