"""What native kernels promise of whole models: the same bits alone, in company, cached, on any threads."""

from itertools import pairwise

import numpy as np
import pytest

import hornbook
from hornbook.backend import WEIGHT_TYPES, PackedBatch, use_backend
from hornbook.tensor import no_grad

kernels = pytest.importorskip("hornbook._native", reason="the native module needs a C++ compiler to be built")

LENGTHS = [1, 2, 3, 5, 7, 8, 9, 13, 17, 31, 61, 127, 300]


@pytest.fixture(params=WEIGHT_TYPES)
def lm(request: pytest.FixtureRequest) -> hornbook.LanguageModel:
    with use_backend("native"):
        return hornbook.load("tiny-lm", request.param)


@pytest.fixture
def sequences() -> list[list[int]]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 8192, n).tolist() for n in rng.permutation(LENGTHS)]


def test_a_sequence_alone_is_a_sequence_in_company(
    lm: hornbook.LanguageModel, sequences: list[list[int]]
) -> None:
    batch = PackedBatch.pack(sequences)
    with use_backend("native"), no_grad():
        together = lm.model.encode(batch).numpy()
        for sequence, (begin, end) in zip(sequences, pairwise(batch.offsets), strict=True):
            alone = lm.model.encode(PackedBatch.pack([sequence])).numpy()
            np.testing.assert_array_equal(alone, together[begin:end])


def test_a_cache_gives_the_bits_of_the_whole(lm: hornbook.LanguageModel, sequences: list[list[int]]) -> None:
    sequence = max(sequences, key=len)[:61]
    with use_backend("native"), no_grad():
        whole = lm.model.encode(PackedBatch.pack([sequence])).numpy()
        cache = lm.model.new_cache(1, capacity=len(sequence))
        parts = [
            lm.model.encode(PackedBatch.pack([sequence[begin:end]], cache.lengths), cache).numpy()
            for begin, end in pairwise([0, 17, 18, 19, 47, 61])
        ]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_threads_change_nothing(lm: hornbook.LanguageModel, sequences: list[list[int]]) -> None:
    batch, before = PackedBatch.pack(sequences), kernels.threads()
    results = []
    try:
        for threads in (1, 2, 3):
            kernels.set_threads(threads)
            with use_backend("native"), no_grad():
                kernels.set_threads(threads)  # choosing the backend sets its own number
                results.append(lm.model.logits(lm.model.encode(batch)).numpy())
    finally:
        kernels.set_threads(before)
    np.testing.assert_array_equal(results[1], results[0])
    np.testing.assert_array_equal(results[2], results[0])


def test_sentences_have_the_same_vector_in_any_batch() -> None:
    texts = [f"Sentence {n} has " + "many words and " * (n % 11) for n in range(50)]
    with use_backend("native"):
        embedder = hornbook.Embedder("tiny-lm")
        alone = np.stack([embedder.encode(text) for text in texts])
        for batch_size in (2, 7, 50):
            np.testing.assert_array_equal(embedder.encode(texts, batch_size=batch_size), alone)
