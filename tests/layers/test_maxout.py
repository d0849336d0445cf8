import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.gradient_check import check_gradients
from seqrl.layers.maxout import Maxout

Generator = np.random.Generator


def test_two_pieces_can_be_the_absolute_value(rng: Generator) -> None:
    layer = Maxout(1, 1, 2, rng=rng)
    layer.load_state_dict({"dense.weight": [[1, -1]], "dense.bias": [0, 0]})
    assert layer(np.array([[-3], [2]], np.float32)).tolist() == [[3], [2]]


@pytest.mark.parametrize("pieces", [1, 2, 5])
def test_gradients_are_those_of_central_differences(pieces: int, rng: Generator) -> None:
    check_gradients(Maxout(3, 2, pieces, rng=rng), rng.normal(size=(4, 2, 3)))


def test_each_output_is_the_largest_of_its_own_pieces(rng: Generator) -> None:
    layer, x = Maxout(3, 2, 4, rng=rng), rng.normal(size=(5, 3)).astype(np.float32)
    z = layer.dense(x)
    np.testing.assert_array_equal(layer(x)[:, 1], z[:, 1::2].max(axis=1))


def test_no_pieces_are_refused(rng: Generator) -> None:
    with pytest.raises(InputError, match=r"^pieces of Maxout is 0; expected a whole number of 1 or more$"):
        Maxout(3, 2, 0, rng=rng)
