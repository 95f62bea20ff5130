"""The tokenizer of a model folder: which files hold it, and which of them counts where they differ.

tokenizer.json holds all of it. Older folders have vocab.json and merges.txt (GPT-2, RoBERTa, Qwen) or
vocab.txt (BERT), and tokenizer_config.json says which kind that is. Names and a few settings of
tokenizer_config.json and special_tokens_map.json override those of tokenizer.json, as in transformers.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hornbook.errors import TokenizerError
from hornbook.files import read_json
from hornbook.tokenizer.checking import brief
from hornbook.tokenizer.files.compose import (
    added_token,
    bert_document,
    bert_normalizer,
    byte_level_document,
    roberta_template,
)
from hornbook.tokenizer.files.roles import ROLES
from hornbook.tokenizer.files.vocabulary import (
    MAX_FILE_BYTES,
    read_vocabulary,
    read_word_list,
    special_tokens,
)
from hornbook.tokenizer.json_object import JsonObject

__all__ = ["read_folder"]

TOKENIZER, CONFIG, SPECIAL = "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"
VOCAB, MERGES, WORDS, ADDED = "vocab.json", "merges.txt", "vocab.txt", "added_tokens.json"

GPT2_LIKE = ("GPT2", "CodeGen", "PreTrained")
ROBERTA_LIKE = ("Roberta", "Bart", "Longformer", "LED")
QWEN_LIKE = ("Qwen2",)
BERT_LIKE = ("Bert", "DistilBert", "Electra", "MobileBert", "ConvBert", "SqueezeBert", "PreTrained")
"""Families with tokenizers alike, by the beginning of the names of their classes in transformers."""

BERT_TOKENS = {"unk": "[UNK]", "sep": "[SEP]", "pad": "[PAD]", "cls": "[CLS]", "mask": "[MASK]"}
ROBERTA_TOKENS = {
    "bos": "<s>",
    "eos": "</s>",
    "unk": "<unk>",
    "sep": "</s>",
    "pad": "<pad>",
    "cls": "<s>",
    "mask": "<mask>",
}
MOST_TOKENS = 10**9
"""A greater length in a file means that texts have no limit."""


def read_folder(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Reads the tokenizer of a folder.

    Returns:
        The content of a tokenizer.json, and the options of `Tokenizer` that go with it.

    Raises:
        TokenizerError: a file is missing, damaged, over 50 MB, or asks for what is not supported.
        OSError: a file cannot be read.
    """
    if not folder.is_dir():
        raise TokenizerError(f"{folder}: no such folder; expected a folder with {TOKENIZER}, for example")
    config = _settings(folder / CONFIG)
    roles = _roles(config, _settings(folder / SPECIAL))
    document = _document(folder, config, roles)
    _override(document, config)
    _add_tokens(document, folder, config, roles)
    single = folder / TOKENIZER
    options: dict[str, Any] = {"roles": roles, "source": str(single if single.exists() else folder)}
    length = config.value("model_max_length")
    if isinstance(length, int | float) and 0 < length <= MOST_TOKENS:
        options["max_length"] = int(length)
        options["truncation_side"] = config.choice("truncation_side", ("right", "left"), "right")
    return document, options


def _settings(path: Path) -> JsonObject:
    """The object in a file; an empty one if the file is missing."""
    return JsonObject(_json(path) if path.exists() else {}, str(path))


def _json(path: Path) -> Any:
    return read_json(path, max_bytes=MAX_FILE_BYTES, error=TokenizerError)


def _roles(*sources: JsonObject) -> dict[str, str]:
    """The special tokens that files name; the first file that names a role counts."""
    roles: dict[str, str] = {}
    for role in ROLES:
        for settings in sources:
            key = f"{role}_token"
            value = settings.value(key)
            if isinstance(value, dict):
                value = settings.object(key).text("content")
            if value is not None:
                if not isinstance(value, str) or not value:
                    raise settings.error(key, f"must be a token, got {brief(value)}")
                roles.setdefault(role, value)
    return roles


def _document(folder: Path, config: JsonObject, roles: Mapping[str, str]) -> dict[str, Any]:
    if (folder / TOKENIZER).exists():
        document = _json(folder / TOKENIZER)
        JsonObject(document, str(folder / TOKENIZER))
        return dict(document)
    name = config.text("tokenizer_class", "PreTrainedTokenizer")
    if (folder / VOCAB).exists() and (folder / MERGES).exists():
        return _byte_level(folder, name, config, roles)
    if (folder / WORDS).exists():
        if not name.startswith(BERT_LIKE):
            raise config.error("tokenizer_class", f"{name!r} with {WORDS} is not supported")
        tokens = read_word_list(folder / WORDS)
        special = BERT_TOKENS | dict(roles)
        for role in ("unk", "cls", "sep"):
            if special[role] not in tokens:
                raise TokenizerError(
                    f"{folder / WORDS}: the {role}_token {special[role]!r} is not in the vocabulary"
                )
        return bert_document(tokens, special, bert_normalizer())
    raise TokenizerError(
        f"{folder}: the folder has no tokenizer; expected {TOKENIZER}, or {VOCAB} and {MERGES}, or {WORDS}"
    )


def _byte_level(folder: Path, name: str, config: JsonObject, roles: Mapping[str, str]) -> dict[str, Any]:
    tokens, merges = read_vocabulary(folder / VOCAB, folder / MERGES)
    special = special_tokens(tokens, merges, str(folder / VOCAB))
    if name.startswith(GPT2_LIKE):
        return byte_level_document(tokens, merges, special)
    if name.startswith(QWEN_LIKE):
        return byte_level_document(tokens, merges, special, pattern="qwen2", normalizer={"type": "NFC"})
    if not name.startswith(ROBERTA_LIKE):
        raise config.error("tokenizer_class", f"{name!r} with {VOCAB} is not supported")
    named = ROBERTA_TOKENS | dict(roles)
    for role in ("cls", "sep"):
        if named[role] not in tokens:
            raise TokenizerError(f"{folder / VOCAB}: {role}_token {named[role]!r} is not in the vocabulary")
    around = roberta_template(tokens, named["cls"], named["sep"])
    return byte_level_document(tokens, merges, special, post_processor=around)


def _override(document: dict[str, Any], config: JsonObject) -> None:
    """JsonObject that transformers takes from tokenizer_config.json, whatever tokenizer.json says."""
    names = {
        "do_lower_case": "lowercase",
        "strip_accents": "strip_accents",
        "tokenize_chinese_chars": "handle_chinese_chars",
    }
    normalizer = document.get("normalizer")
    if isinstance(normalizer, dict) and normalizer.get("type") == "BertNormalizer":
        given = {
            ours: config.flag(theirs) for theirs, ours in names.items() if config.value(theirs) is not None
        }
        document["normalizer"] = normalizer | given
    if config.value("add_prefix_space") is not None:
        document["pre_tokenizer"] = _with_prefix(
            document.get("pre_tokenizer"), config.flag("add_prefix_space")
        )


def _with_prefix(pre_tokenizer: Any, add_prefix_space: bool) -> Any:
    """Sets whether byte-level pre-tokenizers put a space before the text."""
    match pre_tokenizer:
        case {"type": "ByteLevel"}:
            return pre_tokenizer | {"add_prefix_space": add_prefix_space}
        case {"type": "Sequence", "pretokenizers": [*steps]}:
            return pre_tokenizer | {"pretokenizers": [_with_prefix(step, add_prefix_space) for step in steps]}
        case _:
            return pre_tokenizer


def _add_tokens(document: dict[str, Any], folder: Path, config: JsonObject, roles: Mapping[str, str]) -> None:
    """Adds the tokens that only other files name."""
    source = str(folder / TOKENIZER)
    listed = JsonObject(document, source).items("added_tokens")
    known = [entry.get("content") for entry in listed if isinstance(entry, dict)]
    ids = _ids_of(document.get("model"))
    entries = [*_described(config), *_numbered(folder / ADDED, roles)]
    entries += [added_token(token, ids[token]) for token in roles.values() if token in ids]
    new = {entry["content"]: entry for entry in reversed(entries) if entry["content"] not in known}
    document["added_tokens"] = sorted([*listed, *new.values()], key=_number_of)


def _ids_of(model: Any) -> dict[str, int]:
    """The ids of the tokens of a model that may be damaged."""
    match model:
        case {"vocab": dict(ids)}:
            return ids
        case {"vocab": list(entries)}:
            return {entry[0]: index for index, entry in enumerate(entries) if _has_name(entry)}
        case _:
            return {}


def _has_name(entry: Any) -> bool:
    return isinstance(entry, list) and bool(entry) and isinstance(entry[0], str)


def _number_of(entry: Any) -> int:
    number = entry.get("id") if isinstance(entry, dict) else None
    return number if isinstance(number, int) else -1


def _described(config: JsonObject) -> Iterator[dict[str, Any]]:
    """The entries of added_tokens_decoder in tokenizer_config.json."""
    if config.value("added_tokens_decoder") is None:
        return
    entries = config.object("added_tokens_decoder")
    for number in entries:
        if not (number.isascii() and number.isdecimal() and len(number) < 10):
            raise entries.error(number, "must be the id of a token")
        entry = entries.object(number)
        flags = {key: entry.flag(key, False) for key in ("single_word", "lstrip", "rstrip", "special")}
        normalized = entry.flag("normalized", not flags["special"])
        yield added_token(entry.text("content"), int(number), normalized=normalized, **flags)


def _numbered(path: Path, roles: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The entries of added_tokens.json."""
    settings = _settings(path)
    for token in settings:
        special = token in roles.values()
        yield added_token(token, settings.integer(token), special=special, normalized=not special)
