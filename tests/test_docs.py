"""The documentation points to what exists."""

import re
from pathlib import Path

import pytest
from tools.link_lines import DOCUMENT, linked

REPOSITORY = Path(__file__).resolve().parent.parent
DOCUMENTS = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
PACKAGE = REPOSITORY / "src" / "hornbook"


def test_links_to_lines_lead_to_definitions() -> None:
    """`python tools/link_lines.py` mends them."""
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text.count("#L") > 30
    assert linked(text, DOCUMENT.parent) == text


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_linked_files_exist(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), target


def test_every_document_is_in_the_readme() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    for document in DOCUMENTS[1:]:
        assert f"(docs/{document.name})" in readme


def test_every_room_is_described() -> None:
    rooms = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()}
    rooms -= {"__init__", "__main__", "__pycache__"}
    table = re.findall(r"^\| (`.*?) \|", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"`([^`]+)`", " ".join(table))) - {"native/"} == rooms
