"""How gradients find their way: graphs, leaves, recording, and what is refused."""

import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hornbook.backend import get_backend
from hornbook.errors import ConfigError, ContextLengthError, ShapeError
from hornbook.tensor import Tensor, apply, apply_with_gradients, cat, is_recording, no_grad, ones, randn


def leaf(*values: float) -> Tensor:
    return Tensor(list(values), requires_grad=True)


class TestGraphs:
    def test_a_tensor_used_twice_gets_both_gradients(self) -> None:
        x = leaf(3)
        (x * x + x).sum().backward()
        np.testing.assert_array_equal(x.grad, [7])

    def test_an_operation_on_a_tensor_with_itself(self) -> None:
        x = leaf(2, 5)
        cat([x, x, x]).backward(np.array([1, 2, 3, 4, 5, 6]))
        np.testing.assert_array_equal(x.grad, [9, 12])

    def test_diamonds_are_walked_once_each(self) -> None:
        x = leaf(1)
        y = x
        for _ in range(100):  # 2^100 paths
            y = y * 0.5 + y * 0.5
        y.backward()
        np.testing.assert_array_equal(x.grad, [1])

    def test_a_path_through_many_steps_beside_a_short_one(self) -> None:
        x = leaf(2)
        square = x * x
        ((square * 3 + 1) * square).backward()  # 3 x^4 + x^2
        np.testing.assert_array_equal(x.grad, [12 * 8 + 2 * 2])

    def test_depth_is_no_limit(self) -> None:
        x = leaf(1)
        y = x
        for _ in range(50_000):
            y = y + 1
        y.backward()
        np.testing.assert_array_equal(x.grad, [1])

    def test_a_deep_graph_is_forgotten_without_recursion(self) -> None:
        y = leaf(1)
        for _ in range(50_000):
            y = y + 1
        last = weakref.ref(y.data)
        del y
        assert last() is None

    def test_the_root_may_be_a_leaf(self) -> None:
        x = leaf(3)
        x.backward()
        np.testing.assert_array_equal(x.grad, [1])


class TestLeaves:
    def test_gradients_add_up_over_two_calls(self) -> None:
        x = leaf(3)
        y = (x * x).sum()
        y.backward()
        y.backward()
        np.testing.assert_array_equal(x.grad, [12])

    def test_only_leaves_keep_gradients(self) -> None:
        x, constant = leaf(3), Tensor([2.0])
        inner = x * constant
        inner.sum().backward()
        assert inner.grad is None
        assert constant.grad is None
        np.testing.assert_array_equal(x.grad, [2])

    def test_each_leaf_owns_its_gradient(self) -> None:
        seed, x, y = (
            np.ones(2),
            Tensor(np.ones(2), requires_grad=True),
            Tensor(np.ones(2), requires_grad=True),
        )
        (x + y).backward(seed)
        x.grad *= 5
        np.testing.assert_array_equal(y.grad, [1, 1])
        np.testing.assert_array_equal(seed, [1, 1])

    def test_a_seed_stays_apart_from_what_it_reaches(self) -> None:
        seed = np.ones(2, np.float32)
        for name in ("itself", "reshape", "add"):
            x = leaf(1, 2)
            result = {"itself": x, "reshape": x.reshape(2), "add": x + 0}[name]
            result.backward(seed)
            x.grad *= 5
            np.testing.assert_array_equal(seed, [1, 1])

    def test_a_gradient_can_be_changed_in_place(self) -> None:
        x = leaf(1, 2, 3)
        x.sum().backward()  # arrives as a view that repeats one number
        x.grad[0] = 7
        np.testing.assert_array_equal(x.grad, [7, 1, 1])

    def test_a_float32_leaf_in_a_float64_graph_keeps_its_type(self) -> None:
        x, wide = leaf(1, 2), Tensor(np.ones(2), requires_grad=True)
        for _ in range(2):
            (x * wide).sum().backward()
        assert (x.grad.dtype, wide.grad.dtype) == (np.float32, np.float64)

    def test_a_scalar_leaf_gets_an_array(self) -> None:
        x = Tensor(3.0, requires_grad=True)
        (x * x).backward()
        assert isinstance(x.grad, np.ndarray)
        assert x.grad == 6


class TestRecording:
    def test_a_result_requires_a_gradient_if_an_input_does(self) -> None:
        x, constant = leaf(1), Tensor([1.0])
        assert (constant + x).requires_grad
        assert not (constant + constant).requires_grad
        assert (constant + constant).node is None

    def test_no_grad_records_nothing(self) -> None:
        x = leaf(1)
        with no_grad():
            assert not is_recording()
            y = x * x
        assert is_recording()
        assert not y.requires_grad
        assert y.node is None

    def test_no_grad_nests_and_survives_errors(self) -> None:
        with no_grad():
            with pytest.raises(ShapeError), no_grad():
                Tensor([1.0, 2]) + Tensor([1.0, 2, 3])
            assert not is_recording()
        assert is_recording()

    def test_no_grad_decorates(self) -> None:
        @no_grad()
        def compute(x: Tensor) -> Tensor:
            return x * 2

        assert not compute(leaf(1)).requires_grad
        assert is_recording()

    def test_no_grad_holds_in_its_own_thread(self) -> None:
        seen: list[bool] = []

        def compute() -> None:
            with no_grad():
                inside.set()
                done.wait()

        inside, done = threading.Event(), threading.Event()
        thread = threading.Thread(target=compute)
        thread.start()
        inside.wait()
        seen.append(is_recording())
        done.set()
        thread.join()
        assert seen == [True]

    def test_gradients_that_come_with_the_value_are_recorded_only_if_wanted(self) -> None:
        targets, weights = np.array([1, 4]), np.full(2, 0.5, np.float32)

        def loss(*, x_wants: bool, table_wants: bool) -> Tensor:
            inputs = randn(2, 3, requires_grad=x_wants), randn(5, 3, requires_grad=table_wants)
            return apply_with_gradients("cross_entropy_with_gradients", *inputs, targets, weights)

        for x_wants, table_wants in ((True, True), (True, False), (False, True), (False, False)):
            wanted = x_wants or table_wants
            assert loss(x_wants=x_wants, table_wants=table_wants).requires_grad is wanted
            with no_grad():
                assert not loss(x_wants=x_wants, table_wants=table_wants).requires_grad

    def test_detach_cuts_the_graph_but_shares_the_values(self) -> None:
        x = leaf(3)
        y = x * x
        cut = y.detach()
        (cut * x).sum().backward()
        np.testing.assert_array_equal(x.grad, [9])
        assert cut.data is y.data
        assert not cut.requires_grad

    def test_no_grad_in_the_middle_cuts_too(self) -> None:
        x = leaf(3)
        with no_grad():
            y = x * x
        (y * x).sum().backward()
        np.testing.assert_array_equal(x.grad, [9])


class TestBackwardRefuses:
    def test_a_tensor_that_nothing_was_recorded_for(self) -> None:
        with pytest.raises(ConfigError, match="nothing was recorded"):
            Tensor([1.0]).backward()

    def test_several_elements_without_a_gradient(self) -> None:
        with pytest.raises(ShapeError, match=r"backward: a tensor of shape \(2,\) needs a gradient"):
            (leaf(1, 2) * 2).backward()

    def test_a_gradient_of_another_shape(self) -> None:
        with pytest.raises(ShapeError, match=r"expected a gradient of shape \(2,\), got \(3,\)"):
            (leaf(1, 2) * 2).backward(np.ones(3))

    def test_an_input_without_a_derivative(self) -> None:
        weights = leaf(1, 1)
        result = apply("segment_sum", randn(2, 3), np.array([0, 2]), weights)
        with pytest.raises(
            ConfigError, match=r"segment_sum: has no derivative for its input of shape \(2,\)"
        ):
            result.sum().backward()

    def test_attention_with_a_cache(self) -> None:
        qkv = randn(2, 18, requires_grad=True)
        cache = get_backend().new_cache(1, 1, 2, 3, 5).layers[0]
        options: dict[str, Any] = {"n_head": 2, "causal": True, "scale": 1.0}
        result = apply("attention", qkv, np.array([0, 2]), None, cache=cache, **options)
        with pytest.raises(ConfigError, match="no gradients through a cache"):
            result.sum().backward()
        apply("attention", qkv, np.array([0, 2]), None, cache=None, **options).sum().backward()
        assert qkv.grad.shape == (2, 18)

    def test_a_second_walk_through_gradients_that_were_given_away(self) -> None:
        x, table = randn(2, 3, requires_grad=True), randn(5, 3, requires_grad=True)
        weights = np.full(2, 0.5, np.float32)
        loss = apply_with_gradients("cross_entropy_with_gradients", x, table, np.array([1, 4]), weights)
        loss.backward()
        with pytest.raises(ConfigError, match="compute it again"):
            loss.backward()

    def test_a_seed_may_be_a_tensor_or_a_list(self) -> None:
        x = leaf(1, 2)
        (x * 2).backward(Tensor([1.0, 10]))
        (x * 2).backward([1, 10])
        np.testing.assert_array_equal(x.grad, [4, 40])


class TestShapeErrors:
    """What NumPy refuses leaves as a ShapeError that names the operation and the shapes."""

    def test_operands(self) -> None:
        with pytest.raises(ShapeError, match=r"^add: .*the inputs have shapes \(2, 3\) and \(5,\)$"):
            ones(2, 3) + ones(5)

    def test_matrix_product(self) -> None:
        with pytest.raises(ShapeError, match=r"^matmul: .*\(2, 3\).*\(5, 7\)"):
            ones(2, 3) @ ones(5, 7)

    def test_index(self) -> None:
        with pytest.raises(ShapeError, match=r"^getitem: index 5 is out of bounds"):
            ones(2, 3)[5]

    @pytest.mark.parametrize("axis", [2, -3])
    def test_axes(self, axis: int) -> None:
        uses: list[Callable[[Tensor], object]] = [
            lambda x: x.sum(axis),
            lambda x: x.softmax(axis),
            lambda x: x.slice(axis, 0, 1),
            lambda x: x.select(axis, 0),
            lambda x: x.transpose(axis, 0),
            lambda x: x.squeeze(axis),
            lambda x: x.argmax(axis),
            lambda x: cat([x, x], axis),
        ]
        for use in uses:
            with pytest.raises(ShapeError):
                use(ones(2, 3))

    def test_a_scalar_has_no_axes(self) -> None:
        uses: list[Callable[[Tensor], object]] = [
            len,
            list,
            lambda x: x[0],
            lambda x: x.select(0, 0),
            lambda x: x.tril(),
        ]
        for use in uses:
            with pytest.raises(ShapeError):
                use(Tensor(1.0))

    def test_shapes(self) -> None:
        uses: list[Callable[[Tensor], object]] = [
            lambda x: x.reshape(5),
            lambda x: x.reshape(-1, -1),
            lambda x: x.permute(0),
            lambda x: x.permute(0, 0),
            lambda x: x.squeeze(0),
            lambda x: x.broadcast_to(3, 3),
            lambda x: x.reshape(-1).triu(),
            lambda x: x[:0].max(),
            lambda x: x[:0].argmax(),
            lambda x: cat([]),
            lambda x: cat([x, ones(2)]),
            lambda x: x.masked_fill([True, False], 0),
        ]
        for use in uses:
            with pytest.raises(ShapeError):
                use(ones(2, 3))

    def test_other_errors_pass_as_they_are(self) -> None:
        with pytest.raises(ConfigError, match=r"^activation: expected one of"):
            apply("activation", ones(2), kind="swish")
        cache = get_backend().new_cache(1, 1, 2, 3, capacity=1).layers[0]
        options = {"n_head": 2, "causal": True, "scale": 1.0, "cache": cache}
        with pytest.raises(ContextLengthError, match="cache"):
            apply("attention", ones(17, 18), np.array([0, 17]), **options)

    @pytest.mark.parametrize("tensor", [ones(2), ones(0), ones(2, 1)])
    def test_one_number_of_several_elements(self, tensor: Tensor) -> None:
        for name, convert in (("item", Tensor.item), ("float", float), ("bool", bool)):
            with pytest.raises(ShapeError, match=rf"^{name}: expected one element, got shape \("):
                convert(tensor)
