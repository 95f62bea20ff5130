"""`hornbook generate`: continue a text."""

import secrets
import time
from typing import TYPE_CHECKING, Any

import click

from hornbook.builtin import DEFAULT_LANGUAGE_MODEL
from hornbook.cli.ids import parse_ids
from hornbook.cli.layout import print_json
from hornbook.cli.load import load_language_model
from hornbook.cli.options import common_options, dtype_option, json_option, model_option
from hornbook.cli.output import notice, write_text
from hornbook.cli.parameters import Command, FiniteRange, WholeRange
from hornbook.cli.problems import naming
from hornbook.cli.text import read_piped

if TYPE_CHECKING:
    from hornbook import LanguageModel
    from hornbook.generation import FinishReason

__all__ = ["generate"]

LARGEST_SEED = (1 << 64) - 1


@click.command(cls=Command, short_help="Continue a text.")
@click.argument("prompt", required=False)
@model_option(DEFAULT_LANGUAGE_MODEL)
@dtype_option
@click.option(
    "-n", "--max-new-tokens", type=WholeRange(min=0), help="Stop after so many tokens.  [default: 50]"
)
@click.option(
    "--temperature",
    type=FiniteRange(min=0),
    help="Lower is more predictable; 0 takes the likeliest.  [default: 0.8]",
)
@click.option(
    "--top-k", type=WholeRange(min=0), help="Draw from the k likeliest tokens; 0 for all.  [default: 50]"
)
@click.option(
    "--top-p",
    type=FiniteRange(min=0, max=1),
    help="Draw from the likeliest that together reach this probability.  [default: 1]",
)
@click.option(
    "--min-p",
    type=FiniteRange(min=0, max=1),
    help="Drop tokens below this part of the likeliest's probability.  [default: 0]",
)
@click.option(
    "--repetition-penalty",
    type=FiniteRange(min=0, min_open=True),
    help="Above 1, repeats become less likely.  [default: 1]",
)
@click.option(
    "-s",
    "--seed",
    type=WholeRange(min=0, max=LARGEST_SEED),
    help="The same seed gives the same text.  [default: a new one]",
)
@click.option(
    "--echo/--no-echo", default=True, show_default=True, help="Print the prompt before its continuation."
)
@click.option("--ids", is_flag=True, help="PROMPT is ids, as `hornbook tokens encode` prints them.")
@click.option(
    "--special",
    type=click.Choice(["text", "parse"]),
    default="text",
    show_default=True,
    help="What <|endoftext|> in the prompt is: ordinary text, or the special token.",
)
@click.option(
    "--add-special/--no-add-special",
    default=None,
    help="Add the tokens that the tokenizer puts around a text.  [default: as the model wants it]",
)
@click.option("--skip-special", is_flag=True, help="Leave special tokens out of the continuation.")
@json_option("text, tokens and finish reason")
@common_options
def generate(
    prompt: str | None,
    model: str,
    revision: str | None,
    dtype: str,
    echo: bool,
    as_json: bool,
    ids: bool,
    special: str,
    add_special: bool | None,
    skip_special: bool,
    **sampling: Any,
) -> None:
    """Continue PROMPT; `-` reads it from stdin.

    Without one, what is piped in is continued; on a terminal, a text begins.

    Where an option is left out, the model's own generation_config.json holds, else the default.

    \b
    Examples:
      hornbook generate "Once upon a time"
      hornbook generate --temperature 0 --no-echo - < beginning.txt
      hornbook generate -m openai-community/gpt2 "The quick brown fox"
      hornbook tokens encode "The cat" | hornbook generate --ids
    """
    if sampling["seed"] is None:
        sampling["seed"] = secrets.randbits(32)
    text = read_piped(prompt, "PROMPT") or ""
    given = parse_ids(text, "PROMPT") if ids else text
    lm = load_language_model(model, dtype, revision)
    notice(f"{model}: {lm.config.num_parameters:,} parameters, seed {sampling['seed']}")
    tokens: dict[str, Any] = {
        "allowed_special": "all" if special == "parse" else (),
        "add_special_tokens": add_special,
        "skip_special_tokens": skip_special,
    }
    with naming(f"generating with {model}"):
        if as_json:
            completion = lm.complete(given, **tokens, **sampling)
            print_json({"model": model, "seed": sampling["seed"], **vars(completion)})
        else:
            _print_stream(lm, given, tokens, sampling, echo=echo)


def _print_stream(
    lm: "LanguageModel",
    prompt: str | list[int],
    tokens: dict[str, Any],
    sampling: dict[str, Any],
    *,
    echo: bool,
) -> None:
    """Prints the text as it comes, and then on stderr what it took."""
    steps = lm.stream(prompt, **tokens, **sampling)
    started = time.perf_counter()
    n_new, finish_reason = 0, None
    if echo:
        write_text(prompt if isinstance(prompt, str) else lm.tokenizer.decode(prompt), bold=True)
    try:
        for step in steps:
            write_text(step.text)
            n_new += step.token_id is not None
            finish_reason = step.finish_reason
    finally:
        write_text("\n")
    seconds = time.perf_counter() - started
    speed = f"{n_new} {'token' if n_new == 1 else 'tokens'} in {seconds:.1f} s ({n_new / seconds:.0f}/s)"
    notice(f"{speed}; {_ending(lm, finish_reason, n_new, sampling)}")


def _ending(
    lm: "LanguageModel", finish_reason: "FinishReason | None", n_new: int, sampling: dict[str, Any]
) -> str:
    if finish_reason == "stop":
        return "the model ended the text"
    if n_new == lm.generation_config.override(**sampling).max_new_tokens:
        return "stopped at --max-new-tokens"
    return f"stopped at the model's limit of {lm.config.n_positions} tokens"
