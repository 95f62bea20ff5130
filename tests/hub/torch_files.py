"""Makes files as torch.save would, opcode by opcode, so that they may also hold what it would never write."""

import io
import struct
import zipfile
from collections.abc import Mapping

MAGIC = 0x1950A86A20F9469CFC6C
TRUE, FALSE, NONE, EMPTY_DICT = b"\x88", b"\x89", b"N", b"}"
PROTO_2, STOP = b"\x80\x02", b"."


def text(value: str) -> bytes:
    """BINUNICODE."""
    encoded = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def integer(value: int) -> bytes:
    """LONG1."""
    encoded = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(encoded)]) + encoded


def sequence(*items: bytes) -> bytes:
    """A tuple."""
    return b"(" + b"".join(items) + b"t"


def counts(*values: int) -> bytes:
    """A tuple of integers."""
    return sequence(*map(integer, values))


def name(dotted: str) -> bytes:
    """GLOBAL: what comes after the last dot is the name, before it the module."""
    module, _, attribute = dotted.rpartition(".")
    return f"c{module}\n{attribute}\n".encode()


def call(dotted: str, *arguments: bytes) -> bytes:
    """A call of a name."""
    return name(dotted) + sequence(*arguments) + b"R"


def mapping(items: Mapping[str, bytes]) -> bytes:
    """A dictionary."""
    return b"}(" + b"".join(text(key) + value for key, value in items.items()) + b"u"


def reference(*items: bytes) -> bytes:
    """BINPERSID: something outside of the pickle."""
    return sequence(*items) + b"Q"


def storage(kind: str, key: str, count: int, *more: bytes) -> bytes:
    """A storage of so many elements."""
    return reference(text("storage"), name(f"torch.{kind}"), text(key), text("cpu"), integer(count), *more)


def tensor(memory: bytes, shape: bytes, strides: bytes, offset: int = 0) -> bytes:
    """A tensor in a storage."""
    function = "torch._utils._rebuild_tensor_v2"
    return call(function, memory, integer(offset), shape, strides, TRUE, EMPTY_DICT)


def zipped(content: bytes, storages: Mapping[str, bytes], **files: str) -> bytes:
    """An archive with these opcodes, this memory and other small files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("x/data.pkl", PROTO_2 + content + STOP)
        for key, memory in storages.items():
            archive.writestr(f"x/data/{key}", memory)
        for file, value in files.items():
            archive.writestr(f"x/{file}", value)
    return buffer.getvalue()


def legacy(
    content: bytes,
    keys: bytes,
    memory: bytes,
    magic: int = MAGIC,
    version: int = 1001,
    system: bytes = EMPTY_DICT,
) -> bytes:
    """A file of the format before zip; `keys` are the items of the list of storages."""
    pickles = (integer(magic), integer(version), system, content, b"](" + keys + b"e")
    return b"".join(PROTO_2 + pickle + STOP for pickle in pickles) + memory
