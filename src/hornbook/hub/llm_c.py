"""Reads the checkpoints of llm.c: a header of 256 integers, and all parameters one after the other.

Source: github.com/karpathy/llm.c, `write_model` in train_gpt2.py (versions 3 and 5).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hornbook.bfloat16 import bfloat16_to_float32
from hornbook.errors import ModelFormatError

__all__ = ["LlmCModel", "is_llm_c_file", "read_llm_c_file"]

HEADER_BYTES = 4 * 256
MAGIC = 20240326
DTYPES: dict[int, np.dtype[Any]] = {3: np.dtype("<f4"), 5: np.dtype("<u2")}
"""The version of the format says how numbers are stored: float32, or the bits of bfloat16."""


@dataclass(frozen=True)
class LlmCModel:
    """What such a file holds.

    Attributes:
        vocab_size: tokens of the vocabulary; the token table may have more rows.
        n_head: attention heads of a block.
        tensors: by GPT-2's names, matrices `[out, in]`, float32.
    """

    vocab_size: int
    n_head: int
    tensors: Mapping[str, NDArray[Any]]


def is_llm_c_file(path: Path) -> bool:
    """Whether a file begins as llm.c's do."""
    with path.open("rb") as stream:
        return stream.read(4) == MAGIC.to_bytes(4, "little")


def read_llm_c_file(path: Path) -> LlmCModel:
    """Reads a whole file.

    Raises:
        ModelFormatError: it is none of llm.c, of another version, or shorter or longer than its sizes say.
        OSError: it cannot be read.
    """
    version, n_positions, vocab_size, n_layer, n_head, n_embd, n_rows = _read_header(path)
    shapes = list(_shapes(n_rows, n_positions, n_layer, n_embd))
    dtype = DTYPES[version]
    expected = HEADER_BYTES + dtype.itemsize * sum(prod(shape) for _, shape in shapes)
    if (size := path.stat().st_size) != expected:
        raise ModelFormatError(f"{path}: {size} bytes, expected {expected}; is the copy complete?")
    numbers = np.fromfile(path, dtype, offset=HEADER_BYTES)
    values = bfloat16_to_float32(numbers) if version == 5 else numbers
    return LlmCModel(vocab_size, n_head, dict(_tensors(values, shapes, n_layer)))


def _read_header(path: Path) -> list[int]:
    """Version and sizes."""
    with path.open("rb") as stream:
        content = stream.read(HEADER_BYTES)
    if len(content) < HEADER_BYTES:
        raise ModelFormatError(f"{path}: {len(content)} bytes, expected a header of {HEADER_BYTES}")
    magic, version, *sizes = np.frombuffer(content, "<i4", count=8).tolist()
    if magic != MAGIC or version not in DTYPES:
        raise ModelFormatError(f"{path}: not a model of llm.c in version 3 or 5")
    if min(sizes) < 1 or sizes[5] < sizes[1]:
        raise ModelFormatError(f"{path}: sizes in the header must be positive, got {sizes}")
    return [version, *sizes]


def _shapes(n_rows: int, n_positions: int, n_layer: int, c: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes in the order of the file; `h.*` stands for all blocks together."""
    yield "wte.weight", (n_rows, c)
    yield "wpe.weight", (n_positions, c)
    for name, shape in (
        ("ln_1.weight", (c,)),
        ("ln_1.bias", (c,)),
        ("attn.c_attn.weight", (3 * c, c)),
        ("attn.c_attn.bias", (3 * c,)),
        ("attn.c_proj.weight", (c, c)),
        ("attn.c_proj.bias", (c,)),
        ("ln_2.weight", (c,)),
        ("ln_2.bias", (c,)),
        ("mlp.c_fc.weight", (4 * c, c)),
        ("mlp.c_fc.bias", (4 * c,)),
        ("mlp.c_proj.weight", (c, 4 * c)),
        ("mlp.c_proj.bias", (c,)),
    ):
        yield f"h.*.{name}", (n_layer, *shape)
    yield "ln_f.weight", (c,)
    yield "ln_f.bias", (c,)


def _tensors(
    values: NDArray[Any], shapes: list[tuple[str, tuple[int, ...]]], n_layer: int
) -> Iterator[tuple[str, NDArray[Any]]]:
    begin = 0
    for name, shape in shapes:
        end = begin + prod(shape)
        array = values[begin:end].reshape(shape)
        begin = end
        if "*" in name:
            yield from ((name.replace("*", str(i)), array[i]) for i in range(n_layer))
        else:
            yield name, array
