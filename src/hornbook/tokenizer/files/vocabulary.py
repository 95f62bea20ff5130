"""Checks vocabularies and merges; reads vocab.json, merges.txt and vocab.txt."""

import codecs
from collections.abc import Container, Iterable, Mapping
from operator import itemgetter
from pathlib import Path
from typing import Any

from hornbook.errors import TokenizerError
from hornbook.files import read_json
from hornbook.tokenizer.checking import brief
from hornbook.tokenizer.unicode.byte_alphabet import BYTE_TO_CHARACTER, spelled_bytes

__all__ = [
    "MAX_FILE_BYTES",
    "Merge",
    "check_bytes",
    "checked_merges",
    "checked_tokens",
    "read_vocabulary",
    "read_word_list",
    "special_tokens",
    "token_pieces",
]

MAX_FILE_BYTES = 50 * 1024 * 1024
Merge = tuple[str, str]


def read_vocabulary(vocab: Path, merges: Path) -> tuple[dict[str, int], list[Merge]]:
    """Reads the two files that GPT-2 was published with: tokens and their ids, and merges, best first.

    Raises:
        TokenizerError: a file is damaged, over 50 MB, or the two do not belong together.
        OSError: a file cannot be read.
    """
    tokens = checked_tokens(read_json(vocab, max_bytes=MAX_FILE_BYTES, error=TokenizerError), str(vocab))
    check_bytes(tokens, str(vocab))
    token_pieces(tokens, {}, str(vocab))
    pairs, first_line = _read_merges(merges)
    return tokens, checked_merges(pairs, tokens, str(merges), first_line=first_line)


def read_word_list(path: Path) -> dict[str, int]:
    """Reads vocab.txt: one token a line, with the ids 0, 1, ...; lines end in LF or CRLF.

    Raises:
        TokenizerError: it is damaged, over 50 MB, or has a token twice.
        OSError: it cannot be read.
    """
    tokens: dict[str, int] = {}
    for token_id, line in enumerate(_lines(path, "a token a line")):
        token = line.removesuffix("\r")
        if not token or token in tokens:
            problem = f"token {brief(token)} is given twice" if token else "expected a token, got none"
            raise TokenizerError(f"{path}: line {token_id + 1}: {problem}")
        tokens[token] = token_id
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
    """Returns `value`, sorted by id, if it maps tokens to the ids 0 to n - 1.

    Raises:
        TokenizerError: it does not.
    """
    if not isinstance(value, dict):
        raise TokenizerError(f"{source}: expected an object of tokens and their ids, got {brief(value)}")
    if "" in value:
        raise TokenizerError(f"{source}: token '' is empty; a token stands for one byte at least")
    for token, token_id in value.items():
        if type(token_id) is not int:
            raise TokenizerError(
                f"{source}: the id of token {brief(token)} must be an integer, got {brief(token_id)}"
            )
        if not _is_text(token):
            raise TokenizerError(f"{source}: token {brief(token)} has a lone surrogate")
    tokens = dict(sorted(value.items(), key=itemgetter(1)))
    for expected, (token, token_id) in enumerate(tokens.items()):
        if token_id != expected:
            raise TokenizerError(
                f"{source}: ids must run from 0 to {len(tokens) - 1}, each once; "
                f"expected {expected}, got {brief(token_id)} of token {brief(token)}"
            )
    return tokens


def _is_text(token: str) -> bool:
    try:
        token.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def check_bytes(tokens: Container[str], source: str) -> None:
    """Refuses a byte-level vocabulary that lacks a byte.

    Raises:
        TokenizerError: a byte has no token.
    """
    for byte, character in enumerate(BYTE_TO_CHARACTER):
        if character not in tokens:
            raise TokenizerError(f"{source}: no token for byte 0x{byte:02X}, expected {character!r}")


def token_pieces(tokens: Mapping[str, int], literal: Mapping[str, int], source: str) -> list[bytes]:
    """The bytes of each token in order of ids; a token in `literal` spells itself.

    Raises:
        TokenizerError: a token has a character outside of the byte alphabet.
    """
    pieces = []
    for token in tokens:
        try:
            pieces.append(token.encode("utf-8") if token in literal else spelled_bytes(token))
        except ValueError as problem:
            raise TokenizerError(
                f"{source}: token {brief(token)} is not byte-level: {problem}; "
                "is this a GPT-2-type vocabulary?"
            ) from None
    return pieces


def checked_merges(
    merges: Iterable[Merge],
    tokens: Mapping[str, int],
    source: str,
    prefix: str = "",
    first_line: int | None = None,
) -> list[Merge]:
    """Returns `merges` if they join tokens into tokens, each pair once.

    Args:
        merges: pairs of tokens.
        tokens: all tokens.
        source: for messages.
        prefix: marks tokens that continue a word; it is dropped from the right token of a merge.
        first_line: the line of the first merge, if each has a line of a file.

    Raises:
        TokenizerError: they do not.
    """
    checked: dict[Merge, None] = {}
    for number, merge in enumerate(merges, start=1):
        left, right = merge
        position = f"merge {number}" if first_line is None else f"line {first_line + number - 1}: merge"
        described = f"{source}: {position} of {brief(left)} and {brief(right)}"
        for token in (left, right, left + right.removeprefix(prefix)):
            if token not in tokens:
                raise TokenizerError(f"{described}: token {brief(token)} is not in the vocabulary")
        if merge in checked:
            raise TokenizerError(f"{described} is given twice")
        checked[merge] = None
    return list(checked)


def _read_merges(path: Path) -> tuple[list[Merge], int]:
    """Reads merges.txt: an optional line "#version: 0.2", then two tokens a line; lines end in LF or CRLF.

    Returns:
        The merges, and the line number of the first one.
    """
    lines = _lines(path, "two tokens a line")
    skipped = 1 if lines[0].startswith("#version") else 0
    merges = [_merge_of(line, number, path) for number, line in enumerate(lines[skipped:], skipped + 1)]
    return merges, skipped + 1


def _lines(path: Path, expected: str) -> list[str]:
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise TokenizerError(
            f"{path}: {size} bytes, expected at most {MAX_FILE_BYTES}; is this the right file?"
        )
    content = path.read_bytes()
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


def _merge_of(line: str, number: int, path: Path) -> Merge:
    columns = line.removesuffix("\r").split(" ")
    if len(columns) != 2 or "" in columns:
        raise TokenizerError(f"{path}: line {number}: expected two tokens and one space, got {brief(line)}")
    left, right = columns
    return left, right
