r"""The characters that a property has, as Oniguruma, the engine of Hugging Face's tokenizers, knows them.

General categories (\p{Lu}), scripts (\p{Han}), POSIX brackets ([[:alpha:]]) and some binary properties
(\p{Alphabetic}, \p{Emoji}), all of Unicode 16 whatever version of Unicode this Python brings.
"""

from functools import cache

from hornbook.tokenizer.regex.tree import ANY, Ranges, inverse, normal
from hornbook.tokenizer.unicode.property_tables import BINARY, CASE_FOLDS, CATEGORIES, LONG_FOLDS, SCRIPTS

__all__ = ["LATIN_WORD", "LINE_BREAK", "case_orbits", "long_folds", "property_ranges"]

LINE_BREAK: Ranges = ((0xA, 0xD), (0x85, 0x85), (0x2028, 0x2029))
LATIN_WORD: Ranges = ((0xB2, 0xB3), (0xB9, 0xB9), (0xBC, 0xBE))
r"""Belong to \w and \p{word}, yet not to [\w] and [[:word:]]: superscripts and fractions of Latin-1."""

LONG_NAMES = {
    "letter": "l",
    "casedletter": "lc",
    "uppercaseletter": "lu",
    "lowercaseletter": "ll",
    "titlecaseletter": "lt",
    "modifierletter": "lm",
    "otherletter": "lo",
    "mark": "m",
    "combiningmark": "m",
    "nonspacingmark": "mn",
    "spacingmark": "mc",
    "enclosingmark": "me",
    "number": "n",
    "decimalnumber": "nd",
    "letternumber": "nl",
    "othernumber": "no",
    "punctuation": "p",
    "connectorpunctuation": "pc",
    "dashpunctuation": "pd",
    "openpunctuation": "ps",
    "closepunctuation": "pe",
    "initialpunctuation": "pi",
    "finalpunctuation": "pf",
    "otherpunctuation": "po",
    "symbol": "s",
    "mathsymbol": "sm",
    "currencysymbol": "sc",
    "modifiersymbol": "sk",
    "othersymbol": "so",
    "separator": "z",
    "spaceseparator": "zs",
    "lineseparator": "zl",
    "paragraphseparator": "zp",
    "other": "c",
    "control": "cc",
    "format": "cf",
    "privateuse": "co",
    "unassigned": "cn",
    "surrogate": "cs",
    "punct": "p",
    "digit": "nd",
    "cntrl": "cc",
    "lower": "lowercase",
    "upper": "uppercase",
    "alpha": "alphabetic",
    "space": "whitespace",
}

ASCII: Ranges = ((0, 0x7F),)
HEX_DIGITS: Ranges = ((0x30, 0x39), (0x41, 0x46), (0x61, 0x66))
TAB: Ranges = ((9, 9),)

SUMS: dict[str, tuple[str, ...]] = {
    "lc": ("lu", "ll", "lt"),
    "alphabetic": ("l", "nl", "otheralphabetic"),
    "lowercase": ("ll", "otherlowercase"),
    "uppercase": ("lu", "otheruppercase"),
    "alnum": ("alphabetic", "nd"),
    "plainword": ("alphabetic", "m", "nd", "pc"),
    "bracketpunct": ("p", "s"),
    "invisible": ("whitespace", "cc", "cn", "cs"),
}
"""Properties that are unions of others."""


@cache
def property_ranges(name: str) -> Ranges | None:
    """The characters with a property; None if there is no property of that name.

    Args:
        name: as it stands between the braces; case, spaces, "_" and "-" do not count. `Script=`, `sc=`,
            `General_Category=` and `gc=` may precede it.
    """
    key = "".join(each for each in name.casefold() if each not in " _-")
    for prefix in ("script=", "sc=", "generalcategory=", "gc="):
        key = key.removeprefix(prefix)
    key = LONG_NAMES.get(key, key)
    if key in SUMS:
        return normal([pair for part in SUMS[key] for pair in property_ranges(part) or ()])
    return _special(key) or _table().get(key)


def _special(key: str) -> Ranges | None:
    result: Ranges | None
    match key:
        case "any":
            result = ANY
        case "ascii":
            result = ASCII
        case "xdigit":
            result = HEX_DIGITS
        case "blank":
            result = normal(_sum("zs") + TAB)
        case "word":
            result = normal(_sum("plainword") + LATIN_WORD)
        case "assigned":
            result = inverse(_sum("cn"))
        case "graph":
            result = inverse(_sum("invisible"))
        case "print":
            result = normal(_sum("graph") + _sum("zs"))
        case _:
            result = None
    return result


def _sum(name: str) -> Ranges:
    return property_ranges(name) or ()


@cache
def _table() -> dict[str, Ranges]:
    """All that is written down, by names without case and "_"."""
    table = _categories()
    for name, ranges in (BINARY | SCRIPTS).items():
        table[name.casefold().replace("_", "")] = _parsed(ranges)
    return table


def _categories() -> dict[str, Ranges]:
    found: dict[str, list[tuple[int, int]]] = {}
    start = 0
    for run in CATEGORIES.split():
        stop = start + int(run[2:] or "1", 16)
        for name in (run[0].casefold(), run[:2].casefold()):
            found.setdefault(name, []).append((start, stop - 1))
        start = stop
    return {name: normal(ranges) for name, ranges in found.items()}


def _parsed(text: str) -> Ranges:
    pairs = (item.partition("-") for item in text.split())
    return tuple((int(first, 16), int(last or first, 16)) for first, _, last in pairs)


@cache
def case_orbits() -> dict[int, tuple[int, ...]]:
    """For each character that equals others when case is ignored: all of them, itself among them."""
    orbits: dict[int, tuple[int, ...]] = {}
    for run in CASE_FOLDS.split():
        span, _, shift = run.partition("+")
        codes, _, step = span.partition("/")
        first, _, last = codes.partition("-")
        for code in range(int(first, 16), int(last or first, 16) + 1, int(step or "1")):
            orbit = orbits.get(code, (code,)) + orbits.get(code + int(shift, 16), (code + int(shift, 16),))
            orbits.update(dict.fromkeys(orbit, orbit))
    return orbits


@cache
def long_folds() -> dict[str, tuple[int, ...]]:
    """Texts that equal a single character when case is ignored: "ss" and the two sharp s."""
    folds = {}
    for entry in LONG_FOLDS.split():
        codes, _, text = entry.partition("=")
        fold = "".join(chr(int(part, 16)) for part in text.split("."))
        folds[fold] = tuple(int(code, 16) for code in codes.split(","))
    return folds
