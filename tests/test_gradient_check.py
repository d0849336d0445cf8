"""The check must fail for each way in which a backward pass is wrong, and pass only what is right."""

import copy
from typing import Any

import numpy as np
import pytest

from seqrl.gradient_check import GradientError, check_gradients, numerical_gradient, relative_error
from seqrl.layer import Layer
from seqrl.layers.dense import Dense
from seqrl.layers.dropout import Dropout
from seqrl.parameter import Parameter

Generator = np.random.Generator


class Affine(Layer):
    """y = x w + b, with a defect on demand."""

    def __init__(self, defect: str = "") -> None:
        self.w = Parameter([2.0, 3.0])
        self.b = Parameter([0.0, 0.0])
        self.defect = defect

    def forward(self, x: Any) -> Any:
        y = x * self.w.value + self.b.value * (2 if self.defect == "doubled bias" else 1)

        def backward(dy: Any) -> Any:
            start = 1 if self.defect == "first row left out" else 0
            self.w.grad += (x * dy)[start:].sum(axis=0)
            if self.defect == "assigned":
                self.w.grad[...] = (x * dy).sum(axis=0) + self.w.value
            self.b.grad += dy.sum(axis=0)
            if self.defect == "shape":
                return (dy * self.w.value).sum(axis=0)
            if self.defect == "nothing":
                return None
            if self.defect == "nan":
                return dy * np.nan
            return dy * (self.w.value * (1 + 1e-4) if self.defect == "a little" else self.w.value)

        return y, backward


def test_a_right_layer_passes_and_every_gradient_is_reported(rng: Generator) -> None:
    errors = check_gradients(Affine(), rng.normal(size=(3, 2)))
    assert errors.keys() == {"input 0", "w", "b"}
    assert max(errors.values()) < 1e-8


@pytest.mark.parametrize(
    ("defect", "message"),
    [
        ("doubled bias", r"Affine: the gradient of b at \[\d\] is \S+, by central differences \S+"),
        ("first row left out", r"Affine: the gradient of w at \[\d\]"),
        ("assigned", r"Affine: the gradient of w at \[\d\]"),
        ("a little", r"Affine: the gradient of input 0 at \[\d, \d\]"),
        ("shape", r"Affine: the gradient of input 0 has the shape \(2,\), expected \(3, 2\)"),
        ("nan", r"Affine: the gradient of input 0 at \[0, 0\] is nan"),
        ("nothing", r"backward returned 0 gradients for 1 inputs"),
    ],
)
def test_a_defect_is_found_and_placed(defect: str, message: str, rng: Generator) -> None:
    with pytest.raises(GradientError, match=message):
        check_gradients(Affine(defect), rng.normal(size=(3, 2)))


def test_neither_the_layer_nor_the_inputs_are_touched(rng: Generator) -> None:
    layer, x = Dense(2, 3, rng=rng), rng.normal(size=(3, 2))
    values, kept = layer.state_dict(), x.copy()
    check_gradients(layer, x)
    np.testing.assert_array_equal(x, kept)
    np.testing.assert_array_equal(layer.weight.value, values["weight"])
    assert not layer.weight.grad.any()


def test_draws_are_the_same_at_every_evaluation(rng: Generator) -> None:
    state = copy.deepcopy(rng.bit_generator.state)
    check_gradients(Dropout(0.5, rng=rng), np.random.default_rng(1).normal(size=(4, 4)))
    assert rng.bit_generator.state == state


def test_nested_inputs_and_outputs_and_integers_without_gradient(rng: Generator) -> None:
    def forward(layer: Layer, pair: Any, ids: Any) -> Any:
        a, b = pair

        def backward(dy: Any, dz: Any) -> Any:
            da = np.zeros_like(a)
            np.add.at(da, ids, dy * b)
            return da + 2 * a * dz, (dy * a[ids]).sum(axis=0)

        return (a[ids] * b, a * a), backward

    errors = check_gradients(
        Layer(), (rng.normal(size=(3, 2)), rng.normal(size=2)), np.array([0, 2, 2]), forward=forward
    )
    assert errors.keys() == {"input 0", "input 1"}


def test_float32_inputs_are_refused() -> None:
    with pytest.raises(TypeError, match="float64"):
        check_gradients(Affine(), np.ones((3, 2), np.float32))


def test_numerical_gradient_of_a_cubic_and_its_argument_is_put_back() -> None:
    x = np.array([[1.0, -2.0], [0.5, 3.0]])
    kept = x.copy()
    np.testing.assert_allclose(numerical_gradient(lambda: float((x**3).sum()), x), 3 * kept**2, rtol=1e-8)
    np.testing.assert_array_equal(x, kept)


def test_relative_error() -> None:
    assert relative_error(np.array([2.0, 0.0]), np.array([2.0, 0.5])) == 0.25
    assert relative_error(np.zeros(2), np.full(2, 1e-10)) == pytest.approx(1e-7)
    assert relative_error(np.zeros(2), np.zeros((2, 1))) == float("inf")
    assert relative_error(np.zeros(0), np.zeros(0)) == 0
    assert np.isnan(relative_error(np.array([np.nan]), np.array([1.0])))


@pytest.mark.parametrize("dtype", [np.int64, np.float32])
def test_numbers_that_a_small_step_does_not_move_are_refused(dtype: type) -> None:
    x = np.array([3, 4], dtype)
    with pytest.raises(TypeError, match=f"got an array of {x.dtype}; expected float64"):
        numerical_gradient(lambda: float((x**2).sum()), x)
