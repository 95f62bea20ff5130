"""The tokenizer.json of a trained tokenizer for sentences and pairs of sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

from hornbook.tokenizer.files.compose import (
    added_token,
    bpe_model,
    byte_level,
    document,
    template,
    wordpiece_model,
)
from hornbook.tokenizer.files.vocabulary import Merge

__all__ = ["BERT_SPLIT", "NORMALIZER", "SENTENCE_SPECIAL_TOKENS", "bpe_document", "wordpiece_document"]

SENTENCE_SPECIAL_TOKENS = ("[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]")
"""Unknown, beginning, end, filling and mask, with the ids 0 to 4."""

NORMALIZER = {
    "type": "Sequence",
    "normalizers": [{"type": "Strip", "strip_left": True, "strip_right": True}, {"type": "NFC"}],
}
"""White space at both ends is left out, and the text brought to NFC."""

BERT_SPLIT = {"type": "BertPreTokenizer"}


def bpe_document(tokens: Mapping[str, int], merges: Sequence[Merge]) -> dict[str, Any]:
    """The content of a tokenizer.json with a byte-level BPE.

    Args:
        tokens: A byte-level vocabulary that has the special tokens.
        merges: Its merges, best first.
    """
    return _document(tokens, bpe_model(tokens, merges), byte_level(), byte_level())


def wordpiece_document(tokens: Mapping[str, int]) -> dict[str, Any]:
    """The content of a tokenizer.json with a WordPiece vocabulary that has the special tokens."""
    decoder = {"type": "WordPiece", "prefix": "##", "cleanup": True}
    return _document(tokens, wordpiece_model(tokens, "[UNK]"), dict(BERT_SPLIT), decoder)


def _document(
    tokens: Mapping[str, int], model: dict[str, Any], pre_tokenizer: dict[str, Any], decoder: dict[str, Any]
) -> dict[str, Any]:
    """Text is normalised before, and goes between [CLS] and [SEP] after."""
    return document(
        model,
        [added_token(token, tokens[token]) for token in SENTENCE_SPECIAL_TOKENS],
        normalizer=dict(NORMALIZER),
        pre_tokenizer=pre_tokenizer,
        post_processor=template(tokens, "[CLS]", "[SEP]"),
        decoder=decoder,
    )
