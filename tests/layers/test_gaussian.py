import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.gradient_check import check_gradients
from seqrl.layers.gaussian import GaussianKL, GaussianSample

Generator = np.random.Generator


def gaussian(rng: Generator, *shape: int) -> np.ndarray:
    return rng.normal(0, 0.7, (*shape[:-1], 2 * shape[-1]))


def density(z: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The log-density of each dimension."""
    mean, log_variance = np.split(x, 2, axis=-1)
    return -0.5 * (np.log(2 * np.pi) + log_variance + (z - mean) ** 2 / np.exp(log_variance))


def test_gradients(rng: Generator) -> None:
    check_gradients(GaussianSample(rng=np.random.default_rng(1)), gaussian(rng, 4, 3))
    check_gradients(GaussianKL(), gaussian(rng, 4, 3), gaussian(rng, 4, 3))


def test_the_kl_is_the_mean_of_the_difference_of_log_densities(rng: Generator) -> None:
    q, p = gaussian(rng, 1, 3), gaussian(rng, 1, 3)
    z = GaussianSample(rng=rng).forward(np.repeat(q, 400_000, axis=0))[0]
    differences = density(z, q) - density(z, p)
    error = differences.std(axis=0) / np.sqrt(len(z))
    assert (np.abs(differences.mean(axis=0) - GaussianKL()(q, p)[0]) < 4 * error).all()
    assert (error < 0.01).all()


def test_the_kl_is_never_negative_and_zero_for_equals_only(rng: Generator) -> None:
    q, p = gaussian(rng, 500, 4), gaussian(rng, 500, 4)
    assert (GaussianKL()(q, p) > 0).all()
    assert not GaussianKL()(q, q).any()
    np.testing.assert_allclose(GaussianKL()(q, q + 1e-4), 0, atol=1e-7)


def test_the_kl_has_the_numbers_worked_out_by_hand() -> None:
    q, p = np.array([[1.0, np.log(4.0)]]), np.array([[0.0, 0.0]])
    assert GaussianKL()(q, p).item() == pytest.approx(0.5 * (-np.log(4) + 4 + 1 - 1))
    assert GaussianKL()(p, q).item() == pytest.approx(0.5 * (np.log(4) + 1 / 4 + 1 / 4 - 1))


def test_samples_have_the_mean_and_the_variance_that_are_given(rng: Generator) -> None:
    x = np.repeat(np.array([[0.5, -2.0, np.log(0.25), np.log(9.0)]]), 200_000, axis=0)
    z, _ = GaussianSample(rng=rng).forward(x)
    np.testing.assert_allclose(z.mean(axis=0), [0.5, -2], atol=0.03)
    np.testing.assert_allclose(z.var(axis=0), [0.25, 9], rtol=0.02)


def test_at_inference_the_sample_is_the_mean(rng: Generator) -> None:
    x = gaussian(rng, 5, 3)
    np.testing.assert_array_equal(GaussianSample(rng=rng)(x), x[:, :3])


def test_what_is_no_gaussian_is_refused(rng: Generator) -> None:
    odd = rng.normal(size=(2, 3))
    with pytest.raises(InputError, match=r"shape \(2, 3\); expected \(..., 2Z\)"):
        GaussianSample(rng=rng).forward(odd)
    with pytest.raises(InputError, match=r"q of shape \(2, 4\) and a p of shape \(1, 4\)"):
        GaussianKL().forward(np.zeros((2, 4)), np.zeros((1, 4)))
