"""Training of the tokenizer that `hornbook tokens create` writes: for sentences, and pairs of sentences."""

from collections.abc import Iterable
from functools import cache
from typing import Any, Literal

from hornbook.errors import TokenizerError
from hornbook.tokenizer.checking import brief
from hornbook.tokenizer.json_object import JsonObject
from hornbook.tokenizer.steps.aligned_text import AlignedText
from hornbook.tokenizer.steps.normalizers import Normalizer, build_normalizer
from hornbook.tokenizer.steps.pre_tokenizers import PreTokenizer, build_pre_tokenizer
from hornbook.tokenizer.training.document import (
    BERT_SPLIT,
    NORMALIZER,
    SENTENCE_SPECIAL_TOKENS,
    bpe_document,
    wordpiece_document,
)
from hornbook.tokenizer.training.learn_bpe import learn_bpe
from hornbook.tokenizer.training.numbering import checked_count
from hornbook.tokenizer.training.progress import Report
from hornbook.tokenizer.training.train import train_wordpiece_vocabulary
from hornbook.tokenizer.training.word_counts import count_words
from hornbook.tokenizer.unicode.patterns import split_words

__all__ = ["Kind", "train_sentence_tokenizer"]

Kind = Literal["bpe", "wordpiece"]


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
                split=_bert_words,
                min_frequency=min_frequency,
                special_tokens=special,
                progress=progress,
            )
        )
    if kind != "bpe":
        raise TokenizerError(f"train: kind must be 'bpe' or 'wordpiece', got {brief(kind)}")
    vocab_size = checked_count("vocab_size", vocab_size, 256 + len(special))
    min_frequency = checked_count("min_frequency", min_frequency, 1)
    words = count_words(texts, _words, special_tokens=special, report=progress)
    tokens, merges = learn_bpe(
        words, vocab_size, min_frequency=min_frequency, special_tokens=special, ties="older", report=progress
    )
    return bpe_document(tokens, merges)


def _words(text: str) -> list[str]:
    return split_words(_normalizer()(AlignedText(text)).text)


def _bert_words(text: str) -> list[str]:
    return [part.text for part in _bert_split()(_normalizer()(AlignedText(text)))]


@cache
def _normalizer() -> Normalizer:
    return build_normalizer(JsonObject(NORMALIZER, "train"))


@cache
def _bert_split() -> PreTokenizer:
    return build_pre_tokenizer(JsonObject(BERT_SPLIT, "train"))
