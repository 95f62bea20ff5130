"""`hornbook tokens compare`: what two tokenizers make of the same text."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import click

from hornbook.cli.layout import print_json, print_table, shorten, shown
from hornbook.cli.options import common_options, json_option
from hornbook.cli.output import heading
from hornbook.cli.parameters import Command
from hornbook.cli.problems import naming
from hornbook.cli.text import read_piped
from hornbook.cli.tokens.load import Special, explaining_refusal, load_named, special_option
from hornbook.cli.tokens.show import (
    Token,
    as_dict,
    look_up,
    per_token,
    plain_line,
    print_colored,
)

__all__ = ["compare"]

NAME_WIDTH = 32


@dataclass(frozen=True)
class Side:
    """One of the tokenizers, and what it makes of the text."""

    name: str
    vocab_size: int
    tokens: Sequence[Token]


@click.command(cls=Command, short_help="Show two tokenizers side by side.")
@click.argument("a")
@click.argument("b")
@click.argument("text", required=False)
@special_option
@json_option("both tokenizers")
@common_options
def compare(a: str, b: str, text: str | None, special: Special, as_json: bool) -> None:
    """Show what tokenizers A and B make of TEXT, side by side.

    `-` reads TEXT from stdin, as does a pipe where it is not given. A and B are models, built-in, in a folder
    or on the Hub, or tokenizer.json files. What is put around a text, such as [CLS], is left out.

    \b
    Example:
      hornbook tokens compare tiny-lm tokenizer.json "The cat sat on the mat"
    """
    given = read_piped(text, "TEXT")
    if given is None:
        raise click.UsageError("give TEXT, or pipe it in")
    sides = [_side(name, given, special) for name in (a, b)]
    if as_json:
        print_json({"characters": len(given), "tokenizers": [_as_dict(side, given) for side in sides]})
    else:
        _print_numbers(sides, given)
        _print_lines(sides)
        _print_differences(sides, given)


def _side(name: str, text: str, special: Special) -> Side:
    tokenizer = load_named(name)
    with naming("comparing tokenizers"), explaining_refusal(tokenizer, text, special):
        tokens = look_up(tokenizer, text, special, add_special_tokens=False)
    return Side(name, tokenizer.vocab_size, tokens)


def _as_dict(side: Side, text: str) -> dict[str, Any]:
    return {
        "name": side.name,
        "vocab_size": side.vocab_size,
        "count": len(side.tokens),
        "characters_per_token": per_token(text, side.tokens),
        "tokens": [as_dict(token) for token in side.tokens],
    }


def _print_numbers(sides: Sequence[Side], text: str) -> None:
    print_table(
        [
            ("", *(shorten(shown(side.name), NAME_WIDTH) for side in sides)),
            ("vocabulary", *(f"{side.vocab_size:,}" for side in sides)),
            ("tokens", *(f"{len(side.tokens):,}" for side in sides)),
            ("characters per token", *(f"{per_token(text, side.tokens):.2f}" for side in sides)),
        ],
        right={1, 2},
        indent=0,
    )


def _print_lines(sides: Sequence[Side]) -> None:
    for side in sides:
        heading(side.name)
        if sys.stdout.isatty():
            print_colored(side.tokens)
        else:
            click.echo(plain_line(side.tokens))


def _print_differences(sides: Sequence[Side], text: str) -> None:
    """The parts of the text that the two split differently, with tokens and ids; or that they agree."""
    rows = [
        (f"text[{start}:{end}]", *map(_listed, parts))
        for start, end, parts in _stretches(sides, len(text))
        if [token.shown for token in parts[0]] != [token.shown for token in parts[1]]
    ]
    if rows:
        heading("Where they differ")
        print_table(rows)
    elif [token.id for token in sides[0].tokens] == [token.id for token in sides[1].tokens]:
        click.echo("They make the same tokens of this text, with the same ids.")
    else:
        click.echo("They make the same tokens of this text, with different ids.")


def _stretches(sides: Sequence[Side], size: int) -> Iterator[tuple[int, int, list[list[Token]]]]:
    """The shortest parts of the text that begin and end where both have a token boundary."""
    cuts = set.intersection(*(_cuts(side.tokens, size) for side in sides))
    start = 0
    for end in sorted(cuts - {0}):
        last = end == size
        yield (
            start,
            end,
            [
                [t for t in side.tokens if start <= t.start < end or (last and t.start == size)]
                for side in sides
            ],
        )
        start = end


def _cuts(tokens: Sequence[Token], size: int) -> set[int]:
    """The token boundaries: all positions that are not inside of a token."""
    crossed = {position for token in tokens for position in range(token.start + 1, token.end)}
    return set(range(size + 1)) - crossed


def _listed(tokens: Sequence[Token]) -> str:
    return "  ".join(f"'{token.shown}' {token.id}" for token in tokens)
