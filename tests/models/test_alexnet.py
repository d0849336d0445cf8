import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.gradient_check import check_gradients
from seqrl.layer import Layer
from seqrl.layers.convolution import Conv2D
from seqrl.layers.pooling import MaxPool2D
from seqrl.losses import softmax_cross_entropy
from seqrl.models.alexnet import alexnet, small_alexnet
from seqrl.optimizers import Adam

Generator = np.random.Generator


def draws() -> Generator:
    return np.random.default_rng(1)


def test_the_full_one_has_the_shapes_and_the_parameters_of_the_paper() -> None:
    """Nothing is computed but one image of zeros; the weights are zeros too, or drawing them would take seconds."""

    class Zeros:
        def normal(self, *args: object, size: tuple[int, ...] = (), **kwargs: object) -> np.ndarray:
            shape = args[2] if len(args) > 2 else size
            return np.zeros(shape, np.float32)

        def uniform(self, low: float, high: float, shape: tuple[int, ...]) -> np.ndarray:
            return np.zeros(shape, np.float32)

    model = alexnet(rng=Zeros(), dropout_rng=draws())  # type: ignore[arg-type]
    assert model.parameter_count == 62_378_344
    shapes, x = [], np.zeros((1, 3, 227, 227), np.float32)
    for layer in model.layers:
        x = layer(x)
        if isinstance(layer, (Conv2D, MaxPool2D)):
            shapes.append(x.shape[1:])
    assert shapes == [
        (96, 55, 55),
        (96, 27, 27),
        (256, 27, 27),
        (256, 13, 13),
        (384, 13, 13),
        (384, 13, 13),
        (256, 13, 13),
        (256, 6, 6),
    ]
    assert x.shape == (1, 1000)


def sample(model: Layer, name: str, count: int, rng: Generator) -> list[tuple[int, ...]]:
    shape = dict(model.parameters())[name].shape
    return [tuple(int(rng.integers(n)) for n in shape) for _ in range(count)]


def test_gradients_of_the_small_one_are_those_of_central_differences(rng: Generator) -> None:
    """All of its parts are checked entry by entry elsewhere; here some entries of each parameter of the whole."""
    model = small_alexnet((1, 15, 15), 3, rng=rng, dropout_rng=draws()).astype(np.float64)
    x, target = rng.normal(size=(2, 1, 15, 15)), np.array([2, 0])
    state = [(g, g.bit_generator.state) for _, g in model.generators()]

    def loss() -> tuple[float, object]:
        for generator, at in state:
            generator.bit_generator.state = at
        logits, backward = model.forward(x)
        value, dlogits = softmax_cross_entropy(logits, target)
        return value, lambda: backward(dlogits)

    loss()[1]()  # type: ignore[operator]
    for name, parameter in model.parameters():
        for index in sample(model, name, 3, rng):
            kept, h = parameter.value[index], 1e-6
            parameter.value[index] = kept + h
            above = loss()[0]
            parameter.value[index] = kept - h
            below = loss()[0]
            parameter.value[index] = kept
            assert parameter.grad[index] == pytest.approx((above - below) / (2 * h), abs=1e-7), (name, index)


def test_its_parts_together_have_right_gradients(rng: Generator) -> None:
    """The first convolution with its ReLU and overlapping pooling, every entry."""
    model = small_alexnet((1, 15, 15), 3, rng=rng, dropout_rng=draws())
    model.layers = model.layers[:3]
    model.layers[0] = Conv2D(1, 2, 3, padding=1, rng=rng)
    check_gradients(model, rng.normal(size=(2, 1, 7, 7)))


def test_the_small_one_learns(rng: Generator) -> None:
    """Bright quarters of an image: chance is 1 in 4."""
    model = small_alexnet((1, 16, 16), 4, rng=rng, dropout_rng=draws())
    optimizer = Adam(model.parameters(), 1e-3)
    target = rng.integers(0, 4, 160)
    x = rng.normal(0, 0.5, (160, 1, 16, 16)).astype(np.float32)
    for n, quarter in enumerate(target):
        i, j = 8 * (quarter // 2), 8 * (quarter % 2)
        x[n, 0, i : i + 8, j : j + 8] += 1
    for _ in range(6):
        for start in range(0, 96, 32):
            rows = slice(start, start + 32)
            logits, backward = model.forward_data(x[rows])
            backward(softmax_cross_entropy(logits, target[rows])[1])
            optimizer.step()
    assert (model(x[96:]).argmax(axis=1) == target[96:]).mean() > 0.9


def test_images_too_small_are_refused(rng: Generator) -> None:
    with pytest.raises(InputError, match=r"^the small AlexNet got images of 8 by 28 pixels; expected 15 or more"):
        small_alexnet((1, 8, 28), 10, rng=rng, dropout_rng=draws())
