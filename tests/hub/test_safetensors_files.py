"""Reading and writing safetensors, with the safetensors package as the oracle."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from hornbook.bfloat16 import bfloat16_to_float32, float32_to_bfloat16
from hornbook.errors import ConfigError, ModelFormatError
from hornbook.hub import TensorSpec, open_tensors, save_tensors

TYPES = [
    *("float64", "float32", "float16", "bool"),
    *("int64", "int32", "int16", "int8"),
    *("uint64", "uint32", "uint16", "uint8"),
]


def one_of_each() -> dict[str, NDArray[Any]]:
    """A tensor of every type, with odd shapes, among them empty ones and a scalar."""
    random = np.random.default_rng(7)
    shapes: list[tuple[int, ...]] = [(3, 5), (), (7,), (0,), (2, 0, 3), (11, 2)]
    tensors = {}
    for i, name in enumerate(TYPES):
        values = random.integers(0, 2 if name == "bool" else 100, shapes[i % len(shapes)])
        tensors[f"{name}.é"] = np.asarray(values).astype(name)
    return tensors


def assert_same(read: Any, written: dict[str, NDArray[Any]]) -> None:
    assert set(read) == set(written)
    for name, array in written.items():
        assert (read[name].dtype, read[name].shape) == (array.dtype, array.shape)
        assert np.array_equal(read[name], array)


def test_round_trip(tmp_path: Path) -> None:
    tensors = one_of_each()
    save_tensors(tmp_path / "x.safetensors", tensors)
    assert_same(open_tensors(tmp_path / "x.safetensors"), tensors)
    assert [path.name for path in tmp_path.iterdir()] == ["x.safetensors"]


def test_bytes_equal_the_reference(tmp_path: Path) -> None:
    tensors = one_of_each() | {
        "b": np.ones(3, np.float32),
        "a": np.zeros(2, np.float32),
        'q"\n\x7f\x01': np.ones(1),
    }
    save_tensors(tmp_path / "ours", tensors)
    assert (tmp_path / "ours").read_bytes() == safetensors.numpy.save(tensors, {"format": "pt"})


def test_same_input_same_bytes(tmp_path: Path) -> None:
    tensors = one_of_each()
    metadata = {"b": "2", "a": "1"}
    save_tensors(tmp_path / "one", tensors, metadata=metadata)
    save_tensors(tmp_path / "two", dict(reversed(tensors.items())), metadata=dict(reversed(metadata.items())))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert open_tensors(tmp_path / "one").metadata == metadata


def test_reads_what_the_reference_wrote(tmp_path: Path) -> None:
    tensors = one_of_each()
    safetensors.numpy.save_file(tensors, tmp_path / "theirs", {"format": "np"})
    read = open_tensors(str(tmp_path / "theirs"))
    assert_same(read, tensors)
    assert read.metadata == {"format": "np"}
    assert read.path == tmp_path / "theirs"
    assert repr(read).endswith(f"{len(tensors)} tensors)")


def test_the_reference_reads_what_we_wrote(tmp_path: Path) -> None:
    tensors = one_of_each()
    save_tensors(tmp_path / "ours", tensors)
    assert_same(safetensors.numpy.load_file(tmp_path / "ours"), tensors)


def test_no_tensors(tmp_path: Path) -> None:
    for metadata in ({}, {"format": "pt"}):
        save_tensors(tmp_path / "x", {}, metadata=metadata)
        assert len(open_tensors(tmp_path / "x")) == 0
        assert safetensors.numpy.load_file(tmp_path / "x") == {}


def test_specs(tmp_path: Path) -> None:
    save_tensors(tmp_path / "x", {"b": np.zeros((2, 3), np.float32), "a": np.zeros(5, np.int64)})
    assert open_tensors(tmp_path / "x").specs == {
        "a": TensorSpec("I64", (5,), 0, 40),
        "b": TensorSpec("F32", (2, 3), 40, 64),
    }


def test_arrays_are_writable_and_the_file_is_not_altered(tmp_path: Path) -> None:
    save_tensors(tmp_path / "x", {"a": np.arange(5.0)})
    before = (tmp_path / "x").read_bytes()
    opened = open_tensors(tmp_path / "x")
    array = opened["a"]
    array[:] = 7
    assert (tmp_path / "x").read_bytes() == before
    assert opened["a"].tolist() == [0, 1, 2, 3, 4]
    assert array.tolist() == [7] * 5


def test_arrays_outlive_the_file_object_and_the_file(tmp_path: Path) -> None:
    save_tensors(tmp_path / "x", {"a": np.arange(5.0)})
    array = open_tensors(tmp_path / "x")["a"]
    (tmp_path / "x").unlink()
    assert array.tolist() == [0, 1, 2, 3, 4]
    assert type(array) is np.ndarray


@pytest.mark.parametrize("header_bytes", range(60, 68))
def test_arrays_are_aligned_wherever_they_lie(tmp_path: Path, header_bytes: int) -> None:
    header = b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'.ljust(header_bytes)
    content = header_bytes.to_bytes(8, "little") + header + np.array([1, 2], "<f4").tobytes()
    (tmp_path / "x").write_bytes(content)
    array = open_tensors(tmp_path / "x")["a"]
    assert array.flags.aligned
    assert array.tolist() == [1, 2]


def test_bool_is_a_bool_whatever_the_byte(tmp_path: Path) -> None:
    header = b'{"a":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}}'
    (tmp_path / "x").write_bytes(len(header).to_bytes(8, "little") + header + b"\x00\x01\x02")
    array = open_tensors(tmp_path / "x")["a"]
    assert array.view(np.uint8).tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    "order",
    [np.asfortranarray, lambda a: a[::-1], lambda a: a[:, ::2], lambda a: a.astype(">f4"), np.transpose],
)
def test_any_memory_order(tmp_path: Path, order: Any) -> None:
    array = order(np.arange(21, dtype=np.float32).reshape(3, 7))
    save_tensors(tmp_path / "x", {"a": array})
    assert open_tensors(tmp_path / "x")["a"].tolist() == array.tolist()


@pytest.mark.parametrize(("dtype", "stored"), [("float32", "F32"), ("bfloat16", "BF16"), ("float16", "F16")])
def test_stored_types(tmp_path: Path, dtype: Literal["float32", "bfloat16", "float16"], stored: str) -> None:
    values = np.random.default_rng(3).standard_normal((5, 7)).astype(np.float32)
    tensors: dict[str, NDArray[Any]] = {
        "f": values,
        "d": values.astype(np.float64),
        "i": np.arange(3),
        "b": np.array([True]),
    }
    save_tensors(tmp_path / "x", tensors, dtype=dtype)
    read = open_tensors(tmp_path / "x")
    assert {name: spec.dtype for name, spec in read.specs.items()} == {
        "f": stored,
        "d": stored,
        "i": "I64",
        "b": "BOOL",
    }
    if dtype == "bfloat16":
        expected = bfloat16_to_float32(float32_to_bfloat16(values))
    else:
        expected = values.astype(dtype)
    assert np.array_equal(read["f"], expected)
    assert np.array_equal(read["d"], expected)


def test_bfloat16_is_the_references(tmp_path: Path) -> None:
    """The oracle's bytes of a BF16 tensor are the bits that we write."""
    values = np.random.default_rng(3).standard_normal((5, 7)).astype(np.float32)
    save_tensors(tmp_path / "x", {"f": values}, dtype="bfloat16")
    with safetensors.safe_open(tmp_path / "x", framework="np") as file:
        assert file.get_slice("f").get_dtype() == "BF16"
    assert (tmp_path / "x").read_bytes().endswith(float32_to_bfloat16(values).tobytes())


@pytest.mark.parametrize(
    ("dtype", "value"),
    [("float16", 70000.0), ("bfloat16", 3.4028235e38), ("float32", 1e39), ("float16", -1e9)],
)
def test_overflow_is_refused_by_name(tmp_path: Path, dtype: Any, value: float) -> None:
    with pytest.raises(ConfigError, match=f"tensor w holds .*too large for {'B?F'}"):
        save_tensors(tmp_path / "x", {"w": np.array([1.0, value])}, dtype=dtype)
    assert list(tmp_path.iterdir()) == []


def test_infinity_and_nan_are_kept(tmp_path: Path) -> None:
    values = np.array([np.inf, -np.inf, np.nan, 0], np.float32)
    for dtype in ("float16", "bfloat16", "float32"):
        save_tensors(tmp_path / "x", {"w": values}, dtype=dtype)
        assert np.array_equal(open_tensors(tmp_path / "x")["w"], values, equal_nan=True)


@pytest.mark.parametrize("array", [np.zeros(2, np.complex64), np.array(["a"]), np.array([None])])
def test_types_that_cannot_be_stored(tmp_path: Path, array: NDArray[Any]) -> None:
    with pytest.raises(ModelFormatError, match="unsupported dtype for tensor x"):
        save_tensors(tmp_path / "x", {"x": array})


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("__metadata__", {}, "cannot be named '__metadata__'"),
        (7, {}, "cannot be named 7"),
        ("x", {"metadata": {"a": 1}}, "metadata must map text to text"),
        ("x", {"metadata": {1: "a"}}, "metadata must map text to text"),
        ("\ud800", {}, "not valid Unicode"),
        ("x", {"dtype": "int8"}, "dtype must be float32, bfloat16, float16 or None"),
    ],
)
def test_arguments_that_cannot_be_stored(
    tmp_path: Path, name: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        save_tensors(tmp_path / "x", {name: np.zeros(2)}, **options)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_save_keeps_the_old_file(tmp_path: Path) -> None:
    save_tensors(tmp_path / "x", {"w": np.zeros(3)})
    before = (tmp_path / "x").read_bytes()
    with pytest.raises(ConfigError):
        save_tensors(tmp_path / "x", {"w": np.array([1e300])}, dtype="float32")
    assert (tmp_path / "x").read_bytes() == before
