"""Reads a .tiktoken: a token in base64 and its rank on each line; the rank is the id.

The file has neither the pattern nor the special tokens: its name tells them.

Source: `load_tiktoken_bpe` and the encodings of https://github.com/openai/tiktoken
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hornbook.errors import TokenizerError
from hornbook.tokenizer.checking import brief
from hornbook.tokenizer.files.compose import byte_level_document
from hornbook.tokenizer.files.vocabulary import MAX_ID, Merge, read_lines
from hornbook.tokenizer.unicode.byte_alphabet import BYTE_TO_CHARACTER

__all__ = ["read_tiktoken"]

END_OF_TEXT = "<|endoftext|>"
FILL_IN = ("<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>")

ENCODINGS: Mapping[str, tuple[str, Mapping[str, int]]] = {
    "gpt2": ("gpt2", {END_OF_TEXT: 50256}),
    "r50k_base": ("gpt2", {END_OF_TEXT: 50256}),
    "p50k_base": ("gpt2", {END_OF_TEXT: 50256}),
    "p50k_edit": (
        "gpt2",
        {END_OF_TEXT: 50256} | {token: 50281 + index for index, token in enumerate(FILL_IN)},
    ),
    "cl100k_base": (
        "cl100k",
        {END_OF_TEXT: 100257}
        | {token: 100258 + index for index, token in enumerate(FILL_IN)}
        | {"<|endofprompt|>": 100276},
    ),
    "o200k_base": ("o200k", {END_OF_TEXT: 199999, "<|endofprompt|>": 200018}),
}
"""The pattern and the special tokens of each encoding."""


def read_tiktoken(path: Path) -> dict[str, Any]:
    """The content of a tokenizer.json that encodes as tiktoken does.

    Raises:
        TokenizerError: the file is damaged, over 50 MB, or of an unknown name.
        OSError: it cannot be read.
    """
    if path.stem not in ENCODINGS:
        raise TokenizerError(
            f"{path}: a .tiktoken has neither its pattern nor its special tokens, so its name has to be one "
            f"of {', '.join(ENCODINGS)}; got {brief(path.stem)}"
        )
    pattern, special = ENCODINGS[path.stem]
    ranks = _read_ranks(path)
    tokens = {_spelled(data): rank for data, rank in ranks.items()} | dict(special)  # these keep their ids so
    document = byte_level_document(tokens, list(_merges(ranks)), special, pattern=pattern)
    document["model"]["ignore_merges"] = True
    return document


def _read_ranks(path: Path) -> dict[bytes, int]:
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(read_lines(path, "a token and its rank on each line"), 1):
        if not line:
            continue
        try:
            token, rank = line.split()
            data, value = base64.b64decode(token, validate=True), int(rank)
        except (ValueError, binascii.Error):
            raise TokenizerError(
                f"{path}: line {number}: expected a token in base64 and its rank, got {brief(line)}"
            ) from None
        if not (data and 0 <= value <= MAX_ID):
            raise TokenizerError(f"{path}: line {number}: the token is empty, or the rank out of range")
        ranks[data] = value
    return ranks


def _merges(ranks: Mapping[bytes, int]) -> Iterator[Merge]:
    """The pairs that make each token, in order of rank.

    tiktoken merges any two neighbours that are a token together, the lowest rank first: so each division of a
    token into two others is a merge.
    """
    for token in sorted(ranks, key=lambda token: ranks[token]):
        for index in range(1, len(token)):
            left, right = token[:index], token[index:]
            if left in ranks and right in ranks:
                yield _spelled(left), _spelled(right)


def _spelled(data: bytes) -> str:
    return "".join(map(BYTE_TO_CHARACTER.__getitem__, data))
