"""The kernels of policy gradients where rounding, infinities and NaN matter."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from seqrl import kernels

Generator = np.random.Generator
Kernels = dict[str, Callable[..., Any]]
REAL = "float32", "float64"


@pytest.fixture(params=["reference", "compiled"])
def kernel(request: pytest.FixtureRequest) -> Kernels:
    if request.param == "compiled":
        pytest.importorskip("numba")
        from seqrl.kernels.blas import blas

        if blas is None:
            pytest.skip("NumPy's BLAS can't be called here, so there are no compiled kernels")
    return kernels.load(request.param)


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("A", [2, 3, 9])
def test_a_log_probability_has_the_same_bits_in_any_batch(A: int, dtype: str, kernel: Kernels, rng: Generator) -> None:
    """Trap 22: PPO's first ratio is exactly 1 in minibatches, too."""
    logits = rng.normal(0, 3, (77, A)).astype(dtype)
    outputs, reals = rng.normal(size=(77, 2 * A)).astype(dtype), rng.normal(size=(77, A)).astype(dtype)
    cases = ("categorical_log_prob", logits, rng.integers(0, A, 77)), ("gaussian_log_prob", outputs, reals)
    for name, of, actions in cases:
        whole = kernel[name](of, actions)
        for rows in slice(0, 1), slice(3, 11), slice(5, 76), rng.permutation(77):
            part = np.ascontiguousarray(of[rows]), np.ascontiguousarray(actions[rows])
            np.testing.assert_array_equal(kernel[name](*part), whole[rows], err_msg=f"{name} {rows}")


@pytest.mark.parametrize("dtype", REAL)
def test_the_ratio_of_a_policy_to_itself_is_1(dtype: str, kernel: Kernels, rng: Generator) -> None:
    """Trap 22: then the clip does nothing, at the kink either."""
    logits, actions = rng.normal(size=(77, 3)).astype(dtype), rng.integers(0, 3, 77)
    outputs, reals = rng.normal(size=(77, 6)).astype(dtype), rng.normal(size=(77, 3)).astype(dtype)
    advantages = rng.normal(size=77).astype(dtype)
    for kind, of, taken in ("categorical", logits, actions), ("gaussian", outputs, reals):
        old = kernel[f"{kind}_log_prob"](of, taken)
        loss, gradient, ratio = kernel[f"{kind}_clipped_loss"](of, taken, old, advantages, 0.0, 0.0)
        np.testing.assert_array_equal(ratio, 1)
        plain = kernel[f"{kind}_gradient"](of, taken, advantages * advantages.dtype.type(-1 / 77), old[:0])
        np.testing.assert_allclose(gradient, plain, rtol=1e-5, atol=1e-8)
        assert loss == pytest.approx(-advantages.mean(), rel=1e-5)
        assert gradient.dtype == ratio.dtype == dtype


@pytest.mark.parametrize("dtype", REAL)
def test_a_nan_stays_a_nan_and_in_its_row(dtype: str, kernel: Kernels, rng: Generator) -> None:
    logits, actions = rng.normal(size=(40, 3)).astype(dtype), rng.integers(0, 3, 40)
    gradients = rng.normal(size=(2, 40)).astype(dtype)
    for column in range(3):
        spoilt = logits.copy()
        spoilt[7, column] = np.nan
        for name, arguments in (
            ("categorical_log_prob", (actions,)),
            ("categorical_entropy", ()),
            ("categorical_gradient", (actions, *gradients)),
        ):
            expected, found = (kernel[name](of, *arguments) for of in (logits, spoilt))
            assert np.isnan(found[7]).all(), name
            np.testing.assert_array_equal(np.delete(found, 7, axis=0), np.delete(expected, 7, axis=0))


@pytest.mark.parametrize("which", ["old_log_prob", "advantages"])
def test_no_nan_is_taken_for_a_bound_that_stops_the_gradient(which: str, kernel: Kernels) -> None:
    constants = {"old_log_prob": np.zeros(3, np.float32), "advantages": np.ones(3, np.float32)}
    constants[which][1] = np.nan
    logits, actions = np.zeros((3, 2), np.float32), np.zeros(3, np.int64)
    loss, gradient, _ = kernel["categorical_clipped_loss"](logits, actions, **constants, clip=0.2, entropy=0.0)
    assert np.isnan(loss)
    np.testing.assert_array_equal(np.isnan(gradient), [[False] * 2, [True] * 2, [False] * 2])


@pytest.mark.parametrize("actions", [[0, 2], [-1, 0], [0, 2**40]])
def test_an_action_beyond_the_last_is_refused(actions: list[int], kernel: Kernels) -> None:
    """Compiled code would read what lies there."""
    logits, ones, none = np.zeros((2, 2), np.float32), np.ones(2, np.float32), np.empty(0, np.float32)
    for name, others in (
        ("categorical_log_prob", ()),
        ("categorical_gradient", (ones, none)),
        ("categorical_clipped_loss", (ones, ones, 0.2, 0.0)),
    ):
        with pytest.raises(IndexError, match="action"):
            kernel[name](logits, np.array(actions), *others)


@pytest.mark.parametrize("dtype", REAL)
def test_what_cannot_be_taken_is_never_drawn_and_has_no_gradient(dtype: str, kernel: Kernels) -> None:
    logits = np.array([[-np.inf, 1.0, -np.inf, 0.0, -np.inf]] * 2, dtype)
    draws = np.array([0.0, np.nextafter(1.0, 0.0)])
    np.testing.assert_array_equal(kernel["categorical_sample"](logits, draws), [1, 3])
    ones = np.ones(2, dtype)
    gradient = kernel["categorical_gradient"](logits, np.array([1, 3]), ones, ones)
    assert (gradient[:, [0, 2, 4]] == 0).all()
    np.testing.assert_allclose(gradient.sum(axis=1), 0, atol=1e-6)
    assert (kernel["categorical_log_prob"](logits, np.array([0, 2])) == -np.inf).all()


def test_probabilities_of_far_logits_are_those_of_double_precision(kernel: Kernels) -> None:
    """The exponential and the logarithm of the compiled kernels, over the range in which single precision has them."""
    logits = np.zeros((4001, 2), np.float32)
    logits[:, 0] = np.linspace(-86, 86, 4001)
    zeros, ones = np.zeros(4001, np.int64), np.ones(4001, np.float32)
    exact = -np.logaddexp(0, -logits[:, 0].astype(np.float64))
    np.testing.assert_allclose(kernel["categorical_log_prob"](logits, zeros), exact, rtol=3e-6, atol=2e-7)
    gradient = kernel["categorical_gradient"](logits, zeros, ones, np.empty(0, np.float32))
    np.testing.assert_allclose(-gradient[:, 1], -np.expm1(exact), rtol=2e-5)
    same = np.zeros_like(logits)
    _, _, ratio = kernel["categorical_clipped_loss"](same, zeros, -logits[:, 0] - np.float32(np.log(2)), ones, 0.2, 0.0)
    np.testing.assert_allclose(ratio, np.exp(logits[:, 0].astype(np.float64)), rtol=1e-5)
