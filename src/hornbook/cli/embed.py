"""`hornbook embed`: turn texts into vectors."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hornbook.builtin import DEFAULT_EMBEDDING_MODEL
from hornbook.cli.options import common_options, dtype_option, model_option
from hornbook.cli.output import check_output, notice, open_output, track
from hornbook.cli.text import STDIN, read_arguments, read_texts
from hornbook.cli.vectors import WRITERS, write_object

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hornbook import Embedder

__all__ = ["embed"]


@click.command(short_help="Turn texts into vectors.")
@click.argument("texts", nargs=-1)
@click.option("--sentence", multiple=True, metavar="TEXT", help="A text; the same as an argument.")
@click.option("-i", "--input", "source", metavar="FILE", help="Texts from a file, `-` for stdin.")
@click.option(
    "--column",
    metavar="NAME",
    help="Column of a .csv or .tsv, key of a .jsonl file.  [default: text, sentence or sentence1]",
)
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(list(WRITERS)),
    default="json",
    show_default=True,
    help="json is one object for a text from the command line, else a list of them; "
    "ndjson one object a line; csv has a header; npy is a NumPy array; raw has the numbers only.",
)
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file, not to stdout."
)
@click.option("--force", is_flag=True, help="Replace the output file if it exists.")
@click.option(
    "-b",
    "--batch-size",
    type=click.IntRange(min=1),
    default=32,
    show_default=True,
    help="Texts that the model sees at a time: memory and speed, not results.",
)
@click.option("--normalize", is_flag=True, help="Scale vectors to length 1.")
@click.option("--truncate", is_flag=True, help="Cut texts that are too long, instead of refusing them.")
@model_option(DEFAULT_EMBEDDING_MODEL)
@dtype_option
@common_options
def embed(
    texts: tuple[str, ...],
    sentence: tuple[str, ...],
    source: str | None,
    column: str | None,
    form: str,
    output: Path | None,
    force: bool,
    model: str,
    revision: str | None,
    dtype: str,
    **options: Any,
) -> None:
    """Turn TEXTS into vectors, in their order; `-` is one text, from stdin.

    \b
    A file given with --input has
      a text on each line, empty ones too, or
      .csv, .tsv   a header line, and the texts in one column
      .jsonl       an object on each line, and the texts under one key

    \b
    Examples:
      hornbook embed --sentence "The quick brown fox jumps over the lazy dog"
      hornbook embed --input sentences.txt --format npy --output vectors.npy
      hornbook embed --input pairs.tsv --column sentence2 --format ndjson
    """
    if output == Path(STDIN):
        output = None
    sentences = _read((*texts, *sentence), source, column)
    check_output(output, source, force=force)
    write = write_object if form == "json" and source is None and len(sentences) == 1 else WRITERS[form]
    embedder = _load(model, dtype, revision)
    # A bar would be drawn over vectors that go to the same terminal.
    hidden = output is None and sys.stdout.isatty()
    with open_output(output) as stream:
        vectors = _encode(embedder, sentences, hidden=hidden, **options)
        write(stream, sentences, vectors, embedder.dimensions)


def _read(texts: tuple[str, ...], source: str | None, column: str | None) -> list[str]:
    if source is None and not texts:
        raise click.UsageError("give texts, --sentence or --input FILE")
    if source is None and column is not None:
        raise click.UsageError("--column: belongs to --input FILE")
    if source == STDIN and STDIN in texts:
        raise click.UsageError("`-` is given twice; stdin can be read only once")
    return read_arguments(texts) + ([] if source is None else read_texts(source, column))


def _load(model: str, dtype: str, revision: str | None) -> "Embedder":
    from hornbook import Embedder

    embedder = Embedder(model, dtype=dtype, revision=revision)
    notice(f"{model}: {embedder.config.num_parameters:,} parameters, {embedder.dimensions} dimensions")
    return embedder


def _encode(
    embedder: "Embedder",
    sentences: list[str],
    *,
    batch_size: int,
    normalize: bool,
    truncate: bool,
    hidden: bool,
) -> "Iterator[NDArray[Any]]":
    batches = [sentences[begin : begin + batch_size] for begin in range(0, len(sentences), batch_size)]
    for batch in track(batches, total=len(batches), description="Embedding", hidden=hidden):
        yield from embedder.encode(
            batch, batch_size=batch_size, normalize_embeddings=normalize, truncate=truncate
        )
