"""From texts to a tokenizer."""

from collections.abc import Callable, Iterable, Sequence

from hornbook.errors import TokenizerError
from hornbook.tokenizer.bpe import BPETokenizer
from hornbook.tokenizer.checking import brief
from hornbook.tokenizer.files.compose import byte_level_document
from hornbook.tokenizer.training.learn_bpe import learn_bpe
from hornbook.tokenizer.training.learn_merges import Ties
from hornbook.tokenizer.training.learn_wordpiece import learn_wordpiece
from hornbook.tokenizer.training.numbering import checked_count, checked_special_tokens
from hornbook.tokenizer.training.progress import Report
from hornbook.tokenizer.training.word_counts import count_words
from hornbook.tokenizer.unicode.patterns import split_words

__all__ = ["train_bpe", "train_wordpiece_vocabulary"]

END_OF_TEXT = "<|endoftext|>"
N_BYTES = 256


def train_bpe(
    texts: Iterable[str],
    vocab_size: int,
    *,
    min_frequency: int = 2,
    special_tokens: Sequence[str] = (END_OF_TEXT,),
    ties: Ties = "greater",
    progress: Report | None = None,
) -> BPETokenizer:
    """Trains a byte-level BPE tokenizer.

    Args:
        texts: The texts to learn from, such as `read_texts([folder])`; one at a time is in memory.
        vocab_size: Tokens at most: special tokens, 256 bytes, and merged ones. The vocabulary is smaller if
            the texts have too few frequent pairs.
        min_frequency: Pairs that occur less often are not merged.
        special_tokens: They get the first ids; in the texts they separate documents.
        ties: Which of several equally frequent pairs is merged first: "greater", the one with the greater
            bytes, or "older", the one whose tokens were learned first, as in the tokenizers package.
        progress: Called with the progress from time to time.

    Raises:
        TypeError: `texts` is a single str, or an item is not a str.
        TokenizerError: The texts have no words, `vocab_size` is too small, or a special token is refused.

    Example:
        >>> tokenizer = train_bpe(["low lower lowest"] * 2, vocab_size=259)
        >>> [tokenizer.decode([i]) for i in tokenizer.encode("lowest")]
        ['low', 'e', 's', 't']
    """
    special = checked_special_tokens(special_tokens)
    vocab_size = checked_count("vocab_size", vocab_size, N_BYTES + len(special))
    min_frequency = checked_count("min_frequency", min_frequency, 1)
    if ties not in ("greater", "older"):
        raise TokenizerError(f"train: ties must be 'greater' or 'older', got {brief(ties)}")
    words = count_words(texts, split_words, special_tokens=special, report=progress)
    tokens, merges = learn_bpe(
        words, vocab_size, min_frequency=min_frequency, special_tokens=special, ties=ties, report=progress
    )
    document = byte_level_document(tokens, merges, {token: tokens[token] for token in special})
    return BPETokenizer(document, source="train")


def train_wordpiece_vocabulary(
    texts: Iterable[str],
    vocab_size: int,
    *,
    split: Callable[[str], Iterable[str]] = str.split,
    min_frequency: int = 2,
    special_tokens: Sequence[str] = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    limit_alphabet: int = 1000,
    progress: Report | None = None,
) -> dict[str, int]:
    """Trains the vocabulary of a WordPiece tokenizer.

    Args:
        texts: The texts to learn from; one at a time is in memory.
        vocab_size: Tokens at most: special tokens, characters, and merged ones.
        split: Normalizes a text and divides it into words, as the tokenizer will.
        min_frequency: Pairs that occur less often are not merged.
        special_tokens: They get the first ids; in the texts they separate documents.
        limit_alphabet: Distinct characters at most; the most frequent ones are kept.
        progress: Called with the progress from time to time.

    Returns:
        Tokens to ids; those that continue a word are marked with "##".

    Raises:
        TypeError: `texts` is a single str, or an item is not a str.
        TokenizerError: The texts have no words, `vocab_size` is too small, or a special token is refused.

    Example:
        >>> list(train_wordpiece_vocabulary(["low lower"] * 2, 12, special_tokens=["[UNK]"]))
        ['[UNK]', 'e', 'l', 'o', 'r', 'w', '##e', '##o', '##r', '##w', 'lo', 'low']
    """
    special = checked_special_tokens(special_tokens)
    vocab_size = checked_count("vocab_size", vocab_size, len(special))
    min_frequency = checked_count("min_frequency", min_frequency, 1)
    limit_alphabet = checked_count("limit_alphabet", limit_alphabet, 1)
    words = count_words(texts, split, special_tokens=special, report=progress)
    return learn_wordpiece(
        words,
        vocab_size,
        min_frequency=min_frequency,
        special_tokens=special,
        limit_alphabet=limit_alphabet,
        report=progress,
    )
