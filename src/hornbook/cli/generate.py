"""`hornbook generate`: continue a text."""

import secrets
import sys
import time
from typing import Any

import click

from hornbook.builtin import DEFAULT_LANGUAGE_MODEL
from hornbook.cli.options import common_options, model_option
from hornbook.cli.output import notice, print_json
from hornbook.cli.text import read_argument

__all__ = ["generate"]


@click.command()
@click.argument("prompt", default="")
@model_option(DEFAULT_LANGUAGE_MODEL)
@click.option(
    "-n", "--max-new-tokens", type=click.IntRange(min=0), help="Stop after so many tokens.  [default: 50]"
)
@click.option(
    "--temperature",
    type=float,
    help="Lower is more predictable; 0 takes the likeliest.  [default: 0.8]",
)
@click.option("--top-k", type=int, help="Draw from the k likeliest tokens; 0 for all.  [default: 50]")
@click.option(
    "--top-p", type=float, help="Draw from the likeliest that reach this probability.  [default: 1]"
)
@click.option(
    "--min-p", type=float, help="Drop tokens this much less likely than the likeliest.  [default: 0]"
)
@click.option("--repetition-penalty", type=float, help="Above 1, repeats become less likely.  [default: 1]")
@click.option("-s", "--seed", type=int, help="The same seed gives the same text.  [default: a new one]")
@click.option("--echo/--no-echo", default=True, help="Print the prompt before its continuation.")
@click.option("--json", "as_json", is_flag=True, help="Print text, tokens and finish reason as JSON.")
@common_options
def generate(
    prompt: str, model: str, revision: str | None, echo: bool, as_json: bool, **options: Any
) -> None:
    """Continue PROMPT; `-` reads it from stdin, without one a text begins.

    \b
    Examples:
      hornbook generate "Once upon a time"
      hornbook generate -m openai-community/gpt2 --temperature 0 "The quick brown fox"
    """
    import hornbook

    prompt = read_argument(prompt)
    lm = hornbook.load(model, revision=revision)
    if options["seed"] is None:
        options["seed"] = secrets.randbits(32)
    notice(f"{model}: {lm.config.num_parameters:,} parameters, seed {options['seed']}")
    if as_json:
        completion = lm.complete(prompt, **options)
        print_json({"model": model, "seed": options["seed"], **vars(completion)})
        return
    pieces = lm.stream(prompt, **options)
    started = time.perf_counter()
    if echo:
        click.secho(prompt, bold=True, nl=False)
    try:
        for piece in pieces:
            click.echo(piece, nl=False)
            sys.stdout.flush()
    finally:
        click.echo()
    notice(f"{time.perf_counter() - started:.1f} s")
