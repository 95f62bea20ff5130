"""SentencePiece's `.model` files: what they hold, read from their protocol buffer.

`sentencepiece_document` turns it into the content of a tokenizer.json, which `tokenizer_json` builds.

Source: src/sentencepiece_model.proto in https://github.com/google/sentencepiece.
"""

import math
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

from hornbook.errors import TokenizerError
from hornbook.tokenizer.files.protobuf import as_bool, as_bytes, as_float, as_int, as_text, fields

__all__ = [
    "ModelType",
    "Piece",
    "PieceType",
    "SentencePieceModel",
    "parse_sentencepiece",
    "read_sentencepiece",
]

MAX_BYTES = 1 << 28
MOST_PIECES = 1 << 22
LONGEST_PIECE = 1 << 12


class PieceType(IntEnum):
    """What a piece is for."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


class ModelType(IntEnum):
    """How text is divided into pieces."""

    UNIGRAM = 1
    BPE = 2
    WORD = 3
    CHAR = 4


@dataclass(frozen=True)
class Piece:
    """A token: its text, its score (a log probability, or minus the number of a merge), its type."""

    text: str
    score: float
    type: PieceType


@dataclass(frozen=True)
class SentencePieceModel:
    """What a `.model` file holds; the defaults are those of the format."""

    pieces: list[Piece] = field(default_factory=list)
    model_type: ModelType = ModelType.UNIGRAM
    byte_fallback: bool = False
    treat_whitespace_as_suffix: bool = False
    unk_id: int = 0
    bos_id: int = 1
    eos_id: int = 2
    pad_id: int = -1
    precompiled_charsmap: bytes = b""
    add_dummy_prefix: bool = True
    remove_extra_whitespaces: bool = True
    escape_whitespaces: bool = True

    @property
    def unknown(self) -> str:
        """The piece for what no other piece spells."""
        return next(piece.text for piece in self.pieces if piece.type == PieceType.UNKNOWN)


PIECES, TRAINER, NORMALIZER = 1, 2, 3
TRAINER_NUMBERS = {40: "unk_id", 41: "bos_id", 42: "eos_id", 43: "pad_id"}
TRAINER_FLAGS = {24: "treat_whitespace_as_suffix", 35: "byte_fallback"}
NORMALIZER_FLAGS = {3: "add_dummy_prefix", 4: "remove_extra_whitespaces", 5: "escape_whitespaces"}
MODEL_TYPE, CHARSMAP = 3, 2


def read_sentencepiece(path: Path) -> SentencePieceModel:
    """Reads a `.model` file.

    Raises:
        TokenizerError: larger than MAX_BYTES, damaged, or no SentencePiece model.
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise TokenizerError(f"{path}: more than {MAX_BYTES} bytes; is this a SentencePiece model?")
    return parse_sentencepiece(content, str(path))


def parse_sentencepiece(content: bytes, source: str) -> SentencePieceModel:
    """The model in the bytes of a `.model` file; `source` names it in messages.

    Raises:
        TokenizerError: damaged, or no SentencePiece model.
    """
    pieces: list[Piece] = []
    settings: dict[str, Any] = {}
    for number, value in fields(content, source):
        if number == PIECES:
            if len(pieces) == MOST_PIECES:
                raise TokenizerError(f"{source}: has more than {MOST_PIECES} pieces")
            pieces.append(_piece(as_bytes(value, f"{source}: piece"), f"{source}: piece {len(pieces)}"))
        elif number == TRAINER:
            name = f"{source}: trainer_spec"
            settings |= _trainer(as_bytes(value, name), name)
        elif number == NORMALIZER:
            name = f"{source}: normalizer_spec"
            settings |= _normalizer(as_bytes(value, name), name)
    unknowns = sum(piece.type == PieceType.UNKNOWN for piece in pieces)
    if unknowns != 1:
        raise TokenizerError(
            f"{source}: {unknowns} of {len(pieces)} pieces stand for unknown text, expected 1; "
            "is this a SentencePiece model?"
        )
    return SentencePieceModel(pieces=pieces, **settings)


def _piece(message: bytes, source: str) -> Piece:
    text, score, kind = "", 0.0, PieceType.NORMAL
    for number, value in fields(message, source):
        if number == 1:
            text = as_text(value, source)
        elif number == 2:
            score = as_float(value, f"{source}: score")
        elif number == 3:
            kind = _piece_type(as_int(value, f"{source}: type"), source)
    if not 0 < len(text) <= LONGEST_PIECE:
        raise TokenizerError(f"{source}: has {len(text)} characters, expected 1 to {LONGEST_PIECE}")
    if not math.isfinite(score):
        raise TokenizerError(f"{source}: has the score {score}, expected a finite number")
    return Piece(text, score, kind)


def _piece_type(number: int, source: str) -> PieceType:
    if number not in set(PieceType):
        raise TokenizerError(f"{source}: has type {number}, expected 1 to {max(PieceType)}")
    return PieceType(number)


def _trainer(message: bytes, source: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, value in fields(message, source):
        if number == MODEL_TYPE:
            kind = as_int(value, f"{source}: model_type")
            if kind not in set(ModelType):
                raise TokenizerError(f"{source}: model_type is {kind}, expected 1 to {max(ModelType)}")
            found["model_type"] = ModelType(kind)
        elif number in TRAINER_NUMBERS:
            name = TRAINER_NUMBERS[number]
            found[name] = as_int(value, f"{source}: {name}")
        elif number in TRAINER_FLAGS:
            name = TRAINER_FLAGS[number]
            found[name] = as_bool(value, f"{source}: {name}")
    return found


def _normalizer(message: bytes, source: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, value in fields(message, source):
        if number == CHARSMAP:
            found["precompiled_charsmap"] = as_bytes(value, f"{source}: precompiled_charsmap")
        elif number in NORMALIZER_FLAGS:
            name = NORMALIZER_FLAGS[number]
            found[name] = as_bool(value, f"{source}: {name}")
    return found
