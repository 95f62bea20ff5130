"""Reverse-mode differentiation of any computation. It knows no operation.

Computing with tensors that require gradients builds a graph: each result records the operation's name and its
inputs. `backward` walks that graph from the result to the leaves and asks a table of rules (see
`gradients.py`) what each operation does to the gradient.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

from hornbook.backend import Array, Ops, get_backend
from hornbook.errors import ConfigError
from hornbook.tensor.gradients import Rule

__all__ = ["Node", "Recorded", "backward", "is_recording", "no_grad"]

_recording: ContextVar[bool] = ContextVar("recording", default=True)


class Recorded(Protocol):
    """What the engine knows of a tensor."""

    data: Any
    grad: Any
    node: "Node | None"
    requires_grad: bool

    @property
    def dtype(self) -> Any:
        """The type of an element."""


@dataclass(frozen=True, slots=True)
class Node:
    """How a tensor was computed.

    Attributes:
        operation: a name in the table of rules.
        inputs: its positional arguments; tensors among them may get gradients.
        options: its keyword arguments.
    """

    operation: str
    inputs: tuple[Any, ...]
    options: dict[str, Any]

    def parents(self) -> Iterator[Recorded]:
        """The inputs that require a gradient."""
        return (x for x in self.inputs if getattr(x, "requires_grad", False))


def is_recording() -> bool:
    """Whether operations are recorded, so that they can be differentiated."""
    return _recording.get()


@contextmanager
def no_grad() -> Iterator[None]:
    """Computes without recording: less memory and time, no gradients."""
    token = _recording.set(False)
    try:
        yield
    finally:
        _recording.reset(token)


def backward(root: Recorded, grad: Array, rules: Mapping[str, Rule]) -> None:
    """Adds d(sum(root * grad))/d(leaf) to `.grad` of every leaf that `root` was computed from.

    Each leaf owns its gradient, in its own type.
    """
    ops = get_backend()
    grads = {id(root): ops.copy(grad) if root.node is None else grad}
    for tensor in reversed(_inputs_first(root)):
        arriving = grads.pop(id(tensor))
        if tensor.node is None:
            total = arriving if tensor.grad is None else ops.add(tensor.grad, arriving)
            tensor.grad = ops.asarray(total, tensor.dtype)
            continue
        for parent, contribution in _contributions(ops, tensor, tensor.node, arriving, rules):
            if id(parent) in grads:
                grads[id(parent)] = ops.add(grads[id(parent)], contribution)
            elif parent.node is None and (contribution is arriving or not ops.owns_memory(contribution)):
                grads[id(parent)] = ops.copy(contribution)
            else:
                grads[id(parent)] = contribution


def _contributions(
    ops: Ops, tensor: Recorded, node: Node, grad: Array, rules: Mapping[str, Rule]
) -> Iterator[tuple[Recorded, Array]]:
    arrays = [getattr(x, "data", x) if hasattr(x, "requires_grad") else x for x in node.inputs]
    results = rules[node.operation](ops, grad, tensor.data, *arrays, **node.options)
    for source, result in zip(node.inputs, results, strict=True):
        if not getattr(source, "requires_grad", False):
            continue
        if result is None:
            raise ConfigError(f"{node.operation}: has no derivative for its input of shape {source.shape}")
        yield source, result


def _inputs_first(root: Recorded) -> list[Recorded]:
    """Every tensor that `root` depends on, each after all of its inputs. A loop, so depth is no limit."""
    order: list[Recorded] = []
    seen: set[int] = set()
    stack: list[tuple[Recorded, bool]] = [(root, False)]
    while stack:
        tensor, inputs_done = stack.pop()
        if inputs_done:
            order.append(tensor)
        elif id(tensor) not in seen:
            seen.add(id(tensor))
            stack.append((tensor, True))
            if tensor.node is not None:
                stack.extend((parent, False) for parent in tensor.node.parents())
    return order
