"""A SentencePiece model as the content of a tokenizer.json, so that one loader builds both.

The ids are those of SentencePiece itself, with two exceptions that the format of tokenizer.json brings:
spaces at the end of a text are kept where a model has user-defined symbols, and a Unigram model with byte
fallback takes "<0x41>" in a text for the byte. As in the conversion of transformers, merges, which the file
does not hold, are all the ways to make a piece of two others, in the order of the pieces' scores; and control
and user-defined symbols are added tokens, found before anything else.
"""

import base64
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from hornbook.errors import TokenizerError
from hornbook.tokenizer.files.sentencepiece import ModelType, PieceType, SentencePieceModel

__all__ = ["sentencepiece_document"]

Json: TypeAlias = dict[str, Any]
MARK = "\u2581"
"""Stands for a space in pieces."""


def sentencepiece_document(model: SentencePieceModel, source: str) -> Json:
    """What a tokenizer.json would hold for a model.

    Args:
        model: as `read_sentencepiece` returns it.
        source: its name, for messages.

    Raises:
        TokenizerError: it divides text into words, which no tokenizer.json describes.
    """
    if model.model_type == ModelType.WORD:
        raise TokenizerError(f"{source}: model_type WORD is not supported; expected UNIGRAM, BPE or CHAR")
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": list(_added_tokens(model)),
        "normalizer": _sequence("normalizers", list(_normalizers(model))),
        "pre_tokenizer": _pre_tokenizer(model),
        "post_processor": None,
        "decoder": _sequence("decoders", list(_decoders(model))),
        "model": _unigram(model) if model.model_type == ModelType.UNIGRAM else _bpe(model),
    }


def _sequence(name: str, steps: list[Json]) -> Json | None:
    return {"type": "Sequence", name: steps} if steps else None


def _added_tokens(model: SentencePieceModel) -> Iterator[Json]:
    for index, piece in enumerate(model.pieces):
        if piece.type in (PieceType.UNKNOWN, PieceType.CONTROL, PieceType.USER_DEFINED):
            yield {
                "id": index,
                "content": piece.text,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": piece.type != PieceType.USER_DEFINED,
            }


def _normalizers(model: SentencePieceModel) -> Iterator[Json]:
    """The steps of SentencePiece's normalizer in its order."""
    if model.precompiled_charsmap:
        charsmap = base64.b64encode(model.precompiled_charsmap).decode("ascii")
        yield {"type": "Precompiled", "precompiled_charsmap": charsmap}
    if model.remove_extra_whitespaces and not _marks_first_part(model):
        yield _replace({"Regex": r"\A +| +\z"}, "")
    if model.remove_extra_whitespaces:
        yield _replace({"Regex": " {2,}"}, " ")
    mark = MARK if model.escape_whitespaces else " "
    if model.add_dummy_prefix and model.treat_whitespace_as_suffix:
        yield _replace({"Regex": r"(?<=[\s\S])\z"}, mark)
    elif model.add_dummy_prefix and not _marks_first_part(model):
        yield {"type": "Prepend", "prepend": mark}
    if model.escape_whitespaces:
        yield _replace({"String": " "}, MARK)


def _pre_tokenizer(model: SentencePieceModel) -> Json | None:
    """Marks the beginning of the text, not of what follows a symbol within it; divides nothing."""
    if not _marks_first_part(model):
        return None
    return {"type": "Metaspace", "replacement": MARK, "prepend_scheme": "first", "split": False}


def _marks_first_part(model: SentencePieceModel) -> bool:
    """Whether symbols divide the text before it is normalized, so that normalizers see its parts alone."""
    divides = any(piece.type == PieceType.USER_DEFINED for piece in model.pieces)
    marks = model.add_dummy_prefix and model.escape_whitespaces and not model.treat_whitespace_as_suffix
    return divides and marks


def _replace(pattern: Json, content: str) -> Json:
    return {"type": "Replace", "pattern": pattern, "content": content}


def _decoders(model: SentencePieceModel) -> Iterator[Json]:
    if model.escape_whitespaces:
        yield _replace({"String": MARK}, " ")
    if model.byte_fallback:
        yield {"type": "ByteFallback"}
    yield {"type": "Fuse"}
    if model.add_dummy_prefix and not model.treat_whitespace_as_suffix:
        yield {"type": "Strip", "content": " ", "start": 1, "stop": 0}


def _unigram(model: SentencePieceModel) -> Json:
    return {
        "type": "Unigram",
        "unk_id": next(i for i, piece in enumerate(model.pieces) if piece.type == PieceType.UNKNOWN),
        "vocab": [[piece.text, piece.score] for piece in model.pieces],
        "byte_fallback": model.byte_fallback,
    }


def _bpe(model: SentencePieceModel) -> Json:
    merges = [] if model.model_type == ModelType.CHAR else _merges(model)
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": model.unknown,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": True,
        "byte_fallback": model.byte_fallback,
        "ignore_merges": False,
        "vocab": {piece.text: index for index, piece in enumerate(model.pieces)},
        "merges": merges,
    }


def _merges(model: SentencePieceModel) -> list[list[str]]:
    """All pairs of pieces that make a piece: the best score first, then the longer left part."""
    scores = {piece.text: piece.score for piece in model.pieces if piece.type == PieceType.NORMAL}
    pairs = [(score, left, right) for text, score in scores.items() for left, right in _halves(text, scores)]
    pairs.sort(key=lambda pair: (pair[0], len(pair[1]), len(pair[2])), reverse=True)
    return [[left, right] for _, left, right in pairs]


def _halves(text: str, pieces: Mapping[str, float]) -> Iterator[tuple[str, str]]:
    for index in range(1, len(text)):
        left, right = text[:index], text[index:]
        if left in pieces and right in pieces:
            yield left, right
