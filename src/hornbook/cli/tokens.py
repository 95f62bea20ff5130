"""`hornbook tokens`: text to ids and back."""

from typing import TYPE_CHECKING, Literal

import click

from hornbook.builtin import DEFAULT_LANGUAGE_MODEL
from hornbook.cli.options import common_options, model_option
from hornbook.cli.output import print_json
from hornbook.cli.text import STDIN, read_argument

if TYPE_CHECKING:
    from hornbook import BPETokenizer

__all__ = ["tokens"]

special_option = click.option(
    "--special",
    type=click.Choice(["text", "parse", "refuse"]),
    default="text",
    show_default=True,
    help="Take <|endoftext|> in the text as ordinary text, as the special token, or as an error.",
)


@click.group()
def tokens() -> None:
    """Turn text into token ids and back."""


@tokens.command()
@click.argument("text")
@special_option
@click.option("--json", "as_json", is_flag=True, help="Print ids with their text and place as JSON.")
@model_option(DEFAULT_LANGUAGE_MODEL)
@common_options
def encode(
    text: str, special: Literal["text", "parse", "refuse"], as_json: bool, model: str, revision: str | None
) -> None:
    """Print the ids of TEXT; `-` reads it from stdin."""
    tokenizer = _load_tokenizer(model, revision)
    text = read_argument(text)
    if as_json:
        spans = tokenizer.encode_with_spans(text, special=special)
        print_json([{"id": i, "text": tokenizer.decode([i]), "start": a, "end": b} for i, a, b in spans])
    else:
        click.echo(" ".join(map(str, tokenizer.encode(text, special=special))))


@tokens.command()
@click.argument("ids", nargs=-1, required=True)
@model_option(DEFAULT_LANGUAGE_MODEL)
@common_options
def decode(ids: tuple[str, ...], model: str, revision: str | None) -> None:
    """Print the text of IDS; `-` reads them from stdin."""
    words = read_argument(STDIN).split() if ids == (STDIN,) else list(ids)
    numbers = [word.strip(",[]") for word in words]
    for number in numbers:
        if number and not number.isdecimal():
            raise click.UsageError(f"IDS: expected integers, got {number!r}")
    tokenizer = _load_tokenizer(model, revision)
    click.echo(tokenizer.decode([int(number) for number in numbers if number]))


@tokens.command()
@click.argument("text")
@special_option
@model_option(DEFAULT_LANGUAGE_MODEL)
@common_options
def count(text: str, special: Literal["text", "parse", "refuse"], model: str, revision: str | None) -> None:
    """Print how many tokens TEXT has; `-` reads it from stdin."""
    tokenizer = _load_tokenizer(model, revision)
    click.echo(len(tokenizer.encode(read_argument(text), special=special)))


def _load_tokenizer(model: str, revision: str | None) -> "BPETokenizer":
    from hornbook.loading import find_model, read_tokenizer

    return read_tokenizer(find_model(model, revision=revision))
