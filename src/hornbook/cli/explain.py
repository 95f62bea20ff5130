"""`hornbook explain`: follow one text through the model."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from hornbook.builtin import DEFAULT_LANGUAGE_MODEL
from hornbook.cli.layout import (
    GAP,
    display_width,
    float_list,
    print_json,
    print_table,
    shorten,
    terminal_width,
)
from hornbook.cli.load import explain_text
from hornbook.cli.options import common_options, json_option, model_option
from hornbook.cli.output import heading
from hornbook.cli.parameters import Command
from hornbook.cli.text import read_piped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hornbook import Explanation
    from hornbook.embedding.explanation import TokenSpan

__all__ = ["explain"]

LABEL_WIDTH = 16
"""A longer token is shortened where it heads a column."""

FIRST_NUMBERS = 6
INDENT = 2


def _parse_head(_: click.Context, __: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """The layer and the head of LAYER.HEAD."""
    if value is None:
        return None
    match = re.fullmatch(r"([0-9]{1,4})\.([0-9]{1,4})", value)
    if match is None:
        raise click.BadParameter(f"expected LAYER.HEAD such as 0.3, got {value!r:.50}")
    return int(match[1]), int(match[2])


@click.command(cls=Command, short_help="Follow a text through the model, step by step.")
@click.argument("text", required=False)
@click.option(
    "--attention",
    callback=_parse_head,
    metavar="LAYER.HEAD",
    help="Print how one head attends, such as 0.3, and nothing else.",
)
@json_option("everything, attention of all heads included,")
@model_option(DEFAULT_LANGUAGE_MODEL)
@common_options
def explain(
    text: str | None, attention: tuple[int, int] | None, as_json: bool, model: str, revision: str | None
) -> None:
    """Follow TEXT through the model: tokens, shapes, vector, likely continuations.

    `-` reads it from stdin, as does a pipe where no text is given. Layers and heads are numbered from 0.

    \b
    Examples:
      hornbook explain "The cat sat on the mat"
      hornbook explain --attention 2.1 "The cat sat on the mat"
    """
    if attention is not None and as_json:
        raise click.UsageError("--attention: --json has the attention of all heads; leave one out")
    given = read_piped(text, "TEXT")
    if given is None:
        raise click.UsageError("give TEXT, or pipe it in")
    trace = explain_text(given, model, revision)
    if as_json:
        print_json(_as_dict(trace))
    elif attention is not None:
        layer, head = attention
        _print_attention(trace, trace.attention_map(layer, head), f"layer {layer}, head {head}")
    else:
        _print_trace(trace)


def _print_trace(trace: "Explanation") -> None:
    heading(f"1. Tokens: {_count(len(trace.text), 'character')}, {_count(len(trace.tokens), 'token')}")
    print_table(
        [
            (str(position), str(token.id), _label(token, trace.text), f"text[{token.start}:{token.end}]")
            for position, token in enumerate(trace.tokens)
        ],
        right={0, 1},
    )
    heading("2. Vectors: one row for each token, changed by every block")
    print_table(
        [
            (stage.name, _shape(stage.shape), f"length {stage.norm:7.2f}", stage.made_by)
            for stage in trace.stages
        ],
        wrap=True,
    )
    heading(f"3. Sentence: the pooled vector, {_count(len(trace.embedding), 'number')}")
    click.echo(" " * INDENT + "  ".join(f"{x:.4f}" for x in trace.embedding[:FIRST_NUMBERS]) + "  ...")
    heading("4. Next token: the likeliest of the vocabulary")
    print_table([(f"{p.probability:.2%}", str(p.id), repr(p.text)) for p in trace.predictions], right={0, 1})


def _print_attention(trace: "Explanation", weights: "NDArray[Any]", title: str) -> None:
    """One row for each token; on a terminal, as many columns at a time as fit."""
    heading(f"Attention, {title}: how much each row looks at each column (0.00-1.00)")
    labels = [shorten(_label(token, trace.text), LABEL_WIDTH) for token in trace.tokens]
    for number, columns in enumerate(_column_blocks(labels)):
        if number > 0:
            click.echo()
        rows = [
            [labels[row], *(f"{weights[row, column]:.2f}" if column <= row else "" for column in columns)]
            for row in range(columns[0], len(labels))  # those above see none of these columns
        ]
        print_table([["", *(labels[column] for column in columns)], *rows], right=range(1, len(columns) + 1))


def _column_blocks(labels: Sequence[str]) -> Iterator[range]:
    """The columns, cut where a row would be wider than the terminal."""
    widths = [max(len("0.00"), display_width(label)) + GAP for label in labels]
    room = terminal_width() - INDENT - max(map(display_width, labels))
    begin = 0
    for end in range(1, len(labels) + 1):
        if end == len(labels) or sum(widths[begin : end + 1]) > room:
            yield range(begin, end)
            begin = end


def _label(token: "TokenSpan", text: str) -> str:
    """The token itself, or for a part of a character's bytes that character."""
    whole = text[token.start : token.end]
    return repr(token.text) if token.text == whole else f"part of {whole!r}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _shape(shape: tuple[int, ...]) -> str:
    return "[" + ", ".join(map(str, shape)) + "]"


def _as_dict(trace: "Explanation") -> dict[str, Any]:
    return {
        "text": trace.text,
        "tokens": [asdict(token) for token in trace.tokens],
        "stages": [asdict(stage) for stage in trace.stages],
        "predictions": [asdict(prediction) for prediction in trace.predictions],
        "embedding": float_list(trace.embedding),
        "attention": [[[float_list(row) for row in head] for head in layer] for layer in trace.attention],
    }
