from typing import Any

import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.gradient_check import numerical_gradient, relative_error
from seqrl.layer import Chain
from seqrl.layers.convolution import Conv2D
from seqrl.layers.dense import Dense
from seqrl.parameter import Parameter
from seqrl.regularizers import Penalty, constrain_norm, elastic, l1, l2, lp, penalize

Generator = np.random.Generator
PENALTIES: dict[str, Penalty] = {
    "l1": l1(0.3),
    "l2": l2(0.3),
    "lp 1.5": lp(1.5, 0.3),
    "lp 4": lp(4, 0.3),
    "elastic": elastic(0.2, 0.3),
}
every_penalty = pytest.mark.parametrize("penalty", PENALTIES.values(), ids=PENALTIES)


@every_penalty
def test_the_gradient_is_that_of_central_differences(penalty: Penalty, rng: Generator) -> None:
    value = rng.normal(size=(3, 4))
    assert relative_error(penalty(value)[1], numerical_gradient(lambda: penalty(value)[0], value)) < 1e-8


def test_penalties_by_hand() -> None:
    value = np.array([[3.0, -4.0], [0.0, 1.0]])
    for penalty, expected, gradient in (
        (l1(2), 16, [[2, -2], [0, 2]]),
        (l2(2), 26, [[6, -8], [0, 2]]),
        (lp(3, 3), 27 + 64 + 1, [[27, -48], [0, 3]]),
        (elastic(2, 2), 42, [[8, -10], [0, 4]]),
    ):
        amount, slope = penalty(value)
        assert amount == pytest.approx(expected)
        np.testing.assert_allclose(slope, gradient)


@every_penalty
def test_float32_stays_float32(penalty: Penalty) -> None:
    assert penalty(np.ones((2, 2), np.float32))[1].dtype == np.float32


def test_weights_are_penalised_on_top_of_their_gradients_and_biases_are_not(rng: Generator) -> None:
    model = Chain(Dense(2, 3, rng=rng), Dense(3, 1, rng=rng)).astype(np.float64)
    parameters: dict[str, Any] = dict(model.parameters())
    for parameter in parameters.values():
        parameter.value[...] = rng.normal(size=parameter.shape)
        parameter.grad += 1
    total = penalize(model.parameters(), l2(0.5))
    weights = [p for name, p in parameters.items() if name.endswith("weight")]
    assert total == pytest.approx(sum(0.25 * (p.value**2).sum() for p in weights))
    for name, p in parameters.items():
        np.testing.assert_allclose(p.grad, 1 + 0.5 * p.value if name.endswith("weight") else 1)


def test_the_norm_is_that_of_a_units_incoming_weights(rng: Generator) -> None:
    dense = Parameter([[3.0, 0.3], [4.0, 0.4]], np.float64)
    bias = Parameter([100.0], np.float64)
    constrain_norm([("weight", dense), ("bias", bias)], 1.0)
    np.testing.assert_allclose(dense.value, [[0.6, 0.3], [0.8, 0.4]])  # the second unit was within the limit
    assert bias.value == 100
    convolution = Conv2D(2, 3, 3, rng=rng)
    convolution.weight.value[...] = 5
    constrain_norm(convolution.parameters(), 2.0)
    np.testing.assert_allclose(np.square(convolution.weight.value).sum(axis=(1, 2, 3)), 4, rtol=1e-6)
    assert convolution.weight.value.dtype == np.float32


def test_weights_of_zero_stay_zero() -> None:
    weight = Parameter(np.zeros((2, 2)))
    constrain_norm([("weight", weight)], 1.0)
    assert not weight.value.any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: l1(-1), r"^the strength of l1 is -1; expected at least 0$"),
        (lambda: l2(float("nan")), r"^the strength of l2 is nan"),
        (lambda: lp(0.5, 1), r"^the power of lp is 0.5; expected at least 1$"),
        (lambda: constrain_norm([], 0), r"^the largest norm is 0; expected a positive number$"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(make: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()
