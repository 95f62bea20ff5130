"""Vectors in the formats that other programs read.

Every writer takes the texts, their vectors `[C]` float32 as they come, and C.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hornbook.cli.layout import float_list, format_json

__all__ = ["WRITERS", "Writer", "write_object"]

Vectors: TypeAlias = Iterable[NDArray[Any]]
Writer: TypeAlias = Callable[[BinaryIO, Sequence[str], Vectors, int], None]


def write_object(stream: BinaryIO, texts: Sequence[str], vectors: Vectors, _: int) -> None:
    """One JSON object, of one text."""
    for text, vector in zip(texts, vectors, strict=True):
        stream.write((format_json(_record(text, vector)) + "\n").encode())


def write_json(stream: BinaryIO, texts: Sequence[str], vectors: Vectors, _: int) -> None:
    """A JSON list with one object a line."""
    separator = "[\n"
    for text, vector in zip(texts, vectors, strict=True):
        stream.write(f"{separator}  {_json_line(text, vector)}".encode())
        separator = ",\n"
    stream.write(b"\n]\n" if texts else b"[]\n")


def write_ndjson(stream: BinaryIO, texts: Sequence[str], vectors: Vectors, _: int) -> None:
    """One JSON object a line."""
    for text, vector in zip(texts, vectors, strict=True):
        stream.write((_json_line(text, vector) + "\n").encode())


def write_csv(stream: BinaryIO, texts: Sequence[str], vectors: Vectors, dimensions: int) -> None:
    """A header `sentence,0,1,2,...`, then a text and its numbers a line."""
    stream.write(_csv_line(["sentence", *range(dimensions)]))
    for text, vector in zip(texts, vectors, strict=True):
        stream.write(_csv_line([text, *float_list(vector)]))


def write_npy(stream: BinaryIO, texts: Sequence[str], vectors: Vectors, dimensions: int) -> None:
    """A NumPy array, float32 `[B, C]`, row by row."""
    header = {"descr": "<f4", "fortran_order": False, "shape": (len(texts), dimensions)}
    np.lib.format.write_array_header_1_0(stream, header)
    for vector in vectors:
        stream.write(vector.astype("<f4").tobytes())


def write_raw(stream: BinaryIO, _: Sequence[str], vectors: Vectors, __: int) -> None:
    """The numbers of a text a line, with spaces between."""
    for vector in vectors:
        stream.write((" ".join(map(str, vector)) + "\n").encode())


WRITERS: dict[str, Writer] = {
    "json": write_json,
    "ndjson": write_ndjson,
    "csv": write_csv,
    "npy": write_npy,
    "raw": write_raw,
}


def _record(text: str, vector: NDArray[Any]) -> dict[str, Any]:
    return {"sentence": text, "embedding": float_list(vector), "dimensions": len(vector)}


def _json_line(text: str, vector: NDArray[Any]) -> str:
    return json.dumps(_record(text, vector), ensure_ascii=False)


def _csv_line(cells: list[Any]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue().encode()
