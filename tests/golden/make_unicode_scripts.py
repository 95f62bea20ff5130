"""Writes src/hornbook/tokenizer/unicode/scripts.py: the scripts that Hugging Face's tokenizers tells apart.

Run it with tokenizers installed. The script asks its pre-tokenizer UnicodeScripts about every code point: two
characters are of one script if it keeps them together. Characters that go with any other, such as the space
and those of later versions of Unicode, have no script.
"""

import textwrap
from importlib.metadata import version
from pathlib import Path

from make_unicode_ranges import CHARACTERS
from tokenizers.pre_tokenizers import UnicodeScripts

TARGET = Path(__file__).parents[2] / "src" / "hornbook" / "tokenizer" / "unicode" / "scripts.py"

HEADER = '''"""The scripts that Hugging Face's tokenizers tells apart: ranges in hexadecimal and numbers.

Written by tests/golden/make_unicode_scripts.py, which asked tokenizers {version} about every code point.
Not to be edited by hand.
"""

__all__ = ["SCRIPTS"]

SCRIPTS = """
'''


SPLIT = UnicodeScripts().pre_tokenize_str


def are_together(first: str, second: str) -> bool:
    return len(SPLIT(first + second)) == 1


def with_script() -> list[str]:
    """The characters that do not go with every other: not both with a Latin and with a Chinese one."""
    pairs = {each: [f"{example}{each}" for example in "a\u65e5"] for each in CHARACTERS}
    return [each for each in CHARACTERS if not all(len(SPLIT(pair)) == 1 for pair in pairs[each])]


def script_of(character: str, examples: list[str]) -> int:
    """The number of the script; a script that no example has gets the next one."""
    for number, example in enumerate(examples):
        if are_together(example, character):
            return number
    examples.append(character)
    return len(examples) - 1


def script_ranges() -> list[tuple[int, int, int]]:
    """First and last code point, and the script."""
    examples: list[str] = []
    ranges: list[tuple[int, int, int]] = []
    for run, _ in SPLIT("".join(with_script())):
        number = script_of(run[0], examples)
        for code in map(ord, run):
            if ranges and ranges[-1][1] == code - 1 and ranges[-1][2] == number:
                ranges[-1] = (ranges[-1][0], code, number)
            else:
                ranges.append((code, code, number))
    return ranges


def main() -> None:
    """Writes the module."""
    items = [f"{first:X}-{last:X}:{number}" for first, last, number in script_ranges()]
    body = textwrap.fill(" ".join(items), 110, break_long_words=False, break_on_hyphens=False)
    TARGET.write_text(f'{HEADER.format(version=version("tokenizers"))}{body}\n"""\n', encoding="ascii")


if __name__ == "__main__":
    main()
