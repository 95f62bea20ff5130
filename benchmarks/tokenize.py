"""How fast does text become the ids of GPT-2 in one thread, beside tiktoken and tokenizers?

    python -m benchmarks.tokenize --peer-python PEERS/bin/python --vocab FOLDER --data FOLDER

A text of 8 MB is one string, in four kinds:

    English    novels: the files of --prose, or those below --data in order of their names
    Python     the source files of Python's standard library, in order of their paths
    Chinese    drawn, see below, or the file of --chinese
    Hindi      likewise, or the file of --hindi

Chinese and Hindi are no prose: words are drawn one by one from the 20,000 most frequent ones of the package
wordfreq, each as often as it is used, with a comma after 8% and the end of a sentence after 7% of them. A
real text has rarer words, and repeats whole phrases; in Chinese, where no spaces part words, both matter.

tokenizers is much slower, so it gets 4 MB, and so do we beside it. Every sample is the first text that a
tokenizer sees: ours and that of tokenizers remember words, and would know those of a text that comes again.
All must give the same ids before anything is measured.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import Benchmark, Job, make_parser, settings
from benchmarks.processes import Engine, EngineError, MissingPackageError, Worker
from benchmarks.subjects import vocabulary_files
from benchmarks.texts import CLASSICS, beginning, join, standard_library

SIZE, SLOW_SIZE = 8_000_000, 4_000_000
"""Bytes of a text, and of that for slow peers."""
QUICK_SIZES = 200_000, 50_000


@dataclass(frozen=True)
class Text:
    """A text to encode.

    Attributes:
        name: as tables show it.
        path: a UTF-8 file.
    """

    name: str
    path: Path


def main() -> None:
    """Measures every text with every peer."""
    options = parse_options()
    benchmark = Benchmark("tokenize", settings(options))
    vocab, merges = vocabulary_files(options.vocab)
    size, slow_size = QUICK_SIZES if options.quick else (SIZE, SLOW_SIZE)
    for text in texts(options, benchmark):
        for n_bytes, peers in (
            (size, {"tiktoken": "tiktoken_:Lists", "tiktoken to NumPy": "tiktoken_:Arrays"}),
            (slow_size, {"tokenizers": "tokenizers_:Lists"}),
        ):
            given = {"vocab": str(vocab), "merges": str(merges), "text": str(text.path), "n_bytes": n_bytes}
            benchmark.compare(
                job(text, n_bytes),
                Engine("hornbook", "benchmarks.engines.ours:Arrays", given, peer=False),
                [Engine(name, f"benchmarks.engines.{target}", given) for name, target in peers.items()],
            )
    benchmark.finish()


def parse_options() -> argparse.Namespace:
    """Those of all scripts, and where texts are."""
    parser = make_parser(__doc__, "tokenize")
    parser.set_defaults(threads=1)
    option = parser.add_argument
    option("--prose", type=Path, nargs="+", metavar="FILE", help="English prose")
    option("--data", type=Path, metavar="FOLDER", help=f"has English prose in {CLASSICS}")
    option("--chinese", type=Path, metavar="FILE", help="default: drawn with wordfreq by --peer-python")
    option("--hindi", type=Path, metavar="FILE", help="likewise")
    options = parser.parse_args()
    if options.vocab is None:
        parser.error("--vocab is needed: speed depends on the merges, and a made-up vocabulary has few")
    return options


def job(text: Text, n_bytes: int) -> Job:
    """Encoding the beginning of a text, by a tokenizer that has seen no other."""
    megabytes = len(beginning(text.path, n_bytes).encode("utf-8")) / 1e6
    return Job(
        name=f"tokenize {text.name}, {round(megabytes, 2):g} MB",
        call="encode",
        amount=megabytes,
        unit="MB/s",
        warm_up={"compared": True},
        tolerance=0,
        strict=True,
        fresh=True,
        memory=False,
    )


def texts(options: argparse.Namespace, benchmark: Benchmark) -> Iterator[Text]:
    """All that can be had; the others are skipped by name."""
    folder = benchmark.settings.work / "texts"
    if prose := options.prose or (options.data and sorted((options.data / CLASSICS).glob("*.txt"))):
        yield joined("English", prose, folder)
    else:
        benchmark.skip("English", "neither --prose nor --data names a text")
    yield joined("Python", standard_library(), folder)
    for name, language, given in (("Chinese", "zh", options.chinese), ("Hindi", "hi", options.hindi)):
        if given:
            yield Text(name, given.resolve())
            continue
        try:
            yield drawn(name, language, folder, benchmark)
        except (MissingPackageError, EngineError) as error:
            benchmark.skip(name, str(error))


def joined(name: str, files: list[Path], folder: Path) -> Text:
    """A text of many files."""
    path = folder / f"{name}.txt"
    join(files, path, SIZE)
    return Text(name, path)


def drawn(name: str, language: str, folder: Path, benchmark: Benchmark) -> Text:
    """A text of words; the file is kept.

    Raises:
        MissingPackageError: wordfreq is not installed.
    """
    path = folder / f"{name}.txt"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        options = {"language": language, "path": str(path), "n_bytes": SIZE}
        with Worker(
            Engine("wordfreq", "benchmarks.engines.wordfreq_:write", options), benchmark.environment
        ) as writer:
            writer.new()
    return Text(name, path)


if __name__ == "__main__":
    main()
