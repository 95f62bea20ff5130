"""Vectors in the formats that other programs read."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hornbook.cli.output import float_list

__all__ = ["WRITERS", "Writer"]

Vectors: TypeAlias = Iterable[NDArray[Any]]
Writer: TypeAlias = Callable[[BinaryIO, Sequence[str], Vectors], None]


def write_json(stream: BinaryIO, texts: Sequence[str], vectors: Vectors) -> None:
    """One object for one text, else a list of them; the embedding on one line."""
    if len(texts) == 1:
        (vector,) = vectors
        lines = (f"  {json.dumps(key)}: {_json(value)}" for key, value in _record(texts[0], vector).items())
        stream.write(("{\n" + ",\n".join(lines) + "\n}\n").encode())
        return
    separator = "[\n"
    for text, vector in zip(texts, vectors, strict=True):
        stream.write(f"{separator}  {_json(_record(text, vector))}".encode())
        separator = ",\n"
    stream.write(b"\n]\n" if texts else b"[]\n")


def write_ndjson(stream: BinaryIO, texts: Sequence[str], vectors: Vectors) -> None:
    """One object a line."""
    for text, vector in zip(texts, vectors, strict=True):
        stream.write((_json(_record(text, vector)) + "\n").encode())


def write_csv(stream: BinaryIO, texts: Sequence[str], vectors: Vectors) -> None:
    """A header, then the text and its numbers, `sentence,0,1,2,...`."""
    for number, (text, vector) in enumerate(zip(texts, vectors, strict=True)):
        if number == 0:
            stream.write(_csv_line(["sentence", *range(len(vector))]))
        stream.write(_csv_line([text, *float_list(vector)]))


def write_npy(stream: BinaryIO, _: Sequence[str], vectors: Vectors) -> None:
    """A NumPy array, float32 `[B, C]`."""
    rows = list(vectors)
    whole = io.BytesIO()  # np.save asks a stream for its position, which a pipe does not know
    np.save(whole, np.stack(rows) if rows else np.empty((0, 0), np.float32))
    stream.write(whole.getbuffer())


def write_raw(stream: BinaryIO, _: Sequence[str], vectors: Vectors) -> None:
    """The numbers of a text on one line, with spaces between."""
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


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _csv_line(cells: list[Any]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue().encode()
