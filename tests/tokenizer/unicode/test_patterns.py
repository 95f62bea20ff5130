from itertools import pairwise

import pytest
import tokenizers
from hypothesis import example, given
from hypothesis import strategies as st

from hornbook.tokenizer.unicode.patterns import split_words

EVERY_CHARACTER = "".join(chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)
# Letters, numbers, White_Space, what only `re` takes for space, marks, joiners; up to U+FFFF and beyond.
TRICKY = (
    "aZé日\U0001d49c5²Ⅷ\U0001d7d8 \t\n\r\x1c\x1f\x85\xa0\u200b\u2028\u3000"
    "\u0301\u200d😀'\u2019_-.stmdrevl\x00\ufffe\U000e0001"
)


def split_by_oracle(text: str) -> list[str]:
    spans = [span for _, span in tokenizers.pre_tokenizers.ByteLevel(False).pre_tokenize_str(text)]
    return [text[start:stop] for start, stop in spans]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("They're 2  dogs!", ["They", "'re", " 2", " ", " dogs", "!"]),
        ("'s't're've'm'll'd", ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"]),
        ("we'LL you'll", ["we", "'", "LL", " you", "'ll"]),
        ("a \n b  ", ["a", " \n", " b", "  "]),
        ("x\x1cy", ["x", "\x1c", "y"]),
        ("x\xa0y", ["x", "\xa0", "y"]),
        ("e\u0301²³٣", ["e", "\u0301", "²³٣"]),
    ],
)
def test_words_by_hand(text: str, words: list[str]) -> None:
    assert split_words(text) == words
    assert split_by_oracle(text) == words


@pytest.mark.parametrize(
    ("pattern", "member"), [(r"\p{L}", "a"), (r"\p{N}", "1"), (r"\s", "\t"), (r"[^\s\p{L}\p{N}]", "!")]
)
def test_every_code_point_is_of_the_class_that_the_oracle_says(pattern: str, member: str) -> None:
    others_removed = tokenizers.pre_tokenizers.Split(tokenizers.Regex(f"{pattern}+"), "removed", invert=True)
    members = member + "".join(run for run, _ in others_removed.pre_tokenize_str(EVERY_CHARACTER))
    assert split_words(members) == [members]


@given(st.text(st.sampled_from(TRICKY) | st.characters(exclude_categories=["Cs"])))
@example("'s'S 'RE're")
@example(" \u3000 \u3000a")
def test_words_equal_the_oracle_and_join_to_the_text(text: str) -> None:
    words = split_words(text)
    assert words == split_by_oracle(text)
    assert "".join(words) == text


def test_table_is_sorted_and_apart() -> None:
    from hornbook.tokenizer.unicode.ranges import LETTERS, NUMBERS, UNICODE_VERSION

    assert UNICODE_VERSION == "16.0.0"
    for table in (LETTERS, NUMBERS):
        ends = [[int(end, 16) for end in item.split("-")] for item in table.split()]
        assert all(left[-1] + 1 < right[0] for left, right in pairwise(ends))
