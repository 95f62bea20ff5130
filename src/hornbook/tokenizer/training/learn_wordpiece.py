"""Training of a WordPiece vocabulary: merges are learned as for BPE, and only the merged tokens are kept.

The first character of a word is its own symbol; the others are marked with "##". That is how
Hugging Face's tokenizers trains it; the trainer that made BERT's vocabulary was never published.
"""

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

from hornbook.tokenizer.training.learn_merges import CountedWords, Ties, learn_merges
from hornbook.tokenizer.training.numbering import check_room, number_tokens
from hornbook.tokenizer.training.progress import Report

__all__ = ["CONTINUING_PREFIX", "learn_wordpiece"]

CONTINUING_PREFIX = "##"


def learn_wordpiece(
    words: Mapping[str, int],
    vocab_size: int,
    *,
    min_frequency: int,
    special_tokens: Sequence[str],
    limit_alphabet: int,
    ties: Ties = "older",
    report: Report | None = None,
) -> dict[str, int]:
    """Learns tokens from words and how often each occurs.

    Ids: the special tokens, then single characters, then those that continue a word, then longer tokens.

    Args:
        words: Words, none of them empty, and their counts.
        vocab_size: Tokens at most.
        min_frequency: Pairs that occur less often are not merged.
        special_tokens: Tokens that do not come from text.
        limit_alphabet: Distinct characters at most; rarer ones are removed from the words.
        ties: Which of the pairs of equal counts is merged first.
        report: Called with the progress.

    Raises:
        TokenizerError: `vocab_size` has no room for special tokens and characters, or a special token has
            the spelling of another token.
    """
    alphabet = _alphabet(words, limit_alphabet)
    initial = {character: symbol for symbol, character in enumerate(alphabet)}
    continuing = {
        character: len(alphabet) + index for index, character in enumerate(_continuing(words, initial))
    }
    symbols = [*initial, *(CONTINUING_PREFIX + character for character in continuing)]
    check_room(vocab_size, special_tokens, len(symbols), "characters (or set a smaller limit_alphabet)")
    counted = CountedWords.collect(_spelled(words, initial, continuing), len(symbols))
    room = vocab_size - len(special_tokens) - len(symbols)
    for left, right in learn_merges(counted, room, min_frequency, ties, report):
        symbols.append(symbols[left] + symbols[right].removeprefix(CONTINUING_PREFIX))
    return number_tokens(special_tokens, symbols)


def _alphabet(words: Mapping[str, int], limit: int) -> list[str]:
    """The most frequent characters, in order of code points."""
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for character in word:
            counts[character] += count
    by_frequency = sorted(counts, key=lambda character: (-counts[character], character))
    return sorted(by_frequency[:limit])


def _continuing(words: Iterable[str], known: Container[str]) -> list[str]:
    """The characters that follow another one in some word."""
    found: set[str] = set()
    for word in words:
        found.update(word[1:])
    return sorted(character for character in found if character in known)


def _spelled(
    words: Mapping[str, int], initial: Mapping[str, int], continuing: Mapping[str, int]
) -> Iterator[tuple[list[int], int]]:
    """Words as symbols. What follows a removed character still continues the word."""
    for word, count in words.items():
        first = [initial[word[0]]] if word[0] in initial else []
        yield first + [continuing[character] for character in word[1:] if character in continuing], count
