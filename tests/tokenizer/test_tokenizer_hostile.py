"""Texts made to be slow or to slip through: time linear in their length, ids as everywhere else."""

import base64
from collections.abc import Callable
from time import process_time

import numpy as np
import pytest
import tokenizers

from hornbook.errors import TokenizerError
from hornbook.tokenizer import BPETokenizer
from hornbook.tokenizer.models.word_cache import LONGEST_WORD, MOST_WORDS, WordCache

SPECIAL = "<|endoftext|>"
SIZE = 30_011


def noise(size: int) -> str:
    return base64.b64encode(np.random.default_rng(7).bytes(size)).decode()


HOSTILE: dict[str, Callable[[int], str]] = {
    "letter": lambda size: "a" * size,
    "symbol": lambda size: "^" * size,
    "space": lambda size: " " * size,
    "newline": lambda size: "\n" * size,
    "spaces then a letter": lambda size: " " * size + "a",
    "base64": noise,
    "joined emoji": lambda size: "👩\u200d" * (size // 5),
    "planes in turn": lambda size: "\U0001d49ca" * (size // 5),
    "classes in turn": lambda size: "a1 ! \n" * (size // 5),
    "apostrophes": lambda size: "'" * size,
    "special tokens": lambda size: SPECIAL * (size // 13),
    "special tokens cut short": lambda size: "<|endoftext|" * (size // 12),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_ids_equal_the_oracle(name: str, tiny: BPETokenizer, tiny_oracle: tokenizers.Tokenizer) -> None:
    text = HOSTILE[name](SIZE)
    ids = tiny.encode(text)
    assert ids == tiny_oracle.encode(text).ids
    assert tiny.decode(ids) == text


def seconds(work: Callable[[], object]) -> float:
    """The best of three, since other processes can only add to it."""
    times = []
    for _ in range(3):
        began = process_time()
        work()
        times.append(process_time() - began)
    return min(times)


@pytest.mark.parametrize("name", HOSTILE)
def test_four_times_the_text_takes_about_four_times_as_long(name: str, tiny: BPETokenizer) -> None:
    """Quadratic work would take 16 times as long; n log n takes about 4.5 times."""
    short, long = HOSTILE[name](SIZE), HOSTILE[name](4 * SIZE)
    assert seconds(lambda: tiny.encode(long)) < 9 * seconds(lambda: tiny.encode(short)) + 0.005


def test_special_tokens_by_the_thousand(tiny: BPETokenizer) -> None:
    assert tiny.encode(SPECIAL * 10_007, allowed_special="all") == [0] * 10_007
    assert 0 not in tiny.encode(SPECIAL * 10_007)
    with pytest.raises(TokenizerError, match="at position 0"):
        tiny.encode(SPECIAL * 10_007, disallowed_special="all")


def test_a_special_token_put_together_from_parts_stays_text(tiny: BPETokenizer) -> None:
    for cut in range(1, len(SPECIAL)):
        ids = tiny.encode(SPECIAL[:cut]) + tiny.encode(SPECIAL[cut:])
        assert 0 not in ids
        assert tiny.decode(ids) == SPECIAL


def test_the_memory_of_words_is_bounded() -> None:
    cache = WordCache(lambda word: [len(word)])
    for number in range(MOST_WORDS + 7):
        assert cache[f"w{number}"] == [len(f"w{number}")]
    assert len(cache) == 7
    assert cache["x" * (LONGEST_WORD + 1)] == [LONGEST_WORD + 1]
    assert len(cache) == 7
