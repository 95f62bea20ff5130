"""The wire format of protocol buffers, as far as reading a message takes it.

A message is a row of fields, each a number, a type and a value. What a number means is up to the caller, who
leaves out those that it does not know.

Source: https://protobuf.dev/programming-guides/encoding/.
"""

import struct
from collections.abc import Iterator
from typing import TypeAlias

from hornbook.errors import TokenizerError

__all__ = ["Value", "as_bool", "as_bytes", "as_float", "as_int", "as_text", "fields"]

Value: TypeAlias = int | bytes
"""A varint; or the bytes of everything else, 4 or 8 for numbers of fixed size."""

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
SIZES = {FIXED64: 8, FIXED32: 4}
MOST_VARINT_BYTES = 10


def fields(message: bytes, source: str) -> Iterator[tuple[int, Value]]:
    """Number and value of each field of a message, in the order of the file.

    Args:
        message: its bytes.
        source: its name, for messages.

    Raises:
        TokenizerError: a field is cut off, or of an unknown type.
    """
    position = 0
    while position < len(message):
        start = position
        tag, position = _varint(message, position, source)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise TokenizerError(f"{source}: field number 0 at byte {start}; is this a SentencePiece model?")
        if kind == VARINT:
            value, position = _varint(message, position, source)
            yield number, value
            continue
        if kind == BYTES:
            size, position = _varint(message, position, source)
        elif kind in SIZES:
            size = SIZES[kind]
        else:
            raise TokenizerError(
                f"{source}: field {number} at byte {start} has type {kind}; expected 0, 1, 2 or 5"
            )
        if size > len(message) - position:
            raise TokenizerError(
                f"{source}: field {number} at byte {start} claims {size} bytes, "
                f"{len(message) - position} are left; is the file cut off?"
            )
        yield number, message[position : position + size]
        position += size


def _varint(message: bytes, position: int, source: str) -> tuple[int, int]:
    """A number of 7 bits a byte, the lowest first, and the position after it."""
    number = 0
    for index, byte in enumerate(message[position : position + MOST_VARINT_BYTES]):
        number |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return number & (1 << 64) - 1, position + index + 1
    raise TokenizerError(f"{source}: the number at byte {position} has no end; is the file cut off?")


def as_int(value: Value, name: str) -> int:
    """A field as an int32; negative numbers are written as those of 64 bits.

    Raises:
        TokenizerError: it is of another type.
    """
    if not isinstance(value, int):
        raise TokenizerError(f"{name}: is a text or a number of fixed size, expected an integer")
    low = value & 0xFFFFFFFF
    return low - (1 << 32) if low >= 1 << 31 else low


def as_bool(value: Value, name: str) -> bool:
    """A field as true or false.

    Raises:
        TokenizerError: it is of another type.
    """
    return as_int(value, name) != 0


def as_bytes(value: Value, name: str) -> bytes:
    """A field as bytes.

    Raises:
        TokenizerError: it is of another type.
    """
    if isinstance(value, int):
        raise TokenizerError(f"{name}: is an integer, expected text")
    return value


def as_text(value: Value, name: str) -> str:
    """A field as text.

    Raises:
        TokenizerError: it is of another type or not UTF-8.
    """
    try:
        return as_bytes(value, name).decode("utf-8")
    except UnicodeDecodeError as error:
        raise TokenizerError(f"{name}: is not UTF-8 at byte {error.start}") from None


def as_float(value: Value, name: str) -> float:
    """A field as a number of 32 bits.

    Raises:
        TokenizerError: it is of another type.
    """
    if not isinstance(value, bytes) or len(value) != SIZES[FIXED32]:
        raise TokenizerError(f"{name}: is no number of 32 bits")
    return float(struct.unpack("<f", value)[0])
