"""`hornbook tokens count`: how many tokens texts have, and how many a tokenizer knows."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from hornbook.cli.layout import print_json, print_table
from hornbook.cli.options import common_options, json_option
from hornbook.cli.text import read_arguments, read_whole
from hornbook.cli.tokens.load import SPECIAL_RULES, Special, load_tokenizer, special_option, tokenizer_options
from hornbook.cli.tokens.show import token_label

if TYPE_CHECKING:
    from hornbook import Tokenizer

__all__ = ["count"]

DEFAULT_FILE = Path("tokenizer.json")
N_FIRST = 10


@click.command(short_help="Count the tokens of texts, files, and a tokenizer.")
@click.argument("texts", nargs=-1)
@click.option(
    "-i", "--input", "inputs", metavar="FILE", multiple=True, help="A text file; may be given again."
)
@special_option
@json_option("the counts")
@tokenizer_options
@common_options
@click.pass_context
def count(
    context: click.Context,
    texts: tuple[str, ...],
    inputs: tuple[str, ...],
    special: Special,
    as_json: bool,
    model: str,
    revision: str | None,
    tokenizer_path: Path | None,
) -> None:
    """Print how many tokens TEXTS have; `-` reads one from stdin.

    Without texts and files, print what the tokenizer knows: all tokens, the base of ordinary ones, the
    special ones, and the first ten. It is tokenizer.json then, unless another is named.

    \b
    Examples:
      hornbook tokens count "The cat sat on the mat"
      hornbook tokens count -i story.txt -i novel.txt
      hornbook tokens count -t tokenizer.json
    """
    has_texts = bool(texts or inputs)
    if not has_texts and context.get_parameter_source("model") is ParameterSource.DEFAULT:
        tokenizer_path = tokenizer_path or DEFAULT_FILE
    named = [("", text) for text in read_arguments(texts)] + [(name, read_whole(name)) for name in inputs]
    tokenizer = load_tokenizer(model, revision, tokenizer_path)
    if not has_texts:
        _print_summary(tokenizer, as_json)
        return
    counts = [
        (name, len(text), len(tokenizer.encode(text, **SPECIAL_RULES[special]))) for name, text in named
    ]
    if as_json:
        print_json([{"file": name or None, "characters": size, "tokens": n} for name, size, n in counts])
    elif len(counts) == 1:
        click.echo(counts[0][2])
    else:
        rows = [*((n, name or "text") for name, _, n in counts), (sum(n for *_, n in counts), "total")]
        print_table([(str(n), name) for n, name in rows], right={0}, indent=0)


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
