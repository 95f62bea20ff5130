"""Tokenizers of every kind that a tokenizer.json describes; `pipeline` has the walk from text to ids."""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from os import PathLike
from pathlib import Path
from typing import Any, Literal, Self, SupportsIndex

import numpy as np

from hornbook.errors import TokenizerError
from hornbook.files import write_whole
from hornbook.tokenizer.checking import (
    brief,
    checked_ids,
    checked_text,
    checked_texts,
    described_tokens,
    well_formed,
)
from hornbook.tokenizer.encoded_batch import EncodedBatch, Layout, Overflow, fit
from hornbook.tokenizer.files.model_folder import read_file, read_folder
from hornbook.tokenizer.files.roles import ROLES, complete_roles
from hornbook.tokenizer.files.tokenizer_json import build_pipeline
from hornbook.tokenizer.pipeline import Truncation
from hornbook.tokenizer.spans import Ids, Span
from hornbook.tokenizer.steps.added_tokens import Specials
from hornbook.tokenizer.streaming import ChainStream, DecodeStream

__all__ = ["Tokenizer"]


class Tokenizer:
    """Any kind of tokenizer; made by `from_file`, `from_folder`, or one of the makers of a kind.

    Text that is spelled like a special token is ordinary text unless the caller allows more.

    Args:
        document: The content of a tokenizer.json.
        source: Its name, for messages.
        roles: Special tokens by role: "bos", "eos", "unk", "sep", "pad", "cls" or "mask". A role that is left
            out goes to a token that has one of its usual spellings.
        bos_token_id: The id that begins a document, in place of the role's.
        eos_token_id: The id that ends a document, in place of the role's.
        max_length: The most tokens that the model takes; None for what the document says.
        truncation_side: The end at which a longer text is cut off.

    Raises:
        TokenizerError: The document is damaged, asks for what is not supported, or lacks the token of a role.

    Example:
        >>> tokenizer = Tokenizer.from_folder("./bert-base-uncased")
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
        self._special = {token.content: token.id for token in self._pipeline.added if token.special}
        self._roles = complete_roles(
            roles or {},
            self._pipeline.tokens,
            self._special,
            source,
            unknown=self._pipeline.unknown,
            pad_token=self._pipeline.pad_token,
        )
        for role, token_id in (("bos", bos_token_id), ("eos", eos_token_id)):
            if token_id is not None:
                (self._roles[role],) = checked_ids(f"{role}_token_id", [token_id], len(self))
        self._truncation = self._pipeline.truncation
        if max_length is not None:
            stride = 0 if self._truncation is None else self._truncation.stride
            self._truncation = Truncation(max_length, truncation_side, stride)

    @classmethod
    def from_file(cls, path: str | PathLike[str], **options: Any) -> Self:
        """Reads a tokenizer.json, a .tiktoken or a SentencePiece .model; the options are those of the class.

        Raises:
            TokenizerError: The file is damaged, over 50 MB, or asks for what is not supported.
            OSError: The file cannot be read.
        """
        return cls(read_file(Path(path)), source=str(path), **options)

    @classmethod
    def from_folder(cls, folder: str | PathLike[str], **options: Any) -> Self:
        """Reads the tokenizer of a model folder.

        That is tokenizer.json, or vocab.json and merges.txt, or encoder.json and vocab.bpe, or vocab.txt, or
        a .tiktoken, or a SentencePiece .model, together with the settings in tokenizer_config.json,
        special_tokens_map.json and added_tokens.json.

        Raises:
            TokenizerError: A file is missing, damaged, over 50 MB, or asks for what is not supported.
            OSError: A file cannot be read.
        """
        document, described = read_folder(Path(folder))
        return cls(document, **(described | options))

    def save(self, path: str | PathLike[str]) -> None:
        """Writes a tokenizer.json; `from_file` and Hugging Face's tokenizers make an equal tokenizer from it.

        Raises:
            OSError: The file cannot be written; a file that was at `path` is kept.
        """
        ids = {token.content: token.id for token in self._pipeline.added}
        listed = [entry for entry in self._document.get("added_tokens") or () if entry["content"]]
        added = [entry | {"id": ids[entry["content"]]} for entry in listed]
        document = {**self._document, "added_tokens": sorted(added, key=itemgetter("id"))}
        with write_whole(Path(path)) as stream:
            stream.write(json.dumps(document, ensure_ascii=False, indent=1).encode("utf-8"))

    def config(self) -> dict[str, Any]:
        """The content of a tokenizer_config.json that goes with the tokenizer.json, for transformers."""
        tokens = {token_id: token for token, token_id in self._pipeline.tokens.items()}
        roles = {f"{role}_token": tokens[each] for role, each in self._roles.items() if each in tokens}
        length = {} if self.max_length is None else {"model_max_length": self.max_length}
        return {"tokenizer_class": "PreTrainedTokenizerFast", **roles, **length}

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), self._document, self._options)

    def __len__(self) -> int:
        return self.vocab_size

    def __repr__(self) -> str:
        special = described_tokens(list(self._special))
        name, kind, family = type(self).__name__, self._pipeline.kind, self._pipeline.family
        kind += f" with {family}'s words" if family else ""
        return f"{name}({kind}, vocab_size={self.vocab_size}, special_tokens={special})"

    @property
    def vocab_size(self) -> int:
        """Number of ids, those of special tokens included: they run from 0 to `vocab_size - 1`."""
        return self._pipeline.vocab_size

    @property
    def special_tokens(self) -> dict[str, int]:
        """Special tokens, such as <|endoftext|>, and their ids."""
        return dict(self._special)

    @property
    def max_length(self) -> int | None:
        """The most tokens that a text may have according to the files; None if they do not say."""
        return None if self._truncation is None else self._truncation.max_length

    @property
    def bos_token_id(self) -> int | None:
        """The id that begins a document; None if no token does."""
        return self._roles.get("bos")

    @property
    def eos_token_id(self) -> int | None:
        """The id that ends a document; None if no token does."""
        return self._roles.get("eos")

    def token_id(self, role: str) -> int | None:
        """The id of the token with a role; None if no token has it.

        Args:
            role: "bos", "eos", "unk", "sep", "pad", "cls" or "mask".

        Raises:
            TokenizerError: `role` is none of these.
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
            text: Any text. Half of a surrogate pair, which encodes no character, becomes U+FFFD.
            add_special_tokens: Whether the tokens of the template, such as [CLS] and [SEP], are put around
                the text. GPT-2's template has none.
            allowed_special: The special tokens that are recognised where the text spells them, or "all".
                The others are ordinary text, so that no text from outside can end a document.
            disallowed_special: The special tokens that are an error where the text spells them, or "all".

        Returns:
            The ids; for an empty text those of the template.

        Raises:
            TypeError: `text` is not a str.
            TokenizerError: The text spells a disallowed special token, or a name is not a special token's.
        """
        texts = [checked_text("encode", text)]
        ids, _ = self._encode_texts("encode", texts, allowed_special, disallowed_special)
        content: list[int] = ids.tolist()
        layout = self._layout(add_special_tokens)
        return (
            content
            if layout == (None,)
            else [*chain(*(content if item is None else item for item in layout))]
        )

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
            add_special_tokens: Whether the tokens of the template are put around and between the texts.
            allowed_special: As in `encode`.
            disallowed_special: As in `encode`.

        Returns:
            The ids, and the token type of each: 0 for the first text, 1 for the second, in most templates.

        Raises:
            TypeError: A text is not a str.
            TokenizerError: As in `encode`.
        """
        texts = [checked_text("encode_pair", text) for text in (first, second)]
        packed, offsets = self._encode_texts("encode_pair", texts, allowed_special, disallowed_special)
        a, b = np.split(packed, offsets[1:-1])
        content: dict[str, list[int]] = {"A": a.tolist(), "B": b.tolist()}
        template = self._pipeline.template
        items = template.pair if add_special_tokens else template.bare_pair
        if items is None:
            raise TokenizerError("encode_pair: the tokenizer's post-processor does not take two texts")
        ids: list[int] = []
        types: list[int] = []
        for item, type_id in items:
            item_ids = content[item] if isinstance(item, str) else item
            ids += item_ids
            types += [type_id] * len(item_ids)
        return ids, types

    def encode_batch(
        self,
        texts: Iterable[str],
        *,
        add_special_tokens: bool = True,
        allowed_special: Specials = (),
        disallowed_special: Specials = (),
        max_length: int | None = None,
        on_overflow: Overflow = "error",
        stride: int | None = None,
    ) -> EncodedBatch:
        """Turns many texts into ids, packed into arrays; a byte-level tokenizer uses all threads.

        Args:
            texts: Any texts, in a list or an array.
            add_special_tokens: As in `encode`.
            allowed_special: As in `encode`.
            disallowed_special: As in `encode`.
            max_length: The most ids of a sequence, those of the template included; None for no limit.
            on_overflow: Whether a longer text is an error, is truncated, or is divided into chunks. Every
                sequence keeps the tokens of the template, the closing one included.
            stride: How many ids of a text the next chunk repeats; None for what the file says, or 0.

        Returns:
            Ids and offsets in the packed form that models take, and how many tokens each text has and lost.

        Raises:
            TypeError: A text is not a str, or `texts` is one.
            TokenizerError: As in `encode`, or `max_length` leaves no room for a token of the text.
            ContextLengthError: A text is too long, and `on_overflow` is "error".
        """
        known = checked_texts("encode_batch", texts)
        ids, offsets = self._encode_texts("encode_batch", known, allowed_special, disallowed_special)
        truncation = self._truncation or Truncation(0)
        return fit(
            ids,
            offsets,
            max_length,
            on_overflow,
            layout=self._layout(add_special_tokens),
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
        """Turns text into ids and says which characters each stands for.

        A token may hold only some bytes of a character; its span is then the whole character. Where a
        normalizer made one character of several, the span is the first one's.

        Args:
            text: As in `encode`.
            add_special_tokens: As in `encode`.
            allowed_special: As in `encode`.
            disallowed_special: As in `encode`.

        Returns:
            Tuples `(id, start, stop)`; the token stands for `text[start:stop]`. A token of the template has
            the span (0, 0).

        Raises:
            TypeError: `text` is not a str.
            TokenizerError: As in `encode`.
        """
        operation = "encode_with_spans"
        text = well_formed(checked_text(operation, text))
        wanted = self._pipeline.added_tokens.check(operation, text, allowed_special, disallowed_special)
        spans = self._pipeline.spans(text, wanted)
        result: list[Span] = []
        for item in self._layout(add_special_tokens):
            result += spans if item is None else [(token_id, 0, 0) for token_id in item]
        return result

    def decode_stream(self, *, skip_special_tokens: bool = False) -> DecodeStream:
        """Decodes ids as they come; see `decode`."""
        left_out = set(self._special.values()) if skip_special_tokens else set()
        pipeline = self._pipeline
        if pipeline.decoder.is_byte_level:
            return DecodeStream(lambda token_id, _: pipeline.token_bytes[token_id], left_out)
        return ChainStream(pipeline.spellings, pipeline.decoder.start(), left_out)

    def decode(self, ids: Iterable[SupportsIndex], *, skip_special_tokens: bool = False) -> str:
        """Turns ids into text; bytes that are not UTF-8 become U+FFFD.

        Args:
            ids: Any sequence of integers, or an integer array of shape [T].
            skip_special_tokens: Whether special tokens are left out instead of spelled.

        Raises:
            TypeError: `ids` are not integers.
            TokenizerError: An id is out of range.
        """
        known = checked_ids("decode", ids, len(self))
        if skip_special_tokens:
            left_out = set(self._special.values())
            known = [token_id for token_id in known if token_id not in left_out]
        return self._pipeline.decode(known)

    def decode_bytes(self, ids: Iterable[SupportsIndex]) -> bytes:
        """Turns ids into the exact bytes they stand for.

        Raises:
            TypeError: `ids` are not integers.
            TokenizerError: An id is out of range.
        """
        return self._pipeline.decode_bytes(checked_ids("decode_bytes", ids, len(self)))

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes that one id stands for inside of a text; they may be a part of a character.

        Raises:
            TypeError: `token_id` is not an integer.
            TokenizerError: The id is out of range.
        """
        (known,) = checked_ids("token_bytes", [token_id], len(self))
        return self._pipeline.token_bytes[known]

    def _layout(self, add_special_tokens: bool) -> Layout:
        return self._pipeline.template.layout(add_special_tokens)

    def _encode_texts(
        self, operation: str, texts: Sequence[str], allowed: Specials, disallowed: Specials
    ) -> tuple[Ids, Ids]:
        """Ids and offsets of all texts, without a template."""
        check = self._pipeline.added_tokens.check
        wanted = [check(operation, text, allowed, disallowed) for text in texts]
        return self._pipeline.encode_batch(texts, wanted)


def _rebuilt(kind: type[Tokenizer], document: Mapping[str, Any], options: dict[str, Any]) -> Tokenizer:
    return kind(document, **options)
