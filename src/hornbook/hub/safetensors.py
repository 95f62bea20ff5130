"""Reads and writes safetensors files: named arrays behind a JSON header, and never any code.

    8 bytes     length of the header, little-endian
    header      {"wte.weight": {"dtype": "F32", "shape": [7, 5], "data_offsets": [0, 140]}, ...}
    data        the arrays, one after the other; offsets count from here

Each array is read when it is asked for, in `hornbook.hub.open_file`. What the header claims is checked first,
in `hornbook.hub.header`. Several files that make one model: see `hornbook.hub.folder`.
Source: https://github.com/huggingface/safetensors#format
"""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hornbook.bfloat16 import bfloat16_to_float32, float32_to_bfloat16
from hornbook.errors import ConfigError, ModelFormatError
from hornbook.files import write_whole
from hornbook.hub.header import DTYPE_BITS, METADATA_KEY, Header, TensorSpec, printable, read_header
from hornbook.hub.open_file import OpenFile

__all__ = ["StoredDtype", "TensorFile", "open_tensors", "save_tensors"]

StoredDtype = Literal["float32", "bfloat16", "float16"]
"""What floating-point tensors can be stored as."""

NUMPY_TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
    "BOOL": "?",
}
STORED_NAMES = {np.dtype(code): name for name, code in NUMPY_TYPES.items()}
DTYPE_RANK = {name: rank for rank, name in enumerate(DTYPE_BITS)}


class TensorFile(Mapping[str, NDArray[Any]]):
    """The tensors of one safetensors file, by name; each is read anew whenever it is asked for.

    Arrays are writable and in memory of their own: writing to one does not change the file, and the file may
    change later. bfloat16 is widened to float32, exactly. Asking for a tensor raises ModelFormatError if its
    type is not supported or the file has become shorter, and OSError if the file cannot be read. Names and
    `specs` are known without reading.
    """

    def __init__(self, file: OpenFile, header: Header) -> None:
        self.path = file.path
        """Where the file is."""
        self.specs = header.specs
        """Type, shape and position of every tensor, in the order of the header."""
        self.metadata = header.metadata
        """The text that the file carries about itself."""
        self._file = file
        self._data_begin = header.data_begin

    def __getitem__(self, name: str) -> NDArray[Any]:
        spec = self.specs[name]
        if spec.dtype not in NUMPY_TYPES and spec.dtype != "BF16":
            raise ModelFormatError(
                f"{self.path}: unsupported dtype for tensor {printable(name)}: {spec.dtype}; "
                f"supported: {', '.join(NUMPY_TYPES)}, BF16"
            )
        begin, size = self._data_begin + spec.begin, spec.end - spec.begin
        content = self._file.read(begin, size, f"tensor {printable(name)}")
        if spec.dtype == "BF16":
            return bfloat16_to_float32(content.view("<u2")).reshape(spec.shape)
        if spec.dtype == "BOOL":
            # Bytes other than 0 and 1 are no bool to NumPy.
            return content.astype(np.bool_).reshape(spec.shape)
        return content.view(NUMPY_TYPES[spec.dtype]).reshape(spec.shape)

    def __contains__(self, name: object) -> bool:
        return name in self.specs

    def __iter__(self) -> Iterator[str]:
        return iter(self.specs)

    def __len__(self) -> int:
        return len(self.specs)

    def __repr__(self) -> str:
        return f"TensorFile({str(self.path)!r}, {len(self)} tensors)"


def open_tensors(path: Path | str) -> TensorFile:
    """Checks a safetensors file; no tensor is read yet.

    Raises:
        ModelFormatError: the file is cut, damaged, or its header claims what the file does not hold.
        OSError: the file cannot be read.

    Example:
        >>> tensors = open_tensors("model.safetensors")  # doctest: +SKIP
        >>> tensors["wte.weight"].shape  # doctest: +SKIP
        (50257, 768)
    """
    file = OpenFile(Path(path))
    return TensorFile(file, read_header(file))


def save_tensors(
    path: Path | str,
    tensors: Mapping[str, NDArray[Any]],
    *,
    dtype: StoredDtype | None = None,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Writes a safetensors file that appears whole or not at all; the same input gives the same bytes.

    Args:
        path: the file to write; an existing one is replaced.
        tensors: arrays by name, of any shape and memory order.
        dtype: what floating-point tensors are stored as, rounded to the nearest; None leaves each as it is.
            Integers and booleans stay as they are.
        metadata: text about the file; None gives `{"format": "pt"}`, which transformers asks for.

    Raises:
        ConfigError: a value is too large for `dtype`, or `dtype`, a name or the metadata cannot be stored.
        ModelFormatError: an array has a type that the format does not know, such as complex or object.
        OSError: the file cannot be written; an existing one is then untouched.
    """
    if dtype not in (None, "float32", "bfloat16", "float16"):
        raise ConfigError(f"save_tensors: dtype must be float32, bfloat16, float16 or None, got {dtype!r}")
    text = _checked_metadata(metadata)
    specs = _laid_out(
        {name: (_stored_name(name, array, dtype), array.shape) for name, array in tensors.items()}
    )
    with write_whole(Path(path)) as stream:
        stream.write(_header_bytes(specs, text))
        for name, spec in specs.items():
            stream.write(_content(name, tensors[name], spec.dtype).data)


def _laid_out(tensors: dict[str, tuple[str, tuple[int, ...]]]) -> dict[str, TensorSpec]:
    """Positions for tensors of these types and shapes: widest types first, so that each is aligned."""
    specs, end = {}, 0
    for name in sorted(tensors, key=lambda name: (-DTYPE_RANK[tensors[name][0]], name)):
        dtype, shape = tensors[name]
        begin, end = end, end + math.prod(shape) * DTYPE_BITS[dtype] // 8
        specs[name] = TensorSpec(dtype, shape, begin, end)
    return specs


def _stored_name(name: object, array: NDArray[Any], dtype: StoredDtype | None) -> str:
    """The format's word for the type in which `array` is stored."""
    if not isinstance(name, str) or name == METADATA_KEY:
        raise ConfigError(f"save_tensors: a tensor cannot be named {name!r}")
    if dtype is not None and np.issubdtype(array.dtype, np.floating):
        return {"float32": "F32", "bfloat16": "BF16", "float16": "F16"}[dtype]
    stored = STORED_NAMES.get(array.dtype.newbyteorder("<"))
    if stored is None:
        raise ModelFormatError(f"save_tensors: unsupported dtype for tensor {printable(name)}: {array.dtype}")
    return stored


def _checked_metadata(metadata: Mapping[str, str] | None) -> dict[str, str]:
    metadata = {"format": "pt"} if metadata is None else metadata
    for key, value in metadata.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise ConfigError(f"save_tensors: metadata must map text to text, got {key!r}: {value!r}")
    return dict(sorted(metadata.items()))


def _header_bytes(specs: dict[str, TensorSpec], metadata: dict[str, str]) -> bytes:
    """Length and header, padded with spaces so that the data begins at a multiple of 8."""
    described: dict[str, Any] = {METADATA_KEY: metadata}
    for name, spec in specs.items():
        offsets = [spec.begin, spec.end]
        described[name] = {"dtype": spec.dtype, "shape": list(spec.shape), "data_offsets": offsets}
    try:
        header = json.dumps(described, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as problem:
        raise ConfigError(
            f"save_tensors: a name or metadata is not valid Unicode: {problem.object!r:.100}"
        ) from None
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header


def _content(name: str, array: NDArray[Any], stored: str) -> NDArray[np.uint8]:
    """The bytes of one tensor, C-contiguous and little-endian, as a flat array."""
    if stored == STORED_NAMES.get(array.dtype.newbyteorder("<")):
        return _flat_bytes(array.astype(NUMPY_TYPES[stored], copy=False))
    with np.errstate(over="ignore"):  # what overflows is refused by name below
        converted = float32_to_bfloat16(array) if stored == "BF16" else array.astype(NUMPY_TYPES[stored])
    rounded = bfloat16_to_float32(converted) if stored == "BF16" else converted
    if not np.array_equal(np.isfinite(rounded), np.isfinite(array)):
        largest = np.abs(array[np.isfinite(array)]).max()
        raise ConfigError(
            f"save_tensors: tensor {printable(name)} holds {largest:.6g}, too large for {stored}; "
            "choose a wider dtype"
        )
    return _flat_bytes(converted)


def _flat_bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)
