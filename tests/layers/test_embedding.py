import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.layers.embedding import Embedding

Generator = np.random.Generator


def test_a_repeated_id_receives_the_sum_of_its_gradients(rng: Generator) -> None:
    layer = Embedding(4, 2, rng=rng)
    ids = np.array([[1, 3], [1, 1]])
    y, backward = layer.forward(ids)
    np.testing.assert_array_equal(y[1, 0], layer.weight.value[1])
    assert backward(np.array([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], np.float32)) is None
    assert layer.weight.grad.tolist() == [[0, 0], [13, 16], [0, 0], [3, 4]]


def test_what_is_looked_up_is_a_copy(rng: Generator) -> None:
    layer = Embedding(4, 2, rng=rng)
    layer(np.array([1]))[...] = 0
    assert layer.weight.value.any()


def test_vectors_start_with_a_length_near_one(rng: Generator) -> None:
    lengths = np.linalg.norm(Embedding(100, 64, rng=rng).weight.value, axis=1)
    np.testing.assert_allclose(lengths.mean(), 1, atol=0.03)


@pytest.mark.parametrize(("ids", "wrong"), [([0, 4], 4), ([2, -1], -1)])
def test_an_id_outside_the_vocabulary_is_refused(ids: list[int], wrong: int, rng: Generator) -> None:
    with pytest.raises(InputError) as error:
        Embedding(4, 2, rng=rng)(np.array(ids))
    assert str(error.value) == f"Embedding got the id {wrong}; expected 0 <= id < 4"


@pytest.mark.parametrize("shape", [(2, 1), (1, 2), (3, 2)])
def test_a_gradient_of_another_shape_is_refused(shape: tuple[int, ...], rng: Generator) -> None:
    """A compiled kernel would read beyond its end."""
    layer = Embedding(4, 2, rng=rng)
    _, backward = layer.forward(np.array([0, 1]))
    with pytest.raises(ValueError, match="cannot reshape"):
        backward(np.ones(shape, np.float32))
