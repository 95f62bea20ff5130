"""Rows as a table on a terminal, and the numbers in it as text."""

import sys
from collections.abc import Iterable

from benchmarks.results import Row
from rich import box
from rich.console import Console
from rich.table import Table

WIDE = 130
"""Columns that all of a row needs."""


def show(rows: Iterable[Row]) -> None:
    """Prints one line for each row; memory and differences where there is room."""
    console = Console(width=None if sys.stdout.isatty() else WIDE)
    table = Table(box=box.SIMPLE_HEAD)
    names = ["job", "ours", "peer", "its", "ratio", "of limit"]
    names += ["memory", "its", "difference"] if console.width >= WIDE else []
    for name in names:
        table.add_column(name, justify="left" if name in {"job", "peer"} else "right")
    for row in rows:
        table.add_row(*_cells(row)[: len(names)], style=None if row.agrees else "red")
    console.print(table)


def speed_text(speed: float | None, unit: str) -> str:
    """A speed with its unit; times below a second in milliseconds."""
    if speed is None:
        return "-"
    if unit == "s":
        return f"{speed:.2f} s" if speed >= 1 else f"{speed * 1e3:.0f} ms"
    return f"{number_text(speed)} {unit}"


def number_text(number: float) -> str:
    """Three digits at least."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.1f}"


def ratio_text(ratio: float | None) -> str:
    """How many times faster."""
    return "-" if ratio is None else f"{ratio:.2f} x"


def share_text(share: float | None) -> str:
    """Per cent of the limit."""
    return "-" if share is None else f"{share:.0%}"


def memory_text(size_bytes: int | None) -> str:
    """In megabytes."""
    return "-" if size_bytes is None else f"{size_bytes / 1e6:,.0f} MB"


def _cells(row: Row) -> list[str]:
    difference = "-" if row.difference is None else f"{row.difference:.1g}"
    return [
        row.job,
        speed_text(row.speed, row.unit),
        row.peer or "-",
        _peer_text(row),
        ratio_text(row.ratio),
        share_text(row.share),
        memory_text(row.ours_peak_bytes),
        memory_text(row.peer_peak_bytes),
        difference if row.agrees else f"{difference} DIFFERS",
    ]


def _peer_text(row: Row) -> str:
    """The peer's speed; its unit is that of ours."""
    if row.peer_speed is None or row.unit == "s":
        return speed_text(row.peer_speed, row.unit)
    return number_text(row.peer_speed)
