"""Ids that become text while they come: no character is ever cut."""

from collections.abc import Iterable, Iterator, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import hornbook
from hornbook.generation import FinishReason, Step
from hornbook.generation.text import with_text
from hornbook.tokenizer import DecodeStream, EncodedBatch

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

    def encode_batch(self, texts: Sequence[str], **options: object) -> EncodedBatch:
        raise NotImplementedError

    def decode(self, ids: Iterable[object]) -> str:
        return b"".join(self.pieces[int(str(i))] for i in ids).decode("utf-8", "replace")

    def decode_stream(self) -> DecodeStream:
        return DecodeStream(lambda token_id, _: self.pieces[token_id])

    def token_bytes(self, token_id: int) -> bytes:
        return self.pieces[token_id]


def steps(n: int, finish_reason: FinishReason = "length") -> Iterator[Step]:
    yield from map(Step, range(n))
    yield Step(None, finish_reason=finish_reason)


@given(st.lists(st.binary(max_size=5)))
@example([b"\xe6", b"\x97", b"\xa5"])
@example([b"\xf0\x9f", b"\x91\xa9\xe2", b"\x80", b"\x8d"])
@example([b"\xff", b"a", b"\xe6\x97", b"b", b"\xf0\x9f\x91"])
@example([b"\xed\xa0", b"\x80"])
def test_pieces_together_are_what_decode_gives(pieces: list[bytes]) -> None:
    tokenizer = Bytes(pieces)
    shown = list(with_text(steps(len(pieces), "stop"), tokenizer))
    assert "".join(step.text for step in shown) == tokenizer.decode(range(len(pieces)))
    assert [step.token_id for step in shown] == [*range(len(pieces)), None]
    assert shown[-1].finish_reason == "stop"


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_characters_are_never_cut_and_come_as_soon_as_they_are_whole(size: int) -> None:
    content = TEXT.encode()
    pieces = [content[i : i + size] for i in range(0, len(content), size)]
    texts = [step.text for step in with_text(steps(len(pieces)), Bytes(pieces)) if step.text]
    assert "".join(texts) == TEXT
    assert "\ufffd" not in "".join(texts)
    if size == 1:
        assert texts == list(TEXT)


def test_what_is_cut_at_the_end_is_shown_as_such() -> None:
    shown = list(with_text(steps(2), Bytes([b"ab", b"\xe6\x97"])))
    assert shown == [Step(0, "ab"), Step(1, ""), Step(None, "\ufffd", "length")]


def test_the_last_token_may_end_the_text() -> None:
    last = [Step(0), Step(1, finish_reason="length")]
    shown = list(with_text(last, Bytes([b"ab", b"c\xe6"])))
    assert shown == [Step(0, "ab"), Step(1, "c\ufffd", "length")]


def test_it_waits_for_no_token_that_is_not_asked_for() -> None:
    asked = []

    def asking() -> Iterator[Step]:
        for i in range(3):
            asked.append(i)
            yield Step(i)

    shown = with_text(asking(), Bytes([b"a", b"b", b"c"]))
    assert asked == []
    assert next(shown) == Step(0, "a")
    assert asked == [0]


def test_the_builtin_tokenizers_single_bytes() -> None:
    tokenizer = hornbook.load("tiny-lm").tokenizer
    ids = [i for character in TEXT for i in tokenizer.encode(character)]
    assert "".join(step.text for step in with_text(map(Step, ids), tokenizer)) == TEXT
