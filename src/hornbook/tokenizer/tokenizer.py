"""From text to ids and back, by the steps that a tokenizer.json describes.

Added tokens are found first (`added`); the text between them is normalised (`normalizers`), cut into words
(`pretokenizers`) and turned into ids by a model: `byte_pairs`, `wordpiece`, `unigram`. Then tokens are put
around it (`templates`). `decoders` go the other way.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, Literal, Self, SupportsIndex, TypeAlias

import numpy as np

from hornbook.errors import TokenizerError
from hornbook.files import read_json, write_whole
from hornbook.tokenizer.checking import brief, checked_ids, checked_text, checked_texts, well_formed
from hornbook.tokenizer.encoded_batch import EncodedBatch, Ids, Overflow, fit
from hornbook.tokenizer.files.model_folder import ROLES, read_folder
from hornbook.tokenizer.files.tokenizer_json import Truncation, build_pipeline
from hornbook.tokenizer.files.vocabulary import MAX_FILE_BYTES
from hornbook.tokenizer.models.word_model import Span
from hornbook.tokenizer.steps.added_tokens import AddedToken, AddedTokens, Specials
from hornbook.tokenizer.steps.aligned_text import Part
from hornbook.tokenizer.steps.pre_tokenizers import in_turn
from hornbook.tokenizer.steps.templates import Around
from hornbook.tokenizer.steps.trimming import trimmed
from hornbook.tokenizer.streaming import DecodeStream

__all__ = ["Tokenizer"]

END_OF_TEXT = "<|endoftext|>"

USUAL: Mapping[str, tuple[str, ...]] = {
    "bos": (END_OF_TEXT, "<s>", "[BOS]"),
    "eos": (END_OF_TEXT, "</s>", "[EOS]"),
    "sep": ("[SEP]",),
    "pad": ("[PAD]", "<pad>"),
    "cls": ("[CLS]",),
    "mask": ("[MASK]", "<mask>"),
}
"""How special tokens are spelled that no file names by their role."""

Run: TypeAlias = AddedToken | tuple[int, int]
"""A token of its own, or some words, from the first to before the last."""


class Tokenizer:
    """Any kind of tokenizer; made by `from_file`, `from_folder`, or one of the makers of a kind.

    Text that is spelled like a special token is ordinary text unless the caller allows more.

    Args:
        document: the content of a tokenizer.json.
        source: its name, for messages.
        roles: special tokens by what they are for (see `ROLES`); the usual spellings for those left out.
        bos_token_id: the id that begins a document, in place of the role's.
        eos_token_id: the id that ends a document, likewise.
        max_length: the most tokens that the model takes; None to go by the document.
        truncation_side: which end of a text is cut off where it is too long.

    Raises:
        TokenizerError: the document is damaged, asks for what is not supported, or lacks a token of a role.

    Example:
        >>> tokenizer = Tokenizer.from_folder("bert-base-uncased")
        >>> tokenizer.encode("Hello, world!")
        [101, 7592, 1010, 2088, 999, 102]
    """

    def __init__(
        self,
        document: Mapping[str, Any],
        *,
        source: str = "tokenizer",
        roles: Mapping[str, str] | None = None,
        bos_token_id: int | None = None,
        eos_token_id: int | None = None,
        max_length: int | None = None,
        truncation_side: Literal["left", "right"] = "right",
    ) -> None:
        self._options: dict[str, Any] = {
            "source": source,
            "roles": roles,
            "bos_token_id": bos_token_id,
            "eos_token_id": eos_token_id,
            "max_length": max_length,
            "truncation_side": truncation_side,
        }
        self._document = document
        self._pipeline = build_pipeline(document, source)
        self._tokens = list(self._pipeline.tokens)
        self._added = AddedTokens(self._pipeline.added, self._pipeline.normalizer)
        self._special = {token.content: token.id for token in self._pipeline.added if token.special}
        self._roles = self._checked_roles(roles or {}, source)
        for role, token_id in (("bos", bos_token_id), ("eos", eos_token_id)):
            if token_id is not None:
                (self._roles[role],) = checked_ids(f"{role}_token_id", [token_id], len(self))
        self._truncation = self._pipeline.truncation
        if max_length is not None:
            stride = 0 if self._truncation is None else self._truncation.stride
            self._truncation = Truncation(max_length, truncation_side, stride)

    @classmethod
    def from_file(cls, path: str | PathLike[str], **options: Any) -> Self:
        """Reads a tokenizer.json; the options are those of the class.

        Raises:
            TokenizerError: the file is damaged, over 50 MB, or asks for what is not supported.
            OSError: the file cannot be read.
        """
        document = read_json(Path(path), max_bytes=MAX_FILE_BYTES, error=TokenizerError)
        return cls(document, source=str(path), **options)

    @classmethod
    def from_folder(cls, folder: str | PathLike[str], **options: Any) -> Self:
        """Reads the tokenizer of a model folder.

        That is tokenizer.json, or vocab.json and merges.txt, or vocab.txt; and what tokenizer_config.json,
        special_tokens_map.json and added_tokens.json say of it.

        Raises:
            TokenizerError: a file is missing, damaged, over 50 MB, or asks for what is not supported.
            OSError: a file cannot be read.
        """
        document, described = read_folder(Path(folder))
        return cls(document, **(described | options))

    def save(self, path: str | PathLike[str]) -> None:
        """Writes a tokenizer.json, from which `from_file` and Hugging Face's tokenizers make an equal one.

        Raises:
            OSError: the file cannot be written; what stood there before is kept.
        """
        with write_whole(Path(path)) as stream:
            stream.write(json.dumps(self._document, ensure_ascii=False, indent=1).encode("utf-8"))

    def config(self) -> dict[str, Any]:
        """What a tokenizer_config.json says beside the tokenizer.json, for transformers."""
        roles = {f"{role}_token": self._tokens[token_id] for role, token_id in self._roles.items()}
        length = {} if self.max_length is None else {"model_max_length": self.max_length}
        return {"tokenizer_class": "PreTrainedTokenizerFast", **roles, **length}

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), self._document, self._options)

    def __len__(self) -> int:
        return len(self._tokens)

    @property
    def vocab_size(self) -> int:
        """Number of tokens, special ones included; ids run from 0 to `vocab_size - 1`."""
        return len(self._tokens)

    @property
    def special_tokens(self) -> dict[str, int]:
        """Special tokens, such as <|endoftext|>, and their ids."""
        return dict(self._special)

    @property
    def max_length(self) -> int | None:
        """The most tokens that files say a text may have; `encode_batch(..., max_length=...)` keeps to it."""
        return None if self._truncation is None else self._truncation.max_length

    @property
    def bos_token_id(self) -> int | None:
        """The id that begins a document, if there is one."""
        return self._roles.get("bos")

    @property
    def eos_token_id(self) -> int | None:
        """The id that ends a document, if there is one."""
        return self._roles.get("eos")

    def token_id(self, role: str) -> int | None:
        """The id of the token with a role (see `ROLES`), if there is one.

        Raises:
            TokenizerError: there is no such role.
        """
        if role not in ROLES:
            raise TokenizerError(f"token_id: role must be one of {', '.join(ROLES)}; got {brief(role)}")
        return self._roles.get(role)

    def encode(
        self,
        text: str,
        *,
        add_special_tokens: bool = True,
        allowed_special: Specials = (),
        disallowed_special: Specials = (),
    ) -> list[int]:
        """Turns text into ids.

        Args:
            text: Any text. Half of a surrogate pair, which stands for no character, becomes U+FFFD.
            add_special_tokens: Whether tokens such as [CLS] and [SEP] are put around it, if the tokenizer has
                any for that; GPT-2's has none.
            allowed_special: The special tokens that are taken for themselves where the text spells them,
                or "all"; others are ordinary text, so that no text can end a document.
            disallowed_special: The special tokens that are an error where the text spells them, or "all".

        Returns:
            The ids; for an empty text those that are put around it.

        Raises:
            TypeError: `text` is not a str.
            TokenizerError: the text has a special token that is disallowed, or a name is of none.
        """
        texts = [checked_text("encode", text)]
        ids, _ = self._encode_texts("encode", texts, allowed_special, disallowed_special)
        content: list[int] = ids.tolist()
        before, behind = self._around(add_special_tokens)
        return [*before, *content, *behind]

    def encode_pair(
        self,
        first: str,
        second: str,
        *,
        add_special_tokens: bool = True,
        allowed_special: Specials = (),
        disallowed_special: Specials = (),
    ) -> tuple[list[int], list[int]]:
        """Turns two texts into one sequence, as models that compare them take it.

        Args:
            first: Any text.
            second: Any text.
            add_special_tokens: Whether tokens are put around and between them.
            allowed_special: As in `encode`.
            disallowed_special: As in `encode`.

        Returns:
            The ids, and for each the type of what it belongs to, 0 or 1.

        Raises:
            TypeError: a text is not a str.
            TokenizerError: as `encode` does.
        """
        texts = [checked_text("encode_pair", text) for text in (first, second)]
        packed, offsets = self._encode_texts("encode_pair", texts, allowed_special, disallowed_special)
        a, b = np.split(packed, offsets[1:-1])
        content: dict[str, list[int]] = {"A": a.tolist(), "B": b.tolist()}
        around: Around = self._pipeline.template.pair if add_special_tokens else (("A", 0), ("B", 1))
        ids: list[int] = []
        types: list[int] = []
        for item, type_id in around:
            found = content[item] if isinstance(item, str) else item
            ids += found
            types += [type_id] * len(found)
        return ids, types

    def encode_batch(
        self,
        texts: Sequence[str],
        *,
        add_special_tokens: bool = True,
        allowed_special: Specials = (),
        disallowed_special: Specials = (),
        max_length: int | None = None,
        on_overflow: Overflow = "error",
        stride: int | None = None,
    ) -> EncodedBatch:
        """Turns many texts into ids, on all threads where the tokenizer is byte-level.

        Args:
            texts: Any texts.
            add_special_tokens: As in `encode`.
            allowed_special: As in `encode`.
            disallowed_special: As in `encode`.
            max_length: The most ids of a sequence, those around the text included; None for no limit.
            on_overflow: Whether a longer text is an error, is truncated, or is cut into chunks.
            stride: How many ids of a text the next chunk has again; None for what the file says, else 0.

        Returns:
            Ids and offsets in the packed form that models take, and what each text had and lost.

        Raises:
            TypeError: a text is not a str, or `texts` is one.
            TokenizerError: as `encode` does, or a length leaves no room.
            ContextLengthError: a text is too long, and that is an error.
        """
        known = checked_texts("encode_batch", texts)
        ids, offsets = self._encode_texts("encode_batch", known, allowed_special, disallowed_special)
        before, behind = self._around(add_special_tokens)
        truncation = self._truncation or Truncation(0)
        return fit(
            ids,
            offsets,
            max_length,
            on_overflow,
            before=before,
            behind=behind,
            keep_end=truncation.direction == "left",
            stride=truncation.stride if stride is None else stride,
        )

    def encode_with_spans(
        self,
        text: str,
        *,
        add_special_tokens: bool = True,
        allowed_special: Specials = (),
        disallowed_special: Specials = (),
    ) -> list[Span]:
        """Turns text into ids and says where each comes from.

        A token may hold only some bytes of a character; its span is then that whole character. Where a
        normalizer made one character of several, the span is the first one's.

        Returns:
            Tuples `(id, start, stop)` with the token found in `text[start:stop]`; start equals stop for a
            token that is in no text.

        Raises:
            TypeError: `text` is not a str.
            TokenizerError: as `encode` does.
        """
        operation = "encode_with_spans"
        text = well_formed(checked_text(operation, text))
        wanted = self._added.check(operation, text, allowed_special, disallowed_special)
        spans: list[Span] = []
        for piece in self._added.split(Part(text, range(len(text))), wanted):
            if isinstance(piece, Part):
                for word in in_turn(self._pipeline.pre_tokenizers, piece):
                    spans += [_placed(word, *span) for span in self._pipeline.model.spans(word.text)]
            else:
                token, found = piece
                spans.append(_placed(found, token.id, 0, len(found.text)))
        template = self._pipeline.template
        if template.trims:
            spans = trimmed(spans, self._tokens, keeps_prefix=template.keeps_prefix)
        before, behind = self._around(add_special_tokens)
        return [*((each, 0, 0) for each in before), *spans, *((each, 0, 0) for each in behind)]

    def decode_stream(self, *, skip_special_tokens: bool = False) -> DecodeStream:
        """Decodes ids as they come; see `decode`."""
        left_out = set(self._special.values()) if skip_special_tokens else set()
        return DecodeStream(self._piece, left_out)

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
        """The bytes that one id stands for inside of a text; they may be a part of a character.

        Raises:
            TypeError: `token_id` is not an integer.
            TokenizerError: the id is out of range.
        """
        (known,) = checked_ids("token_bytes", [token_id], len(self))
        return self._pieces[known]

    def _checked_roles(self, given: Mapping[str, str], source: str) -> dict[str, int]:
        tokens, roles = self._pipeline.tokens, dict(given)
        for role, token in roles.items():
            if token not in tokens:
                raise TokenizerError(f"{source}: {role}_token {brief(token)} is not in the vocabulary")
        for role, spellings in USUAL.items():
            found = next((each for each in spellings if each in self._special), None)
            if found is not None:
                roles.setdefault(role, found)
        for role, known in (("unk", self._pipeline.unknown), ("pad", self._pipeline.pad_token)):
            if known is not None:
                roles.setdefault(role, known)
        return {role: tokens[token] for role, token in roles.items()}

    def _around(self, wanted: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The ids before and behind a text."""
        return self._pipeline.template.sides() if wanted else ((), ())

    def _encode_texts(
        self, operation: str, texts: Sequence[str], allowed: Specials, disallowed: Specials
    ) -> tuple[Ids, Ids]:
        """Ids and offsets of all texts. Ordinary text of a byte-level tokenizer goes in one piece."""
        wanted = [self._added.check(operation, text, allowed, disallowed) for text in texts]
        if not self._pipeline.pre_tokenizers and all(map(self._added.finds_nothing, wanted)):
            try:
                return self._pipeline.model.encode_batch(texts)
            except UnicodeEncodeError:
                return self._pipeline.model.encode_batch(list(map(well_formed, texts)))
        words: list[str] = []
        runs = [self._runs(*pair, words) for pair in zip(map(well_formed, texts), wanted, strict=True)]
        ids, ends = self._pipeline.model.encode_batch(words)
        rows = [_joined_runs(each, ids, ends) for each in runs]
        offsets = np.cumsum([0, *map(len, rows)], dtype=np.int32)
        return np.concatenate([*rows, np.empty(0, np.int32)]), offsets

    def _runs(self, text: str, wanted: frozenset[str], words: list[str]) -> list[Run]:
        """Takes a text apart; its words are appended to those there are."""
        runs: list[Run] = []
        for piece in self._added.split(Part(text), wanted):
            if isinstance(piece, Part):
                first = len(words)
                words += [word.text for word in in_turn(self._pipeline.pre_tokenizers, piece)]
                runs.append((first, len(words)))
            else:
                runs.append(piece[0])
        return runs

    @cached_property
    def _pieces(self) -> Sequence[bytes]:
        """The bytes of each token, where it is not the first of a text."""
        pipeline = self._pipeline
        if pipeline.pieces is not None:
            return pipeline.pieces
        return [pipeline.decoder(token, False) for token in self._tokens]

    def _piece(self, token_id: int, first: bool) -> bytes:
        if first and self._pipeline.pieces is None:
            return self._pipeline.decoder(self._tokens[token_id], True)
        return self._pieces[token_id]

    def _joined(self, ids: list[int]) -> bytes:
        if not ids:
            return b""
        return self._piece(ids[0], True) + b"".join(map(self._pieces.__getitem__, ids[1:]))


def _rebuilt(kind: type[Tokenizer], document: Mapping[str, Any], options: dict[str, Any]) -> Tokenizer:
    return kind(document, **options)


def _placed(word: Part, token_id: int, start: int, stop: int) -> Span:
    """Where a token of a word stands in the source."""
    places = word.places or ()
    return token_id, max(places[start], 0), places[stop - 1] + 1


def _joined_runs(runs: Sequence[Run], ids: Ids, ends: Ids) -> Ids:
    rows = [
        np.array([run.id], np.int32) if isinstance(run, AddedToken) else ids[ends[run[0]] : ends[run[1]]]
        for run in runs
    ]
    return np.concatenate([*rows, np.empty(0, np.int32)])
