import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.gradient_check import numerical_gradient, relative_error
from seqrl.losses import softmax_cross_entropy

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
    with pytest.raises(InputError, match=r"mask .*expected booleans of shape \(2,\)"):
        softmax_cross_entropy(LOGITS, np.array([2, 1]), mask)


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, float("nan")])
def test_smoothing_outside_its_range_is_refused(smoothing: float) -> None:
    with pytest.raises(InputError, match="expected 0 <= s < 1"):
        softmax_cross_entropy(LOGITS, np.array([2, 1]), label_smoothing=smoothing)
