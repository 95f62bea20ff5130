"""NativeOps: the operations that have a kernel in C++. All others, and float64, are the reference's.

The kernels are in `native/`, with the formulas in `native/kernels.h`. This file chooses the kernel for given
arrays, and gives weights and caches the layouts that kernels read.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import hornbook._native as kernels
from hornbook.backend.cache import KVCache, LayerCache
from hornbook.backend.linear import as_rows
from hornbook.backend.lookup import check_ids
from hornbook.backend.ops import Ops
from hornbook.backend.packing import Packed
from hornbook.backend.recording import Repeated
from hornbook.backend.types import Activation, Array, WeightType
from hornbook.machine import usable_threads

__all__ = ["NativeOps"]

KERNEL_ACTIVATIONS = frozenset({"none", "relu", "silu", "gelu", "gelu_tanh"})
"""Those that kernels compute; the others are the reference's."""

FLOAT32 = np.dtype(np.float32)  # NumPy has only one of it


class NativeWeight(Packed):
    """A weight `[K, M]` in the layout of the kernels, which is `kernel_weight`."""

    def __init__(self, weight: kernels.PackedWeight) -> None:
        super().__init__(weight.shape, weight.dtype, weight.nbytes)
        self.kernel_weight = weight

    def unpack(self) -> Array:
        """See `Packed.unpack`."""
        return _read_only(self.kernel_weight.unpack())


class NativeTable(Packed):
    """A table `[V, C]`; its `kernel_weight` is the weight `[C, V]` that it is in `unembed`."""

    def __init__(self, weight: kernels.PackedWeight) -> None:
        super().__init__(weight.shape[::-1], weight.dtype, weight.nbytes)
        self.kernel_weight = weight

    def unpack(self) -> Array:
        """See `Packed.unpack`."""
        return _read_only(self.kernel_weight.unpack().T)


class NativeKVCache(KVCache):
    """A cache in the layout of the attention kernel: 16 keys lie side by side."""

    block_rows = 16

    def _new_layer(self, n_sequences: int, n_kv_head: int, head_size: int) -> LayerCache:
        keys, values = kernels.cache_shapes(n_sequences, n_kv_head, self.capacity, head_size)
        return LayerCache(np.empty(keys, np.float32), np.empty(values, np.float32), self.lengths)

    def advance(self, counts: Array) -> None:
        """See `KVCache.advance`."""
        kernels.advance(counts, self.lengths)


class NativeOps(Ops):
    """The operations on the processor's own instructions, with one pool of threads.

    Each row of a result has the same bits whatever the number of rows, sequences or threads.

    Raises:
        ConfigError: HORNBOOK_NUM_THREADS or HORNBOOK_ISA has a value that this machine cannot use.
    """

    name = "native"

    def __init__(self) -> None:
        kernels.set_threads(usable_threads())

    def describe(self) -> str:
        """See `Ops.describe`."""
        return f"kernels for {kernels.isa()}, of {', '.join(kernels.available_isas())}"

    def repeatable(self, function: Callable[[], Array]) -> Callable[[], Array]:
        """See `Ops.repeatable`; what kernels do is replayed."""
        return Repeated(self, function)

    # Weights and caches

    def pack(self, weight: Array, dtype: WeightType) -> NativeWeight:
        """See `Ops.pack`."""
        return NativeWeight(kernels.pack(weight, dtype))

    def pack_table(self, table: Array, dtype: WeightType) -> NativeTable:
        """See `Ops.pack_table`."""
        return NativeTable(kernels.pack(table.T, dtype))

    def new_cache(
        self, n_layer: int, n_sequences: int, n_kv_head: int, head_size: int, capacity: int
    ) -> KVCache:
        """See `Ops.new_cache`."""
        return NativeKVCache(n_layer, n_sequences, n_kv_head, head_size, capacity)

    # Products

    def linear(
        self,
        x: Array,
        weight: Array | Packed,
        bias: Array | None = None,
        residual: Array | None = None,
        *,
        activation: Activation = "none",
    ) -> Array:
        """See `Ops.linear`."""
        if activation not in KERNEL_ACTIVATIONS:
            y = self.activation(self.linear(x, weight, bias), kind=activation)
            return y if residual is None else self.add(y, residual)
        if isinstance(weight, NativeWeight):
            return kernels.linear(x, weight.kernel_weight, bias, residual, activation)
        weight = self.unpack(weight)
        if _have_kernels(x, weight, bias, residual):
            return kernels.linear(x, weight, bias, residual, activation)
        return super().linear(x, weight, bias, residual, activation=activation)

    def linear_backward(self, grad: Array, x: Array, weight: Array) -> tuple[Array, Array, Array]:
        """See `Ops.linear_backward`."""
        if not _have_kernels(grad, x, weight):
            return super().linear_backward(grad, x, weight)
        rows, grads = as_rows(x), as_rows(grad)
        dx = kernels.matmul(grads, weight, transpose_b=True).reshape(x.shape)
        return dx, kernels.matmul(rows, grads, transpose_a=True), kernels.sum_rows(grads)

    def unembed(self, x: Array, table: Array | Packed) -> Array:
        """See `Ops.unembed`."""
        if isinstance(table, NativeTable):
            return kernels.linear(x, table.kernel_weight)
        table = self.unpack(table)
        return kernels.linear(x, table.T) if _have_kernels(x, table) else super().unembed(x, table)

    def unembed_backward(self, grad: Array, x: Array, table: Array) -> tuple[Array, Array]:
        """See `Ops.unembed_backward`."""
        if not _have_kernels(grad, x, table):
            return super().unembed_backward(grad, x, table)
        grads = as_rows(grad)
        dx = kernels.matmul(grads, table).reshape(x.shape)
        return dx, kernels.matmul(grads, as_rows(x), transpose_a=True)

    def matmul(self, x: Array, y: Array) -> Array:
        """See `ArrayOps.matmul`; matrices have a kernel, stacks of matrices are NumPy's."""
        if x.ndim == y.ndim == 2 and _have_kernels(x, y):
            return kernels.matmul(x, y)
        return super().matmul(x, y)

    # Rows

    def embedding(self, table: Array | Packed, ids: Array) -> Array:
        """See `Ops.embedding`."""
        look_up = _look_up(table)
        if look_up is None:
            return super().embedding(table, ids)
        try:
            rows = look_up(ids.reshape(-1))
        except (TypeError, ValueError):
            check_ids(ids, table.shape[0])  # the message of the reference
            raise
        return rows.reshape(*ids.shape, table.shape[1])

    def layer_norm(self, x: Array, weight: Array, bias: Array | None = None, *, eps: float) -> Array:
        """See `Ops.layer_norm`."""
        if _have_kernels(x, weight, bias):
            return kernels.layer_norm(x, weight, self.full(weight.shape, 0) if bias is None else bias, eps)
        return super().layer_norm(x, weight, bias, eps=eps)

    def layer_norm_backward(
        self, grad: Array, x: Array, weight: Array, *, eps: float
    ) -> tuple[Array, Array, Array]:
        """See `Ops.layer_norm_backward`."""
        if _have_kernels(grad, x, weight):
            return kernels.layer_norm_backward(grad, x, weight, eps)
        return super().layer_norm_backward(grad, x, weight, eps=eps)

    def embedding_backward(self, grad: Array, ids: Array, n_rows: int) -> Array:
        """See `Ops.embedding_backward`."""
        if _have_kernels(grad):
            return kernels.embedding_backward(as_rows(grad), ids.reshape(-1), n_rows)
        return super().embedding_backward(grad, ids, n_rows)

    def segment_sum(self, x: Array, offsets: Array, weights: Array | None = None) -> Array:
        """See `Ops.segment_sum`."""
        if _have_kernels(x, weights):
            return kernels.segment_sum(x, offsets, weights)
        return super().segment_sum(x, offsets, weights)

    def top_k(self, scores: Array, k: int) -> tuple[Array, Array]:
        """See `Ops.top_k`."""
        if _have_kernels(scores) and scores.ndim and k >= 0:
            return kernels.top_k(scores, k)
        return super().top_k(scores, k)

    # Elements

    def add(self, x: Array | float, y: Array | float) -> Array:
        """See `ArrayOps.add`; arrays of one shape have a kernel."""
        if isinstance(x, np.ndarray) and isinstance(y, np.ndarray) and _have_same_kernel(x, y):
            return kernels.add(x, y)
        return super().add(x, y)

    def activation(self, x: Array, *, kind: Activation) -> Array:
        """See `Ops.activation`."""
        has_kernel = kind in KERNEL_ACTIVATIONS and _have_kernels(x)
        return kernels.activation(x, kind) if has_kernel else super().activation(x, kind=kind)

    def activation_backward(self, grad: Array, x: Array, *, kind: Activation) -> Array:
        """See `Ops.activation_backward`."""
        if kind in KERNEL_ACTIVATIONS and _have_kernels(grad, x):
            return kernels.activation_backward(grad, x, kind)
        return super().activation_backward(grad, x, kind=kind)

    def softmax(self, x: Array, *, axis: int = -1) -> Array:
        """See `Ops.softmax`."""
        if _is_last(axis, x) and _have_kernels(x):
            return kernels.softmax(x)
        return super().softmax(x, axis=axis)

    def softmax_backward(self, grad: Array, output: Array, *, axis: int = -1) -> Array:
        """See `Ops.softmax_backward`."""
        if _is_last(axis, output) and _have_kernels(grad, output):
            return kernels.softmax_backward(grad, output)
        return super().softmax_backward(grad, output, axis=axis)

    def log_softmax(self, x: Array, *, axis: int = -1) -> Array:
        """See `Ops.log_softmax`."""
        if _is_last(axis, x) and _have_kernels(x):
            return kernels.log_softmax(x)
        return super().log_softmax(x, axis=axis)

    def log_softmax_backward(self, grad: Array, output: Array, *, axis: int = -1) -> Array:
        """See `Ops.log_softmax_backward`."""
        if _is_last(axis, output) and _have_kernels(grad, output):
            return kernels.log_softmax_backward(grad, output)
        return super().log_softmax_backward(grad, output, axis=axis)

    # Attention and loss

    def attention(
        self,
        qkv: Array,
        offsets: Array,
        bias: Array | None = None,
        *,
        n_head: int,
        n_kv_head: int | None = None,
        causal: bool,
        scale: float,
        cache: LayerCache | None = None,
    ) -> Array:
        """See `Ops.attention`."""
        n_kv_head = n_head if n_kv_head is None else n_kv_head
        if cache is not None and causal:
            return kernels.attention_cached(
                qkv, offsets, cache.keys, cache.values, cache.lengths, n_head, scale, n_kv_head, bias
            )
        if cache is None and _have_kernels(qkv, bias):
            return kernels.attention(qkv, offsets, n_head, causal, scale, n_kv_head, bias)
        heads = {"n_head": n_head, "n_kv_head": n_kv_head}
        return super().attention(qkv, offsets, bias, **heads, causal=causal, scale=scale, cache=cache)

    def attention_backward(
        self,
        grad: Array,
        qkv: Array,
        offsets: Array,
        bias: Array | None = None,
        *,
        n_head: int,
        n_kv_head: int | None = None,
        causal: bool,
        scale: float,
    ) -> tuple[Array, Array | None]:
        """See `Ops.attention_backward`; shared heads and a bias are the reference's."""
        if bias is None and n_kv_head in {None, n_head} and _have_kernels(grad, qkv):
            return kernels.attention_backward(grad, qkv, offsets, n_head, causal, scale), None
        heads: dict[str, Any] = {"n_head": n_head, "n_kv_head": n_kv_head}
        return super().attention_backward(grad, qkv, offsets, bias, **heads, causal=causal, scale=scale)

    def cross_entropy(self, x: Array, table: Array | Packed, targets: Array) -> Array:
        """See `Ops.cross_entropy`; against a packed table it is the reference's, in blocks."""
        if not isinstance(table, Packed) and _have_kernels(x, table):
            return kernels.cross_entropy(x, table, targets)
        return super().cross_entropy(x, table, targets)

    def cross_entropy_backward(
        self, grad: Array, x: Array, table: Array, targets: Array
    ) -> tuple[Array, Array]:
        """See `Ops.cross_entropy_backward`."""
        if _have_kernels(grad, x, table):
            return kernels.cross_entropy_with_gradients(x, table, targets, grad)[1:]
        return super().cross_entropy_backward(grad, x, table, targets)

    def cross_entropy_with_gradients(
        self, x: Array, table: Array, targets: Array, weights: Array
    ) -> tuple[Array, Array, Array]:
        """See `Ops.cross_entropy_with_gradients`; one sweep over the logits."""
        if _have_kernels(x, table, weights):
            losses, dx, dtable = kernels.cross_entropy_with_gradients(x, table, targets, weights)
            return self.sum(losses * weights), dx, dtable
        return super().cross_entropy_with_gradients(x, table, targets, weights)

    # Optimisers

    def adamw(
        self,
        parameter: Array,
        grad: Array,
        m: Array,
        v: Array,
        *,
        lr: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float,
        step: int,
        grad_scale: float = 1.0,
    ) -> None:
        """See `Ops.adamw`; one pass over memory."""
        decay: dict[str, Any] = {"weight_decay": weight_decay, "step": step, "grad_scale": grad_scale}
        if _have_kernels(parameter, grad, m, v):
            beta1, beta2 = betas
            kernels.adamw(parameter, m, v, grad, learning_rate=lr, beta1=beta1, beta2=beta2, eps=eps, **decay)
        else:
            super().adamw(parameter, grad, m, v, lr=lr, betas=betas, eps=eps, **decay)

    def squared_norm(self, x: Array) -> float:
        """See `Ops.squared_norm`."""
        return kernels.squared_norm(x) if _have_kernels(x) else super().squared_norm(x)


def _read_only(x: Array) -> Array:
    x.flags.writeable = False
    return x


def _look_up(table: Array | Packed) -> Callable[[Array], Array] | None:
    """The kernel that reads rows of this table by id, if there is one."""
    if isinstance(table, NativeTable):
        return table.kernel_weight.rows
    if not isinstance(table, Packed) and _have_kernels(table) and table.flags.c_contiguous:
        return partial(kernels.embedding, table)
    return None


def _have_kernels(*arrays: Array | None) -> bool:
    """Kernels compute with arrays of float32."""
    return all(map(_is_float32, arrays))


def _have_same_kernel(x: Array, y: Array) -> bool:
    return x.shape == y.shape and _have_kernels(x, y)


def _is_float32(x: Array | None) -> bool:
    """Whether a kernel takes it; NumPy's scalars, which look like arrays, it does not."""
    return x is None or (isinstance(x, np.ndarray) and x.dtype is FLOAT32)


def _is_last(axis: int, x: Array) -> bool:
    return x.ndim > 0 and axis in {-1, x.ndim - 1}
