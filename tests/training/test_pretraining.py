from itertools import pairwise

import numpy as np
import pytest

from seqrl.activations import sigmoid
from seqrl.errors import InputError
from seqrl.layer import Chain
from seqrl.losses import binary_cross_entropy_with_logits
from seqrl.models.autoencoder import autoencoder, dense_layers, sigmoid_encoder
from seqrl.training.pretraining import pretrain


@pytest.fixture
def x(rng: np.random.Generator) -> np.ndarray:
    """Twelve pixels, lit four at a time by three hidden causes, each there or not."""
    causes = rng.integers(0, 2, (400, 3))
    return np.clip(np.repeat(causes, 4, axis=1) + rng.normal(0, 0.05, (400, 12)), 0, 1).astype(np.float32)


def encoder(seed: int = 0) -> Chain:
    return sigmoid_encoder([12, 8, 3], rng=np.random.default_rng(seed))


def excess(logits: np.ndarray, x: np.ndarray) -> float:
    """The cross-entropy of a reconstruction beyond that of a perfect one."""
    safe = x.astype(float).clip(1e-9, 1 - 1e-9)
    perfect = -(safe * np.log(safe) + (1 - safe) * np.log(1 - safe)).mean()
    return binary_cross_entropy_with_logits(logits.astype(float), x.astype(float))[0] - perfect


@pytest.mark.parametrize("tied", [True, False])
def test_layers_and_all_of_them_together_reconstruct_better_than_a_constant(tied: bool, x: np.ndarray) -> None:
    model = autoencoder(encoder(), tied=tied)
    untrained = excess(model(x), x)
    histories = pretrain(model, x, rng=np.random.default_rng(1), epochs=60, learning_rate=0.02, verbose=False)
    assert [len(history.epochs) for history in histories] == [60, 60]
    mean = x.mean(axis=0)
    constant = excess(np.broadcast_to(np.log(mean / (1 - mean)), x.shape), x)
    assert constant > 0.5
    assert excess(model(x), x) < 0.2 * constant < untrained
    for history in histories:
        losses = history.history["loss"]
        assert losses[-1] < losses[0]
        assert np.mean([after < before for before, after in pairwise(losses)]) > 0.8


def test_a_layer_stays_as_it_is_while_the_next_one_learns(x: np.ndarray) -> None:
    deep, shallow = encoder(), encoder()
    pretrain(autoencoder(deep), x, rng=np.random.default_rng(1), epochs=2, verbose=False)
    pretrain(autoencoder(Chain(*shallow.layers[:2])), x, rng=np.random.default_rng(1), epochs=2, verbose=False)
    first, second = dense_layers(deep)
    expected, untrained = dense_layers(shallow)
    assert np.array_equal(first.weight.value, expected.weight.value)
    assert not np.array_equal(second.weight.value, untrained.weight.value)


def test_the_second_layer_learns_from_the_code_of_the_first(x: np.ndarray) -> None:
    deep, alone = encoder(), encoder()
    pretrain(autoencoder(deep), x, rng=np.random.default_rng(1), epochs=2, verbose=False)
    first, second = dense_layers(deep)
    rng = np.random.default_rng(1)
    rng.spawn(2)  # those of the first layer
    pretrain(autoencoder(Chain(*alone.layers[2:])), sigmoid(first(x)), rng=rng, epochs=2, verbose=False)
    _, expected = dense_layers(alone)
    assert np.array_equal(second.weight.value, expected.weight.value)


def test_a_seed_gives_the_same_weights_and_noise_others(x: np.ndarray) -> None:
    def trained(seed: int, noise: float) -> np.ndarray:
        made = encoder()
        pretrain(autoencoder(made), x, rng=np.random.default_rng(seed), epochs=1, noise=noise, verbose=False)
        return made.state_dict()["layers.0.weight"]

    assert np.array_equal(trained(1, 0.3), trained(1, 0.3))
    assert not np.array_equal(trained(1, 0.3), trained(2, 0.3))
    assert not np.array_equal(trained(1, 0.3), trained(1, 0.0))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros((3, 5)), r"x of shape \(3, 5\); expected \(N, 12\)"),
        (np.zeros((3, 1, 3, 4)), r"expected \(N, 12\)"),
        (np.full((3, 12), -0.5), "from -0.5 to -0.5; expected numbers from 0 to 1"),
        (np.full((3, 12), 255.0), "from 255.0 to 255.0; expected numbers from 0 to 1"),
        (np.full((3, 12), np.nan), "from nan to nan"),
        (np.zeros((0, 12)), "at least one row"),
    ],
)
def test_data_that_do_not_fit_are_refused(data: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        pretrain(autoencoder(encoder()), data, rng=np.random.default_rng(0), verbose=False)
