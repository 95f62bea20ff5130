"""The kernels against NumPy and against what the machine can do (see probe.py).

    python -m benchmarks.kernels [--threads 2] [--pairs 15] [--json FILE]

Where there is something to compare with, both run in turn and the median of the ratios is printed.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import numpy as np
from benchmarks.probe import compute_speed, read_speed

import hornbook
from hornbook import _native as native
from hornbook.backend import WeightType, recording
from hornbook.generation.measure import measure_decoding

Array = np.ndarray[Any, np.dtype[np.float32]]

DTYPES: tuple[WeightType, ...] = ("float32", "bfloat16", "int8")
LAYERS, HEADS, C, V = 12, 12, 768, 50257  # GPT-2 124M
PRODUCT_CALLS = 100
SLOWING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # settings that would make NumPy slower than it is


def normal(*shape: int) -> Array:
    """Random numbers of the size of weights."""
    return np.random.default_rng(0).standard_normal(shape, np.float32) * np.float32(0.02)


def timed(run: Callable[[], object], calls: int = 1) -> float:
    """Seconds of one call, over several."""
    begin = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - begin) / calls


def measure(run: Callable[[], object], pairs: int, calls: int = 1) -> float:
    """The median time of a call."""
    run()
    return median(timed(run, calls) for _ in range(pairs))


def alone(run: Callable[..., float], *arguments: object) -> float:
    """Calls it in a process of its own: OpenBLAS's threads keep a core for a while after a product."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(run, arguments)


def product_speed(dtype: WeightType | None, threads: int) -> float:
    """Operations a second of 512 x 768 x 3072, by NumPy if there is no type."""
    x, weight, out = normal(512, C), normal(C, 4 * C), np.empty((512, 4 * C), np.float32)
    if dtype is None:
        run = partial(np.matmul, x, weight, out=out)
    else:
        native.set_threads(threads)
        run = partial(native.linear, x, native.pack(weight, dtype), out=out)
    return 2 * 512 * C * 4 * C / measure(run, PRODUCT_CALLS)


def products(pairs: int, threads: int, flops: float) -> dict[str, float]:
    """512 x 768 x 3072 in the three types, against NumPy in turn."""
    results = {}
    for dtype in DTYPES:
        speeds = [
            (alone(product_speed, dtype, threads), alone(product_speed, None, threads)) for _ in range(pairs)
        ]
        speed, ratio = median(ours for ours, _ in speeds), median(ours / theirs for ours, theirs in speeds)
        print(
            f"linear 512x768x3072 {dtype:9}{speed / 1e9:7.0f} GFLOP/s {speed / flops:6.2f} of the probe "
            f"{ratio:6.2f} x NumPy"
        )
        results[f"linear_{dtype}_flops"], results[f"linear_{dtype}_ratio_numpy"] = speed, ratio
    return results


def output_projection(pairs: int, read: float) -> dict[str, float]:
    """One row and eight rows times the output embedding, 768 x 50257."""
    table, results = normal(V, C), {}
    for dtype in DTYPES:
        packed = native.pack(table.T, dtype)
        for rows in (1, 8):
            out = np.empty((rows, V), np.float32)
            speed = packed.nbytes / measure(partial(native.linear, normal(rows, C), packed, out=out), pairs)
            print(
                f"{rows} x 768 x 50257 {dtype:9}    {speed / 1e9:7.1f} GB/s {speed / read:6.2f} of the probe"
            )
            results[f"gemv_{rows}_{dtype}_bytes_per_s"] = speed
    return results


def attention(pairs: int, flops: float) -> dict[str, float]:
    """512 rows of 12 heads, forward and backward."""
    qkv, grad, offsets = normal(512, 3 * C), normal(512, C), np.array([0, 512])
    operations = 2 * 2 * 512 * 512 / 2 * C
    forward = measure(lambda: native.attention(qkv, offsets, HEADS, True, 0.125), pairs)
    backward = measure(lambda: native.attention_backward(grad, qkv, offsets, HEADS, True, 0.125), pairs)
    for name, time_s, speed in (
        ("attention", forward, operations / forward),
        ("attention backward", backward, 3.5 * operations / backward),
    ):
        print(f"{name:19} 512 causal {time_s * 1e3:7.2f} ms {speed / flops:6.2f} of the probe")
    return {"attention_s": forward, "attention_backward_s": backward}


class DecodeStep:
    """The kernels of one step of GPT-2 124M with `seen` rows in the cache, on random weights."""

    def __init__(self, dtype: WeightType, seen: int) -> None:
        shapes = [(C, 3 * C), (C, C), (C, 4 * C), (4 * C, C)]
        self.layers = [
            [(native.pack(normal(k, m), dtype), np.zeros(m, np.float32)) for k, m in shapes]
            for _ in range(LAYERS)
        ]
        self.head = native.pack(normal(V, C).T, dtype)
        keys, values = native.cache_shapes(1, HEADS, 1024, C // HEADS)
        self.caches = [(np.zeros(keys, np.float32), np.zeros(values, np.float32)) for _ in range(LAYERS)]
        self.norm = np.ones(C, np.float32), np.zeros(C, np.float32)
        self.offsets, self.lengths = np.array([0, 1], np.int32), np.array([seen], np.int32)
        self.nbytes = self.head.nbytes + sum(w.nbytes for layer in self.layers for w, _ in layer)

    def __call__(self) -> Array:
        """Computes the logits of one token."""
        x = self.head.rows(np.array([7], np.int32))
        for (qkv, joined, wide, narrow), (keys, values) in zip(self.layers, self.caches, strict=True):
            rows = native.linear(native.layer_norm(x, *self.norm, 1e-5), *qkv)
            seen = native.attention_cached(rows, self.offsets, keys, values, self.lengths, HEADS, 0.125)
            x = native.linear(seen, *joined, x)
            hidden = native.linear(native.layer_norm(x, *self.norm, 1e-5), *wide, None, "gelu_tanh")
            x = native.linear(hidden, *narrow, x)
        return native.linear(native.layer_norm(x, *self.norm, 1e-5), self.head)


def decoding(pairs: int, read: float) -> dict[str, float]:
    """A step of GPT-2 124M after 100 rows, in the three types."""
    results = {}
    for dtype in DTYPES:
        step = DecodeStep(dtype, 100)
        time_s = measure(step, pairs, 3)
        share = step.nbytes / time_s / read
        print(f"decode 124M {dtype:9}        {1 / time_s:7.1f} tokens/s {share:6.2f} of the probe")
        results[f"decode_{dtype}_tokens_per_s"] = 1 / time_s
    return results


def python_share() -> dict[str, float]:
    """How much of a step of decoding tiny-lm in int8 is not spent in kernels."""
    model = hornbook.load(dtype="int8").model
    replay, spent = recording._replay, []

    def timed_replay(*arguments: Any) -> Any:
        begin = time.perf_counter()
        result = replay(*arguments)
        spent.append(time.perf_counter() - begin)
        return result

    with patch.object(recording, "_replay", timed_replay):
        step_s = measure_decoding(model).seconds
    kernels_s = median(spent)
    share = 1 - kernels_s / step_s
    print(f"step of tiny-lm int8 {step_s * 1e6:7.1f} us, kernels {kernels_s * 1e6:.1f}, Python {share:.0%}")
    return {"step_tiny_s": step_s, "step_tiny_kernels_s": kernels_s, "step_tiny_python_share": share}


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--json", type=Path, help="also write the numbers there")
    options = parser.parse_args()
    for name in SLOWING:
        if name in os.environ:
            parser.error(f"unset {name}: it would make NumPy slower than it is")
    native.set_threads(options.threads)
    read, flops = read_speed(), compute_speed()
    print(f"{native.isa()}, {options.threads} threads: {read / 1e9:.1f} GB/s, {flops / 1e9:.0f} GFLOP/s")
    results: dict[str, Any] = {"isa": native.isa(), "threads": options.threads}
    results |= {"read_bytes_per_s": read, "flops": flops}
    results |= products(options.pairs, options.threads, flops) | output_projection(options.pairs, read)
    results |= attention(options.pairs, flops) | decoding(options.pairs, read)
    results |= python_share()
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
