"""The walk from text to ids, step by step, and back.

Added tokens are found first (`steps.added_tokens`). The text between them is normalized
(`steps.normalizers`), divided into words (`steps.pre_tokenizers`) and turned into ids by a model (`models`).
`steps.decoders` go the other way. `files.tokenizer_json` makes a pipeline from a file.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np

from hornbook.tokenizer.checking import well_formed
from hornbook.tokenizer.models.word_model import Model
from hornbook.tokenizer.spans import Ids, Span
from hornbook.tokenizer.steps.added_tokens import AddedToken, AddedTokens
from hornbook.tokenizer.steps.aligned_text import AlignedText
from hornbook.tokenizer.steps.decoders import Decoder
from hornbook.tokenizer.steps.normalizers import Normalizer
from hornbook.tokenizer.steps.pre_tokenizers import PreTokenizer, in_turn
from hornbook.tokenizer.steps.templates import Template
from hornbook.tokenizer.steps.trimming import trimmed

__all__ = ["Pipeline", "Truncation"]

WordRange: TypeAlias = tuple[int, int]
"""Some of the words of a batch: the first, and the one after the last."""


@dataclass(frozen=True)
class Truncation:
    """How long texts may be, according to the file.

    Attributes:
        max_length: the most tokens, those of the template included.
        direction: the end at which a longer text is cut off.
        stride: how many tokens two consecutive chunks of a longer text share.
    """

    max_length: int
    direction: Literal["left", "right"] = "right"
    stride: int = 0


@dataclass(frozen=True)
class Pipeline:
    """The steps from text to ids and back.

    Attributes:
        kind: the kind of the model, for people: "byte-level BPE", "WordPiece".
        family: the name of the patterns that divide text into words, if they are well known.
        tokens: the model's tokens to their ids, and the added ones.
        model_spellings: the ids of the model to tokens.
        added: the tokens that are found by their spelling.
        normalizer: what text goes through first, if anything.
        pre_tokenizers: what divides it into words, one after the other.
        model: words to ids.
        unknown: the token for what is in no other, if there is one.
        template: what goes around a text.
        decoder: tokens to text.
        truncation: how long texts may be, if the file says so.
        pad_token: what sequences are filled up with, if the file says so.
    """

    kind: str
    family: str | None
    tokens: Mapping[str, int]
    model_spellings: Mapping[int, str]
    added: Sequence[AddedToken]
    normalizer: Normalizer | None
    pre_tokenizers: Sequence[PreTokenizer]
    model: Model
    unknown: str | None
    template: Template
    decoder: Decoder
    truncation: Truncation | None
    pad_token: str | None

    @cached_property
    def added_tokens(self) -> AddedTokens:
        """Finds added tokens in text."""
        return AddedTokens(self.added, self.normalizer)

    @cached_property
    def spellings(self) -> dict[int, str]:
        """Ids to tokens as they are decoded; some ids below `vocab_size` may have none.

        As in tokenizers, an added token that is found in normalized text is decoded to that.
        """
        added = {token.id: self.added_tokens.spelling(token) for token in self.added}
        return {**self.model_spellings, **added}

    @cached_property
    def vocab_size(self) -> int:
        """One more than the greatest id."""
        return max([*self.tokens.values(), *self.model_spellings], default=-1) + 1

    def encode_batch(self, texts: Sequence[str], wanted: Sequence[frozenset[str]]) -> tuple[Ids, Ids]:
        """The ids of all texts, int32 `[N]`, and where each begins and the last ends, int32 `[B+1]`.

        Plain text of a byte-level tokenizer goes to the model in one piece.

        Args:
            texts: any texts; halves of surrogate pairs become U+FFFD.
            wanted: for each text the special tokens to look for.
        """
        if not self.pre_tokenizers and all(map(self.added_tokens.finds_nothing, wanted)):
            try:
                return self.model.encode_batch(texts)
            except UnicodeEncodeError:
                return self.model.encode_batch(list(map(well_formed, texts)))
        words: list[str] = []
        pieces = [
            list(self._pieces_of(well_formed(text), special, words))
            for text, special in zip(texts, wanted, strict=True)
        ]
        ids, ends = self.model.encode_batch(words)
        rows = [_joined(each, ids, ends) for each in pieces]
        offsets = np.cumsum([0, *map(len, rows)], dtype=np.int32)
        return np.concatenate([*rows, np.empty(0, np.int32)]), offsets

    def spans(self, text: str, wanted: frozenset[str]) -> list[Span]:
        """The tokens of a text with the characters that each stands for.

        Args:
            text: a well-formed text.
            wanted: the special tokens to look for.
        """
        spans: list[Span] = []
        spelled: list[str] = []
        for piece in self.added_tokens.split(AlignedText(text, range(len(text))), wanted):
            if isinstance(piece, AlignedText):
                for word in in_turn(self.pre_tokenizers, piece):
                    found = self.model.spans(word.text)
                    spans += [_in_source(word, *span) for span in found]
                    spelled += [self._spelled(word.text, *span) for span in found]
            else:
                token, aligned = piece
                spans.append(_in_source(aligned, token.id, 0, len(aligned.text)))
                spelled.append(aligned.text)
        for keeps_prefix in self.template.trims:
            spans = trimmed(spans, spelled, keeps_prefix=keeps_prefix)
        return spans

    def decode(self, ids: Sequence[int]) -> str:
        """The text of tokens; ids without a token are left out."""
        if self.decoder.is_byte_level:
            return self.decode_bytes(ids).decode("utf-8", "replace")
        tokens = self._tokens_of(ids[:1])
        first = self.decoder.decode(tokens, "bytes") if self.decoder.is_piecewise else ""
        if first:
            data = b"".join(map(self.token_bytes.__getitem__, ids[1:]))
            try:
                return (first.encode("utf-8", "surrogateescape") + data).decode("utf-8")
            except UnicodeDecodeError:
                pass  # a run of bytes that is not UTF-8: its stage says what becomes of it
        return self.decoder.decode(self._tokens_of(ids))

    def decode_bytes(self, ids: Sequence[int]) -> bytes:
        """The bytes of tokens."""
        if self.decoder.is_byte_level:
            return b"".join(map(self.token_bytes.__getitem__, ids))
        return self.decoder.decode(self._tokens_of(ids), "bytes").encode("utf-8", "surrogateescape")

    @cached_property
    def token_bytes(self) -> "TokenBytes":
        """The bytes of each token inside of a text."""
        return TokenBytes(self.spellings, self.decoder)

    def _tokens_of(self, ids: Sequence[int]) -> list[str]:
        return [self.spellings[token_id] for token_id in ids if token_id in self.spellings]

    def _spelled(self, word: str, token_id: int, start: int, stop: int) -> str:
        """How a token of a word is spelled; the unknown token of a Unigram, as the text is."""
        is_unknown_text = self.kind == "Unigram" and self.spellings[token_id] == self.unknown
        return word[start:stop] if is_unknown_text else self.spellings[token_id]

    def _pieces_of(
        self, text: str, wanted: frozenset[str], words: list[str]
    ) -> Iterator[AddedToken | WordRange]:
        """The added tokens of a text and the words between them, which are appended to `words`."""
        for piece in self.added_tokens.split(AlignedText(text), wanted):
            if isinstance(piece, AlignedText):
                first = len(words)
                words += [word.text for word in in_turn(self.pre_tokenizers, piece)]
                yield first, len(words)
            else:
                yield piece[0]


class TokenBytes(dict[int, bytes]):
    """Ids to bytes; computed once for each id.

    Args:
        spellings: ids to tokens.
        decoder: tokens to text.
    """

    def __init__(self, spellings: Mapping[int, str], decoder: Decoder) -> None:
        super().__init__()
        self._spellings = spellings
        self._decoder = decoder

    def __missing__(self, token_id: int) -> bytes:
        tokens = [self._spellings[token_id]] if token_id in self._spellings else []
        self[token_id] = data = self._decoder.decode(tokens, "inner").encode("utf-8", "surrogateescape")
        return data


def _in_source(word: AlignedText, token_id: int, start: int, stop: int) -> Span:
    """The span of a token of a word, in the source."""
    positions = word.positions or ()
    return token_id, max(positions[start], 0), positions[stop - 1] + 1


def _joined(pieces: Sequence[AddedToken | WordRange], ids: Ids, ends: Ids) -> Ids:
    """The ids of one text; those of word `i` are in `ids`, from `ends[i]` to before `ends[i + 1]`."""
    rows = [
        np.array([piece.id], np.int32)
        if isinstance(piece, AddedToken)
        else ids[ends[piece[0]] : ends[piece[1]]]
        for piece in pieces
    ]
    return np.concatenate([*rows, np.empty(0, np.int32)])
