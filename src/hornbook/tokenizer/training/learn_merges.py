"""Learns the merges of a byte pair encoding: which pairs of symbols to merge, and in which order.

It knows symbols and counts, neither text nor bytes. `MergeLearner` is the readable twin of the native
learner, which `learn_merges` uses where it was built: the same merges, many times as fast.

Source: Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units" (2016), algorithm 1.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from importlib import import_module
from itertools import pairwise
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from hornbook.tokenizer.training.progress import Progress, Report

__all__ = ["CountedWords", "Learner", "MergeLearner", "Ties", "learn_merges"]

MERGES_AT_ONCE = 256
"""The merges between two reports, and between two checks for Ctrl-C: some milliseconds."""

Pair = tuple[int, int]

Ties = Literal["greater", "older"]
"""Which of several equally frequent pairs is merged first; left tokens are compared before right ones.

"greater": the pair with the greater token, symbol by symbol, as in the paper's program. "older": the pair
with the token that was learned first, as in Hugging Face's tokenizers.
"""


@dataclass(frozen=True)
class CountedWords:
    """N distinct words, packed one after the other, and their counts.

    Attributes:
        symbols: int32 `[S]`, each from 0 to `n_symbols` - 1.
        offsets: int64 `[N+1]`, where each word begins, and where the last one ends.
        counts: int64 `[N]`.
        n_symbols: The number of distinct symbols. Their order decides ties.
    """

    symbols: NDArray[Any]
    offsets: NDArray[Any]
    counts: NDArray[Any]
    n_symbols: int

    @classmethod
    def collect(cls, words: Iterable[tuple[Sequence[int], int]], n_symbols: int) -> "CountedWords":
        """Packs words that are given as their symbols and their count."""
        symbols, ends, counts = array("i"), [0], []
        for word, count in words:
            symbols.extend(word)
            ends.append(len(symbols))
            counts.append(count)
        placed = np.array(symbols, np.int32)
        return cls(placed, np.array(ends, np.int64), np.array(counts, np.int64), n_symbols)


class Learner(Protocol):
    """Learns merges, a few at a time, so that progress can be shown and Ctrl-C works in between."""

    def learn(self, n_merges: int) -> list[Pair]:
        """The next merges, best first: `n_merges`, or fewer if no pair is frequent enough.

        The first merge makes token `n_symbols`, the next one `n_symbols + 1`. No two make the same token:
        equal runs of symbols with boundaries that no merge has crossed are always merged alike.
        """


def learn_merges(
    words: CountedWords, n_merges: int, min_count: int, ties: Ties, report: Report | None = None
) -> list[Pair]:
    """Learns merges, up to `n_merges`, until no pair is frequent enough.

    Args:
        words: The words to learn from; less than 2**31 symbols.
        n_merges: Merges at most.
        min_count: Pairs that occur less often are not merged.
        ties: Which of the pairs of equal counts is merged first.
        report: Called with the progress.
    """
    learner = _learner(words, min_count, ties)
    merges: list[Pair] = []
    while found := learner.learn(max(0, min(MERGES_AT_ONCE, n_merges - len(merges)))):
        merges += found
        if report is not None:
            report(Progress("merging", len(merges), n_merges))
    return merges


def _learner(words: CountedWords, min_count: int, ties: Ties) -> Learner:
    """The native learner where it was built."""
    try:
        native = import_module("hornbook._native")
    except ImportError:  # not built, or not for this Python
        return MergeLearner(words, min_count, ties)
    fast: Learner = native.MergeLearner(
        words.symbols, words.offsets, words.counts, words.n_symbols, min_count, ties == "older"
    )
    return fast


class MergeLearner:
    """Merges the most frequent pair, over and over.

    `_where` has the words with a pair, so that a merge visits no others. The heap holds each pair with a
    count that it had at some time; a pair whose count has fallen since is pushed again when it is popped.

    Args:
        words: The words to learn from.
        min_count: Pairs that occur less often are not merged; at least 1.
        ties: Which of the pairs of equal counts is merged first.
    """

    def __init__(self, words: CountedWords, min_count: int, ties: Ties) -> None:
        bounds = pairwise(words.offsets.tolist())
        self._words: list[list[int]] = [words.symbols[begin:end].tolist() for begin, end in bounds]
        self._word_counts: list[int] = words.counts.tolist()
        self._min_count = max(1, min_count)
        self._ties = ties
        self._spellings: list[tuple[int, ...]] = [(symbol,) for symbol in range(words.n_symbols)]
        self._pair_counts: Counter[Pair] = Counter()
        self._where: defaultdict[Pair, set[int]] = defaultdict(set)
        for number in range(len(self._words)):
            self._add_pairs(number)
        self._heap = [self._entry(pair) for pair in self._pair_counts]
        heapify(self._heap)

    def learn(self, n_merges: int) -> list[Pair]:
        """See `Learner`."""
        merges: list[Pair] = []
        while len(merges) < n_merges and (pair := self._pop_best()) is not None:
            self._spellings.append(self._spellings[pair[0]] + self._spellings[pair[1]])
            self._merge_everywhere(pair, len(self._spellings) - 1)
            merges.append(pair)
        return merges

    def _pop_best(self) -> Pair | None:
        while self._heap:
            negative_count, *_, pair = heappop(self._heap)
            count = self._pair_counts[pair]
            if count < self._min_count:
                continue
            if count == -negative_count:
                return pair
            heappush(self._heap, self._entry(pair))
        return None

    def _merge_everywhere(self, pair: Pair, merged: int) -> None:
        changed: set[Pair] = set()
        for number in self._where.pop(pair):
            count, word = self._word_counts[number], self._words[number]
            for old in pairwise(word):
                self._pair_counts[old] -= count
            self._words[number] = _merge_in_word(word, pair, merged)
            changed.update(self._add_pairs(number))
        for new in changed:
            if merged in new:  # no other pair can have become more frequent
                heappush(self._heap, self._entry(new))

    def _add_pairs(self, number: int) -> set[Pair]:
        pairs = list(pairwise(self._words[number]))
        for pair in pairs:
            self._pair_counts[pair] += self._word_counts[number]
            self._where[pair].add(number)
        return set(pairs)

    def _entry(self, pair: Pair) -> tuple[int, Any, Any, Pair]:
        """Sorts the pair of the greatest count first, and then as `ties` says."""
        left, right = pair
        if self._ties == "older":
            return -self._pair_counts[pair], left, right, pair
        spellings = self._spellings
        return -self._pair_counts[pair], _descending(spellings[left]), _descending(spellings[right]), pair


def _merge_in_word(word: Sequence[int], pair: Pair, merged: int) -> list[int]:
    """The word with every occurrence of the pair merged, from left to right."""
    left, right = pair
    result: list[int] = []
    index = 0
    while index < len(word):
        if word[index] == left and index + 1 < len(word) and word[index + 1] == right:
            result.append(merged)
            index += 2
        else:
            result.append(word[index])
            index += 1
    return result


def _descending(spelling: tuple[int, ...]) -> tuple[int, ...]:
    """A key that sorts the greatest first; a spelling is greater than its prefixes."""
    return (*(-symbol for symbol in spelling), 1)
