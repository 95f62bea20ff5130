"""`hornbook similarity`: how alike two texts are."""

import json
from typing import TYPE_CHECKING

import click

from hornbook.builtin import DEFAULT_EMBEDDING_MODEL
from hornbook.cli.layout import print_json
from hornbook.cli.options import common_options, dtype_option, json_option, model_option
from hornbook.cli.output import heading, notice
from hornbook.cli.text import read_arguments

if TYPE_CHECKING:
    from hornbook.similarity import Metric

__all__ = ["similarity"]

COSINE_LEGEND = "(raw: -1=opposite, 0=unrelated, 1=identical)"
DISTANCE_LEGEND = "(0=identical, higher=different)"


@click.command(short_help="Tell how alike two texts are.")
@click.argument("texts", nargs=-1)
@click.option("--sentence1", metavar="TEXT", help="The first text; the same as an argument.")
@click.option("--sentence2", metavar="TEXT", help="The second text; the same as an argument.")
@click.option("--all-metrics", is_flag=True, help="Print distances and dot product as well.")
@json_option("every measure")
@model_option(DEFAULT_EMBEDDING_MODEL)
@dtype_option
@common_options
def similarity(
    texts: tuple[str, ...],
    sentence1: str | None,
    sentence2: str | None,
    all_metrics: bool,
    as_json: bool,
    model: str,
    revision: str | None,
    dtype: str,
) -> None:
    """Compare two texts: two TEXTS, or --sentence1 and --sentence2; `-` reads one from stdin.

    \b
    Examples:
      hornbook similarity --sentence1 "A cat sleeps" --sentence2 "A feline rests"
      hornbook similarity --all-metrics "I love programming" "I hate coding"
    """
    from hornbook import Embedder
    from hornbook.similarity import SimilarityCalculator

    pair = _pair(sentence1, sentence2, texts)
    embedder = Embedder(model, dtype=dtype, revision=revision)
    notice(f"{model}: {embedder.config.num_parameters:,} parameters, {embedder.dimensions} dimensions")
    values = SimilarityCalculator().calculate_all_metrics(*embedder.encode(pair))
    if as_json:
        print_json({"sentence1": pair[0], "sentence2": pair[1], **values})
        return
    heading("Sentences:")
    for number, text in enumerate(pair, 1):
        click.echo(f"  {number}: {json.dumps(text, ensure_ascii=False)}")
    if all_metrics:
        _print_all(values)
    else:
        click.echo(f"Cosine Similarity: {values['cosine']:.4f} {COSINE_LEGEND}")


def _pair(first: str | None, second: str | None, texts: tuple[str, ...]) -> list[str]:
    """The two texts; an argument takes the place that an option left."""
    rest = list(texts)
    named = [rest.pop(0) if text is None and rest else text for text in (first, second)]
    pair = [text for text in named if text is not None] + rest
    if len(pair) != 2:
        raise click.UsageError(f"two texts are needed, got {len(pair)}")
    return read_arguments(pair)


def _print_all(values: "dict[Metric, float]") -> None:
    heading("Results:")
    click.echo(f"  Cosine Similarity:    {values['cosine']:.4f} {COSINE_LEGEND}")
    click.echo(f"  Euclidean Distance:   {values['euclidean']:.4f} {DISTANCE_LEGEND}")
    click.echo(f"  Manhattan Distance:   {values['manhattan']:.4f} {DISTANCE_LEGEND}")
    click.echo(f"  Dot Product Sim:      {values['cosine']:.4f} (normalized vectors)")
