import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.gradient_check import check_gradients
from seqrl.layers.normalization import BatchNorm, LayerNorm

Generator = np.random.Generator


@pytest.mark.parametrize("shape", [(5, 3), (2, 3), (4, 3, 2, 5), (1, 3, 2, 2)])
def test_gradients_of_batch_norm_are_those_of_central_differences(shape: tuple[int, ...], rng: Generator) -> None:
    check_gradients(BatchNorm(3), rng.normal(2, 3, shape))


@pytest.mark.parametrize("shape", [(5, 3), (1, 3), (4, 2, 3)])
def test_gradients_of_layer_norm_are_those_of_central_differences(shape: tuple[int, ...], rng: Generator) -> None:
    check_gradients(LayerNorm(3), rng.normal(2, 3, shape))


def test_training_uses_the_batch_and_inference_what_training_saw(rng: Generator) -> None:
    layer = BatchNorm(2).astype(np.float64)
    x = rng.normal([3, -5], [2, 0.5], (1000, 2))
    y, _ = layer.forward(x)
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-10)
    np.testing.assert_allclose(y.std(axis=0), 1, atol=1e-4)
    np.testing.assert_allclose(layer.running_mean, 0.1 * x.mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(layer.running_var, 0.9 + 0.1 * x.var(axis=0, ddof=1), rtol=1e-10)
    for _ in range(300):
        layer.forward(x)
    np.testing.assert_allclose(layer(x), y, atol=0.01)
    np.testing.assert_allclose(layer(x[:1]), layer(x)[:1])


def test_inference_does_not_move_the_running_statistics_and_a_checkpoint_has_them(rng: Generator) -> None:
    layer, x = BatchNorm(3), rng.normal(1, 2, (6, 3, 4, 4)).astype(np.float32)
    layer.forward(x)
    state = layer.state_dict()
    assert set(state) == {"weight", "bias", "running_mean", "running_var"}
    layer(x)
    np.testing.assert_array_equal(layer.running_mean, state["running_mean"])
    other = BatchNorm(3)
    other.load_state_dict(state)
    np.testing.assert_array_equal(other(x), layer(x))


def test_layer_norm_needs_no_batch(rng: Generator) -> None:
    layer = LayerNorm(4).astype(np.float64)
    x = rng.normal(3, 2, (5, 4))
    y = layer(x)
    np.testing.assert_allclose(y.mean(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(layer(x[2:3]), y[2:3], rtol=1e-12)


def test_a_constant_row_is_finite(rng: Generator) -> None:
    x = np.full((2, 4), 7, np.float32)
    for layer in LayerNorm(4), BatchNorm(4):
        y, backward = layer.forward(x)
        assert np.abs(y).max() < 1e-3
        assert np.isfinite(backward(rng.normal(size=x.shape).astype(np.float32))).all()


def test_float32_stays_float32(rng: Generator) -> None:
    for layer in LayerNorm(3), BatchNorm(3):
        y, backward = layer.forward(rng.normal(size=(4, 3)).astype(np.float32))
        assert {y.dtype, backward(y).dtype, layer(y).dtype} == {np.dtype(np.float32)}
    assert layer.astype(np.float64).running_mean.dtype == np.float64


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match=r"^BatchNorm got input of shape \(2, 4\); expected \(N, 3\) or \(N, 3, h"):
        BatchNorm(3)(np.zeros((2, 4), np.float32))
    with pytest.raises(InputError, match=r"^BatchNorm got a training batch of shape \(1, 3\); expected several values"):
        BatchNorm(3).forward(np.zeros((1, 3), np.float32))
    with pytest.raises(InputError, match=r"^LayerNorm got input of shape \(2, 4\); expected \(\.\.\., 3\)$"):
        LayerNorm(3)(np.zeros((2, 4), np.float32))
    with pytest.raises(InputError, match=r"^the momentum of BatchNorm is 2; expected 0 <= momentum <= 1$"):
        BatchNorm(3, momentum=2)
