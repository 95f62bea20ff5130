"""Files that torch.save wrote, with torch as the oracle, and the same forms made by hand."""

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from tests.hub.torch_files import (
    EMPTY_DICT,
    FALSE,
    NONE,
    TRUE,
    call,
    counts,
    integer,
    legacy,
    mapping,
    name,
    sequence,
    storage,
    tensor,
    text,
    zipped,
)

from hornbook.errors import ModelFormatError
from hornbook.hub import ModelBundle, open_tensors, read_torch_checkpoint, read_torch_tensors, save_tensors

GOLDEN = Path(__file__).parents[1] / "golden" / "checkpoints"
EXPECTED = np.load(GOLDEN / "expected.npz")
NAMES = ["state", "types", "views", "training", "legacy", "legacy_types"]


@pytest.mark.parametrize("name", NAMES)
def test_tensors_equal_those_of_torch(name: str) -> None:
    expected = {key.removeprefix(f"{name}."): EXPECTED[key] for key in EXPECTED if key.startswith(f"{name}.")}
    tensors = read_torch_tensors(GOLDEN / f"{name}.pt")
    assert tensors.keys() == expected.keys()
    for key, array in expected.items():
        assert (tensors[key].dtype, tensors[key].shape) == (array.dtype, array.shape)
        assert tensors[key].tobytes() == array.tobytes()


def test_what_a_training_checkpoint_holds_beside_its_model() -> None:
    assert read_torch_checkpoint(GOLDEN / "training.pt").settings == {
        "model_args": {"n_layer": 2, "n_embd": 7, "bias": False, "vocab_size": None, "dropout": 0.0},
        "iter_num": 17,
        "config": {"dataset": "words", "learning_rate": 6e-4},
    }
    assert read_torch_checkpoint(GOLDEN / "state.pt").settings == {}


@pytest.mark.parametrize("name", ["state", "legacy"])
def test_tied_tensors_share_their_memory(name: str) -> None:
    tensors = read_torch_tensors(GOLDEN / f"{name}.pt")
    tensors["wte.weight"][3, 5] = 7
    assert tensors["lm_head.weight"][3, 5] == 7
    assert not np.shares_memory(tensors["ln_f.weight"], tensors["wte.weight"])


def test_views_share_their_memory() -> None:
    tensors = read_torch_tensors(GOLDEN / "views.pt")
    tensors["base"][2, 3] = 7
    assert tensors["transposed"][3, 2] == 7
    assert tensors["cut"][0, 0] == 7


def test_what_is_read_can_be_stored(tmp_path: Path) -> None:
    tensors = read_torch_tensors(GOLDEN / "views.pt")
    save_tensors(tmp_path / "x", tensors)
    for key, array in open_tensors(tmp_path / "x").items():
        assert np.array_equal(array, EXPECTED[f"views.{key}"])


def test_a_folder_with_one_file(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes((GOLDEN / "state.pt").read_bytes())
    assert ModelBundle(tmp_path).load_torch_tensors()["masked_bias"] == np.float32(-1e4)


def test_a_folder_with_shards(tmp_path: Path) -> None:
    (tmp_path / "one.bin").write_bytes((GOLDEN / "state.pt").read_bytes())
    (tmp_path / "two.bin").write_bytes((GOLDEN / "legacy_types.pt").read_bytes())
    index = tmp_path / "pytorch_model.bin.index.json"
    index.write_text('{"weight_map": {"ln_f.bias": "one.bin", "float32": "two.bin"}}')
    assert {"ln_f.bias", "float32"} < ModelBundle(tmp_path).load_torch_tensors().keys()
    index.write_text('{"weight_map": {"ln_f.bias": "one.safetensors"}}')
    with pytest.raises(ModelFormatError, match=r"invalid shard name 'one\.safetensors'"):
        ModelBundle(tmp_path).load_torch_tensors()


def test_a_file_made_by_hand(tmp_path: Path) -> None:
    """Offset and strides count elements, of whichever axis comes first."""
    numbers = np.arange(23, dtype="<f4")
    view = tensor(storage("FloatStorage", "7", 23), counts(3, 5), counts(1, 4), offset=2)
    (tmp_path / "x").write_bytes(zipped(mapping({"w": view}), {"7": numbers.tobytes()}))
    expected = [[2 + i + 4 * j for j in range(5)] for i in range(3)]
    assert read_torch_tensors(tmp_path / "x")["w"].tolist() == expected


def test_the_other_byte_order(tmp_path: Path) -> None:
    content = mapping({"w": tensor(storage("IntStorage", "0", 3), counts(3), counts(1))})
    for order, code in (("little", "<i4"), ("big", ">i4")):
        data = np.array([1, 2**16, -7], code).tobytes()
        (tmp_path / "x").write_bytes(zipped(content, {"0": data}, byteorder=order))
        array = read_torch_tensors(tmp_path / "x")["w"]
        assert array.tolist() == [1, 2**16, -7]
        assert array.dtype.isnative
    (tmp_path / "x").write_bytes(zipped(content, {"0": data}, byteorder="middle"))
    with pytest.raises(ModelFormatError, match="unknown byte order b'middle'"):
        read_torch_tensors(tmp_path / "x")


def test_bool_is_a_bool_whatever_the_byte(tmp_path: Path) -> None:
    content = mapping({"w": tensor(storage("BoolStorage", "0", 3), counts(3), counts(1))})
    (tmp_path / "x").write_bytes(zipped(content, {"0": b"\0\1\7"}))
    assert read_torch_tensors(tmp_path / "x")["w"].view(np.uint8).tolist() == [0, 1, 1]


def test_a_tensor_that_names_the_type_of_its_storage(tmp_path: Path) -> None:
    def typed(kind: str, count: int, length: int, element_type: str) -> bytes:
        memory = storage(kind, "0", count)
        arguments = (memory, integer(0), counts(length), counts(1), TRUE, EMPTY_DICT)
        return call("torch._utils._rebuild_tensor_v3", *arguments, name(f"torch.{element_type}"))

    (tmp_path / "x").write_bytes(zipped(mapping({"w": typed("ByteStorage", 4, 4, "uint8")}), {"0": b"1234"}))
    assert read_torch_tensors(tmp_path / "x")["w"].tobytes() == b"1234"
    content = mapping({"w": typed("UntypedStorage", 4, 2, "uint16")})
    (tmp_path / "x").write_bytes(zipped(content, {"0": b"\1\0\7\0"}))
    assert read_torch_tensors(tmp_path / "x")["w"].tolist() == [1, 7]


def test_an_empty_tensor_needs_no_elements(tmp_path: Path) -> None:
    content = mapping({"w": tensor(storage("FloatStorage", "0", 0), counts(0, 5), counts(1, 1))})
    (tmp_path / "x").write_bytes(zipped(content, {"0": b""}))
    assert read_torch_tensors(tmp_path / "x")["w"].shape == (0, 5)


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model", "module"])
def test_names_of_the_state_in_a_checkpoint(tmp_path: Path, key: str) -> None:
    w = tensor(storage("ByteStorage", "0", 3), counts(3), counts(1))
    loss = tensor(storage("ByteStorage", "1", 1), counts(), counts())
    content = mapping({"best": loss, key: mapping({"w": w})})
    (tmp_path / "x").write_bytes(zipped(content, {"0": b"123", "1": b"4"}))
    assert {name: a.tobytes() for name, a in read_torch_tensors(tmp_path / "x").items()} == {"w": b"123"}


def test_a_parameter_and_a_tensor_with_attributes(tmp_path: Path) -> None:
    memory = storage("ByteStorage", "0", 3)
    parameter = call(
        "torch._utils._rebuild_parameter", tensor(memory, counts(3), counts(1)), TRUE, EMPTY_DICT
    )
    arguments = sequence(memory, integer(0), counts(3), counts(1), TRUE, EMPTY_DICT)
    with_attributes = call(
        "torch._tensor._rebuild_from_type_v2",
        name("torch._utils._rebuild_tensor_v2"),
        name("torch.Tensor"),
        arguments,
        EMPTY_DICT,
    )
    content = mapping({"p": parameter, "a": with_attributes})
    (tmp_path / "x").write_bytes(zipped(content, {"0": b"123"}))
    assert [a.tobytes() for a in read_torch_tensors(tmp_path / "x").values()] == [b"123", b"123"]


def test_an_archive_without_long_sizes_and_with_a_comment(tmp_path: Path) -> None:
    """PyTorch writes 64-bit sizes; archives that others packed again have neither these nor its padding."""
    content = mapping({"w": tensor(storage("ByteStorage", "0", 3), counts(3), counts(1))})
    buffer = io.BytesIO(zipped(content, {"0": b"123"}))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = b"PK\x05 packed again"
    (tmp_path / "x").write_bytes(buffer.getvalue())
    assert read_torch_tensors(tmp_path / "x")["w"].tobytes() == b"123"


def test_a_directory_with_long_sizes(tmp_path: Path) -> None:
    """The golden files have them; here they are in the directory as well."""
    content = mapping({"w": tensor(storage("ByteStorage", "0", 3), counts(3), counts(1))})
    raw = zipped(content, {"0": b"123"})
    end = raw.rindex(b"PK\x05\x06")
    count, size, begin = struct.unpack_from("<HII", raw, end + 10)
    long_end = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, begin)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, end, 1)
    short_end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, *[0xFFFF] * 2, *[0xFFFFFFFF] * 2, 0)
    (tmp_path / "x").write_bytes(raw[:end] + long_end + locator + short_end)
    assert read_torch_tensors(tmp_path / "x")["w"].tobytes() == b"123"


def test_names_and_values_that_are_allowed_beside_tensors(tmp_path: Path) -> None:
    w = tensor(storage("ByteStorage", "0", 3), counts(3), counts(1))
    content = mapping(
        {
            "w": w,
            "dtype": name("torch.bfloat16"),
            "device": call("torch.device", text("cuda"), integer(1)),
            "size": call("torch.Size", counts(2, 3)),
            "text": text("é"),
            "none": NONE,
            "many": integer(-(2**70)),
            "float": b"G" + struct.pack(">d", 2.5),
        }
    )
    (tmp_path / "x").write_bytes(zipped(content, {"0": b"123"}))
    assert read_torch_checkpoint(tmp_path / "x").settings == {
        "dtype": "bfloat16",
        "device": "cuda:1",
        "text": "é",
        "none": None,
        "many": -(2**70),
        "float": 2.5,
    }


def test_the_format_before_zip_by_hand(tmp_path: Path) -> None:
    """Storages follow in the order of the list of keys, each after the number of its elements."""
    first = tensor(storage("ShortStorage", "b", 2, NONE), counts(2), counts(1))
    second = tensor(storage("ByteStorage", "a", 3, NONE), counts(3), counts(1))
    memory = struct.pack("<Q3s", 3, b"123") + struct.pack("<Q2h", 2, 5, -7)
    content = legacy(mapping({"w": first, "v": second}), text("a") + text("b"), memory)
    (tmp_path / "x").write_bytes(content)
    tensors = read_torch_tensors(tmp_path / "x")
    assert (tensors["w"].tolist(), tensors["v"].tobytes()) == ([5, -7], b"123")


def test_the_format_before_zip_in_the_other_byte_order(tmp_path: Path) -> None:
    w = tensor(storage("ShortStorage", "a", 2, NONE), counts(2), counts(1))
    system = mapping({"little_endian": FALSE})
    memory = struct.pack(">Q2h", 2, 5, -7)
    (tmp_path / "x").write_bytes(legacy(mapping({"w": w}), text("a"), memory, system=system))
    assert read_torch_tensors(tmp_path / "x")["w"].tolist() == [5, -7]


def test_names_on_the_stack(tmp_path: Path) -> None:
    """As protocol 4 and later write them."""
    names = [
        b"\x8c" + bytes([len(word)]) + word.encode() + b"\x94" for word in ("collections", "OrderedDict")
    ]
    ordered = b"".join(names) + b"\x93)R\x94"
    w = tensor(storage("ByteStorage", "0", 1), counts(1), counts(1))
    content = b"\x80\x04\x95" + b"\0" * 8 + ordered + text("w") + w + b"s"
    (tmp_path / "x").write_bytes(zipped(content, {"0": b"7"}))
    assert read_torch_tensors(tmp_path / "x")["w"].tobytes() == b"7"


def test_a_dictionary_of_pairs(tmp_path: Path) -> None:
    """As Python 2 wrote an OrderedDict."""
    w = tensor(storage("ByteStorage", "0", 1), counts(1), counts(1))
    pairs = b"](](" + b"U\x01w" + w + b"e](" + b"T\x01\0\0\0v" + w + b"ee"
    (tmp_path / "x").write_bytes(zipped(call("collections.OrderedDict", pairs), {"0": b"7"}))
    assert list(read_torch_tensors(tmp_path / "x")) == ["w", "v"]
