import numpy as np
import pytest

from seqrl.activations import (
    ACTIVATIONS,
    Identity,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    Sigmoid,
    Softmax,
    Step,
    Tanh,
    log_softmax,
    sigmoid,
    softmax,
)
from seqrl.errors import InputError


def test_values() -> None:
    x = np.array([-2.0, 0.0, 0.5])
    np.testing.assert_allclose(Tanh()(x), [-0.9640275800758169, 0, 0.46211715726000973], rtol=1e-15)
    np.testing.assert_allclose(Sigmoid()(x), [0.11920292202211755, 0.5, 0.6224593312018546], rtol=1e-15)
    assert ReLU()(x).tolist() == [0, 0, 0.5]


def test_values_of_the_piecewise_linear_ones() -> None:
    x = np.array([-2.0, 0.0, 0.5])
    assert Identity()(x).tolist() == [-2, 0, 0.5]
    assert Step()(x).tolist() == [0, 0, 1]
    assert LeakyReLU(0.1)(x).tolist() == [-0.2, 0, 0.5]
    for layer, slopes in (Identity(), [1, 1, 1]), (Step(), [0, 0, 0]), (LeakyReLU(0.1), [0.1, 0.1, 1]):
        assert layer.forward(x)[1](np.ones(3)).tolist() == slopes


def test_log_softmax_is_the_logarithm_of_softmax_and_keeps_what_that_loses() -> None:
    x = np.array([[1.0, 2.0, 3.0], [-1000.0, 0.0, 0.0]])
    np.testing.assert_allclose(LogSoftmax()(x)[0], np.log(Softmax()(x)[0]), rtol=1e-14)
    assert log_softmax(x)[1, 0] == pytest.approx(-1000 - np.log(2))


def test_a_slope_that_is_no_number_is_refused() -> None:
    with pytest.raises(InputError, match=r"^the slope of LeakyReLU is nan; expected a finite number$"):
        LeakyReLU(float("nan"))


def test_the_slope_of_relu_at_zero_is_zero() -> None:
    _, backward = ReLU().forward(np.array([-1.0, 0.0, 1.0]))
    assert backward(np.ones(3)).tolist() == [0, 0, 1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extremes_saturate_without_overflow(dtype: type) -> None:
    x = np.array([-np.inf, -1e4, 1e4, np.inf], dtype)
    assert sigmoid(x).tolist() == [0, 0, 1, 1]
    assert Tanh()(x).tolist() == [-1, -1, 1, 1]


@pytest.mark.parametrize("activation", [*(make() for make in ACTIVATIONS.values()), softmax, log_softmax])
def test_a_nan_stays_a_nan(activation) -> None:  # type: ignore[no-untyped-def]
    assert np.isnan(activation(np.array([[1.0, np.nan]]))[0, 1])


def test_softmax_by_hand() -> None:
    np.testing.assert_allclose(softmax(np.log([[1.0, 2.0, 5.0]])), [[0.125, 0.25, 0.625]], rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax_of_large_numbers_is_that_of_their_differences(dtype: type) -> None:
    x = np.array([[1e4, 1e4 + 1], [-1e4, 0]], dtype)
    np.testing.assert_allclose(softmax(x), [[1 / (1 + np.e), np.e / (1 + np.e)], [0, 1]], rtol=1e-6)
    assert softmax(x).dtype == dtype


def test_softmax_gives_what_is_masked_nothing() -> None:
    x = np.array([[0.0, -np.inf, 0.0], [-np.inf, -np.inf, -np.inf]])
    assert softmax(x).tolist() == [[0.5, 0, 0.5], [0, 0, 0]]


def test_softmax_over_nothing_is_nothing() -> None:
    assert softmax(np.zeros((2, 0))).shape == (2, 0)


def test_softmax_with_a_nan_holds_no_number_that_looks_right() -> None:
    assert np.isnan(softmax(np.array([[1.0, np.nan, 2.0]]))).all()


def test_softmax_leaves_its_input_alone() -> None:
    x = np.ones((2, 3))
    softmax(x)
    assert (x == 1).all()


def test_the_slope_of_leaky_relu_is_not_lost_on_integers() -> None:
    np.testing.assert_array_equal(LeakyReLU(0.5)(np.array([-5, 5])), [-2.5, 5])


def test_softmax_takes_integers() -> None:
    x = np.array([1, 2, 4])
    np.testing.assert_array_equal(softmax(x), softmax(x.astype(np.float64)))
    np.testing.assert_array_equal(log_softmax(x), log_softmax(x.astype(np.float64)))
