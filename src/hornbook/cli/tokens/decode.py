"""`hornbook tokens decode`: ids to text."""

from pathlib import Path

import click

from hornbook.cli.ids import MAX_IDS_BYTES, parse_ids
from hornbook.cli.options import common_options
from hornbook.cli.output import write_text
from hornbook.cli.parameters import Command
from hornbook.cli.problems import naming
from hornbook.cli.text import STDIN, read_piped
from hornbook.cli.tokens.load import load_tokenizer, tokenizer_options

__all__ = ["decode"]


@click.command(cls=Command, short_help="Print the text of ids.")
@click.argument("ids", nargs=-1)
@click.option("--skip-special", is_flag=True, help="Leave out special tokens, such as [CLS].")
@tokenizer_options
@common_options
def decode(
    ids: tuple[str, ...], skip_special: bool, model: str, revision: str | None, tokenizer_path: Path | None
) -> None:
    """Print the text of IDS; `-` reads them from stdin, as does a pipe where none are given.

    Spaces, commas and brackets may stand between the ids: `[1, 2]` is `1 2`. What `tokens encode --json` and
    `generate --json` print is read as well.

    \b
    Examples:
      hornbook tokens decode 337 1205
      hornbook tokens encode --json "The cat" | hornbook tokens decode -
    """
    given = None if not ids else STDIN if ids == (STDIN,) else " ".join(ids)
    words = read_piped(given, "IDS", max_bytes=MAX_IDS_BYTES)
    if words is None:
        raise click.UsageError("give IDS, or pipe them in")
    numbers = parse_ids(words, "IDS")
    tokenizer = load_tokenizer(model, revision, tokenizer_path)
    with naming("decoding the ids"):
        write_text(tokenizer.decode(numbers, skip_special_tokens=skip_special) + "\n")
