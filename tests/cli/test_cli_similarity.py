"""`hornbook similarity` prints the lines of the seed, with the library's numbers."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pytest

import hornbook
from hornbook.similarity import METRICS

Cli: TypeAlias = Callable[..., Any]

CAT, FELINE = "The cat is sleeping", "A feline is resting"


def test_the_first_line_of_the_seed(cli: Cli, embedder: hornbook.Embedder) -> None:
    ended = cli("similarity", "--sentence1", CAT, "--sentence2", FELINE)
    assert ended.code == 0
    assert ended.lines == [
        "Sentences:",
        f'  1: "{CAT}"',
        f'  2: "{FELINE}"',
        f"Cosine Similarity: {embedder.similarity(CAT, FELINE):.4f} "
        "(raw: -1=opposite, 0=unrelated, 1=identical)",
    ]


def test_the_second_line_of_the_seed(cli: Cli, embedder: hornbook.Embedder) -> None:
    pair = ["I love programming", "I hate coding"]
    ended = cli("similarity", "--sentence1", pair[0], "--sentence2", pair[1], "--all-metrics")
    a, b = embedder.encode(pair)
    unit_a, unit_b = embedder.encode(pair, normalize_embeddings=True)
    assert ended.lines[3:] == [
        "Results:",
        f"  Cosine Similarity:    {METRICS['cosine'](a, b):.4f} (raw: -1=opposite, 0=unrelated, 1=identical)",
        f"  Euclidean Distance:   {METRICS['euclidean'](a, b):.4f} (0=identical, higher=different)",
        f"  Manhattan Distance:   {METRICS['manhattan'](a, b):.4f} (0=identical, higher=different)",
        f"  Dot Product Sim:      {METRICS['dot'](unit_a, unit_b):.4f} (normalized vectors)",
        f"  Dot Product:          {METRICS['dot'](a, b):.4f} (vectors as they are, not normalized)",
        f"  Squared Euclidean:    {METRICS['squared_euclidean'](a, b):.4f} (0=identical, higher=different)",
        f"  Chebyshev Distance:   {METRICS['chebyshev'](a, b):.4f} (0=identical, higher=different)",
        f"  Angular Distance:     {METRICS['angular'](a, b):.4f} (0=same direction, 1=opposite)",
        f"  Pearson Correlation:  {METRICS['pearson'](a, b):.4f} (-1=opposite, 0=unrelated, 1=identical)",
        f"  Spearman Correlation: {METRICS['spearman'](a, b):.4f} (-1=opposite, 0=unrelated, 1=identical)",
    ]


def test_the_two_dot_products_differ(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vectors of lengths 5 and 13: their product is not the one of their directions."""
    vectors = np.array([[3, 4, 0], [5, 0, 12]], np.float32)
    monkeypatch.setattr(hornbook.Embedder, "encode", lambda *_, **__: vectors)
    lines = cli("similarity", "--all-metrics", "a", "b").lines
    assert "  Dot Product Sim:      0.2308 (normalized vectors)" in lines
    assert "  Dot Product:          15.0000 (vectors as they are, not normalized)" in lines
    monkeypatch.setattr(hornbook.Embedder, "encode", lambda *_, **__: 0 * vectors)
    assert (
        "  Dot Product Sim:      0.0000 (normalized vectors)"
        in cli("similarity", "--all-metrics", "a", "b").lines
    )


def test_texts_that_are_too_long_can_be_cut(cli: Cli) -> None:
    long = " the" * 523
    cut = cli("similarity", "--json", "--truncate", long, "x").json
    assert cut["cosine"] == cli("similarity", "--json", " the" * 512, "x").json["cosine"]


def test_json_has_every_measure(cli: Cli, embedder: hornbook.Embedder) -> None:
    value = cli("similarity", "--json", CAT, FELINE).json
    a, b = embedder.encode([CAT, FELINE])
    assert list(value) == ["sentence1", "sentence2", *METRICS]
    assert (value["sentence1"], value["sentence2"]) == (CAT, FELINE)
    for name, measure in METRICS.items():
        assert value[name] == pytest.approx(float(measure(a, b)), rel=1e-6)


@pytest.mark.parametrize(
    "arguments",
    [
        (CAT, FELINE),
        ("--sentence2", FELINE, CAT),
        ("--sentence1", CAT, FELINE),
        ("-", FELINE),
        ("--sentence1", "-", FELINE),
    ],
)
def test_where_the_texts_come_from(cli: Cli, arguments: tuple[str, ...]) -> None:
    value = cli("similarity", "--json", *arguments, stdin=CAT.encode() + b"\n").json
    assert (value["sentence1"], value["sentence2"]) == (CAT, FELINE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "two texts are needed, got 0"),
        (("a",), "two texts are needed, got 1"),
        (("a", "b", "c"), "two texts are needed, got 3"),
        (("--sentence1", "a", "--sentence2", "b", "c"), "two texts are needed, got 3"),
        (("-", "-"), "stdin can be read only once"),
    ],
)
def test_wrong_usage(cli: Cli, arguments: tuple[str, ...], message: str) -> None:
    ended = cli("similarity", *arguments)
    assert (ended.code, ended.stdout) == (2, b"")
    assert message in ended.err


def test_a_text_with_line_ends_stays_on_its_line(cli: Cli) -> None:
    assert cli("similarity", 'one\n"two"', "日本").lines[1:3] == ['  1: "one\\n\\"two\\""', '  2: "日本"']


def test_quiet(cli: Cli) -> None:
    assert cli("similarity", "-q", "a", "b").err == ""
    assert cli("similarity", "a", "b").err == "tiny-lm: 5,387,776 parameters, 256 dimensions\n"
