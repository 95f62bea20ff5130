"""Training of the tokenizer that `hornbook tokens create` writes: for sentences, and pairs of sentences."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Literal

from hornbook.errors import TokenizerError
from hornbook.tokenizer.checking import brief
from hornbook.tokenizer.files.compose import (
    added_token,
    bpe_model,
    byte_level,
    document,
    template,
    wordpiece_model,
)
from hornbook.tokenizer.files.vocabulary import Merge
from hornbook.tokenizer.json_object import JsonObject
from hornbook.tokenizer.steps.aligned_text import AlignedText
from hornbook.tokenizer.steps.normalizers import Normalizer, build_normalizer
from hornbook.tokenizer.steps.pre_tokenizers import PreTokenizer, build_pre_tokenizer
from hornbook.tokenizer.training.learn_bpe import learn_bpe
from hornbook.tokenizer.training.numbering import checked_count
from hornbook.tokenizer.training.progress import Report
from hornbook.tokenizer.training.train import train_wordpiece_vocabulary
from hornbook.tokenizer.training.word_counts import count_words
from hornbook.tokenizer.unicode.patterns import split_words

__all__ = ["Kind", "train_sentence_tokenizer"]

Kind = Literal["bpe", "wordpiece"]

SENTENCE_SPECIAL_TOKENS = ("[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]")
"""Unknown, beginning, end, padding and mask, with the ids 0 to 4."""

NORMALIZER = {
    "type": "Sequence",
    "normalizers": [{"type": "Strip", "strip_left": True, "strip_right": True}, {"type": "NFC"}],
}
"""Strips white space at both ends, and brings the text to NFC."""

BERT_SPLIT = {"type": "BertPreTokenizer"}


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
    [CLS], [SEP], [PAD] and [MASK]. Ties are decided as in the tokenizers package, so that its trainer learns
    the same vocabulary.

    Args:
        texts: The texts to learn from; one at a time is in memory.
        vocab_size: Tokens at most.
        kind: "bpe" for byte-level BPE, which encodes any text; "wordpiece" for words, divided at white space
            and punctuation as in BERT, in upper and lower case.
        min_frequency: Pairs that occur less often are not merged.
        progress: Called with the progress from time to time.

    Returns:
        The content of a tokenizer.json.

    Raises:
        TypeError: `texts` is a single str, or an item is not a str.
        TokenizerError: The texts have no words, `kind` is neither, or `vocab_size` is too small.
    """
    special = SENTENCE_SPECIAL_TOKENS
    if kind == "wordpiece":
        return _wordpiece_document(
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
    return _bpe_document(tokens, merges)


def _bpe_document(tokens: Mapping[str, int], merges: Sequence[Merge]) -> dict[str, Any]:
    """The content of a tokenizer.json with a byte-level BPE; its vocabulary has the special tokens."""
    return _document(tokens, bpe_model(tokens, merges), byte_level(), byte_level())


def _wordpiece_document(tokens: Mapping[str, int]) -> dict[str, Any]:
    """The content of a tokenizer.json with a WordPiece vocabulary, which has the special tokens."""
    decoder = {"type": "WordPiece", "prefix": "##", "cleanup": True}
    return _document(tokens, wordpiece_model(tokens, "[UNK]"), dict(BERT_SPLIT), decoder)


def _document(
    tokens: Mapping[str, int], model: dict[str, Any], pre_tokenizer: dict[str, Any], decoder: dict[str, Any]
) -> dict[str, Any]:
    """The common settings: texts are normalized, and put between [CLS] and [SEP]."""
    return document(
        model,
        [added_token(token, tokens[token]) for token in SENTENCE_SPECIAL_TOKENS],
        normalizer=dict(NORMALIZER),
        pre_tokenizer=pre_tokenizer,
        post_processor=template(tokens, "[CLS]", "[SEP]"),
        decoder=decoder,
    )


def _words(text: str) -> list[str]:
    return split_words(_normalizer()(AlignedText(text)).text)


def _bert_words(text: str) -> list[str]:
    return [word.text for word in _bert_split()(_normalizer()(AlignedText(text)))]


@cache
def _normalizer() -> Normalizer:
    return build_normalizer(JsonObject(NORMALIZER, "train"))


@cache
def _bert_split() -> PreTokenizer:
    return build_pre_tokenizer(JsonObject(BERT_SPLIT, "train"))
