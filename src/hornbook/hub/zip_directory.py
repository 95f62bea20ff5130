"""Where the entries of a zip archive lie, for archives that hold their entries as they are, as PyTorch's do.

Only the directory at the end is read, and only within the file's real size; nothing is unpacked, so that no
small file can become a large one. Used by `hornbook.hub.torch_file`.
Source: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3 and 4.5.3
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from hornbook.errors import ModelFormatError
from hornbook.hub.header import printable
from hornbook.hub.open_file import OpenFile

__all__ = ["ZipEntry", "entry_begin", "read_zip_directory"]

END = struct.Struct("<4s6xHIIH")
"""Signature, number of entries, size and position of the directory, length of the comment."""
LONG_END_LOCATOR = struct.Struct("<4s4xQ4x")
LONG_END = struct.Struct("<4s28xQQQ")
CENTRAL = struct.Struct("<4s4xHH8xIIHHH8xI")
"""Signature, flags, method, compressed size, size, lengths of name, extra field and comment, position."""
LOCAL = struct.Struct("<4s22xHH")
"""Signature, lengths of name and extra field; the entry follows these."""

MAX_COMMENT = 0xFFFF
MAX_DIRECTORY_BYTES = 64 << 20
LONG = 0xFFFFFFFF
"""Stands for a value that is found, as 64 bits, in the extra field 1."""
ENCRYPTED = 1


@dataclass(frozen=True)
class ZipEntry:
    """What the directory says of one entry.

    Args:
        name: its path in the archive.
        header: position of its local header in the file.
        size: length in bytes.
        is_plain: whether it is neither compressed nor encrypted.
    """

    name: str
    header: int
    size: int
    is_plain: bool


def read_zip_directory(file: OpenFile) -> dict[str, ZipEntry]:
    """The entries of an archive by name.

    Raises:
        ModelFormatError: the directory is damaged, too large, or claims more than the file holds.
        OSError: the file cannot be read.
    """
    begin, size = _find_directory(file)
    if size > MAX_DIRECTORY_BYTES or begin > file.size:
        raise ModelFormatError(f"{file.path}: zip directory of {size} bytes at {begin} cannot be right")
    entries: dict[str, ZipEntry] = {}
    for entry in _entries(file.read(begin, size, "the zip directory").tobytes(), file):
        if entry.name in entries:
            raise ModelFormatError(f"{file.path}: entry '{printable(entry.name)}' is in the archive twice")
        entries[entry.name] = entry
    if (claimed := sum(entry.size for entry in entries.values() if entry.is_plain)) > file.size:
        raise ModelFormatError(f"{file.path}: entries of {claimed} bytes overlap, the file has {file.size}")
    return entries


def entry_begin(file: OpenFile, entry: ZipEntry) -> int:
    """The position of an entry's first byte in the file, all of which lies within it.

    Raises:
        ModelFormatError: the entry is compressed, encrypted, or not where the directory says.
        OSError: the file cannot be read.
    """
    shown = printable(entry.name)
    if not entry.is_plain:
        raise ModelFormatError(
            f"{file.path}: entry '{shown}' is compressed or encrypted; PyTorch's are neither"
        )
    header = file.read(entry.header, LOCAL.size, f"entry '{shown}'").tobytes()
    signature, name_length, extra_length = LOCAL.unpack(header)
    begin: int = entry.header + LOCAL.size + name_length + extra_length
    if signature != b"PK\x03\x04" or begin + entry.size > file.size:
        raise ModelFormatError(
            f"{file.path}: entry '{shown}' is not where the directory says; is it complete?"
        )
    return begin


def _find_directory(file: OpenFile) -> tuple[int, int]:
    """Position and size of the directory, as the record at the end of the archive says."""
    size = file.size
    tail_begin = max(0, size - END.size - MAX_COMMENT - LONG_END_LOCATOR.size)
    tail = file.read(tail_begin, size - tail_begin, "the end of the archive").tobytes()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + END.size > len(tail):
        raise ModelFormatError(f"{file.path}: a zip archive without its end; is the download complete?")
    _, _, directory_size, directory_begin, _ = END.unpack_from(tail, at)
    locator_at = at - LONG_END_LOCATOR.size
    if locator_at >= 0 and tail.startswith(b"PK\x06\x07", locator_at):
        _, long_end_at = LONG_END_LOCATOR.unpack_from(tail, locator_at)
        if long_end_at > size - LONG_END.size:
            raise ModelFormatError(f"{file.path}: a zip archive whose end is damaged")
        record = file.read(long_end_at, LONG_END.size, "the end of the archive").tobytes()
        signature, _, directory_size, directory_begin = LONG_END.unpack(record)
        if signature != b"PK\x06\x06":
            raise ModelFormatError(f"{file.path}: a zip archive whose end is damaged")
    return directory_begin, directory_size


def _entries(directory: bytes, file: OpenFile) -> Iterator[ZipEntry]:
    at = 0
    while at < len(directory):
        if at + CENTRAL.size > len(directory) or not directory.startswith(b"PK\x01\x02", at):
            raise ModelFormatError(f"{file.path}: zip directory damaged at byte {at}")
        fields = CENTRAL.unpack_from(directory, at)
        _, flags, method, packed, size, name_length, extra_length, comment_length, header = fields
        name_end = at + CENTRAL.size + name_length
        name = directory[at + CENTRAL.size : name_end].decode("utf-8", errors="replace")
        at = name_end + extra_length + comment_length
        if at > len(directory):
            raise ModelFormatError(f"{file.path}: zip directory damaged at byte {name_end}")
        extra = directory[name_end : name_end + extra_length]
        size, packed, header = _lengthened([size, packed, header], extra, file)
        if header + LOCAL.size > file.size or size > file.size:
            raise ModelFormatError(
                f"{file.path}: entry '{printable(name)}' is beyond the end; is it complete?"
            )
        yield ZipEntry(name, header, size, not flags & ENCRYPTED and method == 0 and packed == size)


def _lengthened(values: list[int], extra: bytes, file: OpenFile) -> list[int]:
    """Replaces what does not fit into 32 bits by the 64 bits in the extra field 1, in this order."""
    if LONG not in values:
        return values
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        needed = values.count(LONG)
        if kind == 1 and length >= 8 * needed and at + 4 + length <= len(extra):
            long_values = iter(struct.unpack_from(f"<{needed}Q", extra, at + 4))
            return [next(long_values) if value == LONG else value for value in values]
        at += 4 + length
    raise ModelFormatError(f"{file.path}: zip directory damaged: a long entry without its size")
