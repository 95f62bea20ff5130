import tracemalloc

import numpy as np
import pytest

from hornbook.backend import use_backend
from hornbook.errors import ShapeError
from hornbook.nn import Attention, Dropout, LayerNorm, Linear, Module, Parameter
from hornbook.tensor import Tensor


class Inner(Module):
    def __init__(self) -> None:
        self.scale = Parameter(np.ones(3, "f"))
        self.layers = [Linear(3, 5), Linear(5, 2, bias=False)]
        self.sizes = [3, 5, 2]
        self.not_learned = Tensor(np.ones(7, "f"))


class Outer(Module):
    def __init__(self) -> None:
        self.inner = Inner()
        self.norm = LayerNorm(2)
        self.dropout = Dropout(0.5)
        self.name = "outer"


NAMES = [
    "inner.scale",
    "inner.layers.0.weight",
    "inner.layers.0.bias",
    "inner.layers.1.weight",
    "norm.weight",
    "norm.bias",
]


def test_parameters_have_the_names_of_their_attributes_in_order() -> None:
    model = Outer()
    assert [name for name, _ in model.named_parameters()] == NAMES
    assert list(model.state_dict()) == NAMES
    assert model.num_parameters() == 3 + 15 + 5 + 10 + 2 + 2
    assert len(model.parameters()) == len(NAMES)
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert [name for name, _ in model.children()] == ["inner", "norm", "dropout"]


def test_attention_has_the_names_of_gpt2() -> None:
    names = [name for name, _ in Attention(6, 2).named_parameters()]
    assert names == ["c_attn.weight", "c_attn.bias", "c_proj.weight", "c_proj.bias"]


def test_load_state_dict_takes_arrays_over() -> None:
    model, other = Outer(), Outer()
    state = other.state_dict()
    model.load_state_dict(state)
    for name, parameter in model.named_parameters():
        assert parameter.data is state[name]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inner.scale": None}, r"^load_state_dict: 1 missing: inner\.scale$"),
        ({"more": np.ones(3)}, r"^load_state_dict: 1 unknown: more$"),
        ({"inner.scale": None, "more": np.ones(3)}, r"^load_state_dict: 1 missing: inner\.scale$"),
        ({"norm.bias": np.ones(5)}, r"^load_state_dict: norm\.bias expects shape \(2,\), got \(5,\)$"),
    ],
)
def test_load_state_dict_changes_all_or_nothing(change: dict[str, np.ndarray | None], message: str) -> None:
    model = Outer()
    before = model.state_dict()
    state = {name: array for name, array in (Outer().state_dict() | change).items() if array is not None}
    with pytest.raises(ShapeError, match=message):
        model.load_state_dict(state)
    assert all(model.state_dict()[name] is array for name, array in before.items())


def test_only_five_names_are_listed() -> None:
    with pytest.raises(ShapeError, match=r"^load_state_dict: 6 missing: ") as caught:
        Outer().load_state_dict({})
    assert str(caught.value).count(",") == 4


def test_zero_grad_removes_gradients() -> None:
    model = Outer()
    for parameter in model.parameters():
        (parameter * 2).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    model.zero_grad()
    assert all(parameter.grad is None for parameter in model.parameters())


def test_train_and_eval_reach_every_layer() -> None:
    model = Outer()
    assert not model.dropout.active
    model.train()
    assert model.dropout.active
    assert model.inner.layers[1].training
    model.eval()
    assert not model.dropout.active
    assert not model.inner.layers[1].training
    model.train(True)
    model.train(False)
    assert not model.training


def test_a_module_says_what_it_is() -> None:
    assert repr(Dropout()) == "Dropout()"
    assert repr(Outer()) == "Outer(37 parameters, float32)"
    layer = Linear(1009, 2)
    assert repr(layer) == "Linear(2,020 parameters, float32)"
    assert repr(layer.pack("int8")) == "PackedLinear(2,020 parameters, packed in int8)"
    layer.weight.data = layer.weight.data.astype("float64")
    assert repr(layer) == "Linear(2,020 parameters, float32, float64)"


class Wide(Module):
    def __init__(self) -> None:
        self.first, self.second, self.third = (Linear(211, 223) for _ in range(3))
        self.more = [Linear(211, 223) for _ in range(3)]


def test_packing_holds_one_weight_twice_at_a_time() -> None:
    with use_backend("numpy"):
        tracemalloc.start()
        try:
            model = Wide()
            tracemalloc.reset_peak()
            model.pack("float32")
            held, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    weight = 4 * 211 * 223
    assert held < 6.5 * weight
    assert peak < 7.5 * weight
