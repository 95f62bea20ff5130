"""`hornbook tokens count`: how many tokens texts have, and how many a tokenizer knows."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from hornbook.cli.layout import print_json, print_table, shown
from hornbook.cli.options import common_options, json_option
from hornbook.cli.parameters import Command, LinesType
from hornbook.cli.problems import naming
from hornbook.cli.text import STDIN, is_piped, read_arguments, read_whole
from hornbook.cli.tokens.load import (
    SPECIAL_RULES,
    Special,
    add_special_option,
    explaining_refusal,
    load_tokenizer,
    special_option,
    tokenizer_options,
)
from hornbook.cli.tokens.show import token_label

if TYPE_CHECKING:
    from hornbook import Tokenizer

__all__ = ["count"]

DEFAULT_FILE = Path("tokenizer.json")
N_FIRST = 10


@click.command(cls=Command, short_help="Count the tokens of texts, files, and a tokenizer.")
@click.argument("texts", nargs=-1)
@click.option(
    "-i",
    "--input",
    "sources",
    type=LinesType(),
    metavar="FILE",
    multiple=True,
    help="A text file, `-` for stdin. May be given again.",
)
@special_option
@add_special_option
@json_option("the counts")
@tokenizer_options
@common_options
@click.pass_context
def count(
    context: click.Context,
    texts: tuple[str, ...],
    sources: tuple[str, ...],
    special: Special,
    add_special: bool,
    as_json: bool,
    model: str,
    revision: str | None,
    tokenizer_path: Path | None,
) -> None:
    """Print how many tokens TEXTS have; `-` reads one from stdin, without its last line end.

    A file is counted as it is, and so is what is piped in where no text and no file is given.

    Without any of these, print what the tokenizer knows: all tokens, the base of ordinary ones, the special
    ones, and the first ten. Unless another tokenizer is named, that is the tokenizer.json of this directory,
    if one exists.

    \b
    Examples:
      hornbook tokens count "The cat sat on the mat"
      hornbook tokens count -i story.txt -i novel.txt
      hornbook tokens count -t tokenizer.json
    """
    named = _read(texts, sources)
    first = next(named, None)
    is_default = context.get_parameter_source("model") is ParameterSource.DEFAULT
    if first is None and is_default and tokenizer_path is None and DEFAULT_FILE.is_file():
        tokenizer_path = DEFAULT_FILE
    tokenizer = load_tokenizer(model, revision, tokenizer_path)
    if first is None:
        _print_summary(tokenizer, as_json)
        return
    counts = [
        (name, len(text), _count(tokenizer, text, special, add_special))
        for name, text in chain([first], named)
    ]
    if as_json:
        print_json([{"file": name or None, "characters": size, "tokens": n} for name, size, n in counts])
    elif len(counts) == 1:
        click.echo(counts[0][2])
    else:
        rows = [*((n, shown(name) or "text") for name, _, n in counts), (sum(n for *_, n in counts), "total")]
        print_table([(str(n), name) for n, name in rows], right={0}, indent=0)


def _read(texts: tuple[str, ...], sources: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The texts, each with the name of its file, one after the other.

    Raises:
        UsageError: stdin is named twice.
        DataError: a file is missing, too large, or not UTF-8.
    """
    if [*texts, *sources].count(STDIN) > 1:
        raise click.UsageError("`-` is given twice; stdin can be read only once")
    for text in read_arguments(texts):
        yield "", text
    for source in sources:
        yield source, read_whole(source)
    if not texts and not sources and is_piped():
        piped = read_whole(STDIN)
        if piped:
            yield "", piped


def _count(tokenizer: "Tokenizer", text: str, special: Special, add_special: bool) -> int:
    """How many tokens a text has; `encode_batch` keeps the ids of a large one in a small array."""
    with naming("counting tokens"), explaining_refusal(tokenizer, text, special):
        rules = SPECIAL_RULES[special]
        return len(tokenizer.encode_batch([text], add_special_tokens=add_special, **rules).ids)


def _print_summary(tokenizer: "Tokenizer", as_json: bool) -> None:
    total, special = tokenizer.vocab_size, len(tokenizer.special_tokens)
    first = [(i, token_label(tokenizer, i)) for i in range(min(N_FIRST, total))]
    if as_json:
        print_json(
            {
                "total": total,
                "base": total - special,
                "special": special,
                "special_tokens": tokenizer.special_tokens,
                "first_tokens": [{"id": i, "text": tokenizer.decode([i])} for i, _ in first],
            }
        )
        return
    counts = (("Total tokens", total), ("Base tokens", total - special), ("Special tokens", special))
    print_table([(f"{name}:", f"{n:,}") for name, n in counts], right={1}, indent=0)
    click.echo(f"First {len(first)} tokens:")
    print_table([(str(i), label) for i, label in first], right={0})
