"""The tokenizer of a model folder: which files hold it, and which of them counts where they differ.

tokenizer.json holds all of it. Other folders have vocab.json and merges.txt (GPT-2, RoBERTa, Qwen; the first
release called them encoder.json and vocab.bpe), vocab.txt (BERT), a .tiktoken or a SentencePiece .model;
tokenizer_config.json says which kind that is. Names and a few settings of tokenizer_config.json and
special_tokens_map.json override those of tokenizer.json, as in transformers.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hornbook.errors import TokenizerError
from hornbook.tokenizer.checking import brief
from hornbook.tokenizer.files.compose import (
    added_token,
    begin_end_template,
    bert_document,
    bert_normalizer,
    byte_level_document,
    roberta_template,
)
from hornbook.tokenizer.files.roles import ROLES
from hornbook.tokenizer.files.sentencepiece import read_sentencepiece
from hornbook.tokenizer.files.sentencepiece_document import sentencepiece_document
from hornbook.tokenizer.files.tiktoken import read_tiktoken
from hornbook.tokenizer.files.vocabulary import (
    read_document,
    read_vocabulary,
    read_word_list,
    special_tokens,
)
from hornbook.tokenizer.json_object import JsonObject

__all__ = ["has_tokenizer", "read_file", "read_folder"]

TOKENIZER, CONFIG, SPECIAL = "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"
WORDS, ADDED = "vocab.txt", "added_tokens.json"
TIKTOKEN, SENTENCEPIECE = "*.tiktoken", "*.model"
PAIRS = (("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe"))
"""Tokens and merges, under their names in transformers and in GPT-2's first release."""

GPT2_LIKE = ("GPT2", "CodeGen", "PreTrained")
ROBERTA_LIKE = ("Roberta", "Bart", "Longformer", "LED")
QWEN_LIKE = ("Qwen2",)
BERT_LIKE = ("Bert", "DistilBert", "Electra", "MobileBert", "ConvBert", "SqueezeBert", "PreTrained")
LLAMA_LIKE = ("Llama", "CodeLlama", "Gemma")
T5_LIKE = ("T5", "MT5")
PLAIN_LIKE = ("PreTrained",)
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
SENTENCEPIECE_ROLES = {"bos": "<s>", "eos": "</s>"}
MOST_TOKENS = 10**9
"""A greater length in a file means that texts have no limit."""


def has_tokenizer(folder: Path) -> bool:
    """Whether a folder has the files of a tokenizer."""
    pairs = (all((folder / name).is_file() for name in pair) for pair in PAIRS)
    singles = ((folder / name).is_file() for name in (TOKENIZER, WORDS))
    return any(pairs) or any(singles) or any(_first(folder, name) for name in (TIKTOKEN, SENTENCEPIECE))


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
    config, special = _settings(folder / CONFIG), _settings(folder / SPECIAL)
    is_legacy = config.value("added_tokens_decoder") is None
    roles = _roles(*((special, config) if is_legacy else (config, special)))
    document = _document(folder, config, roles)
    _override(document, config, roles)
    numbered = _numbered(folder / ADDED, roles) if is_legacy else _described(config)
    _add_tokens(document, folder, [*numbered, *_named(config, special, roles)])
    single = folder / TOKENIZER
    options: dict[str, Any] = {"roles": roles, "source": str(single if single.exists() else folder)}
    length = config.value("model_max_length")
    if isinstance(length, int | float) and 0 < length <= MOST_TOKENS:
        options["max_length"] = int(length)
        options["truncation_side"] = config.choice("truncation_side", ("right", "left"), "right")
    return document, options


def read_file(path: Path) -> dict[str, Any]:
    """The content of a tokenizer.json, or of what a .tiktoken or a SentencePiece .model corresponds to.

    Raises:
        TokenizerError: the file is damaged, over 50 MB, or asks for what is not supported.
        OSError: it cannot be read.
    """
    if path.suffix == ".tiktoken":
        return read_tiktoken(path)
    if path.suffix == ".model":
        return sentencepiece_document(read_sentencepiece(path), str(path))
    document: dict[str, Any] = read_document(path)
    return document


def _settings(path: Path) -> JsonObject:
    """The object in a file; an empty one if the file is missing."""
    return JsonObject(read_document(path) if path.exists() else {}, str(path))


def _roles(*sources: JsonObject) -> dict[str, str]:
    """The special tokens that files name; the first file that names a role counts."""
    roles: dict[str, str] = {}
    for role in ROLES:
        for settings in sources:
            token = _token_at(settings, f"{role}_token")
            if token is not None:
                roles.setdefault(role, token)
    return roles


def _token_at(settings: JsonObject, key: str) -> str | None:
    """A token that is given as text, or as an object with its flags."""
    value = settings.value(key)
    if isinstance(value, dict):
        value = settings.object(key).text("content")
    if value is not None and (not isinstance(value, str) or not value):
        raise settings.error(key, f"must be a token, got {brief(value)}")
    return value


def _document(folder: Path, config: JsonObject, roles: Mapping[str, str]) -> dict[str, Any]:
    """The content of the folder's tokenizer.json, or what it would be."""
    if (folder / TOKENIZER).exists():
        document = read_document(folder / TOKENIZER)
        JsonObject(document, str(folder / TOKENIZER))
        return dict(document)
    name = config.text("tokenizer_class", "PreTrainedTokenizer")
    for vocab, merges in PAIRS:
        if (folder / vocab).exists() and (folder / merges).exists():
            return _byte_level(folder / vocab, folder / merges, name, config, roles)
    if (folder / WORDS).exists():
        return _word_list(folder / WORDS, name, config, roles)
    if (tiktoken := _first(folder, TIKTOKEN)) is not None:
        return read_tiktoken(tiktoken)
    if (model := _first(folder, SENTENCEPIECE)) is not None:
        return _sentencepiece(model, name, config, roles)
    raise TokenizerError(
        f"{folder}: the folder has no tokenizer; expected {TOKENIZER}, or vocab.json and merges.txt, "
        f"or {WORDS}, or a .tiktoken, or a .model"
    )


def _first(folder: Path, pattern: str) -> Path | None:
    return next(iter(sorted(folder.glob(pattern))), None)


def _sentencepiece(path: Path, name: str, config: JsonObject, roles: Mapping[str, str]) -> dict[str, Any]:
    """A SentencePiece model, whose ids are the tokenizer's; the class says what goes around a text."""
    if not name.startswith(LLAMA_LIKE + T5_LIKE + PLAIN_LIKE):
        raise config.error("tokenizer_class", f"{name!r} with {path.name} is not supported")
    document = sentencepiece_document(read_sentencepiece(path), str(path))
    begins = config.flag("add_bos_token", name.startswith(LLAMA_LIKE))
    ends = config.flag("add_eos_token", name.startswith(T5_LIKE))
    named = SENTENCEPIECE_ROLES | dict(roles)
    around = begin_end_template(_ids_of(document), named, begins=begins, ends=ends)
    return document | {"post_processor": around}


def _word_list(path: Path, name: str, config: JsonObject, roles: Mapping[str, str]) -> dict[str, Any]:
    if not name.startswith(BERT_LIKE):
        raise config.error("tokenizer_class", f"{name!r} with {WORDS} is not supported")
    tokens = read_word_list(path)
    special = BERT_TOKENS | dict(roles)
    for role in ("unk", "cls", "sep"):
        if special[role] not in tokens:
            raise TokenizerError(f"{path}: {role}_token {special[role]!r} is not in the vocabulary")
    return bert_document(tokens, special, bert_normalizer())


def _byte_level(
    vocab: Path, merges: Path, name: str, config: JsonObject, roles: Mapping[str, str]
) -> dict[str, Any]:
    tokens, pairs = read_vocabulary(vocab, merges)
    special = special_tokens(tokens, pairs, str(vocab))
    if name.startswith(GPT2_LIKE):
        begins, ends = (config.flag(f"add_{each}_token", False) for each in ("bos", "eos"))
        around = begin_end_template(tokens, roles, begins=begins, ends=ends)
        return byte_level_document(tokens, pairs, special, post_processor=around)
    if name.startswith(QWEN_LIKE):
        return byte_level_document(tokens, pairs, special, pattern="qwen2", normalizer={"type": "NFC"})
    if not name.startswith(ROBERTA_LIKE):
        raise config.error("tokenizer_class", f"{name!r} with {vocab.name} is not supported")
    named = ROBERTA_TOKENS | dict(roles)
    for role in ("cls", "sep"):
        if named[role] not in tokens:
            raise TokenizerError(f"{vocab}: {role}_token {named[role]!r} is not in the vocabulary")
    around = roberta_template(tokens, named["cls"], named["sep"])
    return byte_level_document(tokens, pairs, special, post_processor=around)


def _override(document: dict[str, Any], config: JsonObject, roles: Mapping[str, str]) -> None:
    """Applies the settings that transformers takes from tokenizer_config.json."""
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
        prefix = config.flag("add_prefix_space")
        document["pre_tokenizer"] = _with_prefix(document.get("pre_tokenizer"), prefix)
        processor = document.get("post_processor")
        if isinstance(processor, dict) and processor.get("type") == "RobertaProcessing":
            document["post_processor"] = processor | {"add_prefix_space": prefix}
    added = [config.value(f"add_{each}_token") for each in ("bos", "eos")]
    if config.text("tokenizer_class", "").startswith(LLAMA_LIKE) and any(each is not None for each in added):
        begins, ends = config.flag("add_bos_token", True), config.flag("add_eos_token", False)
        tokens = _ids_of(document)
        named = SENTENCEPIECE_ROLES | dict(roles)
        document["post_processor"] = begin_end_template(tokens, named, begins=begins, ends=ends)


def _with_prefix(pre_tokenizer: Any, add_prefix_space: bool) -> Any:
    """Sets whether byte-level pre-tokenizers put a space before the text."""
    match pre_tokenizer:
        case {"type": "ByteLevel"}:
            return pre_tokenizer | {"add_prefix_space": add_prefix_space}
        case {"type": "Sequence", "pretokenizers": [*steps]}:
            return pre_tokenizer | {"pretokenizers": [_with_prefix(step, add_prefix_space) for step in steps]}
        case _:
            return pre_tokenizer


def _add_tokens(document: dict[str, Any], folder: Path, described: Iterable[dict[str, Any]]) -> None:
    """Adds the tokens that other files describe.

    A token that has an id in added_tokens_decoder takes its flags from there; any other is added only if
    tokenizer.json does not list it.
    """
    listed = JsonObject(document, str(folder / TOKENIZER)).items("added_tokens")
    known = {entry["content"] for entry in listed if _has_content(entry)}
    added = list(listed)
    for entry in described:
        if entry["content"] not in known or entry.pop("overrides", False):
            added.append({key: value for key, value in entry.items() if key != "overrides"})
            known.add(entry["content"])
    document["added_tokens"] = added


def _has_content(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("content"), str)


def _ids_of(document: Mapping[str, Any]) -> dict[str, int]:
    """The ids of the tokens of a document that may be damaged."""
    ids: dict[str, int] = {}
    match document.get("model"):
        case {"vocab": dict(vocab)}:
            ids = dict(vocab)
        case {"vocab": list(entries)}:
            ids = {entry[0]: index for index, entry in enumerate(entries) if _is_scored(entry)}
    for entry in document.get("added_tokens") or ():
        if _has_content(entry) and type(entry.get("id")) is int:
            ids.setdefault(entry["content"], entry["id"])
    return ids


def _is_scored(entry: Any) -> bool:
    return isinstance(entry, list) and bool(entry) and isinstance(entry[0], str)


def _described(config: JsonObject) -> Iterator[dict[str, Any]]:
    """The entries of added_tokens_decoder in tokenizer_config.json, in order of ids."""
    entries = config.object("added_tokens_decoder")
    for number in entries:
        if not (number.isascii() and number.isdecimal() and len(number) < 10):
            raise entries.error(number, "must be the id of a token")
    for number in sorted(entries, key=int):
        entry = entries.object(number)
        yield added_token(entry.text("content"), int(number), **_flags(entry)) | {"overrides": True}


def _flags(entry: JsonObject) -> dict[str, bool]:
    flags = {key: entry.flag(key, False) for key in ("single_word", "lstrip", "rstrip", "special")}
    return flags | {"normalized": entry.flag("normalized", not flags["special"])}


def _numbered(path: Path, roles: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The entries of added_tokens.json, in order of ids."""
    settings = _settings(path)
    ids = {token: settings.integer(token) for token in settings}
    for token in sorted(ids, key=lambda token: ids[token]):
        special = token in roles.values()
        yield added_token(token, ids[token], special=special, normalized=not special)


def _named(config: JsonObject, special: JsonObject, roles: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The tokens that have a role, and the other special ones; as in transformers, unknown ones are added."""
    for role, token in roles.items():
        yield _with_flags(token, (special, config), f"{role}_token")
    for settings in (config, special):
        for key in ("additional_special_tokens", "extra_special_tokens"):
            listed = settings.value(key)
            for entry in listed if isinstance(listed, list) else ():
                content = entry.get("content") if isinstance(entry, dict) else entry
                if isinstance(content, str) and content:
                    yield added_token(content, 0)


def _with_flags(token: str, sources: Iterable[JsonObject], key: str) -> dict[str, Any]:
    for settings in sources:
        if isinstance(settings.value(key), dict) and settings.object(key).text("content") == token:
            return added_token(token, 0, **(_flags(settings.object(key)) | {"special": True}))
    return added_token(token, 0)
