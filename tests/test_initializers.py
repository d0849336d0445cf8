import numpy as np
import pytest

from seqrl.initializers import glorot_uniform, normal, orthogonal

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
