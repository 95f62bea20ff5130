"""The names of Python that a PyTorch checkpoint may use, and the few lines that each stands for here.

Nothing of PyTorch is called: `torch._utils._rebuild_tensor_v2` in a file gives a `TorchTensor`, which says
where the numbers are, and is checked against its storage. Used by `hornbook.hub.torch_pickle`, which refuses
all other names.
Source: torch/_utils.py
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hornbook.hub.header import printable

__all__ = [
    "ALLOWED",
    "ANY_TYPE",
    "ELEMENT_TYPES",
    "Name",
    "TorchStorage",
    "TorchTensor",
    "checked_pairs",
    "checked_storage",
    "describe",
]

MAX_KEY = 2**32
"""Larger integers are no keys: chosen well they would all hash to the same value."""
MAX_DIMENSIONS = 32
MAX_COUNT = 2**59
"""More elements than any file has, and few enough to be counted in 64 bits."""

ELEMENT_TYPES = {
    "float64": "f8",
    "float32": "f4",
    "float16": "f2",
    "bfloat16": "u2",
    "int64": "i8",
    "int32": "i4",
    "int16": "i2",
    "int8": "i1",
    "uint8": "u1",
    "uint16": "u2",
    "uint32": "u4",
    "uint64": "u8",
    "bool": "u1",
}
"""The element types that are read, and how NumPy reads their bits."""

ANY_TYPE = "bytes"
"""The type of a storage that does not tell its own: that of the tensor counts."""
STORAGE_TYPES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "UntypedStorage": ANY_TYPE,
}


@dataclass(frozen=True)
class TorchStorage:
    """The memory that tensors share.

    Args:
        key: its name in the file.
        element_type: a key of `ELEMENT_TYPES`, or "bytes".
        count: number of elements.
    """

    key: str
    element_type: str
    count: int


@dataclass(frozen=True)
class TorchTensor:
    """A view of a storage; offset and strides count elements.

    Args:
        storage: where its elements are.
        element_type: a key of `ELEMENT_TYPES`.
        offset: position of the first element.
        shape: length of each axis.
        strides: steps from one element to the next along each axis.
    """

    storage: TorchStorage
    element_type: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True)
class Name:
    """A name of Python that a pickle uses.

    Args:
        text: the name itself.
        value: the element type that a storage's class stands for.
        call: what calling the name does.
    """

    text: str
    value: Any = None
    call: Callable[..., Any] | None = None


def _ordered_dict(pairs: Any = ()) -> dict[Any, Any]:
    if not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
        raise TypeError("expected pairs")
    return checked_pairs([key for key, _ in pairs], [value for _, value in pairs])


def checked_pairs(keys: list[Any], values: list[Any]) -> dict[Any, Any]:
    """A dictionary of keys and values.

    Raises:
        TypeError: a key is neither text nor an integer: others can be nested until hashing them fails.
        ValueError: there are more of one than of the other.
    """
    for key in keys:
        if not isinstance(key, str) and not (isinstance(key, int) and abs(key) < MAX_KEY):
            raise TypeError(f"a key that is {describe(key)}")
    return dict(zip(keys, values, strict=True))


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> TorchTensor:
    """_rebuild_tensor and _rebuild_tensor_v2; gradients and hooks are dropped."""
    if not isinstance(storage, TorchStorage) or storage.element_type == ANY_TYPE:
        raise TypeError(f"a tensor in {describe(storage)}")
    return _checked_tensor(TorchTensor(storage, storage.element_type, offset, shape, strides), storage.count)


def _tensor_with_type(
    storage: Any,
    offset: Any,
    shape: Any,
    strides: Any,
    _gradient: Any,
    _hooks: Any,
    element_type: Any,
    *_: Any,
) -> TorchTensor:
    """_rebuild_tensor_v3, for element types that have no storage of their own."""
    if not isinstance(element_type, str) or element_type not in ELEMENT_TYPES:
        raise TypeError(f"unsupported element type {describe(element_type)}")
    if not isinstance(storage, TorchStorage) or storage.element_type not in {ANY_TYPE, element_type}:
        raise TypeError(f"a tensor in {describe(storage)}")
    size = int(ELEMENT_TYPES[element_type][1]) if storage.element_type == ANY_TYPE else 1
    return _checked_tensor(TorchTensor(storage, element_type, offset, shape, strides), storage.count // size)


def _checked_tensor(tensor: TorchTensor, capacity: int) -> TorchTensor:
    """Every element of the tensor must be one of the storage's `capacity` elements."""
    shape, strides = tensor.shape, tensor.strides
    if not _are_counts((tensor.offset,)) or not _are_counts(shape) or not _are_counts(strides):
        raise TypeError("offset, shape and strides must be integers from 0")
    if len(shape) != len(strides) or len(shape) > MAX_DIMENSIONS:
        raise ValueError(f"{len(shape)} axes with {len(strides)} strides")
    if math.prod(length for length in shape if length) > MAX_COUNT:
        raise ValueError("the shape overflows")
    last = tensor.offset + sum((length - 1) * stride for length, stride in zip(shape, strides, strict=True))
    if all(shape) and last >= capacity:
        raise ValueError(f"element {last} is asked for, the storage has {capacity}")
    return tensor


def checked_storage(reference: Any) -> TorchStorage:
    """The storage that a pickle refers to: ("storage", class, key, device, number of elements).

    Raises:
        TypeError: it refers to something else, or to a part of another storage.
    """
    match reference:
        case ("storage", Name(value=str(element_type)), str(key), str(), int(count)) | (
            "storage",
            Name(value=str(element_type)),
            str(key),
            str(),
            int(count),
            None,
        ) if _are_counts((count,)):
            return TorchStorage(key, element_type, count)
    raise TypeError("a reference that is no storage")


def _are_counts(values: Any) -> bool:
    return isinstance(values, tuple) and all(type(item) is int and 0 <= item <= MAX_COUNT for item in values)


def _parameter(tensor: Any, *_: Any) -> TorchTensor:
    """_rebuild_parameter: a tensor that is trained is a tensor."""
    if not isinstance(tensor, TorchTensor):
        raise TypeError(f"a parameter of {describe(tensor)}")
    return tensor


def _tensor_of_class(function: Any, kind: Any, arguments: Any, _state: Any) -> TorchTensor:
    """_rebuild_from_type_v2: a tensor with attributes, which are dropped."""
    if not isinstance(function, Name) or function.call not in (_tensor, _tensor_with_type, _parameter):
        raise TypeError(f"a tensor made by {describe(function)}")
    if not isinstance(kind, Name) or kind.text not in CLASSES or not isinstance(arguments, tuple):
        raise TypeError(f"a tensor of {describe(kind)}")
    return _parameter(function.call(*arguments))


def _size(lengths: Any = ()) -> tuple[Any, ...]:
    if not isinstance(lengths, list | tuple):
        raise TypeError(f"a size of {describe(lengths)}")
    return tuple(lengths)


def _device(*names: Any) -> str:
    return ":".join(str(name)[:20] for name in names if isinstance(name, str | int))


def describe(value: Any) -> str:
    """What a value is, for messages; of long ones not the value itself."""
    if isinstance(value, Name):
        return value.text
    return printable(value) if isinstance(value, str) else type(value).__name__


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "collections.OrderedDict": _ordered_dict,
    "torch.Size": _size,
    "torch.device": _device,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor_with_type,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch._tensor._rebuild_from_type_v2": _tensor_of_class,
}
CLASSES = ("torch.Tensor", "torch.nn.parameter.Parameter")
OTHER_ELEMENT_TYPES = ("complex64", "complex128", "float8_e4m3fn", "float8_e5m2")
"""They may be named, as in a configuration; their tensors are not read."""

ALLOWED: Mapping[str, Any] = {
    **{name: Name(name, call=function) for name, function in FUNCTIONS.items()},
    **{name: Name(name) for name in CLASSES},
    **{f"torch.{name}": name for name in (*ELEMENT_TYPES, *OTHER_ELEMENT_TYPES)},
    **{f"torch.{name}": Name(f"torch.{name}", value=kind) for name, kind in STORAGE_TYPES.items()},
    "torch.storage.UntypedStorage": Name("torch.storage.UntypedStorage", value=ANY_TYPE),
}
"""The names that a checkpoint may use, and what each stands for here."""
