"""`hornbook similarity`: how alike two texts are."""

import json
from typing import Any

import click

from hornbook.builtin import DEFAULT_EMBEDDING_MODEL
from hornbook.cli.options import common_options, model_option
from hornbook.cli.output import heading, notice, print_json

__all__ = ["similarity"]

COSINE_LEGEND = "(raw: -1=opposite, 0=unrelated, 1=identical)"
DISTANCE_LEGEND = "(0=identical, higher=different)"


@click.command()
@click.argument("texts", nargs=-1)
@click.option("--sentence1", metavar="TEXT", help="The first text.")
@click.option("--sentence2", metavar="TEXT", help="The second text.")
@click.option("--all-metrics", is_flag=True, help="Print distances and dot product as well.")
@click.option("--json", "as_json", is_flag=True, help="Print every measure as JSON.")
@model_option(DEFAULT_EMBEDDING_MODEL)
@common_options
def similarity(
    texts: tuple[str, ...],
    sentence1: str | None,
    sentence2: str | None,
    all_metrics: bool,
    as_json: bool,
    model: str,
    revision: str | None,
) -> None:
    """Compare two texts: two TEXTS, or --sentence1 and --sentence2.

    \b
    Example:
      hornbook similarity --sentence1 "The cat is sleeping" --sentence2 "A feline is resting"
    """
    from hornbook import Embedder
    from hornbook.similarity import SimilarityCalculator

    pair = [text for text in (sentence1, sentence2) if text is not None] + list(texts)
    if len(pair) != 2:
        raise click.UsageError(f"two texts are needed, got {len(pair)}")
    embedder = Embedder(model, revision=revision)
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


def _print_all(values: Any) -> None:
    heading("Results:")
    click.echo(f"  Cosine Similarity:    {values['cosine']:.4f} {COSINE_LEGEND}")
    click.echo(f"  Euclidean Distance:   {values['euclidean']:.4f} {DISTANCE_LEGEND}")
    click.echo(f"  Manhattan Distance:   {values['manhattan']:.4f} {DISTANCE_LEGEND}")
    click.echo(f"  Dot Product Sim:      {values['cosine']:.4f} (normalized vectors)")
