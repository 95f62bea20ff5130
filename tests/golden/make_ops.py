"""Makes tests/golden/ops.npz: what torch computes for the operations that have conventions.

Every key is `<operation>.<float32|float64>.<name>`; inputs and results have that type unless said. `dy` is
the gradient that comes in; `dx` is that of `x`, and so on. Shapes are distinct primes wherever two axes could
be swapped.

- gelu, gelu_tanh, silu: x [43], y, dy, dx; x holds 0, -0, tiny values and +-1e4.
- softmax_last, softmax_middle, log_softmax: x [3, 5, 7] with -inf and +-1e4, y, dy, dx, along axis 2, 1, 2.
  Torch's dx of log_softmax is finite where x is -inf.
- layer_norm_1e5, layer_norm_1e3 (by eps): x [5, 13] with one constant row, weight, bias [13], y, dy, dx,
  dweight, dbias.
- cross_entropy: x [7, 11], targets int32 [7], y [7], mean [], dy [7], dx.
- cross_entropy_head: x [7, 5], table [11, 5], targets int32 [7], y [7], mean [], dy [7], dx, dtable.
- amax_0, amax_1, amax_all (by axis): x [3, 5] with ties, y, dy, dx; tied elements share the gradient
  evenly.
- variance: x [3, 7], y [3], dy, dx; the mean of squared deviations along axis 1.
- attention_causal, attention_full: q, k, v [10, 2, 5], offsets int32 [3], y, dy, dq, dk, dv; two sequences,
  of 7 and 3 rows; scale 1/sqrt(5).
- embedding: table [11, 5], ids int32 [7] with repeats, y [7, 5], dy, dtable.
- adamw: x [7], grads [5, 7], y [5, 7] after each step, m, v [7] after the last; lr 1e-2, betas 0.9 and 0.95,
  eps 1e-8, weight decay 0.1 (decoupled, applied before the step).

Cross-entropy follows torch: a target of -100 (`ignore_index`) has loss 0 and no gradient, and `mean` divides
by the number of the others. `dx` belongs to `y` weighted by `dy`, not to `mean`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from goldens import Arrays, write_npz, write_versions
from numpy.typing import NDArray
from torch.nn import functional

HERE = Path(__file__).resolve().parent
SEED = 211
IGNORED = -100

Tensors = dict[str, torch.Tensor]
Function = Callable[..., torch.Tensor]
Maker = Callable[[torch.dtype], Tensors]


def differentiate(function: Function, **inputs: torch.Tensor) -> Tensors:
    """Runs `function` forward and back; returns the inputs, y, a random dy, and d + name of each input."""
    leaves = {name: tensor.detach().clone().requires_grad_() for name, tensor in inputs.items()}
    y = function(*leaves.values())
    dy = torch.randn_like(y)
    y.backward(dy)
    gradients = {f"d{name}": leaf.grad for name, leaf in leaves.items()}
    return {**inputs, "y": y.detach(), "dy": dy, **gradients}


def activation(function: Function) -> Maker:
    """An elementwise function on a line, at zeros, tiny values, and far out where naive forms overflow."""

    def make(dtype: torch.dtype) -> Tensors:
        special = torch.tensor([0.0, -0.0, 1e-30, -1e-30, 1e4, -1e4], dtype=dtype)
        x = torch.cat([torch.linspace(-9, 9, 37, dtype=dtype), special])
        return differentiate(function, x=x)

    return make


def along(function: Function, axis: int) -> Maker:
    """A softmax along one axis, with masked entries, and values whose exponentials overflow."""

    def make(dtype: torch.dtype) -> Tensors:
        x = torch.randn(3, 5, 7, dtype=dtype) * 3
        x[0, 1, 2] = x[0, 3, 2] = x[1, 2, 6] = x[2, 4, 0] = -torch.inf
        x[1, 0, 3] = x[1, 1, 3] = x[2, 0, 5] = 1e4
        x[0, 2, :] = x[1, :, 1] = -1e4
        return differentiate(lambda x: function(x, dim=axis), x=x)

    return make


def layer_norm(eps: float) -> Maker:
    """Layer norm with weight and bias; a constant row has no variance but `eps`."""

    def make(dtype: torch.dtype) -> Tensors:
        x = torch.randn(5, 13, dtype=dtype)
        x[3] = 2.0
        weight, bias = 1 + torch.randn(13, dtype=dtype) / 2, torch.randn(13, dtype=dtype)
        return differentiate(
            lambda x, weight, bias: functional.layer_norm(x, (13,), weight, bias, eps),
            x=x,
            weight=weight,
            bias=bias,
        )

    return make


def random_targets() -> torch.Tensor:
    """Seven targets below 11, one of them ignored."""
    targets = torch.randint(11, (7,))
    targets[4] = IGNORED
    return targets


def cross_entropy(dtype: torch.dtype) -> Tensors:
    """From logits to losses."""
    targets, logits = random_targets(), torch.randn(7, 11, dtype=dtype) * 3
    result = differentiate(lambda x: functional.cross_entropy(x, targets, reduction="none"), x=logits)
    return {**result, "targets": targets, "mean": functional.cross_entropy(logits, targets)}


def cross_entropy_head(dtype: torch.dtype) -> Tensors:
    """From hidden states and the table that scores them to losses."""
    targets, x, table = random_targets(), torch.randn(7, 5, dtype=dtype), torch.randn(11, 5, dtype=dtype)
    result = differentiate(
        lambda x, table: functional.cross_entropy(x @ table.T, targets, reduction="none"), x=x, table=table
    )
    return {**result, "targets": targets, "mean": functional.cross_entropy(x @ table.T, targets)}


def amax(axis: tuple[int, ...]) -> Maker:
    """The largest element along `axis`, where two or three are equal."""

    def make(dtype: torch.dtype) -> Tensors:
        x = torch.tensor([[1, 5, 2, 5, 0], [3, 3, 3, -1, 2], [0, 5, -2, 4, 1]], dtype=dtype)
        return differentiate(lambda x: torch.amax(x, dim=axis), x=x)

    return make


def variance(dtype: torch.dtype) -> Tensors:
    """Variance that divides by the number of elements."""
    return differentiate(lambda x: torch.var(x, dim=1, correction=0), x=torch.randn(3, 7, dtype=dtype))


def attention(*, causal: bool) -> Maker:
    """Scaled dot-product attention of two packed sequences, each of which sees itself alone."""
    lengths = (7, 3)

    def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        parts = zip(*(tensor.transpose(0, 1).split(lengths, dim=1) for tensor in (q, k, v)), strict=True)
        results = [functional.scaled_dot_product_attention(*part, is_causal=causal) for part in parts]
        return torch.cat(results, dim=1).transpose(0, 1).contiguous()

    def make(dtype: torch.dtype) -> Tensors:
        q, k, v = (torch.randn(sum(lengths), 2, 5, dtype=dtype) * 1.5 for _ in range(3))
        offsets = torch.tensor([0, lengths[0], sum(lengths)])
        return {**differentiate(attend, q=q, k=k, v=v), "offsets": offsets}

    return make


def embedding(dtype: torch.dtype) -> Tensors:
    """Rows of a table by id; the gradients of repeated ids add up."""
    ids = torch.tensor([3, 0, 3, 10, 7, 3, 0])
    result = differentiate(
        lambda table: functional.embedding(ids, table), table=torch.randn(11, 5, dtype=dtype)
    )
    return {**result, "ids": ids}


def adamw(dtype: torch.dtype) -> Tensors:
    """Five steps on one small vector."""
    x, grads = torch.randn(7, dtype=dtype), torch.randn(5, 7, dtype=dtype)
    parameter = torch.nn.Parameter(x.clone())
    optimizer = torch.optim.AdamW([parameter], lr=1e-2, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
    steps = []
    for grad in grads:
        parameter.grad = grad.clone()
        optimizer.step()
        steps.append(parameter.detach().clone())
    state = optimizer.state[parameter]
    return {"x": x, "grads": grads, "y": torch.stack(steps), "m": state["exp_avg"], "v": state["exp_avg_sq"]}


MAKERS: dict[str, Maker] = {
    "gelu": activation(functional.gelu),
    "gelu_tanh": activation(lambda x: functional.gelu(x, approximate="tanh")),
    "silu": activation(functional.silu),
    "softmax_last": along(functional.softmax, 2),
    "softmax_middle": along(functional.softmax, 1),
    "log_softmax": along(functional.log_softmax, 2),
    "layer_norm_1e5": layer_norm(1e-5),
    "layer_norm_1e3": layer_norm(1e-3),
    "cross_entropy": cross_entropy,
    "cross_entropy_head": cross_entropy_head,
    "amax_0": amax((0,)),
    "amax_1": amax((1,)),
    "amax_all": amax((0, 1)),
    "variance": variance,
    "attention_causal": attention(causal=True),
    "attention_full": attention(causal=False),
    "embedding": embedding,
    "adamw": adamw,
}


def to_numpy(tensor: torch.Tensor) -> NDArray[Any]:
    """The tensor's array; integers become int32, the type of ids and offsets."""
    typed = tensor if tensor.is_floating_point() else tensor.int()
    array: NDArray[Any] = typed.detach().numpy()
    return array


def main() -> None:
    """Writes ops.npz and ops_versions.json."""
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    arrays: Arrays = {}
    for operation, make in MAKERS.items():
        for dtype in (torch.float32, torch.float64):
            prefix = f"{operation}.{str(dtype).removeprefix('torch.')}"
            arrays |= {f"{prefix}.{name}": to_numpy(tensor) for name, tensor in make(dtype).items()}
    write_npz(HERE / "ops.npz", arrays)
    write_versions(HERE / "ops_versions.json", seed=SEED)


if __name__ == "__main__":
    main()
