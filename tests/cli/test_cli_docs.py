"""docs/cli.md is what the commands print."""

import re

from tools.make_cli_docs import TARGET, document

from hornbook.cli.main import cli


def test_documentation_is_up_to_date() -> None:
    assert TARGET.read_text(encoding="utf-8") == document(), "run `python -m tools.make_cli_docs`"


def test_every_command_has_a_section() -> None:
    titles = re.findall(r"^#+ hornbook ?(.*)$", document(), re.MULTILINE)
    assert [title for title in titles if " " not in title] == ["", *cli.commands]
    assert titles[titles.index("tokens") + 1] == "tokens encode"


def test_names_do_not_break_at_their_hyphens() -> None:
    assert not re.search(r"\w-$", document(), re.MULTILINE)
