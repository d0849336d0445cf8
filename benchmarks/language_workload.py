"""The benchmark of language models: what both sides do, and how it is measured. NumPy and nothing else.

`language.py` (seqrl) and `language_torch.py` (PyTorch) hold the same models. Each is a program of its own,

    python benchmarks/language.py train|generate MODEL

that prints what it measured as one line of JSON. `train`: steps of truncated backpropagation through time, in which
each batch goes on where the one before stopped, with its state; gradients are clipped by their global norm. `generate`:
one symbol after another from a single sequence, each drawn from the softmax of the logits over a temperature.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sized
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Weights = dict[str, npt.NDArray[np.float32]]

STEPS = 50  # of training; the perplexity is compared at each
WARM_UP = 5  # of them are not timed
START = 3  # stands before a text
TEMPERATURE = 0.8
SYMBOLS = 2000  # in a text
TEXTS = 5  # generated, after one that warms up


class Model(NamedTuple):
    """An embedding, LSTMs one upon the other and a dense output; no dropout."""

    vocabulary: int
    embedding: int
    hidden: int
    layers: int
    batch: int  # N sequences
    length: int  # T steps
    optimizer: str
    learning_rate: float
    clip: float


# Words by plain SGD, characters by Adam.
MODELS = {
    "words-200": Model(10_000, 200, 200, 1, 20, 35, "sgd", 1.0, 0.25),
    "words-650": Model(10_000, 650, 650, 2, 20, 35, "sgd", 1.0, 0.25),
    "characters": Model(100, 64, 256, 1, 64, 64, "adam", 2e-3, 1.0),
}


def weights(model: Model) -> Weights:
    """`embedding` (V, E); `weight_ih_0` (D, 4 H), `weight_hh_0` (H, 4 H), `bias_0` (4 H,), and so on for each layer;
    `output` (H, V) and `output_bias` (V,). Gates in the order i, f, g, o."""
    V, E, H, layers = model[:4]
    rng = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {"embedding": (V, E)}
    for k in range(layers):
        shapes |= {f"weight_ih_{k}": (H if k else E, 4 * H), f"weight_hh_{k}": (H, 4 * H), f"bias_{k}": (4 * H,)}
    shapes |= {"output": (H, V), "output_bias": (V,)}
    return {name: rng.uniform(-0.1, 0.1, shape).astype(np.float32) for name, shape in shapes.items()}


def text(model: Model) -> Integers:
    """START and N T STEPS symbols, half of which follow from the one before; the others are drawn by Zipf's law."""
    rng = np.random.default_rng(1)
    V, size = model.vocabulary, model.batch * model.length * STEPS + 1
    shares = 1 / np.arange(1, V + 1)
    symbols = rng.choice(V, size, p=shares / shares.sum())
    symbols[0] = START
    successors = rng.permutation(V)
    for place in 1 + np.flatnonzero(rng.random(size - 1) < 0.5):
        symbols[place] = successors[symbols[place - 1]]
    return symbols


def batches(model: Model) -> tuple[Integers, Integers]:
    """Inputs and targets, each (STEPS, T, N): N parts of the text side by side, the target being the next symbol."""
    symbols = text(model)
    inputs, targets = (
        part.reshape(model.batch, STEPS, model.length).transpose(1, 2, 0) for part in (symbols[:-1], symbols[1:])
    )
    return np.ascontiguousarray(inputs), np.ascontiguousarray(targets)


def train(model: Model, step: Callable[[int], float]) -> dict[str, Any]:
    """`step(k)` trains on the batch k and returns its mean loss; the speed is that of the median step."""
    seconds, losses = [], []
    for k in range(STEPS):
        start = time.perf_counter()
        losses.append(step(k))
        seconds.append(time.perf_counter() - start)
    tokens_per_second = model.batch * model.length / median(seconds[WARM_UP:])
    return {"tokens_per_second": tokens_per_second, "perplexities": np.exp(losses).tolist()}


def generate(draw: Callable[[int], Sized]) -> dict[str, Any]:
    """`draw(count)` returns so many symbols that follow one another; the speed is that of the median of some texts."""
    seconds = []
    for _ in range(1 + TEXTS):
        start = time.perf_counter()
        symbols = draw(SYMBOLS)
        seconds.append(time.perf_counter() - start)
        assert len(symbols) == SYMBOLS
    return {"symbols_per_second": SYMBOLS / median(seconds[1:])}


def main(measurements: dict[str, Callable[[Model], dict[str, Any]]], versions: dict[str, str]) -> None:
    measurement, name = sys.argv[1:]
    print(json.dumps(measurements[measurement](MODELS[name]) | {"versions": versions}))
