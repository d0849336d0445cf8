"""Layers of sizes that can't be are refused when they are made, in one line that names the layer and the size."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from seqrl.activations import ReLU
from seqrl.errors import InputError
from seqrl.layers.attention import AdditiveAttention, GeneralAttention
from seqrl.layers.convolution import Conv2D
from seqrl.layers.dense import Dense, TiedDense
from seqrl.layers.embedding import Embedding
from seqrl.layers.maxout import Maxout
from seqrl.layers.normalization import BatchNorm, LayerNorm
from seqrl.layers.recurrent import GRU, LSTM, RNN

RNG = np.random.default_rng(0)

# Maker of a layer from one size, and the size's name.
SIZES: dict[str, Callable[[Any], Any]] = {
    "n_in of Dense": lambda size: Dense(size, 2, rng=RNG),
    "n_out of Dense": lambda size: Dense(2, size, rng=RNG),
    "C_in of Conv2D": lambda size: Conv2D(size, 2, 3, rng=RNG),
    "C_out of Conv2D": lambda size: Conv2D(2, size, 3, rng=RNG),
    "V of Embedding": lambda size: Embedding(size, 2, rng=RNG),
    "E of Embedding": lambda size: Embedding(2, size, rng=RNG),
    "n_in of Maxout": lambda size: Maxout(size, 2, rng=RNG),
    "n_out of Maxout": lambda size: Maxout(2, size, rng=RNG),
    "C of BatchNorm": lambda size: BatchNorm(size),
    "D of LayerNorm": lambda size: LayerNorm(size),
    "D of RNN": lambda size: RNN(size, 2, rng=RNG),
    "H of LSTM": lambda size: LSTM(2, size, rng=RNG),
    "H of GRU": lambda size: GRU(2, size, rng=RNG),
    "query_size of GeneralAttention": lambda size: GeneralAttention(size, 2, rng=RNG),
    "A of AdditiveAttention": lambda size: AdditiveAttention(2, 2, size, rng=RNG),
}


@pytest.mark.parametrize("size", [0, -3, 2.5])
@pytest.mark.parametrize("name", SIZES)
def test_a_size_that_cannot_be_is_refused(name: str, size: float) -> None:
    with pytest.raises(InputError, match=f"^{name} is {size}; expected a whole number of 1 or more$"):
        SIZES[name](size)


@pytest.mark.parametrize("size", [0, -1, 2.5, (3, 0), (1, 2, 3), "3"])
def test_a_kernel_size_that_cannot_be_is_refused(size: Any) -> None:
    with pytest.raises(InputError, match=r"^the kernel size of Conv2D is .*; expected a positive whole number"):
        Conv2D(1, 2, size, rng=RNG)


def test_a_layer_without_a_matrix_cannot_be_tied() -> None:
    with pytest.raises(InputError, match=r"^TiedDense got a ReLU; expected a Dense or an Embedding$"):
        TiedDense(ReLU())  # type: ignore[arg-type]


def test_ids_that_are_no_integers_are_refused() -> None:
    with pytest.raises(InputError, match=r"^Embedding got ids of float64; expected integers$"):
        Embedding(3, 2, rng=RNG)(np.array([1.0]))  # type: ignore[arg-type]
