"""Reads the pickle inside a PyTorch checkpoint without executing anything that it asks for.

A pickle is a program for a stack machine, and a machine that does all it is told runs any code. This one
knows numbers, text, lists, tuples and dictionaries, and the names in `hornbook.hub.torch_names`; everything
else is refused by name. Of the opcodes it knows those that picklers write for such values, in protocols 2 to
5. Used by `hornbook.hub.torch_file`.
Source: Lib/pickletools.py of CPython, which documents every opcode
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from hornbook.errors import ModelFormatError
from hornbook.hub.header import printable
from hornbook.hub.torch_names import ALLOWED, Name, TorchStorage, checked_pairs, checked_storage, describe

__all__ = ["Pickled", "read_pickle"]

MAX_OPERATIONS = 4_000_000
"""A tensor takes about 40; this is also the bound of memory, at up to about 100 bytes an operation."""


class _Mark:
    """Where the operands of an operation begin on the stack."""


@dataclass(frozen=True)
class Pickled:
    """What a pickle holds.

    Args:
        value: None, bool, int, float, str, and lists, tuples and dictionaries of these and of `TorchTensor`.
        storages: all storages that it refers to, by key.
    """

    value: Any
    storages: Mapping[str, TorchStorage]


def read_pickle(stream: BytesIO, source: str) -> Pickled:
    """Reads one pickle; the stream is then just after it.

    Args:
        stream: holds the pickle, and may hold more after it.
        source: what messages call it.

    Raises:
        ModelFormatError: it asks for a name that is not allowed, or is damaged.
    """
    machine = _Machine(stream, source)
    try:
        machine.run()
    except ModelFormatError:
        raise
    except (ValueError, OverflowError, IndexError, TypeError) as problem:
        reason = " ".join(str(problem).split())
        raise ModelFormatError(f"{source}: damaged pickle at byte {stream.tell()}: {reason:.120}") from None
    return Pickled(machine.result, machine.storages)


class _Machine:
    """The stack, the memo, and an action for each opcode that is known."""

    def __init__(self, stream: BytesIO, source: str) -> None:
        self._stream = stream
        self._source = source
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self.storages: dict[str, TorchStorage] = {}
        self.result: Any = None

    def run(self) -> None:
        """Does what the opcodes say, up to STOP."""
        for _ in range(MAX_OPERATIONS):
            opcode = self._take(1)
            if opcode == STOP:
                self.result = self._pop()
                return
            if opcode not in ACTIONS:
                raise self._refusal(f"the operation {opcode!r} at byte {self._stream.tell() - 1}")
            read_argument, act = ACTIONS[opcode]
            act(self, read_argument(self))
        raise ModelFormatError(f"{self._source}: more than {MAX_OPERATIONS} operations; is it a checkpoint?")

    def no_argument(self) -> None:
        """The opcode stands alone."""

    def integer(self, code: str) -> int:
        """A little-endian integer, by its letter in `struct`."""
        (value,) = struct.unpack(f"<{code}", self._take(struct.calcsize(code)))
        return int(value)

    def long(self) -> int:
        """LONG1: up to 255 bytes in two's complement."""
        return int.from_bytes(self._take(self.integer("B")), "little", signed=True)

    def float(self) -> float:
        """BINFLOAT: eight bytes, the highest first."""
        (value,) = struct.unpack(">d", self._take(8))
        return float(value)

    def text(self, length_code: str, encoding: str = "utf-8") -> str:
        """Text after its length."""
        return self._take(self.integer(length_code)).decode(encoding)

    def lines(self) -> str:
        """GLOBAL: module and name, each to the end of a line."""
        return ".".join(self._stream.readline().decode("utf-8").removesuffix("\n") for _ in range(2))

    def ignore(self, _: Any) -> None:
        """What matters only to a reader of another kind."""

    def check_version(self, version: int) -> None:
        """PROTO."""
        if version > 5:
            raise ModelFormatError(f"{self._source}: pickle protocol {version}, known are those up to 5")

    def push(self, value: Any) -> None:
        """The argument itself is the value."""
        self._stack.append(value)

    def put(self, index: int) -> None:
        """Remembers the last value."""
        self._memo[index] = self._stack[-1]

    def memoize(self, _: Any) -> None:
        """Remembers the last value under the next number."""
        self._memo[len(self._memo)] = self._stack[-1]

    def get(self, index: int) -> None:
        """Recalls a value."""
        if index not in self._memo:
            raise ValueError(f"memo {index} is not set")
        self._stack.append(self._memo[index])

    def make_tuple(self, _: Any) -> None:
        """A tuple of all values up to the mark."""
        self._stack.append(tuple(self._pop_to_mark()))

    def make_tuple_of(self, count: int) -> None:
        """A tuple of the last values."""
        self._stack.append(tuple(reversed([self._pop() for _ in range(count)])))

    def append(self, _: Any) -> None:
        """Appends the last value to the list below it."""
        self._extend([self._pop()])

    def appends(self, _: Any) -> None:
        """Appends all values up to the mark to the list below it."""
        self._extend(self._pop_to_mark())

    def set_item(self, _: Any) -> None:
        """Puts a key and a value into the dictionary below them."""
        value, key = self._pop(), self._pop()
        self._update([key, value])

    def set_items(self, _: Any) -> None:
        """Puts keys and values, up to the mark, into the dictionary below it."""
        self._update(self._pop_to_mark())

    def find_stacked_name(self, _: Any) -> None:
        """A name of Python, from the stack."""
        name, module = self._pop(), self._pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise TypeError("a name that is no text")
        self.push_name(f"{module}.{name}")

    def call(self, _: Any) -> None:
        """Calls one of the allowed names."""
        arguments, name = self._pop(), self._pop()
        if not isinstance(name, Name) or name.call is None or not isinstance(arguments, tuple):
            raise self._refusal(f"a call of {describe(name)}")
        try:
            self._stack.append(name.call(*arguments))
        except (TypeError, ValueError) as problem:
            raise ValueError(f"{name.text}: {problem}") from None

    def set_state(self, _: Any) -> None:
        """Gives an object its attributes; those of a dictionary, versions of modules, are dropped."""
        state, target = self._pop(), self._stack[-1]
        if type(target) is not dict or not isinstance(state, dict):
            raise self._refusal(f"attributes of {describe(target)}")

    def find_storage(self, _: Any) -> None:
        """What PyTorch keeps outside of the pickle: a storage."""
        storage = checked_storage(self._pop())
        if self.storages.setdefault(storage.key, storage) != storage:
            raise ValueError(f"storage {printable(storage.key)} is described in two ways")
        self._stack.append(storage)

    def push_name(self, name: str) -> None:
        """What one of the allowed names stands for."""
        if name not in ALLOWED:
            raise self._refusal(f"the name {printable(name)}")
        self._stack.append(ALLOWED[name])

    def _take(self, count: int) -> bytes:
        content = self._stream.read(count)
        if len(content) < count:
            raise ValueError(f"{count} bytes expected, {len(content)} left")
        return content

    def _pop(self) -> Any:
        value = self._stack.pop()
        if value is _Mark:
            raise ValueError("a mark in place of a value")
        return value

    def _pop_to_mark(self) -> list[Any]:
        position = len(self._stack) - 1
        while self._stack[position] is not _Mark:
            position -= 1
            if position < 0:
                raise ValueError("no mark on the stack")
        values = self._stack[position + 1 :]
        del self._stack[position:]
        return values

    def _extend(self, values: list[Any]) -> None:
        if type(self._stack[-1]) is not list:
            raise self._refusal(f"items of {describe(self._stack[-1])}")
        self._stack[-1].extend(values)

    def _update(self, values: list[Any]) -> None:
        if type(self._stack[-1]) is not dict:
            raise self._refusal(f"items of {describe(self._stack[-1])}")
        self._stack[-1].update(checked_pairs(values[::2], values[1::2]))

    def _refusal(self, what: str) -> ModelFormatError:
        return ModelFormatError(f"{self._source}: asks for {what}; only tensors are read, no code is run")


Action = tuple[Callable[[_Machine], Any], Callable[[_Machine, Any], None]]


def _constant(make: Callable[[], Any]) -> Action:
    return _Machine.no_argument, lambda machine, _: machine.push(make())


def _text(length_code: str, encoding: str = "utf-8") -> Action:
    return lambda machine: machine.text(length_code, encoding), _Machine.push


def _integer(code: str, act: Callable[[_Machine, Any], None]) -> Action:
    return lambda machine: machine.integer(code), act


def _tuple_of(count: int) -> Action:
    return _Machine.no_argument, lambda machine, _: machine.make_tuple_of(count)


STOP = b"."
ACTIONS: dict[bytes, Action] = {
    b"\x80": _integer("B", _Machine.check_version),
    b"\x95": _integer("Q", _Machine.ignore),
    b"N": _constant(lambda: None),
    b"\x88": _constant(lambda: True),
    b"\x89": _constant(lambda: False),
    b")": _constant(tuple),
    b"]": _constant(list),
    b"}": _constant(dict),
    b"(": _constant(lambda: _Mark),
    b"J": _integer("i", _Machine.push),
    b"K": _integer("B", _Machine.push),
    b"M": _integer("H", _Machine.push),
    b"\x8a": (_Machine.long, _Machine.push),
    b"G": (_Machine.float, _Machine.push),
    b"X": _text("I"),
    b"\x8c": _text("B"),
    b"\x8d": _text("Q"),
    b"T": _text("i", "latin-1"),
    b"U": _text("B", "latin-1"),
    b"q": _integer("B", _Machine.put),
    b"r": _integer("I", _Machine.put),
    b"\x94": (_Machine.no_argument, _Machine.memoize),
    b"h": _integer("B", _Machine.get),
    b"j": _integer("I", _Machine.get),
    b"t": (_Machine.no_argument, _Machine.make_tuple),
    b"\x85": _tuple_of(1),
    b"\x86": _tuple_of(2),
    b"\x87": _tuple_of(3),
    b"a": (_Machine.no_argument, _Machine.append),
    b"e": (_Machine.no_argument, _Machine.appends),
    b"s": (_Machine.no_argument, _Machine.set_item),
    b"u": (_Machine.no_argument, _Machine.set_items),
    b"c": (_Machine.lines, _Machine.push_name),
    b"\x93": (_Machine.no_argument, _Machine.find_stacked_name),
    b"R": (_Machine.no_argument, _Machine.call),
    b"b": (_Machine.no_argument, _Machine.set_state),
    b"Q": (_Machine.no_argument, _Machine.find_storage),
}
"""How the argument of each opcode is read, and what it does."""
