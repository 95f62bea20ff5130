"""`hornbook bench`: how fast a model is on this machine."""

import time
from collections.abc import Iterator
from typing import Any

import click

from hornbook.builtin import DEFAULT_LANGUAGE_MODEL
from hornbook.cli.layout import print_json, print_table
from hornbook.cli.load import check_settings, load_language_model
from hornbook.cli.options import common_options, dtype_option, json_option, model_option
from hornbook.cli.output import heading, track
from hornbook.cli.parameters import Command, FiniteRange

__all__ = ["bench"]

N_MEASUREMENTS = 4


@click.command(cls=Command, short_help="Measure how fast a model is here.")
@click.option(
    "--seconds",
    type=FiniteRange(min=0),
    default=1.0,
    show_default=True,
    help="Time for each of the three speeds.",
)
@model_option(DEFAULT_LANGUAGE_MODEL)
@dtype_option
@json_option("the numbers")
@common_options
def bench(seconds: float, model: str, revision: str | None, dtype: str, as_json: bool) -> None:
    """Measure how fast a model is on this machine, and how much memory its weights take.

    \b
    load      reading the files and laying the weights out
    prefill   reading a prompt
    decode    making one token after the other
    encode    turning sentences into vectors, 32 at a time

    \b
    Examples:
      hornbook bench
      hornbook bench -m openai-community/gpt2 --dtype int8
    """
    from hornbook.backend import get_backend
    from hornbook.machine import usable_threads

    check_settings()
    facts: dict[str, Any] = {"model": model, "dtype": dtype}
    facts |= {"backend": get_backend().name, "threads": usable_threads()}
    measurements = _measure(model, dtype, revision, seconds)
    for measured in track(measurements, total=N_MEASUREMENTS, description="Measuring", hidden=False):
        facts |= measured
    if as_json:
        print_json(facts)
    else:
        _print_facts(facts)


def _measure(model: str, dtype: str, revision: str | None, seconds: float) -> Iterator[dict[str, Any]]:
    """The numbers, each as soon as it is known."""
    from hornbook import Embedder
    from hornbook.generation import measure
    from hornbook.loading import find_model, read_tokenizer

    # A download does not count, and a model without a tokenizer is refused before minutes are spent on it.
    read_tokenizer(find_model(model, revision=revision))
    begin = time.perf_counter()
    lm = load_language_model(model, dtype, revision)
    load_s = time.perf_counter() - begin
    sizes = {"parameters": lm.config.num_parameters, "weights_bytes": lm.model.weights_bytes()}
    yield sizes | {"load_s": load_s}
    speed = measure.measure_prefill(lm.model, budget_s=seconds)
    yield {"prefill_tokens": speed.amount, "prefill_tokens_per_s": speed.per_second}
    yield {"decode_tokens_per_s": measure.measure_decoding(lm.model, budget_s=seconds).per_second}
    del lm  # so that a large model is in memory once
    embedder = Embedder(model, dtype=dtype, revision=revision)
    yield {"encode_sentences_per_s": measure.measure_encoding(embedder.encode, budget_s=seconds).per_second}


def _print_facts(facts: dict[str, Any]) -> None:
    heading(
        f"{facts['model']}: {facts['parameters']:,} parameters in {facts['dtype']}, "
        f"{facts['backend']} backend, {facts['threads']} threads"
    )
    rows = [
        ("load", f"{facts['load_s']:.3f}", "s"),
        ("weights", f"{facts['weights_bytes'] / 1e6:,.1f}", "MB"),
        (
            "prefill",
            _rounded(facts["prefill_tokens_per_s"]),
            f"tokens/s, {facts['prefill_tokens']} at a time",
        ),
        ("decode", _rounded(facts["decode_tokens_per_s"]), "tokens/s"),
        ("encode", _rounded(facts["encode_sentences_per_s"]), "sentences/s"),
    ]
    print_table(rows, right={1})


def _rounded(speed: float) -> str:
    return f"{speed:,.0f}" if speed >= 100 else f"{speed:.1f}"
