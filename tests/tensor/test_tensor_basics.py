"""What a tensor is: its type, its memory, its words, and the ways to make one."""

from collections.abc import Callable
from typing import cast

import numpy as np
import pytest

from hornbook.errors import ConfigError, ShapeError
from hornbook.tensor import Tensor, arange, check_gradients, eye, full, ones, randn, tensor, tril, triu, zeros


def test_one_element_is_a_number() -> None:
    for shape in ((), (1,), (1, 1)):
        for value in (2.5, 0.0, -1.0):
            x = full(shape, value)
            assert (float(x), x.item(), bool(x)) == (value, value, value != 0)
            assert isinstance(x.item(), float)


class TestMaking:
    def test_lists_and_numbers_become_float32(self) -> None:
        for values in ([[1, 2], [3, 4]], [1.5], 3, 2.5, True, []):
            made = Tensor(values)
            assert made.dtype == np.float32
            np.testing.assert_array_equal(made.numpy(), np.array(values, "float32"))

    @pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "bool"])
    def test_an_array_is_wrapped_as_it_is(self, dtype: str) -> None:
        array = np.ones((2, 3), dtype)
        assert Tensor(array).data is array

    def test_dtype_converts(self) -> None:
        assert Tensor(np.ones(2), dtype="float32").dtype == np.float32
        assert Tensor([1, 2], dtype="int64").dtype == np.int64

    def test_tensor_copies(self) -> None:
        array = np.ones(2, "float32")
        made = tensor(array, requires_grad=True)
        array[0] = 7
        np.testing.assert_array_equal(made.numpy(), [1, 1])
        assert made.requires_grad

    def test_a_tensor_of_a_tensor_holds_its_array(self) -> None:
        x = Tensor([1.0, 2.0])
        assert Tensor(x).data is x.data
        assert isinstance(tensor(x).data, np.ndarray)

    def test_integers_have_no_gradient(self) -> None:
        with pytest.raises(ConfigError, match="only floats have gradients, got int64"):
            Tensor(np.array([1, 2]), requires_grad=True)

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_creation_is_numpys(self, dtype: str) -> None:
        pairs = [
            (zeros(2, 3, dtype=dtype), np.zeros((2, 3))),
            (zeros(dtype=dtype), np.zeros(())),
            (ones(3, 0, 5, dtype=dtype), np.ones((3, 0, 5))),
            (full((2, 3), -1.5, dtype=dtype), np.full((2, 3), -1.5)),
            (eye(3, dtype=dtype), np.eye(3)),
            (eye(2, 5, dtype=dtype), np.eye(2, 5)),
            (arange(5, dtype=dtype), np.arange(5)),
            (arange(2, 7, 2, dtype=dtype), np.arange(2, 7, 2)),
            (arange(5, 2, -0.5, dtype=dtype), np.arange(5, 2, -0.5)),
            (arange(3, 3, dtype=dtype), np.arange(3, 3)),
            (tril(ones(3, 5, dtype=dtype), -1), np.tri(3, 5, -1)),
            (triu(ones(3, 5, dtype=dtype), 1), 1 - np.tri(3, 5)),
            (tril(ones(3, 5, dtype=dtype)), np.tri(3, 5)),
            (triu(ones(3, 5, dtype=dtype)), 1 - np.tri(3, 5, -1)),
        ]
        for made, expected in pairs:
            assert made.dtype == dtype
            np.testing.assert_array_equal(made.numpy(), expected, strict=False)
            assert made.shape == expected.shape

    def test_creation_is_float32_unless_told(self) -> None:
        for made in (tensor([1]), full((2,), 1), zeros(2), ones(2), randn(2), eye(2), arange(2)):
            assert made.dtype == np.float32

    def test_creation_asks_for_no_gradients_unless_told(self) -> None:
        for made in (tensor([1]), full((2,), 1), zeros(2), ones(2), randn(2), eye(2), arange(2)):
            assert not made.requires_grad

    def test_creation_asks_for_gradients(self) -> None:
        for made in (
            full((2,), 1, requires_grad=True),
            zeros(2, requires_grad=True),
            ones(2, requires_grad=True),
            randn(2, requires_grad=True),
            eye(2, requires_grad=True),
        ):
            assert made.requires_grad

    def test_randn_is_standard_normal_and_repeatable(self) -> None:
        drawn = randn(101, 103, rng=0).numpy()
        n = drawn.size
        assert abs(drawn.mean()) < 4 / np.sqrt(n)  # four standard errors
        assert abs(drawn.var() - 1) < 4 * np.sqrt(2 / n)
        np.testing.assert_array_equal(drawn, randn(101, 103, rng=np.random.default_rng(0)).numpy())
        assert not np.array_equal(randn(7).numpy(), randn(7).numpy())

    @pytest.mark.parametrize("make", [zeros, ones, randn])
    def test_sizes_are_not_negative(self, make: Callable[..., Tensor]) -> None:
        with pytest.raises(ShapeError, match=r"sizes must not be negative, got \(2, -1\)"):
            make(2, -1)

    def test_arange_moves(self) -> None:
        with pytest.raises(ConfigError, match="step must not be 0"):
            arange(0, 1, 0)


class TestBeing:
    def test_what_it_is(self) -> None:
        x = ones(2, 3, 5)
        assert (x.shape, x.ndim, x.size, len(x)) == ((2, 3, 5), 3, 30, 2)
        assert [part.shape for part in x] == [(3, 5), (3, 5)]

    def test_item(self) -> None:
        assert Tensor([[2.5]]).item() == 2.5
        assert isinstance((Tensor(1.0) + 1).item(), float)

    def test_numpy_sees_an_array(self) -> None:
        x = Tensor([[1.0, 2.0]])
        assert np.asarray(x) is x.data
        assert np.array(x) is not x.data
        assert np.asarray(x, "float64").dtype == np.float64
        np.testing.assert_array_equal(x, [[1, 2]])

    def test_repr(self) -> None:
        assert repr(Tensor([1.0])) == "Tensor(array([1.], dtype=float32))"
        assert repr(ones(1, requires_grad=True)) == "Tensor(array([1.], dtype=float32), requires_grad=True)"

    def test_a_power_is_a_constant(self) -> None:
        for exponent in (ones(2), ones(1)):
            with pytest.raises(
                TypeError, match=r"^pow: the exponent must be a number, got a tensor of shape"
            ):
                ones(2).pow(cast("float", exponent))


class TestCheckGradients:
    def test_it_sees_a_wrong_gradient(self) -> None:
        x = np.array([1.0, 2, 3])
        assert check_gradients(lambda x: x * x.detach(), x) > 0.1

    def test_it_sees_a_missing_gradient_beside_a_right_one(self) -> None:
        x = np.array([1.0, 2])
        assert check_gradients(lambda x, y: x + y.detach(), x, x) > 0.1

    def test_a_gradient_of_zero_is_right_where_nothing_depends_on_the_input(self) -> None:
        x, nothing = np.array([1.0, 2, 3]), np.empty((0, 3))
        assert check_gradients(lambda x: x * 0, x) == 0
        assert check_gradients(lambda x, y: x + y.detach().sum() * 0, x, x) < 1e-6
        assert check_gradients(lambda x, y: x + y.detach().sum(), x, nothing) < 1e-6

    def test_a_missing_gradient_is_seen_by_its_largest_element(self) -> None:
        mask = np.array([True, False, True])
        assert check_gradients(lambda x, y: x + y.detach().masked_fill(mask, 0), np.ones(3), np.ones(3)) > 0.1

    def test_nan_does_not_pass(self) -> None:
        with np.errstate(divide="ignore", invalid="ignore"):
            assert np.isnan(check_gradients(lambda x, y: x + y.abs().sqrt(), np.ones(2), np.zeros(2)))

    def test_inputs_of_every_layout(self) -> None:
        x = np.arange(1.0, 7).reshape(2, 3)
        for laid_out in (x.T, x[:, ::-1], np.asfortranarray(x), np.array(3.0), x[:0], np.arange(3)):
            assert check_gradients(lambda x: x * x, laid_out) < 1e-6

    def test_inputs_are_left_alone(self) -> None:
        x = np.array([0.1, 0.2])
        check_gradients(lambda x: x.exp(), x)
        np.testing.assert_array_equal(x, [0.1, 0.2])


def test_softmax_is_along_the_last_axis_unless_told() -> None:
    x = np.random.default_rng(3).normal(size=(2, 3, 5))
    exps = np.exp(x) / np.exp(x).sum(-1, keepdims=True)
    np.testing.assert_allclose(Tensor(x).softmax().numpy(), exps, rtol=1e-12)
    np.testing.assert_allclose(Tensor(x).log_softmax().numpy(), np.log(exps), rtol=1e-12)
