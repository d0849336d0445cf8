from typing import Any

import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.gradient_check import check_gradients
from seqrl.layers.pooling import AvgPool2D, Flatten, GlobalAvgPool2D, GlobalMaxPool2D, MaxPool2D

Generator = np.random.Generator
LAYERS: dict[str, Any] = {
    "max": MaxPool2D(2),
    "max, overlapping": MaxPool2D(3, 2),
    "max, gaps": MaxPool2D((2, 1), (3, 2)),
    "average": AvgPool2D(2),
    "average, overlapping": AvgPool2D((3, 2), (2, 1)),
    "global max": GlobalMaxPool2D(),
    "global average": GlobalAvgPool2D(),
    "flatten": Flatten(),
}
every_layer = pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
X = np.array([[[[1, 5, 2, 0, 9], [3, 4, 8, 1, 9], [7, 0, 6, 6, 9], [2, 2, 6, 5, 9]]]], np.float32)


def test_pools_by_hand_leave_out_what_fills_no_window() -> None:
    np.testing.assert_array_equal(MaxPool2D(2)(X), [[[[5, 8], [7, 6]]]])
    np.testing.assert_array_equal(AvgPool2D(2)(X), [[[[13 / 4, 11 / 4], [11 / 4, 23 / 4]]]])
    np.testing.assert_array_equal(MaxPool2D(3, 1)(X), [[[[8, 8, 9], [8, 8, 9]]]])
    np.testing.assert_array_equal(GlobalMaxPool2D()(X), [[9]])
    np.testing.assert_allclose(GlobalAvgPool2D()(X), [[94 / 20]], rtol=1e-6)


def test_the_gradient_goes_to_the_first_of_equals_once() -> None:
    _, backward = MaxPool2D(2).forward(X)
    dx = backward(np.array([[[[1, 2], [3, 4]]]], np.float32))
    np.testing.assert_array_equal(dx, [[[[0, 1, 0, 0, 0], [0, 0, 2, 0, 0], [3, 0, 4, 0, 0], [0, 0, 0, 0, 0]]]])
    _, backward = GlobalMaxPool2D().forward(X)
    assert backward(np.array([[2.0]], np.float32))[0, 0, :, 4].tolist() == [2, 0, 0, 0]


@every_layer
@pytest.mark.parametrize("shape", [(2, 3, 7, 6), (1, 1, 3, 3)])
def test_gradients_are_those_of_central_differences(layer: Any, shape: tuple[int, ...], rng: Generator) -> None:
    check_gradients(layer, rng.normal(size=shape))


@every_layer
def test_a_nan_stays_a_nan(layer: Any) -> None:
    x = np.zeros((1, 2, 4, 4), np.float32)
    x[0, 1, 0, 0] = np.nan
    y = layer(x)
    assert np.isnan(y).any()
    if y.ndim > 2 or y.shape[1] == 2:
        assert np.isfinite(y[0, 0]).all()


@every_layer
def test_float32_stays_float32_and_no_images_are_no_special_case(layer: Any) -> None:
    y, backward = layer.forward(np.zeros((0, 2, 5, 5), np.float32))
    dx = backward(y)
    assert (y.dtype, dx.dtype, dx.shape) == (np.float32, np.float32, (0, 2, 5, 5))


def test_images_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match=r"^MaxPool2D got input of shape \(1, 1, 2, 5\); .* at least 3 by 3 pixels$"):
        MaxPool2D(3)(np.zeros((1, 1, 2, 5), np.float32))
    with pytest.raises(InputError, match=r"^GlobalAvgPool2D got input of shape \(4, 5\); expected \(N, C, height"):
        GlobalAvgPool2D()(np.zeros((4, 5), np.float32))
    with pytest.raises(InputError, match=r"^the stride of AvgPool2D is 0; expected a positive whole number"):
        AvgPool2D(2, 0)


def test_the_mean_of_pixels_as_bytes_is_that_of_the_same_numbers() -> None:
    np.testing.assert_array_equal(AvgPool2D(2)(X.astype(np.uint8)), AvgPool2D(2)(X))
