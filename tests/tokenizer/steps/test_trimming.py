"""Spans without white space at their ends, beside the tokenizers package."""

from functools import cache
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.tokenizer.beside import Beside, document

from hornbook.tokenizer.unicode.byte_alphabet import BYTE_TO_CHARACTER

SPACE = BYTE_TO_CHARACTER[ord(" ")]


NORMALIZERS: dict[str, dict[str, Any] | None] = {
    "none": None,
    "prepend": {"type": "Prepend", "prepend": "   "},
    "replace": {"type": "Replace", "pattern": {"String": "b"}, "content": "   "},
}


@cache
def beside(*, prefix: bool, normalizer: str = "none") -> Beside:
    """A byte-level BPE with a token for one to three spaces."""
    tokens = [*BYTE_TO_CHARACTER, SPACE * 2, SPACE * 3, f"{SPACE}a"]
    merges = [(SPACE, "a"), (SPACE, SPACE), (SPACE * 2, SPACE)]
    model = {"type": "BPE", "vocab": {token: i for i, token in enumerate(tokens)}, "merges": merges}
    byte_level = {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": False}
    sections = dict.fromkeys(("pre_tokenizer", "post_processor", "decoder"), byte_level)
    return Beside(document(model, normalizer=NORMALIZERS[normalizer], **sections))


@pytest.mark.parametrize("prefix", [False, True])
@pytest.mark.parametrize("normalizer", NORMALIZERS)
@settings(deadline=None)
@given(text=st.text(alphabet=" ab\n"))
@example(text="a ")  # tokens of zero width at the end
@example(text="a   ")
@example(text="   ")
@example(text="b")
@example(text=" b a")
def test_spans_equal_the_oracle(prefix: bool, normalizer: str, text: str) -> None:
    beside(prefix=prefix, normalizer=normalizer).check(text)


def test_a_token_of_white_space_at_the_end_has_zero_width() -> None:
    spans = beside(prefix=False).ours.encode_with_spans("a   ")
    assert [(start, stop) for _, start, stop in spans] == [(0, 1), (4, 4)]
