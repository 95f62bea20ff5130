"""Tensor: an array that records how it was computed."""

from collections.abc import Iterator
from typing import Any

from hornbook.backend import Array, Axis, get_backend
from hornbook.errors import ConfigError, HornbookError, ShapeError
from hornbook.tensor.engine import Node, backward, is_recording
from hornbook.tensor.gradients import GRADIENTS

__all__ = ["Tensor", "apply", "apply_with_gradients"]


class Tensor:
    """An array of the active backend, with a gradient if it asks for one.

    Attributes:
        data: the values.
        requires_grad: whether `backward` computes its gradient.
        grad: d(result)/d(this), filled by `backward` in leaves; an array of the same shape, or None.
        node: how it was computed; None for a leaf.

    Example:
        >>> x = Tensor([1.0, 2.0], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> x.grad
        array([2., 4.], dtype=float32)
    """

    __slots__ = ("data", "grad", "node", "requires_grad")
    __array_ufunc__ = None  # `array * tensor` is for __rmul__, not for a loop over the array's elements

    def __init__(self, values: Any, *, dtype: Any = None, requires_grad: bool = False) -> None:
        """Wraps an array as it is, without a copy; nested lists and numbers become float32.

        Args:
            values: what it holds.
            dtype: the type to convert to.
            requires_grad: whether `backward` computes its gradient.

        Raises:
            ConfigError: a gradient is asked for with respect to integers.
        """
        if isinstance(values, Tensor):
            values = values.data
        if dtype is None and not hasattr(values, "dtype"):
            dtype = "float32"
        self.data: Any = values if dtype is None else get_backend().asarray(values, dtype)
        if requires_grad and self.data.dtype.kind != "f":
            raise ConfigError(f"Tensor: only floats have gradients, got {self.data.dtype}")
        self.requires_grad = requires_grad
        self.grad: Any = None
        self.node: Node | None = None

    # What it is

    @property
    def shape(self) -> tuple[int, ...]:
        """The size of each axis."""
        shape: tuple[int, ...] = self.data.shape
        return shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(self.data.size)

    @property
    def nbytes(self) -> int:
        """Memory of the elements in bytes."""
        return int(self.data.nbytes)

    @property
    def dtype(self) -> Any:
        """The type of an element."""
        return self.data.dtype

    def numpy(self) -> Array:
        """The values as an ndarray."""
        return get_backend().to_numpy(self.data)

    def item(self) -> float:
        """The value of a tensor that has only one element.

        Raises:
            ShapeError: it has none, or more.
        """
        return self._single("item")

    def detach(self) -> "Tensor":
        """The same values without their history."""
        return Tensor(self.data)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        ops = get_backend()
        return ops.copy(self.numpy(), dtype) if copy else ops.asarray(self.numpy(), dtype)

    def __len__(self) -> int:
        if not self.shape:
            raise ShapeError("len: a tensor of shape () has no first axis")
        return self.shape[0]

    def __iter__(self) -> Iterator["Tensor"]:
        return (self[i] for i in range(len(self)))

    def __float__(self) -> float:
        return self._single("float")

    def __bool__(self) -> bool:
        return bool(self._single("bool"))

    def __repr__(self) -> str:
        wants = ", requires_grad=True" if self.requires_grad else ""
        return f"Tensor({self.numpy()!r}{wants})"

    def backward(self, grad: Any = None) -> None:
        """Adds the gradient of this tensor to `.grad` of every leaf that it was computed from.

        Args:
            grad: the gradient of the final result with respect to this tensor, in its shape; 1 for a
                single element.

        Raises:
            ConfigError: this tensor was not computed from one that requires a gradient.
            ShapeError: no `grad` given for more than one element, or one of another shape.
        """
        if not self.requires_grad:
            raise ConfigError(
                "backward: nothing was recorded, because no input requires a gradient; "
                "is a model loaded with trainable=True, and called outside of no_grad?"
            )
        if grad is None and self.size != 1:
            raise ShapeError(f"backward: a tensor of shape {self.shape} needs a gradient of that shape")
        ops = get_backend()
        seed = ops.full(self.shape, 1, self.dtype) if grad is None else ops.asarray(grad, self.dtype)
        if seed.shape != self.shape:
            raise ShapeError(f"backward: expected a gradient of shape {self.shape}, got {seed.shape}")
        backward(self, seed, GRADIENTS)

    # Arithmetic

    def add(self, other: Any) -> "Tensor":
        """self + other."""
        return apply("add", self, self._operand(other))

    def sub(self, other: Any) -> "Tensor":
        """self - other."""
        return apply("sub", self, self._operand(other))

    def mul(self, other: Any) -> "Tensor":
        """self * other, element by element."""
        return apply("mul", self, self._operand(other))

    def div(self, other: Any) -> "Tensor":
        """self / other."""
        return apply("div", self, self._operand(other))

    def matmul(self, other: Any) -> "Tensor":
        """The matrix product over the last two axes."""
        return apply("matmul", self, self._operand(other))

    def pow(self, exponent: float) -> "Tensor":
        """self ** exponent, for a constant exponent.

        Raises:
            TypeError: the exponent is a tensor, which would get no gradient.
        """
        if isinstance(exponent, Tensor):
            raise TypeError(f"pow: the exponent must be a number, got a tensor of shape {exponent.shape}")
        return apply("pow", self, exponent=exponent if isinstance(exponent, int) else float(exponent))

    __add__ = __radd__ = add
    __mul__ = __rmul__ = mul
    __sub__ = sub
    __truediv__ = div
    __matmul__ = matmul
    __pow__ = pow

    def __rsub__(self, other: Any) -> "Tensor":
        return apply("sub", self._operand(other), self)

    def __rtruediv__(self, other: Any) -> "Tensor":
        return apply("div", self._operand(other), self)

    def __rmatmul__(self, other: Any) -> "Tensor":
        return apply("matmul", self._operand(other), self)

    def __neg__(self) -> "Tensor":
        return apply("neg", self)

    def exp(self) -> "Tensor":
        """e ** self."""
        return apply("exp", self)

    def log(self) -> "Tensor":
        """The natural logarithm."""
        return apply("log", self)

    def sqrt(self) -> "Tensor":
        """The square root."""
        return apply("sqrt", self)

    def tanh(self) -> "Tensor":
        """The hyperbolic tangent."""
        return apply("tanh", self)

    def sigmoid(self) -> "Tensor":
        """1 / (1 + e^-x)."""
        return apply("sigmoid", self)

    def abs(self) -> "Tensor":
        """The absolute value."""
        return apply("abs", self)

    # Activations

    def relu(self) -> "Tensor":
        """max(x, 0)."""
        return apply("activation", self, kind="relu")

    def silu(self) -> "Tensor":
        """x * sigmoid(x)."""
        return apply("activation", self, kind="silu")

    def gelu(self, *, approximate: bool = True) -> "Tensor":
        """GELU: GPT-2's tanh form, or with `approximate=False` the exact one through erf."""
        return apply("activation", self, kind="gelu_tanh" if approximate else "gelu")

    def softmax(self, axis: int = -1) -> "Tensor":
        """Positive numbers along `axis` that sum to 1."""
        return apply("softmax", self, axis=axis)

    def log_softmax(self, axis: int = -1) -> "Tensor":
        """The logarithm of softmax."""
        return apply("log_softmax", self, axis=axis)

    # Shapes

    def reshape(self, *shape: int) -> "Tensor":
        """The same values in another shape; one size may be -1."""
        return apply("reshape", self, shape=shape)

    def unsqueeze(self, axis: int) -> "Tensor":
        """Inserts an axis of size 1."""
        return apply("unsqueeze", self, axis=axis)

    def squeeze(self, axis: Axis = None) -> "Tensor":
        """Removes axes of size 1."""
        return apply("squeeze", self, axis=axis)

    def permute(self, *axes: int) -> "Tensor":
        """Reorders the axes."""
        return apply("permute", self, axes=axes)

    def transpose(self, axis1: int = -1, axis2: int = -2) -> "Tensor":
        """Swaps two axes."""
        return apply("transpose", self, axis1=axis1, axis2=axis2)

    def broadcast_to(self, *shape: int) -> "Tensor":
        """Repeats the values along axes of size 1."""
        return apply("broadcast_to", self, shape=shape)

    # Indexing

    def __getitem__(self, index: Any) -> "Tensor":
        parts = index if isinstance(index, tuple) else (index,)
        arrays = tuple(part.data if isinstance(part, Tensor) else part for part in parts)
        return apply("getitem", self, index=arrays)

    def slice(self, axis: int, start: int | None = None, stop: int | None = None) -> "Tensor":
        """The positions from `start` up to, not including, `stop` along one axis."""
        return self._at(axis, slice(start, stop))

    def select(self, axis: int, index: int) -> "Tensor":
        """One position along one axis, which is removed."""
        return self._at(axis, index)

    def masked_fill(self, mask: Any, value: float) -> "Tensor":
        """Puts `value` where `mask` is true."""
        return apply("masked_fill", self, mask, value=value)

    def tril(self, k: int = 0) -> "Tensor":
        """The lower triangle of the last two axes."""
        return apply("tril", self, k=k)

    def triu(self, k: int = 0) -> "Tensor":
        """The upper triangle of the last two axes."""
        return apply("triu", self, k=k)

    # Reductions

    def sum(self, axis: Axis = None, *, keepdims: bool = False) -> "Tensor":
        """The sum along `axis`, or of everything."""
        return apply("sum", self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Axis = None, *, keepdims: bool = False) -> "Tensor":
        """The mean along `axis`."""
        return apply("mean", self, axis=axis, keepdims=keepdims)

    def var(self, axis: Axis = None, *, keepdims: bool = False) -> "Tensor":
        """The variance along `axis`, divided by n (not n - 1)."""
        return apply("var", self, axis=axis, keepdims=keepdims)

    def max(self, axis: Axis = None, *, keepdims: bool = False) -> "Tensor":
        """The largest value along `axis`; equal winners share the gradient."""
        return apply("max", self, axis=axis, keepdims=keepdims)

    def min(self, axis: Axis = None, *, keepdims: bool = False) -> "Tensor":
        """The smallest value along `axis`; equal winners share the gradient."""
        return apply("min", self, axis=axis, keepdims=keepdims)

    def argmax(self, axis: int | None = None, *, keepdims: bool = False) -> "Tensor":
        """The position of the largest value along `axis`; integers, without a gradient."""
        return apply("argmax", self.detach(), axis=axis, keepdims=keepdims)

    def _single(self, operation: str) -> float:
        if self.size != 1:
            raise ShapeError(f"{operation}: expected one element, got shape {self.shape}")
        return get_backend().item(self.data)

    def _operand(self, other: Any) -> Any:
        """Numbers, lists and arrays in the type of this tensor, unless it holds integers."""
        if isinstance(other, Tensor):
            return other
        return get_backend().asarray(other, self.dtype if self.dtype.kind == "f" else None)

    def _at(self, axis: int, index: Any) -> "Tensor":
        if not -self.ndim <= axis < self.ndim:
            raise ShapeError(f"slice, select: axis {axis} is not one of shape {self.shape}")
        return self[(slice(None),) * (axis % self.ndim) + (index,)]


def apply(operation: str, *inputs: Any, **options: Any) -> Tensor:
    """Computes `operation` of the active backend, and records it if an input requires a gradient.

    Args:
        operation: a method of `Ops` that has a rule in `GRADIENTS`.
        inputs: tensors, arrays or None, in the operation's order.
        options: the operation's keyword arguments.

    Raises:
        ShapeError: the inputs do not fit together.
    """
    arrays = [x.data if isinstance(x, Tensor) else x for x in inputs]
    try:
        result = Tensor(getattr(get_backend(), operation)(*arrays, **options))
    except HornbookError:
        raise
    except (IndexError, ValueError) as error:
        shapes = " and ".join(str(x.shape) for x in arrays if hasattr(x, "shape"))
        raise ShapeError(f"{operation}: {str(error).strip()}; the inputs have shapes {shapes}") from error
    if is_recording() and any(isinstance(x, Tensor) and x.requires_grad for x in inputs):
        result.requires_grad = True
        result.node = Node(operation, inputs, options)
    return result


def apply_with_gradients(operation: str, *inputs: Any) -> Tensor:
    """Computes an operation that returns one number and, with it, the gradients of its first inputs.

    The gradient of such a number is one factor, so nothing is computed again. `backward` uses the arrays up,
    so it can be called once.
    """
    arrays = [x.data if isinstance(x, Tensor) else x for x in inputs]
    value, *gradients = getattr(get_backend(), operation)(*arrays)
    result = Tensor(value)
    if is_recording() and any(isinstance(x, Tensor) and x.requires_grad for x in inputs):
        result.requires_grad = True
        result.node = Node("scaled", inputs[: len(gradients)], {"gradients": gradients})
    return result
