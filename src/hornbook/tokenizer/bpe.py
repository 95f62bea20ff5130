"""The tokenizer of GPT-2: byte-level byte pair encoding, which takes any text and gives it back exactly.

Special tokens are found first (`special`); the text between them becomes ids in `byte_pairs`.

Source: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), section 2.2.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Self, SupportsIndex

import numpy as np

from hornbook.errors import TokenizerError
from hornbook.files import write_whole
from hornbook.tokenizer.batch import EncodedBatch, Ids, Overflow, fit
from hornbook.tokenizer.byte_level import BYTE_TO_CHARACTER
from hornbook.tokenizer.byte_pairs import byte_pairs
from hornbook.tokenizer.checking import checked_ids, checked_text, checked_texts, well_formed
from hornbook.tokenizer.special import Section, Specials, SpecialTokens
from hornbook.tokenizer.streaming import DecodeStream
from hornbook.tokenizer.tokenizer_json import read_tokenizer_json
from hornbook.tokenizer.vocabulary import Vocabulary, build_vocabulary, read_vocabulary

__all__ = ["BPETokenizer"]

END_OF_TEXT = "<|endoftext|>"

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
        self._specials = SpecialTokens(vocabulary.special, vocabulary.added)
        tokens = vocabulary.tokens
        self._byte_pairs = byte_pairs(
            [tokens[character] for character in BYTE_TO_CHARACTER],
            [(tokens[left], tokens[right], tokens[left + right]) for left, right in vocabulary.merges],
            len(tokens),
            "gpt2" if vocabulary.split_words else None,
        )

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

    def encode(
        self, text: str, *, allowed_special: Specials = (), disallowed_special: Specials = ()
    ) -> list[int]:
        """Turns text into ids.

        Args:
            text: Any text. Half of a surrogate pair, which stands for no character, becomes U+FFFD.
            allowed_special: The special tokens that are taken for themselves where the text spells them,
                or "all"; others are ordinary text, so that no text can end a document.
            disallowed_special: The special tokens that are an error where the text spells them, or "all".

        Returns:
            The ids; none for an empty text.

        Raises:
            TypeError: `text` is not a str.
            TokenizerError: the text has a special token that is disallowed, or a name is of none.
        """
        texts = [checked_text("encode", text)]
        ids, _ = self._encode_parts("encode", texts, allowed_special, disallowed_special)
        result: list[int] = ids.tolist()
        return result

    def encode_batch(
        self,
        texts: Sequence[str],
        *,
        allowed_special: Specials = (),
        disallowed_special: Specials = (),
        max_length: int | None = None,
        on_overflow: Overflow = "error",
    ) -> EncodedBatch:
        """Turns many texts into ids, on all threads.

        Args:
            texts: Any texts.
            allowed_special: As in `encode`.
            disallowed_special: As in `encode`.
            max_length: The most ids of a sequence; None for no limit.
            on_overflow: Whether a longer text is an error, is truncated, or is cut into chunks.

        Returns:
            Ids and offsets in the packed form that models take, and what each text had and lost.

        Raises:
            TypeError: a text is not a str, or `texts` is one.
            TokenizerError: as `encode` does.
            ContextLengthError: a text is too long, and that is an error.
        """
        known = checked_texts("encode_batch", texts)
        packed = self._encode_parts("encode_batch", known, allowed_special, disallowed_special)
        return fit(*packed, max_length, on_overflow)

    def encode_with_spans(
        self, text: str, *, allowed_special: Specials = (), disallowed_special: Specials = ()
    ) -> list[Span]:
        """Turns text into ids and says where each comes from.

        A token may hold only some bytes of a character; its span is then that whole character.

        Returns:
            Tuples `(id, start, stop)` with the token found in `text[start:stop]`; start equals stop for a
            token that is only the prefix space.

        Raises:
            TypeError: `text` is not a str.
            TokenizerError: as `encode` does.
        """
        operation = "encode_with_spans"
        text = well_formed(checked_text(operation, text))
        sections = self._specials.sections(operation, text, allowed_special, disallowed_special)
        spans: list[Span] = []
        for token_id, start, stop in [(None, 0, len(text))] if sections is None else sections:
            if token_id is None:
                spans.extend(self._ordinary_spans(text[start:stop], start))
            else:
                spans.append((token_id, start, stop))
        return spans

    def decode_stream(self) -> DecodeStream:
        """Decodes ids as they come."""
        return DecodeStream(self.token_bytes)

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

    def _encode_parts(
        self, operation: str, texts: Sequence[str], allowed: Specials, disallowed: Specials
    ) -> tuple[Ids, Ids]:
        """Ids and offsets of all texts. Ordinary text, the usual case, goes in one piece."""
        plain = [self._specials.sections(operation, text, allowed, disallowed) for text in texts]
        if all(sections is None for sections in plain):
            return self._encode_ordinary([self._with_prefix(text) for text in texts])
        rows = [self._encode_sections(*pair) for pair in zip(texts, plain, strict=True)]
        offsets = np.cumsum([0, *map(len, rows)], dtype=np.int32)
        return np.concatenate([*rows, np.empty(0, np.int32)]), offsets

    def _encode_sections(self, text: str, sections: Iterator[Section] | None) -> Ids:
        parts = [(None, 0, len(text))] if sections is None else list(sections)
        ordinary = [self._with_prefix(text[start:stop]) for token, start, stop in parts if token is None]
        ids, offsets = self._encode_ordinary(ordinary)
        between = iter(np.split(ids, offsets[1:-1]))
        rows = [next(between) if token is None else np.array([token], np.int32) for token, *_ in parts]
        return np.concatenate([*rows, np.empty(0, np.int32)])

    def _with_prefix(self, text: str) -> str:
        return f" {text}" if self._vocabulary.add_prefix_space and text and text[0] != " " else text

    def _encode_ordinary(self, texts: Sequence[str]) -> tuple[Ids, Ids]:
        """Encodes texts in which no added token is looked for."""
        try:
            return self._byte_pairs.encode_batch(texts)
        except UnicodeEncodeError:
            return self._byte_pairs.encode_batch(list(map(well_formed, texts)))

    def _ordinary_spans(self, text: str, offset: int) -> Iterator[Span]:
        """Walks through the bytes of the tokens with the character that each byte belongs to."""
        prefixed = self._with_prefix(text)
        first = offset - (len(prefixed) - len(text))
        owners = [place for place, character in enumerate(prefixed, first) for _ in character.encode("utf-8")]
        done = 0
        for token_id in self._byte_pairs.encode(prefixed).tolist():
            stop = done + len(self._pieces[token_id])
            yield token_id, max(owners[done], offset), max(owners[stop - 1] + 1, offset)
            done = stop

    def _joined(self, ids: list[int]) -> bytes:
        return b"".join(map(self._pieces.__getitem__, ids))
