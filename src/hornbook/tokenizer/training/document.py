"""The tokenizer.json of a trained tokenizer for sentences and pairs of sentences, as Hugging Face has it."""

from collections.abc import Mapping, Sequence
from typing import Any

from hornbook.tokenizer.training.wordpiece import CONTINUING_PREFIX
from hornbook.tokenizer.vocabulary import Merge

__all__ = ["SENTENCE_SPECIAL_TOKENS", "bpe_document", "wordpiece_document"]

SENTENCE_SPECIAL_TOKENS = ("[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]")
"""Unknown, beginning, end, filling and mask, with the ids 0 to 4."""


def bpe_document(tokens: Mapping[str, int], merges: Sequence[Merge]) -> dict[str, Any]:
    """The content of a tokenizer.json with a byte-level BPE.

    Args:
        tokens: A byte-level vocabulary that has the special tokens.
        merges: Its merges, best first.
    """
    model = {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
        "vocab": dict(tokens),
        "merges": [list(merge) for merge in merges],
    }
    return _document(tokens, model, _byte_level(), _byte_level())


def wordpiece_document(tokens: Mapping[str, int]) -> dict[str, Any]:
    """The content of a tokenizer.json with a WordPiece vocabulary that has the special tokens."""
    model = {
        "type": "WordPiece",
        "unk_token": "[UNK]",
        "continuing_subword_prefix": CONTINUING_PREFIX,
        "max_input_chars_per_word": 100,
        "vocab": dict(tokens),
    }
    decoder = {"type": "WordPiece", "prefix": CONTINUING_PREFIX, "cleanup": True}
    return _document(tokens, model, {"type": "BertPreTokenizer"}, decoder)


def _document(
    tokens: Mapping[str, int], model: Mapping[str, Any], pre_tokenizer: Any, decoder: Any
) -> dict[str, Any]:
    """Text is stripped and brought to NFC before, and goes between [CLS] and [SEP] after."""
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added_token(token, tokens[token]) for token in SENTENCE_SPECIAL_TOKENS],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [{"type": "Strip", "strip_left": True, "strip_right": True}, {"type": "NFC"}],
        },
        "pre_tokenizer": pre_tokenizer,
        "post_processor": _template(tokens),
        "decoder": decoder,
        "model": model,
    }


def _added_token(token: str, token_id: int) -> dict[str, Any]:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": token_id, "content": token, **flags, "special": True}


def _byte_level() -> dict[str, Any]:
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}


def _template(tokens: Mapping[str, int]) -> dict[str, Any]:
    """[CLS] A [SEP] for one text, [CLS] A [SEP] B [SEP] for two."""
    begin, end = ({"SpecialToken": {"id": token, "type_id": 0}} for token in ("[CLS]", "[SEP]"))
    first = {"Sequence": {"id": "A", "type_id": 0}}
    second = [{"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": "[SEP]", "type_id": 1}}]
    return {
        "type": "TemplateProcessing",
        "single": [begin, first, end],
        "pair": [begin, first, end, *second],
        "special_tokens": {
            token: {"id": token, "ids": [tokens[token]], "tokens": [token]} for token in ("[CLS]", "[SEP]")
        },
    }
