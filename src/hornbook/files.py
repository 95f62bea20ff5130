"""Files that appear whole or not at all, and JSON that is checked before it is believed.

Knows nothing of models. `hub` and `tokenizer` build on it.
"""

import errno
import io
import json
import os
import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from hornbook.errors import HornbookError

__all__ = ["parse_json", "read_json", "write_whole"]

BLOCK_BYTES = 1 << 20
UTF8_BOM = b"\xef\xbb\xbf"


@contextmanager
def write_whole(path: Path) -> Iterator[BinaryIO]:
    """Opens a temporary neighbour of `path` and renames it to `path` once it is complete and on disk.

    Raises:
        OSError: the folder is missing, read-only or full; it names `path`, which is then as it was before.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder", str(path.parent))
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}.tmp")
    try:
        with temporary.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException as problem:
        temporary.unlink(missing_ok=True)
        if isinstance(problem, OSError) and problem.errno and problem.filename in {None, str(temporary)}:
            problem.filename, problem.filename2 = str(path), None
        raise
    _sync_folder(path.parent)


def read_json(path: Path, *, max_bytes: int, error: type[HornbookError]) -> Any:
    """Reads one JSON document of at most `max_bytes`.

    Raises:
        error: larger than `max_bytes`, not UTF-8, not JSON, a key given twice, or nested too deep.
        OSError: the file cannot be read.
    """
    size = path.stat().st_size
    if size > max_bytes:
        raise error(f"{path}: {size} bytes, expected at most {max_bytes}; is this the right file?")
    content = io.BytesIO()
    with path.open("rb") as stream:
        while block := stream.read(min(BLOCK_BYTES, max_bytes + 1 - content.tell())):  # a device has no size
            content.write(block)
    if content.tell() > max_bytes:
        raise error(f"{path}: over {max_bytes} bytes, expected at most that many; is this the right file?")
    return parse_json(content.getvalue(), source=str(path), error=error)


def parse_json(content: bytes, *, source: str, error: type[HornbookError]) -> Any:
    """Parses JSON strictly; `source` names it in messages.

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
        return json.loads(text, object_pairs_hook=_without_duplicates)
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


def _sync_folder(folder: Path) -> None:
    """Makes the rename itself survive a power cut; not every system can open a folder."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
