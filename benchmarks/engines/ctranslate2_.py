"""CTranslate2, with weights converted from the same folder."""

import json
import os
from pathlib import Path

import ctranslate2


class Model:
    """Generates ids.

    Args:
        folder: of the model in the layout of Hugging Face.
        kind: float32 or int8.
    """

    PACKAGES = ("ctranslate2",)

    def __init__(self, folder: str, kind: str) -> None:
        self.path, self.kind = converted_path(folder, kind), kind
        self.vocabulary = json.loads((self.path / "vocabulary.json").read_text(encoding="utf-8"))
        self.generator = self._load()

    def load(self) -> None:
        """Loads it once more."""
        self._load()

    def decode(self, ids: list[int], count: int) -> list[int]:
        """The likeliest `count` ids behind a prompt."""
        (result,) = self.generator.generate_batch(
            [[self.vocabulary[i] for i in ids]],
            max_length=count,
            min_length=count,
            sampling_topk=1,
            include_prompt_in_result=False,
        )
        return list(result.sequences_ids[0])

    def prefill(self, ids: list[int]) -> list[int]:
        """The likeliest id behind a prompt."""
        return self.decode(ids, 1)

    def _load(self) -> ctranslate2.Generator:
        threads = int(os.environ["OMP_NUM_THREADS"])
        return ctranslate2.Generator(
            str(self.path), device="cpu", compute_type=self.kind, inter_threads=1, intra_threads=threads
        )


def convert(folder: str, kind: str) -> None:
    """Converts the weights, unless they are there. Needs transformers and torch."""
    path = converted_path(folder, kind)
    if not path.exists():
        ctranslate2.converters.TransformersConverter(folder).convert(str(path), quantization=kind)


def converted_path(folder: str, kind: str) -> Path:
    """Where the converted weights are."""
    return Path(f"{folder}-ctranslate2-{kind}")
