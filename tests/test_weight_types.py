"""Loading with dtype: what is rounded, what is refused, and what it costs in perplexity."""

import math
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import cast

import numpy as np
import pytest

import hornbook
from hornbook.backend import WEIGHT_TYPES, PackedBatch, WeightType, available_backends, use_backend
from hornbook.bfloat16 import bfloat16_to_float32, float32_to_bfloat16
from hornbook.cli.main import main
from hornbook.errors import ConfigError
from hornbook.loading import load_model
from hornbook.models import GPT2
from hornbook.tensor import no_grad

GOLDEN = Path(__file__).parent / "golden"


def perplexity(lm: hornbook.LanguageModel, text: str) -> float:
    with no_grad():
        losses = cast(GPT2, lm.model).losses(PackedBatch.pack([lm.tokenizer.encode(text)])).numpy()
    return math.exp(losses[:-1].mean())


@pytest.mark.parametrize("backend", available_backends())
@pytest.mark.parametrize(("dtype", "bound"), [("bfloat16", 1e-6), ("int8", 1e-3)])
def test_perplexity_stays(backend: str, dtype: str, bound: float) -> None:
    """tiny-lm comes in bfloat16, so that type changes nothing; int8 stays within 0.1%."""
    with np.load(GOLDEN / "tiny_lm" / "expected.npz") as expected:
        passage = str(expected["passage"])
    with use_backend(backend):
        exact = perplexity(hornbook.load("tiny-lm"), passage)
        assert perplexity(hornbook.load("tiny-lm", dtype=dtype), passage) == pytest.approx(exact, rel=bound)


def test_bfloat16_rounds_the_matrices_only() -> None:
    exact = hornbook.load(GOLDEN / "gpt2" / "tied", "float32").model.state_dict()
    rounded = hornbook.load(GOLDEN / "gpt2" / "tied", "bfloat16").model.state_dict()
    for name, before in exact.items():
        after = rounded[name]
        is_matrix = before.ndim == 2 and name != "wpe.weight"
        expected = bfloat16_to_float32(float32_to_bfloat16(before)) if is_matrix else before
        np.testing.assert_array_equal(after, expected, err_msg=name)


def test_rounded_weights_are_not_saved(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"rounded to int8; load them in float32"):
        hornbook.load("tiny-lm", "int8").save(tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("dtype", WEIGHT_TYPES)
def test_on_the_command_line(dtype: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "--dtype", dtype, "-q", "-n", "3", "--temperature", "0", "Once upon a"]) == 0
    assert capsys.readouterr().out.startswith("Once upon a")
    assert main(["embed", "--dtype", dtype, "-q", "-f", "raw", "Once upon a time"]) == 0
    assert len(capsys.readouterr().out.split()) == 256


def test_unknown_types_are_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "--dtype", "int4", "x"]) == 2
    assert "'int4' is not one of" in capsys.readouterr().err


def mapped_files() -> set[str]:
    """The paths of the files that this process has mapped."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return {path for line in lines for path in line.split(maxsplit=5)[5:]}


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux says what is mapped")
@pytest.mark.parametrize("trainable", [False, True])
@pytest.mark.parametrize("dtype", WEIGHT_TYPES)
@pytest.mark.parametrize("name", ["tied", "untied", "bfloat16", "float16", "sharded"])
def test_a_loaded_model_keeps_no_file_mapped(name: str, dtype: WeightType, trainable: bool) -> None:
    """A file that shrinks later must not end the process, and memory at rest is that of the weights."""
    folder = GOLDEN / "gpt2" / name
    paths = {str(path) for path in folder.glob("*.safetensors")}
    with (
        next(iter(folder.glob("*.safetensors"))).open("rb") as stream,
        mmap(stream.fileno(), 0, access=ACCESS_READ),
    ):
        assert paths & mapped_files()
    loaded = load_model(folder, dtype=dtype, trainable=trainable)
    assert not paths & mapped_files()
    assert cast(GPT2, loaded.model).is_packed == (not trainable)
