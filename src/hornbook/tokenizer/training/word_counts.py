"""Counts words: all that training needs to know of a corpus."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from hornbook.errors import TokenizerError
from hornbook.tokenizer.checking import checked_text, well_formed
from hornbook.tokenizer.training.progress import Progress, Report

__all__ = ["count_words", "suggest_vocab_size"]

REPORT_EVERY = 1 << 20
"""The characters between two reports."""

TOKENS_PER_WORD, LEAST_TOKENS, MOST_TOKENS = 3, 5_000, 50_000


def count_words(
    texts: Iterable[str],
    split: Callable[[str], Iterable[str]],
    *,
    special_tokens: Sequence[str] = (),
    report: Report | None = None,
) -> Counter[str]:
    """Counts the words of all texts.

    Each distinct word takes some 150 bytes of memory; one text at a time is in memory.

    Args:
        texts: Any number of texts, taken one at a time. A lone surrogate becomes U+FFFD.
        split: Divides a text into words.
        special_tokens: They separate texts, and are not counted themselves.
        report: Called with the progress about once a megabyte.

    Raises:
        TypeError: `texts` is a single str, or an item is not a str.
        TokenizerError: The texts have no words.
    """
    if isinstance(texts, str):
        raise TypeError("train: texts must be several texts, got a single str; put it into a list")
    words: Counter[str] = Counter()
    done = reported = 0
    for text in texts:
        for stretch in _between(well_formed(checked_text("train", text)), special_tokens):
            words.update(split(stretch))
        done += len(text)
        if report is not None and done >= reported + REPORT_EVERY:
            report(Progress("counting", done))
            reported = done
    if not words:
        raise TokenizerError("train: the texts have no words; expected some text to learn from")
    return words


def suggest_vocab_size(texts: Iterable[str]) -> int:
    """Three times the number of distinct lower-case words, divided at white space; from 5000 to 50000.

    Reads no more texts than it needs.
    """
    words: set[str] = set()
    for text in texts:
        words.update(text.lower().split())
        if TOKENS_PER_WORD * len(words) >= MOST_TOKENS:
            return MOST_TOKENS
    return max(LEAST_TOKENS, TOKENS_PER_WORD * len(words))


def _between(text: str, special_tokens: Sequence[str]) -> Iterator[str]:
    """The text between special tokens."""
    if not special_tokens:
        yield text
        return
    longest_first = sorted(special_tokens, key=len, reverse=True)
    yield from filter(None, re.split("|".join(map(re.escape, longest_first)), text))
