"""Prints what was measured as the tables of docs/performance.md.

python -m benchmarks.report [benchmarks/results/*.json]
"""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.results import RESULTS, Row, read_results
from benchmarks.show import memory_text, ratio_text, share_text, speed_text

BEGIN, END = "<!-- tables -->", "<!-- end of tables -->"
ORDER = ("generate", "encode", "tokenize", "train", "startup")


def main() -> None:
    """Prints all files that are given, else all results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", type=Path, default=sorted(RESULTS.glob("*.json"), key=_place))
    parser.add_argument("--into", type=Path, help="put the tables between the marks in a document instead")
    options = parser.parse_args()
    tables = "\n\n".join("\n".join(section(*read_results(path))) for path in options.files)
    if options.into:
        replace_tables(options.into, tables)
    else:
        print(tables)


def replace_tables(document: Path, tables: str) -> None:
    """Puts tables between the two marks; all else stays."""
    text = document.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise SystemExit(f"{document}: no {BEGIN} ... {END} in it")
    document.write_text(f"{before}{begin}\n\n{tables}\n\n{end}{after}", encoding="utf-8")


def section(facts: dict[str, Any], rows: Sequence[Row]) -> Iterator[str]:
    """Heading, machine and table of one benchmark."""
    machine = facts["machine"]
    yield f"### {facts['benchmark']}"
    yield ""
    pairs = _count(len(rows[0].ours_s), "pair")
    yield (
        f"{facts['date'][:10]}, commit {(facts['commit'] or 'unknown')[:12]}, {machine['cpu']}, "
        f"{_count(facts['threads'], 'thread')}, {pairs}; {', '.join(_versions(facts['versions']))}."
    )
    yield ""
    benchmark = facts["benchmark"]
    yield from table(rows, with_memory=benchmark == "train", all_peers=benchmark == "tokenize")


def table(rows: Iterable[Row], *, with_memory: bool, all_peers: bool = False) -> Iterator[str]:
    """A line for each job, with the peer that comes nearest to us; or one for each peer."""
    names = ["job", "ours", "peer" if all_peers else "best peer", "ratio", "of the limit"]
    names += ["memory", "the peer's"] if with_memory else []
    yield _line(names)
    yield _line(["---", *["---:"] * (len(names) - 1)])
    for _, group in groupby(rows, key=lambda row: (row.job, row.peer if all_peers else None)):
        row = min(group, key=lambda row: row.ratio or 0)
        peer = f"{row.peer} {speed_text(row.peer_speed, row.unit)}" if row.peer else "-"
        cells = [row.job, speed_text(row.speed, row.unit), peer, ratio_text(row.ratio), share_text(row.share)]
        cells += [memory_text(row.ours_peak_bytes), memory_text(row.peer_peak_bytes)] if with_memory else []
        yield _line(cells)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _count(number: int, name: str) -> str:
    return f"{number} {name}" if number == 1 else f"{number} {name}s"


def _versions(versions: dict[str, dict[str, str]]) -> list[str]:
    """Every package once; Python's version is the same for all or of no matter."""
    found = {name: version for engine in versions.values() for name, version in engine.items()}
    return [f"{name} {version}" for name, version in found.items() if name != "python"]


def _place(path: Path) -> tuple[int, str]:
    return (ORDER.index(path.stem) if path.stem in ORDER else len(ORDER)), path.stem


if __name__ == "__main__":
    main()
