"""Damaged and hostile files of PyTorch: ModelFormatError that names what is refused, and nothing is run."""

import io
import os
import pickle
import random
import resource
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.hub.torch_files import (
    EMPTY_DICT,
    NONE,
    TRUE,
    call,
    counts,
    integer,
    legacy,
    mapping,
    name,
    reference,
    sequence,
    storage,
    tensor,
    text,
    zipped,
)

from hornbook.errors import ModelFormatError
from hornbook.hub import read_torch_checkpoint, torch_file, torch_pickle, zip_directory

GOLDEN = Path(__file__).parents[1] / "golden" / "checkpoints"
BYTES3 = storage("ByteStorage", "0", 3)
W = tensor(BYTES3, counts(3), counts(1))
V3 = "torch._utils._rebuild_tensor_v3"


def refused(path: Path, content: bytes) -> str:
    """The message with which a file of this content is refused."""
    path.write_bytes(content)
    with pytest.raises(ModelFormatError) as caught:
        read_torch_checkpoint(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert len(message) < len(str(path)) + 400
    return message


class Harmful:
    """Runs a command when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_nothing_is_run(tmp_path: Path, protocol: int) -> None:
    content = pickle.dumps({"w": Harmful(tmp_path / "was-here")}, protocol)
    message = refused(tmp_path / "x", zipped(content[2:-1], {}))
    assert "data.pkl: asks for the name posix.mkdir; only tensors are read, no code is run" in message
    assert "posix.mkdir" in refused(tmp_path / "x", content)
    assert not (tmp_path / "was-here").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (mapping({"w": name("os.system")}), "asks for the name os.system; only tensors"),
        (mapping({"w": call("builtins.eval", text("1"))}), "the name builtins.eval"),
        (mapping({"w": name("torch._utils._rebuild_qtensor")}), "the name torch._utils._rebuild_qtensor"),
        (mapping({"w": name("argparse.Namespace")}), "the name argparse.Namespace"),
        (mapping({"w": name("torch.ComplexFloatStorage")}), "the name torch.ComplexFloatStorage"),
        (b"\x8c\x02os\x8c\x06sy\nt\x1b[\x93", r"the name os.sy\nt\x1b["),
        (text("w") + integer(7) + b"\x93", "a name that is no text"),
        (b"cos\nsystem\n)\x81", "the name os.system"),
        (b"(ios\nsystem\n", "the operation b'i' at byte 3"),
        (name("torch.FloatStorage") + b")\x81", r"the operation b'\x81' at byte"),
        (b"\x82\x01", r"the operation b'\x82' at byte 2"),
        (b"C\x01a", "the operation b'C' at byte 2"),
        (b"]\x93", "damaged pickle at byte 4: pop from empty list"),
        (b"P0\n", "the operation b'P' at byte 2"),
        (text("torch.float32") + b")R", "a call of torch.float32"),
        (name("torch.Tensor") + b")R", "a call of torch.Tensor"),
        (name("torch.FloatStorage") + b")R", "a call of torch.FloatStorage"),
        (name("collections.OrderedDict") + b"]R", "a call of collections.OrderedDict"),
        (
            call("collections.OrderedDict", integer(7)),
            "collections.OrderedDict: 'int' object is not iterable",
        ),
        (
            call("collections.OrderedDict", b"](" + integer(7) + b"e"),
            "collections.OrderedDict: expected pairs",
        ),
        (call("torch._utils._rebuild_parameter", integer(7)), "a parameter of int"),
        (call("torch.Size", integer(7)), "torch.Size: a size of int"),
        (text("a") + EMPTY_DICT + b"b", "attributes of a; only tensors"),
        (W + EMPTY_DICT + b"b", "attributes of TorchTensor"),
        (text("a") + NONE + b"a", "items of a"),
        (b"](" + NONE + b"u", "items of list"),
        (b"}" + NONE + b"a", "items of dict"),
        (b"}(" + sequence() + NONE + b"u", "a key that is tuple"),
        (b"}(" + b"]" + NONE + b"u", "a key that is list"),
        (b"}(" + integer(2**61) + NONE + b"u", "a key that is int"),
        (b"}(" + text("a") + b"u", "damaged pickle"),
        (b"", "damaged pickle"),
        (b"(", "a mark in place of a value"),
        (b"t", "damaged pickle"),
        (NONE + b"t", "no mark on the stack"),
        (b"h\x07", "memo 7 is not set"),
        (b"\xff", r"the operation b'\xff' at byte 2"),
        (b"X\xff\xff\xff\x7fa", "damaged pickle at byte 9: 2147483647 bytes expected, 2 left"),
        (b"\x8d" + b"\xff" * 7 + b"\x7f" + b"a", "damaged pickle"),
        (b"\x8d" + b"\xff" * 8, "damaged pickle"),
        (b"T\xff\xff\xff\xff", "damaged pickle"),
        (b"X\x01\0\0\0\xff", "damaged pickle at byte 8: 'utf-8' codec can't decode"),
        (b"c\xff\nx\n", "damaged pickle"),
        (b"cos\\x2epath\nx\n", r"the name os\\x2epath.x"),
        (b"cos", "the name os."),
        (b"\x80\x09", "pickle protocol 9"),
        (NONE, "expected a dictionary of tensors, got NoneType"),
        (W, "expected a dictionary of tensors, got one tensor"),
        (EMPTY_DICT, "holds no tensors, neither itself nor in state_dict, "),
        (mapping({"w": sequence(W)}), "holds no tensors"),
        (b"}(" + integer(7) + W + b"u", "a tensor is named 7; is it a model's state"),
    ],
)
def test_pickles(tmp_path: Path, content: bytes, message: str) -> None:
    assert message in refused(tmp_path / "x", zipped(content, {"0": b"123"}))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (tensor(BYTES3, counts(4), counts(1)), "element 3 is asked for, the storage has 3"),
        (tensor(BYTES3, counts(3), counts(1), offset=1), "element 3 is asked for"),
        (tensor(BYTES3, counts(2, 2), counts(2, 1)), "element 3 is asked for"),
        (tensor(BYTES3, counts(2), counts(2**58)), "element 288230376151711744 is asked for"),
        (tensor(BYTES3, counts(2**40, 2**40), counts(0, 0)), "the shape overflows"),
        (tensor(BYTES3, counts(0, 2**40, 2**40), counts(0, 0, 0)), "the shape overflows"),
        (tensor(BYTES3, counts(2**58), counts(0)), "tensors of 288230376151711744 bytes in a file of"),
        (tensor(BYTES3, counts(-1), counts(1)), "must be integers from 0"),
        (tensor(BYTES3, counts(3), counts(-1)), "must be integers from 0"),
        (tensor(BYTES3, counts(3), counts(1), offset=-1), "must be integers from 0"),
        (tensor(BYTES3, counts(3), counts()), "1 axes with 0 strides"),
        (tensor(BYTES3, counts(*[1] * 33), counts(*[0] * 33)), "33 axes"),
        (tensor(BYTES3, sequence(TRUE), counts(1)), "must be integers from 0"),
        (tensor(BYTES3, integer(3), integer(1)), "must be integers from 0"),
        (tensor(EMPTY_DICT, counts(3), counts(1)), "a tensor in dict"),
        (tensor(storage("UntypedStorage", "0", 3), counts(3), counts(1)), "a tensor in TorchStorage"),
        (
            tensor(storage("ByteStorage", "1", 3), counts(3), counts(1)),
            "storage 1 needs 3 bytes, the archive",
        ),
        (tensor(storage("ByteStorage", "../0", 3), counts(3), counts(1)), "storage ../0 needs 3 bytes"),
        (tensor(storage("ByteStorage", "0", 2), counts(2), counts(1)), "needs 2 bytes, the archive has 3"),
        (tensor(storage("HalfStorage", "0", 3), counts(2), counts(1)), "needs 6 bytes, the archive has 3"),
        (tensor(storage("ByteStorage", "0", -3), counts(2), counts(1)), "a reference that is no storage"),
        (tensor(storage("ByteStorage", "0", 3, counts(1)), counts(2), counts(1)), "is no storage"),
        (reference(text("module"), text("x")), "a reference that is no storage"),
        (integer(7) + b"Q", "a reference that is no storage"),
        (tensor(BYTES3, counts(1), counts(1)) + text("v") + storage("CharStorage", "0", 3), "in two ways"),
        (call(V3, BYTES3, integer(0), counts(3), counts(1), TRUE, NONE, integer(7)), "element type int"),
        (
            call(
                V3,
                storage("UntypedStorage", "0", 3),
                integer(0),
                counts(2),
                counts(1),
                TRUE,
                NONE,
                name("torch.uint16"),
            ),
            "element 1 is asked for, the storage has 1",
        ),
        (
            call(
                "torch._tensor._rebuild_from_type_v2",
                name("torch._utils._rebuild_tensor_v2"),
                name("torch.FloatStorage"),
                sequence(BYTES3, integer(0), counts(3), counts(1), TRUE, EMPTY_DICT),
                NONE,
            ),
            "a tensor of torch.FloatStorage",
        ),
        (call(V3, BYTES3, integer(0), counts(3), counts(1), TRUE, NONE, sequence()), "element type tuple"),
        (
            call(V3, BYTES3, integer(0), counts(3), counts(1), TRUE, NONE, name("torch.float8_e5m2")),
            "unsupported element type float8_e5m2",
        ),
        (call(V3, BYTES3, integer(0), counts(3), counts(1), TRUE, NONE, name("torch.int8")), "a tensor in"),
        (
            call(
                "torch._tensor._rebuild_from_type_v2",
                name("torch._tensor._rebuild_from_type_v2"),
                name("torch.Tensor"),
                sequence(),
                NONE,
            ),
            "a tensor made by torch._tensor._rebuild_from_type_v2",
        ),
    ],
)
def test_tensors(tmp_path: Path, value: bytes, message: str) -> None:
    assert message in refused(tmp_path / "x", zipped(mapping({"w": value}), {"0": b"123"}))


def test_deep_nesting_is_no_crash(tmp_path: Path) -> None:
    """Values that hold themselves or each other a million times are never walked, hashed or shown."""
    deep = b"N" + b"\x85" * 1_000_000
    assert "holds no tensors" in refused(tmp_path / "x", zipped(mapping({"w": deep}), {}))
    assert "a key that is tuple" in refused(tmp_path / "x", zipped(b"}(" + deep + NONE + b"u", {}))
    own = b"]q\x00h\x00a"
    assert "holds no tensors" in refused(tmp_path / "x", zipped(mapping({"w": own}), {}))
    own_dict = b"}q\x00(" + text("state_dict") + b"h\x00u"
    assert "holds no tensors" in refused(tmp_path / "x", zipped(own_dict, {}))


def test_the_number_of_operations_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_pickle, "MAX_OPERATIONS", 1000)
    assert "more than 1000 operations" in refused(tmp_path / "x", zipped((NONE + b"q\0") * 1000, {}))


def test_the_size_of_the_pickle_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_file, "MAX_PICKLE_BYTES", 1000)
    assert "1004 bytes of x/data.pkl are too many" in refused(tmp_path / "x", zipped(b"N" * 1001, {}))


def test_a_compressed_archive_is_not_unpacked(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", b"N" * 100_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "is beyond the end; is it complete" in refused(tmp_path / "x", buffer.getvalue())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", b"abc")
    assert "'x/data.pkl' is compressed or encrypted" in refused(tmp_path / "x", buffer.getvalue())


@pytest.mark.parametrize(
    ("field", "code", "value", "message"),
    [
        (8, "<H", 1, "'x/data.pkl' is compressed or encrypted"),
        (10, "<H", 8, "'x/data.pkl' is compressed or encrypted"),
        (42, "<I", 1, "'x/data.pkl' is not where the directory says"),
        (42, "<I", 0xFFFFFFF0, "'x/data.pkl' is beyond the end"),
        (20, "<II", 190, "'x/data.pkl' is not where the directory says"),
        (20, "<II", 0xFFFFFFF0, "'x/data.pkl' is beyond the end"),
        (42, "<I", 0xFFFFFFFF, "a long entry without its size"),
        (28, "<H", 0xFFFF, "zip directory damaged at byte"),
    ],
)
def test_entries_that_are_not_as_the_directory_says(
    tmp_path: Path, field: int, code: str, value: int, message: str
) -> None:
    content = bytearray(zipped(NONE, {}, version="3"))
    at = content.index(b"PK\x01\x02") + field
    struct.pack_into(code, content, at, *[value] * code.count(code[-1]))
    assert message in refused(tmp_path / "x", bytes(content))


def test_entries_that_share_their_bytes(tmp_path: Path) -> None:
    """Many entries over the same bytes would be many times the file in memory."""
    content = bytearray(zipped(NONE, {"0": b"7" * 1000, "1": b"8" * 1000}))
    at = content.rindex(b"PK\x01\x02")
    first = content.index(b"PK\x03\x04", 1)
    content[at + 42 : at + 46] = struct.pack("<I", first)
    content[at + 20 : at + 28] = struct.pack("<II", 1800, 1800)
    assert "bytes overlap, the file has" in refused(tmp_path / "x", bytes(content))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a PyTorch checkpoint, this is neither a zip archive nor a pickle"),
        (b"GGUF" + b"\3" * 9, "expected a PyTorch checkpoint, this is a GGUF file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "this is a Git LFS pointer"),
        (b"PK\x03\x04" + b"a" * 99, "a zip archive without its end; is the download complete"),
        (b"PK\x05\x06" + b"\0" * 18, "expected a PyTorch checkpoint, this is another zip archive"),
        (b"PK\x05\x06" + b"\xff" * 18, "zip directory of 4294967295 bytes at 4294967295 cannot be right"),
        (b"PK\x06\x07" + b"\xff" * 16 + b"PK\x05\x06" + b"\0" * 18, "a zip archive whose end is damaged"),
        (b"PK" + b"\0" * 99 + b"PK\x06\x07" + b"\0" * 16 + b"PK\x05\x06" + b"\0" * 18, "end is damaged"),
        (pickle.dumps({"w": 1}, 2), "expected a PyTorch checkpoint, this is another pickle"),
        (b"\x80\x02N.", "this is another pickle"),
        (legacy(mapping({"w": W}), text("0"), b""), "ended after"),
        (legacy(mapping({"w": W}), text("0"), struct.pack("<Q2s", 3, b"12")), "file truncated: storage 0"),
        (legacy(mapping({"w": W}), text("0"), struct.pack("<Q3s", 4, b"123")), "should have 3 elements"),
        (legacy(mapping({"w": W}), b"", b""), "storage 0 is not in the file"),
        (legacy(mapping({"w": W}), text("1"), b""), "the list of storages does not fit"),
        (legacy(mapping({"w": W}), integer(0), b""), "the list of storages does not fit"),
        (legacy(mapping({"w": W}), text("0"), b"", magic=7), "this is another pickle"),
        (legacy(mapping({"w": W}), text("0"), b"", version=7), "this is another pickle"),
    ],
)
def test_frames(tmp_path: Path, content: bytes, message: str) -> None:
    assert message in refused(tmp_path / "x", content)


def test_two_pickles_in_an_archive(tmp_path: Path) -> None:
    buffer = io.BytesIO(zipped(NONE, {}))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("y/data.pkl", b"N.")
    assert "this is another zip archive" in refused(tmp_path / "x", buffer.getvalue())


def test_an_entry_twice(tmp_path: Path) -> None:
    content = zipped(NONE, {"0": b"1", "1": b"1"}).replace(b"x/data/1", b"x/data/0")
    assert "entry 'x/data/0' is in the archive twice" in refused(tmp_path / "x", content)


def test_a_large_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_directory, "MAX_DIRECTORY_BYTES", 100)
    assert "zip directory of 110 bytes" in refused(tmp_path / "x", zipped(NONE, {"0": b"1"}))


@pytest.mark.parametrize("name", ["views", "legacy"])
def test_a_file_that_is_cut_anywhere(tmp_path: Path, name: str) -> None:
    content = (GOLDEN / f"{name}.pt").read_bytes()
    for length in range(0, len(content), 7):
        refused(tmp_path / "x", content[:length])


def test_pickles_are_read_without_the_module_that_runs_them() -> None:
    """Nothing in this process calls what a file asks for: that module is not even loaded."""
    code = (
        "import sys, numpy; sys.modules['pickle'] = sys.modules['_pickle'] = None\n"
        "from hornbook.hub import read_torch_tensors; print(len(read_torch_tensors(sys.argv[1])))"
    )
    command = [sys.executable, "-c", code, str(GOLDEN / "views.pt")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "8\n"


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["state", "views", "types", "legacy", "legacy_types"]),
    st.randoms(use_true_random=False),
    st.integers(1, 4),
)
def test_random_damage(tmp_path: Path, name: str, source: random.Random, count: int) -> None:
    """Whatever is damaged: tensors as they are, or one of our errors."""
    content = bytearray((GOLDEN / f"{name}.pt").read_bytes())
    for _ in range(count):
        content[source.randrange(len(content))] = source.choice([source.randrange(256), 0, 255])
    (tmp_path / "x").write_bytes(content)
    try:
        tensors, problem = read_torch_checkpoint(tmp_path / "x").tensors, ""
    except ModelFormatError as refusal:
        problem = str(refusal)
        tensors = {}
    for array in tensors.values():
        array.tobytes()
    assert "\n" not in problem
