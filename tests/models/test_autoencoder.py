import numpy as np
import pytest

from seqrl.activations import ReLU, Sigmoid, sigmoid
from seqrl.errors import InputError
from seqrl.gradient_check import check_gradients
from seqrl.layer import Chain
from seqrl.layers.dense import Dense, TiedDense
from seqrl.models.autoencoder import autoencoder, classifier, dense_layers, layer_pairs, one_layer, sigmoid_encoder


@pytest.fixture
def encoder(rng: np.random.Generator) -> Chain:
    made = sigmoid_encoder([6, 5, 3], rng=rng)
    for _, parameter in made.parameters():
        parameter.value[...] = rng.normal(size=parameter.shape)
    return made


def test_an_encoder_is_its_equation(encoder: Chain, rng: np.random.Generator) -> None:
    x = rng.uniform(size=(4, 6)).astype(np.float32)
    first, second = dense_layers(encoder)
    h = sigmoid(x @ first.weight.value + first.bias.value)
    assert np.allclose(encoder(x), sigmoid(h @ second.weight.value + second.bias.value), atol=1e-6)


def test_a_tied_autoencoder_goes_back_by_the_same_parameters(encoder: Chain, rng: np.random.Generator) -> None:
    model = autoencoder(encoder)
    first, second = dense_layers(encoder)
    *_, third, _, fourth = model.layers
    assert isinstance(third, TiedDense) and third.weight is second.weight
    assert isinstance(fourth, TiedDense) and fourth.weight is first.weight
    assert model.parameter_count == encoder.parameter_count + 5 + 6  # the biases of the way back
    x = rng.uniform(size=(4, 6)).astype(np.float32)
    r = sigmoid(encoder(x) @ second.weight.value.T + third.bias.value)  # type: ignore[union-attr]
    assert np.allclose(model(x), r @ first.weight.value.T + fourth.bias.value, atol=1e-5)  # type: ignore[union-attr]


def test_untied_weights_begin_as_the_transposed_and_are_their_own(encoder: Chain, rng: np.random.Generator) -> None:
    tied, apart = autoencoder(encoder), autoencoder(encoder, tied=False)
    x = rng.uniform(size=(4, 6)).astype(np.float32)
    assert np.allclose(tied(x), apart(x), atol=1e-6)
    assert apart.parameter_count == encoder.parameter_count + 3 * 5 + 5 + 5 * 6 + 6
    last = apart.layers[-1]
    assert isinstance(last, Dense)
    last.weight.value[...] += 1
    assert np.allclose(tied(x), autoencoder(encoder)(x))


@pytest.mark.parametrize("tied", [True, False])
def test_gradients_of_a_deep_autoencoder(tied: bool, encoder: Chain, rng: np.random.Generator) -> None:
    check_gradients(autoencoder(encoder, tied=tied), rng.uniform(size=(3, 6)))


def test_noise_sets_its_share_of_inputs_to_zero_in_training_only(encoder: Chain, rng: np.random.Generator) -> None:
    (first, back), _ = layer_pairs(autoencoder(encoder))
    x = np.ones((1000, 6), np.float32)
    model = one_layer(first, back, noise=0.3, rng=rng)
    corrupted, _ = model.layers[0].forward(x)
    assert (corrupted == 0).mean() == pytest.approx(0.3, abs=0.03)
    assert np.array_equal(model(x), one_layer(first, back, noise=0.0, rng=rng)(x))


@pytest.mark.parametrize("tied", [True, False])
def test_each_layer_is_paired_with_its_mirror_image(tied: bool, encoder: Chain) -> None:
    model = autoencoder(encoder, tied=tied)
    pairs = list(layer_pairs(model))
    assert [dense for dense, _ in pairs] == list(dense_layers(encoder))
    assert [back for _, back in pairs] == [model.layers[6], model.layers[4]]


def test_a_classifier_goes_on_with_the_encoders_parameters(encoder: Chain, rng: np.random.Generator) -> None:
    model = classifier(encoder, 10, rng=rng)
    assert model(np.zeros((2, 6), np.float32)).shape == (2, 10)
    own = {id(parameter) for _, parameter in model.parameters()}
    assert {id(parameter) for _, parameter in encoder.parameters()} < own


def test_other_layers_are_refused(rng: np.random.Generator) -> None:
    dense = Dense(3, 2, rng=rng)
    with pytest.raises(InputError, match="layers 0 and 1 of an encoder are Dense and ReLU; expected Dense and Sigmoid"):
        autoencoder(Chain(dense, ReLU()))
    with pytest.raises(InputError, match="an encoder of 1 layers"):
        autoencoder(Chain(dense))
    with pytest.raises(InputError, match="an encoder of 3 layers"):
        classifier(Chain(dense, Sigmoid(), Dense(2, 2, rng=rng)), 2, rng=rng)
    with pytest.raises(InputError, match="a Chain of 2 layers; expected one that"):
        list(layer_pairs(Chain(dense, Sigmoid())))
    with pytest.raises(InputError, match=r"sizes of an encoder are \[3\]"):
        sigmoid_encoder([3], rng=rng)
