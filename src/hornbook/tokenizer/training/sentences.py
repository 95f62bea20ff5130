"""Training of the tokenizer that `hornbook tokens create` writes: for sentences, and pairs of sentences."""

import unicodedata
from collections.abc import Iterable
from typing import Any, Literal

from hornbook.errors import TokenizerError
from hornbook.tokenizer.checking import brief
from hornbook.tokenizer.patterns import split_words
from hornbook.tokenizer.training.bpe import learn_bpe
from hornbook.tokenizer.training.counting import count_words
from hornbook.tokenizer.training.document import SENTENCE_SPECIAL_TOKENS, bpe_document, wordpiece_document
from hornbook.tokenizer.training.numbering import checked_count
from hornbook.tokenizer.training.progress import Report
from hornbook.tokenizer.training.train import train_wordpiece_vocabulary

__all__ = ["Kind", "train_sentence_tokenizer"]

Kind = Literal["bpe", "wordpiece"]

# Unicode's white space; str.split and str.strip take four control characters more.
WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
ASCII_PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


def train_sentence_tokenizer(
    texts: Iterable[str],
    vocab_size: int,
    *,
    kind: Kind = "bpe",
    min_frequency: int = 2,
    progress: Report | None = None,
) -> dict[str, Any]:
    """Trains a tokenizer for sentences, and pairs of sentences.

    White space at the ends of a text is stripped, and the text is brought to NFC. The ids 0 to 4 are [UNK],
    [CLS], [SEP], [PAD] and [MASK]. Ties are decided as the tokenizers package does it, so that its trainer
    learns the same.

    Args:
        texts: What to learn from; one at a time is in memory.
        vocab_size: Tokens at most.
        kind: "bpe" for byte-level BPE, which knows every text; "wordpiece" for words and their parts, divided
            at white space and punctuation as BERT does it, with upper and lower case.
        min_frequency: Pairs that occur less often are not merged.
        progress: Is told now and then how far training is.

    Returns:
        The content of a tokenizer.json.

    Raises:
        TypeError: `texts` is a single str, or holds something else than str.
        TokenizerError: no words, another kind, or a vocabulary too small.
    """
    special = SENTENCE_SPECIAL_TOKENS
    if kind == "wordpiece":
        return wordpiece_document(
            train_wordpiece_vocabulary(
                texts,
                vocab_size,
                split=lambda text: _bert_words(_normalized(text)),
                min_frequency=min_frequency,
                special_tokens=special,
                progress=progress,
            )
        )
    if kind != "bpe":
        raise TokenizerError(f"train: kind must be 'bpe' or 'wordpiece', got {brief(kind)}")
    vocab_size = checked_count("vocab_size", vocab_size, 256 + len(special))
    min_frequency = checked_count("min_frequency", min_frequency, 1)
    words = count_words(
        texts, lambda text: split_words(_normalized(text)), special_tokens=special, report=progress
    )
    tokens, merges = learn_bpe(
        words, vocab_size, min_frequency=min_frequency, special_tokens=special, ties="older", report=progress
    )
    return bpe_document(tokens, merges)


def _normalized(text: str) -> str:
    return unicodedata.normalize("NFC", text.strip(WHITE_SPACE))


class _Apart(dict[int, str]):
    """For str.translate: white space becomes a space, and punctuation gets one on either side."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if character in WHITE_SPACE:
            self[code] = " "
        elif character in ASCII_PUNCTUATION or unicodedata.category(character).startswith("P"):
            self[code] = f" {character} "
        else:
            self[code] = character
        return self[code]


_apart = _Apart()


def _bert_words(text: str) -> list[str]:
    return [word for word in text.translate(_apart).split(" ") if word]
