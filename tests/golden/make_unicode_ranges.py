"""Writes src/hornbook/tokenizer/unicode/ranges.py: the letters and numbers that GPT-2's tokenizers know.

Run it with tiktoken and tokenizers installed. Both ask for the general categories L and N of Unicode 16.0.0
(their regular expression libraries bring their own tables); the script stops if they differ over any code
point, or if the totals are not those of DerivedGeneralCategory-16.0.0.txt.
"""

import textwrap
from importlib.metadata import version
from pathlib import Path

import tiktoken
from tokenizers.pre_tokenizers import ByteLevel

UNICODE_VERSION = "16.0.0"
TOTALS = {"L": 141_028, "N": 1_911}
TARGET = Path(__file__).parents[2] / "src" / "hornbook" / "tokenizer" / "unicode" / "ranges.py"
CHARACTERS = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]

HEADER = '''"""The letters and numbers of Unicode {unicode}, as ranges of code points in hexadecimal.

Written by tests/golden/make_unicode_ranges.py, which found tiktoken {tiktoken} and tokenizers {tokenizers}
to agree on them over all code points. Not to be edited by hand.
"""

__all__ = ["LETTERS", "NUMBERS", "UNICODE_VERSION"]

UNICODE_VERSION = "{unicode}"
'''


def members_in_tiktoken(category: str) -> list[int]:
    """Code points that \\p{category} matches there: all others yield no token."""
    every_byte = {bytes([byte]): byte for byte in range(256)}
    encoding = tiktoken.Encoding(
        "probe", pat_str=rf"\p{{{category}}}", mergeable_ranks=every_byte, special_tokens={}
    )
    return [ord(character) for character in CHARACTERS if encoding.encode_ordinary(character)]


def members_in_tokenizers(category: str) -> list[int]:
    """Code points that the ByteLevel pre-tokenizer joins to a letter or a digit."""
    probe = {"L": "a", "N": "1"}[category]
    split = ByteLevel(add_prefix_space=False).pre_tokenize_str
    return [ord(character) for character in CHARACTERS if len(split(probe + character)) == 1]


def as_ranges(members: list[int]) -> str:
    """Joins runs of code points: [0x41, 0x42, 0xAA] is "41-42 AA"."""
    runs: list[list[int]] = []
    for code in members:
        if runs and runs[-1][1] == code - 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    return " ".join(f"{first:X}" if first == last else f"{first:X}-{last:X}" for first, last in runs)


def table(name: str, category: str) -> str:
    members = members_in_tiktoken(category)
    if members != members_in_tokenizers(category):
        raise SystemExit(f"tiktoken and tokenizers disagree on {category}")
    if len(members) != TOTALS[category]:
        raise SystemExit(
            f"{len(members)} characters are {category}, Unicode {UNICODE_VERSION} has {TOTALS[category]}"
        )
    lines = textwrap.fill(as_ranges(members), width=108, break_on_hyphens=False)
    return f'{name} = """\n{lines}\n"""\n'


def main() -> None:
    header = HEADER.format(
        unicode=UNICODE_VERSION, tiktoken=version("tiktoken"), tokenizers=version("tokenizers")
    )
    tables = [table("LETTERS", "L"), table("NUMBERS", "N")]
    TARGET.write_text("\n".join([header, *tables]), encoding="utf-8")


if __name__ == "__main__":
    main()
