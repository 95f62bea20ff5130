"""Reading by position from a file that others change meanwhile."""

import gc
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hornbook.errors import ModelFormatError
from hornbook.hub import open_tensors, save_tensors
from hornbook.hub.open_file import MAX_THREADS, PART_BYTES, OpenFile

SHRINKS = """
import os, sys
from pathlib import Path
from hornbook.errors import ModelFormatError
from hornbook.hub import ModelBundle, open_tensors
folder = Path(sys.argv[1])
opened = open_tensors(folder / "model.safetensors")
tensors = ModelBundle.from_folder(folder).load_tensors()
array = tensors["b"]
os.truncate(folder / "model.safetensors", 40_000)
for read in (lambda: opened["b"], lambda: tensors["b"], lambda: dict(tensors)):
    try:
        read()
    except ModelFormatError as problem:
        print(problem)
print(array.sum(), tensors["a"].sum())
"""


def open_descriptors() -> int:
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_file_that_becomes_shorter_is_an_error_and_not_a_signal(tmp_path: Path) -> None:
    """Touching what a mapped file has lost would end the process with SIGBUS."""
    save_tensors(
        tmp_path / "model.safetensors", {"a": np.ones(7, np.float32), "b": np.ones((13, 8192), np.float32)}
    )
    (tmp_path / "config.json").write_text("{}")
    result = subprocess.run(
        [sys.executable, "-c", SHRINKS, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    *problems, kept = result.stdout.splitlines()
    assert len(problems) == 3
    for problem in problems:
        assert re.search(
            r"model\.safetensors: ended after 40000 bytes while tensor b was read, which needs bytes up to "
            r"\d{6}; is another program writing it",
            problem,
        )
    assert kept == f"{13 * 8192.0} 7.0"


def test_a_file_that_is_replaced_or_removed_is_read_as_it_was(tmp_path: Path) -> None:
    save_tensors(tmp_path / "x", {"a": np.arange(5.0)})
    opened = open_tensors(tmp_path / "x")
    save_tensors(tmp_path / "x", {"a": np.arange(7.0)})
    assert opened["a"].tolist() == [0, 1, 2, 3, 4]
    (tmp_path / "x").unlink()
    assert opened["a"].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("size", [0, 1, 2 * PART_BYTES - 1, 2 * PART_BYTES, 3 * PART_BYTES + 7])
def test_pieces_of_every_size(tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large ones are read by several threads, whatever the number of processors here."""
    monkeypatch.setattr("hornbook.hub.open_file._reading_threads", lambda: MAX_THREADS)
    content = np.random.default_rng(size).integers(0, 256, size + 11, np.uint8)
    (tmp_path / "x").write_bytes(content.tobytes())
    file = OpenFile(tmp_path / "x")
    assert file.size == size + 11
    read = file.read(5, size, "a piece")
    assert read.flags.writeable
    assert np.array_equal(read, content[5 : 5 + size])
    with pytest.raises(ModelFormatError, match=f"x: ended after {size + 11} bytes while a piece was read"):
        file.read(11, size + 1, "a piece")


def test_reads_that_bring_less_than_asked_for_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    preadv = os.preadv
    monkeypatch.setattr(os, "preadv", lambda file, views, begin: preadv(file, [views[0][:3]], begin))
    (tmp_path / "x").write_bytes(b"0123456789")
    assert OpenFile(tmp_path / "x").read(2, 7, "a piece").tobytes() == b"2345678"


def test_a_disk_that_fails_names_the_file() -> None:
    """The system refuses to read a process's memory at 0, without a name."""
    with pytest.raises(OSError, match="/proc/self/mem"):
        OpenFile(Path("/proc/self/mem")).read(0, 7, "a piece")


def test_too_little_memory_names_the_file_and_the_piece(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"")
    with pytest.raises(MemoryError, match=f"x: tensor w needs {1 << 60} bytes of memory"):
        OpenFile(tmp_path / "x").read(0, 1 << 60, "tensor w")


def test_the_file_is_closed_with_the_last_reference(tmp_path: Path) -> None:
    save_tensors(tmp_path / "x", {"a": np.arange(5.0)})
    before = open_descriptors()
    opened = open_tensors(tmp_path / "x")
    array = opened["a"]
    assert open_descriptors() == before + 1
    del opened
    assert open_descriptors() == before
    assert array[4] == 4


def test_names_are_asked_for_without_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_tensors(tmp_path / "x", {"a": np.arange(5.0)})
    opened = open_tensors(tmp_path / "x")
    monkeypatch.delattr(os, "preadv")
    assert "a" in opened
    assert "b" not in opened
    assert list(opened.keys()) == ["a"]
    assert opened.get("b") is None
