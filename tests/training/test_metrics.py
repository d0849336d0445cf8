import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.training.metrics import METRICS, accuracy, binary_accuracy, r2, top_k_accuracy

OUTPUTS = np.array([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2], [0.2, 0.3, 0.5], [0.6, 0.3, 0.1]], np.float32)
IDS = np.array([1, 1, 2, 2])
ONE_HOT = np.eye(3, dtype=np.float32)[IDS]
TWICE = np.array([1.0, 2.0, 1.0, 0.0])  # row 1 twice, row 3 not at all


def repeated(array: np.ndarray) -> np.ndarray:
    return np.concatenate([array[:2], array[1:2], array[2:3]])


def test_accuracy_counts_the_rows_whose_largest_output_is_the_class() -> None:
    assert accuracy(OUTPUTS, IDS) == 2 / 4
    assert accuracy(OUTPUTS, ONE_HOT) == 2 / 4
    assert accuracy(OUTPUTS, IDS, TWICE) == 2 / 4
    assert accuracy(OUTPUTS.reshape(2, 2, 3), IDS.reshape(2, 2)) == 2 / 4


def test_top_k_accuracy_counts_the_classes_among_the_k_largest_outputs() -> None:
    assert [top_k_accuracy(OUTPUTS, IDS, k=k) for k in (1, 2, 3)] == [2 / 4, 3 / 4, 1]
    assert top_k_accuracy(OUTPUTS, ONE_HOT, k=1) == accuracy(OUTPUTS, IDS)
    assert top_k_accuracy(OUTPUTS, IDS) == 1  # of at most five


def test_binary_accuracy_compares_the_sides_of_the_threshold() -> None:
    probabilities, labels = np.array([[0.2], [0.6], [0.5]]), np.array([[0.0], [1.0], [1.0]])
    assert binary_accuracy(probabilities, labels) == 2 / 3
    assert binary_accuracy(np.array([-1.0, 0.2]), np.array([-1.0, 1.0]), threshold=0) == 1
    assert binary_accuracy(np.array([-1.0, 0.2]), np.array([-1.0, 1.0])) == 1 / 2


def test_errors_are_those_worked_out_by_hand() -> None:
    prediction, target = np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([[1.0, 4.0], [2.0, 2.0]])
    errors = {name: METRICS[name](prediction, target) for name in ("mae", "mse", "rmse")}
    assert errors == pytest.approx({"mae": 6 / 4, "mse": 14 / 4, "rmse": 3.5**0.5})
    # outputs: sums of squares 1 and 13 around the targets, which vary by 0.5 and 2 around their means
    assert r2(prediction, target) == pytest.approx(((1 - 1 / 0.5) + (1 - 13 / 2)) / 2)


def test_r2_is_1_for_the_targets_0_for_their_mean_and_defined_for_constant_ones(rng: np.random.Generator) -> None:
    target = 1e6 + rng.normal(size=(50, 2))
    assert r2(target, target) == 1
    assert r2(np.broadcast_to(target.mean(axis=0), (50, 2)), target) == pytest.approx(0)
    assert r2(np.ones(3), np.ones(3)) == 1
    assert r2(np.zeros(3), np.ones(3)) == 0


@pytest.mark.parametrize("name", METRICS)
def test_a_weight_of_2_is_the_row_twice_and_0_the_row_left_out(name: str, rng: np.random.Generator) -> None:
    if name.endswith("accuracy"):
        prediction, target = rng.normal(size=(4, 7)), np.eye(7)[rng.integers(0, 7, 4)]
    else:
        prediction, target = rng.normal(size=(4, 7)), rng.normal(size=(4, 7))
    weighted = METRICS[name](prediction, target, TWICE)
    assert weighted == pytest.approx(METRICS[name](repeated(prediction), repeated(target)), rel=1e-12)


def test_shapes_that_would_broadcast_are_refused() -> None:
    for name in ("mae", "mse", "rmse", "r2", "binary_accuracy"):
        with pytest.raises(InputError, match=r"targets of shape \(4,\); expected \(4, 1\), as the outputs"):
            METRICS[name](np.zeros((4, 1)), np.zeros(4))
    with pytest.raises(InputError, match=r"class ids of shape \(4,\)"):
        accuracy(OUTPUTS, IDS[:, None])


def test_the_largest_of_one_output_is_no_class() -> None:
    with pytest.raises(InputError, match=r"one output.*binary_accuracy"):
        accuracy(np.zeros((4, 1)), np.zeros((4, 1)))


def test_a_k_below_one_is_refused() -> None:
    with pytest.raises(InputError, match="k of top_k_accuracy is 0"):
        top_k_accuracy(OUTPUTS, IDS, k=0)
