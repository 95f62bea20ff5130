"""`hornbook embed`: turn texts into vectors."""

import sys
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hornbook.builtin import DEFAULT_EMBEDDING_MODEL
from hornbook.cli.inputs import FORMATS, Located, TextReader
from hornbook.cli.load import load_embedder
from hornbook.cli.options import common_options, dtype_option, model_option
from hornbook.cli.output import check_output, open_output, track
from hornbook.cli.parameters import Command, LinesType, WholeRange
from hornbook.cli.problems import naming
from hornbook.cli.text import STDIN, is_piped, read_arguments
from hornbook.cli.vectors import WRITERS, write_object
from hornbook.errors import ContextLengthError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hornbook import Embedder

__all__ = ["embed"]


@click.command(cls=Command, short_help="Turn texts into vectors.")
@click.argument("texts", nargs=-1)
@click.option(
    "--sentence",
    "sentences",
    type=LinesType(),
    multiple=True,
    metavar="TEXT",
    help="A text; the same as an argument. May be given again.",
)
@click.option(
    "-i",
    "--input",
    "sources",
    type=LinesType(),
    multiple=True,
    metavar="FILE",
    help="Texts from a file, `-` for stdin. May be given again.",
)
@click.option(
    "--input-format",
    type=click.Choice(FORMATS),
    help="What --input and stdin hold.  [default: by the end of the file's name, else lines]",
)
@click.option(
    "--column",
    metavar="NAME",
    help="Column of csv and tsv, key of jsonl and json.  [default: text, sentence or sentence1]",
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
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(readable=False, path_type=Path),
    help="Write to a file, not to stdout, which is `-`.",
)
@click.option("--force", is_flag=True, help="Replace the output file if it exists.")
@click.option(
    "-b",
    "--batch-size",
    type=WholeRange(min=1),
    default=32,
    show_default=True,
    help="Texts that are read and computed at a time: memory and speed, not results.",
)
@click.option("--normalize", is_flag=True, help="Scale vectors to length 1.")
@click.option("--truncate", is_flag=True, help="Cut texts that are too long, instead of refusing them.")
@model_option(DEFAULT_EMBEDDING_MODEL)
@dtype_option
@common_options
def embed(
    texts: tuple[str, ...],
    sentences: tuple[str, ...],
    sources: tuple[str, ...],
    input_format: str | None,
    column: str | None,
    form: str,
    output: Path | None,
    force: bool,
    batch_size: int,
    model: str,
    revision: str | None,
    dtype: str,
    **options: bool,
) -> None:
    """Turn TEXTS into vectors; `-` is one text, from stdin.

    First come TEXTS, then those of --sentence, then those of --input. Where none are given, the lines of a
    piped stdin are the texts.

    \b
    A file that --input names has
      lines        a text on each line, empty ones too
      csv, tsv     a header line, and the texts in one column
      jsonl        an object on each line, and the texts under one key
      json         an array of texts or of objects

    \b
    Examples:
      hornbook embed --sentence "The quick brown fox jumps over the lazy dog"
      hornbook embed --input sentences.txt --format npy --output vectors.npy
      hornbook embed --input pairs.tsv --column sentence2 --format ndjson
      zcat texts.jsonl.gz | hornbook embed --input-format jsonl
    """
    if output == Path(STDIN):
        output = None
    is_shown = output is None and sys.stdout.isatty()
    if is_shown and form == "npy":
        raise click.UsageError("--format: npy is no text for a terminal; name a file with --output")
    given = _Given((*texts, *sentences), sources, column, input_format)
    check_output(output, sources, force=force)
    batches = given.batches(batch_size)
    first = next(batches, [])  # what is wrong with the beginning is told before a model is loaded
    embedder = load_embedder(model, dtype, revision)
    tracked = track(
        chain([first], batches),
        total=given.reader.size_bytes,
        description="Embedding",
        hidden=is_shown,
        done=lambda: given.reader.done_bytes,
    )
    write = write_object if form == "json" and given.is_single else WRITERS[form]
    with open_output(output) as stream:
        write(stream, _encode(embedder, tracked, **options), embedder.dimensions)


class _Given:
    """What is to be embedded: texts of the command line, then those of files or of a piped stdin.

    Raises:
        UsageError: no texts are given, stdin is named twice, or an option has no file to apply to.
        DataError: a file is missing, or a text is not UTF-8.
    """

    def __init__(
        self, texts: tuple[str, ...], sources: tuple[str, ...], column: str | None, form: str | None
    ) -> None:
        self._is_piped = not texts and not sources and is_piped()
        if not (texts or sources or self._is_piped):
            raise click.UsageError("give texts, --sentence or --input FILE, or pipe texts in")
        for option, value in (("--column", column), ("--input-format", form)):
            if texts and not sources and value is not None:
                raise click.UsageError(f"{option}: belongs to --input FILE")
        if [*texts, *sources].count(STDIN) > 1:
            raise click.UsageError("`-` is given twice; stdin can be read only once")
        self.reader = TextReader((STDIN,) if self._is_piped else sources, column, form)
        self.is_single = len(texts) == 1 and not sources
        self._texts = read_arguments(texts)

    def batches(self, size: int) -> Iterator[list[Located]]:
        """All texts, so many at a time.

        Raises:
            UsageError: a piped stdin is empty.
            DataError: a file is damaged.
        """
        texts = chain(map(Located, self._texts), self.reader)
        while batch := list(islice(texts, size)):
            yield batch
        if self._is_piped and self.reader.done_bytes == 0:
            raise click.UsageError("stdin is empty; give texts, --sentence or --input FILE, or pipe texts in")


def _encode(
    embedder: "Embedder", batches: Iterable[list[Located]], *, normalize: bool, truncate: bool
) -> "Iterator[tuple[str, NDArray[Any]]]":
    for batch in batches:
        texts = [item.text for item in batch]
        try:
            with naming("embedding a batch of texts"):
                vectors = embedder.encode(
                    texts, batch_size=len(texts) or 1, normalize_embeddings=normalize, truncate=truncate
                )
        except ContextLengthError:
            _name_too_long(embedder, batch)
            raise
        yield from zip(texts, vectors, strict=True)


def _name_too_long(embedder: "Embedder", batch: list[Located]) -> None:
    """Finds the text that the model refused.

    Raises:
        ContextLengthError: where the text is, and what the model said.
    """
    for item in batch:
        try:
            embedder.encode(item.text)
        except ContextLengthError as error:
            raise ContextLengthError(f"{item.where}: {error}" if item.where else str(error)) from None
