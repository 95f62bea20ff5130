"""Ids that become text while they come: no character is ever cut."""

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import hornbook
from hornbook.generation.generate import FinishReason, Stream, collect
from hornbook.generation.text import stream_text
from hornbook.tokenizer import DecodeStream

TEXT = "Tür 日本語 👩‍👧 e\u0301 — “fin”"


class Bytes:
    """A tokenizer whose token number i is the i-th of some byte strings."""

    bos_token_id: int | None = None
    eos_token_id: int | None = None

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.pieces = pieces

    @property
    def vocab_size(self) -> int:
        return len(self.pieces)

    def encode(self, text: str) -> list[int]:
        raise NotImplementedError

    def decode(self, ids: Iterable[object]) -> str:
        return b"".join(self.pieces[int(str(i))] for i in ids).decode("utf-8", "replace")

    def decode_stream(self) -> DecodeStream:
        return DecodeStream(lambda token_id, _: self.pieces[token_id])

    def token_bytes(self, token_id: int) -> bytes:
        return self.pieces[token_id]


def stream(n: int, finish_reason: FinishReason = "length") -> Stream[int]:
    yield from range(n)
    return finish_reason


@given(st.lists(st.binary(max_size=5)))
@example([b"\xe6", b"\x97", b"\xa5"])
@example([b"\xf0\x9f", b"\x91\xa9\xe2", b"\x80", b"\x8d"])
@example([b"\xff", b"a", b"\xe6\x97", b"b", b"\xf0\x9f\x91"])
@example([b"\xed\xa0", b"\x80"])
def test_pieces_together_are_what_decode_gives(pieces: list[bytes]) -> None:
    tokenizer = Bytes(pieces)
    texts, reason = collect(stream_text(stream(len(pieces), "stop"), tokenizer))
    assert "".join(texts) == tokenizer.decode(range(len(pieces)))
    assert all(texts)
    assert reason == "stop"


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_characters_are_never_cut_and_come_as_soon_as_they_are_whole(size: int) -> None:
    content = TEXT.encode()
    pieces = [content[i : i + size] for i in range(0, len(content), size)]
    texts = list(stream_text(stream(len(pieces)), Bytes(pieces)))
    assert "".join(texts) == TEXT
    assert "\ufffd" not in "".join(texts)
    if size == 1:
        assert texts == list(TEXT)


def test_what_is_cut_at_the_end_is_shown_as_such() -> None:
    texts, reason = collect(stream_text(stream(2), Bytes([b"ab", b"\xe6\x97"])))
    assert texts == ["ab", "\ufffd"]
    assert reason == "length"


def test_it_waits_for_no_token_that_is_not_asked_for() -> None:
    asked = []

    def ids() -> Stream[int]:
        for i in range(3):
            asked.append(i)
            yield i
        return "stop"

    texts = stream_text(ids(), Bytes([b"a", b"b", b"c"]))
    assert asked == []
    assert next(texts) == "a"
    assert asked == [0]


def test_the_builtin_tokenizers_single_bytes() -> None:
    tokenizer = hornbook.load("tiny-lm").tokenizer
    ids = [i for character in TEXT for i in tokenizer.encode(character)]

    def stream_ids() -> Stream[int]:
        yield from ids
        return "stop"

    assert "".join(stream_text(stream_ids(), tokenizer)) == TEXT
