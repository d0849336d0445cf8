"""Our side of the translation benchmark; `workload.py` says what is measured."""

import platform
from importlib.metadata import version
from typing import Any

import numpy as np
from workload import Arrays, Weights, main

from seqrl import __version__, kernels
from seqrl.losses import softmax_cross_entropy
from seqrl.models.decoding import greedy
from seqrl.models.seq2seq import Batch, Seq2Seq, Seq2SeqConfig
from seqrl.optimizers import Adam


class Translator:
    def __init__(self, settings: dict[str, Any], weights: Weights) -> None:
        config = Seq2SeqConfig(**settings["model"] | {"dropout": settings["dropout"]})
        rng = np.random.default_rng(settings["seed"])
        self.model = Seq2Seq(config, rng=rng, dropout_rng=rng)
        self.model.load_state_dict(weights)
        self.optimizer = Adam(self.model.parameters(), settings["learning_rate"], clip=settings["clip"])
        self.limit = settings["limit"]

    def batch(self, arrays: Arrays) -> Batch:
        return Batch(*arrays)

    def step(self, batch: Batch) -> float:
        logits, backward = self.model.forward(batch)
        _, target = batch.real_rows()
        loss, dlogits = softmax_cross_entropy(logits, target, overwrite=True)
        backward(dlogits)
        self.optimizer.step()
        return loss

    def greedy(self, batch: Batch) -> list[list[int]]:
        return greedy(self.model, batch.source, batch.source_lengths, self.limit)


if __name__ == "__main__":
    versions = {"Python": platform.python_version(), "seqrl": __version__, "NumPy": np.__version__}
    if kernels.implementation == "compiled":
        versions["Numba"] = version("numba")
    main(Translator, versions)
