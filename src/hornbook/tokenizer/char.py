"""The simplest tokenizer there is: one character, one id. Real ones (see `bpe`) need fewer ids for a text."""

from collections.abc import Iterable
from typing import SupportsIndex

from hornbook.errors import TokenizerError
from hornbook.tokenizer.checking import checked_ids, checked_text, well_formed
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

    def encode(self, text: str, add_special_tokens: bool = False) -> list[int]:
        """Turns each character into its code point, and at the end, if asked, appends the end of text.

        Raises:
            TypeError: `text` is not a str.
        """
        characters = well_formed(checked_text("encode", text))
        ids = [min(ord(character), self.unk_token_id) for character in characters]
        return [*ids, self.unk_token_id + 1] if add_special_tokens else ids

    def decode(self, ids: Iterable[SupportsIndex]) -> str:
        """Turns ids into text; unknown and end of text leave nothing behind.

        Raises:
            TypeError: `ids` are not integers.
            TokenizerError: an id is out of range.
        """
        known = checked_ids("decode", ids, self.vocab_size)
        return b"".join(map(self.token_bytes, known)).decode("utf-8", errors="replace")

    def decode_stream(self) -> DecodeStream:
        """Decodes ids as they come; see `decode`."""
        return DecodeStream(lambda token_id, _: self.token_bytes(token_id))

    def token_bytes(self, token_id: int) -> bytes:
        """The UTF-8 bytes of one character; none for unknown and end of text.

        Raises:
            TokenizerError: the id is out of range.
        """
        (code,) = checked_ids("token_bytes", [token_id], self.vocab_size)
        return b"" if code >= self.unk_token_id else chr(code).encode("utf-8", errors="surrogatepass")
