import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.layers.dropout import Dropout, VariationalDropout

Generator = np.random.Generator


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_the_expectation_is_the_input(p: float, rng: Generator) -> None:
    y, _ = Dropout(p, rng=rng).forward(np.full(200_000, 3.0))
    np.testing.assert_allclose(y.mean(), 3, atol=5 * 3 * np.sqrt(p / (1 - p) / 200_000))
    np.testing.assert_allclose((y == 0).mean(), p, atol=5 * np.sqrt(p * (1 - p) / 200_000))
    np.testing.assert_allclose(np.unique(y), [0, 3 / (1 - p)], rtol=1e-4)


@pytest.mark.parametrize("p", [1e-6, 0.3, 0.99999, 1 - 1e-9])
def test_what_is_kept_is_scaled_by_the_probability_with_which_it_is_kept(p: float) -> None:
    """Exactly: every one of the 65,536 draws once, whose mean is then the expectation."""

    class EveryDraw:
        def bytes(self, n: int) -> bytes:
            return np.arange(65_536, dtype=np.uint16).tobytes()

    layer = Dropout(p, rng=np.random.default_rng(0))
    layer.rng = EveryDraw()  # type: ignore[assignment]
    y, _ = layer.forward(np.ones(65_536))
    np.testing.assert_allclose(y.mean(), 1, rtol=1e-12)


def test_inference_is_the_identity_and_draws_nothing(rng: Generator) -> None:
    layer, x, state = Dropout(0.5, rng=rng), np.ones(10), rng.bit_generator.state
    np.testing.assert_array_equal(layer(x), x)
    assert rng.bit_generator.state == state


def test_the_same_seed_drops_the_same() -> None:
    def drops() -> np.ndarray:
        return Dropout(0.5, rng=np.random.default_rng(7)).forward(np.ones(10))[0]

    np.testing.assert_array_equal(drops(), drops())


def test_draws_are_fresh_each_time(rng: Generator) -> None:
    layer, x = Dropout(0.5, rng=rng), np.ones(100)
    assert not np.array_equal(layer.forward(x)[0], layer.forward(x)[0])


def test_the_gradient_passes_where_the_input_did(rng: Generator) -> None:
    y, backward = Dropout(0.5, rng=rng).forward(np.ones((10, 10)))
    np.testing.assert_array_equal(backward(np.ones((10, 10))), y)


@pytest.mark.parametrize("p", [-0.1, 1.0, float("nan")])
def test_a_probability_outside_its_range_is_refused(p: float, rng: Generator) -> None:
    with pytest.raises(InputError, match=r"the dropout probability is .*; expected 0 <= p < 1"):
        Dropout(p, rng=rng)


def test_variational_dropout_has_one_mask_for_all_steps_and_another_for_each_sequence(rng: Generator) -> None:
    y, backward = VariationalDropout(0.5, rng=rng).forward(np.ones((7, 3, 50)))
    np.testing.assert_array_equal(y, np.repeat(y[:1], 7, axis=0))
    assert len({row.tobytes() for row in y[0]}) == 3
    np.testing.assert_array_equal(backward(np.ones_like(y)), y)


def test_variational_dropout_says_that_it_takes_sequences(rng: Generator) -> None:
    with pytest.raises(InputError, match=r"got input of shape \(3, 4\); expected \(T, N, D\)"):
        VariationalDropout(0.5, rng=rng).forward(np.ones((3, 4)))
