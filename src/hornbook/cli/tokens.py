"""`hornbook tokens`: text to ids and back."""

import re
from typing import TYPE_CHECKING, Any, Literal

import click

from hornbook.builtin import DEFAULT_LANGUAGE_MODEL
from hornbook.cli.layout import print_json
from hornbook.cli.options import common_options, json_option, model_option
from hornbook.cli.output import write_text
from hornbook.cli.text import STDIN, read_argument

if TYPE_CHECKING:
    from hornbook import BPETokenizer

__all__ = ["tokens"]

LARGEST_DIGITS = 18
"""More digits than any vocabulary needs, and few enough for Python to read."""

_SPECIAL: dict[str, dict[str, Any]] = {
    "text": {},
    "parse": {"allowed_special": "all"},
    "refuse": {"disallowed_special": "all"},
}

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
@json_option("ids with their text and place")
@model_option(DEFAULT_LANGUAGE_MODEL)
@common_options
def encode(
    text: str, special: Literal["text", "parse", "refuse"], as_json: bool, model: str, revision: str | None
) -> None:
    """Print the ids of TEXT; `-` reads it from stdin."""
    text = read_argument(text)
    tokenizer = _load_tokenizer(model, revision)
    if as_json:
        spans = tokenizer.encode_with_spans(text, **_SPECIAL[special])
        print_json([{"id": i, "text": tokenizer.decode([i]), "start": a, "end": b} for i, a, b in spans])
    else:
        click.echo(" ".join(map(str, tokenizer.encode(text, **_SPECIAL[special]))))


@tokens.command()
@click.argument("ids", nargs=-1, required=True)
@model_option(DEFAULT_LANGUAGE_MODEL)
@common_options
def decode(ids: tuple[str, ...], model: str, revision: str | None) -> None:
    """Print the text of IDS; `-` reads them from stdin.

    Spaces, commas and brackets may stand between the ids: `[1, 2]` is `1 2`.
    """
    words = read_argument(STDIN) if ids == (STDIN,) else " ".join(ids)
    numbers = [_parse_id(word) for word in re.split(r"[\s,\[\]]+", words) if word]
    write_text(_load_tokenizer(model, revision).decode(numbers) + "\n")


@tokens.command()
@click.argument("text")
@special_option
@model_option(DEFAULT_LANGUAGE_MODEL)
@common_options
def count(text: str, special: Literal["text", "parse", "refuse"], model: str, revision: str | None) -> None:
    """Print how many tokens TEXT has; `-` reads it from stdin."""
    text = read_argument(text)
    click.echo(len(_load_tokenizer(model, revision).encode(text, **_SPECIAL[special])))


def _parse_id(word: str) -> int:
    if not re.fullmatch(rf"[0-9]{{1,{LARGEST_DIGITS}}}", word):
        raise click.UsageError(f"IDS: expected integers of up to {LARGEST_DIGITS} digits, got {word!r:.50}")
    return int(word)


def _load_tokenizer(model: str, revision: str | None) -> "BPETokenizer":
    from hornbook.loading import find_model, read_tokenizer

    return read_tokenizer(find_model(model, revision=revision))
