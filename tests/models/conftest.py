"""The odd checkpoints of tests/golden/gpt2 and what transformers computes from them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hornbook.backend import PackedBatch
from hornbook.loading import LoadedModel, load_model
from hornbook.models import GPT2, GPT2Config

GOLDEN = Path(__file__).resolve().parent.parent / "golden"


@dataclass(frozen=True)
class GoldenCase:
    """One folder: the checkpoint as Hornbook reads it, and the arrays of expected.npz."""

    folder: Path
    loaded: LoadedModel
    expected: dict[str, NDArray[Any]]

    @property
    def model(self) -> GPT2:
        assert isinstance(self.loaded.model, GPT2)
        return self.loaded.model

    @property
    def config(self) -> GPT2Config:
        return self.model.config

    @property
    def sequences(self) -> list[NDArray[Any]]:
        return np.split(self.expected["ids"], self.expected["offsets"][1:-1])

    @property
    def batch(self) -> PackedBatch:
        return PackedBatch.pack(self.sequences)

    def arrays(self, name: str) -> dict[str, NDArray[Any]]:
        with np.load(self.folder / name) as archive:
            return dict(archive)


def read_case(name: str, *, trainable: bool = False) -> GoldenCase:
    folder = GOLDEN / "gpt2" / name
    with np.load(folder / "expected.npz") as archive:
        return GoldenCase(folder, load_model(folder, trainable=trainable), dict(archive))


CASES = sorted(path.name for path in (GOLDEN / "gpt2").iterdir() if path.is_dir())


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> GoldenCase:
    """Every golden checkpoint in turn."""
    return read_case(request.param)


@pytest.fixture(params=["tied", "untied"])
def gradient_case(request: pytest.FixtureRequest) -> GoldenCase:
    """Those that have gradients.npz."""
    return read_case(request.param, trainable=True)


@pytest.fixture
def tied() -> GoldenCase:
    """One of them, for what does not depend on the case."""
    return read_case("tied")
