"""Files that appear whole or not at all, and reading with a limit."""

import errno
import os
import re
import resource
import stat
import threading
from pathlib import Path
from typing import Any, NoReturn

import pytest

from hornbook.errors import DataError, DownloadError
from hornbook.files import naming_path, parse_json, read_bounded, read_json, write_whole


def write(path: Path, content: bytes = b"after") -> None:
    with write_whole(path) as stream:
        stream.write(content)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def open_descriptors() -> int:
    return len(names(Path("/proc/self/fd")))


@pytest.mark.parametrize("before", [None, b"before", b"a longer content than the one after"])
def test_a_written_file_replaces_what_was_there(tmp_path: Path, before: bytes | None) -> None:
    if before is not None:
        (tmp_path / "x").write_bytes(before)
    write(tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"after"
    assert names(tmp_path) == ["x"]


def test_a_file_is_not_seen_before_it_is_whole(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"before")
    with write_whole(tmp_path / "x") as stream:
        stream.write(b"half")
        stream.flush()
        assert (tmp_path / "x").read_bytes() == b"before"
        stream.write(b" and half")
    assert (tmp_path / "x").read_bytes() == b"half and half"


def test_content_reaches_the_disk_before_the_name_and_then_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this order a power cut leaves the old file or the whole one."""
    steps: list[tuple[str, str, int]] = []
    fsync, replace = os.fsync, os.replace

    def watched_fsync(descriptor: int) -> None:
        state = os.fstat(descriptor)
        steps.append(("fsync", "folder" if stat.S_ISDIR(state.st_mode) else "file", state.st_size))
        fsync(descriptor)

    def watched_replace(source: Path, target: Path) -> None:
        steps.append(("replace", Path(target).name, Path(source).stat().st_size))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "replace", watched_replace)
    write(tmp_path / "x", b"seven77")
    assert steps[:2] == [("fsync", "file", 7), ("replace", "x", 7)]
    assert [step[:2] for step in steps[2:]] == [("fsync", "folder")]


@pytest.mark.parametrize("error", [ValueError("a bug"), KeyboardInterrupt(), SystemExit(143)])
def test_nothing_is_left_when_the_writer_fails(tmp_path: Path, error: BaseException) -> None:
    (tmp_path / "x").write_bytes(b"before")

    def write_half() -> None:
        with write_whole(tmp_path / "x") as stream:
            stream.write(b"half")
            raise error

    with pytest.raises(type(error)) as caught:
        write_half()
    assert caught.value is error
    assert (tmp_path / "x").read_bytes() == b"before"
    assert names(tmp_path) == ["x"]


@pytest.mark.parametrize("step", ["fchmod", "fsync", "replace"])
def test_nothing_is_left_when_a_step_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    (tmp_path / "x").write_bytes(b"before")

    def refuse(*arguments: Any) -> NoReturn:
        named = [str(arguments[0])] if step == "replace" else []
        raise OSError(errno.EIO, os.strerror(errno.EIO), *named)

    monkeypatch.setattr(os, step, refuse)
    with pytest.raises(OSError, match=rf"Input/output error: '{re.escape(str(tmp_path / 'x'))}'") as caught:
        write(tmp_path / "x")
    assert caught.value.errno == errno.EIO
    assert (tmp_path / "x").read_bytes() == b"before"
    assert names(tmp_path) == ["x"]


def test_a_full_disk_names_the_target(tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: the error comes from the write itself."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match=re.escape(f"File too large: '{tmp_path / 'x'}'")):
            write(tmp_path / "x", b"1234567" * 10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert names(tmp_path) == []


def test_a_temporary_that_cannot_be_made_is_not_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, *_: Any, **__: Any) -> NoReturn:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    for name in ("x", "n" * 250, "字" * 80):
        with pytest.raises(PermissionError) as caught:
            write(tmp_path / name)
        assert caught.value.filename == str(tmp_path / name)


@pytest.mark.parametrize("name", ["n" * 255, "字" * 85, ".hidden", "a b\nc"])
def test_names_of_any_length_and_kind(tmp_path: Path, name: str) -> None:
    write(tmp_path / name)
    assert names(tmp_path) == [name]


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no such folder: '.*absent'"):
        write(tmp_path / "absent" / "x")
    assert names(tmp_path) == []


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(IsADirectoryError, match=re.escape(str(tmp_path / "x"))):
        write(tmp_path / "x")
    assert names(tmp_path) == ["x"]


def test_a_pipe_or_a_device_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x")
    with pytest.raises(OSError, match="a device or a pipe") as caught:
        write(tmp_path / "x")
    assert caught.value.filename == str(tmp_path / "x")
    assert (tmp_path / "x").is_fifo()


def test_a_link_is_replaced_and_its_target_kept(tmp_path: Path) -> None:
    """The links of a cache lead to files that others share."""
    (tmp_path / "shared").write_bytes(b"before")
    (tmp_path / "x").symlink_to("shared")
    write(tmp_path / "x")
    assert (tmp_path / "shared").read_bytes() == b"before"
    assert not (tmp_path / "x").is_symlink()


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o755])
def test_permissions_of_the_replaced_file_are_kept(tmp_path: Path, mode: int) -> None:
    (tmp_path / "x").write_bytes(b"before")
    (tmp_path / "x").chmod(mode)
    write(tmp_path / "x")
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == mode


def test_permissions_of_a_file_that_was_not_there_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(tmp_path / "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o640


@pytest.mark.parametrize(("code", "is_error"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_folders_that_cannot_be_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, is_error: bool
) -> None:
    """Some file systems sync no folders, which is no failure; a disk that fails is one."""
    fsync = os.fsync

    def refuse(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(code, os.strerror(code))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse)
    if is_error:
        with pytest.raises(OSError, match=re.escape(str(tmp_path))):
            write(tmp_path / "x")
    else:
        write(tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"after"


def test_descriptors_are_closed(tmp_path: Path) -> None:
    before = open_descriptors()
    for _ in range(3):
        write(tmp_path / "x")
        with pytest.raises(ValueError, match="a bug"), write_whole(tmp_path / "x"):
            raise ValueError("a bug")
    assert open_descriptors() == before


def test_errors_that_name_a_path_keep_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught, naming_path(tmp_path / "x"):
        (tmp_path / "other").read_bytes()
    assert caught.value.filename == str(tmp_path / "other")
    with pytest.raises(DownloadError, match=r"^cut$"), naming_path(tmp_path / "x"):
        raise DownloadError("cut")
    with pytest.raises(OSError, match=r"^no code$"), naming_path(tmp_path / "x"):
        raise OSError("no code")


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 4099])
def test_reading_up_to_the_limit(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "x").write_bytes(content)
    assert read_bounded(tmp_path / "x", max_bytes=size, error=DataError) == content
    with (tmp_path / "x").open("ab") as stream:
        stream.write(b"1")
    message = f"x: {size + 1} bytes, expected at most {size}; is this the right file"
    with pytest.raises(DataError, match=message):
        read_bounded(tmp_path / "x", max_bytes=size, error=DataError)


def test_a_large_file_is_refused_by_its_size_alone(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(DataError, match=f"x: {1 << 40} bytes, expected at most 9"):
        read_bounded(tmp_path / "x", max_bytes=9, error=DataError)


def test_a_device_without_end_is_refused() -> None:
    """Its size is 0, as far as the system tells."""
    with pytest.raises(DataError, match="/dev/zero: does not end after 3000000 bytes, the most expected"):
        read_bounded(Path("/dev/zero"), max_bytes=3_000_000, error=DataError)
    with pytest.raises(DataError, match="/dev/zero: expected JSON, this is nothing but zero bytes"):
        read_json(Path("/dev/zero"), max_bytes=3_000_000, error=DataError)


@pytest.mark.parametrize(
    ("content", "fits"),
    [
        (b"[1, 2]", True),
        (b"[1, 2]" + b" " * 506, True),
        (b"[" + b"1," * 5000 + b"1]", False),
        (b" " * 513, False),
    ],
)
def test_a_pipe_is_read_to_its_end(tmp_path: Path, content: bytes, fits: bool) -> None:
    os.mkfifo(tmp_path / "x")

    def feed() -> None:
        descriptor = os.open(tmp_path / "x", os.O_WRONLY)
        os.write(descriptor, content)
        os.close(descriptor)

    writer = threading.Thread(target=feed)
    writer.start()
    try:
        if fits:
            assert read_json(tmp_path / "x", max_bytes=512, error=DataError) == [1, 2]
        else:
            with pytest.raises(DataError, match="does not end after 512 bytes"):
                read_json(tmp_path / "x", max_bytes=512, error=DataError)
    finally:
        writer.join()


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        read_bounded(tmp_path / "absent", max_bytes=9, error=DataError)
    with pytest.raises(IsADirectoryError, match=re.escape(str(tmp_path))):
        read_bounded(tmp_path, max_bytes=9, error=DataError)


def test_a_disk_that_fails_names_the_file() -> None:
    """The system refuses to read a process's memory at 0, without a name."""
    with pytest.raises(OSError, match="/proc/self/mem"):
        read_bounded(Path("/proc/self/mem"), max_bytes=9, error=DataError)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "x: not valid JSON"),
        (b"{", "x: not valid JSON"),
        (b"\xef\xbb\xbf{}", "x: starts with a byte order mark; save it as UTF-8 without one"),
        (b'"ab\xff"', "x: not UTF-8 at byte 3"),
        (b"[" * 100_000, "x: JSON nesting too deep"),
        (b'{"a": [{"b": 1, "b": 2}]}', "x: not valid JSON: key 'b' is given twice"),
        (b"9" * 5000, "x: not valid JSON"),
    ],
)
def test_json_that_is_none(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(DataError) as of_file:
        read_json(tmp_path / "x", max_bytes=1 << 20, error=DataError)
    with pytest.raises(DataError) as of_bytes:
        parse_json(content, source=str(tmp_path / "x"), error=DataError)
    assert str(of_file.value) == str(of_bytes.value)
    assert str(of_file.value).startswith(str(tmp_path / message))
    assert "\n" not in str(of_file.value)


def test_json(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes('{"a": [1, 2.5, null, "é"]}'.encode())
    assert read_json(tmp_path / "x", max_bytes=99, error=DataError) == {"a": [1, 2.5, None, "é"]}
