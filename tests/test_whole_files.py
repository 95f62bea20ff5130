"""Files as the library reads and writes them: bounded, whole, and named in every error."""

import errno
import os
from pathlib import Path

import pytest

from hornbook.errors import DataError
from hornbook.files import read_json, write_whole


@pytest.mark.parametrize(("number", "name"), [(errno.ENOSPC, None), (errno.EIO, "other.txt")])
def test_an_error_while_writing_names_the_file_unless_it_names_another(
    tmp_path: Path, number: int, name: str | None
) -> None:
    path = tmp_path / "vectors.json"
    with pytest.raises(OSError, match="told") as caught, write_whole(path):
        raise OSError(number, "told", name) if name else OSError(number, "told")
    assert caught.value.filename == (name or str(path))
    assert list(tmp_path.iterdir()) == []


def test_a_temporary_that_cannot_be_made_has_the_name_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PermissionError) as caught, write_whole(tmp_path / "a.json"):
        pass
    assert caught.value.filename == str(tmp_path / "a.json")


def test_errors_without_a_number_are_left_alone(tmp_path: Path) -> None:
    with pytest.raises(BrokenPipeError) as caught, write_whole(tmp_path / "a.json"):
        raise BrokenPipeError
    assert caught.value.filename is None


def test_a_device_or_pipe_is_read_up_to_the_limit_only(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"/dev/zero: over 4194304 bytes"):
        read_json(Path("/dev/zero"), max_bytes=1 << 22, error=DataError)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = os.open(pipe, os.O_RDWR)
    os.write(writer, b"[" + b" " * 100)
    with pytest.raises(DataError, match="over 64 bytes"):
        read_json(pipe, max_bytes=64, error=DataError)
    os.close(writer)


def test_json_of_the_largest_size_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'["\xc3\xa9"]')
    assert read_json(tmp_path / "a.json", max_bytes=6, error=DataError) == ["é"]
