"""The native encoder against its twin in Python, and both against tiktoken."""

import base64
import importlib
import math
import os
import random
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st

from hornbook.machine import usable_threads
from hornbook.tokenizer import BPETokenizer
from hornbook.tokenizer.models.byte_bpe import ByteEncoder, PythonBPE
from hornbook.tokenizer.models.byte_bpe_native import NativeBPE
from hornbook.tokenizer.unicode.byte_alphabet import BYTE_TO_CHARACTER
from hornbook.tokenizer.unicode.patterns import PATTERNS, Pattern, pattern_named, split_words

kernels = pytest.importorskip("hornbook._native", reason="the native module needs a C++ compiler to be built")

WHOLE = bool(os.environ.get("HORNBOOK_TEST_WHOLE"))
CHARACTERS = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
ALPHABET = "aA'sSrtTdlLveE 0123\n\r\t.,!?-\xa0\u3000éßñ中文字हिन्दी😀\u200d\u0301\x00\u017f\u212a"
KINDS: list[Pattern] = ["gpt2", "llama3", "qwen2"]
SIZE = 1_000_000 if WHOLE else 200_000
SHAPES: dict[str, Callable[[int], str]] = {
    "letters": lambda n: "a" * n,
    "spaces": lambda n: " " * n,
    "newlines": lambda n: "\n" * n,
    "digits": lambda n: "7" * n,
    "contractions": lambda n: "'s" * (n // 2),
    "joined emoji": lambda n: "👩\u200d" * (n // 7),
    "marks": lambda n: "e" + "\u0301" * (n // 2),
    "base64": lambda n: base64.b64encode(random.Random(7).randbytes(n * 3 // 4)).decode(),
    "nulls": lambda n: "\0" * n,
    "replacements": lambda n: "\ufffd" * (n // 3),
}


def arguments(tokenizer: BPETokenizer) -> tuple[list[int], list[tuple[int, int, int]], int]:
    tokens = tokenizer._pipeline.tokens
    pairs = tokenizer._document["model"]["merges"]
    merges = [(tokens[left], tokens[right], tokens[left + right]) for left, right in pairs]
    return [tokens[character] for character in BYTE_TO_CHARACTER], merges, len(tokens)


@pytest.fixture(scope="module")
def twins(tiny: BPETokenizer) -> Callable[[Pattern | None], tuple[NativeBPE, PythonBPE]]:
    byte_ids, merges, n_ids = arguments(tiny)

    def make(pattern: Pattern | None) -> tuple[NativeBPE, PythonBPE]:
        native = NativeBPE(byte_ids, merges, n_ids, pattern=pattern)
        return native, PythonBPE(byte_ids, merges, pattern=pattern)

    return make


@pytest.fixture(scope="module")
def gpt2(test_data: Path) -> tuple[NativeBPE, tiktoken.Encoding]:
    folder = test_data / "tokenizer"
    tokenizer = BPETokenizer.from_files(folder / "encoder.json", folder / "vocab.bpe")
    lines = (folder / "r50k_base.tiktoken").read_text().splitlines()
    ranks = {base64.b64decode(token): int(rank) for token, rank in map(str.split, lines)}
    expression = next(expression for expression, name in PATTERNS.items() if name == "gpt2")
    oracle = tiktoken.Encoding("r50k", pat_str=expression, mergeable_ranks=ranks, special_tokens={})
    byte_ids, merges, n_ids = arguments(tokenizer)
    return NativeBPE(byte_ids, merges, n_ids, pattern="gpt2"), oracle


def assert_equal_ids(ours: ByteEncoder, oracle: tiktoken.Encoding, texts: list[str]) -> None:
    ids, offsets = ours.encode_batch(texts)
    for text, (begin, end) in zip(texts, pairwise(offsets.tolist()), strict=True):
        assert ids[begin:end].tolist() == oracle.encode_ordinary(text), repr(text)[:100]


def test_every_character_has_the_ids_of_tiktoken(gpt2: tuple[NativeBPE, tiktoken.Encoding]) -> None:
    sample = CHARACTERS if WHOLE else CHARACTERS[:0x600] + CHARACTERS[0x600::97]
    for make in (lambda c: c, lambda c: f" {c}", lambda c: c + c):
        assert_equal_ids(*gpt2, [make(character) for character in sample])


@settings(max_examples=20_000 if WHOLE else 300, deadline=None)
@given(st.text() | st.text(ALPHABET, max_size=60))
def test_any_text_has_the_ids_of_tiktoken(gpt2: tuple[NativeBPE, tiktoken.Encoding], text: str) -> None:
    assert_equal_ids(*gpt2, [text])


def test_lines_of_books_have_the_ids_of_tiktoken(
    gpt2: tuple[NativeBPE, tiktoken.Encoding], test_data: Path
) -> None:
    files = sorted((test_data / "train" / "lm").rglob("*.txt"))
    lines: list[str] = []
    for file in files if WHOLE else files[::29]:
        lines += file.read_text("utf-8", "replace").splitlines(keepends=True)[: None if WHOLE else 300]
    assert len(lines) > 1000
    assert_equal_ids(*gpt2, lines[:1_000_000])


@pytest.mark.parametrize("name", SHAPES)
def test_odd_texts_have_the_ids_of_tiktoken(gpt2: tuple[NativeBPE, tiktoken.Encoding], name: str) -> None:
    assert_equal_ids(*gpt2, [SHAPES[name](n) for n in (1, 2, 31, 33, 127, 128, 129, 131, 1009, 4001)])


@pytest.mark.parametrize("pattern", [*KINDS, None])
def test_the_twins_agree(twins: Any, pattern: Pattern | None) -> None:
    native, python = twins(pattern)
    rng = random.Random(3)
    texts = ["".join(rng.choices(ALPHABET, k=rng.randrange(50))) for _ in range(3000)]
    texts += [character + "x" + character for character in CHARACTERS[:: 1 if WHOLE else 331]]
    ids, offsets = native.encode_batch(texts)
    expected, expected_offsets = python.encode_batch(texts)
    np.testing.assert_array_equal(offsets, expected_offsets)
    np.testing.assert_array_equal(ids, expected)


@pytest.mark.parametrize("pattern", KINDS)
def test_words_are_those_of_the_published_expressions(twins: Any, pattern: Pattern) -> None:
    """tiktoken cuts by the expression itself; with a token for each byte, words show in the merges."""
    rng = random.Random(5)
    texts = ["".join(rng.choices(ALPHABET, k=rng.randrange(40))) for _ in range(2000)]
    for expression in [text for text, name in PATTERNS.items() if name == pattern]:
        assert pattern_named(expression) == pattern
        split = importlib.import_module("regex").compile(expression).findall
        assert [split_words(text, pattern) for text in texts] == [split(text) for text in texts]


def test_long_texts_are_cut_where_it_changes_nothing(twins: Any) -> None:
    native, python = twins("gpt2")
    parts = ["the cat ", "sat'll ", "日本", "  ", "\n", "é ", "X y"]
    text = "".join(random.Random(9).choices(parts, k=60_000))
    np.testing.assert_array_equal(native.encode(text), python.encode(text))


@pytest.mark.parametrize("name", SHAPES)
def test_time_is_linear(twins: Any, name: str) -> None:
    """Other processes only add to a time, so the best of three counts, or of more on a busy machine."""
    native, _ = twins("gpt2")
    texts = {n: SHAPES[name](n) for n in (SIZE, 2 * SIZE, 4 * SIZE)}
    best = dict.fromkeys(texts, math.inf)
    for attempt in range(12):
        best = {n: min(best[n], seconds(native, text)) for n, text in texts.items()}
        if attempt >= 2 and all(best[2 * n] < 2.6 * best[n] + 0.002 for n in (SIZE, 2 * SIZE)):
            return
    pytest.fail(f"seconds by size: {best}")


def seconds(encoder: ByteEncoder, text: str) -> float:
    began = process_time()
    encoder.encode(text)
    return process_time() - began


def test_a_small_stack_is_enough(twins: Any) -> None:
    native, _ = twins("gpt2")
    size = 64_000_000 if WHOLE else 2_000_000
    counts: list[int] = []
    before = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=lambda: counts.append(len(native.encode("a" * size))))
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert 0 < counts[0] < size


def test_a_child_process_can_go_on(twins: Any) -> None:
    native, python = twins("gpt2")
    expected = python.encode("Once upon a time").tolist()
    assert native.encode("Once upon a time").tolist() == expected
    child = os.fork()
    if child == 0:
        os._exit(0 if native.encode("Once upon a time").tolist() == expected else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize(
    ("byte_ids", "merges", "error", "message"),
    [
        (range(256), [(0, 1, 256)], ValueError, r"merges must lie in 0\.\.255, got 256"),
        (range(256), [(0, -1, 2)], ValueError, r"merges must lie in 0\.\.255, got -1"),
        (range(1, 257), [], ValueError, r"byte_ids must lie in 0\.\.255, got 256"),
        (range(255), [], ValueError, r"byte_ids expects shape \(256,\), got \(255,\)"),
        (range(256), [(0, 1, 2), (0, 1, 3)], ValueError, "merge 1 of ids 0 and 1 is given twice"),
    ],
)
def test_wrong_merges_are_refused(byte_ids: Any, merges: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        NativeBPE(byte_ids, merges, 256, pattern="gpt2")


STRANGE = [[(97, 97, 97)], [(97, 98, 97), (97, 97, 98)], [(300, 97, 301), (97, 97, 300)]]


@pytest.mark.parametrize("merges", STRANGE)
def test_strange_merges_do_what_the_twin_does(merges: Any) -> None:
    native = NativeBPE(range(256), merges, 400, pattern=None)
    python = PythonBPE(range(256), merges, pattern=None)
    for text in ("aaaaaaa", "abababab", "aabbaabbab", "a" * 301, "ab" * 97):
        assert native.encode(text).tolist() == python.encode(text).tolist()


def test_whole_words_are_not_merged() -> None:
    words = [bytes([byte]) for byte in range(256)] + [b"ab", b"abc"]
    native = NativeBPE(range(256), [(97, 98, 256)], 258, pattern="llama3", whole_words=words)
    assert native.encode("abc abc").tolist() == [257, 32, 256, 99]


def test_whole_words_keep_their_ids_where_parts_are_merged() -> None:
    words = [bytes([byte]) for byte in range(256)] + [b"?!", b"ab"]
    native = NativeBPE(range(256), [(97, 98, 256)], 258, pattern="llama3", whole_words=words)
    assert native.encode("ab\nab ab\nab").tolist() == [257, 10, 257, 32, 256, 10, 257]


def test_all_usable_threads_take_part() -> None:
    before = kernels.threads()
    try:
        kernels.set_threads(usable_threads() + 1)
        NativeBPE(range(256), [], 256, pattern="gpt2")
        assert kernels.threads() == usable_threads()
    finally:
        kernels.set_threads(before)
