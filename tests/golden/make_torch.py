"""Makes tests/golden/checkpoints/: small files that torch.save writes, and what torch reads from them.

    <name>.pt           the file: zip for all but `legacy.pt` and `legacy_types.pt`
    expected.npz        `<name>.<tensor>`: each tensor of each file; bfloat16 as float32

- state.pt: a state dict of a module with a tied table, buffers and a tensor without axes.
- types.pt: a tensor [3, 5] of every element type; unsigned ones and bool among them.
- views.pt: transposed, cut, stepped and expanded views of one storage, and an empty tensor.
- training.pt: a checkpoint as nanoGPT writes it: model, optimizer, model_args, numbers.
- legacy.pt, legacy_types.pt: the format before zip, of the same as state.pt and types.pt.
"""

from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from goldens import Arrays, write_json, write_npz
from numpy.typing import NDArray
from torch import nn

HERE = Path(__file__).resolve().parent / "checkpoints"
SEED = 227
UNSIGNED = (torch.uint16, torch.uint32, torch.uint64)
TYPES = (
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16),
    *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
)


def tied_model() -> Any:
    """A table that an output layer has as its weight too, and buffers."""
    model = nn.ModuleDict(
        {"wte": nn.Embedding(13, 7), "lm_head": nn.Linear(7, 13, bias=False), "ln_f": nn.LayerNorm(7)}
    )
    model["lm_head"].weight = model["wte"].weight
    mask = torch.tril(torch.ones(5, 5, dtype=torch.bool))
    model.register_buffer("bias", mask.view(1, 1, 5, 5))
    model.register_buffer("masked_bias", torch.tensor(-1e4))
    return model


def of_every_type(types: tuple[torch.dtype, ...]) -> dict[str, torch.Tensor]:
    """A tensor [3, 5] of each type."""
    values = torch.randn(3, 5, dtype=torch.float64) * 50
    return {str(kind).removeprefix("torch."): values.abs().to(kind) for kind in types}


def views() -> dict[str, torch.Tensor]:
    """Views of one storage, and others that are not contiguous."""
    base = torch.randn(7, 11)
    return {
        "base": base,
        "transposed": base.t(),
        "cut": base[2:5, 3:9],
        "stepped": base[::2, 1::3],
        "expanded": base[:1].expand(3, 11),
        "diagonal": base.diagonal(),
        "empty": torch.empty(0, 5),
        "parameter": nn.Parameter(base[1]),
    }


def training(model: Any) -> dict[str, Any]:
    """A checkpoint after one step of AdamW."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    sum(parameter.sum() for parameter in model.parameters()).backward()
    optimizer.step()
    return {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "model_args": {"n_layer": 2, "n_embd": 7, "bias": False, "vocab_size": None, "dropout": 0.0},
        "iter_num": 17,
        "best_val_loss": torch.tensor(2.5),
        "config": {"dataset": "words", "learning_rate": 6e-4},
    }


def main() -> None:
    """Writes all files."""
    torch.manual_seed(SEED)
    HERE.mkdir(exist_ok=True)
    model = tied_model()
    state, types = OrderedDict(model.state_dict()), of_every_type(TYPES)
    files: dict[str, tuple[Any, bool]] = {
        "state": (state, True),
        "types": (types | of_every_type(UNSIGNED), True),
        "views": (views(), True),
        "legacy": (state, False),
        "legacy_types": (types, False),
    }
    expected: Arrays = {}
    for name, (content, is_zip) in files.items():
        torch.save(content, HERE / f"{name}.pt", _use_new_zipfile_serialization=is_zip)
        expected |= {f"{name}.{key}": as_array(tensor) for key, tensor in content.items()}
    content = training(model)
    torch.save(content, HERE / "training.pt")
    expected |= {f"training.{key}": as_array(tensor) for key, tensor in content["model"].items()}
    write_npz(HERE / "expected.npz", expected)
    versions = {"torch": torch.__version__, "numpy": np.__version__}
    write_json(HERE / "versions.json", {"versions": versions, "seed": SEED})


def as_array(tensor: torch.Tensor) -> NDArray[Any]:
    """A copy in NumPy's type of the same name; bfloat16 widened."""
    tensor = tensor.detach()
    widened = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
    array: NDArray[Any] = widened.contiguous().numpy().copy()
    return array


if __name__ == "__main__":
    main()
