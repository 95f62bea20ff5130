"""Vectors of texts: what they are, that company does not change them, and what is done with them."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

import hornbook
from hornbook.backend import PackedBatch
from hornbook.errors import ConfigError, ContextLengthError, ShapeError
from hornbook.tensor import no_grad

EXPECTED = Path(__file__).resolve().parent.parent / "golden" / "tiny_lm" / "expected.npz"
TEXTS = [
    "The cat sleeps.",
    "",
    "A cat is resting on the mat, and it will not get up again before the sun has gone down.",
    "x",
    "“Who is there?” 日本語 👩‍👧",
    "The cat sleeps.",
    "The king is dead.",
]

# A vector alone and in company may differ by this, relative to its length: BLAS chooses its order of addition
# by shape. 400 sentences of 3 to 21 tokens in batches of 2 to 400 differed by at most 3.1e-7.
ALONE_OR_NOT = 1e-6


@pytest.fixture(scope="module")
def embedder() -> hornbook.Embedder:
    return hornbook.Embedder()


def relative_difference(ours: Any, theirs: Any) -> float:
    return float((np.linalg.norm(ours - theirs, axis=-1) / np.linalg.norm(theirs, axis=-1)).max())


def test_what_is_loaded(embedder: hornbook.Embedder) -> None:
    assert embedder.name == "tiny-lm"
    assert embedder.dimensions == embedder.config.n_embd == 256


def test_load_passes_its_options_on() -> None:
    assert hornbook.Embedder.load("tiny-lm", dtype="int8").model.weight_type == "int8"
    assert hornbook.Embedder.load().model.weight_type == "float32"
    with pytest.raises(ConfigError, match=r"^revision: only repositories"):
        hornbook.Embedder.load("tiny-lm", revision="main")


def test_an_unknown_pooling_names_those_that_exist() -> None:
    mode: Any = "median"
    with pytest.raises(ConfigError, match=r"^Pooling: expected mode mean, cls, lasttoken, got 'median'"):
        hornbook.Pooling(mode)


def test_pooling_by_the_first_and_the_last_token(embedder: hornbook.Embedder) -> None:
    with no_grad():
        batch = PackedBatch.pack([embedder.tokenizer.encode(text) for text in (TEXTS[0], TEXTS[2])])
        rows = embedder.model.encode(batch).numpy()
    begins, ends = batch.offsets[:-1], batch.offsets[1:]
    for mode, expected in (("cls", rows[begins]), ("lasttoken", rows[ends - 1])):
        pooled = hornbook.Embedder(embedder.model, embedder.tokenizer, [hornbook.Pooling(cast(Any, mode))])
        assert relative_difference(pooled.encode([TEXTS[0], TEXTS[2]]), expected) < ALONE_OR_NOT


def test_one_vector_of_fixed_size_for_each_text(embedder: hornbook.Embedder) -> None:
    for text in TEXTS:
        vector = embedder.encode(text)
        assert vector.shape == (256,)
        assert vector.dtype == np.float32
    lists: list[Any] = [[], [""], ["one"], TEXTS, tuple(TEXTS), np.array(TEXTS)]
    for texts in lists:
        vectors = embedder.encode(texts)
        assert vectors.shape == (len(texts), 256)
        assert vectors.dtype == np.float32
        assert np.isfinite(vectors).all()


def test_values_equal_transformers(embedder: hornbook.Embedder) -> None:
    with np.load(EXPECTED) as expected:
        vectors = embedder.encode([str(text) for text in expected["texts"]])
        assert relative_difference(vectors, expected["mean"]) < 1e-6


def test_alone_or_in_company(embedder: hornbook.Embedder) -> None:
    alone = np.stack([embedder.encode(text) for text in TEXTS])
    for batch_size in (1, 2, 3, 7, 32):
        together = embedder.encode(TEXTS, batch_size=batch_size)
        assert relative_difference(together, alone) < ALONE_OR_NOT
    crowd = embedder.encode([*TEXTS, "a very long neighbour " * 90, *TEXTS])
    assert relative_difference(crowd[: len(TEXTS)], alone) < ALONE_OR_NOT


def test_rows_are_in_the_order_of_the_texts(embedder: hornbook.Embedder) -> None:
    backwards = embedder.encode_sentences(TEXTS[::-1], batch_size=3)
    assert relative_difference(backwards[::-1], embedder.encode(TEXTS)) < ALONE_OR_NOT
    assert relative_difference(backwards[1], backwards[-1]) < ALONE_OR_NOT
    assert relative_difference(backwards[0], backwards[1]) > 0.01


def test_the_mean_is_over_every_token_and_nothing_else(embedder: hornbook.Embedder) -> None:
    for text in (TEXTS[0], TEXTS[2], TEXTS[4]):
        with no_grad():
            rows = embedder.model.encode(PackedBatch.pack([embedder.tokenizer.encode(text)])).numpy()
        assert len(rows) == len(embedder.tokenizer.encode(text))
        assert relative_difference(embedder.encode(text), rows.mean(axis=0, dtype=np.float64)) < ALONE_OR_NOT


def test_an_empty_text_is_the_token_that_begins_one(embedder: hornbook.Embedder) -> None:
    with no_grad():
        expected = embedder.model.encode(PackedBatch.pack([[0]])).numpy()[0]
    assert relative_difference(embedder.encode(""), expected) < ALONE_OR_NOT


def test_normalized_vectors_have_length_one_and_the_same_direction(embedder: hornbook.Embedder) -> None:
    """Their dot product is the cosine."""
    plain, unit = embedder.encode(TEXTS), embedder.encode(TEXTS, normalize_embeddings=True)
    assert unit.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, rtol=1e-6)
    assert relative_difference(unit * np.linalg.norm(plain, axis=1, keepdims=True), plain) < 1e-6
    dots = hornbook.similarity.matrix(unit, metric="dot")
    np.testing.assert_allclose(dots, embedder.similarity(TEXTS, TEXTS), atol=1e-6)
    np.testing.assert_array_equal(
        embedder.encode(TEXTS[0], normalize_embeddings=True),
        embedder.encode([TEXTS[0]], normalize_embeddings=True)[0],
    )


def test_vectors_shorter_than_one_are_normalized_too() -> None:
    embedder = hornbook.Embedder()
    model: Any = embedder.model
    for parameter in (model.ln_f.weight, model.ln_f.bias):
        parameter.data = parameter.data / 1024
    assert np.linalg.norm(embedder.encode(TEXTS), axis=1).max() < 1
    unit = embedder.encode(TEXTS, normalize_embeddings=True)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, rtol=1e-6)


def test_long_texts_are_refused_unless_told_otherwise(embedder: hornbook.Embedder) -> None:
    longest, long = " cat" + " the" * 511, " cat" + " the" * 512
    for texts in (long, ["short", long]):
        with pytest.raises(
            ContextLengthError, match=r"has 513 tokens, the model takes 512; .* truncate=True"
        ):
            embedder.encode(texts)
    with no_grad():
        rows = embedder.model.encode(PackedBatch.pack([embedder.tokenizer.encode(longest)])).numpy()
    assert len(rows) == 512
    for vector in (embedder.encode(longest), embedder.encode(long, truncate=True)):
        assert relative_difference(vector, rows.mean(axis=0, dtype=np.float64)) < ALONE_OR_NOT
    short = embedder.encode(["short", long], truncate=True)[0]
    assert relative_difference(short, embedder.encode("short")) < ALONE_OR_NOT


@pytest.mark.parametrize("batch_size", [0, -1])
def test_batch_sizes_below_one(embedder: hornbook.Embedder, batch_size: int) -> None:
    with pytest.raises(ConfigError, match=rf"^batch_size: expected 1 or more, got {batch_size}"):
        embedder.encode("x", batch_size=batch_size)


@pytest.mark.parametrize("texts", [None, 5, b"bytes", [b"bytes"], ["a", None], [["a"]]])
def test_texts_are_str(embedder: hornbook.Embedder, texts: Any) -> None:
    with pytest.raises(TypeError):
        embedder.encode(texts)


def test_a_single_text_where_several_are_expected(embedder: hornbook.Embedder) -> None:
    with pytest.raises(TypeError, match=r"^sentences: expected a list of texts, got one str"):
        embedder.encode_sentences("The cat")
    with pytest.raises(TypeError, match=r"^texts: expected a list of texts, got one str"):
        embedder.find_most_similar("cat", "The cat")


def test_similarity_has_an_axis_for_each_list(embedder: hornbook.Embedder) -> None:
    vectors = embedder.encode(TEXTS[:3])
    shapes = {
        ("a", "b"): (),
        ("a", ("b", "c")): (2,),
        (("a", "b", "c"), "d"): (3,),
        (("a", "b", "c"), ("d", "e")): (3, 2),
        (("a",), ("b",)): (1, 1),
    }
    for (a, b), shape in shapes.items():
        assert np.shape(embedder.similarity(a, b)) == shape
    assert embedder.similarity(vectors, vectors[0]).shape == (3,)
    assert embedder.similarity("a", vectors).shape == (3,)
    assert embedder.similarity(vectors[0], vectors[1]).shape == ()
    assert embedder.similarity([], ["a"]).shape == (0, 1)
    assert embedder.similarity([], []).shape == (0, 0)
    assert isinstance(embedder.similarity("a", "b"), float)


def test_similarity_is_the_raw_cosine(embedder: hornbook.Embedder) -> None:
    vectors = embedder.encode(TEXTS)
    np.testing.assert_allclose(
        embedder.similarity(TEXTS, TEXTS), hornbook.similarity.matrix(vectors), atol=1e-6
    )
    assert embedder.similarity(TEXTS[0], TEXTS[0]) == pytest.approx(1, abs=1e-12)
    assert embedder.similarity(vectors[0], -vectors[0]) == pytest.approx(-1, abs=1e-12)
    assert embedder.similarity(np.array([1.0, 0]), np.array([0, 1.0])) == 0


@pytest.mark.parametrize(
    "kind",
    [list, tuple, np.array, lambda x: np.array(x, object), lambda x: np.array(x, np.dtypes.StringDType())],
)
def test_texts_in_any_sequence_or_array(embedder: hornbook.Embedder, kind: Any) -> None:
    texts = kind(TEXTS[:3])
    np.testing.assert_array_equal(embedder.encode(texts), embedder.encode(TEXTS[:3]))
    np.testing.assert_array_equal(embedder.encode_sentences(texts), embedder.encode(TEXTS[:3]))
    np.testing.assert_array_equal(
        embedder.similarity(texts, "a cat"), embedder.similarity(TEXTS[:3], "a cat")
    )
    assert [match.index for match in embedder.find_most_similar("a cat", texts, top_k=1)] == [0]
    assert embedder.encode(np.array("one")).shape == (256,)


def test_similarity_of_other_lengths(embedder: hornbook.Embedder) -> None:
    with pytest.raises(ShapeError, match="equal length expected, got 256 and 3"):
        embedder.similarity("a", np.ones(3))


def test_find_most_similar(embedder: hornbook.Embedder) -> None:
    found = embedder.find_most_similar("The cat sleeps.", TEXTS, top_k=3)
    assert [match.index for match in found][:2] == [0, 5]
    assert [match.text for match in found] == [TEXTS[match.index] for match in found]
    assert found[0].score == pytest.approx(1, abs=1e-6)
    scores = embedder.similarity("The cat sleeps.", TEXTS)
    assert [match.score for match in found] == pytest.approx(sorted(scores, reverse=True)[:3], abs=1e-6)


@pytest.mark.parametrize(("top_k", "n"), [(0, 0), (1, 1), (5, 5), (7, 7), (10**9, 7)])
def test_as_many_as_there_are(embedder: hornbook.Embedder, top_k: int, n: int) -> None:
    assert len(embedder.find_most_similar("cat", TEXTS, top_k)) == n


def test_nothing_to_find_and_nothing_asked(embedder: hornbook.Embedder) -> None:
    assert embedder.find_most_similar("cat", []) == []
    with pytest.raises(ConfigError, match=r"^top_k: expected 0 or more, got -1"):
        embedder.find_most_similar("cat", TEXTS, -1)


def test_the_parts_of_a_sentence_have_their_context() -> None:
    """The same word by another neighbour is another vector."""
    lm = hornbook.load()
    ids = [lm.tokenizer.encode(text) for text in (" river bank", " money bank")]
    assert ids[0][-1] == ids[1][-1]
    with no_grad():
        river, money = (lm.model.encode(PackedBatch.pack([row])).numpy()[-1] for row in ids)
    assert hornbook.similarity.cosine(river, money) < 0.999


@pytest.mark.parametrize("wrong", [3, None, b"bytes", 1.5])
def test_what_is_no_text_is_named(wrong: Any) -> None:
    embedder = hornbook.Embedder("tiny-lm")
    for use in (embedder.encode, lambda x: embedder.similarity("a", x)):
        with pytest.raises(TypeError, match=f"^sentences: .* got one {type(wrong).__name__}$"):
            use(wrong)
