"""A cache of the words that were encoded before."""

from collections.abc import Callable

__all__ = ["WordCache"]

# A word of 32 characters and its ids take up to about 0.5 kB: at most 32 MB in all, on prose under 10 MB.
MOST_WORDS = 1 << 16
LONGEST_WORD = 32


class WordCache(dict[str, list[int]]):
    """Word to ids; `cache[word]` calls `encode_word` for a word that it does not have.

    Prose repeats itself, so most words are looked up instead of encoded. Long words are not cached. A full
    cache is emptied: simpler than finding the least recently used word, and as fast, since the common words
    are back at once.
    """

    def __init__(self, encode_word: Callable[[str], list[int]]) -> None:
        super().__init__()
        self._encode_word = encode_word

    def __missing__(self, word: str) -> list[int]:
        ids = self._encode_word(word)
        if len(word) <= LONGEST_WORD:
            if len(self) >= MOST_WORDS:
                self.clear()
            self[word] = ids
        return ids
