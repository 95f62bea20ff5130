"""The native kernels, as Python sees them.

They are bound in `native/bindings.cc`; formulas, layouts and promises are in `native/kernels.h`.

Matrices are float32. An input that is not contiguous or not aligned is copied first. An array that is written
must be C-contiguous, aligned, writeable and apart from the inputs. Functions with `out` return it, or a new
array without it.

Every function raises TypeError for an array of another dtype, ShapeError for shapes that do not fit together,
ValueError for values out of range or outputs that cannot be written, and ConfigError if HORNBOOK_ISA names
what cannot run here.

Each row of a result is computed by the same sequence of operations whatever the number of rows, threads or
sequences.
"""

from collections.abc import Sequence

from hornbook.backend.types import Activation, Array, WeightType

class PackedWeight:
    """A weight `[K, M]` in the layout that `linear` reads: panels of 16 columns."""

    @property
    def dtype(self) -> WeightType: ...
    @property
    def shape(self) -> tuple[int, int]: ...
    @property
    def nbytes(self) -> int: ...
    def unpack(self) -> Array:
        """The values that the product uses, float32 `[K, M]`."""

    def rows(self, ids: Array, out: Array | None = None) -> Array:
        """Rows of the transposed weight: columns `ids` `[N]` of W, as float32 `[N, K]`."""

def pack(weight: Array, dtype: WeightType = "float32") -> PackedWeight:
    """Packs a weight `[K, M]` of any strides; a transposed view needs no copy.

    int8 has one scale for each column of 256 inputs.
    """

def linear(
    x: Array,
    weight: PackedWeight | Array,
    bias: Array | None = None,
    residual: Array | None = None,
    activation: Activation = "none",
    out: Array | None = None,
) -> Array:
    """activation(x W + bias) + residual: `[..., K] x [K, M] -> [..., M]`.

    A weight that is an array, of any strides, gives the bits of its packed float32 copy.
    """

def matmul(
    a: Array,
    b: Array,
    transpose_a: bool = False,
    transpose_b: bool = False,
    out: Array | None = None,
    accumulate: bool = False,
) -> Array:
    """a b, or added to `out`: `[M, K] x [K, N] -> [M, N]`, for matrices with any strides."""

def attention(
    qkv: Array,
    offsets: Array,
    n_head: int,
    causal: bool,
    scale: float,
    n_kv_head: int = 0,
    bias: Array | None = None,
    out: Array | None = None,
) -> Array:
    """softmax(scale Q K^T + bias) V of every head and sequence, `qkv [N, (H + 2 KV) D] -> [N, H D]`.

    `n_kv_head` is KV, or 0 for H. `bias` `[H, 2 R + 1]` is by distance, see `Ops.distance_bias`.
    """

def cache_shapes(
    n_sequences: int, n_kv_head: int, capacity: int, head_size: int
) -> tuple[tuple[int, int, int, int, int], tuple[int, int, int, int]]:
    """The shapes of keys `[B, KV, capacity/16, D, 16]` and values `[B, KV, capacity, P]` of a cache.

    The capacity is rounded up to a multiple of 16; P is D rounded up likewise.
    """

def attention_cached(
    qkv: Array,
    offsets: Array,
    keys: Array,
    values: Array,
    lengths: Array,
    n_head: int,
    scale: float,
    n_kv_head: int = 0,
    bias: Array | None = None,
    out: Array | None = None,
) -> Array:
    """Appends the new rows to the cache, float32 or float16, and lets each attend to all rows up to itself.

    `lengths` `[B]` counts the earlier rows and is not changed.

    Raises:
        ContextLengthError: the cache has no room for the new rows.
    """

def advance(counts: Array, lengths: Array) -> Array:
    """Adds `counts` `[B]` to `lengths`, int32 `[B]`, in place: the rows of a step count as filled."""

def attention_backward(
    grad: Array, qkv: Array, offsets: Array, n_head: int, causal: bool, scale: float
) -> Array:
    """The gradient with respect to qkv, where KV = H and without a bias."""

def layer_norm(x: Array, weight: Array, bias: Array, eps: float, out: Array | None = None) -> Array:
    """(x - mean) / sqrt(var + eps) * weight + bias over the last axis; `out` may be x."""

def layer_norm_backward(grad: Array, x: Array, weight: Array, eps: float) -> tuple[Array, Array, Array]:
    """The gradients with respect to x, weight and bias."""

def sum_rows(x: Array) -> Array:
    """The sum over all axes but the last: the gradient of a bias."""

def add(a: Array, b: Array, out: Array | None = None) -> Array:
    """a + b, of one shape."""

def activation(x: Array, kind: Activation, out: Array | None = None) -> Array:
    """relu, silu, gelu (erf) or gelu_tanh of each element; `out` may be x."""

def activation_backward(grad: Array, x: Array, kind: Activation) -> Array:
    """grad times the derivative at x."""

def exp(x: Array) -> Array:
    """e ** x."""

def tanh(x: Array) -> Array:
    """The hyperbolic tangent."""

def erf(x: Array) -> Array:
    """The error function."""

def softmax(x: Array, out: Array | None = None) -> Array:
    """e ** x / sum(e ** x) over the last axis; `out` may be x."""

def log_softmax(x: Array, out: Array | None = None) -> Array:
    """x - log(sum(e ** x)) over the last axis; `out` may be x."""

def softmax_backward(grad: Array, y: Array) -> Array:
    """The gradient with respect to the input, from the output y."""

def log_softmax_backward(grad: Array, y: Array) -> Array:
    """The gradient with respect to the input, from the output y."""

def embedding(table: Array, ids: Array, out: Array | None = None) -> Array:
    """table[ids]: `[V, C], [N] -> [N, C]`."""

def embedding_backward(grad: Array, ids: Array, n_rows: int) -> Array:
    """The gradient with respect to a table of `n_rows` rows; rows that occur twice are added in order."""

def segment_sum(x: Array, offsets: Array, weights: Array | None = None) -> Array:
    """The (weighted) sum of the rows of each sequence, `[N, C], [B+1], [N] -> [B, C]`."""

def top_k(scores: Array, k: int) -> tuple[Array, Array]:
    """The k largest of the last axis and their int64 ids, largest first; ties: lower id first; NaN last."""

def cross_entropy(x: Array, table: Array, targets: Array) -> Array:
    """log sum_v e^(x . table[v]) - x . table[target] of every row; 0 where the target is negative."""

def cross_entropy_with_gradients(
    x: Array, table: Array, targets: Array, grad: Array
) -> tuple[Array, Array, Array]:
    """Losses, and the gradients of x and table for `grad` `[N]` of the losses, from one set of logits."""

def adamw(
    parameter: Array,
    m: Array,
    v: Array,
    grad: Array,
    *,
    learning_rate: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    step: int,
    grad_scale: float = 1.0,
) -> None:
    """One step of AdamW, in place; `step` counts from 1; the gradient is first multiplied by `grad_scale`."""

def squared_norm(x: Array) -> float:
    """The sum of x ** 2."""

class BytePairEncoder:
    """Byte pair encoding of text, see `hornbook.tokenizer.models.byte_bpe_native`.

    Args:
        byte_ids: the id of each byte, int32 `[256]`.
        merges: left id, right id and merged id in order of rank, int32 `[M, 3]`.
        n_ids: all ids lie below it.
        pattern: what splits text into words: "gpt2", "llama3", "qwen2", or None for one word.
        letters: ranges of code points, both ends included, int32 `[N, 2]`.
        numbers: likewise.
        spaces: likewise.
        whole_words: the bytes of id 0, 1, ...; a word that is one of them is not merged.
    """

    def __init__(
        self,
        byte_ids: Array,
        merges: Array,
        n_ids: int,
        pattern: str | None,
        letters: Array,
        numbers: Array,
        spaces: Array,
        whole_words: Sequence[bytes] | None = None,
    ) -> None: ...
    def encode_batch(self, texts: list[str] | tuple[str, ...]) -> tuple[Array, Array]:
        """Ids of all texts, int32 `[N]`, and where each text begins, int32 `[B+1]`.

        Raises:
            UnicodeEncodeError: a text has half of a surrogate pair.
        """

class Recording:
    """Notes the calls that this thread makes while it is open, to make them again on the same arrays.

    It notes `linear`, `attention_cached`, `advance`, `layer_norm`, `embedding`, `add` and
    `PackedWeight.rows`. Only one can be open in a thread.
    """

    def __init__(self) -> None: ...
    def __enter__(self) -> Recording: ...
    def __exit__(self, *exception: object) -> None: ...
    def __len__(self) -> int: ...
    def replay(self) -> None:
        """Makes the calls in order; each writes into the array that it returned before."""

class MergeLearner:
    """Learns which pairs of symbols to merge; see `hornbook.tokenizer.training.learn_merges.MergeLearner`.

    Args:
        symbols: int32 `[S]`, N words one after the other, each symbol from 0 to n_symbols - 1.
        offsets: int32 or int64 `[N + 1]`, where each word begins, and where the last one ends.
        counts: int64 `[N]`, how often each word occurs.
        n_symbols: at most 2**30.
        min_count: pairs that occur less often are not merged.
        older_first: of pairs of equal counts, the one whose tokens were made first, not the greater one.
    """

    def __init__(
        self,
        symbols: Array,
        offsets: Array,
        counts: Array,
        n_symbols: int,
        min_count: int,
        older_first: bool = False,
    ) -> None: ...
    def learn(self, n_merges: int) -> list[tuple[int, int]]:
        """The next merges, as pairs of ids; fewer than asked for if there are no more."""

def multiply_adds(rounds: int) -> int:
    """Keeps every thread busy with multiply-adds on registers; returns the number of operations."""

def set_threads(count: int) -> None:
    """How many threads a kernel may use from now on.

    Raises:
        ConfigError: not in 1..256.
    """

def threads() -> int:
    """How many threads a kernel may use."""

def isa() -> str:
    """The instruction set in use: HORNBOOK_ISA, else the best of `available_isas()`."""

def available_isas() -> list[str]:
    """The instruction sets that are in this build and run on this processor, the best first."""
