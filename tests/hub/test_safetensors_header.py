"""Damaged and hostile safetensors files: ModelFormatError that says where, and nothing else."""

import json
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hornbook.errors import ModelFormatError
from hornbook.hub import open_tensors

reference: Any = safetensors
fuzzing = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def framed(header: Any, data: bytes = b"") -> bytes:
    """A file with this header."""
    content = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(content).to_bytes(8, "little") + content + data


def entry(dtype: Any = "F32", shape: Any = (1,), offsets: Any = (0, 4)) -> dict[str, Any]:
    """What a header says of a tensor."""
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def refused(path: Path, content: bytes) -> str:
    """The message with which a file of this content is refused."""
    path.write_bytes(content)
    with pytest.raises(ModelFormatError) as caught:
        dict(open_tensors(path).items())
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert len(message) < len(str(path)) + 400
    return message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", ": 0 bytes, need at least 8"),
        (b"1234567", ": 7 bytes, need at least 8"),
        (b"\xff" * 8, "header length 18446744073709551615 exceeds file size 8"),
        (b"\0" * 7 + b"\x80", "header length 9223372036854775808 exceeds file size 8"),
        ((10).to_bytes(8, "little") + b"{}", "header length 10 exceeds file size 10"),
        (framed(b"\xff{}"), "header is not UTF-8 at byte 8"),
        (framed(b'{"\xc3"'), "header is not UTF-8 at byte 10"),
        (framed(b"[" * 100_000), "header nesting too deep"),
        (framed(b'{"a":' * 100_000), "header nesting too deep"),
        (framed(b""), "header: not valid JSON"),
        (framed(b"{"), "header: not valid JSON"),
        (framed(b"[]"), "header must be an object, got list"),
        (framed(b"7"), "header must be an object, got int"),
        (framed(b"\xef\xbb\xbf{}"), "byte order mark"),
        (framed(b'{"x":{},"x":{}}'), "key 'x' is given twice"),
        (framed(b'{"x":{"dtype":"F32","dtype":"F32","shape":[],"data_offsets":[0,4]}}', b"1234"), "twice"),
        (framed(b'{"__metadata__":{"a":"1","a":"2"}}'), "key 'a' is given twice"),
        (
            framed(b'{"x":{"dtype":"F32","shape":[' + b"9" * 5000 + b'],"data_offsets":[0,4]}}'),
            "header: not valid",
        ),
    ],
)
def test_frames(tmp_path: Path, content: bytes, message: str) -> None:
    assert message in refused(tmp_path / "x", content)


@pytest.mark.parametrize(
    "offsets",
    ["[]", "[0]", "[0,4,8]", "[-1,3]", '["0",4]', "[0.0,4]", "[true,4]", "[0,1e400]", "7", "null", "{}"],
)
def test_data_offsets(tmp_path: Path, offsets: str) -> None:
    header = b'{"x":{"dtype":"F32","shape":[1],"data_offsets":%s}}' % offsets.encode()
    assert "data_offsets of 'x' must be two integers" in refused(tmp_path / "x", framed(header, b"1234"))


@pytest.mark.parametrize("dtype", ["F33", "f32", "", None, 7, [], {}])
def test_unknown_dtype(tmp_path: Path, dtype: Any) -> None:
    assert "unknown dtype" in refused(tmp_path / "x", framed({"x": entry(dtype)}, b"1234"))


@pytest.mark.parametrize(
    ("dtype", "shape"), [("F8_E4M3", [4]), ("F8_E5M2", [4]), ("C64", []), ("F4", [8]), ("F6_E2M3", [4])]
)
def test_unsupported_dtype(tmp_path: Path, dtype: str, shape: list[int]) -> None:
    size = {"C64": 8, "F6_E2M3": 3}.get(dtype, 4)
    message = refused(tmp_path / "x", framed({"x": entry(dtype, shape, [0, size])}, b"\0" * size))
    assert f"unsupported dtype for tensor x: {dtype}" in message


@pytest.mark.parametrize("shape", [[-1], [1.0], [True], ["1"], 1, None, "1", [[1]], [1] * 33])
def test_shapes(tmp_path: Path, shape: Any) -> None:
    assert "shape of 'x' must be" in refused(tmp_path / "x", framed({"x": entry(shape=shape)}, b"1234"))


@pytest.mark.parametrize("shape", [[2**40, 2**40], [2**62, 4], [0, 2**40, 2**40], [2**63 - 1]])
def test_shapes_that_overflow(tmp_path: Path, shape: list[int]) -> None:
    assert "shape of 'x' overflows" in refused(tmp_path / "x", framed({"x": entry("F64", shape, [0, 0])}))


@pytest.mark.parametrize(
    ("dtype", "shape", "offsets"),
    [
        ("F32", [2], [0, 4]),
        ("F32", [], [0, 8]),
        ("F32", [0], [0, 4]),
        ("F32", [1], [4, 0]),
        ("F4", [3], [0, 1]),
    ],
)
def test_shape_and_offsets_disagree(tmp_path: Path, dtype: str, shape: list[int], offsets: list[int]) -> None:
    message = refused(tmp_path / "x", framed({"x": entry(dtype, shape, offsets)}, b"12345678"))
    assert f"of 'x' as {dtype} needs" in message


@pytest.mark.parametrize(
    ("tensors", "size", "message"),
    [
        ({"a": [0, 8], "b": [4, 12]}, 12, "tensors 'a' and 'b' overlap"),
        ({"a": [0, 4], "b": [0, 4]}, 4, "tensors 'a' and 'b' overlap"),
        ({"a": [0, 4], "b": [8, 12]}, 12, "gap at 4: "),
        ({"a": [4, 8]}, 8, "gap at 0: "),
        ({"a": [0, 4]}, 7, ": 3 bytes after the last tensor"),
        ({}, 3, ": 3 bytes after the last tensor"),
        ({"a": [0, 8]}, 6, "file truncated: tensors need 8 bytes of data, got 6"),
        ({"a": [0, 2**59]}, 6, "file truncated"),
    ],
)
def test_layout(tmp_path: Path, tensors: dict[str, list[int]], size: int, message: str) -> None:
    header = {name: entry("U8", [end - begin], [begin, end]) for name, (begin, end) in tensors.items()}
    assert message in refused(tmp_path / "x", framed(header, b"\0" * size))


@pytest.mark.parametrize("value", [[], 7, "", False, {"a": 1}, {"a": None}, {"a": {}}])
def test_metadata(tmp_path: Path, value: Any) -> None:
    assert "__metadata__ must map text to text" in refused(tmp_path / "x", framed({"__metadata__": value}))


def test_metadata_that_is_null_is_absent(tmp_path: Path) -> None:
    content = framed({"__metadata__": None, "w": entry()}, b"1234")
    (tmp_path / "x").write_bytes(content)
    assert open_tensors(tmp_path / "x").metadata == {}
    assert [name for name, _ in reference.deserialize(content)] == list(open_tensors(tmp_path / "x"))


@pytest.mark.parametrize("value", [[], 7, None, "x", {}, {"dtype": "F32"}, entry() | {"more": 1}])
def test_entries(tmp_path: Path, value: Any) -> None:
    message = refused(tmp_path / "x", framed({"x": value}, b"1234"))
    assert "'x' must be an object of dtype, shape and data_offsets" in message


@pytest.mark.parametrize(
    "header", [{"\ud800": entry()}, {"__metadata__": {"\ud800": ""}}, {"__metadata__": {"a": "\ud800"}}]
)
def test_half_surrogates(tmp_path: Path, header: dict[str, Any]) -> None:
    assert "not valid Unicode" in refused(tmp_path / "x", framed(header, b"1234"))


def test_names_are_printed_harmlessly(tmp_path: Path) -> None:
    message = refused(tmp_path / "x", framed({"\x1b[31m\n" + "n" * 10_000: entry("F33")}, b"1234"))
    assert "\\x1b[31m\\n" in message


def test_header_limit(tmp_path: Path) -> None:
    """A sparse file claims a long header; nothing of that length is read."""
    with (tmp_path / "x").open("wb") as stream:
        stream.write((100_000_001).to_bytes(8, "little"))
        stream.truncate(200_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ModelFormatError, match="header length 100000001 exceeds the limit of 100000000"):
        open_tensors(tmp_path / "x")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_tensors(tmp_path / "x")
    with pytest.raises(IsADirectoryError):
        open_tensors(tmp_path)


VALID = safetensors.numpy.save(
    {
        "w": np.arange(15, dtype=np.float32).reshape(3, 5),
        "b": np.arange(7),
        "e": np.zeros((0, 2), np.float16),
    },
    {"format": "pt"},
)


@fuzzing
@given(st.binary(max_size=200))
def test_random_bytes(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    try:
        dict(open_tensors(tmp_path / "x").items())
    except ModelFormatError:
        return
    reference.deserialize(content)


@fuzzing
@given(st.binary(max_size=200), st.binary(max_size=20))
def test_random_headers(tmp_path: Path, header: bytes, data: bytes) -> None:
    (tmp_path / "x").write_bytes(framed(header, data))
    try:
        dict(open_tensors(tmp_path / "x").items())
    except ModelFormatError:
        return
    reference.deserialize(framed(header, data))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
near_sizes = st.integers(-1, 9) | json_values
near_entries = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "U8", "BF16", "F8_E4M3", "F4", "f32"]) | json_values,
        "shape": st.lists(near_sizes, max_size=3) | json_values,
        "data_offsets": st.lists(near_sizes, min_size=2, max_size=2) | json_values,
    }
)


@fuzzing
@given(
    st.dictionaries(st.sampled_from(["a", "b", "__metadata__"]), near_entries | json_values),
    st.binary(max_size=16),
)
def test_headers_that_are_almost_right(tmp_path: Path, header: dict[str, Any], data: bytes) -> None:
    (tmp_path / "x").write_bytes(framed(header, data))
    try:
        specs = open_tensors(tmp_path / "x").specs
    except ModelFormatError:
        return
    theirs = dict(reference.deserialize(framed(header, data)))
    assert {name: list(spec.shape) for name, spec in specs.items()} == {
        name: tensor["shape"] for name, tensor in theirs.items()
    }


def accepted_by_the_reference(content: bytes) -> bool:
    """Whether the safetensors package reads it."""
    try:
        reference.deserialize(content)
    except reference.SafetensorError:
        return False
    return True


@settings(fuzzing, max_examples=400)
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(VALID) - 1),
            st.integers(0, 255) | st.sampled_from(list(b'0123456789"[]{},:-. ')),
        ),
        min_size=1,
        max_size=3,
    ),
    st.integers(-9, 9),
)
def test_mutations_are_judged_as_by_the_reference(
    tmp_path: Path, mutations: list[tuple[int, int]], longer: int
) -> None:
    content = bytearray(VALID)
    for position, value in mutations:
        content[position] = value
    content = content[:longer] if longer < 0 else content + b"\0" * longer
    (tmp_path / "x").write_bytes(content)
    try:
        open_tensors(tmp_path / "x")
        problem = ""
    except ModelFormatError as refusal:
        problem = str(refusal)
    # We refuse a key that is given twice or is not of the format; the reference lets both pass.
    stricter = "is given twice" in problem or "must be an object of" in problem
    assert (not problem) == accepted_by_the_reference(bytes(content)) or stricter
