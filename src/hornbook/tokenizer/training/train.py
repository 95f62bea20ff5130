"""From texts to a tokenizer."""

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from hornbook.errors import TokenizerError
from hornbook.tokenizer.bpe import BPETokenizer
from hornbook.tokenizer.checking import brief
from hornbook.tokenizer.pretokenizer import split_words
from hornbook.tokenizer.training.bpe import learn_bpe
from hornbook.tokenizer.training.counting import count_words
from hornbook.tokenizer.training.document import SENTENCE_SPECIAL_TOKENS, sentence_document
from hornbook.tokenizer.training.merges import Ties
from hornbook.tokenizer.training.numbering import checked_count, checked_special_tokens
from hornbook.tokenizer.training.progress import Report
from hornbook.tokenizer.training.wordpiece import learn_wordpiece
from hornbook.tokenizer.vocabulary import Vocabulary, token_pieces

__all__ = ["train_bpe", "train_sentence_bpe", "train_wordpiece_vocabulary"]

END_OF_TEXT = "<|endoftext|>"
N_BYTES = 256
# Unicode's white space, which is what Rust strips; str.strip takes four control characters more.
WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)


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
        texts: What to learn from, such as `read_texts([folder])`; one at a time is in memory.
        vocab_size: Tokens at most: special tokens, 256 bytes, and what is learned. There are fewer if the
            texts have no more pairs that are frequent enough.
        min_frequency: Pairs that occur less often are not merged.
        special_tokens: Get the first ids; in the texts they divide one document from the next.
        ties: Which of several equally frequent pairs is merged first: "greater", the one whose bytes are
            the greater, or "older", the one whose tokens were made first, as the tokenizers package does.
        progress: Is told now and then how far training is.

    Raises:
        TypeError: `texts` is a single str, or holds something else than str.
        TokenizerError: no words, a vocabulary too small, special tokens that cannot be told from text.

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
    known = {token: tokens[token] for token in special}
    return BPETokenizer(Vocabulary(tokens, token_pieces(tokens, known, "train"), merges, known))


def train_sentence_bpe(
    texts: Iterable[str], vocab_size: int, *, min_frequency: int = 2, progress: Report | None = None
) -> dict[str, Any]:
    """Trains a byte-level BPE tokenizer for sentences, and pairs of sentences.

    White space at the ends of a text is stripped, and the text is brought to NFC. The ids 0 to 4 are [UNK],
    [CLS], [SEP], [PAD] and [MASK]. Ties are decided as the tokenizers package does it, so that its trainer
    learns the same.

    Args:
        texts: What to learn from; one at a time is in memory.
        vocab_size: Tokens at most.
        min_frequency: Pairs that occur less often are not merged.
        progress: Is told now and then how far training is.

    Returns:
        The content of a tokenizer.json.

    Raises:
        TypeError: `texts` is a single str, or holds something else than str.
        TokenizerError: no words, or a vocabulary too small.
    """
    special = SENTENCE_SPECIAL_TOKENS
    vocab_size = checked_count("vocab_size", vocab_size, N_BYTES + len(special))
    min_frequency = checked_count("min_frequency", min_frequency, 1)
    words = count_words(texts, _split_normalized, special_tokens=special, report=progress)
    tokens, merges = learn_bpe(
        words, vocab_size, min_frequency=min_frequency, special_tokens=special, ties="older", report=progress
    )
    return sentence_document(tokens, merges)


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
        texts: What to learn from; one at a time is in memory.
        vocab_size: Tokens at most: special tokens, characters, and what is learned.
        split: Normalises a text and cuts it into words, as the tokenizer will do it.
        min_frequency: Pairs that occur less often are not merged.
        special_tokens: Get the first ids; in the texts they divide one document from the next.
        limit_alphabet: Different characters at most, the most frequent ones.
        progress: Is told now and then how far training is.

    Returns:
        Tokens, those that continue a word with "##", to ids.

    Raises:
        TypeError: `texts` is a single str, or holds something else than str.
        TokenizerError: no words, a vocabulary too small, special tokens that cannot be told from text.

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


def _split_normalized(text: str) -> list[str]:
    return split_words(unicodedata.normalize("NFC", text.strip(WHITE_SPACE)))
