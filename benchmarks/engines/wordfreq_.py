"""wordfreq, which knows how often words are used: texts in languages of which there is no prose at hand."""

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import numpy as np
import wordfreq

MARKS = {"zh": ("", "，", "。", "。\n"), "hi": (" ", ", ", "। ", "।\n")}  # noqa: RUF001 - that comma is the Chinese one
"""What stands behind a word: mostly nothing, a comma, the end of a sentence, that of a paragraph."""
MARK_SHARES = (0.85, 0.08, 0.06, 0.01)
BLOCK = 100_000
"""Words that are drawn at once."""


def write(language: str, path: str, n_bytes: int, n_words: int = 20_000) -> None:
    """Writes a text of words drawn by their frequency; it is always the same.

    Args:
        language: zh or hi.
        path: where to.
        n_bytes: how long it is at least.
        n_words: how many of the most frequent words are drawn from.
    """
    part, size = Path(f"{path}.part"), 0
    with part.open("wb") as stream:
        for block in _blocks(language, n_words):
            size += stream.write(block.encode("utf-8"))
            if size >= n_bytes:
                break
    part.replace(path)


def _blocks(language: str, n_words: int) -> Iterator[str]:
    """Text without end."""
    rng = np.random.default_rng(0)
    frequencies = dict(islice(wordfreq.get_frequency_dict(language).items(), n_words))  # most frequent first
    words, marks = list(frequencies), MARKS[language]
    shares = np.array(list(frequencies.values()))
    shares /= shares.sum()
    while True:
        drawn = rng.choice(len(words), BLOCK, p=shares).tolist()
        behind = rng.choice(len(marks), BLOCK, p=MARK_SHARES).tolist()
        yield "".join(chain.from_iterable((words[i], marks[j]) for i, j in zip(drawn, behind, strict=True)))
