r"""Text to words, as GPT-2 does it: merges never reach across the boundaries drawn here.

GPT-2's own pattern is

    's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+

The standard library's `re` has no \p{L} (letters) and \p{N} (numbers), and its \s counts four control
characters too many, so the classes are spelled out from `unicode_ranges`.

Source: `self.pat` in https://github.com/openai/gpt-2/blob/master/src/encoder.py
"""

import re
from functools import cache

from hornbook.tokenizer.unicode_ranges import LETTERS, NUMBERS

__all__ = ["split_words"]

# The characters with the Unicode property White_Space.
SPACE = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
LAST_OF_BASIC_PLANE = 0xFFFF
BASIC = r"\0-\uffff"
BEYOND = r"\U00010000-\U0010ffff"


def split_words(text: str) -> list[str]:
    """Cuts text into words with their leading space; joined they are the text again.

    Example:
        >>> split_words("They're 2  dogs!")
        ['They', "'re", ' 2', ' ', ' dogs', '!']
    """
    return word_pattern().findall(text)


@cache
def word_pattern() -> re.Pattern[str]:
    """The compiled pattern; made at first use, since it takes some 15 ms."""
    letters, letters_beyond = _classes(LETTERS)
    numbers, numbers_beyond = _classes(NUMBERS)
    return re.compile(
        "'(?:[stmd]|re|ve|ll)"
        f"| ?{_run(letters, letters_beyond)}"
        f"| ?{_run(numbers, numbers_beyond)}"
        f"| ?{_run(f'^{SPACE}{letters}{numbers}{BEYOND}', f'^{BASIC}{letters_beyond}{numbers_beyond}')}"
        rf"|[{SPACE}]+(?![^{SPACE}])"
        f"|[{SPACE}]+"
    )


def _run(basic: str, beyond: str) -> str:
    """One or more characters of a class that is given in two parts, up to U+FFFF and beyond.

    `re` looks up the first part in a bitmap but walks through the second range by range. The guard keeps
    characters up to U+FFFF, which most are, from that walk: four times as fast on prose. Possessive, so that
    nothing is tried twice.
    """
    return f"(?:[{basic}]++|(?=[{BEYOND}])[{beyond}]++)++"


def _classes(ranges: str) -> tuple[str, str]:
    """Ranges such as "41-5A AA" as two bodies of a character class: up to U+FFFF, and beyond."""
    basic: list[str] = []
    beyond: list[str] = []
    for item in ranges.split():
        first, _, last = item.partition("-")
        part = basic if int(first, 16) <= LAST_OF_BASIC_PLANE else beyond
        part.append(rf"\U{first:0>8}-\U{last or first:0>8}")
    return "".join(basic), "".join(beyond)
