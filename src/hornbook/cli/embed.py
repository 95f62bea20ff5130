"""`hornbook embed`: turn texts into vectors."""

from pathlib import Path

import click

from hornbook.builtin import DEFAULT_EMBEDDING_MODEL
from hornbook.cli.options import common_options, model_option
from hornbook.cli.output import check_output, notice, open_output, track
from hornbook.cli.text import read_argument, read_texts
from hornbook.cli.vectors import WRITERS

__all__ = ["embed"]


@click.command()
@click.argument("texts", nargs=-1)
@click.option("--sentence", multiple=True, metavar="TEXT", help="A text; the same as an argument.")
@click.option(
    "-i", "--input", "source", metavar="FILE", help="Texts from a file, or - for stdin, one a line."
)
@click.option("--column", metavar="NAME", help="Column of a .csv or .tsv, key of a .jsonl.  [default: text]")
@click.option("-f", "--format", "form", type=click.Choice(list(WRITERS)), default="json", show_default=True)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="A file, not stdout.")
@click.option("--force", is_flag=True, help="Replace the output file.")
@click.option("-b", "--batch-size", type=click.IntRange(min=1), default=32, show_default=True)
@click.option("--normalize", is_flag=True, help="Scale vectors to length 1.")
@click.option("--truncate", is_flag=True, help="Cut texts that are too long, instead of refusing them.")
@model_option(DEFAULT_EMBEDDING_MODEL)
@common_options
def embed(
    texts: tuple[str, ...],
    sentence: tuple[str, ...],
    source: str | None,
    column: str | None,
    form: str,
    output: Path | None,
    force: bool,
    batch_size: int,
    normalize: bool,
    truncate: bool,
    model: str,
    revision: str | None,
) -> None:
    """Turn TEXTS into vectors; `-` is a text from stdin.

    \b
    Examples:
      hornbook embed --sentence "The quick brown fox jumps over the lazy dog"
      hornbook embed --input sentences.txt --format npy --output vectors.npy
    """
    from hornbook import Embedder

    sentences = [read_argument(text) for text in (*texts, *sentence)]
    if source is not None:
        sentences += read_texts(source, column)
    elif not sentences:
        raise click.UsageError("give texts, --sentence or --input FILE")
    check_output(output, source, force=force)
    embedder = Embedder(model, revision=revision)
    notice(f"{model}: {embedder.config.num_parameters:,} parameters, {embedder.dimensions} dimensions")
    batches = [sentences[begin : begin + batch_size] for begin in range(0, len(sentences), batch_size)]
    vectors = (
        row
        for batch in track(batches, total=len(batches), description="Embedding")
        for row in embedder.encode(
            batch, batch_size=batch_size, normalize_embeddings=normalize, truncate=truncate
        )
    )
    with open_output(output) as stream:
        WRITERS[form](stream, sentences, vectors)
