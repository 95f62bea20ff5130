"""`hornbook tokens create`: a tokenizer of one's own."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hornbook.cli.options import common_options
from hornbook.cli.output import PATIENCE_S, check_output, notice, open_output, settings

if TYPE_CHECKING:
    from hornbook.tokenizer.training import Kind, Progress, Report

__all__ = ["create"]


@click.command(short_help="Train a tokenizer, and write a tokenizer.json.")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "-d",
    "--data-dir",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    default=Path("data_sets"),
    show_default=True,
    help="Learn from every *.tsv in it, unless FILES are given.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    default=Path("tokenizer.json"),
    show_default=True,
    help="Where the tokenizer is written.",
)
@click.option(
    "-v",
    "--vocab-size",
    type=click.IntRange(min=261),
    help="Tokens at most.  [default: 3 for each different lower-case word, from 5000 to 50000]",
)
@click.option(
    "--min-frequency",
    type=click.IntRange(min=1),
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
    data_dir: Path,
    output: Path,
    vocab_size: int | None,
    min_frequency: int,
    kind: "Kind",
    force: bool,
) -> None:
    """Train a tokenizer on FILES or a folder of tables, and write a tokenizer.json of Hugging Face.

    It is made for sentences: [UNK] [CLS] [SEP] [PAD] [MASK] are the ids 0 to 4, text is stripped and brought
    to NFC, and `[CLS] text [SEP]` is what a model gets.

    In a .tsv every cell counts as a text unless it is a number; a first row of column names does not count.
    Every other file is one text. All are UTF-8.

    \b
    Examples:
      hornbook tokens create --data-dir data_sets
      hornbook tokens create -v 8192 -o mine.json stories.txt pairs.tsv
    """
    from hornbook.tokenizer.training import read_texts, suggest_vocab_size, train_sentence_tokenizer

    corpus = _find_files(files, data_dir)
    for file in corpus:
        check_output(output, str(file), force=force)
    size = vocab_size or suggest_vocab_size(read_texts(corpus))
    with _progress(corpus) as report:
        document = train_sentence_tokenizer(
            read_texts(corpus), size, kind=kind, min_frequency=min_frequency, progress=report
        )
    content = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    with open_output(output) as stream:
        stream.write(content.encode())
    learned = len(document["model"]["vocab"])
    if vocab_size is not None and learned < vocab_size:
        notice(f"no more pairs occur {min_frequency} times: {learned:,} tokens, not {vocab_size:,}")
    click.echo(f"{output}: {learned:,} tokens, {len(document['added_tokens'])} of them special")


def _find_files(named: Sequence[Path], data_dir: Path) -> list[Path]:
    """The files that are named, with its tables in place of a folder; without any, those of `data_dir`.

    Raises:
        DataError: a folder has no *.tsv, or `data_dir` is not there.
    """
    from hornbook.tokenizer.training import find_tables

    if not named:
        return find_tables(data_dir)
    return [file for path in named for file in (find_tables(path) if path.is_dir() else [path])]


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
