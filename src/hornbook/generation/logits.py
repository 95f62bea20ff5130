"""What is done to the logits before a token is drawn: pure functions, `[V] -> [V]`.

The order is that of transformers: penalties, temperature, top-k, top-p, min-p. A token that is taken out
gets -inf.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hornbook.generation.config import GenerationConfig

__all__ = [
    "apply_min_p",
    "apply_repetition_penalty",
    "apply_temperature",
    "apply_top_k",
    "apply_top_p",
    "possible_ids",
    "process_logits",
    "softmax",
]

LARGEST = np.finfo(np.float64).max

Logits = NDArray[np.float64]


def process_logits(logits: NDArray[Any], config: GenerationConfig, previous_ids: Iterable[int]) -> Logits:
    """Everything that `config` asks for, in order.

    Args:
        logits: of the next token, `[V]`.
        config: what to do.
        previous_ids: the tokens before it, prompt included.

    Returns:
        `[V]` in float64; its softmax is what the token is drawn from.
    """
    result = logits.astype(np.float64)
    if config.repetition_penalty != 1:
        result = apply_repetition_penalty(result, config.repetition_penalty, previous_ids)
    if config.greedy:
        return result
    result = apply_temperature(result, config.temperature)
    if 0 < config.top_k < len(result):
        result = apply_top_k(result, config.top_k)
    if config.top_p < 1:
        result = apply_top_p(result, config.top_p)
    if config.min_p > 0:
        result = apply_min_p(result, config.min_p)
    return result


def apply_repetition_penalty(logits: Logits, penalty: float, previous_ids: Iterable[int]) -> Logits:
    """Makes tokens that have occurred less likely (penalty > 1): positive logits / penalty, others * penalty.

    What that makes too large for a float is cut, so that the softmax stays one. Ids that have no logit, of a
    model whose table is larger than the tokenizer, are left out.

    Source: Keskar et al., "CTRL", 2019, section 4.1.
    """
    seen = np.unique(np.fromiter(previous_ids, np.int64))
    seen = seen[seen < len(logits)]
    result = logits.copy()
    with np.errstate(over="ignore"):
        result[seen] = np.where(logits[seen] > 0, logits[seen] / penalty, logits[seen] * penalty)
    return result.clip(-LARGEST, LARGEST)


def apply_temperature(logits: Logits, temperature: float) -> Logits:
    """Divides by the temperature: below 1 sharper, above 1 flatter.

    Softmax does not see a constant that is added to all, so the largest is moved to 0 first: then no
    temperature, however small, makes anything but -inf and 0.
    """
    with np.errstate(over="ignore"):
        return (logits - np.max(logits)) / temperature


def apply_top_k(logits: Logits, k: int) -> Logits:
    """Keeps the k largest, and those equal to the k-th."""
    threshold = np.partition(logits, -k)[-k]
    return np.where(logits < threshold, -np.inf, logits)


def apply_top_p(logits: Logits, p: float) -> Logits:
    """Keeps the likeliest tokens until their probabilities sum to p or more; the one that crosses p stays.

    Among equally likely ones the lower id comes first. At least one stays.

    Source: Holtzman et al., "The Curious Case of Neural Text Degeneration", 2020.
    """
    candidates = possible_ids(logits)
    order = candidates[np.argsort(-logits[candidates], kind="stable")]
    probabilities = softmax(logits[order])
    before = np.cumsum(probabilities) - probabilities
    kept = before < p
    kept[0] = True
    result = np.full_like(logits, -np.inf)
    result[order[kept]] = logits[order[kept]]
    return result


def apply_min_p(logits: Logits, min_p: float) -> Logits:
    """Drops tokens less likely than min_p times the likeliest."""
    with np.errstate(divide="ignore"):
        return np.where(logits < np.max(logits) + np.log(min_p), -np.inf, logits)


def softmax(logits: Logits) -> Logits:
    """Probabilities, `[V] -> [V]`."""
    exps: Logits = np.exp(logits - np.max(logits))
    return exps / np.sum(exps)


def possible_ids(logits: Logits) -> NDArray[np.intp]:
    """The ids that have not been taken out: often few, which makes what follows cheap."""
    return np.flatnonzero(logits > -np.inf)
