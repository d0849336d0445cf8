"""Deep autoencoders of sigmoid layers: a code for the data, and the data again from it.

    code  h_k = sigmoid(h_(k-1) W_k + b_k), h_0 = x from 0 to 1
    data  r_(k-1) = sigmoid(r_k W_k^T + c_k), r_K = h_K

An encoder is a Chain of Dense and Sigmoid by turns. What reconstructs gives logits, r before its last sigmoid, for
`seqrl.losses.binary_cross_entropy_with_logits`. `seqrl.training.pretraining` learns an encoder a layer at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from seqrl.activations import Sigmoid
from seqrl.errors import InputError
from seqrl.initializers import Initializer, glorot_uniform
from seqrl.layer import Chain, Layer
from seqrl.layers.dense import Dense, TiedDense
from seqrl.layers.dropout import Dropout


def sigmoid_encoder(
    sizes: Sequence[int], *, rng: np.random.Generator, initializer: Initializer = glorot_uniform
) -> Chain:
    """x: (..., sizes[0]) -> code: (..., sizes[-1]), through as many sigmoid layers as there are further sizes."""
    if len(sizes) < 2:
        raise InputError(f"the sizes of an encoder are {list(sizes)}; expected those of its input and of its layers")
    layers: list[Layer] = []
    for n_in, n_out in pairwise(sizes):
        layers += [Dense(n_in, n_out, rng=rng, initializer=initializer), Sigmoid()]
    return Chain(*layers)


def autoencoder(encoder: Chain, *, tied: bool = True) -> Chain:
    """The encoder and its mirror image: x (..., D) -> logits (..., D).

    The way back has the same weights, transposed: the very same Parameters where they are tied, else copies that learn
    apart, as Hinton and Salakhutdinov (2006) unroll theirs. Raises InputError for an encoder of other layers.
    """
    back: list[Layer] = []
    for dense in reversed(list(dense_layers(encoder))):
        back += [_transposed(dense, tied), Sigmoid()]
    return Chain(*encoder.layers, *back[:-1])


def one_layer(dense: Dense, back: Dense | TiedDense, *, noise: float, rng: np.random.Generator) -> Chain:
    """The autoencoder of one layer of an encoder and its mirror image: x (..., D) -> logits (..., D).

    noise: the share of inputs that training sets to zero, which have to be guessed from the others (a denoising
    autoencoder, Vincent et al. 2008; the rest is scaled up as in dropout, so that the code's inputs keep their mean).
    """
    return Chain(Dropout(noise, rng=rng), dense, Sigmoid(), back)


def classifier(encoder: Chain, classes: int, *, rng: np.random.Generator) -> Chain:
    """x: (..., D) -> logits: (..., classes): the encoder, whose weights go on learning, and a layer on its code."""
    *_, last = dense_layers(encoder)
    return Chain(*encoder.layers, Dense(last.weight.shape[1], classes, rng=rng))


def dense_layers(encoder: Chain) -> Iterator[Dense]:
    """Those of an encoder. Raises InputError where it isn't Dense and Sigmoid by turns."""
    pairs = list(zip(encoder.layers[::2], encoder.layers[1::2], strict=False))
    if not pairs or 2 * len(pairs) != len(encoder.layers):
        raise InputError(f"an encoder of {len(encoder.layers)} layers; expected Dense and Sigmoid by turns")
    for k, (dense, activation) in enumerate(pairs):
        if not (isinstance(dense, Dense) and isinstance(activation, Sigmoid)):
            found = f"{type(dense).__name__} and {type(activation).__name__}"
            raise InputError(f"layers {2 * k} and {2 * k + 1} of an encoder are {found}; expected Dense and Sigmoid")
        yield dense


def layer_pairs(model: Chain) -> Iterator[tuple[Dense, Dense | TiedDense]]:
    """Each Dense of the encoder in an `autoencoder` and what goes back through it, from the data inwards."""
    depth = (len(model.layers) + 1) // 4
    back = [layer for layer in reversed(model.layers[2 * depth :]) if isinstance(layer, (Dense, TiedDense))]
    if 4 * depth - 1 != len(model.layers) or len(back) != depth:
        raise InputError(f"a Chain of {len(model.layers)} layers; expected one that seqrl.models.autoencoder made")
    yield from zip(dense_layers(Chain(*model.layers[: 2 * depth])), back, strict=True)


def _transposed(dense: Dense, tied: bool) -> Dense | TiedDense:
    if tied:
        return TiedDense(dense)
    n_in, n_out = dense.weight.shape
    return Dense(n_out, n_in, rng=np.random.default_rng(0), initializer=lambda rng, shape: dense.weight.value.T)
