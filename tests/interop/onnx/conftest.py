"""What the tests of the export share: a model's graphs run by ONNX Runtime beside seqrl."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from seqrl.interop.onnx import graphs
from seqrl.interop.onnx.check import difference, examples, run
from seqrl.interop.onnx.graph import Axes
from seqrl.layer import Layer

L = TypeVar("L", bound=Layer)


def randomised(model: L) -> L:
    """With all parameters and buffers at random: what is doubled, dropped or swapped hides while they are alike."""
    rng = np.random.default_rng(1)
    for _, parameter in model.parameters():
        parameter.value[...] = rng.normal(0, 0.5, parameter.shape)
    for _, buffer in model.buffers():
        buffer[...] = rng.uniform(0.5, 2, buffer.shape)
    return model


def largest_difference(
    model: Layer, axes: Axes | None = None, T: int = 5, lengths: Sequence[int] = (5, 1, 3)
) -> dict[str, float]:
    """Between ONNX Runtime's numbers and seqrl's, for each graph."""
    built = graphs(randomised(model), axes)
    return {name: difference(run(built[name], i), o) for name, (i, o) in examples(model, axes, T, lengths)}
