"""Writes what both sides of the translation benchmark read: the default translator's batches and weights.

    python benchmarks/prepare_translation.py WORKLOAD

It trains for a few epochs, so that decoding has weights with which sentences end.
"""

import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
from workload import Pairs, Workload

from seqrl.training.settings import SCHEDULES
from seqrl.training.translation.corpus import Examples, tokenize
from seqrl.training.translation.run import Preparation, prepare
from seqrl.training.translation.settings import TranslationSettings

PHRASES = Path(__file__).parents[1] / "data/phrases/eng-fra"
EPOCHS = 3
HELD_OUT_BATCH = 64


def settings() -> TranslationSettings:
    """Those of `make demo`."""
    train, valid, random, compositional = (
        str(PHRASES / f"{name}.tsv") for name in ("train", "valid", "random", "compositional")
    )
    return TranslationSettings(pairs=train, valid=(valid,), test=(random, compositional))


def workload(preparation: Preparation) -> Workload:
    settings, task, model = preparation.settings, preparation.task, preparation.translator.model
    initial = model.state_dict()
    steps = settings.epochs * task.steps_per_epoch
    schedule = SCHEDULES[settings.schedule](steps)
    learning_rates = [settings.learning_rate * schedule(step) for step in range(steps)]
    train = [pairs(task.train, rows) for rows in task.plan(preparation.order)]

    rates = iter(learning_rates)
    for _ in range(EPOCHS):
        for rows in task.plan(preparation.order):
            preparation.optimizer.lr = next(rates)
            task.learn(rows)
            preparation.optimizer.step()
    trained = model.state_dict()

    translator = preparation.translator
    unseen = preparation.corpus.tests["random"]
    examples, _ = tokenize(unseen, translator.source, translator.target, settings.length_limit)
    order = np.argsort(examples.source.lengths, kind="stable")
    held_out = [pairs(examples, order[i : i + HELD_OUT_BATCH]) for i in range(0, len(order), HELD_OUT_BATCH)]
    return Workload(asdict(settings), learning_rates, settings.length_limit, initial, trained, train, held_out)


def pairs(examples: Examples, rows: np.ndarray) -> Pairs:
    return Pairs(rows, *examples.batch(rows))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} WORKLOAD")
    workload(prepare(settings())).save(Path(sys.argv[1]))
