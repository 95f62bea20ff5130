"""Texts to encode, as files; peers import it, so it needs nothing that is ours."""

import sysconfig
from codecs import getincrementaldecoder
from collections.abc import Iterable
from pathlib import Path

CLASSICS = Path("train", "lm", "classics_easy")
"""Where in the project's data novels are."""


def beginning(path: Path, n_bytes: int) -> str:
    """The first bytes of a UTF-8 file, without a character that they cut."""
    with path.open("rb") as stream:
        return getincrementaldecoder("utf-8")().decode(stream.read(n_bytes))


def join(files: Iterable[Path], into: Path, n_bytes: int) -> None:
    """Writes one file after the other until there are so many bytes; what is not UTF-8 is left out."""
    into.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with into.open("wb") as stream:
        for path in files:
            if size >= n_bytes:
                break
            if is_utf8(content := path.read_bytes()):
                size += stream.write(content)


def is_utf8(content: bytes) -> bool:
    """Whether the bytes are text."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def standard_library() -> list[Path]:
    """The source files of Python, without packages that were installed into it."""
    folder = Path(sysconfig.get_path("stdlib"))
    return [path for path in sorted(folder.rglob("*.py")) if "site-packages" not in path.parts]
