"""The kernels against NumPy and against what the machine can do (see probe.py).

    python benchmarks/kernels.py [--threads 2] [--pairs 15] [--json FILE]

Where there is something to compare with, both run in turn and the median of the ratios is printed.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):  # would make NumPy slower than it is
    os.environ.pop(name, None)

import numpy as np
from probe import compute_speed, read_speed

from hornbook import _native as native

Array = np.ndarray[Any, np.dtype[np.float32]]
LAYERS, HEADS, C, V = 12, 12, 768, 50257


def normal(*shape: int) -> Array:
    return np.random.default_rng(0).standard_normal(shape, np.float32) * np.float32(0.02)


def timed(run: Callable[[], object], calls: int = 1) -> float:
    begin = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - begin) / calls


def measure(run: Callable[[], object], pairs: int, calls: int = 1) -> float:
    """The median time of a call."""
    run()
    return median(timed(run, calls) for _ in range(pairs))


def compare(ours: Callable[[], object], other: Callable[[], object], pairs: int) -> tuple[float, float]:
    """Our median time, and the median of other / ours over runs in turn."""
    ours(), other()
    times = [(timed(ours), timed(other)) for _ in range(pairs)]
    return median(a for a, _ in times), median(b / a for a, b in times)


def products(pairs: int, flops: float) -> dict[str, float]:
    """512 x 768 x 3072 in the three types, against NumPy."""
    x, weight, out = normal(512, C), normal(C, 4 * C), np.empty((512, 4 * C), np.float32)
    operations = 2 * 512 * C * 4 * C
    results = {}
    for dtype in ("float32", "bfloat16", "int8"):
        packed = native.pack(weight, dtype)
        time_s, ratio = compare(
            lambda packed=packed: native.linear(x, packed, out=out),
            lambda: np.matmul(x, weight, out=out),
            pairs,
        )
        speed = operations / time_s
        print(
            f"linear 512x768x3072 {dtype:9}{speed / 1e9:7.0f} GFLOP/s {speed / flops:6.2f} of the probe {ratio:6.2f} x NumPy"
        )
        results[f"linear_{dtype}_flops"], results[f"linear_{dtype}_ratio_numpy"] = speed, ratio
    return results


def output_projection(pairs: int, read: float) -> dict[str, float]:
    """One row and eight rows times the output embedding, 768 x 50257."""
    table, results = normal(V, C), {}
    for dtype in ("float32", "bfloat16", "int8"):
        packed = native.pack(table.T, dtype)
        for rows in (1, 8):
            x, out = normal(rows, C), np.empty((rows, V), np.float32)
            speed = packed.nbytes / measure(
                lambda x=x, out=out, packed=packed: native.linear(x, packed, out=out), pairs
            )
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
    print(
        f"attention 512 causal         {forward * 1e3:7.2f} ms {operations / forward / flops:8.2f} of the probe"
    )
    print(
        f"attention backward           {backward * 1e3:7.2f} ms {3.5 * operations / backward / flops:8.2f} of the probe"
    )
    return {"attention_s": forward, "attention_backward_s": backward}


class DecodeStep:
    """The kernels of one step of GPT-2 124M with `seen` rows in the cache, on random weights."""

    def __init__(self, dtype: str, seen: int) -> None:
        shapes = [(C, 3 * C), (C, C), (C, 4 * C), (4 * C, C)]
        self.layers = [
            [(native.pack(normal(k, m), dtype), np.zeros(m, np.float32)) for k, m in shapes]
            for _ in range(LAYERS)
        ]
        self.head = native.pack(normal(V, C).T, dtype)
        keys_shape, values_shape = native.cache_shapes(1, HEADS, 1024, C // HEADS)
        self.caches = [
            (np.zeros(keys_shape, np.float32), np.zeros(values_shape, np.float32)) for _ in range(LAYERS)
        ]
        self.norm = np.ones(C, np.float32), np.zeros(C, np.float32)
        self.offsets, self.lengths = np.array([0, 1], np.int32), np.array([seen], np.int32)
        self.nbytes = self.head.nbytes + sum(w.nbytes for layer in self.layers for w, _ in layer)

    def __call__(self) -> Array:
        x = self.head.rows(np.array([7], np.int32))
        for (qkv, joined, wide, narrow), (keys, values) in zip(self.layers, self.caches, strict=True):
            rows = native.linear(native.layer_norm(x, *self.norm, 1e-5), *qkv)
            seen = native.attention_cached(rows, self.offsets, keys, values, self.lengths, HEADS, 0.125)
            x = native.linear(seen, *joined, x)
            hidden = native.linear(native.layer_norm(x, *self.norm, 1e-5), *wide, None, "gelu_tanh")
            x = native.linear(hidden, *narrow, x)
        logits: Array = native.linear(native.layer_norm(x, *self.norm, 1e-5), self.head)
        return logits


def decoding(pairs: int, read: float) -> dict[str, float]:
    """A step of GPT-2 124M behind 100 rows, in the three types."""
    results = {}
    for dtype in ("float32", "bfloat16", "int8"):
        step = DecodeStep(dtype, 100)
        time_s = measure(step, pairs, 3)
        share = step.nbytes / time_s / read
        print(f"decode 124M {dtype:9}        {1 / time_s:7.1f} tokens/s {share:6.2f} of the probe")
        results[f"decode_{dtype}_tokens_per_s"] = 1 / time_s
    return results


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--json", type=Path, help="also write the numbers there")
    options = parser.parse_args()
    native.set_threads(options.threads)
    read, flops = read_speed(), compute_speed()
    print(f"{native.isa()}, {options.threads} threads: {read / 1e9:.1f} GB/s, {flops / 1e9:.0f} GFLOP/s")
    results: dict[str, Any] = {
        "isa": native.isa(),
        "threads": options.threads,
        "read_bytes_per_s": read,
        "flops": flops,
    }
    results |= products(options.pairs, flops) | output_projection(options.pairs, read)
    results |= attention(options.pairs, flops) | decoding(options.pairs, read)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
