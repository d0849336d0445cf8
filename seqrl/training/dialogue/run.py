"""Runs of a dialogue model: begun, resumed, trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seqrl import kernels
from seqrl.errors import InputError
from seqrl.layers.embedding import Embedding
from seqrl.models.last_utterance import LastUtterance
from seqrl.models.vhred import VHRED
from seqrl.optimizers import OPTIMIZERS, Optimizer
from seqrl.text.tokenizers import Tokenizer
from seqrl.training import initial_vectors, session, text_run
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
from seqrl.training.dialogue.task import DialogueTask, Model, VariationalTask
from seqrl.training.loop import Training
from seqrl.training.parallel import Replicas
from seqrl.training.text_run import NOTHING, Saved


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

    @property
    def tokenizers(self) -> dict[str, Tokenizer]:
        return {TOKENIZER: self.responder.tokenizer}

    @property
    def model(self) -> Model:
        return self.responder.model

    def summary(self) -> str:
        """What is trained on what, in one line."""
        data = self.data
        left_out = f" ({data['left_out']} utterances left out)" if data["left_out"] else ""
        marked = f" with {data['test_answers']:,} places where it is known what fits" if data["test_answers"] else ""
        return (
            f"{data['training_dialogues']:,} dialogues to train on{left_out}, {data['validation_dialogues']:,} for "
            f"validation, {data['test_dialogues']:,} held out{marked}; vocabulary of {data['vocabulary']:,}; "
            f"{self.settings.model} of {self.model.parameter_count:,} parameters; {kernels.description}"
            f"{initial_vectors.summary(data)}"
        )


def prepare(settings: DialogueSettings, saved: Saved = NOTHING) -> Preparation:
    """Read and tokenize the dialogues and make the model. `saved` is what a run that is resumed has."""
    settings.check()
    if not settings.dialogues:
        raise InputError("no dialogues are given; expected --dialogues FILE")
    streams = np.random.SeedSequence(settings.seed).spawn(4)
    split, weights, dropout, order = (np.random.default_rng(stream) for stream in streams)
    corpus = read_corpus(settings.dialogues, settings.valid, settings.test, split)
    tokenizer = saved.tokenizers.get(TOKENIZER) or Tokenizer.train(
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
    starts = [initial_vectors.Start("embeddings", settings.embeddings, tokenizer, _embeddings(model))]
    vectors = saved.vectors or initial_vectors.initialize(starts)
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
        **vectors,
    }
    responder = Responder(model, tokenizer, limit, settings.max_utterances)
    return Preparation(settings, corpus, found["test"], responder, task, optimizer, order, data)


def _embeddings(model: Model) -> list[Embedding]:
    if isinstance(model, LastUtterance):
        return [model.seq2seq.source_embedding, model.seq2seq.target_embedding]
    return [model.embedding]


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
    """As `text_run.begin` does it."""
    return text_run.begin("dialogue", prepare, settings, folder, overwrite)


def resume(folder: Path, max_minutes: float | None = None) -> Preparation:
    """As `text_run.resume` does it."""
    return text_run.resume("dialogue", prepare, DialogueSettings, folder, max_minutes)


def training(preparation: Preparation, folder: Path) -> Training:
    """As `text_run.training` does it."""
    return text_run.training(preparation, folder)
