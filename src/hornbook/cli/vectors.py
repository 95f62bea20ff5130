"""Vectors in the formats that other programs read.

Every writer takes texts with their vectors, `[C]` float32, as they come, and C.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

from hornbook.cli.layout import float_list, format_json
from hornbook.cli.problems import naming

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["WRITERS", "Writer", "write_object"]

Vectors: TypeAlias = "Iterable[tuple[str, NDArray[Any]]]"
Writer: TypeAlias = Callable[[BinaryIO, Vectors, int], None]

SPOOL_BYTES = 1 << 26
"""The most rows that wait in memory until their number is known, in bytes; more go to a temporary file."""


def write_object(stream: BinaryIO, vectors: Vectors, _: int) -> None:
    """One JSON object, of one text."""
    for text, vector in vectors:
        stream.write((format_json(_record(text, vector)) + "\n").encode())


def write_json(stream: BinaryIO, vectors: Vectors, _: int) -> None:
    """A JSON list with one object a line."""
    separator = "[\n"
    for text, vector in vectors:
        stream.write(f"{separator}  {_json_line(text, vector)}".encode())
        separator = ",\n"
    stream.write(b"[]\n" if separator == "[\n" else b"\n]\n")


def write_ndjson(stream: BinaryIO, vectors: Vectors, _: int) -> None:
    """One JSON object a line."""
    for text, vector in vectors:
        stream.write((_json_line(text, vector) + "\n").encode())


def write_csv(stream: BinaryIO, vectors: Vectors, dimensions: int) -> None:
    """A header `sentence,0,1,2,...`, then a text and its numbers a line."""
    stream.write(_csv_line(["sentence", *range(dimensions)]))
    for text, vector in vectors:
        stream.write(_csv_line([text, *float_list(vector)]))


def write_npy(stream: BinaryIO, vectors: Vectors, dimensions: int) -> None:
    """A NumPy array, float32 `[B, C]`; its header has B, so the rows are written once all are known."""
    import shutil
    import tempfile

    from numpy.lib.format import write_array_header_1_0

    count = 0
    with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as rows:
        for _, vector in vectors:
            with naming(f"temporary file in {tempfile.gettempdir()}"):
                rows.write(vector.astype("<f4").tobytes())
            count += 1
        header = {"descr": "<f4", "fortran_order": False, "shape": (count, dimensions)}
        write_array_header_1_0(stream, header)
        rows.seek(0)
        shutil.copyfileobj(rows, stream)


def write_raw(stream: BinaryIO, vectors: Vectors, _: int) -> None:
    """The numbers of a text a line, with spaces between."""
    for _text, vector in vectors:
        stream.write((" ".join(map(str, vector)) + "\n").encode())


WRITERS: dict[str, Writer] = {
    "json": write_json,
    "ndjson": write_ndjson,
    "csv": write_csv,
    "npy": write_npy,
    "raw": write_raw,
}


def _record(text: str, vector: "NDArray[Any]") -> dict[str, Any]:
    return {"sentence": text, "embedding": float_list(vector), "dimensions": len(vector)}


def _json_line(text: str, vector: "NDArray[Any]") -> str:
    return json.dumps(_record(text, vector), ensure_ascii=False)


def _csv_line(cells: list[Any]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue().encode()
