from collections.abc import Callable

import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.layer import Chain
from seqrl.losses import softmax_cross_entropy
from seqrl.models.convnet import convnet, dense_network
from seqrl.optimizers import Adam

Make = Callable[..., Chain]
MODELS = pytest.mark.parametrize("make", [convnet, dense_network])


@MODELS
@pytest.mark.parametrize("image", [(1, 28, 28), (3, 9, 6), (2, 4, 4)])
def test_a_class_has_a_logit_each(make: Make, image: tuple[int, int, int], rng: np.random.Generator) -> None:
    model = make(image, 7, rng=rng, dropout_rng=rng)
    assert model(np.zeros((3, *image), np.float32)).shape == (3, 7)


def test_the_convnet_has_the_parameters_of_its_layers(rng: np.random.Generator) -> None:
    model = convnet((1, 28, 28), 10, rng=rng, dropout_rng=rng)
    assert model.parameter_count == 9 * 32 + 32 + 9 * 32 * 64 + 64 + 64 * 7 * 7 * 128 + 128 + 128 * 10 + 10


@MODELS
def test_it_learns_which_image_is_which(make: Make, rng: np.random.Generator) -> None:
    model = make((1, 8, 8), 4, rng=rng, dropout_rng=rng)
    x, labels = rng.uniform(size=(16, 1, 8, 8)).astype(np.float32), np.arange(16) % 4
    optimizer = Adam(model.parameters(), 3e-3)
    for _ in range(200):
        logits, backward = model.forward_data(x)
        _, gradient = softmax_cross_entropy(logits, labels)
        backward(gradient)
        optimizer.step()
    assert (model(x).argmax(axis=1) == labels).all()


def test_images_too_small_for_two_poolings_are_refused(rng: np.random.Generator) -> None:
    with pytest.raises(InputError, match="images of 8 by 3 pixels; expected 4 or more"):
        convnet((1, 8, 3), 10, rng=rng, dropout_rng=rng)
