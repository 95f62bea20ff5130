"""SentencePiece's files against SentencePiece's own ids, which tests/golden/make_sentencepiece.py wrote."""

import json
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

import hornbook
from hornbook.errors import HornbookError, TokenizerError
from hornbook.tokenizer.files.protobuf import fields
from hornbook.tokenizer.files.sentencepiece import (
    ModelType,
    PieceType,
    parse_sentencepiece,
    read_sentencepiece,
)
from hornbook.tokenizer.files.sentencepiece_document import sentencepiece_document

GOLDEN = Path(__file__).parents[2] / "golden" / "sentencepiece_models"
EXPECTED: dict[str, Any] = json.loads((GOLDEN / "ids.json").read_text(encoding="ascii"))
KINDS = sorted(EXPECTED["kinds"])


def tokenizer_of(kind: str) -> Tokenizer:
    """The document, built by the package whose format it is in."""
    model = read_sentencepiece(GOLDEN / f"{kind}.model")
    return Tokenizer.from_str(json.dumps(sentencepiece_document(model, kind)))


def is_exact(kind: str, text: str) -> bool:
    """Whether the document can say what SentencePiece does: see `sentencepiece_document`."""
    return not (kind == "bpe_symbols" and text.endswith(" "))


@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_those_of_sentencepiece(kind: str) -> None:
    tokenizer = tokenizer_of(kind)
    for text, ids in zip(EXPECTED["texts"], EXPECTED["kinds"][kind]["ids"], strict=True):
        if is_exact(kind, text):
            assert tokenizer.encode(text).ids == ids, text


@pytest.mark.parametrize("kind", KINDS)
def test_decodes_as_sentencepiece_does(kind: str) -> None:
    tokenizer = tokenizer_of(kind)
    golden = EXPECTED["kinds"][kind]
    for ids, text in zip(golden["ids"], golden["decoded"], strict=True):
        if " \u2047 " not in text:  # how SentencePiece shows what it does not know
            assert tokenizer.decode(ids, skip_special_tokens=False) == text


def test_reads_what_the_file_says() -> None:
    model = read_sentencepiece(GOLDEN / "bpe_symbols.model")
    assert model.model_type is ModelType.BPE
    assert (model.unk_id, model.bos_id, model.eos_id, model.pad_id) == (0, 1, 2, 3)
    assert [piece.type for piece in model.pieces[:5]] == [
        PieceType.UNKNOWN,
        PieceType.CONTROL,
        PieceType.CONTROL,
        PieceType.CONTROL,
        PieceType.USER_DEFINED,
    ]
    assert model.add_dummy_prefix
    assert not read_sentencepiece(GOLDEN / "bpe_plain.model").add_dummy_prefix
    assert read_sentencepiece(GOLDEN / "bpe_bytes.model").byte_fallback
    assert read_sentencepiece(GOLDEN / "bpe_suffix.model").treat_whitespace_as_suffix


def test_fields_of_every_type_are_read_or_skipped() -> None:
    message = b"\x08\x96\x01" + b"\x11" + b"12345678" + b"\x1a\x03abc" + b"\x25" + b"1234"
    assert list(fields(message, "m")) == [(1, 150), (2, b"12345678"), (3, b"abc"), (4, b"1234")]


def test_unknown_fields_do_no_harm() -> None:
    content = (GOLDEN / "bpe.model").read_bytes()
    assert parse_sentencepiece(content + b"\xa2\x1f\x03abc\xa8\x1f\x07", "m") == parse_sentencepiece(
        content, "m"
    )


def piece(text: bytes, score: float = 0.0, kind: int = 1) -> bytes:
    body = b"\x0a" + bytes([len(text)]) + text + b"\x15" + struct.pack("<f", score) + b"\x18" + bytes([kind])
    return b"\x0a" + bytes([len(body)]) + body


UNKNOWN = piece(b"<unk>", kind=2)
DAMAGED = [
    (b"", "0 of 0 pieces"),
    (b"\x80", "has no end"),
    (b"\xff" * 11, "has no end"),
    (b"\x0a\x05ab", "claims 5 bytes, 2 are left"),
    (b"\x0b", "has type 3"),
    (b"\x02\x00", "field number 0"),
    (b"\x08\x01", "expected text"),
    (UNKNOWN + UNKNOWN, "2 of 2 pieces"),
    (UNKNOWN + piece(b""), "has 0 characters"),
    (UNKNOWN + piece(b"\xff"), "not UTF-8"),
    (UNKNOWN + piece(b"a", float("nan")), "expected a finite number"),
    (UNKNOWN + piece(b"a", kind=9), "has type 9"),
    (UNKNOWN + b"\x12\x02\x18\x07", "model_type is 7"),
]


@pytest.mark.parametrize(("content", "message"), DAMAGED)
def test_damaged_files_are_refused(content: bytes, message: str) -> None:
    with pytest.raises(TokenizerError, match=message):
        parse_sentencepiece(content, "m.model")


def test_models_of_words_are_refused() -> None:
    model = parse_sentencepiece(UNKNOWN + b"\x12\x02\x18\x03", "m.model")
    with pytest.raises(TokenizerError, match="WORD"):
        sentencepiece_document(model, "m.model")


CONTENT = (GOLDEN / "char.model").read_bytes()


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(CONTENT) - 1), st.binary(max_size=5), st.integers(0, 5))
def test_no_damage_raises_another_error(position: int, inserted: bytes, removed: int) -> None:
    content = CONTENT[:position] + inserted + CONTENT[position + removed :]
    with suppress(HornbookError):
        sentencepiece_document(parse_sentencepiece(content, "m"), "m")


@pytest.mark.parametrize("kind", KINDS)
def test_our_ids_are_those_of_sentencepiece(kind: str, tmp_path: Path) -> None:
    ours = hornbook.Tokenizer.from_file(GOLDEN / f"{kind}.model")
    ours.save(tmp_path / "tokenizer.json")
    again = hornbook.Tokenizer.from_file(tmp_path / "tokenizer.json")
    theirs = tokenizer_of(kind)
    for text, ids in zip(EXPECTED["texts"], EXPECTED["kinds"][kind]["ids"], strict=True):
        if is_exact(kind, text):
            assert ours.encode(text, allowed_special="all") == ids, text
            assert again.encode(text, allowed_special="all") == ids, text
            assert ours.decode(ids) == theirs.decode(ids, skip_special_tokens=False)
