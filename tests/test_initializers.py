import numpy as np
import pytest

from seqrl.initializers import (
    INITIALIZERS,
    Initializer,
    constant,
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    normal,
    orthogonal,
    zeros,
)

Generator = np.random.Generator


def test_glorot_fills_its_interval(rng: Generator) -> None:
    weights = glorot_uniform(rng, (200, 100))
    bound = np.sqrt(6 / 300)
    assert weights.shape == (200, 100)
    assert 0.99 * bound < np.abs(weights).max() <= bound
    np.testing.assert_allclose(weights.std(), bound / np.sqrt(3), rtol=0.02)
    np.testing.assert_allclose(weights.mean(), 0, atol=0.002)


@pytest.mark.parametrize("shape", [(5, 5), (5, 20), (1, 1), (1, 4), (7, 3), (3, 7)])
def test_orthogonal_blocks_are_orthogonal(shape: tuple[int, int], rng: Generator) -> None:
    weights = orthogonal(rng, shape)
    assert weights.shape == shape
    n_in, n_out = shape
    blocks = np.split(weights, n_out // n_in, axis=1) if n_out % n_in == 0 else [weights]
    for block in blocks:
        gram = block.T @ block if block.shape[0] >= block.shape[1] else block @ block.T
        np.testing.assert_allclose(gram, np.eye(min(block.shape)), atol=1e-12)


def test_gates_have_different_orthogonal_blocks(rng: Generator) -> None:
    a, b = np.split(orthogonal(rng, (4, 8)), 2, axis=1)
    assert not np.allclose(a, b)


def test_orthogonal_draws_have_no_preferred_sign(rng: Generator) -> None:
    """Without the correction of signs QR gives the first entry always the same one."""
    first = [orthogonal(rng, (3, 3))[0, 0] for _ in range(2000)]
    assert abs(np.mean(first)) < 0.06  # its deviation is 1 / sqrt(3 * 2000) = 0.013


def test_normal_has_its_deviation(rng: Generator) -> None:
    weights = normal(0.3)(rng, (100, 100))
    np.testing.assert_allclose(weights.std(), 0.3, rtol=0.03)
    np.testing.assert_allclose(weights.mean(), 0, atol=0.01)


@pytest.mark.parametrize("initializer", [glorot_uniform, orthogonal, normal(1.0)])
def test_the_same_seed_gives_the_same_weights(initializer) -> None:  # type: ignore[no-untyped-def]
    a, b, c = (initializer(np.random.default_rng(seed), (3, 6)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)


@pytest.mark.parametrize(
    ("initializer", "variance"),
    [(glorot_normal, 2 / 500), (glorot_uniform, 2 / 500), (he_normal, 2 / 200), (he_uniform, 2 / 200)],
)
def test_the_variance_is_that_of_the_paper(initializer: Initializer, variance: float, rng: Generator) -> None:
    weight = initializer(rng, (200, 300))
    assert weight.var() == pytest.approx(variance, rel=0.03)
    assert weight.mean() == pytest.approx(0, abs=3 * (variance / weight.size) ** 0.5)


def test_he_keeps_the_size_of_the_activations_through_many_layers_of_relu_where_small_weights_lose_it(
    rng: Generator,
) -> None:
    for initializer, least, most in ((he_normal, 0.3, 3.0), (normal(0.01), 0.0, 1e-6)):
        x = rng.normal(size=(50, 300))
        for _ in range(10):
            x = np.maximum(x @ initializer(rng, (300, 300)), 0)
        assert least < np.sqrt((x**2).mean()) < most


def test_every_initializer_by_name_gives_the_shape(rng: Generator) -> None:
    for name, initializer in INITIALIZERS.items():
        assert initializer(rng, (4, 6)).shape == (4, 6), name
    assert not zeros(rng, (2, 3)).any()
    assert (constant(0.5)(rng, (2, 3)) == 0.5).all()
