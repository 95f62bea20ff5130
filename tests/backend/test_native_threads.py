"""Threads, forks, exits and the choice of an instruction set, each in its own process where it matters."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

native = pytest.importorskip("hornbook._native", reason="the native module needs a C++ compiler to be built")


def normal(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


@pytest.fixture(autouse=True)
def _threads_as_before() -> Iterator[None]:
    before = native.threads()
    yield
    native.set_threads(before)


def everything() -> list[NDArray[np.float32]]:
    """One result of each kernel that works in parallel, large enough to be shared out."""
    x, qkv, offsets = normal(301, 96), normal(301, 288, seed=1), np.array([0, 7, 150, 301])
    table, ids, weight = normal(4001, 96, seed=2), np.arange(301) * 13 % 4001, normal(96, seed=3)
    state = [normal(50021, seed=seed) for seed in range(3)]
    native.adamw(
        *state,
        normal(50021, seed=9),
        learning_rate=0.1,
        beta1=0.9,
        beta2=0.99,
        eps=1e-8,
        weight_decay=0.1,
        step=1,
    )
    return [
        *(
            native.linear(x[:n], native.pack(table.T, dtype))
            for n in (1, 7, 301)
            for dtype in ("float32", "bfloat16", "int8")
        ),
        native.matmul(x, x, transpose_a=True),
        native.attention(qkv, offsets, 3, True, 0.3),
        native.attention(qkv, offsets, 3, False, 0.3),
        native.attention_backward(x, qkv, offsets, 3, True, 0.3),
        native.layer_norm(x, weight, weight, 1e-5),
        *native.layer_norm_backward(x, x[::-1], weight, 1e-5),
        native.activation(table, "gelu"),
        native.softmax(table),
        native.embedding(table, ids),
        native.embedding_backward(x, ids, 4001),
        native.segment_sum(x, offsets),
        *native.top_k(table, 5),
        *native.cross_entropy_with_gradients(x, table, ids, np.ones(301, np.float32)),
        *state[:1],
        np.array(native.squared_norm(table)),
    ]


def equal(a: list[NDArray[np.float32]], b: list[NDArray[np.float32]]) -> bool:
    return all(np.array_equal(x, y, equal_nan=True) for x, y in zip(a, b, strict=True))


def test_the_number_of_threads_changes_no_bit() -> None:
    native.set_threads(1)
    alone = everything()
    for count in (2, 3, 5):
        native.set_threads(count)
        assert native.threads() == count
        assert equal(everything(), alone)


def test_sixteen_threads_at_once() -> None:
    native.set_threads(3)
    expected = everything()
    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(lambda _: everything(), range(16)))
    assert all(equal(result, expected) for result in results)


def test_other_python_threads_run_beside_a_kernel() -> None:
    """One that kept Python's lock would stop them until it ends."""
    native.set_threads(1)
    x, ticks, stop = np.ones((1500, 1500), np.float32), [0], threading.Event()

    def tick() -> None:
        while not stop.wait(0.001):
            ticks[0] += 1

    beside = threading.Thread(target=tick)
    beside.start()
    try:
        begin, before = time.perf_counter(), ticks[0]
        native.matmul(x, x)
        during, seconds = ticks[0] - before, time.perf_counter() - begin
    finally:
        stop.set()
        beside.join()
    assert seconds > 0.01
    assert during >= 3


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    prelude = "import numpy as np\nfrom hornbook import _native as native\n"
    return subprocess.run(
        [sys.executable, "-c", prelude + code],
        env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_fork_after_use() -> None:
    code = """
import os, warnings
warnings.simplefilter("ignore")  # Python 3.12 warns of forks beside threads, which is what this is about
native.set_threads(3)
x = np.ones((300, 300), np.float32)
expected = native.matmul(x, x)
child = os.fork()
good = all(np.array_equal(native.matmul(x, x), expected) for _ in range(50))
if os.path.isdir("/proc/self/task"):
    good = good and len(os.listdir("/proc/self/task")) == 3  # parent and child each have their own workers
if child == 0:
    os._exit(0 if good else 1)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print("good" if good and status == 0 else f"bad {status}")
"""
    result = run(code)
    assert (result.stdout, result.stderr, result.returncode) == ("good\n", "", 0)


@pytest.mark.skipif(sys.platform != "linux", reason="limits its memory by what Linux tells")
def test_running_out_of_memory_is_a_memory_error() -> None:
    code = """
import resource
qkv, out = np.ones((50000, 576), np.float32), np.zeros((50000, 192), np.float32)
arguments = np.array([0, 50000]), 3, True, 0.1
native.set_threads(2)
native.matmul(qkv[:300], qkv[:300], transpose_b=True)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (20 << 20), -1))  # the kernel needs 77 MB
try:
    native.attention(qkv, *arguments, out=out)
except MemoryError:
    print("refused")
small = native.attention(qkv[:7], np.array([0, 7]), *arguments[1:])
print(bool(np.all(small == 1)))
"""
    result = run(code)
    assert (result.stdout, result.stderr, result.returncode) == ("refused\nTrue\n", "", 0)


def test_exit_while_kernels_run() -> None:
    code = """
import threading, time
native.set_threads(2)
x = np.ones((700, 700), np.float32)
def work():
    while True:
        native.matmul(x, x)
for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.2)
print("end")
"""
    for _ in range(3):
        result = run(code)
        assert (result.stdout, result.stderr, result.returncode) == ("end\n", "", 0)


KERNELS = """
x = np.arange(77, dtype=np.float32).reshape(7, 11) / 77
w = np.arange(187, dtype=np.float32).reshape(11, 17) / 187
y = native.linear(x, native.pack(w), activation="gelu")
exact = x.astype(float) @ w
from math import erf
exact = exact / 2 * (1 + np.vectorize(erf)(exact / 2**0.5))
assert np.allclose(y, exact, rtol=1e-5, atol=1e-6)
print(native.isa())
"""


@pytest.mark.parametrize("name", native.available_isas())
def test_each_instruction_set_can_be_forced(name: str) -> None:
    result = run(KERNELS, HORNBOOK_ISA=name)
    assert (result.stdout, result.stderr, result.returncode) == (name + "\n", "", 0)


def test_the_best_instruction_set_is_the_default() -> None:
    assert run(KERNELS, HORNBOOK_ISA="").stdout == native.available_isas()[0] + "\n"


def test_an_unknown_instruction_set_is_a_configuration_error() -> None:
    result = run(KERNELS, HORNBOOK_ISA="mmx")
    assert result.returncode == 1
    names = ", ".join(native.available_isas())
    assert f"ConfigError: HORNBOOK_ISA: expected one of {names} on this machine, got 'mmx'" in result.stderr
