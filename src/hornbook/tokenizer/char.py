"""The simplest tokenizer: one character, one id. Real ones (see `bpe`) need fewer ids for a text."""

from collections.abc import Iterable
from typing import SupportsIndex

import numpy as np

from hornbook.errors import TokenizerError
from hornbook.tokenizer.checking import checked_ids, checked_text, checked_texts, well_formed
from hornbook.tokenizer.encoded_batch import EncodedBatch, Layout, Overflow, fit
from hornbook.tokenizer.spans import Span
from hornbook.tokenizer.steps.added_tokens import Specials
from hornbook.tokenizer.streaming import DecodeStream

__all__ = ["CharTokenizer"]

ALL_OF_UNICODE = 0x110000


class CharTokenizer:
    """Ids are Unicode code points; two more ids follow them: unknown, and end of text.

    Args:
        limit: Characters from this code point on are unknown; 128 keeps ASCII.

    Raises:
        TokenizerError: `limit` is outside of 1 to 0x110000.

    Example:
        >>> CharTokenizer(limit=128).encode("Hi!", True)
        [72, 105, 33, 129]
    """

    bos_token_id: int | None = None

    def __init__(self, limit: int = ALL_OF_UNICODE) -> None:
        if not 1 <= limit <= ALL_OF_UNICODE:
            raise TokenizerError(f"CharTokenizer: limit must be from 1 to {ALL_OF_UNICODE}, got {limit}")
        self.unk_token_id = limit
        self.eos_token_id: int | None = limit + 1
        self.vocab_size = limit + 2

    def __repr__(self) -> str:
        return (
            f"CharTokenizer(characters, vocab_size={self.vocab_size}, "
            f"unk_token_id={self.unk_token_id}, eos_token_id={self.eos_token_id})"
        )

    def encode(
        self, text: str, add_special_tokens: bool = False, *, allowed_special: Specials = ()
    ) -> list[int]:
        """Turns each character into its code point, and appends the end of text if asked to.

        Args:
            text: Any text.
            add_special_tokens: Whether the end of text follows it.
            allowed_special: Of no effect: no text spells a special token.

        Raises:
            TypeError: `text` is not a str.
        """
        del allowed_special
        characters = well_formed(checked_text("encode", text))
        ids = [min(ord(character), self.unk_token_id) for character in characters]
        return [*ids, self.unk_token_id + 1] if add_special_tokens else ids

    def encode_batch(
        self,
        texts: Iterable[str],
        *,
        add_special_tokens: bool = False,
        max_length: int | None = None,
        on_overflow: Overflow = "error",
    ) -> EncodedBatch:
        """Turns many texts into ids, packed into arrays.

        Args:
            texts: Any texts, in a list or an array.
            add_special_tokens: Whether each text is followed by the end of text.
            max_length: The most ids of a sequence, the end of text included; None for no limit.
            on_overflow: Whether a longer text is an error, is truncated, or is divided into chunks.

        Raises:
            TypeError: A text is not a str, or `texts` is one.
            TokenizerError: `max_length` leaves no room for a character.
            ContextLengthError: A text is too long, and `on_overflow` is "error".
        """
        known = list(map(well_formed, checked_texts("encode_batch", texts)))
        codes = np.frombuffer("".join(known).encode("utf-32-le"), "<u4")
        ids = np.minimum(codes, self.unk_token_id).astype(np.int32)
        offsets = np.cumsum([0, *map(len, known)], dtype=np.int32)
        layout: Layout = (None, (self.unk_token_id + 1,)) if add_special_tokens else (None,)
        return fit(ids, offsets, max_length, on_overflow, layout=layout)

    def encode_with_spans(self, text: str) -> list[Span]:
        """Each character's id, its position, and the position after it.

        Raises:
            TypeError: `text` is not a str.
        """
        return [(token_id, i, i + 1) for i, token_id in enumerate(self.encode(text))]

    def decode(self, ids: Iterable[SupportsIndex], *, skip_special_tokens: bool = False) -> str:
        """Turns ids into text; unknown and end of text stand for no text, skipped or not.

        Raises:
            TypeError: `ids` are not integers.
            TokenizerError: An id is out of range.
        """
        del skip_special_tokens
        known = checked_ids("decode", ids, self.vocab_size)
        return b"".join(map(self.token_bytes, known)).decode("utf-8", errors="replace")

    def decode_stream(self, *, skip_special_tokens: bool = False) -> DecodeStream:
        """Decodes ids as they come; see `decode`."""
        del skip_special_tokens
        return DecodeStream(lambda token_id, _: self.token_bytes(token_id))

    def token_bytes(self, token_id: int) -> bytes:
        """The UTF-8 bytes of one character; none for unknown and end of text.

        Raises:
            TokenizerError: The id is out of range.
        """
        (code,) = checked_ids("token_bytes", [token_id], self.vocab_size)
        return b"" if code >= self.unk_token_id else chr(code).encode("utf-8", errors="surrogatepass")
