"""How often each word occurs: all that training needs to know of a corpus."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from hornbook.errors import TokenizerError
from hornbook.tokenizer.checking import checked_text, well_formed
from hornbook.tokenizer.training.progress import Progress, Report

__all__ = ["count_words", "suggest_vocab_size"]

REPORT_EVERY = 1 << 20
"""Characters between two reports."""

TOKENS_PER_WORD, LEAST_TOKENS, MOST_TOKENS = 3, 5_000, 50_000


def count_words(
    texts: Iterable[str],
    split: Callable[[str], Iterable[str]],
    *,
    special_tokens: Sequence[str] = (),
    report: Report | None = None,
) -> Counter[str]:
    """Counts the words of all texts.

    Memory is taken by each different word, some 150 bytes, and by one text at a time.

    Args:
        texts: Any number of texts; what is not yet there is not in memory. Half of a surrogate pair
            becomes U+FFFD.
        split: Cuts a text into words.
        special_tokens: These end a text wherever they stand in it, and are no words themselves.
        report: Is told of progress about once a megabyte.

    Raises:
        TypeError: `texts` is a single text, or holds something else than texts.
        TokenizerError: there are no words at all.
    """
    if isinstance(texts, str):
        raise TypeError("train: texts must be several texts, got a single str; put it into a list")
    words: Counter[str] = Counter()
    done = reported = 0
    for text in texts:
        for part in _parts(well_formed(checked_text("train", text)), special_tokens):
            words.update(split(part))
        done += len(text)
        if report is not None and done >= reported + REPORT_EVERY:
            report(Progress("counting", done))
            reported = done
    if not words:
        raise TokenizerError("train: the texts hold no words; expected some text to learn from")
    return words


def suggest_vocab_size(texts: Iterable[str]) -> int:
    """Three times the number of different lower-case words between white space; at least 5000, at most 50000.

    Reads no further than it takes to know.
    """
    words: set[str] = set()
    for text in texts:
        words.update(text.lower().split())
        if TOKENS_PER_WORD * len(words) >= MOST_TOKENS:
            return MOST_TOKENS
    return max(LEAST_TOKENS, TOKENS_PER_WORD * len(words))


def _parts(text: str, special_tokens: Sequence[str]) -> Iterator[str]:
    """What lies between the special tokens."""
    if not special_tokens:
        yield text
        return
    longest_first = sorted(special_tokens, key=len, reverse=True)
    yield from filter(None, re.split("|".join(map(re.escape, longest_first)), text))
