"""`hornbook tokens create`: a tokenizer of one's own."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from hornbook.cli.layout import shown
from hornbook.cli.options import common_options
from hornbook.cli.output import PATIENCE_S, check_output, notice, open_output, settings
from hornbook.cli.parameters import Command, WholeRange
from hornbook.cli.problems import naming
from hornbook.cli.text import BLOCK_BYTES, STDIN, is_piped, open_stdin
from hornbook.errors import DataError

if TYPE_CHECKING:
    from hornbook.tokenizer.training import Kind, Progress, Report

__all__ = ["create"]

DEFAULT_FOLDER = Path("data_sets")
MAX_PIPED_BYTES = 1 << 34
"""The largest pipe, which is copied to a temporary file: 16 GiB."""


@click.command(cls=Command, short_help="Train a tokenizer, and write a tokenizer.json.")
@click.argument("files", nargs=-1, type=click.Path(readable=False, path_type=Path))
@click.option(
    "-d",
    "--data-dir",
    metavar="FOLDER",
    type=click.Path(readable=False, path_type=Path),
    help=f"Learn from every *.tsv in it, unless FILES are given.  [default: {DEFAULT_FOLDER}]",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(readable=False, path_type=Path),
    default=Path("tokenizer.json"),
    show_default=True,
    help="Where the tokenizer is written; `-` is stdout.",
)
@click.option(
    "-v",
    "--vocab-size",
    type=WholeRange(min=261),
    help="The most tokens it may have.  [default: 3 for each different lower-case word, from 5000 to 50000]",
)
@click.option(
    "--min-frequency",
    type=WholeRange(min=1),
    default=2,
    show_default=True,
    help="Merge no pair that occurs less often.",
)
@click.option(
    "--kind",
    type=click.Choice(["bpe", "wordpiece"]),
    default="bpe",
    show_default=True,
    help="Byte-level BPE as GPT-2 has it, or WordPiece as BERT has it.",
)
@click.option("--force", is_flag=True, help="Replace an output that exists.")
@common_options
def create(
    files: tuple[Path, ...],
    data_dir: Path | None,
    output: Path,
    vocab_size: int | None,
    min_frequency: int,
    kind: "Kind",
    force: bool,
) -> None:
    """Train a tokenizer on FILES or a folder of tables, and write a tokenizer.json of Hugging Face.

    `-` is stdin, as is a pipe where no FILES and no folder exist.

    The tokenizer is made for sentences: [UNK] [CLS] [SEP] [PAD] [MASK] are the ids 0 to 4, text is stripped
    and brought to NFC, and `[CLS] text [SEP]` is what a model gets.

    In a .tsv every cell counts as a text unless it is a number; a first row of column names does not count.
    Every other file is one text. All are UTF-8.

    \b
    Examples:
      hornbook tokens create --data-dir data_sets
      hornbook tokens create -v 8192 -o mine.json stories.txt pairs.tsv
      zcat stories.gz | hornbook tokens create -o mine.json -
    """
    target = None if output == Path(STDIN) else output
    if not files and data_dir is None and not DEFAULT_FOLDER.exists() and is_piped():
        files = (Path(STDIN),)
    named = _find_files(files, data_dir or DEFAULT_FOLDER)
    check_output(target, [str(file) for file in named], force=force)
    with _readable_twice(named) as corpus:
        document = _train(corpus, vocab_size, kind, min_frequency)
    content = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    with open_output(target) as stream:
        stream.write(content.encode())
    learned = len(document["model"]["vocab"])
    if vocab_size is not None and learned < vocab_size:
        notice(f"no more pairs occur {min_frequency} times: {learned:,} tokens, not {vocab_size:,}")
    summary = f"{learned:,} tokens, {len(document['added_tokens'])} of them special"
    if target is None:
        notice(summary)
    else:
        click.echo(f"{shown(str(output))}: {summary}")


def _train(
    corpus: Sequence[Path], vocab_size: int | None, kind: "Kind", min_frequency: int
) -> dict[str, Any]:
    from hornbook.tokenizer.training import read_texts, suggest_vocab_size, train_sentence_tokenizer

    with naming("training a tokenizer"):
        size = vocab_size or suggest_vocab_size(read_texts(corpus))
        with _progress(corpus) as report:
            return train_sentence_tokenizer(
                read_texts(corpus), size, kind=kind, min_frequency=min_frequency, progress=report
            )


def _find_files(named: Sequence[Path], data_dir: Path) -> list[Path]:
    """The files that are named, a folder standing for its tables; without any, the tables of `data_dir`.

    Raises:
        DataError: a folder has no *.tsv, or `data_dir` is none.
        UsageError: stdin is named twice.
    """
    from hornbook.tokenizer.training import find_tables

    if named.count(Path(STDIN)) > 1:
        raise click.UsageError("`-` is given twice; stdin can be read only once")
    if named:
        return [file for path in named for file in (find_tables(path) if path.is_dir() else [path])]
    if data_dir.is_file():
        raise DataError(f"--data-dir: {data_dir} is a file, not a folder; give files without --data-dir")
    return find_tables(data_dir)


@contextmanager
def _readable_twice(named: Sequence[Path]) -> Iterator[list[Path]]:
    """The files, and for each pipe a copy in a file, because the texts are read twice.

    Raises:
        DataError: as the body does, but with the name of the pipe; or a pipe is empty, or has no end.
        OSError: the copy cannot be written.
    """
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        names: dict[str, str] = {}
        files = []
        for number, path in enumerate(named):
            is_stdin = path == Path(STDIN)
            if not is_stdin and (path.is_file() or not path.exists()):
                files.append(path)
                continue
            copy = Path(folder, str(number))
            names[str(copy)] = "stdin" if is_stdin else str(path)
            _copy(path, copy, names[str(copy)])
            files.append(copy)
        try:
            yield files
        except DataError as error:
            message = str(error)
            for copy_name, name in names.items():
                message = message.replace(copy_name, name)
            raise DataError(message) from None


def _copy(path: Path, copy: Path, name: str) -> None:
    """Copies a pipe to a file."""
    with naming(f"copying {name} to {copy.parent.parent}"), copy.open("wb") as stream:
        if path == Path(STDIN):
            _copy_bounded(open_stdin(), stream, name)
        else:
            with path.open("rb") as source:
                _copy_bounded(source, stream, name)


def _copy_bounded(source: BinaryIO, target: BinaryIO, name: str) -> None:
    while block := source.read(BLOCK_BYTES):
        if b"\0" in block:
            raise DataError(f"{name}: has a zero byte; expected text, got binary data")
        target.write(block)
        if target.tell() > MAX_PIPED_BYTES:
            raise DataError(f"{name}: over {MAX_PIPED_BYTES:,} bytes; does it ever end? Give a file instead")
    if target.tell() == 0:
        raise DataError(f"{name}: is empty; expected text to learn from")


@contextmanager
def _progress(files: Sequence[Path]) -> Iterator["Report | None"]:
    """Shows on a terminal how far training is, once that takes more than a moment."""
    if settings().quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bars

    bars = Bars(console=Console(stderr=True, no_color=settings().color is False or None), transient=True)
    size = sum(file.stat().st_size for file in files if file.is_file())
    counting = bars.add_task("Counting words", total=size)
    merging = bars.add_task("Learning merges", visible=False)
    patient_until = time.monotonic() + PATIENCE_S

    def show(progress: "Progress") -> None:
        if time.monotonic() > patient_until:
            bars.start()
        if progress.stage == "counting":
            bars.update(counting, completed=progress.done)
        else:
            bars.update(counting, completed=size)
            bars.update(merging, completed=progress.done, total=progress.total, visible=True)

    try:
        yield show
    finally:
        bars.stop()
