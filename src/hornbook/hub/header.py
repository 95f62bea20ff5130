"""The header of a safetensors file, used only after it is checked against the size of the file.

Nothing is allocated because a file claims it: the header is at most as long as the file, and the tensors must
cover the rest of it exactly, without overlap or gap. Reading and writing: `hornbook.hub.safetensors`.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hornbook.errors import ModelFormatError
from hornbook.file_kinds import BEGINNING_BYTES, SAFETENSORS, refuse_other_kind
from hornbook.files import parse_json
from hornbook.hub.open_file import OpenFile

__all__ = ["DTYPE_BITS", "METADATA_KEY", "Header", "TensorSpec", "printable", "read_header"]

METADATA_KEY = "__metadata__"

DTYPE_BITS = {
    "BOOL": 8,
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "U8": 8,
    "I8": 8,
    "F8_E5M2": 8,
    "F8_E4M3": 8,
    "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8,
    "I16": 16,
    "U16": 16,
    "F16": 16,
    "BF16": 16,
    "I32": 32,
    "U32": 32,
    "F32": 32,
    "C64": 64,
    "F64": 64,
    "I64": 64,
    "U64": 64,
}
"""Bits of one element of every type of the format; data is laid out from the last type to the first."""

LENGTH_BYTES = 8
HEADER_LIMIT = 100_000_000
"""The longest header that the reference implementation reads, in bytes."""
SHOWN_BYTES = 60
"""How much of a text in place of a header goes into the message."""
MAX_DIMENSIONS = 32
"""What every NumPy from 1.26 on can hold."""
MAX_SIZE = 2**63 - 1
"""The largest length that a file or an array can have, in bytes."""
SPEC_KEYS = {"dtype", "shape", "data_offsets"}


@dataclass(frozen=True)
class TensorSpec:
    """What the header says of one tensor.

    Args:
        dtype: the format's name of the element type, such as "F32" or "BF16".
        shape: length of each axis.
        begin: first byte, counted from the end of the header.
        end: one past the last byte.
    """

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class Header:
    """A checked header: what the file holds, and the byte of the file at which its data begins."""

    specs: dict[str, TensorSpec]
    metadata: dict[str, str]
    data_begin: int


def read_header(file: OpenFile) -> Header:
    """Reads and checks the header of an open file.

    Raises:
        ModelFormatError: the file is not a safetensors file, or does not hold what its header claims.
        OSError: the file cannot be read.
    """
    path, file_size = file.path, file.size
    beginning = file.read(0, min(file_size, BEGINNING_BYTES), "the header").tobytes()
    try:
        length = _header_length(beginning, file_size, path)
        document = _parse(file.read(LENGTH_BYTES, length, "the header").tobytes(), path)
    except ModelFormatError:
        _refuse_other_kind(beginning, path)
        raise
    metadata = _checked_metadata(document.pop(METADATA_KEY, None), path)
    specs = {name: _checked_spec(name, entry, path) for name, entry in document.items()}
    data_begin = LENGTH_BYTES + length
    _check_layout(specs, file_size - data_begin, path)
    return Header(specs, metadata, data_begin)


def printable(name: str) -> str:
    """A name out of a file as it may stand in a message: one line, no control characters, not endless."""
    return repr(name)[1:-1][:200]


def _header_length(beginning: bytes, file_size: int, path: Path) -> int:
    if file_size < LENGTH_BYTES:
        raise ModelFormatError(f"{path}: {file_size} bytes, need at least {LENGTH_BYTES}")
    length = int.from_bytes(beginning[:LENGTH_BYTES], "little")
    if length > file_size - LENGTH_BYTES:
        raise ModelFormatError(
            f"{path}: header length {length} exceeds file size {file_size}; is the download complete?"
        )
    if length > HEADER_LIMIT:
        raise ModelFormatError(f"{path}: header length {length} exceeds the limit of {HEADER_LIMIT}")
    return length


def _refuse_other_kind(beginning: bytes, path: Path) -> None:
    """Names the kind of a file that has no header: a known format, or text such as a server's answer."""
    refuse_other_kind(beginning, source=str(path), expected=SAFETENSORS, error=ModelFormatError)
    text = beginning[:SHOWN_BYTES].decode("latin-1")
    if len(beginning) >= LENGTH_BYTES and text.isascii() and "".join(text.split()).isprintable():
        raise ModelFormatError(f"{path}: expected {SAFETENSORS}, this is text that begins {text!r}")


def _parse(content: bytes, path: Path) -> dict[str, Any]:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as problem:
        # Counted in the file, where a hex editor finds it.
        position = LENGTH_BYTES + problem.start
        raise ModelFormatError(f"{path}: header is not UTF-8 at byte {position}") from None
    try:
        document = parse_json(content, source=f"{path}: header", error=ModelFormatError)
    except ModelFormatError as problem:
        if isinstance(problem.__context__, RecursionError):
            raise ModelFormatError(f"{path}: header nesting too deep") from None
        raise
    if not isinstance(document, dict):
        raise ModelFormatError(f"{path}: header must be an object, got {type(document).__name__}")
    return document


def _checked_metadata(metadata: Any, path: Path) -> dict[str, str]:
    if metadata is None:  # absent, or null, which the reference reads as absent
        return {}
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ModelFormatError(f"{path}: {METADATA_KEY} must map text to text")
    for text in (*metadata, *metadata.values()):
        _check_unicode(text, path)
    return metadata


def _checked_spec(name: str, entry: Any, path: Path) -> TensorSpec:
    _check_unicode(name, path)
    shown = printable(name)
    if not isinstance(entry, dict) or entry.keys() != SPEC_KEYS:
        raise ModelFormatError(f"{path}: '{shown}' must be an object of dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPE_BITS:
        raise ModelFormatError(f"{path}: unknown dtype {dtype!r:.50} of '{shown}'")
    if not _is_list_of_sizes(offsets) or len(offsets) != 2:
        raise ModelFormatError(f"{path}: data_offsets of '{shown}' must be two integers, got {offsets!r:.50}")
    if not _is_list_of_sizes(shape) or len(shape) > MAX_DIMENSIONS:
        raise ModelFormatError(
            f"{path}: shape of '{shown}' must be up to {MAX_DIMENSIONS} integers from 0, got {shape!r:.50}"
        )
    spec = TensorSpec(dtype, tuple(shape), *offsets)
    _check_size(shown, spec, path)
    return spec


def _is_list_of_sizes(value: Any) -> bool:
    """Whether it is a list of integers that can be lengths; a bool is not an integer here."""
    return isinstance(value, list) and all(type(item) is int and 0 <= item <= MAX_SIZE for item in value)


def _check_size(shown: str, spec: TensorSpec, path: Path) -> None:
    # Zeros left out: an empty array whose other axes overflow is refused by NumPy as well.
    if math.prod(length for length in spec.shape if length) > MAX_SIZE // 8:
        raise ModelFormatError(f"{path}: shape of '{shown}' overflows: {spec.shape!r:.100}")
    bits = math.prod(spec.shape) * DTYPE_BITS[spec.dtype]
    if bits % 8 or bits // 8 != spec.end - spec.begin:
        raise ModelFormatError(
            f"{path}: shape {list(spec.shape)} of '{shown}' as {spec.dtype} needs {bits / 8:g} bytes, "
            f"data_offsets [{spec.begin}, {spec.end}] hold {spec.end - spec.begin}"
        )


def _check_layout(specs: dict[str, TensorSpec], data_size: int, path: Path) -> None:
    """Tensors must cover the data: from 0, each where the one before it ends, to the end of the file."""
    end, before = 0, ""
    for name, spec in sorted(specs.items(), key=lambda item: (item[1].begin, item[1].end)):
        if spec.begin < end:
            raise ModelFormatError(f"{path}: tensors '{printable(before)}' and '{printable(name)}' overlap")
        if spec.begin > end:
            raise ModelFormatError(
                f"{path}: gap at {end}: no tensor covers bytes {end} to {spec.begin} of the data"
            )
        end, before = spec.end, name
    if end > data_size:
        raise ModelFormatError(f"{path}: file truncated: tensors need {end} bytes of data, got {data_size}")
    if end < data_size:
        raise ModelFormatError(f"{path}: {data_size - end} bytes after the last tensor")


def _check_unicode(text: str, path: Path) -> None:
    """JSON can spell half of a surrogate pair, which no encoding can print."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ModelFormatError(f"{path}: '{printable(text)}' in the header is not valid Unicode") from None
