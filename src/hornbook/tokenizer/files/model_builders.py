"""Builds the models of a tokenizer.json: the vocabulary, checked, and what turns words into its tokens."""

import math
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from hornbook.errors import TokenizerError
from hornbook.tokenizer.checking import brief
from hornbook.tokenizer.files.vocabulary import (
    Merge,
    check_bytes,
    checked_merges,
    checked_tokens,
    token_pieces,
)
from hornbook.tokenizer.json_object import JsonObject
from hornbook.tokenizer.models.bpe_merging import MergeTable
from hornbook.tokenizer.models.byte_bpe import ByteBPE, byte_encoder
from hornbook.tokenizer.models.character_bpe import CharacterBPE
from hornbook.tokenizer.models.unigram import Unigram
from hornbook.tokenizer.models.word_model import Model, WordModel
from hornbook.tokenizer.models.wordpiece import WordPiece
from hornbook.tokenizer.spans import Span
from hornbook.tokenizer.steps.added_tokens import AddedToken
from hornbook.tokenizer.unicode.byte_alphabet import BYTE_TO_CHARACTER
from hornbook.tokenizer.unicode.patterns import Pattern

__all__ = ["BuiltModel", "ByteLevelSettings", "build_model"]

Value = TypeVar("Value", int, float)


@dataclass(frozen=True)
class ByteLevelSettings:
    """What a byte-level pre-tokenizer leaves to the model.

    Attributes:
        pattern: divides text into words; None if the pre-tokenizers have done so.
    """

    pattern: Pattern | None


@dataclass(frozen=True)
class BuiltModel:
    """A model and its vocabulary.

    Attributes:
        kind: what the model is called, for people.
        tokens: all tokens, added ones included, to their ids, in order of ids from 0 on.
        model: turns words into ids.
        unknown: the token of text that no other token stands for, if the model has one.
        pieces: the bytes of each token, if the model is byte-level.
    """

    kind: str
    tokens: Mapping[str, int]
    model: Model
    unknown: str | None = None
    pieces: Sequence[bytes] | None = None


def build_model(
    settings: JsonObject, added: Sequence[AddedToken], byte_level: ByteLevelSettings | None
) -> BuiltModel:
    """The model that a file describes.

    Args:
        settings: the model.
        added: the added tokens of the file.
        byte_level: given if the pre-tokenizer ByteLevel comes last.

    Raises:
        TokenizerError: it is damaged, its type is unknown, or a setting is not supported.
    """
    kind = settings.choice("type", BUILDERS, _kind_of_old_file(settings))
    if byte_level is not None:
        if kind != "BPE":
            raise settings.error("type", f"must be BPE after the pre-tokenizer ByteLevel, got {kind}")
        parsed = _byte_level_bpe(settings, added, byte_level)
    else:
        parsed = BUILDERS[kind](settings, added)
    settings.close()
    return parsed


def _kind_of_old_file(settings: JsonObject) -> str:
    """The type of a model in a file from before 2020, which does not name it."""
    if settings.value("merges") is not None:
        return "BPE"
    return "Unigram" if isinstance(settings.value("vocab"), list) else "WordPiece"


def _vocab(settings: JsonObject) -> dict[str, int]:
    """The model's tokens, with ids as yet unchecked."""
    vocab = settings.value("vocab")
    if not isinstance(vocab, dict):
        raise settings.error("vocab", f"expected an object of tokens and ids, got {brief(vocab)}")
    return vocab


def _all_tokens(settings: JsonObject, vocab: dict[str, int], added: Iterable[AddedToken]) -> dict[str, int]:
    """The model's tokens and the added ones, which may be among them, in order of ids."""
    for token in added:
        if vocab.get(token.content, token.id) != token.id:
            raise TokenizerError(
                f"{settings.path}: added token {brief(token.content)} has id {token.id}, "
                f"but {brief(vocab[token.content])} in vocab"
            )
    return checked_tokens(vocab | {token.content: token.id for token in added}, f"{settings.path}: vocab")


def _byte_level_bpe(
    settings: JsonObject, added: Sequence[AddedToken], byte_level: ByteLevelSettings
) -> BuiltModel:
    for key in ("unk_token", "continuing_subword_prefix", "end_of_word_suffix"):
        settings.neutral(key, "")
    settings.neutral("dropout", 0)
    for key in ("fuse_unk", "byte_fallback"):
        settings.flag(key, False)  # without effect, as every byte has a token
    path, vocab = settings.path, _vocab(settings)
    tokens = _all_tokens(settings, vocab, added)
    check_bytes(tokens, path)
    merges = _merges(settings, tokens, "")
    _check_apart(added, merges, path)
    special = {token.content: token.id for token in added}
    pieces = token_pieces(tokens, special, path)
    ignores_merges = settings.flag("ignore_merges", False)
    encoder = byte_encoder(
        [tokens[character] for character in BYTE_TO_CHARACTER],
        [(tokens[left], tokens[right], tokens[left + right]) for left, right in merges],
        len(tokens),
        byte_level.pattern,
        whole_words=_whole_words(tokens, pieces, _ordinary(vocab, added)) if ignores_merges else None,
    )
    return BuiltModel("byte-level BPE", tokens, ByteBPE(encoder, pieces), pieces=pieces)


def _whole_words(tokens: Mapping[str, int], pieces: Sequence[bytes], ordinary: Container[str]) -> list[bytes]:
    """The words that are tokens without any merge, by id; empty for other tokens."""
    return [pieces[token_id] if token in ordinary else b"" for token, token_id in tokens.items()]


def _check_apart(added: Iterable[AddedToken], merges: Sequence[Merge], path: str) -> None:
    """Refuses an added token such as "é", which in the byte alphabet is the spelling of the byte 0xE9."""
    made = {left + right for left, right in merges}.union(BYTE_TO_CHARACTER)
    for token in added:
        if token.content in made and not token.content.isascii():
            raise TokenizerError(
                f"{path}: added token {brief(token.content)} is the model's spelling of other bytes"
            )


def _merges(settings: JsonObject, tokens: Mapping[str, int], prefix: str) -> list[Merge]:
    """Merges in either spelling, "a b" or ["a", "b"]."""
    if settings.value("merges") is None:
        raise settings.error("merges", "expected a list, got None")
    items = settings.items("merges")
    pairs = [_merge(settings, item, number) for number, item in enumerate(items)]
    return checked_merges(pairs, tokens, settings.path, prefix)


def _merge(settings: JsonObject, entry: Any, number: int) -> Merge:
    match entry.split(" ") if isinstance(entry, str) else entry:
        case [str(left), str(right)] if left and right:
            return left, right
        case _:
            raise settings.error(f"merges[{number}]:", f"expected two tokens, got {brief(entry)}")


def _character_bpe(settings: JsonObject, added: Sequence[AddedToken]) -> BuiltModel:
    settings.neutral("dropout", 0)
    vocab = _vocab(settings)
    tokens = _all_tokens(settings, vocab, added)
    prefix = settings.text("continuing_subword_prefix", "")
    merges = _merges(settings, tokens, prefix)
    unknown = _token(settings, "unk_token", tokens)
    if settings.flag("ignore_merges", False):
        raise settings.error("ignore_merges", "must be False without the pre-tokenizer ByteLevel, got True")
    encode = CharacterBPE(
        _ordinary(vocab, added),
        MergeTable({(tokens[a], tokens[b]): tokens[a + b.removeprefix(prefix)] for a, b in merges}),
        None if unknown is None else tokens[unknown],
        settings.flag("fuse_unk", False),
        _byte_ids(settings, tokens),
        prefix,
        settings.text("end_of_word_suffix", ""),
    )
    return BuiltModel("BPE", tokens, WordModel(encode), unknown)


def _wordpiece(settings: JsonObject, added: Sequence[AddedToken]) -> BuiltModel:
    vocab = _vocab(settings)
    tokens = _all_tokens(settings, vocab, added)
    unknown = _token(settings, "unk_token", tokens, "[UNK]")
    if unknown is None:
        raise settings.error("unk_token", "is missing")
    encode = WordPiece(
        _ordinary(vocab, added),
        tokens[unknown],
        prefix=settings.text("continuing_subword_prefix", "##"),
        most_characters=settings.integer("max_input_chars_per_word", 100),
    )
    return BuiltModel("WordPiece", tokens, WordModel(encode), unknown)


def _wordlevel(settings: JsonObject, added: Sequence[AddedToken]) -> BuiltModel:
    """Every word is a token, or unknown."""
    vocab = _vocab(settings)
    tokens = _all_tokens(settings, vocab, added)
    unknown = _token(settings, "unk_token", tokens, "<unk>")
    if unknown is None:
        raise settings.error("unk_token", "is missing")
    ordinary, unknown_id = _ordinary(vocab, added), tokens[unknown]

    def encode(word: str) -> list[Span]:
        return [(ordinary.get(word, unknown_id), 0, len(word))]

    return BuiltModel("WordLevel", tokens, WordModel(encode), unknown)


def _unigram(settings: JsonObject, added: Sequence[AddedToken]) -> BuiltModel:
    scores = _scores(settings)
    ids = {token: token_id for token_id, token in enumerate(scores)}
    tokens = _all_tokens(settings, ids, added)
    unknown_id = None if settings.value("unk_id") is None else settings.integer("unk_id")
    if unknown_id is not None and unknown_id >= len(scores):
        raise settings.error("unk_id", f"must be below the {len(scores)} tokens, got {unknown_id}")
    ordinary = _ordinary(scores, added)
    encode = Unigram(
        ordinary,
        ids,
        unknown_id=unknown_id,
        least_score=min(scores.values()),
        byte_ids=_byte_ids(settings, tokens),
    )
    unknown = None if unknown_id is None else list(scores)[unknown_id]
    return BuiltModel("Unigram", tokens, WordModel(encode), unknown)


def _scores(settings: JsonObject) -> dict[str, float]:
    scores: dict[str, float] = {}
    for number, entry in enumerate(settings.items("vocab")):
        match entry:
            case [str(token), int() | float() as score] if token and math.isfinite(score):
                if token in scores:
                    raise settings.error(f"vocab[{number}]:", f"token {brief(token)} is given twice")
                scores[token] = float(score)
            case _:
                raise settings.error(
                    f"vocab[{number}]:", f"expected a token and its score, got {brief(entry)}"
                )
    if not scores:
        raise settings.error("vocab", "has no tokens")
    return scores


def _ordinary(tokens: Mapping[str, Value], added: Iterable[AddedToken]) -> dict[str, Value]:
    """The tokens without the special ones, which text must not become by its spelling."""
    special = {token.content for token in added if token.special}
    return {token: value for token, value in tokens.items() if token not in special}


def _token(
    settings: JsonObject, key: str, tokens: Mapping[str, int], default: str | None = None
) -> str | None:
    """The token that a setting names."""
    if settings.value(key, default) is None:
        return None
    token = settings.text(key, default)
    if token not in tokens:
        raise settings.error(key, f"{brief(token)} is not in the vocabulary")
    return token


def _byte_ids(settings: JsonObject, tokens: Mapping[str, int]) -> list[int] | None:
    """The ids of <0x00> to <0xFF>, if bytes stand for unknown characters."""
    names = [f"<0x{byte:02X}>" for byte in range(256)]
    if not settings.flag("byte_fallback", False) or not tokens.keys() >= set(names):
        return None
    return [tokens[name] for name in names]


BUILDERS: Mapping[str, Callable[[JsonObject, Sequence[AddedToken]], BuiltModel]] = {
    "BPE": _character_bpe,
    "Unigram": _unigram,
    "WordLevel": _wordlevel,
    "WordPiece": _wordpiece,
}
"""Models by type."""
