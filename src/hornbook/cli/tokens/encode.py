"""`hornbook tokens encode`: text to ids."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hornbook.cli.layout import print_json
from hornbook.cli.options import common_options, json_option
from hornbook.cli.output import write_text
from hornbook.cli.parameters import Command
from hornbook.cli.problems import naming
from hornbook.cli.text import MAX_DOCUMENT_BYTES, MAX_TEXT_BYTES, read_piped
from hornbook.cli.tokens.load import (
    SPECIAL_RULES,
    Special,
    add_special_option,
    explaining_refusal,
    load_tokenizer,
    special_option,
    tokenizer_options,
)
from hornbook.cli.tokens.show import as_dict, look_up, show_tokens

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["encode"]

IDS_AT_ONCE = 1 << 16


@click.command(cls=Command, short_help="Print the ids of a text.")
@click.argument("text", required=False)
@click.option("--ids", is_flag=True, help="Print nothing but ids, on a terminal too.")
@special_option
@add_special_option
@json_option("ids with their text and position")
@tokenizer_options
@common_options
def encode(
    text: str | None,
    ids: bool,
    special: Special,
    add_special: bool,
    as_json: bool,
    model: str,
    revision: str | None,
    tokenizer_path: Path | None,
) -> None:
    """Print the ids of TEXT; `-` reads it from stdin, as does a pipe where no text is given.

    On a terminal each token is shown in a colour, with its id and its position in the text.

    \b
    Examples:
      hornbook tokens encode "The cat sat on the mat"
      hornbook tokens encode -t tokenizer.json - < story.txt
    """
    if ids and as_json:
        raise click.UsageError("--ids: --json has the ids; leave one out")
    is_plain = not as_json and (ids or not sys.stdout.isatty())
    given = read_piped(text, "TEXT", max_bytes=MAX_DOCUMENT_BYTES if is_plain else MAX_TEXT_BYTES)
    if given is None:
        raise click.UsageError("give TEXT, or pipe it in")
    tokenizer = load_tokenizer(model, revision, tokenizer_path)
    with naming("encoding the text"), explaining_refusal(tokenizer, given, special):
        if is_plain:
            rules = SPECIAL_RULES[special]
            _print_ids(tokenizer.encode_batch([given], add_special_tokens=add_special, **rules).ids)
            return
        tokens = look_up(tokenizer, given, special, add_special_tokens=add_special)
    if as_json:
        print_json([as_dict(token) for token in tokens])
    else:
        show_tokens(tokens, given)


def _print_ids(ids: "NDArray[Any]") -> None:
    """Prints all ids on one line, some thousands at a time."""
    for begin in range(0, len(ids), IDS_AT_ONCE):
        some = " ".join(map(str, ids[begin : begin + IDS_AT_ONCE].tolist()))
        write_text(some if begin == 0 else f" {some}")
    write_text("\n")
