"""Damaged files by the thousand; `python -m tests.tokenizer.fuzz` goes on for as long as it is let."""

from tests.tokenizer.fuzz import run


def test_damaged_files_are_read_or_refused() -> None:
    assert run(seed=5, seconds=240, most=1_000) == 1_000
