"""Our side of the benchmark of the recurrent layers; `recurrent_workload.py` says what is measured."""

import platform
from importlib.metadata import version
from typing import Any

import machine
import numpy as np
from recurrent_workload import Array, Shape, carried, data, main, seconds

from seqrl import __version__, kernels
from seqrl.layers.recurrent import CELLS
from seqrl.training.memory import keep_freed_memory


def measure(cell: str, shape: Shape) -> tuple[dict[str, Any], dict[str, Array]]:
    x, dy, states, values = data(cell, shape)
    state = states if cell == "lstm" else states[0]
    layer = CELLS[cell](shape.D, shape.H, rng=np.random.default_rng(0))
    parameters = dict(layer.parameters())
    for name, value in values.items():
        parameters[name].value[...] = value

    def train() -> tuple[Array, Array, Any]:
        layer.zero_grad()
        (y, _), backward = layer.scan(x, state)
        return y, *backward(dy)

    y, dx, dstate = train()
    computed = {"y": y, "x": dx} | {name: parameter.grad.copy() for name, parameter in parameters.items()}
    computed |= dict(zip("hc", dstate if cell == "lstm" else [dstate], strict=False))
    x_t = x[0].copy()
    figures = {
        "training": seconds(train),
        "forward": seconds(lambda: layer.scan(x, state)),
        "step": seconds(carried(lambda state: layer.step(x_t, state)[1], state)),
    }
    return figures, computed


if __name__ == "__main__":
    machine.two_cores()
    keep_freed_memory()  # as the training loop does
    versions = {"Python": platform.python_version(), "seqrl": __version__, "NumPy": np.__version__}
    if kernels.implementation == "compiled":
        versions["Numba"] = version("numba")
    main(measure, versions)
