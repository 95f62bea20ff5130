"""The checked reading of a GPT-2-type tokenizer.json, the single-file format of Hugging Face's tokenizers.

Such a file can describe many kinds of tokenizers. One that would give other ids than ours is refused, and the
setting named. Truncation and padding are left to the caller, who has the model's length.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hornbook.errors import TokenizerError
from hornbook.files import read_json
from hornbook.tokenizer.byte_level import BYTE_TO_CHARACTER
from hornbook.tokenizer.checking import brief
from hornbook.tokenizer.vocabulary import (
    MAX_FILE_BYTES,
    Merge,
    Vocabulary,
    checked_merges,
    checked_tokens,
    token_pieces,
)

__all__ = ["read_tokenizer_json"]

# The settings of the model that change nothing, so that a file may leave them out or write them down.
NEUTRAL_MODEL: Mapping[str, tuple[Any, ...]] = {
    "type": (None, "BPE"),
    "dropout": (None, 0),
    "unk_token": (None,),
    "continuing_subword_prefix": (None, ""),
    "end_of_word_suffix": (None, ""),
    "fuse_unk": (None, False),
    "byte_fallback": (None, False),
    "ignore_merges": (None, False),
}
# The flag "normalized" is not among them: without a normalizer it makes no difference.
NEUTRAL_ADDED: Mapping[str, tuple[Any, ...]] = {
    "lstrip": (None, False),
    "rstrip": (None, False),
    "single_word": (None, False),
}


def read_tokenizer_json(path: Path) -> Vocabulary:
    """Reads a tokenizer.json whose model is a byte-level BPE.

    Raises:
        TokenizerError: the file is damaged, over 50 MB, or describes another kind of tokenizer.
        OSError: the file cannot be read.
    """
    source = str(path)
    content = _object(read_json(path, max_bytes=MAX_FILE_BYTES, error=TokenizerError), source)
    model = _object(content.get("model"), f"{source}: model")
    _expect_neutral(model, NEUTRAL_MODEL, f"{source}: model")
    _check_surroundings(content, source)
    pre_tokenizer = _byte_level(content, "pre_tokenizer", source)
    special, ordinary = _added_tokens(content.get("added_tokens") or [], f"{source}: added_tokens")
    tokens = _all_tokens(model.get("vocab"), special | ordinary, source)
    merges = checked_merges(_merges(model.get("merges"), source), tokens, source)
    _check_apart(special | ordinary, merges, source)
    return Vocabulary(
        tokens,
        token_pieces(tokens, special | ordinary, source),
        merges,
        special,
        added=ordinary,
        add_prefix_space=_flag(pre_tokenizer, "add_prefix_space", None, f"{source}: pre_tokenizer"),
        split_words=_flag(pre_tokenizer, "use_regex", True, f"{source}: pre_tokenizer"),
    )


def _check_surroundings(content: Mapping[str, Any], source: str) -> None:
    """Refuses what stands before and after the model unless it leaves text and ids as they are."""
    if content.get("normalizer") is not None:
        raise TokenizerError(f"{source}: normalizer must be null, got {brief(content['normalizer'])}")
    _byte_level(content, "decoder", source)
    post_processor = content.get("post_processor")
    if post_processor is None:
        return
    kind = _object(post_processor, f"{source}: post_processor").get("type")
    if kind == "ByteLevel" or (kind == "TemplateProcessing" and _is_only_a(post_processor.get("single"))):
        return
    raise TokenizerError(
        f"{source}: post_processor must be null, ByteLevel, or TemplateProcessing of sequence A alone, "
        f"got {brief(post_processor)}"
    )


def _is_only_a(template: Any) -> bool:
    """Whether a template adds no tokens: [{"Sequence": {"id": "A", "type_id": 0}}]."""
    match template:
        case [{"Sequence": {"id": "A"}}]:
            return True
        case _:
            return False


def _added_tokens(entries: Any, source: str) -> tuple[dict[str, int], dict[str, int]]:
    """Reads the list of added tokens into the special ones and the others, text to id."""
    if not isinstance(entries, list):
        raise TokenizerError(f"{source}: expected a list, got {brief(entries)}")
    special: dict[str, int] = {}
    ordinary: dict[str, int] = {}
    for number, entry in enumerate(entries):
        place = f"{source}[{number}]"
        _expect_neutral(_object(entry, place), NEUTRAL_ADDED, place)
        token, token_id = _token_and_id(entry, place)
        if token in special or token in ordinary:
            raise TokenizerError(f"{place}: token {brief(token)} is given twice")
        (special if _flag(entry, "special", False, place) else ordinary)[token] = token_id
    return special, ordinary


def _token_and_id(entry: Mapping[str, Any], place: str) -> tuple[str, int]:
    token, token_id = entry.get("content"), entry.get("id")
    if not isinstance(token, str) or not token:
        raise TokenizerError(f"{place}: content must be text, got {brief(token)}")
    if type(token_id) is not int:
        raise TokenizerError(f"{place}: id must be an integer, got {brief(token_id)}")
    return token, token_id


def _all_tokens(vocab: Any, added: Mapping[str, int], source: str) -> dict[str, int]:
    """The model's tokens and the added ones, which may be among them, in order of ids."""
    if not isinstance(vocab, dict):
        raise TokenizerError(
            f"{source}: model.vocab: expected an object of tokens and ids, got {brief(vocab)}"
        )
    for token, token_id in added.items():
        if vocab.get(token, token_id) != token_id:
            raise TokenizerError(
                f"{source}: added token {brief(token)} has id {token_id}, "
                f"but {brief(vocab[token])} in model.vocab"
            )
    return checked_tokens(vocab | dict(added), f"{source}: model.vocab")


def _check_apart(added: Mapping[str, int], merges: Sequence[Merge], source: str) -> None:
    """Refuses an added token such as "é" whose entry the model has for other bytes: 0xE9, spelled so."""
    made = {left + right for left, right in merges}.union(BYTE_TO_CHARACTER)
    for token in added:
        if token in made and not token.isascii():
            raise TokenizerError(
                f"{source}: added token {brief(token)} is the model's spelling of other bytes"
            )


def _merges(value: Any, source: str) -> Sequence[Merge]:
    """Reads merges in either spelling, "a b" or ["a", "b"]."""
    if not isinstance(value, list):
        raise TokenizerError(f"{source}: model.merges: expected a list, got {brief(value)}")
    return [_merge(entry, number, source) for number, entry in enumerate(value)]


def _merge(entry: Any, number: int, source: str) -> Merge:
    match entry.split(" ") if isinstance(entry, str) else entry:
        case [str(left), str(right)] if left and right:
            return left, right
        case _:
            raise TokenizerError(f"{source}: model.merges[{number}]: expected two tokens, got {brief(entry)}")


def _byte_level(content: Mapping[str, Any], key: str, source: str) -> dict[str, Any]:
    value = _object(content.get(key), f"{source}: {key}")
    if value.get("type") != "ByteLevel":
        raise TokenizerError(f"{source}: {key} must be ByteLevel, got {brief(value.get('type'))}")
    return value


def _expect_neutral(settings: Mapping[str, Any], neutral: Mapping[str, tuple[Any, ...]], place: str) -> None:
    for key, accepted in neutral.items():
        if settings.get(key) not in accepted:
            raise TokenizerError(f"{place}: {key} must be {accepted[-1]!r}, got {brief(settings[key])}")


def _flag(settings: Mapping[str, Any], key: str, default: bool | None, place: str) -> bool:
    value = settings.get(key, default)
    if not isinstance(value, bool):
        raise TokenizerError(f"{place}: {key} must be true or false, got {brief(value)}")
    return value


def _object(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TokenizerError(f"{place}: expected an object, got {brief(value)}")
    return value
