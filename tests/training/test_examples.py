from typing import Any

import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.training.examples import Examples, checked_inputs, checked_targets, checked_weights

F4, F8, IDS = np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.int64)


def targets(y: Any, output: tuple[int, ...], loss: str | None, rows: int | None = None) -> Any:
    return checked_targets(y, len(y) if rows is None else rows, output, loss, F4, "y")


def test_numbers_of_any_kind_become_the_models() -> None:
    for dtype in (np.float16, np.float64, np.int64, np.uint16, ">f4"):
        x = checked_inputs(np.arange(6).reshape(3, 2).astype(dtype), F4)
        assert x.dtype == F4
        assert x.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert checked_inputs([[1, 2], [3, 4]], F8).dtype == F8


def test_images_of_uint8_stay_small_until_their_batch() -> None:
    images = np.arange(2 * 12, dtype=np.uint8).reshape(2, 3, 2, 2)
    x = checked_inputs(images, F4)
    assert x is images
    batch = Examples(x, np.zeros(2), None, F4).inputs(slice(1, 2))
    assert batch.dtype == F4 and batch.tolist() == [images[1].tolist()]


def test_float32_data_are_not_copied() -> None:
    x = np.zeros((3, 2), np.float32)
    assert checked_inputs(x, F4) is x


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((0, 3)), r"x has shape \(0, 3\); expected at least one row"),
        (np.float32(3), r"x has shape \(\); expected at least one row"),
        (np.zeros(3), r"x has shape \(3,\); expected \(rows, features\), which is x\[:, None\] for one"),
        ([[1.0, 2.0], [3.0]], "x is no array: .*inhomogeneous"),
        (np.array([["a"]]), "x holds <U1; expected numbers"),
        (np.array([[1j]]), "x holds complex128; expected numbers"),
        (np.array([[0.0], [np.nan], [np.nan]]), "x holds nan in row 1; expected finite float32"),
        (np.array([[0.0], [0.0], [-np.inf]]), "x holds -inf in row 2; expected finite float32"),
        (np.array([[1e300], [0.0]]), r"x holds 1e\+300 in row 0; expected finite float32"),
        (np.array([[2**24 + 1], [0]]), "x holds integers from 0 to 16777217; float32 is exact up to 16777216: scale"),
    ],
)
def test_inputs_that_would_go_wrong_are_refused(x: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        checked_inputs(x, F4)


def test_the_row_is_right_in_data_larger_than_a_block() -> None:
    x = np.zeros((3000, 1000), np.float32)
    x[2222, 7] = np.nan
    with pytest.raises(InputError, match="x holds nan in row 2222"):
        checked_inputs(x, F4)


def test_ids_stay_integers() -> None:
    assert checked_inputs(np.array([3, 1]), IDS).dtype == IDS
    with pytest.raises(InputError, match="x holds float64; expected integers, the ids"):
        checked_inputs(np.zeros((2, 3)), IDS)


@pytest.mark.parametrize("y", [[2, 0], [[2], [0]], [2.0, 0.0], np.array([2, 0], np.uint8), [[0, 0, 1], [1, 0, 0]]])
def test_classes_come_by_id_or_one_hot(y: Any) -> None:
    for loss in ("softmax_cross_entropy", "categorical_cross_entropy", "multiclass_hinge"):
        ids = targets(y, (3,), loss)
        assert ids.dtype == np.int64 and ids.tolist() == [2, 0]


def test_distributions_are_for_the_loss_that_takes_them() -> None:
    soft = np.array([[1, 0, 0], [0.5, 0.5, 0]])
    assert targets(soft, (3,), "categorical_cross_entropy").tolist() == soft.tolist()
    with pytest.raises(InputError, match="y is not one-hot in row 1; softmax_cross_entropy expects class ids or one-h"):
        targets(soft, (3,), "softmax_cross_entropy")


def test_sequences_have_a_class_at_every_place() -> None:
    ids = np.array([[0, 1], [2, 2]])
    assert targets(ids, (2, 3), "softmax_cross_entropy").tolist() == ids.tolist()
    assert targets(np.eye(3)[ids], (2, 3), "softmax_cross_entropy").tolist() == ids.tolist()


@pytest.mark.parametrize(
    ("y", "output", "loss", "message"),
    [
        ([0, 3], (3,), "softmax_cross_entropy", "y holds 3 in row 1; expected a class id from 0 to 2"),
        ([0, -1], (3,), "softmax_cross_entropy", "y holds -1 in row 1"),
        ([0, 1.5], (3,), "multiclass_hinge", "y holds 1.5 in row 1"),
        ([0, np.nan], (3,), "softmax_cross_entropy", "y holds nan in row 1"),
        (
            [[0, 1], [1, 0]],
            (3,),
            "softmax_cross_entropy",
            r"y has shape \(2, 2\); expected class ids \(2,\), or one-hot",
        ),
        ([[0, 1, 1], [1, 0, 0]], (3,), "softmax_cross_entropy", "y is not one-hot in row 0"),
        ([0, 1], (1,), "softmax_cross_entropy", r"got outputs of shape \(2, 1\); expected two or more classes"),
        ([0, 2], (1,), "binary_cross_entropy", "y holds 2 in row 1; binary_cross_entropy expects 0 to 1"),
        ([1, 0], (1,), "hinge", "y holds 0 in row 1; hinge expects -1 or 1"),
        (
            [[1, 2], [3, 4]],
            (1,),
            "mean_squared_error",
            r"y has shape \(2, 2\); expected \(2, 1\), as the model's outputs",
        ),
        ([1, 2], (2,), "mean_squared_error", r"y has shape \(2,\); expected \(2, 2\)"),
        ([1, np.inf], (1,), "mean_squared_error", "y holds inf in row 1"),
        ([1, np.inf], (1,), None, "y holds inf in row 1"),
    ],
)
def test_targets_out_of_range_or_shape_are_refused(y: Any, output: tuple[int, ...], loss: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        targets(y, output, loss)


def test_as_many_targets_as_rows() -> None:
    with pytest.raises(InputError, match="y has 2 rows and its x has 3; expected as many"):
        targets([1, 2], (1,), "mean_squared_error", rows=3)


def test_a_column_is_a_column_with_or_without_an_axis_of_its_own() -> None:
    assert targets([1, 2], (1,), "mean_squared_error").shape == (2, 1)
    assert targets([[1], [2]], (), "mean_squared_error").shape == (2,)
    assert targets([1, 2], (1,), "mean_squared_error").dtype == F4


def test_a_loss_of_ones_own_gets_targets_in_their_shape() -> None:
    assert targets(np.array([[1, 2]], np.int32), (5,), None).dtype == np.int64
    assert targets(np.array([[1.0, 2.0]]), (5,), None).dtype == F4


def test_weights_are_relative() -> None:
    assert checked_weights([2, 2, 2], 3).tolist() == [1, 1, 1]  # type: ignore[union-attr]
    assert checked_weights([0, 1, 2], 3).tolist() == [0, 1, 2]  # type: ignore[union-attr]
    assert checked_weights(None, 3) is None
    for weight, message in [
        ([1, 1], r"sample_weight has shape \(2,\); expected \(3,\)"),
        ([1, -1, 1], "a minimum of -1; expected weights of 0 or more"),
        ([0, 0, 0], "a sum of 0 .*not all of them 0"),
        ([1, np.nan, 1], "sample_weight holds nan in row 1"),
    ]:
        with pytest.raises(InputError, match=message):
            checked_weights(weight, 3)
