"""Tokens as a terminal shows them: each in a colour, and without control characters."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING, Any

from hornbook.cli.output import settings
from hornbook.cli.tokens.load import SPECIAL_RULES

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from hornbook import Tokenizer
    from hornbook.cli.tokens.load import Special

__all__ = [
    "Token",
    "as_dict",
    "look_up",
    "per_token",
    "plain_line",
    "print_colored",
    "show_tokens",
    "token_label",
]

COLOURS = (
    "black on bright_cyan",
    "black on bright_yellow",
    "black on bright_green",
    "black on bright_magenta",
)
SEPARATOR = "|"
LEAST_WIDTH = 8
"""Columns for the text of a token, on the narrowest terminal."""


@dataclass(frozen=True)
class Token:
    """A token and its position in the text.

    Attributes:
        id: its number.
        text: what it stands for; U+FFFD for a part of a character.
        start: the position of its first character in the text.
        end: the position after its last character.
        shown: the text as it is printed: in hexadecimal digits where it is a part of a character.
    """

    id: int
    text: str
    start: int
    end: int
    shown: str


def look_up(
    tokenizer: "Tokenizer", text: str, special: "Special", *, add_special_tokens: bool
) -> list[Token]:
    """The tokens of a text, with those that are put around it, such as [CLS], if they are wanted."""
    rules = {**SPECIAL_RULES[special], "add_special_tokens": add_special_tokens}
    return [
        Token(token_id, tokenizer.decode([token_id]), start, end, _shown(tokenizer, token_id))
        for token_id, start, end in tokenizer.encode_with_spans(text, **rules)
    ]


def as_dict(token: Token) -> dict[str, Any]:
    """What programs read."""
    return {"id": token.id, "text": token.text, "start": token.start, "end": token.end}


def per_token(text: str, tokens: Sequence[Token]) -> float:
    """Characters that a token stands for on average."""
    return len(text) / len(tokens) if tokens else 0.0


def plain_line(tokens: Iterable[Token]) -> str:
    """The text with a bar between its tokens."""
    return SEPARATOR.join(token.shown for token in tokens)


def print_colored(tokens: Sequence[Token]) -> None:
    """The text with a colour for each token, or without colours with bars between them."""
    console = _console()
    if console.no_color or console.color_system is None:
        console.print(plain_line(tokens), markup=False, soft_wrap=True)
    else:
        console.print(_colored(tokens), soft_wrap=True)


def show_tokens(tokens: Sequence[Token], text: str) -> None:
    """The text in colours, then a row for each token."""
    from rich.table import Table
    from rich.text import Text

    print_colored(tokens)
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold", min_width=LEAST_WIDTH)
    table.add_column(no_wrap=True)
    for position, (token, colour) in enumerate(zip(tokens, cycle(COLOURS), strict=False)):
        span = f"text[{token.start}:{token.end}]"
        table.add_row(str(position), str(token.id), Text(f"'{token.shown}'", style=colour), span)
    console = _console()
    console.print(table, markup=False)
    count = f"{len(tokens)} token{'' if len(tokens) == 1 else 's'}"
    console.print(f"{count}, {len(text)} characters, {per_token(text, tokens):.2f} characters per token")


def token_label(tokenizer: "Tokenizer", token_id: int) -> str:
    """A token in quotes, for a table."""
    return f"'{_shown(tokenizer, token_id)}'"


def _console() -> "Console":
    """The terminal, as rich writes to it."""
    from rich.console import Console

    return Console(no_color=settings().color is False or None, highlight=False, emoji=False)


def _colored(tokens: Sequence[Token]) -> "Text":
    from rich.text import Text

    line = Text()
    for token, colour in zip(tokens, cycle(COLOURS), strict=False):
        line.append(token.shown, style=colour)
    return line


def _shown(tokenizer: "Tokenizer", token_id: int) -> str:
    """The token with escapes for what is not printable."""
    piece = tokenizer.token_bytes(token_id)
    try:
        text = piece.decode()
    except UnicodeDecodeError:
        return "".join(f"\\x{byte:02x}" for byte in piece)
    return "".join(c if c.isprintable() and c != "\\" else ascii(c)[1:-1] for c in text)
