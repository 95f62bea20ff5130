"""Files that appear whole or not at all, reading with a limit, and JSON that is checked before it is used.

Knows nothing of models. `hub` and `tokenizer` build on it.
"""

import errno
import json
import os
import secrets
import stat
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from hornbook.errors import HornbookError
from hornbook.file_kinds import BEGINNING_BYTES, refuse_other_kind

__all__ = ["move_into_place", "naming_path", "parse_json", "read_bounded", "read_json", "write_whole"]

UTF8_BOM = b"\xef\xbb\xbf"
READ_CHUNK_BYTES = 1 << 20
CANNOT_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EISDIR}
"""What systems answer that cannot open or sync a folder."""


@contextmanager
def write_whole(path: Path) -> Iterator[BinaryIO]:
    """Opens a temporary neighbour of `path` and renames it to `path` once it is complete and on disk.

    A file that is replaced hands its permissions on. A link is replaced, not followed.

    Raises:
        OSError: the folder is missing, read-only or full, or `path` is a folder or a device. The error names
            `path`, which is then as it was before.
    """
    temporary = path.with_name(f".{path.name[:40]}.{secrets.token_hex(6)}.tmp")
    with naming_path(path, temporary):
        _check_target(path)
        try:
            with temporary.open("xb") as stream:
                _copy_permissions(path, stream)
                yield stream
                move_into_place(stream, temporary, path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


def move_into_place(stream: BinaryIO, temporary: Path, path: Path) -> None:
    """Renames a file that is written, `temporary`, once its content is on disk; also the name is then.

    Raises:
        OSError: the disk is full or fails.
    """
    stream.flush()
    os.fsync(stream.fileno())
    temporary.replace(path)
    _sync_folder(path.parent)


@contextmanager
def naming_path(path: Path, *temporaries: Path) -> Iterator[None]:
    """Makes an OSError name `path` if it names no file, or one of the `temporaries` that become `path`.

    A full disk, for example, does not say which.
    """
    try:
        yield
    except OSError as problem:
        named = problem.filename
        is_hidden = isinstance(named, str) and Path(named) in temporaries
        if problem.errno is None or (named is not None and not is_hidden):
            raise
        raise OSError(problem.errno, problem.strerror, str(path)) from None


def read_bounded(path: Path, *, max_bytes: int, error: type[HornbookError], expected: str = "") -> bytes:
    """Reads a file of at most `max_bytes`, whatever its size claims: a pipe or a device may not end.

    Args:
        path: the file.
        max_bytes: the most that it may hold.
        error: the class to raise.
        expected: what the file should be, for example "a vocabulary"; if given, a file that is known to be
            something else is refused, see `hornbook.file_kinds`.

    Raises:
        error: it holds more, or is something else than `expected`.
        OSError: the file cannot be read.
    """
    with naming_path(path), path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        chunks = [stream.read(BEGINNING_BYTES)]
        if expected:
            refuse_other_kind(chunks[0], source=str(path), expected=expected, error=error)
        if size > max_bytes:
            raise error(f"{path}: {size} bytes, expected at most {max_bytes}; is this the right file?")
        arrived = len(chunks[0])
        while arrived <= max_bytes and (chunk := stream.read(READ_CHUNK_BYTES)):
            chunks.append(chunk)
            arrived += len(chunk)
    if arrived > max_bytes:
        raise error(
            f"{path}: does not end after {max_bytes} bytes, the most expected; is this the right file?"
        )
    return b"".join(chunks)


def read_json(path: Path, *, max_bytes: int, error: type[HornbookError], unique_keys: bool = True) -> Any:
    """Reads one JSON document of at most `max_bytes`.

    Args:
        path: the file.
        max_bytes: its greatest size.
        error: the class to raise.
        unique_keys: whether a key given twice is an error; else its last value counts.

    Raises:
        error: larger than `max_bytes`, another kind of file, not UTF-8, not JSON, a key given twice, or
            nested too deep.
        OSError: the file cannot be read.
    """
    content = read_bounded(path, max_bytes=max_bytes, error=error, expected="JSON")
    return parse_json(content, source=str(path), error=error, unique_keys=unique_keys)


def parse_json(content: bytes, *, source: str, error: type[HornbookError], unique_keys: bool = True) -> Any:
    """Parses JSON strictly; `source` names it in messages, for `unique_keys` see `read_json`.

    Raises:
        error: byte order mark, not UTF-8, not JSON, a key given twice, or nested too deep.
    """
    if content.startswith(UTF8_BOM):
        raise error(f"{source}: starts with a byte order mark; save it as UTF-8 without one")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise error(f"{source}: not UTF-8 at byte {problem.start}") from None
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates if unique_keys else None)
    except RecursionError:
        raise error(f"{source}: JSON nesting too deep") from None
    except ValueError as problem:
        raise error(f"{source}: not valid JSON: {problem}") from None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        twice = next(key for key, count in counts.items() if count > 1)
        raise ValueError(f"key {twice!r} is given twice")
    return result


def _check_target(path: Path) -> None:
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder", str(path.parent))
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder, a file cannot take its name", str(path))
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "is a device or a pipe, a file must not replace it", str(path))


def _copy_permissions(path: Path, stream: BinaryIO) -> None:
    """Gives the open file the permissions of the one that it replaces."""
    with suppress(FileNotFoundError):
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode):
            os.fchmod(stream.fileno(), stat.S_IMODE(mode) & 0o777)


def _sync_folder(folder: Path) -> None:
    """Makes the rename itself survive a power cut, where a folder can be opened and synced."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as problem:
        if problem.errno not in CANNOT_SYNC:
            raise
