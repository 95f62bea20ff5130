"""The tokenizer of GPT-2: byte-level byte pair encoding, which takes any text and gives it back exactly.

Text is cut into words (`patterns`), each word becomes bytes, one token a byte (`byte_level`), and
neighbouring tokens are merged by rank (`merging`).

Source: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), section 2.2.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import Literal, Self, SupportsIndex

from hornbook.errors import TokenizerError
from hornbook.files import write_whole
from hornbook.tokenizer.byte_level import BYTE_TO_CHARACTER
from hornbook.tokenizer.checking import brief, checked_ids, checked_text
from hornbook.tokenizer.merging import MergeTable, merge
from hornbook.tokenizer.patterns import split_words
from hornbook.tokenizer.tokenizer_json import read_tokenizer_json
from hornbook.tokenizer.vocabulary import Vocabulary, build_vocabulary, read_vocabulary
from hornbook.tokenizer.words import WordCache

__all__ = ["BPETokenizer", "SpecialText"]

END_OF_TEXT = "<|endoftext|>"

SpecialText = Literal["text", "parse", "refuse"]
"""What the spelling of a special token in a text is taken for: ordinary text, that token, or an error."""

Section = tuple[int | None, int, int]
Span = tuple[int, int, int]


class BPETokenizer:
    """Byte-level byte pair encoding; made by `from_files` or `from_file`.

    Args:
        vocabulary: Checked tokens, merges and settings.
        bos_token_id: The id that begins a document; by default that of <|endoftext|>, if there is one.
        eos_token_id: The id that ends a document; likewise.

    Raises:
        TokenizerError: `bos_token_id` or `eos_token_id` is out of range.

    Example:
        >>> tokenizer = BPETokenizer.from_files("vocab.json", "merges.txt")
        >>> tokenizer.encode("The quick brown fox")
        [464, 2068, 7586, 21831]
    """

    def __init__(
        self, vocabulary: Vocabulary, *, bos_token_id: int | None = None, eos_token_id: int | None = None
    ) -> None:
        self._vocabulary = vocabulary
        self._pieces = vocabulary.pieces
        self._special = dict(vocabulary.special)
        self._bos_token_id = self._token_id("bos_token_id", bos_token_id)
        self._eos_token_id = self._token_id("eos_token_id", eos_token_id)
        tokens = vocabulary.tokens
        self._byte_ids = [tokens[character] for character in BYTE_TO_CHARACTER]
        self._table = MergeTable(
            {(tokens[left], tokens[right]): tokens[left + right] for left, right in vocabulary.merges}
        )
        self._words = WordCache(self._encode_word)
        self._added_pattern = _any_of(vocabulary.added)
        self._every_pattern = _any_of({**vocabulary.added, **vocabulary.special})

    @classmethod
    def from_files(
        cls,
        vocab: str | PathLike[str],
        merges: str | PathLike[str],
        *,
        bos_token_id: int | None = None,
        eos_token_id: int | None = None,
    ) -> Self:
        """Reads vocab.json and merges.txt, the files that GPT-2 was published with.

        Tokens that are neither a byte nor made by a merge are taken for special ones.

        Raises:
            TokenizerError: a file is damaged, or the two do not belong together.
            OSError: a file cannot be read.
        """
        vocabulary = read_vocabulary(Path(vocab), Path(merges))
        return cls(vocabulary, bos_token_id=bos_token_id, eos_token_id=eos_token_id)

    @classmethod
    def from_file(
        cls, path: str | PathLike[str], *, bos_token_id: int | None = None, eos_token_id: int | None = None
    ) -> Self:
        """Reads a tokenizer.json whose model is a byte-level BPE.

        Raises:
            TokenizerError: the file is damaged, or describes another kind of tokenizer.
            OSError: the file cannot be read.
        """
        vocabulary = read_tokenizer_json(Path(path))
        return cls(vocabulary, bos_token_id=bos_token_id, eos_token_id=eos_token_id)

    def save_files(self, folder: str | PathLike[str]) -> None:
        """Writes vocab.json and merges.txt, from which `from_files` makes an equal tokenizer.

        Raises:
            TokenizerError: the tokenizer has settings that these files cannot hold.
            OSError: a file cannot be written; what stood there before is kept.
        """
        ours = self._vocabulary
        if ours != build_vocabulary(ours.tokens, ours.merges, "save_files"):
            raise TokenizerError(
                "save_files: vocab.json and merges.txt cannot hold this tokenizer's added tokens or "
                "pre-tokenizer settings; keep its tokenizer.json"
            )
        vocab = json.dumps(dict(ours.tokens), ensure_ascii=False, separators=(",", ":"))
        merges = "".join(f"{left} {right}\n" for left, right in ours.merges)
        for name, text in (("vocab.json", vocab), ("merges.txt", f"#version: 0.2\n{merges}")):
            with write_whole(Path(folder) / name) as stream:
                stream.write(text.encode("utf-8"))

    def __len__(self) -> int:
        return len(self._pieces)

    @property
    def vocab_size(self) -> int:
        """Number of tokens, special ones included; ids run from 0 to `vocab_size - 1`."""
        return len(self._pieces)

    @property
    def bos_token_id(self) -> int | None:
        """The id that begins a document, if there is one."""
        return self._bos_token_id

    @property
    def eos_token_id(self) -> int | None:
        """The id that ends a document, if there is one."""
        return self._eos_token_id

    @property
    def special_tokens(self) -> dict[str, int]:
        """Special tokens, such as <|endoftext|>, and their ids."""
        return dict(self._special)

    def encode(self, text: str, *, special: SpecialText = "text") -> list[int]:
        """Turns text into ids.

        Args:
            text: Any text.
            special: What "<|endoftext|>" and its like in `text` are: "text" takes them for ordinary text, so
                that no text can end a document; "parse" for the special tokens; "refuse" for an error.

        Returns:
            The ids; none for an empty text.

        Raises:
            TypeError: `text` is not a str.
            TokenizerError: `text` has a lone surrogate, or a special token that is to be refused.
        """
        ids: list[int] = []
        for token_id, start, stop in self._sections("encode", text, special):
            if token_id is None:
                ids.extend(self._encode_ordinary(self._with_prefix(text[start:stop])))
            else:
                ids.append(token_id)
        return ids

    def encode_with_spans(self, text: str, *, special: SpecialText = "text") -> list[Span]:
        """Turns text into ids and says where each comes from.

        A token may hold only some bytes of a character; its span is then that whole character.

        Returns:
            Tuples `(id, start, stop)` with the token found in `text[start:stop]`; start equals stop for a
            token that is only the prefix space.

        Raises:
            TypeError: `text` is not a str.
            TokenizerError: as `encode` does.
        """
        spans: list[Span] = []
        for token_id, start, stop in self._sections("encode_with_spans", text, special):
            if token_id is None:
                spans.extend(self._ordinary_spans(text[start:stop], start))
            else:
                spans.append((token_id, start, stop))
        return spans

    def decode(self, ids: Iterable[SupportsIndex], *, skip_special_tokens: bool = False) -> str:
        """Turns ids into text; bytes that are not UTF-8 become U+FFFD.

        Args:
            ids: Any sequence of integers, or an integer array of shape [T].
            skip_special_tokens: Leaves special tokens out instead of spelling them.

        Raises:
            TypeError: `ids` are not integers.
            TokenizerError: an id is out of range.
        """
        known = checked_ids("decode", ids, len(self))
        if skip_special_tokens:
            left_out = set(self._special.values())
            known = [token_id for token_id in known if token_id not in left_out]
        return self._joined(known).decode("utf-8", errors="replace")

    def decode_bytes(self, ids: Iterable[SupportsIndex]) -> bytes:
        """Turns ids into the exact bytes they stand for.

        Raises:
            TypeError: `ids` are not integers.
            TokenizerError: an id is out of range.
        """
        return self._joined(checked_ids("decode_bytes", ids, len(self)))

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes that one id stands for; they may be a part of a character.

        Raises:
            TypeError: `token_id` is not an integer.
            TokenizerError: the id is out of range.
        """
        return self._joined(checked_ids("token_bytes", [token_id], len(self)))

    def _token_id(self, name: str, given: int | None) -> int | None:
        if given is None:
            return self._special.get(END_OF_TEXT)
        return checked_ids(name, [given], len(self))[0]

    def _sections(self, operation: str, text: str, special: SpecialText) -> Iterator[Section]:
        """Yields id, start and stop of each added token in the text, and id None for what lies between."""
        if special not in ("text", "parse", "refuse"):
            raise TokenizerError(
                f"{operation}: special must be 'text', 'parse' or 'refuse', got {brief(special)}"
            )
        checked_text(operation, text)
        pattern = self._added_pattern if special == "text" else self._every_pattern
        done = 0
        for found in pattern.finditer(text) if pattern else ():
            token, (start, stop) = found.group(), found.span()
            if special == "refuse" and token in self._special:
                raise TokenizerError(
                    f"{operation}: text has the special token {token!r} at position {start}; "
                    "pass special='text' or 'parse' to take it"
                )
            if done < start:
                yield None, done, start
            yield self._vocabulary.tokens[token], start, stop
            done = stop
        if done < len(text):
            yield None, done, len(text)

    def _with_prefix(self, text: str) -> str:
        return f" {text}" if self._vocabulary.add_prefix_space and not text.startswith(" ") else text

    def _encode_ordinary(self, text: str) -> list[int]:
        """Encodes text in which no added token is looked for."""
        if not self._vocabulary.split_words:
            return self._words[text]
        return list(chain.from_iterable(map(self._words.__getitem__, split_words(text))))

    def _encode_word(self, word: str) -> list[int]:
        return merge([self._byte_ids[byte] for byte in word.encode("utf-8")], self._table)

    def _ordinary_spans(self, text: str, offset: int) -> Iterator[Span]:
        """Walks through the bytes of the tokens with the character that each byte belongs to."""
        prefixed = self._with_prefix(text)
        first = offset - (len(prefixed) - len(text))
        owners = [place for place, character in enumerate(prefixed, first) for _ in character.encode("utf-8")]
        done = 0
        for token_id in self._encode_ordinary(prefixed):
            stop = done + len(self._pieces[token_id])
            yield token_id, max(owners[done], offset), max(owners[stop - 1] + 1, offset)
            done = stop

    def _joined(self, ids: list[int]) -> bytes:
        return b"".join(map(self._pieces.__getitem__, ids))


def _any_of(tokens: Mapping[str, int]) -> re.Pattern[str] | None:
    """Finds any of the tokens in text, the longest that begins earliest; None if there are no tokens."""
    longest_first = sorted(tokens, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if tokens else None
