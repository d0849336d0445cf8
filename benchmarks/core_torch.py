"""The peer of the benchmark of the core, PyTorch; `core_workload.py` says what is measured."""

import platform
from typing import Any

import numpy as np
import torch
from core_workload import CLIP, LAYERS, LEARNING_RATE, batches, main, parameters, steps_per_second, updates_per_second
from core_workload import weights as initial_weights
from machine import THREADS
from torch import nn

WAYS: dict[str, dict[str, bool]] = {"fused": {"fused": True}, "foreach": {"foreach": True}, "loop": {"foreach": False}}
SGD = torch.optim.SGD
RULES: dict[str, Any] = {
    "Adam": torch.optim.Adam,
    "Adam, clipped": torch.optim.Adam,
    "AdamW": torch.optim.AdamW,
    "SGD": lambda tensors, **way: SGD(tensors, 0.1, **way),
    "SGD, momentum": lambda tensors, **way: SGD(tensors, 0.1, momentum=0.9, **way),
    "SGD, Nesterov": lambda tensors, **way: SGD(tensors, 0.1, momentum=0.9, nesterov=True, **way),
    "Adagrad": torch.optim.Adagrad,
    "RMSprop": torch.optim.RMSprop,
    "Adadelta": torch.optim.Adadelta,
}
NOT_FUSED = "RMSprop", "Adadelta"


def updates(way: str, tensors: str) -> dict[str, Any]:
    found = {}
    for name, rule in RULES.items():
        if way == "fused" and name in NOT_FUSED:
            continue
        values, gradients = ([torch.from_numpy(array) for array in arrays] for arrays in parameters(tensors == "one"))
        learned = [value.requires_grad_() for value in values]
        optimizer = rule(learned, **WAYS[way])

        def prepare(learned: Any = learned, gradients: Any = gradients) -> None:
            for parameter, gradient in zip(learned, gradients, strict=True):
                parameter.grad = gradient.clone()

        def update(
            learned: Any = learned, optimizer: Any = optimizer, clipped: bool = name.endswith("clipped")
        ) -> None:
            if clipped:
                nn.utils.clip_grad_norm_(learned, CLIP, foreach=way != "loop")
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

        found[name] = updates_per_second(prepare, update)
    return found


def dense(way: str) -> dict[str, Any]:
    first, second, third = LAYERS
    model = nn.Sequential(nn.Linear(first, second), nn.ReLU(), nn.Linear(second, third))
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), initial_weights(), strict=True):
            parameter.copy_(torch.from_numpy(value.T))
    optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE, **WAYS[way])
    x, labels = (torch.from_numpy(array) for array in batches())

    def step(k: int) -> float:
        loss = nn.functional.cross_entropy(model(x[k]), labels[k])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.item()

    return steps_per_second(step)


if __name__ == "__main__":
    torch.set_num_threads(THREADS)
    versions = {"Python": platform.python_version(), "PyTorch": torch.__version__, "NumPy": np.__version__}
    main({"updates": updates, "dense": dense}, versions)
