r"""Text to words: merges never reach across the boundaries drawn here.

Each pattern is a regular expression that a family of tokenizers uses. GPT-2's own, for example, is

    's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+

The standard library's `re` has no \p{L} (letters) and \p{N} (numbers), and its \s counts four control
characters too many, so the classes are spelled out from `unicode_ranges`. `native/words.h` is the quick twin.

Source: `self.pat` in https://github.com/openai/gpt-2/blob/master/src/encoder.py; the pre-tokenizers in the
tokenizer.json files of Llama 3 and Qwen 2.
"""

import re
from functools import cache
from typing import Literal, TypeAlias

from hornbook.tokenizer.unicode_ranges import LETTERS, NUMBERS

__all__ = ["PATTERNS", "SPACES", "Pattern", "pattern_named", "split_words"]

Pattern: TypeAlias = Literal["gpt2", "llama3", "qwen2"]
"""Named after who uses it: GPT-2 and RoBERTa; Llama 3 and what follows GPT-4; Qwen 2 and 3."""

PATTERNS: dict[str, Pattern] = {
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+": "gpt2",
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s": "gpt2",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+": "llama3",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+": "qwen2",
}
"""How files spell the patterns."""

SPACES = "9-D 20 85 A0 1680 2000-200A 2028-2029 202F 205F 3000"
"""The characters with the Unicode property White_Space, as ranges of code points in hexadecimal."""

LAST_OF_BASIC_PLANE = 0xFFFF
BASIC = r"\0-\uffff"
BEYOND = r"\U00010000-\U0010ffff"


def pattern_named(expression: str) -> Pattern | None:
    """The pattern that a regular expression is, None if it is none of them."""
    return PATTERNS.get(expression)


def split_words(text: str, pattern: Pattern = "gpt2") -> list[str]:
    """Cuts text into words, most with the space before them; joined they are the text again.

    Example:
        >>> split_words("They're 2  dogs!")
        ['They', "'re", ' 2', ' ', ' dogs', '!']
        >>> split_words("THEY'RE 2025!", "llama3")
        ['THEY', "'RE", ' ', '202', '5', '!']
    """
    return _compiled(pattern).findall(text)


@cache
def _compiled(pattern: Pattern) -> re.Pattern[str]:
    """The pattern for `re`; made at first use, since it takes some 15 ms."""
    letters, letters_beyond = _classes(LETTERS)
    numbers, numbers_beyond = _classes(NUMBERS)
    space, _ = _classes(SPACES)
    letter_run = _run(letters, letters_beyond)
    other_run = _run(f"^{space}{letters}{numbers}{BEYOND}", f"^{BASIC}{letters_beyond}{numbers_beyond}")
    if pattern == "gpt2":
        return re.compile(
            "'(?:[stmd]|re|ve|ll)"
            f"| ?{letter_run}"
            f"| ?{_run(numbers, numbers_beyond)}"
            f"| ?{other_run}"
            rf"|[{space}]+(?![^{space}])"
            f"|[{space}]+"
        )
    digits = {"llama3": "{1,3}", "qwen2": ""}[pattern]
    neither = _one(rf"^\r\n{letters}{numbers}{BEYOND}", f"^{BASIC}{letters_beyond}{numbers_beyond}")
    return re.compile(
        "'(?:[stmdSTMD\u017f]|[rR][eE]|[vV][eE]|[lL][lL])"
        f"|{neither}?{letter_run}"
        f"|{_one(numbers, numbers_beyond)}{digits}"
        rf"| ?{other_run}[\r\n]*"
        rf"|[{space}]*[\r\n]+"
        rf"|[{space}]+(?![^{space}])"
        f"|[{space}]+"
    )


def _one(basic: str, beyond: str) -> str:
    """A character of a class that is given in two parts, up to U+FFFF and beyond."""
    return f"(?:[{basic}]|(?=[{BEYOND}])[{beyond}])"


def _run(basic: str, beyond: str) -> str:
    """One or more characters of such a class.

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
