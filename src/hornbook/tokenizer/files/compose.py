"""Composes the content of a tokenizer.json, for tokenizers that come in other files or are trained here."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hornbook.tokenizer.files.vocabulary import Merge
from hornbook.tokenizer.unicode.named_patterns import NAMED_PATTERNS
from hornbook.tokenizer.unicode.patterns import PATTERNS

__all__ = [
    "added_token",
    "begin_end_template",
    "bert_document",
    "bert_normalizer",
    "bpe_model",
    "byte_level",
    "byte_level_document",
    "document",
    "roberta_template",
    "template",
    "wordpiece_model",
]

Json = dict[str, Any]


def document(
    model: Json,
    added_tokens: Sequence[Json],
    *,
    normalizer: Json | None = None,
    pre_tokenizer: Json | None = None,
    post_processor: Json | None = None,
    decoder: Json | None = None,
) -> Json:
    """The content of a whole tokenizer.json."""
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": sorted(added_tokens, key=lambda token: token["id"]),
        "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": post_processor,
        "decoder": decoder,
        "model": model,
    }


def byte_level_document(
    tokens: Mapping[str, int],
    merges: Iterable[Merge],
    special: Mapping[str, int],
    *,
    pattern: str = "gpt2",
    normalizer: Json | None = None,
    post_processor: Json | None = None,
) -> Json:
    """A byte-level BPE: GPT-2's, unless another pattern, by its name, divides text into words."""
    pre_tokenizer = byte_level()
    if pattern != "gpt2":
        splits = [
            {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}
            for regex in _regexes(pattern)
        ]
        steps = [*splits, byte_level(use_regex=False)]
        pre_tokenizer = {"type": "Sequence", "pretokenizers": steps}
    return document(
        bpe_model(tokens, merges),
        [added_token(token, token_id) for token, token_id in special.items()],
        normalizer=normalizer,
        pre_tokenizer=pre_tokenizer,
        post_processor=post_processor,
        decoder=byte_level(),
    )


def bert_document(tokens: Mapping[str, int], special: Mapping[str, str], normalizer: Json) -> Json:
    """BERT's WordPiece.

    Args:
        tokens: tokens to ids.
        special: roles and their tokens: unk, cls and sep at least.
        normalizer: see `bert_normalizer`.
    """
    return document(
        wordpiece_model(tokens, special["unk"]),
        [added_token(token, tokens[token]) for token in dict.fromkeys(special.values()) if token in tokens],
        normalizer=normalizer,
        pre_tokenizer={"type": "BertPreTokenizer"},
        post_processor=template(tokens, special["cls"], special["sep"]),
        decoder={"type": "WordPiece", "prefix": "##", "cleanup": True},
    )


def bert_normalizer(
    *, lowercase: bool = True, strip_accents: bool | None = None, handle_chinese_chars: bool = True
) -> Json:
    """BERT's normalizer."""
    return {
        "type": "BertNormalizer",
        "clean_text": True,
        "handle_chinese_chars": handle_chinese_chars,
        "strip_accents": strip_accents,
        "lowercase": lowercase,
    }


def bpe_model(tokens: Mapping[str, int], merges: Iterable[Merge]) -> Json:
    """A byte-level BPE."""
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
        "vocab": dict(tokens),
        "merges": list(merges),
    }


def wordpiece_model(tokens: Mapping[str, int], unknown: str) -> Json:
    """A WordPiece vocabulary like BERT's."""
    return {
        "type": "WordPiece",
        "unk_token": unknown,
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
        "vocab": dict(tokens),
    }


def added_token(content: str, token_id: int, **flags: bool) -> Json:
    """A special token, unless a flag says otherwise."""
    usual = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {"id": token_id, "content": content, **usual, **flags}


def byte_level(*, add_prefix_space: bool = False, use_regex: bool = True) -> Json:
    """A byte-level pre-tokenizer, or a decoder, which ignores the settings."""
    return {
        "type": "ByteLevel",
        "add_prefix_space": add_prefix_space,
        "trim_offsets": True,
        "use_regex": use_regex,
    }


def template(tokens: Mapping[str, int], begin: str, end: str) -> Json:
    """[CLS] A [SEP] for one text, [CLS] A [SEP] B [SEP] for two."""
    first, last = ({"SpecialToken": {"id": token, "type_id": 0}} for token in (begin, end))
    single = [first, {"Sequence": {"id": "A", "type_id": 0}}, last]
    second = [{"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": end, "type_id": 1}}]
    return {
        "type": "TemplateProcessing",
        "single": single,
        "pair": [*single, *second],
        "special_tokens": {
            token: {"id": token, "ids": [tokens[token]], "tokens": [token]} for token in (begin, end)
        },
    }


def roberta_template(tokens: Mapping[str, int], begin: str, end: str) -> Json:
    """<s> A </s> for one text, <s> A </s></s> B </s> for two."""
    return {
        "type": "RobertaProcessing",
        "sep": [end, tokens[end]],
        "cls": [begin, tokens[begin]],
        "trim_offsets": True,
        "add_prefix_space": False,
    }


def begin_end_template(
    tokens: Mapping[str, int], roles: Mapping[str, str], *, begins: bool, ends: bool
) -> Json | None:
    """The tokens that begin and end a text, around one text and around each of two.

    Args:
        tokens: tokens to ids.
        roles: roles and their tokens, as far as they are known: bos and eos count.
        begins: whether a text gets the token that begins it.
        ends: whether a text gets the token that ends it.
    """
    wanted = {"bos": begins, "eos": ends}
    known = {role: roles[role] for role in wanted if wanted[role] and roles.get(role) in tokens}
    if not known:
        return None

    def sequence(name: str, type_id: int) -> list[Json]:
        around = {
            role: [{"SpecialToken": {"id": token, "type_id": type_id}}] for role, token in known.items()
        }
        text = {"Sequence": {"id": name, "type_id": type_id}}
        return [*around.get("bos", []), text, *around.get("eos", [])]

    return {
        "type": "TemplateProcessing",
        "single": sequence("A", 0),
        "pair": [*sequence("A", 0), *sequence("B", 1)],
        "special_tokens": {
            token: {"id": token, "ids": [tokens[token]], "tokens": [token]} for token in known.values()
        },
    }


def _regexes(pattern: str) -> tuple[str, ...]:
    if pattern in NAMED_PATTERNS:
        return NAMED_PATTERNS[pattern]
    return (next(regex for regex, name in PATTERNS.items() if name == pattern),)
