import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.gradient_check import check_gradients
from seqrl.layers.convolution import Conv2D

Generator = np.random.Generator


def test_a_convolution_by_hand(rng: Generator) -> None:
    layer = Conv2D(1, 1, 2, rng=rng)
    layer.load_state_dict({"weight": [[[[1, 2], [3, 4]]]], "bias": [10]})
    x = np.arange(9, dtype=np.float32).reshape(1, 1, 3, 3)
    # the upper left window is 0 1 / 3 4: 0 + 2 + 9 + 16 + 10
    np.testing.assert_array_equal(layer(x), [[[[37, 47], [67, 77]]]])


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("f", [1, 2, 3, 5])
def test_the_size_of_the_output_is_that_of_the_formula(f: int, padding: int, stride: int, rng: Generator) -> None:
    layer = Conv2D(2, 3, f, rng=rng, stride=stride, padding=padding)
    for n in range(max(f - 2 * padding, 1), 9):
        assert layer(np.zeros((1, 2, n, 8), np.float32)).shape[2] == (n + 2 * padding - f) // stride + 1


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("f", [1, 2, 3, 4, 5])
def test_same_padding_gives_as_many_pixels_as_strides(f: int, stride: int, rng: Generator) -> None:
    layer = Conv2D(1, 1, f, rng=rng, stride=stride, padding="same")
    for n in range(1, 9):
        assert layer(np.zeros((1, 1, n, 5), np.float32)).shape == (1, 1, -(-n // stride), -(-5 // stride))


def test_every_pixel_is_seen_at_its_place(rng: Generator) -> None:
    """Against the definition, pixel by pixel, with strides and padding that differ by direction."""
    layer = Conv2D(2, 3, (3, 2), rng=rng, stride=(2, 1), padding=1).astype(np.float64)
    assert layer.bias is not None
    layer.bias.value[...] = rng.normal(size=3)
    x = rng.normal(size=(2, 2, 6, 5))
    padded = np.zeros((2, 2, 8, 7))
    padded[:, :, 1:7, 1:6] = x
    y = layer(x)
    for n, o, i, j in np.ndindex(y.shape):
        window = padded[n, :, 2 * i : 2 * i + 3, j : j + 2]
        assert y[n, o, i, j] == pytest.approx(layer.bias.value[o] + (window * layer.weight.value[o]).sum(), abs=1e-12)


@pytest.mark.parametrize(
    ("size", "options"),
    [(3, {}), ((2, 3), {"stride": (2, 1), "padding": 2}), (4, {"padding": "same"}), (2, {"stride": 3, "bias": False})],
)
@pytest.mark.parametrize("shape", [(2, 2, 6, 5), (1, 2, 4, 4)])
def test_gradients_are_those_of_central_differences(size: object, options: dict, shape: tuple, rng: Generator) -> None:
    errors = check_gradients(Conv2D(2, 3, size, rng=rng, **options), rng.normal(size=shape))
    assert errors.keys() >= {"input 0", "weight"}


def test_a_batch_is_its_images_one_by_one(rng: Generator) -> None:
    """Enough small images that several are unfolded together, the last block being a smaller one."""
    layer = Conv2D(2, 3, 3, rng=rng, padding=1)
    x = rng.normal(size=(70, 2, 4, 5)).astype(np.float32)
    np.testing.assert_allclose(layer(x), np.concatenate([layer(image[None]) for image in x]), rtol=1e-5, atol=1e-6)


def test_for_data_the_gradients_of_the_parameters_are_the_same(rng: Generator) -> None:
    layer, x = Conv2D(2, 3, 3, rng=rng), rng.normal(size=(4, 2, 6, 6)).astype(np.float32)
    y, backward = layer.forward(x)
    backward(np.ones_like(y))
    expected = layer.weight.grad.copy()
    layer.zero_grad()
    y, backward = layer.forward_data(x)
    backward(np.ones_like(y))
    np.testing.assert_array_equal(layer.weight.grad, expected)


def test_no_images_are_no_special_case(rng: Generator) -> None:
    layer = Conv2D(2, 3, 3, rng=rng)
    y, backward = layer.forward(np.zeros((0, 2, 5, 5), np.float32))
    assert y.shape == (0, 3, 3, 3)
    assert backward(y).shape == (0, 2, 5, 5)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((3, 8, 8), r"^Conv2D got input of shape \(3, 8, 8\); expected \(N, 3, height, width\)$"),
        ((2, 1, 8, 8), r"^Conv2D got input of shape \(2, 1, 8, 8\); expected \(N, 3, height, width\)$"),
        ((2, 3, 8, 4), r"^Conv2D got images 4 pixels wide; expected at least 5$"),
        ((2, 3, 2, 8), r"^Conv2D got images 2 pixels high; expected at least 5$"),
    ],
)
def test_images_that_do_not_fit_are_refused(shape: tuple[int, ...], message: str, rng: Generator) -> None:
    with pytest.raises(InputError, match=message):
        Conv2D(3, 4, 5, rng=rng)(np.zeros(shape, np.float32))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel_size": 0}, r"kernel size of Conv2D is 0"),
        ({"kernel_size": (3, 3, 3)}, r"kernel size of Conv2D is \(3, 3, 3\)"),
        ({"stride": -1}, r"stride of Conv2D is -1"),
        ({"padding": "full"}, r"padding of Conv2D is 'full'; expected valid, same or a number"),
        ({"padding": -2}, r"padding of Conv2D is -2"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(options: dict, message: str, rng: Generator) -> None:
    with pytest.raises(InputError, match=message):
        Conv2D(1, 1, **({"kernel_size": 3} | options), rng=rng)


def test_float32_into_float64_and_back_is_never_silent(rng: Generator) -> None:
    layer, x = Conv2D(1, 2, 3, rng=rng), rng.normal(size=(2, 1, 5, 5))
    assert layer(x).dtype == np.float32
    assert layer.astype(np.float64)(x).dtype == np.float64


def test_sizes_may_come_out_of_an_array(rng: Generator) -> None:
    layer = Conv2D(1, 1, np.int64(3), rng=rng, padding=np.int64(1))
    assert layer(np.zeros((1, 1, 4, 4), np.float32)).shape == (1, 1, 4, 4)
