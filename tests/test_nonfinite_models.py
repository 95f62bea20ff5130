"""A model with weights that are NaN or infinite: refused by name, and nothing it computes gets out."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

import hornbook
from hornbook.cli.main import main
from hornbook.errors import ModelFormatError
from hornbook.hub import open_tensors, save_tensors
from hornbook.loading import load_model

TINY_LM = Path(hornbook.__file__).parent / "builtin" / "tiny-lm"
Use: TypeAlias = Callable[[Path], Any]

USES: dict[str, Use] = {
    "logits": lambda folder: hornbook.load(folder, allow_nonfinite=True).logits([5, 7]),
    "generate": lambda folder: hornbook.load(folder, allow_nonfinite=True).generate("The cat"),
    "embed": lambda folder: hornbook.Embedder(folder, allow_nonfinite=True).encode("The cat"),
    "similarity": lambda folder: hornbook.Embedder(folder, allow_nonfinite=True).similarity("a", ["b"]),
    "explain": lambda folder: hornbook.explain("The cat", folder, allow_nonfinite=True),
}


@pytest.fixture(params=[np.nan, np.inf, -np.inf])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """tiny-lm with one such number, in the last of its tensors."""
    shutil.copytree(TINY_LM, tmp_path / "model")
    tensors = {name: np.array(x) for name, x in open_tensors(TINY_LM / "model.safetensors").items()}
    tensors["transformer.ln_f.bias"][3] = request.param
    save_tensors(tmp_path / "model" / "model.safetensors", tensors)
    return tmp_path / "model"


@pytest.mark.parametrize("load", [hornbook.load, hornbook.Embedder, load_model])
def test_loading_names_the_tensor(folder: Path, load: Use) -> None:
    with pytest.raises(ModelFormatError, match=r"tensor ln_f\.bias holds NaN or infinity") as caught:
        load(folder)
    assert str(caught.value).startswith(f"{folder}: ")


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_nothing_that_is_not_finite_gets_out(folder: Path, use: Use) -> None:
    with np.errstate(all="ignore"), pytest.raises(ModelFormatError, match="are not finite numbers") as caught:
        use(folder)
    assert str(caught.value).startswith(f"{folder}: ")


@pytest.mark.parametrize(
    "command", [("generate", "x"), ("embed", "x"), ("similarity", "x", "y"), ("explain", "x")]
)
def test_on_the_command_line(
    folder: Path, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    name, *texts = command
    assert main([name, "-q", "-m", str(folder), *texts]) == 3
    error = capsys.readouterr().err
    assert error.startswith(f"error: {folder}: tensor ln_f.bias holds NaN or infinity; --allow-nonfinite")
    with np.errstate(all="ignore"):
        assert main([name, "-q", "--allow-nonfinite", "-m", str(folder), *texts]) == 3
    ended = capsys.readouterr()
    assert "are not finite numbers" in ended.err
    assert "nan" not in ended.out
