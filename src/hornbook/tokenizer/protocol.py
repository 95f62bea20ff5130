"""What the rest of the package needs of a tokenizer, whatever its kind."""

from collections.abc import Iterable
from typing import Protocol, SupportsIndex

from hornbook.tokenizer.encoded_batch import EncodedBatch, Overflow
from hornbook.tokenizer.spans import Span
from hornbook.tokenizer.steps.added_tokens import Specials
from hornbook.tokenizer.streaming import DecodeStream

__all__ = ["AnyTokenizer"]


class AnyTokenizer(Protocol):
    """Turns text into ids and ids into text.

    `decode(encode(text)) == text` for a tokenizer that normalizes nothing and knows every character.
    """

    @property
    def vocab_size(self) -> int:
        """Number of ids: they run from 0 to `vocab_size - 1`."""

    @property
    def bos_token_id(self) -> int | None:
        """The id that begins a document; None if no token does."""

    @property
    def eos_token_id(self) -> int | None:
        """The id that ends a document; None if no token does."""

    def encode(
        self, text: str, *, add_special_tokens: bool = ..., allowed_special: Specials = ()
    ) -> list[int]:
        """Turns text into ids; see `Tokenizer.encode`."""

    def encode_batch(
        self,
        texts: Iterable[str],
        *,
        add_special_tokens: bool = ...,
        max_length: int | None = None,
        on_overflow: Overflow = "error",
    ) -> EncodedBatch:
        """Turns many texts into ids, packed into arrays; see `Tokenizer.encode_batch`."""

    def encode_with_spans(self, text: str) -> list[Span]:
        """Turns text into ids, each with its position; see `Tokenizer.encode_with_spans`."""

    def decode(self, ids: Iterable[SupportsIndex], *, skip_special_tokens: bool = False) -> str:
        """Turns ids into text; bytes that are not UTF-8 become U+FFFD."""

    def decode_stream(self, *, skip_special_tokens: bool = False) -> DecodeStream:
        """Decodes ids as they come."""

    def token_bytes(self, token_id: int) -> bytes:
        """The UTF-8 bytes that one id stands for; they may be only a part of a character."""
