"""`hornbook explain`: follow one text through the model."""

import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from hornbook.builtin import DEFAULT_LANGUAGE_MODEL
from hornbook.cli.options import common_options, model_option
from hornbook.cli.output import float_list, heading, print_json, print_table
from hornbook.cli.text import read_argument

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hornbook import Explanation

__all__ = ["explain"]


@click.command()
@click.argument("text")
@click.option("--attention", metavar="LAYER.HEAD", help="Print one head's attention map, such as 0.3.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@model_option(DEFAULT_LANGUAGE_MODEL)
@common_options
def explain(text: str, attention: str | None, as_json: bool, model: str, revision: str | None) -> None:
    """Follow TEXT through the model: tokens, shapes, attention, likely continuations.

    \b
    Examples:
      hornbook explain "The cat sat on the mat"
      hornbook explain --attention 2.1 "The cat sat on the mat"
    """
    import hornbook

    place = _parse_place(attention)
    trace = hornbook.explain(read_argument(text), model, revision=revision)
    if as_json:
        print_json(_as_dict(trace))
    elif place is not None:
        _print_attention(trace, trace.attention_map(*place), f"layer {place[0]}, head {place[1]}")
    else:
        _print_trace(trace)


def _parse_place(attention: str | None) -> tuple[int, int] | None:
    if attention is None:
        return None
    match = re.fullmatch(r"(\d{1,4})\.(\d{1,4})", attention)
    if match is None:
        raise click.UsageError(f"--attention: expected LAYER.HEAD such as 0.3, got {attention!r}")
    return int(match[1]), int(match[2])


def _print_trace(trace: "Explanation") -> None:
    heading(f"1. Tokens: {len(trace.text)} characters become {len(trace.tokens)} ids")
    print_table(
        (f"{position}", f"{token.id}", repr(token.text), f"characters {token.start}-{token.end}")
        for position, token in enumerate(trace.tokens)
    )
    heading("2. Vectors: one row for each token, changed by every block")
    print_table(
        (stage.name, stage.made_by, _shape(stage.shape), f"length {stage.norm:.2f}") for stage in trace.stages
    )
    heading("3. Next token: the likeliest of the vocabulary")
    print_table((f"{p.probability:7.2%}", f"{p.id}", repr(p.text)) for p in trace.predictions)


def _print_attention(trace: "Explanation", weights: "NDArray[Any]", title: str) -> None:
    heading(f"Attention, {title}: how much each row looks at each column (0.00-1.00)")
    labels = [repr(token.text) for token in trace.tokens]
    width = max(5, *map(len, labels))
    rows = (
        [
            label,
            *(f"{weight:.2f}".rjust(width) if column <= row else "" for column, weight in enumerate(line)),
        ]
        for row, (label, line) in enumerate(zip(labels, weights, strict=True))
    )
    print_table([["", *(label.rjust(width) for label in labels)], *rows])


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
