"""`hornbook tokens encode`: text to ids."""

import sys
from pathlib import Path

import click

from hornbook.cli.layout import print_json
from hornbook.cli.options import common_options, json_option
from hornbook.cli.text import read_argument
from hornbook.cli.tokens.load import SPECIAL_RULES, Special, load_tokenizer, special_option, tokenizer_options
from hornbook.cli.tokens.show import as_dict, look_up, show_tokens

__all__ = ["encode"]


@click.command()
@click.argument("text")
@click.option("--ids", is_flag=True, help="Print nothing but ids, on a terminal too.")
@special_option
@json_option("ids with their text and place")
@tokenizer_options
@common_options
def encode(
    text: str,
    ids: bool,
    special: Special,
    as_json: bool,
    model: str,
    revision: str | None,
    tokenizer_path: Path | None,
) -> None:
    """Print the ids of TEXT; `-` reads it from stdin.

    On a terminal each token is shown in a colour, with its id and its place in the text.

    \b
    Examples:
      hornbook tokens encode "The cat sat on the mat"
      hornbook tokens encode -t tokenizer.json - < story.txt
    """
    if ids and as_json:
        raise click.UsageError("--ids: --json has the ids; leave one out")
    text = read_argument(text)
    tokenizer = load_tokenizer(model, revision, tokenizer_path)
    if as_json:
        print_json([as_dict(token) for token in look_up(tokenizer, text, special)])
    elif ids or not sys.stdout.isatty():
        click.echo(" ".join(map(str, tokenizer.encode(text, **SPECIAL_RULES[special]))))
    else:
        show_tokens(look_up(tokenizer, text, special), text)
