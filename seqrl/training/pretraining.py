"""Greedy layer-wise pre-training: each layer of a sigmoid encoder learns to reconstruct its own input, without labels.

Layer k is trained as an autoencoder of the code of layer k - 1, which stays as it is meanwhile (Bengio et al. 2007;
Hinton and Salakhutdinov 2006 did the same with restricted Boltzmann machines).
"""

from __future__ import annotations

import numpy as np

from seqrl.activations import sigmoid
from seqrl.errors import InputError
from seqrl.layer import Chain
from seqrl.models.autoencoder import layer_pairs, one_layer
from seqrl.optimizers import Adam
from seqrl.parameter import Array
from seqrl.training.callbacks import History
from seqrl.training.sequential import Sequential


def pretrain(
    model: Chain,
    x: Array,
    *,
    rng: np.random.Generator,
    epochs: int = 5,
    batch_size: int = 50,
    learning_rate: float = 0.002,
    noise: float = 0.0,
    verbose: bool = True,
) -> list[History]:
    """Learn the weights of a `seqrl.models.autoencoder` model, and so of its encoder, from x: (N, D) in [0, 1].

    noise: the share of each layer's inputs that are set to zero in training (see `autoencoder.one_layer`).
    Returns the history of each layer; its "loss" is the mean cross-entropy of an input, in nats.
    Raises InputError for data of another shape or range, and what `Sequential.fit` raises.
    """
    pairs = list(layer_pairs(model))
    D = pairs[0][0].weight.shape[0]
    if x.ndim != 2 or x.shape[1] != D:
        raise InputError(f"pre-training got x of shape {x.shape}; expected (N, {D})")
    if not (x.min(initial=0) >= 0 and x.max(initial=0) <= 1):
        raise InputError(f"pre-training got x from {x.min()} to {x.max()}; expected numbers from 0 to 1")
    histories: list[History] = []
    for dense, back in pairs:
        order, noise_rng = rng.spawn(2)
        one = Sequential(one_layer(dense, back, noise=noise, rng=noise_rng).layers)
        one.compile(Adam(one.parameters(), learning_rate), "binary_cross_entropy_with_logits")
        histories.append(one.fit(x, x, batch_size, epochs, rng=order, verbose=verbose))
        x = sigmoid(dense(x))
    return histories
