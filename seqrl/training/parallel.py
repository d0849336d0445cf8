"""Data parallelism inside one process: a batch is split over replicas of the model, one to a core.

On a small model this is what makes a second core pay: each thread runs whole layers on its rows, where splitting every
single product would spend the gain on starting threads. The replicas share the values of the parameters and have
gradients of their own, which are added up before the update.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import numpy as np

from seqrl import kernels
from seqrl.kernels import threads
from seqrl.layer import Layer
from seqrl.parameter import Packed

L = TypeVar("L", bound=Layer)
R = TypeVar("R")


class Replicas(Generic[L]):
    """`count` models over the parameters in `packed`, the first being `model` itself."""

    def __init__(self, model: L, packed: Packed, count: int) -> None:
        self.packed = packed
        self.models: list[L] = [model]
        self.grads = [packed.grad]
        for _ in range(count - 1):
            replica = replicate(model)
            self.models.append(replica)
            self.grads.append(packed.view_gradients(replica.parameters()))

    def run(self, tasks: Sequence[Callable[[], R]]) -> list[R]:
        """The results of the tasks, the k-th of which uses the k-th model; then the gradients stand in `packed`."""
        results = threads.run(tasks)
        for grad in self.grads[1 : len(tasks)]:
            kernels.take_gradient(self.packed.grad, grad)
        return results

    def generators(self) -> dict[str, np.random.Generator]:
        """Every model's sources of randomness by name, for a checkpoint."""
        return {
            f"{k}.{name}": generator for k, model in enumerate(self.models) for name, generator in model.generators()
        }


def replicate(model: L) -> L:
    """A copy that shares the values of the parameters; its gradients are its own, its generators are spawned."""
    memo: dict[int, object] = {id(parameter.value): parameter.value for _, parameter in model.parameters()}
    memo |= {id(generator): generator.spawn(1)[0] for _, generator in model.generators()}
    return copy.deepcopy(model, memo)
