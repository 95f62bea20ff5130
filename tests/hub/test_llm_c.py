"""Checkpoints of llm.c, written here byte by byte as its train_gpt2.py writes them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hornbook.bfloat16 import bfloat16_to_float32, float32_to_bfloat16
from hornbook.errors import ModelFormatError
from hornbook.hub.llm_c import is_llm_c_file, read_llm_c_file

C, L, POSITIONS, VOCAB, ROWS, HEADS = 10, 3, 7, 11, 13, 5
PER_LAYER = {
    "ln_1.weight": (C,), "ln_1.bias": (C,),
    "attn.c_attn.weight": (3 * C, C), "attn.c_attn.bias": (3 * C,),
    "attn.c_proj.weight": (C, C), "attn.c_proj.bias": (C,),
    "ln_2.weight": (C,), "ln_2.bias": (C,),
    "mlp.c_fc.weight": (4 * C, C), "mlp.c_fc.bias": (4 * C,),
    "mlp.c_proj.weight": (C, 4 * C), "mlp.c_proj.bias": (C,),
}  # fmt: skip


def made_up() -> dict[str, Any]:
    rng = np.random.default_rng(5)
    shapes: dict[str, tuple[int, ...]] = {"wte.weight": (ROWS, C), "wpe.weight": (POSITIONS, C)}
    shapes |= {f"h.{i}.{name}": shape for name, shape in PER_LAYER.items() for i in range(L)}
    shapes |= {"ln_f.weight": (C,), "ln_f.bias": (C,)}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def write(path: Path, version: int, tensors: dict[str, Any]) -> Path:
    header = np.zeros(256, "<i4")
    header[:8] = 20240326, version, POSITIONS, VOCAB, L, HEADS, C, ROWS
    numbers = np.concatenate([array.reshape(-1) for array in tensors.values()])
    body = numbers if version == 3 else float32_to_bfloat16(numbers)
    path.write_bytes(header.tobytes() + body.tobytes())
    return path


@pytest.mark.parametrize("version", [3, 5])
def test_all_tensors_are_read(tmp_path: Path, version: int) -> None:
    tensors = made_up()
    path = write(tmp_path / "model.bin", version, tensors)
    model = read_llm_c_file(path)
    assert is_llm_c_file(path)
    assert (model.vocab_size, model.n_head) == (VOCAB, HEADS)
    assert model.tensors.keys() == tensors.keys()
    for name, array in tensors.items():
        expected = array if version == 3 else bfloat16_to_float32(float32_to_bfloat16(array))
        np.testing.assert_array_equal(model.tensors[name], expected)


def test_damaged_files_are_named(tmp_path: Path) -> None:
    whole = write(tmp_path / "model.bin", 3, made_up()).read_bytes()
    damaged = {
        b"": "0 bytes, expected a header",
        whole[:1000]: "1000 bytes, expected a header",
        b"x" + whole[1:]: "not a model of llm.c",
        whole[:4] + b"\x04" + whole[5:]: "not a model of llm.c",
        whole[:8] + bytes(4) + whole[12:]: "sizes in the header must be positive",
        whole[:-1]: "expected .*; is the copy complete",
        whole + b"x": "expected .*; is the copy complete",
    }
    for content, message in damaged.items():
        path = tmp_path / "damaged.bin"
        path.write_bytes(content)
        with pytest.raises(ModelFormatError, match=message) as caught:
            read_llm_c_file(path)
        assert str(caught.value).startswith(f"{path}: ")
