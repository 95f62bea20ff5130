"""What a byte-level BPE tokenizer is made of, and the checked reading of it from vocab.json and merges.txt.

`tokenizer_json` reads the same from a single file; `bpe` puts it to use.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any

from hornbook.errors import TokenizerError
from hornbook.files import read_json
from hornbook.tokenizer.byte_level import BYTE_TO_CHARACTER, spelled_bytes
from hornbook.tokenizer.checking import brief

__all__ = [
    "MAX_FILE_BYTES",
    "Merge",
    "Vocabulary",
    "build_vocabulary",
    "checked_merges",
    "checked_tokens",
    "read_vocabulary",
    "token_pieces",
]

MAX_FILE_BYTES = 50 * 1024 * 1024
Merge = tuple[str, str]


@dataclass(frozen=True)
class Vocabulary:
    """Tokens, merges and the few settings of a byte-level BPE, all of them checked.

    Attributes:
        tokens: Every token, spelled as in the files, to its id; in order of ids, which run from 0 on.
        pieces: The bytes that each id stands for.
        merges: Pairs of tokens, best rank first.
        special: Tokens such as <|endoftext|>, outside of ordinary text, to their ids.
        added: Tokens that are found in ordinary text before anything else, to their ids.
        add_prefix_space: Whether text that does not begin with a space gets one.
        split_words: Whether text is cut into words, which merges then never cross.
    """

    tokens: Mapping[str, int]
    pieces: Sequence[bytes]
    merges: Sequence[Merge]
    special: Mapping[str, int]
    added: Mapping[str, int] = field(default_factory=dict)
    add_prefix_space: bool = False
    split_words: bool = True


def read_vocabulary(vocab: Path, merges: Path) -> Vocabulary:
    """Reads the two files that GPT-2 was published with.

    Raises:
        TokenizerError: a file is damaged, over 50 MB, or the two do not belong together.
        OSError: a file cannot be read.
    """
    tokens = checked_tokens(read_json(vocab, max_bytes=MAX_FILE_BYTES, error=TokenizerError), str(vocab))
    pairs = checked_merges(_read_merges(merges), tokens, str(merges))
    return build_vocabulary(tokens, pairs, str(vocab))


def build_vocabulary(tokens: Mapping[str, int], merges: Sequence[Merge], source: str) -> Vocabulary:
    """Finds the special tokens, unmarked in the files: those that are neither a byte nor made by a merge.

    Raises:
        TokenizerError: a token is not of the byte-level alphabet, or one is made by no merge and not spelled
            in ASCII as special tokens are (then merges are missing).
    """
    pieces = token_pieces(tokens, {}, source)
    made = {left + right for left, right in merges}.union(BYTE_TO_CHARACTER)
    special = {token: token_id for token, token_id in tokens.items() if token not in made}
    for token, token_id in special.items():
        if not token.isascii():
            raise TokenizerError(
                f"{source}: token {brief(token)} (id {token_id}) is made by no merge; "
                "do the two files belong together, and is the file of merges whole?"
            )
    return Vocabulary(tokens, pieces, merges, special)


def checked_tokens(value: Any, source: str) -> dict[str, int]:
    """Returns `value` in order of ids if it maps tokens, every byte's among them, to the ids 0 to n - 1.

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
    tokens = dict(sorted(value.items(), key=itemgetter(1)))
    for expected, (token, token_id) in enumerate(tokens.items()):
        if token_id != expected:
            raise TokenizerError(
                f"{source}: ids must run from 0 to {len(tokens) - 1}, each once; "
                f"expected {expected}, got {brief(token_id)} of token {brief(token)}"
            )
    for byte, character in enumerate(BYTE_TO_CHARACTER):
        if character not in tokens:
            raise TokenizerError(f"{source}: no token for byte 0x{byte:02X}, expected {character!r}")
    return tokens


def token_pieces(tokens: Mapping[str, int], literal: Mapping[str, int], source: str) -> list[bytes]:
    """The bytes of each token in order of ids; the tokens in `literal` spell themselves.

    Raises:
        TokenizerError: a token is not of the byte-level alphabet.
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


def checked_merges(merges: Iterable[Merge], tokens: Mapping[str, int], source: str) -> list[Merge]:
    """Returns `merges` if they name and make tokens only, no pair twice.

    Raises:
        TokenizerError: they do not.
    """
    checked: dict[Merge, None] = {}
    for number, merge in enumerate(merges, start=1):
        left, right = merge
        for token in (left, right, left + right):
            if token not in tokens:
                raise TokenizerError(
                    f"{source}: merge {number} of {brief(left)} and {brief(right)}: "
                    f"token {brief(token)} is not in the vocabulary"
                )
        if merge in checked:
            raise TokenizerError(
                f"{source}: merge {number} of {brief(left)} and {brief(right)} is given twice"
            )
        checked[merge] = None
    return list(checked)


def _read_merges(path: Path) -> list[Merge]:
    """Reads merges.txt: an optional line "#version: 0.2", then two tokens a line; LF or CRLF."""
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise TokenizerError(
            f"{path}: {size} bytes, expected at most {MAX_FILE_BYTES}; is this the right file?"
        )
    try:
        lines = path.read_bytes().decode("utf-8").split("\n")
    except UnicodeDecodeError as problem:
        raise TokenizerError(f"{path}: not UTF-8 at byte {problem.start}") from None
    if lines[-1] == "":
        lines.pop()
    if not lines:
        raise TokenizerError(f"{path}: empty file, expected two tokens a line")
    first = 1 if lines[0].startswith("#version") else 0
    return [_merge_of(line, number, path) for number, line in enumerate(lines[first:], first + 1)]


def _merge_of(line: str, number: int, path: Path) -> Merge:
    columns = line.removesuffix("\r").split(" ")
    if len(columns) != 2 or "" in columns:
        raise TokenizerError(f"{path}: line {number}: expected two tokens and one space, got {brief(line)}")
    left, right = columns
    return left, right
