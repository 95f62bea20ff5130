"""Models, layers, tensors and optimisers leave all arithmetic to the backend: its arrays may be opaque."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from hornbook.backend import WEIGHT_TYPES, Ops, PackedBatch, WeightType, get_backend, use_backend
from hornbook.backend.active import computing_with
from hornbook.models import GPT2, GPT2Config
from hornbook.nn import functional
from hornbook.optim import AdamW
from hornbook.tensor import Tensor, cat, check_gradients, no_grad

MAKE_ARRAYS = {"asarray", "copy", "full"}
"""Operations that take what lies in the host's memory."""


class OpaqueArray:
    """What may be known of an array outside of its backend: no arithmetic, indexing or conversion."""

    __slots__ = ("_values",)
    __array_ufunc__ = None

    def __init__(self, values: NDArray[Any]) -> None:
        self._values = values

    shape = property(lambda self: self._values.shape)
    dtype = property(lambda self: self._values.dtype)
    ndim = property(lambda self: self._values.ndim)
    size = property(lambda self: self._values.size)
    nbytes = property(lambda self: self._values.nbytes)

    def __array__(self, *_: Any, **__: Any) -> NDArray[Any]:
        raise AssertionError("NumPy reads an array of another backend")

    def __bool__(self) -> bool:
        raise AssertionError("an array of another backend is taken as true or false")


class OpaqueOps:
    """The operations of the reference on opaque arrays."""

    def __init__(self) -> None:
        self._ops = Ops()

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._ops, name)
        if not callable(operation):
            return operation

        def compute(*args: Any, **options: Any) -> Any:
            taken = [_unwrapped(x, strict=name not in MAKE_ARRAYS) for x in args]
            options = {key: _unwrapped(x, strict=name not in MAKE_ARRAYS) for key, x in options.items()}
            result = operation(*taken, **options)
            return result if name == "to_numpy" else _wrapped(result)

        return compute


@contextmanager
def opaque_backend() -> Iterator[Ops]:
    """Computes with opaque arrays inside of a `with` block."""
    with computing_with(cast(Ops, OpaqueOps())) as ops:
        yield ops


def _unwrapped(x: Any, *, strict: bool) -> Any:
    if isinstance(x, OpaqueArray):
        return x._values
    if isinstance(x, (tuple, list)):
        return type(x)(_unwrapped(item, strict=strict) for item in x)
    if strict and isinstance(x, (np.ndarray, np.generic)):
        raise AssertionError(f"an operation got an array of NumPy: {x!r}")
    return x


def _wrapped(x: Any) -> Any:
    if isinstance(x, (np.ndarray, np.generic)):
        return OpaqueArray(np.asarray(x))
    if isinstance(x, tuple):
        return tuple(map(_wrapped, x))
    return x


BATCH = PackedBatch.pack([[1, 2, 3, 5, 7, 11, 13], [17, 19], [], [4]])


def config(*, tied: bool = True) -> GPT2Config:
    return GPT2Config(
        vocab_size=23,
        n_positions=11,
        n_embd=14,
        n_layer=3,
        n_head=7,
        tie_word_embeddings=tied,
        eos_token_id=0,
    )


def forward(model: GPT2) -> list[Tensor]:
    with no_grad():
        cache = model.new_cache(1, 11)
        steps = [model.encode(PackedBatch.pack([ids], cache.lengths), cache) for ids in ([3, 1], [4])]
        return [
            *model.hidden_states(BATCH),
            model.logits(model.encode(BATCH)),
            model([[1, 2, 3], [4, 5, 6]]),
            model.losses(BATCH),
            model.loss(BATCH),
            model.attention_weights(PackedBatch.pack([[3, 1, 4]])),
            functional.segment_mean(model.encode(BATCH), BATCH.offsets),
            *steps,
        ]


def training(model: GPT2) -> list[Tensor]:
    """Three steps with dropout, by both kinds of loss."""
    optimizer = AdamW(model.parameters(), lr=0.1)
    model.train()
    for _ in range(3):
        model.zero_grad()
        loss = model.loss(BATCH)
        (loss * 2).backward()
        model.losses(BATCH).mean().backward()
        optimizer.step(max_norm=0.5)
    return [loss, *model.parameters()]


def values(
    run: Callable[[GPT2], list[Tensor]], *, tied: bool, dtype: WeightType | None
) -> list[NDArray[Any]]:
    model = GPT2(config(tied=tied), seed=3)
    if dtype is not None:
        model.pack(dtype)
    return [tensor.numpy() for tensor in run(model)]


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize(
    ("run", "dtype"), [(training, None), *((forward, dtype) for dtype in (None, *WEIGHT_TYPES))]
)
def test_opaque_arrays_give_the_same_bits(
    run: Callable[[GPT2], list[Tensor]], tied: bool, dtype: WeightType | None
) -> None:
    with use_backend("numpy"):
        expected = values(run, tied=tied, dtype=dtype)
    with opaque_backend():
        ours = values(run, tied=tied, dtype=dtype)
    for one, other in zip(ours, expected, strict=True):
        assert one.dtype == other.dtype
        assert one.tobytes() == other.tobytes()


def test_every_array_of_a_model_is_the_backends() -> None:
    with opaque_backend():
        model = GPT2(config(), seed=3)
        model.load_state_dict({name: get_backend().to_numpy(x) for name, x in model.state_dict().items()})
        assert all(isinstance(parameter.data, OpaqueArray) for parameter in model.parameters())
        model.pack("int8")
        assert isinstance(model.wte.weight[2:3].data, OpaqueArray)
        assert isinstance(model.loss(BATCH).item(), float)


def test_gradients_can_be_checked() -> None:
    def function(x: Tensor, y: Tensor) -> Tensor:
        z = cat([x @ y.transpose(), (x / y).tril()], axis=1).masked_fill(
            np.eye(3, 8, dtype=bool).tolist(), 0.5
        )
        z = z[1:, [0, 5, 2, 2]].softmax() + z.max(axis=1).unsqueeze(1)[1:] ** 2 - z.var() * x.min()
        return z.reshape(4, 2).permute(1, 0).abs().sqrt() * x[0, 0].sigmoid().log().exp().tanh().gelu()

    rng = np.random.default_rng(0)
    with opaque_backend():
        assert check_gradients(function, rng.uniform(1, 2, (3, 5)), rng.uniform(1, 2, (3, 5))) < 1e-7
