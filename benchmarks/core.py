"""Our side of the benchmark of the core; `core_workload.py` says what is measured."""

import platform
from importlib.metadata import version
from typing import Any

import machine
import numpy as np
from core_workload import CLIP, LAYERS, LEARNING_RATE, batches, main, parameters, steps_per_second, updates_per_second
from core_workload import weights as initial_weights

from seqrl import __version__, kernels
from seqrl.activations import ReLU
from seqrl.layer import Chain
from seqrl.layers.dense import Dense
from seqrl.losses import softmax_cross_entropy
from seqrl.optimizers import SGD, Adadelta, Adagrad, Adam, AdamW, RMSprop
from seqrl.parameter import Parameter

RULES: dict[str, Any] = {
    "Adam": Adam,
    "Adam, clipped": lambda named: Adam(named, clip=CLIP),
    "AdamW": lambda named: AdamW(named, weight_decay=0.01),
    "SGD": SGD,
    "SGD, momentum": lambda named: SGD(named, momentum=0.9),
    "SGD, Nesterov": lambda named: SGD(named, momentum=0.9, nesterov=True),
    "Adagrad": Adagrad,
    "RMSprop": RMSprop,
    "Adadelta": Adadelta,
}


def updates() -> dict[str, Any]:
    found = {}
    for name, rule in RULES.items():
        values, gradients = parameters()
        named = [(f"p{k}", Parameter(value)) for k, value in enumerate(values)]
        optimizer = rule(named)

        def prepare(named: Any = named, gradients: Any = gradients) -> None:
            for (_, parameter), gradient in zip(named, gradients, strict=True):
                parameter.grad += gradient

        found[name] = updates_per_second(prepare, optimizer.step)
    return found


def dense() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    first, second, third = LAYERS
    model = Chain(Dense(first, second, rng=rng), ReLU(), Dense(second, third, rng=rng))
    for (_, parameter), value in zip(model.parameters(), initial_weights(), strict=True):
        parameter.value[...] = value
    optimizer = Adam(model.parameters(), LEARNING_RATE)
    x, labels = batches()

    def step(k: int) -> float:
        logits, backward = model.forward_data(x[k])
        loss, gradient = softmax_cross_entropy(logits, labels[k])
        backward(gradient)
        optimizer.step()
        return loss

    return steps_per_second(step)


if __name__ == "__main__":
    machine.two_cores()
    versions = {"Python": platform.python_version(), "seqrl": __version__, "NumPy": np.__version__}
    if kernels.implementation == "compiled":
        versions["Numba"] = version("numba")
    main({"updates": updates, "dense": dense}, versions)
