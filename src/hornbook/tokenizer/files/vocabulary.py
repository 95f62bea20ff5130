"""Vocabularies and merges: checks, and the reading of vocab.json, merges.txt and vocab.txt.

A vocabulary is taken as it is: ids may have gaps, tokens may be empty. It is an error if a text needs what is
missing, not before.
"""

import codecs
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hornbook.errors import TokenizerError
from hornbook.files import read_bounded, read_json
from hornbook.tokenizer.checking import brief
from hornbook.tokenizer.json_object import JsonObject
from hornbook.tokenizer.unicode.byte_alphabet import BYTE_TO_CHARACTER

__all__ = [
    "MAX_FILE_BYTES",
    "Merge",
    "checked_tokens",
    "read_document",
    "read_lines",
    "read_merges",
    "read_vocabulary",
    "read_word_list",
    "special_tokens",
    "token_ids_of",
]

MAX_FILE_BYTES = 50 * 1024 * 1024
MAX_ID = 2**31 - 2
"""Ids are int32, and one more than the greatest is their number."""

HEADER = "#version"

Merge = tuple[str, str]


def read_document(path: Path) -> Any:
    """Reads a JSON file; of keys given twice the last counts, as elsewhere.

    Raises:
        TokenizerError: it is not JSON, or over 50 MB.
        OSError: it cannot be read.
    """
    return read_json(path, max_bytes=MAX_FILE_BYTES, error=TokenizerError, unique_keys=False)


def read_vocabulary(vocab: Path, merges: Path) -> tuple[dict[str, int], list[Merge]]:
    """Reads the two files that GPT-2 was published with: tokens and their ids, and merges, best first.

    Raises:
        TokenizerError: a file is damaged, over 50 MB, or the two do not belong together.
        OSError: a file cannot be read.
    """
    tokens = checked_tokens(read_document(vocab), str(vocab))
    for byte, character in enumerate(BYTE_TO_CHARACTER):
        if character not in tokens:
            raise TokenizerError(f"{vocab}: no token for byte 0x{byte:02X}, expected {character!r}")
    return tokens, _read_merges(merges, tokens)


def read_word_list(path: Path) -> dict[str, int]:
    """Reads vocab.txt: one token a line, with the ids 0, 1, ...; lines end in LF or CRLF.

    An empty line takes its id and is no token. If a token is given twice, its last line counts.

    Raises:
        TokenizerError: it is damaged, or over 50 MB.
        OSError: it cannot be read.
    """
    lines = read_lines(path, "a token a line")
    tokens = {line.removesuffix("\r"): token_id for token_id, line in enumerate(lines)}
    tokens.pop("", None)
    return tokens


def special_tokens(tokens: Mapping[str, int], merges: Iterable[Merge], source: str) -> dict[str, int]:
    """Finds the special tokens, which GPT-2's files do not mark: they are neither a byte nor made by a merge.

    Raises:
        TokenizerError: one is not ASCII, as special tokens are; then merges are missing.
    """
    made = {left + right for left, right in merges}.union(BYTE_TO_CHARACTER)
    special = {token: token_id for token, token_id in tokens.items() if token not in made}
    for token, token_id in special.items():
        if not token.isascii():
            raise TokenizerError(
                f"{source}: token {brief(token)} (id {token_id}) is not made by any merge; "
                "do the two files belong together, and is the file of merges whole?"
            )
    return special


def checked_tokens(value: Any, source: str) -> dict[str, int]:
    """Returns `value` if it maps tokens to ids.

    Raises:
        TokenizerError: it does not.
    """
    if not isinstance(value, dict):
        raise TokenizerError(f"{source}: expected an object of tokens and their ids, got {brief(value)}")
    if not all(type(token_id) is int and 0 <= token_id <= MAX_ID for token_id in value.values()):
        token, token_id = next(
            (token, token_id)
            for token, token_id in value.items()
            if type(token_id) is not int or not 0 <= token_id <= MAX_ID
        )
        raise TokenizerError(
            f"{source}: the id of token {brief(token)} must be an integer from 0 to {MAX_ID}, "
            f"got {brief(token_id)}"
        )
    _check_text(value, source)
    return value


def token_ids_of(tokens: Iterable[str], source: str) -> dict[str, int]:
    """Tokens to the ids 0, 1, ...; if a token is given twice, its last id counts.

    Raises:
        TokenizerError: a token has a lone surrogate.
    """
    ids = {token: token_id for token_id, token in enumerate(tokens)}
    _check_text(ids, source)
    return ids


def _check_text(tokens: Iterable[str], source: str) -> None:
    try:
        "".join(tokens).encode("utf-8")
    except UnicodeEncodeError as problem:
        character = problem.object[problem.start]
        token = next(token for token in tokens if character in token)
        raise TokenizerError(f"{source}: token {brief(token)} has a lone surrogate") from None


def read_merges(settings: JsonObject, tokens: Mapping[str, int], prefix: str) -> list[tuple[int, int, int]]:
    """The merges of a model, best first: left id, right id, and the id of the merged token.

    A merge is spelled "a b" or ["a", "b"]. The header of merges.txt is no merge. If a pair is given twice,
    its last entry counts.

    Args:
        settings: the model.
        tokens: its tokens to their ids.
        prefix: marks tokens that continue a word; so much is dropped from the right token of a merge.

    Raises:
        TokenizerError: a merge is damaged, or names or makes no token.
    """
    n_prefix = len(prefix)
    merges: dict[tuple[int, int], int] = {}
    for number, entry in enumerate(settings.items("merges")):
        if isinstance(entry, str) and entry.startswith(HEADER):
            continue
        try:
            left, right = entry.split(" ") if isinstance(entry, str) else entry
            pair = tokens[left], tokens[right]
            merges.pop(pair, None)
            merges[pair] = tokens[left + right[n_prefix:]]
        except (KeyError, TypeError, ValueError):
            raise _bad_merge(settings, number, tokens, prefix) from None
    return [(left, right, merged) for (left, right), merged in merges.items()]


def _bad_merge(settings: JsonObject, number: int, tokens: Mapping[str, int], prefix: str) -> TokenizerError:
    entry = settings.items("merges")[number]
    match entry.split(" ") if isinstance(entry, str) else entry:
        case [str(left), str(right)]:
            token = next(each for each in (left, right, left + right[len(prefix) :]) if each not in tokens)
            pair = f"of {brief(left)} and {brief(right)}"
            return settings.error(
                f"merges[{number}]:", f"{pair}: token {brief(token)} is not in the vocabulary"
            )
        case _:
            return settings.error(f"merges[{number}]:", f"expected two tokens, got {brief(entry)}")


def _read_merges(path: Path, tokens: Mapping[str, int]) -> list[Merge]:
    """Reads merges.txt: an optional line "#version: 0.2", then two tokens a line; lines end in LF or CRLF."""
    lines = read_lines(path, "two tokens a line")
    first = 1 if lines[0].startswith(HEADER) else 0
    merges: list[Merge] = []
    for number, line in enumerate(lines[first:], first + 1):
        left, _, right = line.removesuffix("\r").partition(" ")
        if left in tokens and right in tokens and left + right in tokens:
            merges.append((left, right))
        else:
            raise _bad_line(f"{path}: line {number}", line.removesuffix("\r"), tokens)
    return merges


def _bad_line(position: str, line: str, tokens: Mapping[str, int]) -> TokenizerError:
    left, _, right = line.partition(" ")
    if not (left and right) or " " in right:
        return TokenizerError(f"{position}: expected two tokens and one space, got {brief(line)}")
    token = next(each for each in (left, right, left + right) if each not in tokens)
    described = f"{position}: merge of {brief(left)} and {brief(right)}"
    return TokenizerError(f"{described}: token {brief(token)} is not in the vocabulary")


def read_lines(path: Path, expected: str) -> list[str]:
    """The lines of a UTF-8 file, without the LF.

    Args:
        path: the file.
        expected: what it should hold, for messages.

    Raises:
        TokenizerError: it is empty, not UTF-8, begins with a byte order mark, or is over 50 MB.
        OSError: it cannot be read.
    """
    content = read_bounded(path, max_bytes=MAX_FILE_BYTES, error=TokenizerError, expected=expected)
    if content.startswith(codecs.BOM_UTF8):
        raise TokenizerError(f"{path}: starts with a byte order mark; save it as UTF-8 without one")
    try:
        lines = content.decode("utf-8").split("\n")
    except UnicodeDecodeError as problem:
        raise TokenizerError(f"{path}: not UTF-8 at byte {problem.start}") from None
    if lines[-1] == "":
        lines.pop()
    if not lines:
        raise TokenizerError(f"{path}: empty file, expected {expected}")
    return lines
