"""Regular expressions against the engine of Hugging Face's tokenizers."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex
from tokenizers.pre_tokenizers import Split

from hornbook.errors import TokenizerError
from hornbook.tokenizer.unicode.regex import compile_pattern

LETTERS = "abkKsSßſﬁfi'tT"
OTHERS = " \n\r\t\x85\u3000²1٣漢ひカ한का́ǅʰ.!$_-Ж𠀀😀"
TEXTS = st.text(st.sampled_from(LETTERS + OTHERS), max_size=17)

SETS = [
    r"\p{L}", r"\p{Lu}", r"\P{N}", r"\p{^M}", r"\p{Han}", r"\p{Cyrillic}", r"\s", r"\S", r"\d", r"\w", r"\W",
    r"\x{61}", r"\u0062",
    r"\h", ".", "[ab]", "[^a]", "[a-k1]", "[[:alpha:]]", "[[:^space:]]", r"[\w&&[^ab]]", r"[^\s\p{L}]",
    r"[\p{P}\p{S}]", "[[ab]k]", r"\N", r"\O", r"\R", r"[s-u]", "[ß]", r"[[:punct:]]", r"[^\W_]",
]  # fmt: skip
ATOMS = st.sampled_from(SETS) | st.sampled_from(LETTERS + " 1漢")
EDGES = st.sampled_from(
    ["^", "$", r"\A", r"\z", r"\Z", r"\b", r"\B", "(?=a)", r"(?!\S)", "(?<=a)", "(?<!s|ss)"]
)
QUANTIFIERS = st.sampled_from(
    [
        "*",
        "+",
        "?",
        "*?",
        "+?",
        "??",
        "*+",
        "++",
        "?+",
        "{2}",
        "{1,2}",
        "{2,}",
        "{,2}",
        "{1,2}?",
        "{2}+",
        "{2}?",
    ]
)


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    grouped = st.builds(
        "{}{})".format, st.sampled_from(["(", "(?:", "(?>", "(?i:", "(?m:", "(?x: ", "(?-i:", "(?i)("]), inner
    ).map(lambda group: group + ")" if group.startswith("(?i)(") else group)
    grouped = grouped.map(lambda group: group[:-1] if group.startswith("(?i)(") else group)
    looks = st.builds("{}{})".format, st.sampled_from(["(?=", "(?!"]), inner)
    return (
        st.builds("{}{}".format, inner, inner)
        | st.builds("(?:{}|{})".format, inner, inner)
        | st.builds("(?:{}){}".format, inner, QUANTIFIERS)
        | grouped
        | looks
    )


PATTERNS = st.recursive(ATOMS | st.builds("{}{}".format, ATOMS, QUANTIFIERS) | EDGES, larger, max_leaves=7)


def expected(pattern: str, text: str) -> list[tuple[int, int]]:
    """What the package's Split keeps as matches."""
    split = Split(Regex(pattern), "removed", invert=True)
    return [span for _, span in split.pre_tokenize_str(text)]


def matched(pattern: str, text: str) -> list[tuple[int, int]]:
    return [span for span in compile_pattern(pattern).spans(text) if span[0] < span[1]]


@settings(max_examples=400, deadline=None)
@given(PATTERNS, TEXTS)
def test_matches_what_the_package_matches(pattern: str, text: str) -> None:
    try:
        Regex(pattern)
    except Exception:
        return
    assert matched(pattern, text) == expected(pattern, text)


SLOW_ON_PURPOSE = [
    (r"(a+)+$", "a" * 50_000 + "b"),
    (r"(a+)+$", "a" * 50_000),
    (r"(a|aa)+b", "a" * 50_000),
    (r"(\s+)*x", " " * 50_000),
    (r"(a*)*(a*)*b", "a" * 50_000),
    (r"\s+x", " " * 50_000),
    (r"a+x|a", "a" * 50_000),
    (r"(?:a?){20}a{20}c", "a" * 50_000),
    (r"(a|a){30}b", "a" * 5_000),
    (r"a*a*a*a*b", "a" * 50_000),
    (r"(?=(a+)+b)a", "a" * 50_000),
    (r"(?>(a|aa)+b)", "a" * 50_000),
    (r"(a+)+\1b", "a" * 5_000),
    (r"(?i)(ss|s)+k", "s" * 50_000),
]


@pytest.mark.parametrize(("pattern", "text"), SLOW_ON_PURPOSE)
def test_what_is_slow_on_purpose_ends(pattern: str, text: str) -> None:
    started = time.thread_time()
    try:
        found = sum(1 for _ in compile_pattern(pattern).spans(text))
    except TokenizerError:
        found = -1
    assert time.thread_time() - started < 10
    assert found in (-1, 0, 1) or pattern == "a+x|a"
