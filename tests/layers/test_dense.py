import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.gradient_check import check_gradients
from seqrl.initializers import normal
from seqrl.layer import Chain
from seqrl.layers.dense import Dense, TiedDense
from seqrl.layers.embedding import Embedding

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


def test_tied_weights_are_one_parameter_with_both_gradients(rng: Generator) -> None:
    dense = Dense(3, 4, rng=rng)
    model = Chain(dense, TiedDense(dense))
    assert [name for name, _ in model.parameters()] == ["layers.0.weight", "layers.0.bias", "layers.1.bias"]
    check_gradients(model, rng.normal(size=(5, 3)))
    embedding = Embedding(6, 3, rng=rng)
    check_gradients(Chain(embedding, TiedDense(embedding, bias=False)), rng.integers(0, 6, (4, 2)))


def test_equal_weights_are_not_tied(rng: Generator) -> None:
    a, b = Dense(3, 3, rng=rng), Dense(3, 3, rng=rng)
    b.load_state_dict(a.state_dict())
    assert len(list(Chain(a, b).parameters())) == 4
