from typing import Any

import numpy as np
import pytest

from seqrl.activations import Identity, Sigmoid, Softmax, Tanh
from seqrl.errors import InputError
from seqrl.gradient_check import numerical_gradient, relative_error
from seqrl.layer import Chain
from seqrl.layers.dense import Dense
from seqrl.losses import (
    LOSSES,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    categorical_cross_entropy,
    half_squared_error,
    hinge,
    huber,
    mean_squared_error,
    multiclass_hinge,
    softmax_cross_entropy,
)
from seqrl.optimizers import Adam

Generator = np.random.Generator
LOGITS = np.log([[1.0, 1.0, 2.0], [1.0, 3.0, 4.0]])  # p = 1/4, 1/4, 1/2 and 1/8, 3/8, 1/2


def test_loss_and_gradient_by_hand() -> None:
    loss, gradient = softmax_cross_entropy(LOGITS, np.array([2, 1]))
    # (-ln 1/2 - ln 3/8) / 2
    assert loss == pytest.approx((np.log(2) + np.log(8 / 3)) / 2, rel=1e-12)
    np.testing.assert_allclose(gradient, np.array([[1 / 4, 1 / 4, -1 / 2], [1 / 8, -5 / 8, 1 / 2]]) / 2, rtol=1e-12)


def test_label_smoothing_by_hand() -> None:
    loss, gradient = softmax_cross_entropy(LOGITS[:1], np.array([2]), label_smoothing=0.3)
    # the target distribution is 0.1, 0.1, 0.8
    assert loss == pytest.approx(0.1 * np.log(4) + 0.1 * np.log(4) + 0.8 * np.log(2), rel=1e-12)
    np.testing.assert_allclose(gradient, [[0.15, 0.15, -0.3]], rtol=1e-12)


def test_the_mean_is_over_real_places_and_padding_has_no_gradient() -> None:
    """A mean over all four places would be half of it."""
    logits = np.stack([LOGITS, LOGITS[::-1]])  # (2, 2, 3)
    target, mask = np.array([[2, 0], [0, 2]]), np.array([[True, False], [False, True]])
    loss, gradient = softmax_cross_entropy(logits, target, mask)
    assert loss == pytest.approx(np.log(2), rel=1e-12)
    np.testing.assert_allclose(gradient[mask], np.array([[1, 1, -2], [1, 1, -2]]) / 8, rtol=1e-12)
    assert not gradient[~mask].any()


def test_nothing_real_is_no_loss() -> None:
    loss, gradient = softmax_cross_entropy(LOGITS, np.array([0, 1]), np.zeros(2, bool))
    assert loss == 0
    assert not gradient.any()
    loss, gradient = softmax_cross_entropy(LOGITS[:0], np.zeros(0, np.int64))
    assert (loss, gradient.shape) == (0, (0, 3))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("masked", [False, True])
def test_the_gradient_is_that_of_central_differences(smoothing: float, masked: bool, rng: Generator) -> None:
    logits, target = rng.normal(size=(2, 3, 5)), rng.integers(0, 5, (2, 3))
    mask = rng.random((2, 3)) < 0.6 if masked else None
    _, gradient = softmax_cross_entropy(logits, target, mask, label_smoothing=smoothing)
    expected = numerical_gradient(
        lambda: softmax_cross_entropy(logits, target, mask, label_smoothing=smoothing)[0], logits
    )
    assert relative_error(gradient, expected) < 1e-8


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e2, 1e4])
def test_large_logits_do_not_overflow(scale: float, dtype: type) -> None:
    logits = np.array([[scale, 0, -scale], [0, scale, -scale]], dtype)
    loss, gradient = softmax_cross_entropy(logits, np.array([0, 0]))
    assert loss == pytest.approx(scale / 2, rel=1e-6)
    np.testing.assert_allclose(gradient, [[0, 0, 0], [-0.5, 0.5, 0]], atol=1e-30)
    assert gradient.dtype == dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_nan_shows_in_the_loss_and_in_its_row_alone(dtype: type) -> None:
    logits = np.zeros((2, 40), dtype)
    logits[0, 7] = np.nan
    loss, gradient = softmax_cross_entropy(logits, np.array([0, 0]))
    assert np.isnan(loss)
    assert np.isnan(gradient[0]).all()
    np.testing.assert_allclose(gradient[1, 1:], 1 / 80, rtol=1e-6)


def test_logits_are_left_alone_unless_given_away() -> None:
    logits = LOGITS.copy()
    _, expected = softmax_cross_entropy(logits, np.array([2, 1]))
    np.testing.assert_array_equal(logits, LOGITS)
    _, gradient = softmax_cross_entropy(logits, np.array([2, 1]), overwrite=True)
    assert np.shares_memory(gradient, logits)
    np.testing.assert_array_equal(gradient, expected)


def test_logits_that_are_not_contiguous(rng: Generator) -> None:
    logits, target = rng.normal(size=(5, 4)), np.array([0, 4, 2, 2])
    loss, gradient = softmax_cross_entropy(logits.T, target)
    expected_loss, expected = softmax_cross_entropy(np.ascontiguousarray(logits.T), target)
    assert loss == pytest.approx(expected_loss, rel=1e-12)
    np.testing.assert_allclose(gradient, expected, rtol=1e-12)
    loss, gradient = softmax_cross_entropy(logits.copy().T, target, overwrite=True)
    assert loss == pytest.approx(expected_loss, rel=1e-12)
    np.testing.assert_allclose(gradient, expected, rtol=1e-12)


def test_ids_of_int32() -> None:
    wide, narrow = (softmax_cross_entropy(LOGITS, np.array([2, 1], t)) for t in (np.int64, np.int32))
    assert wide[0] == narrow[0]


@pytest.mark.parametrize("target", [[0, 3], [-1, 0]])
def test_a_target_outside_the_vocabulary_is_refused(target: list[int]) -> None:
    with pytest.raises(InputError, match=r"targets run from .*; expected 0 <= target < 3"):
        softmax_cross_entropy(LOGITS, np.array(target))


def test_targets_of_another_shape_are_refused() -> None:
    """(B,) against (B, 1) would spread."""
    with pytest.raises(InputError, match=r"\(2, 1\) don't fit logits of shape \(2, 3\)"):
        softmax_cross_entropy(LOGITS, np.zeros((2, 1), np.int64))


@pytest.mark.parametrize("mask", [np.array([1, 0]), np.array([True]), np.array([[True], [False]])])
def test_a_mask_that_is_not_one_truth_value_a_place_is_refused(mask: np.ndarray) -> None:
    """An array of 0 and 1 would pick rows 0 and 1."""
    with pytest.raises(InputError, match=r"mask .*expected booleans or weights of shape \(2,\)"):
        softmax_cross_entropy(LOGITS, np.array([2, 1]), mask)


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, float("nan")])
def test_smoothing_outside_its_range_is_refused(smoothing: float) -> None:
    with pytest.raises(InputError, match="expected 0 <= s < 1"):
        softmax_cross_entropy(LOGITS, np.array([2, 1]), label_smoothing=smoothing)


# ---- the other losses ----------------------------------------------------------------------------------------


def test_squared_errors_by_hand() -> None:
    y, target = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.0, 2.0], [5.0, 1.0]])
    loss, gradient = half_squared_error(y, target)
    assert loss == pytest.approx((1 + 4 + 9) / 2 / 2)  # over the two rows
    np.testing.assert_allclose(gradient, [[0.5, 0], [-1, 1.5]])
    loss, gradient = mean_squared_error(y, target)
    assert loss == pytest.approx((1 + 4 + 9) / 4)  # over the four elements
    np.testing.assert_allclose(gradient, [[0.5, 0], [-1, 1.5]])


def test_huber_by_hand_within_at_and_beyond_its_edge() -> None:
    y = np.array([0.5, 1.0, 3.0, -3.0])
    loss, gradient = huber(y, np.zeros(4))
    assert loss == pytest.approx((0.125 + 0.5 + 2.5 + 2.5) / 4)
    np.testing.assert_allclose(gradient, np.array([0.5, 1, 1, -1]) / 4)


def test_cross_entropies_by_hand() -> None:
    p = np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]])
    loss, gradient = categorical_cross_entropy(p, np.array([0, 1]))
    assert loss == pytest.approx((np.log(2) - np.log(0.8)) / 2)
    np.testing.assert_allclose(gradient, [[-1, 0, 0], [0, -0.625, 0]])
    same, _ = categorical_cross_entropy(p, np.eye(3)[[0, 1]])
    assert same == pytest.approx(loss)
    loss, gradient = binary_cross_entropy(np.array([0.25, 0.5]), np.array([1.0, 0.0]))
    assert loss == pytest.approx((np.log(4) + np.log(2)) / 2)
    np.testing.assert_allclose(gradient, [-2, 1])
    logits, _ = binary_cross_entropy_with_logits(np.log([1 / 3, 1.0]), np.array([1.0, 0.0]))
    assert logits == pytest.approx(loss)


def test_hinges_by_hand_at_the_margin_too() -> None:
    loss, gradient = hinge(np.array([2.0, 1.0, 0.5, -1.0]), np.array([1.0, 1.0, 1.0, 1.0]))
    assert loss == pytest.approx((0 + 0 + 0.5 + 2) / 4)
    assert gradient.tolist() == [0, 0, -0.25, -0.25]
    scores = np.array([[1.0, 2.0, 0.0], [3.0, 0.0, 0.0]])
    loss, gradient = multiclass_hinge(scores, np.array([0, 0]))
    assert loss == pytest.approx((2 / 3 + 0) / 2)  # 1 - 1 + 2 over three classes; 1 - 1 + 0 is at the margin
    np.testing.assert_allclose(gradient, np.array([[-1, 1, 0], [0, 0, 0]]) / 6)


def test_certain_probabilities_have_finite_losses_and_gradients() -> None:
    for dtype in np.float32, np.float64:
        p, target = np.array([0.0, 1.0, 0.0, 1.0], dtype), np.array([0.0, 1.0, 1.0, 0.0], dtype)
        loss, gradient = binary_cross_entropy(p, target)
        assert loss == pytest.approx(50)  # two of four at 100
        assert np.isfinite(gradient).all()
        loss, gradient = categorical_cross_entropy(np.eye(2, dtype=dtype), np.array([0, 0]))
        assert 0 < loss < 1000
        assert np.isfinite(gradient).all()
        for x in (1e4, -1e4):
            loss, gradient = binary_cross_entropy_with_logits(np.array([x], dtype), np.array([0.0], dtype))
            assert loss == pytest.approx(max(x, 0))
            assert gradient.dtype == dtype


def test_the_losses_of_the_parts_of_a_batch_add_up(rng: Generator) -> None:
    logits, target = rng.normal(size=(7, 5)), rng.integers(0, 5, 7)
    weights = rng.random(7)
    for mask, count in ((None, 7), (weights, weights.sum())):
        whole, gradient = softmax_cross_entropy(logits, target, mask)
        parts = [
            softmax_cross_entropy(logits[rows], target[rows], None if mask is None else mask[rows], count=count)
            for rows in (slice(0, 3), slice(3, 7))
        ]
        assert sum(loss for loss, _ in parts) == pytest.approx(whole)
        np.testing.assert_allclose(np.concatenate([g for _, g in parts]), gradient, rtol=1e-12)


def test_a_nan_under_a_weight_of_zero_does_not_count() -> None:
    y, weights = np.array([[np.nan], [1.0]]), np.array([[0.0], [1.0]])
    loss, gradient = mean_squared_error(y, np.zeros((2, 1)), weights)
    assert (loss, gradient.tolist()) == (1, [[0], [2]])


LEARNABLE: dict[str, Any] = {  # what stands upon the last Dense, its outputs, and the targets of two classes
    "softmax_cross_entropy": (Identity, 2, lambda c: c),
    "categorical_cross_entropy": (Softmax, 2, lambda c: c),
    "binary_cross_entropy": (Sigmoid, 1, lambda c: c[:, None].astype(np.float32)),
    "binary_cross_entropy_with_logits": (Identity, 1, lambda c: c[:, None].astype(np.float32)),
    "mean_squared_error": (Identity, 1, lambda c: c[:, None].astype(np.float32)),
    "half_squared_error": (Identity, 1, lambda c: c[:, None].astype(np.float32)),
    "huber": (Identity, 1, lambda c: c[:, None].astype(np.float32)),
    "hinge": (Identity, 1, lambda c: (2 * c - 1)[:, None].astype(np.float32)),
    "multiclass_hinge": (Identity, 2, lambda c: c),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_model_learns_by_each_loss_far_below_the_best_constant_prediction(name: str, rng: Generator) -> None:
    top, outputs, targets = LEARNABLE[name]
    x = rng.normal(size=(200, 2)).astype(np.float32)
    target = targets((x[:, 0] * x[:, 1] > 0).astype(np.int64))
    loss = LOSSES[name]

    def trained(inputs: Any, steps: int) -> float:
        model = Chain(Dense(2, 16, rng=rng), Tanh(), Dense(16, outputs, rng=rng), top())
        optimizer = Adam(model.parameters(), 0.03)
        for _ in range(steps):
            y, backward = model.forward(inputs)
            value, dy = loss(y, target)
            backward(dy)
            optimizer.step()
        return value

    constant = trained(np.zeros_like(x), 100)
    assert trained(x, 300) < 0.5 * constant


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_squared_error(np.ones(3), np.ones((3, 1))), r"targets of shape \(3, 1\) don't fit .* \(3,\)$"),
        (
            lambda: softmax_cross_entropy(LOGITS, np.array([0.0, 1.0])),
            r"^targets are float64; expected integers",
        ),
        (lambda: multiclass_hinge(LOGITS, np.array([0, 3])), r"^targets run from 0 to 3; expected 0 <= target < 3$"),
        (
            lambda: binary_cross_entropy(np.array([1.5]), np.ones(1)),
            r"^the prediction runs from 1.5 to 1.5; exp",
        ),
        (
            lambda: binary_cross_entropy(np.ones(1), np.array([-1.0])),
            r"^the target runs from -1 to -1; exp",
        ),
        (lambda: hinge(np.ones(2), np.array([0.0, 1.0])), r"^a target of the hinge loss is 0.0; expected -1 or 1$"),
        (lambda: huber(np.ones(2), np.ones(2), delta=0), r"^delta of the Huber loss is 0; expected a positive number$"),
        (
            lambda: mean_squared_error(np.ones((3, 1)), np.ones((3, 1)), np.ones(3)),
            r"^the mask is float64 of shape \(3,\); expected booleans or weights of shape \(3, 1\)$",
        ),
        (
            lambda: mean_squared_error(np.ones(2), np.ones(2), np.array([1.0, -1.0])),
            r"^a weight is -1.0; exp",
        ),
        (
            lambda: mean_squared_error(np.ones(2), np.ones(2), np.array([1.0, np.inf])),
            r"^a weight is inf; expected a fin",
        ),
        (lambda: mean_squared_error(np.ones(2), np.ones(2), count=-2), r"^the count is -2; expected a finite number"),
        (lambda: mean_squared_error(np.ones(2), np.ones(2), np.array([1, 1])), r"^the mask is int64 of shape"),
    ],
)
def test_what_makes_no_sense_is_refused(call: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize("dtype", [np.uint8, np.bool_])
@pytest.mark.parametrize("name", ["binary_cross_entropy", "categorical_cross_entropy", "hinge"])
def test_targets_that_cant_be_negative_give_what_numbers_give(name: str, dtype: type) -> None:
    prediction = np.array([[0.25, 0.75]])
    target = np.array([[1.0, 1.0]]) if name == "hinge" else np.array([[1.0, 0.0]])
    loss, gradient = LOSSES[name](prediction, target.astype(dtype))
    expected, expected_gradient = LOSSES[name](prediction, target)
    assert loss == expected
    np.testing.assert_array_equal(gradient, expected_gradient)


def test_a_class_that_cant_be_weighs_nothing_under_weights_as_under_none() -> None:
    logits, target = np.array([[1.0, 2.0, -np.inf], [0.0, 1.0, 2.0]]), np.array([0, 2])
    loss, gradient = softmax_cross_entropy(logits, target)
    weighted, weighted_gradient = softmax_cross_entropy(logits, target, np.ones(2))
    assert weighted == pytest.approx(loss, rel=1e-12)
    np.testing.assert_allclose(weighted_gradient, gradient, rtol=1e-12)


@pytest.mark.parametrize("name", ["mean_squared_error", "half_squared_error", "huber"])
def test_predictions_that_are_no_floats_are_refused_where_distances_would_be_cut_off(name: str) -> None:
    with pytest.raises(InputError, match="predictions are int64; expected floats"):
        LOSSES[name](np.array([[1, 2]]), np.array([[1.5, 2.5]]))
