"""Runs of a dialogue model: begun, resumed, trained."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seqrl import kernels
from seqrl.errors import InputError
from seqrl.models.vhred import VHRED
from seqrl.optimizers import OPTIMIZERS, Optimizer
from seqrl.text.tokenizers import Tokenizer
from seqrl.training import runs, session
from seqrl.training.dialogue.corpus import (
    Corpus,
    Examples,
    answers,
    check_not_empty,
    files,
    read_corpus,
    tokenize,
)
from seqrl.training.dialogue.responder import TOKENIZER, Responder
from seqrl.training.dialogue.settings import DialogueSettings
from seqrl.training.dialogue.task import DialogueTask, VariationalTask
from seqrl.training.loop import Training
from seqrl.training.parallel import Replicas


class Preparation(NamedTuple):
    """All that training needs, before anything is written."""

    settings: DialogueSettings
    corpus: Corpus
    test: Examples
    responder: Responder
    task: DialogueTask
    optimizer: Optimizer
    order: np.random.Generator
    data: dict[str, Any]  # for config.json

    def summary(self) -> str:
        """What is trained on what, in one line."""
        data, model = self.data, self.responder.model
        left_out = f" ({data['left_out']} utterances left out)" if data["left_out"] else ""
        marked = f" with {data['test_answers']:,} places where it is known what fits" if data["test_answers"] else ""
        return (
            f"{data['training_dialogues']:,} dialogues to train on{left_out}, {data['validation_dialogues']:,} for "
            f"validation, {data['test_dialogues']:,} held out{marked}; vocabulary of {data['vocabulary']:,}; "
            f"{self.settings.model} of {model.parameter_count:,} parameters; {kernels.implementation} kernels"
        )


def prepare(settings: DialogueSettings, tokenizer: Tokenizer | None = None) -> Preparation:
    """Read and tokenize the dialogues and make the model. `tokenizer` is that of a run that is resumed."""
    settings.check()
    if not settings.dialogues:
        raise InputError("no dialogues are given; expected --dialogues FILE")
    streams = np.random.SeedSequence(settings.seed).spawn(4)
    split, weights, dropout, order = (np.random.default_rng(stream) for stream in streams)
    corpus = read_corpus(settings.dialogues, settings.valid, settings.test, split)
    tokenizer = tokenizer or Tokenizer.train(
        settings.tokenizer, (text for dialogue in corpus.train for text in dialogue), settings.vocabulary_size
    )
    limit = settings.length_limit
    found = {}
    left_out = 0
    for what, dialogues in (
        ("training", corpus.train),
        ("validation", corpus.valid.dialogues),
        ("test", corpus.test.dialogues),
    ):
        found[what], missing = tokenize(dialogues, tokenizer, limit, settings.max_utterances)
        check_not_empty(what, found[what], limit)
        left_out += missing
    model = settings.make(len(tokenizer), weights, dropout)
    optimizer = OPTIMIZERS[settings.optimizer](model.parameters(), settings.learning_rate, clip=settings.clip)
    task = _task(settings, model, optimizer, found["training"], found["validation"], corpus, tokenizer)
    data = {
        "files": session.fingerprints(files(settings.dialogues, [*settings.valid, *settings.test])),
        "training_dialogues": len(found["training"]),
        "validation_dialogues": len(found["validation"]),
        "test_dialogues": len(found["test"]),
        "test_answers": len(corpus.test.marks),
        "left_out": left_out,
        "vocabulary": len(tokenizer),
    }
    responder = Responder(model, tokenizer, limit, settings.max_utterances)
    return Preparation(settings, corpus, found["test"], responder, task, optimizer, order, data)


def _task(
    settings: DialogueSettings,
    model: Any,
    optimizer: Optimizer,
    train: Examples,
    valid: Examples,
    corpus: Corpus,
    tokenizer: Tokenizer,
) -> DialogueTask:
    shared: dict[str, Any] = {
        "replicas": Replicas(model, optimizer.packed, settings.threads),
        "batch_size": settings.batch_size,
        "answers": answers(corpus.valid, tokenizer),
    }
    if not isinstance(model, VHRED):
        return DialogueTask(train, valid, **shared)
    steps = -(-len(train) // settings.batch_size)
    annealing = round(settings.annealing * steps)
    return VariationalTask(train, valid, **shared, annealing=annealing, free_bits=settings.free_bits)


def begin(settings: DialogueSettings, folder: Path, overwrite: bool = False) -> Preparation:
    """Prepare a new run and write what it is, in a locked folder. An earlier run is removed last of all."""
    runs.check_free(folder, overwrite)
    preparation = prepare(settings)
    runs.create(folder, runs.Config("dialogue", asdict(settings), preparation.data))
    preparation.responder.tokenizer.save(folder / TOKENIZER)
    return preparation


def resume(folder: Path, max_minutes: float | None = None) -> Preparation:
    """Prepare to continue a run, in a locked folder. Raises InputError where its data are not what they were."""
    settings, config = session.resumed_settings(folder, "dialogue", DialogueSettings, max_minutes)
    saved = Tokenizer.load(folder / TOKENIZER) if (folder / TOKENIZER).exists() else None
    preparation = prepare(settings, saved)
    session.check_data(folder, config, preparation.data)
    if saved is None:
        preparation.responder.tokenizer.save(folder / TOKENIZER)
    return preparation


def training(preparation: Preparation, folder: Path) -> Training:
    """The loop for a prepared run; it continues from the folder's checkpoint if there is one."""
    settings, task = preparation.settings, preparation.task
    return Training(
        task,
        preparation.responder.model,
        preparation.optimizer,
        settings.learning_rates(settings.epochs * task.steps_per_epoch),
        folder,
        order=preparation.order,
        epochs=settings.epochs,
        patience=settings.patience,
        max_minutes=settings.max_minutes,
    )
