import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.initializers import normal
from seqrl.layers.dense import Dense

Generator = np.random.Generator


def test_by_hand(rng: Generator) -> None:
    layer = Dense(2, 3, rng=rng)
    layer.load_state_dict({"weight": [[1, 2, 3], [4, 5, 6]], "bias": [10, 20, 30]})
    y, backward = layer.forward(np.array([[1, 2], [0, 1]], np.float32))
    assert y.tolist() == [[19, 32, 45], [14, 25, 36]]
    assert backward(np.array([[1, 0, 0], [0, 1, 0]], np.float32)).tolist() == [[1, 4], [2, 5]]
    assert layer.weight.grad.tolist() == [[1, 0, 0], [2, 1, 0]]
    assert layer.bias is not None
    assert layer.bias.grad.tolist() == [1, 1, 0]


def test_any_leading_axes(rng: Generator) -> None:
    layer, x = Dense(2, 3, rng=rng), rng.normal(size=(4, 5, 2)).astype(np.float32)
    np.testing.assert_allclose(layer(x)[1, 2], layer(x[1, 2]), rtol=1e-5)


def test_the_bias_starts_at_zero_and_the_weights_as_asked(rng: Generator) -> None:
    layer = Dense(100, 100, rng=rng, initializer=normal(0.01))
    assert layer.bias is not None
    assert not layer.bias.value.any()
    np.testing.assert_allclose(layer.weight.value.std(), 0.01, rtol=0.05)


def test_input_of_another_size_is_refused(rng: Generator) -> None:
    with pytest.raises(InputError) as error:
        Dense(2, 3, rng=rng)(np.ones((4, 3)))
    assert str(error.value) == "Dense got input of shape (4, 3); expected (..., 2)"
