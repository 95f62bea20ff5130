"""How much work a job is: bytes to read and floating-point operations to do, from the shape of the model.

What the probe says of the machine, divided by these, is the fastest that a job can be.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from hornbook.models import GPT2Config

WEIGHT_BYTES = {"float32": 4.0, "bfloat16": 2.0, "int8": 1 + 4 / 256}
"""int8 has a float32 scale for every 256 weights."""


@dataclass(frozen=True)
class Limit:
    """What bounds a job.

    Attributes:
        kind: reading memory, or computing.
        amount: bytes or operations.
    """

    kind: Literal["read", "compute"]
    amount: float


def decoding(config: GPT2Config, dtype: str, n_tokens: int) -> Limit:
    """A step reads every weight once; of the positions, and of tokens as inputs, one row."""
    weights = config.num_parameters - config.n_positions * config.n_embd
    return Limit("read", n_tokens * weights * WEIGHT_BYTES[dtype])


def prefill(config: GPT2Config, n_tokens: int) -> Limit:
    """Every token through the blocks, and the last one against the vocabulary."""
    return Limit("compute", forward_flops(config, n_tokens, 1))


def encoding(config: GPT2Config, lengths: Iterable[int]) -> Limit:
    """Every token of every text through the blocks."""
    return Limit("compute", sum(forward_flops(config, length, 0) for length in lengths))


def training(config: GPT2Config, n_sequences: int, length: int) -> Limit:
    """The way back costs twice the way there: gradients of inputs and of weights."""
    return Limit("compute", n_sequences * 3 * forward_flops(config, length, length))


def forward_flops(config: GPT2Config, length: int, n_logits: int) -> float:
    """One sequence through the model; a multiply-add counts as two.

    The matrices of a block have C (4 C + 2 inner) weights; causal attention compares and mixes half of the
    pairs of rows, 2 x 2 C T (T + 1) / 2.
    """
    c = config.n_embd
    matrices = 2 * length * c * (4 * c + 2 * config.inner_size)
    attention = 2 * c * length * (length + 1)
    return config.n_layer * (matrices + attention) + 2 * n_logits * c * config.vocab_size
