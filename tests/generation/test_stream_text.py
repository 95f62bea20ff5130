"""Ids that become text while they come: no character is ever cut."""

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import hornbook
from hornbook.generation import FinishReason, Step
from hornbook.generation.text import with_text
from hornbook.tokenizer import DecodeStream

TEXT = "Tür 日本語 👩‍👧 e\u0301 — “fin”"


def of_bytes(pieces: Sequence[bytes]) -> DecodeStream:
    """The stream of a tokenizer whose token number i is the i-th of some byte strings."""
    return DecodeStream(lambda token_id, _: pieces[token_id])


def steps(n: int, finish_reason: FinishReason = "length") -> Iterator[Step]:
    yield from map(Step, range(n))
    yield Step(None, finish_reason=finish_reason)


@given(st.lists(st.binary(max_size=5)))
@example([b"\xe6", b"\x97", b"\xa5"])
@example([b"\xf0\x9f", b"\x91\xa9\xe2", b"\x80", b"\x8d"])
@example([b"\xff", b"a", b"\xe6\x97", b"b", b"\xf0\x9f\x91"])
@example([b"\xed\xa0", b"\x80"])
def test_pieces_together_are_what_decode_gives(pieces: list[bytes]) -> None:
    shown = list(with_text(steps(len(pieces), "stop"), of_bytes(pieces)))
    assert "".join(step.text for step in shown) == b"".join(pieces).decode("utf-8", "replace")
    assert [step.token_id for step in shown] == [*range(len(pieces)), None]
    assert shown[-1].finish_reason == "stop"


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_characters_are_never_cut_and_come_as_soon_as_they_are_whole(size: int) -> None:
    content = TEXT.encode()
    pieces = [content[i : i + size] for i in range(0, len(content), size)]
    texts = [step.text for step in with_text(steps(len(pieces)), of_bytes(pieces)) if step.text]
    assert "".join(texts) == TEXT
    assert "\ufffd" not in "".join(texts)
    if size == 1:
        assert texts == list(TEXT)


def test_what_is_cut_at_the_end_is_shown_as_such() -> None:
    shown = list(with_text(steps(2), of_bytes([b"ab", b"\xe6\x97"])))
    assert shown == [Step(0, "ab"), Step(1, ""), Step(None, "\ufffd", "length")]


def test_the_last_token_may_end_the_text() -> None:
    last = [Step(0), Step(1, finish_reason="length")]
    shown = list(with_text(last, of_bytes([b"ab", b"c\xe6"])))
    assert shown == [Step(0, "ab"), Step(1, "c\ufffd", "length")]


def test_it_waits_for_no_token_that_is_not_asked_for() -> None:
    asked = []

    def asking() -> Iterator[Step]:
        for i in range(3):
            asked.append(i)
            yield Step(i)

    shown = with_text(asking(), of_bytes([b"a", b"b", b"c"]))
    assert asked == []
    assert next(shown) == Step(0, "a")
    assert asked == [0]


def test_the_builtin_tokenizers_single_bytes() -> None:
    tokenizer = hornbook.load("tiny-lm").tokenizer
    ids = [i for character in TEXT for i in tokenizer.encode(character)]
    assert "".join(step.text for step in with_text(map(Step, ids), tokenizer.decode_stream())) == TEXT
