"""Regular expressions against the engine of Hugging Face's tokenizers."""

import re
import time
from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Regex
from tokenizers.pre_tokenizers import Split

from hornbook.errors import TokenizerError
from hornbook.tokenizer.regex import compile_pattern
from hornbook.tokenizer.regex.matcher import Program, Run
from hornbook.tokenizer.regex.parser import parse
from hornbook.tokenizer.regex.simplify import possessive
from hornbook.tokenizer.regex.writer import references, write
from hornbook.tokenizer.unicode.named_patterns import NAMED_PATTERNS, family_of

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


FOLDING = "sSfFiItTßſﬁﬃkK\u212ah\u0331ẖnʼŉj\u030cǰΐι\u0308\u0301"


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["(?i:{})", "(?i:{}+)", "(?i)[{}]", "(?i)[^{}]+", "(?i)[{}]s"]),
    st.text(st.sampled_from(FOLDING), min_size=1, max_size=5),
    st.text(st.sampled_from(FOLDING), max_size=11),
)
def test_ignores_case_as_the_package_does(form: str, letters: str, text: str) -> None:
    pattern = form.format(letters)
    assert matched(pattern, text) == expected(pattern, text)


RARE = [
    ("a{3,1}", "aaaaa"),
    ("a{2}?", "aaaa"),
    ("a{,2}b{,}", "aab{,}"),
    ("(?i:ss)", "ß ss ẞ SS ſs"),
    ("(?i:ß)", "ß ss ẞ SS"),
    ("(?i:[ß])", "ß ss ẞ SS"),
    ("(?i:ffi)", "ffi ﬃ fﬁ ﬀi FFI"),
    ("(?i:Fﬁ)", "ﬃ ffi fﬁ"),
    ("(?i:ſßj?)", "ßſ ſß sss"),
    ("(?i:ssss)", "ßß ssß ßss sßs"),
    ("(?i:s)(?i:s)", "ß ss"),
    ("(?i:s{2})", "ß ss"),
    (r"(?i)[^\p{Lu}]", "aB1"),
    ("a(?i)b|c", "aB C aC"),
    ("(?:(?:a|aa)+)*|c", "ac"),
    ("a*|b", "bab"),
    ("b|a*", "bab"),
    ("(|a)*", "aab"),
    (r"(?<=a|bc|d{1,3})x", "ax bcx dddx x"),
    (r"(?<!a|bc)x", "ax bcx x"),
    ("[]a]", "]a"),
    ("[a-c-e]", "abcde-"),
    ("[^a-c&&b-d]", "abcde"),
    ("(?x) a b # and\n c", "abc"),
    ("(?<n>a)(b)\\k<n>", "aba"),
    (r"\101\x{42}\u0043\cA\e", "ABC\x01\x1b"),
    (r"\b.", "a²b é"),
    ("(?m:a.)(?#a comment)b", "a\nb"),
    ("(?-i:$)*a", "a"),
]


@pytest.mark.parametrize(("pattern", "text"), RARE)
def test_rare_syntax_means_what_it_means_to_the_package(pattern: str, text: str) -> None:
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


EVERY_CHARACTER = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x110000)]))
PROPERTIES = [
    r"\p{Lu}", r"\p{Lt}", r"\p{Mn}", r"\p{P}", r"\p{S}", r"\p{Z}", r"\p{C}", r"\p{Cn}",
    r"\p{Han}", r"\p{Hiragana}", r"\p{Alphabetic}", r"\p{Emoji}", r"\p{Uppercase Letter}", r"\w", r"\s",
    r"\h", "[[:word:]]", "[[:graph:]]", "[[:punct:]]", "(?i)[k-t]",
]  # fmt: skip


@pytest.mark.parametrize("pattern", PROPERTIES)
def test_every_character_has_the_properties_that_the_package_knows(pattern: str) -> None:
    assert matched(f"(?:{pattern})+", EVERY_CHARACTER) == expected(f"(?:{pattern})+", EVERY_CHARACTER)


GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
REAL_PATTERNS = {
    **{
        f"{name} {index}": each
        for name, all_of in NAMED_PATTERNS.items()
        for index, each in enumerate(all_of)
    },
    "GPT-2": GPT2,
    "Llama 3, GLM-4": LLAMA3,
    "p50k": r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s",
    "BLOOM": r" ?[^(\s|[.,!?…。，、।۔،])]+",
    "Falcon": "[0-9][0-9][0-9]",
    "CLIP": r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+",
    "DeepSeek Coder": r"\s?[!-/:-~！-／：-～‘-‟\u3000-。]+",
    "Kimi": r"[\p{Han}]+|[\p{Lu}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lo}\p{M}&&[^\p{Han}]]+|\s+",
    "digits from the right": r"(?:\p{Nd}{1,3})(?=(?:\p{Nd}{3})*(?!\p{Nd}))",
}
SAMPLE = (
    "They're HERE, don'T you'Ll SEE?\r\n\n  camelCase HTTPServer  x1234567 ½²٣ 12 345\t\tÄÖÜ naïve "
    "cafe\u0301 它是漢字とひらがなカタカナ한국어. "
    "Русский ქართული हिन्दी (brackets)[x] /path/to/file.py \u3000…。 👍🏽 "
    "ǅ ʰ ſ K'ſ !word _under_ $5.00 <|end|> end   "
)


@pytest.mark.parametrize("name", REAL_PATTERNS)
def test_patterns_of_real_models(name: str) -> None:
    pattern = REAL_PATTERNS[name]
    for text in (SAMPLE, SAMPLE * 23, EVERY_CHARACTER[:3001] + EVERY_CHARACTER[0x1F000:0x1F700]):
        assert matched(pattern, text) == expected(pattern, text)


O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN35 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}"
    r"| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
DEEPSEEK = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
    r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def test_families_are_known_by_their_patterns() -> None:
    assert family_of((O200K,)) == "o200k"
    assert family_of((TEKKEN,)) == "tekken"
    assert family_of((QWEN35,)) == "qwen35"
    assert family_of((r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+", DEEPSEEK)) == "deepseek-v3"
    assert family_of((DEEPSEEK,)) is None


@settings(max_examples=100, deadline=None)
@given(PATTERNS, TEXTS)
@example(r"(a|b)+\1", "abab")
@example(r"(|a)*", "aab")
@example(r"(?<n>[ab])\k<n>+", "abbba")
def test_the_matcher_that_remembers_agrees(pattern: str, text: str) -> None:
    tree = possessive(parse(pattern))
    run = Run(Program(tree, references(tree)), text)
    expected_first = re.compile(write(tree)).search(text)
    assert run.search(0) == (None if expected_first is None else expected_first.span())


REFUSED = [
    ("(", "'\\('", 0), (")", "'\\)'", 0), ("a)b", "'\\)'", 1), ("[a", "'\\['", 0),
    ("*a", "'\\*'", 0), ("a|+", "'\\+'", 2),
    (r"\p{Foo}", "Foo", 0), ("[[:foo:]]", "foo", 1), (r"a\Kb", "K", 1), (r"\X", "X", 0), (r"\Ga", "G", 0),
    ("(?~a)", "~", 0), (r"(a)?(?(1)b|c)", r"\(\?\(", 4), (r"\2(a)", r"\\2", 0), ("[z-a]", "z-a", 1),
    (r"\x{110000}", "110000", 0),
    ("a{100001}", "100001", 2), ("(?W:a)", "W", 0), (r"(?i)(a)\1", "i", 7), ("\\", "ends the pattern", 0),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "construct", "position"), REFUSED)
def test_what_is_not_translated_is_named(pattern: str, construct: str, position: int) -> None:
    with pytest.raises(TokenizerError, match=construct) as caught:
        compile_pattern(pattern)
    assert f" at {position} " in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "pattern", [r"[^\p{L}\p{N}]" * 1500, "(?i)" + r"[\p{L}]" * 300, r"(?i)" + "s" * 19_000]
)
def test_long_patterns_take_no_long_time(pattern: str) -> None:
    started = time.thread_time()
    with suppress(TokenizerError):
        compile_pattern(pattern)
    assert time.thread_time() - started < 8


@pytest.mark.parametrize("pattern", ["(?<=a+)b", "(?<=(?:a|bc){0,70})b", "(a+)+b(a{1000}){1000}", "(" * 200])
def test_what_would_be_too_large_is_refused(pattern: str) -> None:
    with pytest.raises(TokenizerError):
        list(compile_pattern(pattern).spans("ab" * 31))
