"""Runs of a language model: begun, resumed, trained."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seqrl import kernels
from seqrl.models.language_model import LanguageModel
from seqrl.optimizers import OPTIMIZERS, Optimizer
from seqrl.text.tokenizers import Tokenizer, blocks
from seqrl.training import runs, session
from seqrl.training.language.corpus import Corpus, Tokens, digest, read_corpus, tokenize
from seqrl.training.language.generator import TOKENIZER, TextGenerator
from seqrl.training.language.settings import LanguageSettings
from seqrl.training.language.task import LanguageTask
from seqrl.training.loop import Training
from seqrl.training.parallel import Replicas


class Preparation(NamedTuple):
    """All that training needs, before anything is written."""

    settings: LanguageSettings
    corpus: Corpus
    test: Tokens
    generator: TextGenerator
    task: LanguageTask
    optimizer: Optimizer
    order: np.random.Generator
    data: dict[str, Any]  # for config.json

    def summary(self) -> str:
        """What is trained on what, in one line."""
        data, model = self.data, self.generator.model
        unknown = data["unknown_share"]
        return (
            f"{data['training_tokens']:,} tokens in {len(self.corpus.train):,} documents to train on, "
            f"{data['validation_tokens']:,} for validation, {data['test_tokens']:,} held out"
            f"{f' ({100 * unknown:.1f} % unknown)' if unknown else ''}; vocabulary of {data['vocabulary']:,}; "
            f"{model.parameter_count:,} parameters; {kernels.implementation} kernels"
        )


def prepare(settings: LanguageSettings, tokenizer: Tokenizer | None = None) -> Preparation:
    """Read and tokenize the text and make the model. `tokenizer` is that of a run that is resumed."""
    settings.check()
    streams = np.random.SeedSequence(settings.seed).spawn(4)
    split, weights, dropout, order = (np.random.default_rng(stream) for stream in streams)
    corpus = read_corpus(settings.texts, settings.valid, settings.test, split)
    tokenizer = tokenizer or Tokenizer.train(
        settings.tokenizer,
        (block for document in corpus.train for block in blocks(document.text)),
        settings.vocabulary_limit,
    )
    train, valid, test = (tokenize(documents, tokenizer) for documents in corpus)
    model = LanguageModel(settings.model(len(tokenizer)), rng=weights, dropout_rng=dropout)
    optimizer = OPTIMIZERS[settings.optimizer](model.parameters(), settings.learning_rate, clip=settings.clip)
    task = LanguageTask(
        train,
        valid,
        replicas=Replicas(model, optimizer.packed, settings.threads),
        batch_size=settings.batch_size,
        bptt=settings.bptt,
    )
    files = [*settings.texts, *settings.valid, *settings.test]
    data = {
        "files": session.fingerprints(files) if files else {"the documentation of Python": digest(corpus.train)},
        "training_documents": len(corpus.train),
        "training_tokens": int(train.ids.size),
        "validation_tokens": int(valid.ids.size),
        "test_tokens": int(test.ids.size),
        "vocabulary": len(tokenizer),
        "unknown_share": test.unknown_share,
    }
    return Preparation(settings, corpus, test, TextGenerator(model, tokenizer), task, optimizer, order, data)


def begin(settings: LanguageSettings, folder: Path, overwrite: bool = False) -> Preparation:
    """Prepare a new run and write what it is, in a locked folder. An earlier run is removed last of all."""
    runs.check_free(folder, overwrite)
    preparation = prepare(settings)
    runs.create(folder, runs.Config("language", asdict(settings), preparation.data))
    preparation.generator.tokenizer.save(folder / TOKENIZER)
    return preparation


def resume(folder: Path, max_minutes: float | None = None) -> Preparation:
    """Prepare to continue a run, in a locked folder. Raises InputError where its data are not what they were."""
    settings, config = session.resumed_settings(folder, "language", LanguageSettings, max_minutes)
    saved = Tokenizer.load(folder / TOKENIZER) if (folder / TOKENIZER).exists() else None
    preparation = prepare(settings, saved)
    session.check_data(folder, config, preparation.data)
    if saved is None:
        preparation.generator.tokenizer.save(folder / TOKENIZER)
    return preparation


def training(preparation: Preparation, folder: Path) -> Training:
    """The loop for a prepared run; it continues from the folder's checkpoint if there is one."""
    settings, task = preparation.settings, preparation.task
    return Training(
        task,
        preparation.generator.model,
        preparation.optimizer,
        settings.learning_rates(settings.epochs * task.steps_per_epoch),
        folder,
        order=preparation.order,
        epochs=settings.epochs,
        patience=settings.patience,
        anneal=settings.anneal,
        max_minutes=settings.max_minutes,
    )
