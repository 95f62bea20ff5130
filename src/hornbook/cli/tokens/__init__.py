"""`hornbook tokens`: text to ids and back, tokenizers side by side, and new ones."""

import click

from hornbook.cli.parameters import Group
from hornbook.cli.tokens.compare import compare
from hornbook.cli.tokens.count import count
from hornbook.cli.tokens.create import create
from hornbook.cli.tokens.decode import decode
from hornbook.cli.tokens.encode import encode

__all__ = ["tokens"]


@click.group(cls=Group, short_help="Text to ids and back; compare and train tokenizers.")
def tokens() -> None:
    """Turn text into token ids and back, compare tokenizers, and train them."""


for command in (encode, decode, count, compare, create):
    tokens.add_command(command)
