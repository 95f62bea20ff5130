"""Reads the tensors of PyTorch's `.bin`, `.pt` and `.pth` files, without PyTorch and without running code.

    zip archive (since PyTorch 1.6)     <name>/data.pkl       a pickle that says where the tensors lie
                                        <name>/data/0 ...     their memory, each storage an entry
                                        <name>/byteorder      "little" or "big"
    before                              pickles: a magic number, a version, the system, the object, the keys
                                        of the storages; then, for each, its length and its memory

The pickle is read by `hornbook.hub.torch_pickle`, the archive by `hornbook.hub.zip_directory`; what either
claims is checked against the real size of the file before memory is taken.
Source: torch/serialization.py
"""

import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hornbook.bfloat16 import bfloat16_to_float32
from hornbook.errors import ModelFormatError
from hornbook.file_kinds import BEGINNING_BYTES, refuse_other_kind
from hornbook.hub.header import printable
from hornbook.hub.open_file import OpenFile
from hornbook.hub.torch_names import ELEMENT_TYPES, TorchStorage, TorchTensor
from hornbook.hub.torch_pickle import read_pickle
from hornbook.hub.zip_directory import entry_begin, read_zip_directory

__all__ = ["TorchCheckpoint", "read_torch_checkpoint", "read_torch_tensors"]

MAX_PICKLE_BYTES = 64 << 20
STATE_KEYS = ("state_dict", "model_state_dict", "model", "module")
"""Under which a training checkpoint keeps the tensors of its model."""
MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_VERSION = 1001
COUNT_BYTES = 8
"""The number of elements before the memory of a storage in the format before zip."""
SPREAD = 4
SPREAD_BYTES = 16 << 20
"""Tensors may overlap and repeat elements, together up to `SPREAD` times the file and this much more."""
MAX_SETTINGS = 1000

FindStorage = Callable[[TorchStorage], int]
"""Gives the position of a storage's memory in the file, once it is known to be all there."""


@dataclass(frozen=True)
class TorchCheckpoint:
    """What a file of PyTorch holds.

    Args:
        tensors: of the model, by name; tensors that share memory in the file share it here.
        settings: what else is at the top and is plain: numbers, text, and dictionaries of these, such as
            nanoGPT's `model_args`.
    """

    tensors: dict[str, NDArray[Any]]
    settings: dict[str, Any]


def read_torch_tensors(path: Path | str) -> dict[str, NDArray[Any]]:
    """The tensors of a model in a file of PyTorch; see `read_torch_checkpoint`."""
    return read_torch_checkpoint(path).tensors


def read_torch_checkpoint(path: Path | str) -> TorchCheckpoint:
    """Reads a file that `torch.save` wrote: a state dict, or a training checkpoint with one.

    Nothing in the file is executed. bfloat16 is widened to float32, exactly.

    Args:
        path: a `.bin`, `.pt` or `.pth` file.

    Raises:
        ModelFormatError: it is no such file, is damaged, or asks for anything but tensors and plain values.
        OSError: the file cannot be read.
    """
    file = OpenFile(Path(path))
    beginning = file.read(0, min(file.size, BEGINNING_BYTES), "the beginning").tobytes()
    if beginning.startswith(b"PK"):
        document, arrays = _read_archive(file)
    elif beginning.startswith(b"\x80"):
        document, arrays = _read_legacy(file)
    else:
        expected = "a PyTorch checkpoint"
        refuse_other_kind(beginning, source=str(path), expected=expected, error=ModelFormatError)
        raise ModelFormatError(f"{path}: expected {expected}, this is neither a zip archive nor a pickle")
    return _checkpoint(document, arrays, file)


def _checkpoint(document: Any, arrays: "_Arrays", file: OpenFile) -> TorchCheckpoint:
    if not isinstance(document, dict):
        kind = "one tensor" if isinstance(document, TorchTensor) else type(document).__name__
        raise ModelFormatError(f"{file.path}: expected a dictionary of tensors, got {kind}")
    state = next((document[key] for key in STATE_KEYS if _holds_tensors(document.get(key))), document)
    tensors = {name: value for name, value in state.items() if isinstance(value, TorchTensor)}
    if not tensors:
        raise ModelFormatError(
            f"{file.path}: holds no tensors, neither itself nor in {', '.join(STATE_KEYS)}"
        )
    for name in tensors:
        if not isinstance(name, str):
            raise ModelFormatError(f"{file.path}: a tensor is named {name!r:.50}; is it a model's state?")
    return TorchCheckpoint(arrays.make_all(tensors), _settings(document))


def _holds_tensors(value: Any) -> bool:
    return isinstance(value, dict) and any(isinstance(item, TorchTensor) for item in value.values())


def _settings(document: dict[Any, Any]) -> dict[str, Any]:
    """The plain entries of a document; none of one with so many that it is no training checkpoint."""
    if len(document) > MAX_SETTINGS:
        return {}
    return {key: value for key, value in document.items() if isinstance(key, str) and _is_plain(value)}


def _is_plain(value: Any) -> bool:
    """Whether it is a number or text, or a short dictionary of these."""
    if isinstance(value, dict):
        return (
            len(value) <= MAX_SETTINGS
            and not any(isinstance(item, dict) for item in value.values())
            and (all(map(_is_plain, value.values())))
        )
    return value is None or isinstance(value, str | int | float)


class _Arrays:
    """Makes arrays of tensors; a storage is read once, whatever the number of tensors in it."""

    def __init__(self, file: OpenFile, find: FindStorage, byte_order: str) -> None:
        self._file = file
        self._find = find
        self._byte_order = byte_order
        self._contents: dict[TorchStorage, NDArray[np.uint8]] = {}
        self._elements: dict[tuple[TorchStorage, str], NDArray[Any]] = {}

    def make_all(self, tensors: Mapping[str, TorchTensor]) -> dict[str, NDArray[Any]]:
        """The arrays of all tensors, which together are not much larger than the file."""
        claimed = sum(_size_bytes(tensor) for tensor in tensors.values())
        if claimed > SPREAD * self._file.size + SPREAD_BYTES:
            raise ModelFormatError(
                f"{self._file.path}: tensors of {claimed} bytes in a file of {self._file.size}; "
                "they repeat too much of it"
            )
        return {name: self._make(tensor) for name, tensor in tensors.items()}

    def _make(self, tensor: TorchTensor) -> NDArray[Any]:
        memory = self._elements_of(tensor.storage, tensor.element_type)
        if not all(tensor.shape):
            return np.empty(tensor.shape, memory.dtype)
        strides = tuple(stride * memory.itemsize for stride in tensor.strides)
        return np.ndarray(tensor.shape, memory.dtype, memory.data, tensor.offset * memory.itemsize, strides)

    def _elements_of(self, storage: TorchStorage, element_type: str) -> NDArray[Any]:
        if storage not in self._contents:
            size, what = _storage_bytes(storage), f"storage {printable(storage.key)}"
            self._contents[storage] = self._file.read(self._find(storage), size, what)
        if (storage, element_type) not in self._elements:
            elements = _typed(self._contents[storage], element_type, self._byte_order)
            self._elements[storage, element_type] = elements
        return self._elements[storage, element_type]


def _typed(content: NDArray[np.uint8], element_type: str, byte_order: str) -> NDArray[Any]:
    """Bytes as elements in this machine's order; what is left over at the end is no element."""
    code = np.dtype(byte_order + ELEMENT_TYPES[element_type])
    elements = content[: content.size // code.itemsize * code.itemsize].view(code)
    elements = elements.astype(code.newbyteorder("="), copy=False)
    if element_type == "bfloat16":
        return bfloat16_to_float32(elements)
    return elements.astype(np.bool_) if element_type == "bool" else elements


def _storage_bytes(storage: TorchStorage) -> int:
    return storage.count * int(ELEMENT_TYPES.get(storage.element_type, "u1")[1])


def _size_bytes(tensor: TorchTensor) -> int:
    return math.prod(tensor.shape) * int(ELEMENT_TYPES[tensor.element_type][1])


def _read_archive(file: OpenFile) -> tuple[Any, _Arrays]:
    entries = read_zip_directory(file)
    pickles = [name for name in entries if name.count("/") == 1 and name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise ModelFormatError(f"{file.path}: expected a PyTorch checkpoint, this is another zip archive")
    root = pickles[0].removesuffix("data.pkl")

    def content(name: str) -> bytes:
        entry = entries[name]
        if entry.size > MAX_PICKLE_BYTES:
            raise ModelFormatError(f"{file.path}: {entry.size} bytes of {printable(name)} are too many")
        return file.read(entry_begin(file, entry), entry.size, printable(name)).tobytes()

    def find(storage: TorchStorage) -> int:
        entry = entries.get(f"{root}data/{storage.key}")
        claimed, size = _storage_bytes(storage), entry.size if entry else "no"
        if entry is None or entry.size != claimed:
            raise ModelFormatError(
                f"{file.path}: storage {printable(storage.key)} needs {claimed} bytes, the archive has {size}"
            )
        return entry_begin(file, entry)

    byte_order = content(f"{root}byteorder") if f"{root}byteorder" in entries else b"little"
    if byte_order not in {b"little", b"big"}:
        raise ModelFormatError(f"{file.path}: unknown byte order {byte_order!r:.50}")
    document = read_pickle(io.BytesIO(content(pickles[0])), f"{file.path}: data.pkl").value
    return document, _Arrays(file, find, "<" if byte_order == b"little" else ">")


def _read_legacy(file: OpenFile) -> tuple[Any, _Arrays]:
    source = str(file.path)
    stream = io.BytesIO(file.read(0, min(file.size, MAX_PICKLE_BYTES), "the pickles").tobytes())
    if read_pickle(stream, source).value != MAGIC or read_pickle(stream, source).value != LEGACY_VERSION:
        raise ModelFormatError(f"{source}: expected a PyTorch checkpoint, this is another pickle")
    system = read_pickle(stream, source).value
    document, keys = read_pickle(stream, source), read_pickle(stream, source).value
    is_little = not isinstance(system, dict) or system.get("little_endian") is not False
    positions = _legacy_positions(file, keys, document.storages, stream.tell(), is_little=is_little)

    def find(storage: TorchStorage) -> int:
        if storage.key not in positions:
            raise ModelFormatError(f"{source}: storage {printable(storage.key)} is not in the file")
        return positions[storage.key]

    return document.value, _Arrays(file, find, "<" if is_little else ">")


def _legacy_positions(
    file: OpenFile, keys: Any, storages: Mapping[str, TorchStorage], position: int, *, is_little: bool
) -> dict[str, int]:
    """Where the memory of each storage is: one after the other, each after the number of its elements."""
    if not isinstance(keys, list) or not all(isinstance(key, str) and key in storages for key in keys):
        raise ModelFormatError(f"{file.path}: the list of storages does not fit the tensors")
    positions = {}
    for key in keys:
        storage = storages[key]
        count = file.read(position, COUNT_BYTES, f"storage {printable(key)}").tobytes()
        if int.from_bytes(count, "little" if is_little else "big") != storage.count:
            raise ModelFormatError(
                f"{file.path}: storage {printable(key)} should have {storage.count} elements; is it complete?"
            )
        positions[key] = position + COUNT_BYTES
        position = positions[key] + _storage_bytes(storage)
        if position > file.size:
            raise ModelFormatError(
                f"{file.path}: file truncated: storage {printable(key)} ends at {position}, "
                f"the file at {file.size}"
            )
    return positions
