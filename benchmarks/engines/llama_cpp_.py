"""llama.cpp, with weights converted from the same folder."""

import os

import llama_cpp
import numpy as np

PROMPT_ROWS = 512
"""Rows of a prompt that it computes at a time; its default."""


class Model:
    """Generates ids.

    Args:
        folder: of the model in the layout of Hugging Face.
        kind: F32, F16 or Q8_0.
    """

    PACKAGES = ("llama-cpp-python",)

    def __init__(self, folder: str, kind: str) -> None:
        self.path = f"{folder}-{kind}.gguf"
        self.model = self._load()

    def load(self) -> None:
        """Loads it once more."""
        self._load()

    def decode(self, ids: list[int], count: int) -> list[int]:
        """The likeliest `count` ids behind a prompt."""
        self.model.reset()
        drawn: list[int] = []
        for _ in range(count):
            self.model.eval(drawn[-1:] or ids)
            drawn.append(self._likeliest())
        return drawn

    def prefill(self, ids: list[int]) -> list[int]:
        """The likeliest id behind a prompt."""
        return self.decode(ids, 1)

    def _likeliest(self) -> int:
        logits = llama_cpp.llama_get_logits_ith(self.model.ctx, -1)
        return int(np.argmax(np.ctypeslib.as_array(logits, (self.model.n_vocab(),))))

    def _load(self) -> llama_cpp.Llama:
        threads = int(os.environ["OMP_NUM_THREADS"])
        return llama_cpp.Llama(
            self.path,
            n_ctx=0,  # as many as the model takes
            n_batch=PROMPT_ROWS,
            n_threads=threads,
            n_threads_batch=threads,
            verbose=False,
        )
