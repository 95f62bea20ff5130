"""Keeps the links of docs/architecture.md to lines of code right.

    python tools/link_lines.py

A link such as [`GPT2.encode`](../src/hornbook/models/gpt2.py#L90) leads to the line that defines its last
name: a `def` or `class` in Python, a function in C++.
"""

import re
from pathlib import Path

__all__ = ["DOCUMENT", "linked"]

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "architecture.md"
LINK = re.compile(r"\[`([\w.:]+)`\]\(([^)#]+)#L\d+\)")


def linked(text: str, folder: Path) -> str:
    """The same text with the line numbers of its links as they are in the files.

    Raises:
        ValueError: a file does not define what a link says.
    """
    return LINK.sub(lambda link: f"[`{link[1]}`]({link[2]}#L{_line_of(link[1], folder / link[2])})", text)


def _line_of(name: str, path: Path) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    number = 0
    for part in re.split(r"\.|::", name):
        definition = re.compile(
            rf"\s*(async )?(def|class) {part}\b|{part}(:.*)? = |(?!\s|return|//)[\w:<>*& ]+ [*&]?{part}\("
        )
        number = next((i for i, line in enumerate(lines[number:], number + 1) if definition.match(line)), 0)
        if not number:
            raise ValueError(f"{path}: no definition of {name}")
    return number


def main() -> None:
    """Writes the document anew."""
    DOCUMENT.write_text(linked(DOCUMENT.read_text(encoding="utf-8"), DOCUMENT.parent), encoding="utf-8")


if __name__ == "__main__":
    main()
