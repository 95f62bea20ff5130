"""`hornbook similarity`: how alike two texts are."""

import json
from typing import TYPE_CHECKING, Any

import click

from hornbook.builtin import DEFAULT_EMBEDDING_MODEL
from hornbook.cli.inputs import TextReader
from hornbook.cli.layout import print_json
from hornbook.cli.load import load_embedder
from hornbook.cli.options import common_options, dtype_option, json_option, model_option
from hornbook.cli.output import heading
from hornbook.cli.parameters import Command
from hornbook.cli.problems import naming
from hornbook.cli.text import STDIN, is_piped, read_arguments

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["similarity"]

COSINE_LEGEND = "(raw: -1=opposite, 0=unrelated, 1=identical)"
CORRELATION_LEGEND = "(-1=opposite, 0=unrelated, 1=identical)"
DISTANCE_LEGEND = "(0=identical, higher=different)"


@click.command(cls=Command, short_help="Tell how alike two texts are.")
@click.argument("texts", nargs=-1)
@click.option("--sentence1", metavar="TEXT", help="The first text; the same as an argument.")
@click.option("--sentence2", metavar="TEXT", help="The second text; the same as an argument.")
@click.option("--all-metrics", is_flag=True, help="Print all nine measures.")
@click.option("--truncate", is_flag=True, help="Cut texts that are too long, instead of refusing them.")
@json_option("every measure")
@model_option(DEFAULT_EMBEDDING_MODEL)
@dtype_option
@common_options
def similarity(
    texts: tuple[str, ...],
    sentence1: str | None,
    sentence2: str | None,
    all_metrics: bool,
    truncate: bool,
    as_json: bool,
    model: str,
    revision: str | None,
    dtype: str,
) -> None:
    """Compare two texts: two TEXTS, or --sentence1 and --sentence2; `-` reads one from stdin.

    Where none is given, the two lines of a piped stdin are the texts.

    \b
    Examples:
      hornbook similarity --sentence1 "A cat sleeps" --sentence2 "A feline rests"
      hornbook similarity --all-metrics "I love programming" "I hate coding"
    """
    from hornbook.similarity import METRICS

    pair = _pair(sentence1, sentence2, texts)
    embedder = load_embedder(model, dtype, revision)
    with naming("embedding two texts"):
        vectors = embedder.encode(pair, truncate=truncate)
    values: dict[str, float] = {name: float(measure(*vectors)) for name, measure in METRICS.items()}
    if as_json:
        print_json({"sentence1": pair[0], "sentence2": pair[1], **values})
        return
    heading("Sentences:")
    for number, text in enumerate(pair, 1):
        click.echo(f"  {number}: {json.dumps(text, ensure_ascii=False)}")
    if all_metrics:
        _print_all({**values, "unit_dot": _unit_dot(vectors)})
    else:
        click.echo(f"Cosine Similarity: {values['cosine']:.4f} {COSINE_LEGEND}")


def _pair(first: str | None, second: str | None, texts: tuple[str, ...]) -> list[str]:
    """The two texts; an argument is the text for which no option is given."""
    rest = list(texts)
    named = [rest.pop(0) if text is None and rest else text for text in (first, second)]
    given = [text for text in named if text is not None] + rest
    pair = read_arguments(given) if given or not is_piped() else [item.text for item in TextReader([STDIN])]
    if len(pair) != 2:
        source = "" if given else " on stdin" if is_piped() else ""
        raise click.UsageError(f"two texts are needed, got {len(pair)}{source}")
    return pair


def _unit_dot(vectors: "NDArray[Any]") -> float:
    """The dot product of the two vectors after each is scaled to length 1."""
    from hornbook.similarity import dot, euclidean

    lengths = [float(euclidean(vector, 0 * vector)) for vector in vectors]
    return float(dot(*vectors)) / (lengths[0] * lengths[1]) if all(lengths) else 0.0


def _print_all(values: dict[str, float]) -> None:
    heading("Results:")
    for label, name, legend in (
        ("Cosine Similarity", "cosine", COSINE_LEGEND),
        ("Euclidean Distance", "euclidean", DISTANCE_LEGEND),
        ("Manhattan Distance", "manhattan", DISTANCE_LEGEND),
        ("Dot Product Sim", "unit_dot", "(normalized vectors)"),
        ("Dot Product", "dot", "(vectors as they are, not normalized)"),
        ("Squared Euclidean", "squared_euclidean", DISTANCE_LEGEND),
        ("Chebyshev Distance", "chebyshev", DISTANCE_LEGEND),
        ("Angular Distance", "angular", "(0=same direction, 1=opposite)"),
        ("Pearson Correlation", "pearson", CORRELATION_LEGEND),
        ("Spearman Correlation", "spearman", CORRELATION_LEGEND),
    ):
        click.echo(f"  {label + ':':<21} {values[name]:.4f} {legend}")
