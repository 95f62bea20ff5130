"""Training of byte-level BPE: against a known result, the tokenizers package, and cases worked out by hand.

HORNBOOK_TEST_WHOLE=1 compares with tokenizers on ten megabytes, not one.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from hornbook.errors import TokenizerError
from hornbook.tokenizer.training import Progress, train_bpe
from hornbook.tokenizer.training.learn_bpe import learn_bpe
from hornbook.tokenizer.training.learn_merges import CountedWords, MergeLearner, Ties, learn_merges
from hornbook.tokenizer.training.texts import read_texts
from hornbook.tokenizer.training.word_counts import count_words
from hornbook.tokenizer.unicode.patterns import split_words

END_OF_TEXT = "<|endoftext|>"
SAMPLE = 10_000_000 if os.environ.get("HORNBOOK_TEST_WHOLE") else 1_000_000
MOST_DIFFERENT = 0.02
"""Part of the merges that the other rule for ties changes."""


@pytest.fixture(scope="module")
def prose(test_data: Path) -> str:
    books = sorted((test_data / "train" / "lm" / "classics_easy").glob("*.txt"))
    text = ""
    while len(text) < SAMPLE:
        text += books.pop(0).read_bytes().decode()
    return text[:SAMPLE]


def their_bpe(
    texts: list[str], vocab_size: int, special: list[str]
) -> tuple[list[str], list[tuple[str, str]]]:
    """Tokens in order of their ids, and merges."""
    oracle = tokenizers.Tokenizer(tokenizers.models.BPE())
    oracle.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        special_tokens=special,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    oracle.train_from_iterator(texts, trainer)
    model = json.loads(oracle.to_str())["model"]
    return sorted(model["vocab"], key=model["vocab"].get), [(a, b) for a, b in model["merges"]]


def test_the_reference(test_data: Path) -> None:
    folder = test_data / "tokenizer" / "bpe_training_reference"
    words = count_words(read_texts([folder / "corpus.en"]), split_words)
    tokens, merges = learn_bpe(words, 500, min_frequency=1, special_tokens=[END_OF_TEXT])
    expected = (folder / "train-bpe-reference-merges.txt").read_text().splitlines()
    assert [f"{left} {right}" for left, right in merges] == expected
    assert tokens == json.loads((folder / "train-bpe-reference-vocab.json").read_text())


def test_equal_to_tokenizers_where_ties_are_decided_alike(prose: str) -> None:
    words = count_words([prose], split_words)
    tokens, merges = learn_bpe(words, 4096, min_frequency=2, special_tokens=["[UNK]", "[CLS]"], ties="older")
    assert (list(tokens), merges) == their_bpe([prose], 4096, ["[UNK]", "[CLS]"])


def test_the_other_rule_for_ties_changes_little(prose: str) -> None:
    words = count_words([prose], split_words)
    size = min(8192, SAMPLE // 500)
    tokens, merges = learn_bpe(words, size, min_frequency=2, special_tokens=[END_OF_TEXT])
    theirs, _ = their_bpe([prose], size, [END_OF_TEXT])
    assert 0 < len(set(tokens) - set(theirs)) < MOST_DIFFERENT * len(merges)


word_lists = st.lists(
    st.tuples(st.text("abc ", max_size=13), st.integers(0, 5)), max_size=29, unique_by=lambda pair: pair[0]
)


@given(word_lists, st.integers(0, 3), st.sampled_from(["greater", "older"]))
def test_compiled_and_readable_learner_agree(
    words: list[tuple[str, int]], min_count: int, ties: Ties
) -> None:
    counted = CountedWords.collect([(word.encode(), count) for word, count in words], 128)
    expected = MergeLearner(counted, min_count, ties).learn(50)
    assert learn_merges(counted, 50, min_count, ties)[: len(expected)] == expected


@given(word_lists)
def test_no_two_merges_make_the_same_token(words: list[tuple[str, int]]) -> None:
    tokens, merges = learn_bpe(dict(words), 600, min_frequency=1, special_tokens=[])
    assert len(tokens) == 256 + len(merges)


@pytest.mark.parametrize(
    ("length", "merges"), [(4, [(0, 0), (1, 1)]), (3, [(0, 0), (1, 0)]), (1, []), (0, [])]
)
def test_overlapping_pairs_merge_from_the_left(length: int, merges: list[tuple[int, int]]) -> None:
    counted = CountedWords.collect([([0] * length, 2)], 1)
    assert MergeLearner(counted, 2, "greater").learn(9) == merges
    assert learn_merges(counted, 9, 2, "greater") == merges


def test_ties_by_hand() -> None:
    words = {"ab": 2, "ba": 2, "bb": 1}
    for ties, first in (("greater", ("b", "a")), ("older", ("a", "b"))):
        _, merges = learn_bpe(words, 257, min_frequency=1, special_tokens=[], ties=ties)  # type: ignore[arg-type]
        assert merges == [first]


def test_one_long_word_takes_no_longer_than_many() -> None:
    tokenizer = train_bpe(["ab" * 500_000 + "x"], 300)
    assert len(tokenizer.encode("ab" * 500_000)) < 100


def test_min_frequency() -> None:
    texts = ["xy", "xy", "xy", "zw", "zw"]
    assert train_bpe(texts, 300, min_frequency=3).vocab_size == 257 + 1
    assert train_bpe(texts, 300, min_frequency=2).vocab_size == 257 + 2
    assert train_bpe(texts, 300, min_frequency=9).vocab_size == 257


def test_special_tokens_come_first_and_divide_texts() -> None:
    tokenizer = train_bpe(["<|a|>xy<|b|>xy<|a|>"], 300, special_tokens=["<|b|>", "<|a|>"])
    assert tokenizer.special_tokens == {"<|b|>": 0, "<|a|>": 1}
    assert tokenizer.vocab_size == 2 + 256 + 1
    assert tokenizer.encode("xy<|a|>", allowed_special="all") == [258, 1]


def test_progress_and_its_end() -> None:
    seen: list[Progress] = []
    train_bpe(["some words " * 200_000] * 2, 270, special_tokens=[], progress=seen.append)
    assert [p.done for p in seen if p.stage == "counting"] == [2_200_000, 4_400_000]
    assert seen[-1] == Progress("merging", 9, 14)  # "some" has 3, " some" 4, " words" 5; some are shared

    def stop(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_bpe(["a b"], 300, min_frequency=1, progress=stop)


def test_texts_are_taken_one_at_a_time() -> None:
    def endless() -> Iterator[str]:
        yield "a"
        raise ValueError("the second text")

    with pytest.raises(ValueError, match="the second text"):
        train_bpe(endless(), 300)


def test_halves_of_surrogate_pairs_are_replaced() -> None:
    texts = (["a\ud800 b\ud800"] * 2, ["a\ufffd b\ufffd"] * 2)
    halves, replaced = (train_bpe(part, 260) for part in texts)
    assert halves.encode("\ufffd") == replaced.encode("\ufffd") == [258]


@pytest.mark.parametrize("texts", [[], [""], ["", ""], ["<|endoftext|>"]])
def test_nothing_to_learn_from(texts: list[str]) -> None:
    with pytest.raises(TokenizerError, match="no words"):
        train_bpe(texts, 300)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"vocab_size": 256}, "at least 257, .*got 256"),
        ({"vocab_size": -1}, "at least 257"),
        ({"vocab_size": 300, "special_tokens": ["a b"]}, "'a b' must have"),
        ({"vocab_size": 300, "special_tokens": [""]}, "'' must have"),
        ({"vocab_size": 300, "special_tokens": ["[A]", "[A]"]}, "twice"),
        ({"vocab_size": 300, "special_tokens": ["Ġ"]}, "ordinary token"),
        ({"vocab_size": 300, "special_tokens": ["\ud800"]}, "surrogate"),
        ({"vocab_size": 300, "min_frequency": 0}, "min_frequency must be at least 1, got 0"),
        ({"vocab_size": 300, "ties": "other"}, "ties must be 'greater' or 'older', got 'other'"),
    ],
)
def test_what_cannot_be_trained(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(TokenizerError, match=message):
        train_bpe(**({"texts": ["ab ab"]} | arguments))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "arguments",
    [
        {"texts": "a single text", "vocab_size": 300},
        {"texts": [b"bytes"], "vocab_size": 300},
        {"texts": ["a"], "vocab_size": 300.5},
        {"texts": ["a"], "vocab_size": 300, "special_tokens": "[A]"},
        {"texts": ["a"], "vocab_size": 300, "special_tokens": [1]},
        {"texts": ["a"], "vocab_size": 300, "min_frequency": "2"},
    ],
)
def test_wrong_types(arguments: dict[str, object]) -> None:
    with pytest.raises(TypeError, match="train"):
        train_bpe(**arguments)  # type: ignore[arg-type]
