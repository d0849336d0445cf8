"""Our side of the translation benchmark; `workload.py` says what is measured.

It goes the way of scripts/train_translation.py: the text is read and tokenized and batches are put together when their
turn comes, and that counts here. The peer finds its batches ready.
"""

import platform
from importlib.metadata import version

import numpy as np
from workload import Pairs, Weights, Workload, main

from seqrl import __version__, kernels
from seqrl.kernels.blas import one_thread
from seqrl.models.decoding import greedy
from seqrl.training.memory import keep_freed_memory
from seqrl.training.runs import settings_from
from seqrl.training.translation.run import prepare
from seqrl.training.translation.settings import TranslationSettings


class Translation:
    def __init__(self, workload: Workload, weights: Weights, dropout: float) -> None:
        settings = settings_from(TranslationSettings, workload.settings | {"dropout": dropout}, "workload")
        preparation = prepare(settings)
        self.task, self.optimizer = preparation.task, preparation.optimizer
        self.model = preparation.translator.model
        self.model.load_state_dict(weights)
        self.learning_rates = iter(workload.learning_rates)
        self.limit = workload.limit
        keep_freed_memory()

    def batch(self, pairs: Pairs) -> Pairs:
        return pairs

    @one_thread()  # as the training loop has it
    def step(self, batch: Pairs) -> float:
        self.optimizer.lr = next(self.learning_rates)
        loss, _ = self.task.learn(batch.numbers)
        self.optimizer.step()
        return loss

    def greedy(self, batch: Pairs) -> list[list[int]]:
        return greedy(self.model, batch.source, batch.source_lengths, self.limit)


if __name__ == "__main__":
    versions = {"Python": platform.python_version(), "seqrl": __version__, "NumPy": np.__version__}
    if kernels.implementation == "compiled":
        versions["Numba"] = version("numba")
    main(Translation, versions)
