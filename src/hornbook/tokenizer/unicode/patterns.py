r"""The patterns that divide text into words; a token never crosses the boundary between two words.

Each pattern is a regular expression that a family of tokenizers uses. GPT-2's own, for example, is

    's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+

The standard library's `re` has no \p{L} (letters) and \p{N} (numbers), and its \s has four control characters
too many, so the classes are spelled out from `ranges`. `native/words.h` is the fast twin.

Source: `self.pat` in https://github.com/openai/gpt-2/blob/master/src/encoder.py; the pre-tokenizers in the
tokenizer.json files of Llama 3 and Qwen 2.
"""

import re
from functools import cache
from typing import Literal, TypeAlias

from hornbook.tokenizer.unicode.code_points import CodePoints
from hornbook.tokenizer.unicode.ranges import LETTERS, NUMBERS
from hornbook.tokenizer.unicode.regex_classes import class_body, one_of, run_of

__all__ = ["PATTERNS", "SPACES", "WHITE_SPACE", "Pattern", "pattern_named", "split_words", "word_pattern"]

Pattern: TypeAlias = Literal["gpt2", "llama3", "qwen2"]
"""The pattern of GPT-2 and RoBERTa, of GPT-4 and Llama 3, of Qwen 2 and 3."""

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

WHITE_SPACE = "".join(
    chr(code) for first, last in CodePoints(SPACES).bounds.tolist() for code in range(first, last + 1)
)
"""The same characters as a text. str.strip() removes four control characters more."""

LINE_ENDS = "A D"


def pattern_named(expression: str) -> Pattern | None:
    """The name of a regular expression; None if it is not among `PATTERNS`."""
    return PATTERNS.get(expression)


def split_words(text: str, pattern: Pattern = "gpt2") -> list[str]:
    """Divides text into words, most with the space before them; joined they are the text again.

    Example:
        >>> split_words("They're 2  dogs!")
        ['They', "'re", ' 2', ' ', ' dogs', '!']
        >>> split_words("THEY'RE 2025!", "llama3")
        ['THEY', "'RE", ' ', '202', '5', '!']
    """
    return word_pattern(pattern).findall(text)


@cache
def word_pattern(pattern: Pattern) -> re.Pattern[str]:
    """The pattern for `re`; compiled at first use, since that takes some 15 ms."""
    space, letter_run, number_run = class_body(SPACES), run_of(LETTERS), run_of(NUMBERS)
    other_run = run_of(SPACES, LETTERS, NUMBERS, negated=True)
    if pattern == "gpt2":
        return re.compile(
            "'(?:[stmd]|re|ve|ll)"
            f"| ?{letter_run}"
            f"| ?{number_run}"
            f"| ?{other_run}"
            rf"|[{space}]+(?![^{space}])"
            f"|[{space}]+"
        )
    digits = {"llama3": "{1,3}", "qwen2": ""}[pattern]
    neither = one_of(LINE_ENDS, LETTERS, NUMBERS, negated=True)
    return re.compile(
        "'(?:[stmdSTMD\u017f]|[rR][eE]|[vV][eE]|[lL][lL])"
        f"|{neither}?{letter_run}"
        f"|{one_of(NUMBERS)}{digits}"
        rf"| ?{other_run}[\r\n]*"
        rf"|[{space}]*[\r\n]+"
        rf"|[{space}]+(?![^{space}])"
        f"|[{space}]+"
    )
