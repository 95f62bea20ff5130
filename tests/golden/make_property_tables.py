"""Writes src/hornbook/tokenizer/unicode/property_tables.py: Unicode as tokenizers' patterns know it.

Run it with tokenizers installed. Its engine, Oniguruma, brings tables of its own, so it is asked about every
code point: which general category and script it has, and what it equals when case is ignored.
"""

import textwrap
from collections import defaultdict
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from make_unicode_ranges import CHARACTERS, as_ranges
from tokenizers import Regex, pre_tokenizers

TARGET = Path(__file__).parents[2] / "src" / "hornbook" / "tokenizer" / "unicode" / "property_tables.py"
CATEGORIES = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co Cn"
EMOJI = "Emoji Emoji_Presentation Emoji_Modifier Emoji_Modifier_Base Emoji_Component Extended_Pictographic"
SCRIPTS = """
Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki
Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham Cherokee
Chorasmian Common Coptic Cuneiform Cypriot Cypro_Minoan Cyrillic Deseret Devanagari Dives_Akuru Dogra Duployan
Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Garay Georgian Glagolitic Gothic Grantha Greek Gujarati
Gunjala_Gondi Gurmukhi Gurung_Khema Han Hangul Hanifi_Rohingya Hanunoo Hatran Hebrew Hiragana Imperial_Aramaic
Inherited Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Katakana Kawi Kayah_Li
Kharoshthi Khitan_Small_Script Khmer Khojki Khudawadi Kirat_Rai Lao Latin Lepcha Limbu Linear_A Linear_B Lisu
Lycian Lydian Mahajani Makasar Malayalam Mandaic Manichaean Marchen Masaram_Gondi Medefaidrin Meetei_Mayek
Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani Myanmar Nabataean
Nag_Mundari Nandinagari New_Tai_Lue Newa Nko Nushu Nyiakeng_Puachue_Hmong Ogham Ol_Chiki Ol_Onal Old_Hungarian
Old_Italic Old_North_Arabian Old_Permic Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur Oriya
Osage Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan
Saurashtra Sharada Shavian Siddham SignWriting Sinhala Sogdian Sora_Sompeng Soyombo Sundanese Sunuwar
Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana Thai
Tibetan Tifinagh Tirhuta Todhri Toto Tulu_Tigalari Ugaritic Vai Vithkuqi Wancho Warang_Citi Yezidi Yi
Zanabazar_Square
"""

HEADER = '''"""Properties of characters as the regular expressions of Hugging Face's tokenizers know them.

Written by tests/golden/make_property_tables.py, which asked tokenizers {tokenizers} about every code point.
Not to be edited by hand.
"""

__all__ = ["BINARY", "CASE_FOLDS", "CATEGORIES", "LONG_FOLDS", "SCRIPTS"]
'''

EVERYTHING = "".join(CHARACTERS)


def members(expression: str, text: str = EVERYTHING) -> set[int]:
    """The code points of a text that an expression matches."""
    split = pre_tokenizers.Split(Regex(f"(?:{expression})+"), "removed", invert=True)
    return {ord(each) for piece, _ in split.pre_tokenize_str(text) for each in piece}


def category_runs() -> str:
    """All code points in order: each run's category, and its length in hexadecimal if it is not 1."""
    category = {code: name for name in CATEGORIES.split() for code in members(rf"\p{{{name}}}")}
    runs: list[tuple[str, int]] = []
    for code in range(0x110000):
        name = category.get(code, "Cs")
        if runs and runs[-1][0] == name:
            runs[-1] = (name, runs[-1][1] + 1)
        else:
            runs.append((name, 1))
    return " ".join(name if count == 1 else f"{name}{count:X}" for name, count in runs)


def binary_properties() -> dict[str, str]:
    letters, numerals = members(r"\p{L}"), members(r"\p{Nl}")
    beyond = {
        "Other_Alphabetic": members(r"\p{Alphabetic}") - letters - numerals,
        "Other_Lowercase": members(r"\p{Lowercase}") - members(r"\p{Ll}"),
        "Other_Uppercase": members(r"\p{Uppercase}") - members(r"\p{Lu}"),
        "Ideographic": members(r"\p{Ideographic}"),
        "White_Space": members(r"\s"),
    }
    beyond |= {name: members(rf"\p{{{name}}}") for name in EMOJI.split()}
    return {name: as_ranges(sorted(codes)) for name, codes in beyond.items()}


def cased() -> list[str]:
    """The characters that some letter may equal when case is ignored, and a few more."""
    return (
        [
            each
            for each in CHARACTERS
            if each.lower() != each or each.upper() != each or each.title() != each or each.casefold() != each
        ]
        + [chr(code) for code in range(0x10D50, 0x10D90)]
        + list("\u1c89\u1c8a\ua7cb\ua7cc\ua7cd\ua7da\ua7db\ua7dc")
    )


def case_folds() -> str:
    """Runs of characters that equal another, and how far that is, as "41-5A+20"; every second one as "/2"."""
    candidates = cased()
    text = "".join(candidates)
    folds: dict[int, int] = {}
    for each in candidates:
        equal = sorted(members(f"(?i:{each})", text))
        if len(equal) > 1 and ord(each) != equal[-1]:
            folds[ord(each)] = equal[equal.index(ord(each)) + 1]
    runs: list[list[int]] = []
    for code, other in sorted(folds.items()):
        last = runs[-1] if runs else [0, -9, 1, 0]
        gap = code - last[1]
        if last[3] == other - code and gap in ((1, 2) if last[0] == last[1] else (last[2],)):
            last[1:3] = [code, gap]
        else:
            runs.append([code, code, 1, other - code])
    return " ".join(
        f"{first:X}{f'-{last:X}' if last > first else ''}{'/2' if step == 2 else ''}+{shift:X}"
        for first, last, step, shift in runs
    )


def long_folds() -> str:
    """Characters that equal several: "DF=73.73" is the sharp s, which equals "ss"."""
    found = defaultdict(list)
    for each in CHARACTERS:
        fold = each.casefold()
        if len(fold) > 1 and members(f"(?i:{each})", f"{fold}\u4e00") == set(map(ord, fold)):
            found[fold].append(f"{ord(each):X}")
    return " ".join(
        f"{','.join(codes)}={'.'.join(f'{ord(part):X}' for part in fold)}" for fold, codes in found.items()
    )


def wrapped(text: str, indent: str = "") -> str:
    lines = textwrap.fill(text, width=108, break_on_hyphens=False, break_long_words=False)
    return textwrap.indent(f'"""\n{lines}\n"""', indent).lstrip()


def dictionary(name: str, entries: Iterable[tuple[str, str]]) -> str:
    body = "\n".join(f'    "{key}": {wrapped(value)},' for key, value in entries)
    return f"{name} = {{\n{body}\n}}\n"


def main() -> None:
    scripts = {name: as_ranges(sorted(members(rf"\p{{{name}}}"))) for name in SCRIPTS.split()}
    parts = [
        HEADER.format(tokenizers=version("tokenizers")),
        f"CATEGORIES = {wrapped(category_runs())}\n",
        dictionary("BINARY", binary_properties().items()),
        f"CASE_FOLDS = {wrapped(case_folds())}\n",
        f"LONG_FOLDS = {wrapped(long_folds())}\n",
        dictionary("SCRIPTS", scripts.items()),
    ]
    TARGET.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
