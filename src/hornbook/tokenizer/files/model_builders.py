"""Builds the models of a tokenizer.json: the vocabulary, and what turns words into its tokens."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from hornbook.tokenizer.checking import brief
from hornbook.tokenizer.files.vocabulary import checked_tokens, read_merges, token_ids_of
from hornbook.tokenizer.json_object import JsonObject
from hornbook.tokenizer.models.bpe_merging import MergeTable
from hornbook.tokenizer.models.byte_bpe import ByteBPE, byte_encoder
from hornbook.tokenizer.models.character_bpe import CharacterBPE
from hornbook.tokenizer.models.unigram import Unigram
from hornbook.tokenizer.models.word_model import Model, WordModel
from hornbook.tokenizer.models.wordlevel import WordLevel
from hornbook.tokenizer.models.wordpiece import WordPiece
from hornbook.tokenizer.steps.added_tokens import AddedToken
from hornbook.tokenizer.unicode.byte_alphabet import BYTE_TO_CHARACTER, spelled_bytes
from hornbook.tokenizer.unicode.patterns import Pattern

__all__ = ["BuiltModel", "ByteLevelWords", "Vocabulary", "build_model", "model_vocabulary"]

KINDS = ("BPE", "Unigram", "WordLevel", "WordPiece")

NOT_IN_UTF8 = frozenset({0xC0, 0xC1, *range(0xF5, 0x100)})
"""The bytes that occur in no text."""

MOST_SPARSE = 16
"""The native encoder keeps tables by id; it is not used where ids are so many times as many as tokens."""

Value = TypeVar("Value", int, float)


@dataclass(frozen=True)
class ByteLevelWords:
    """What a byte-level pre-tokenizer that comes last leaves to the model.

    Attributes:
        pattern: divides text into words; None if the pre-tokenizers have done so.
    """

    pattern: Pattern | None


@dataclass(frozen=True)
class BuiltModel:
    """A model.

    Attributes:
        kind: what the model is called, for people.
        model: turns words into ids.
        unknown: the token of text that no other token stands for, if the vocabulary has one.
        takes_bytes: whether the model has taken over the work of the byte-level pre-tokenizer.
    """

    kind: str
    model: Model
    unknown: str | None = None
    takes_bytes: bool = False


def model_kind(settings: JsonObject) -> str:
    """The type of a model; files from before 2020 do not name it.

    Raises:
        TokenizerError: the type is unknown.
    """
    if settings.value("merges") is not None:
        default = "BPE"
    else:
        default = "Unigram" if isinstance(settings.value("vocab"), list) else "WordPiece"
    return settings.choice("type", KINDS, default)


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of a model.

    Attributes:
        ids: tokens to ids; of a token given twice the last id.
        spellings: ids to tokens.
    """

    ids: Mapping[str, int]
    spellings: Mapping[int, str]


def model_vocabulary(settings: JsonObject) -> Vocabulary:
    """The tokens that a file describes.

    Raises:
        TokenizerError: a token or an id is damaged.
    """
    if model_kind(settings) == "Unigram":
        spellings = dict(enumerate(token for token, _ in _scored(settings)))
        return Vocabulary({token: token_id for token_id, token in spellings.items()}, spellings)
    ids = checked_tokens(settings.value("vocab"), f"{settings.path}: vocab")
    return Vocabulary(ids, {token_id: token for token, token_id in ids.items()})


def build_model(
    settings: JsonObject,
    vocabulary: Mapping[str, int],
    added: Sequence[AddedToken],
    byte_level: ByteLevelWords | None,
) -> BuiltModel:
    """The model that a file describes.

    Args:
        settings: the model.
        vocabulary: its tokens.
        added: the added tokens of the file.
        byte_level: given if the pre-tokenizer ByteLevel comes last.

    Raises:
        TokenizerError: it is damaged.
    """
    special = {token.content for token in added if token.special}
    builder = Builder(settings, vocabulary, special)
    kind = model_kind(settings)
    if kind == "BPE":
        return builder.bpe(byte_level)
    build: Callable[[], BuiltModel] = {
        "Unigram": builder.unigram,
        "WordLevel": builder.wordlevel,
        "WordPiece": builder.wordpiece,
    }[kind]
    return build()


@dataclass(frozen=True)
class Builder:
    """Builds a model of each kind.

    Attributes:
        settings: the model.
        vocabulary: its tokens.
        special: the tokens that text must not become by its spelling.
    """

    settings: JsonObject
    vocabulary: Mapping[str, int]
    special: set[str]

    def bpe(self, byte_level: ByteLevelWords | None) -> BuiltModel:
        """Byte pair encoding, of bytes if the pre-tokenizer and the vocabulary allow it."""
        prefix = self.settings.text("continuing_subword_prefix", "")
        merges = read_merges(self.settings, self.vocabulary, prefix)
        unknown = self.settings.text("unk_token", "") or None
        known = unknown if unknown in self.vocabulary else None
        if byte_level is not None and not prefix and self._has_all_bytes:
            return BuiltModel("byte-level BPE", self._byte_bpe(merges, byte_level), known, takes_bytes=True)
        encode = CharacterBPE(
            self._ordinary(self.vocabulary),
            MergeTable({(left, right): merged for left, right, merged in merges}),
            unknown,
            None if unknown is None else self.vocabulary.get(unknown),
            fuse_unknown=self.settings.flag("fuse_unk", False),
            byte_ids=self._byte_ids,
            prefix=prefix,
            suffix=self.settings.text("end_of_word_suffix", ""),
            ignores_merges=self.settings.flag("ignore_merges", False),
        )
        return BuiltModel("BPE", WordModel(encode, encode.ids), known)

    def wordpiece(self) -> BuiltModel:
        """The longest tokens that a word begins with."""
        unknown = self.settings.text("unk_token", "[UNK]")
        encode = WordPiece(
            self._ordinary(self.vocabulary),
            self.vocabulary.get(unknown),
            prefix=self.settings.text("continuing_subword_prefix", "##"),
            most_characters=self.settings.integer("max_input_chars_per_word", 100),
        )
        return BuiltModel("WordPiece", WordModel(encode), self._known(unknown))

    def wordlevel(self) -> BuiltModel:
        """Whole words."""
        unknown = self.settings.text("unk_token", "<unk>")
        encode = WordLevel(self._ordinary(self.vocabulary), self.vocabulary.get(unknown))
        return BuiltModel("WordLevel", WordModel(encode), self._known(unknown))

    def unigram(self) -> BuiltModel:
        """The likeliest tokens."""
        scored = _scored(self.settings)
        unknown_id = None if self.settings.value("unk_id") is None else self.settings.integer("unk_id")
        if unknown_id is not None and unknown_id >= len(scored):
            raise self.settings.error("unk_id", f"must be below the {len(scored)} tokens, got {unknown_id}")
        encode = Unigram(
            self._ordinary(dict(scored)),
            self.vocabulary,
            unknown_id=unknown_id,
            least_score=min((score for _, score in scored), default=0.0),
            byte_ids=self._byte_ids,
        )
        return BuiltModel("Unigram", WordModel(encode), None if unknown_id is None else scored[unknown_id][0])

    def _known(self, token: str) -> str | None:
        return token if token in self.vocabulary else None

    def _ordinary(self, tokens: Mapping[str, Value]) -> dict[str, Value]:
        """The tokens without the special ones."""
        ordinary = dict(tokens)
        for token in self.special:
            ordinary.pop(token, None)
        return ordinary

    @cached_property
    def _byte_ids(self) -> dict[int, int] | None:
        """The ids of <0x00> to <0xFF>, as far as they are tokens, if bytes stand for unknown characters."""
        if not self.settings.flag("byte_fallback", False):
            return None
        names = {byte: f"<0x{byte:02X}>" for byte in range(256)}
        return {byte: self.vocabulary[name] for byte, name in names.items() if name in self.vocabulary}

    @property
    def _has_all_bytes(self) -> bool:
        """Whether every byte of a text has a token, and nothing else than bytes counts."""
        letters = (BYTE_TO_CHARACTER[byte] for byte in range(256) if byte not in NOT_IN_UTF8)
        is_dense = max(self.vocabulary.values(), default=0) <= MOST_SPARSE * len(self.vocabulary)
        return (
            is_dense
            and not self.settings.text("end_of_word_suffix", "")
            and all(letter in self.vocabulary for letter in letters)
        )

    def _byte_bpe(self, merges: Sequence[tuple[int, int, int]], byte_level: ByteLevelWords) -> ByteBPE:
        n_ids = max(self.vocabulary.values()) + 1
        encoder = byte_encoder(
            [self.vocabulary.get(character, 0) for character in BYTE_TO_CHARACTER],
            merges,
            n_ids,
            byte_level.pattern,
            whole_words=self._whole_words(n_ids) if self.settings.flag("ignore_merges", False) else None,
        )
        return ByteBPE(encoder, {token_id: len(token) for token, token_id in self.vocabulary.items()})

    def _whole_words(self, n_ids: int) -> list[bytes]:
        """The words that are tokens without any merge, by id; empty for other tokens."""
        words = [b""] * n_ids
        for token, token_id in self._ordinary(self.vocabulary).items():
            try:
                words[token_id] = spelled_bytes(token)
            except ValueError:
                continue  # no word has such a spelling
        return words


def _scored(settings: JsonObject) -> list[tuple[str, float]]:
    """The tokens of a Unigram with their scores, in order of ids."""
    scored: list[tuple[str, float]] = []
    for number, entry in enumerate(settings.items("vocab")):
        match entry:
            case [str(token), int() | float() as score] if math.isfinite(score):
                scored.append((token, float(score)))
            case _:
                raise settings.error(
                    f"vocab[{number}]:", f"expected a token and its score, got {brief(entry)}"
                )
    token_ids_of((token for token, _ in scored), f"{settings.path}: vocab")
    return scored
