"""Runs of a translator: begun, resumed, trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seqrl import kernels
from seqrl.errors import InputError
from seqrl.models.seq2seq import Seq2Seq
from seqrl.optimizers import OPTIMIZERS, Optimizer
from seqrl.text.tokenizers import Tokenizer
from seqrl.training import initial_vectors, session, text_run
from seqrl.training.loop import Training
from seqrl.training.parallel import Replicas
from seqrl.training.text_run import NOTHING, Saved
from seqrl.training.translation.corpus import Corpus, read_corpus, tokenize
from seqrl.training.translation.settings import TranslationSettings
from seqrl.training.translation.task import TranslationTask
from seqrl.training.translation.translator import SOURCE_TOKENIZER, TARGET_TOKENIZER, Translator


class Preparation(NamedTuple):
    """All that training needs, before anything is written."""

    settings: TranslationSettings
    corpus: Corpus
    translator: Translator
    task: TranslationTask
    optimizer: Optimizer
    order: np.random.Generator
    data: dict[str, Any]  # for config.json

    @property
    def tokenizers(self) -> dict[str, Tokenizer]:
        return {SOURCE_TOKENIZER: self.translator.source, TARGET_TOKENIZER: self.translator.target}

    @property
    def model(self) -> Seq2Seq:
        return self.translator.model

    def summary(self) -> str:
        """What is trained on what, in one line."""
        data = self.data
        left_out = f" ({data['too_long']} longer ones left out)" if data["too_long"] else ""
        return (
            f"{data['training_pairs']:,} training pairs{left_out}, {data['validation_pairs']:,} for validation; "
            f"vocabularies of {data['source_vocabulary']:,} and {data['target_vocabulary']:,} tokens; "
            f"{self.model.parameter_count:,} parameters; {kernels.description}"
            f"{initial_vectors.summary(data)}"
        )


def prepare(settings: TranslationSettings, saved: Saved = NOTHING) -> Preparation:
    """Read and tokenize the data and make the model. `saved` is what a run that is resumed has."""
    settings.check()
    streams = np.random.SeedSequence(settings.seed).spawn(4)
    split, weights, dropout, order = (np.random.default_rng(stream) for stream in streams)
    corpus = read_corpus(
        settings.pairs, settings.source, settings.target, settings.languages, settings.valid, settings.test, split
    )
    source, target = (
        saved.tokenizers.get(name)
        or Tokenizer.train(settings.tokenizer, [pair[side] for pair in corpus.train], settings.vocabulary_size)
        for side, name in enumerate((SOURCE_TOKENIZER, TARGET_TOKENIZER))
    )
    limit = settings.length_limit
    train, train_left_out = tokenize(corpus.train, source, target, limit)
    valid, valid_left_out = tokenize(corpus.valid, source, target, limit)
    for what, examples in ("training", train), ("validation", valid):
        if not len(examples.source):
            raise InputError(f"no {what} pair has at most {limit} tokens on both sides; expected a larger --max-length")
    model = Seq2Seq(settings.model(len(source), len(target)), rng=weights, dropout_rng=dropout)
    starts = [
        initial_vectors.Start("source_embeddings", settings.source_embeddings, source, [model.source_embedding]),
        initial_vectors.Start("target_embeddings", settings.target_embeddings, target, [model.target_embedding]),
    ]
    vectors = saved.vectors or initial_vectors.initialize(starts)
    translator = Translator(model, source, target, limit)
    optimizer = OPTIMIZERS[settings.optimizer](model.parameters(), settings.learning_rate, clip=settings.clip)
    task = TranslationTask(
        translator,
        train,
        valid,
        corpus.valid,
        replicas=Replicas(model, optimizer.packed, settings.threads),
        batch_size=settings.batch_size,
        label_smoothing=settings.label_smoothing,
    )
    data = {
        "files": session.fingerprints(
            [settings.pairs, settings.source, settings.target, *settings.valid, *settings.test]
        ),
        "training_pairs": len(train.source),
        "validation_pairs": len(valid.source),
        "test_pairs": {name: len(pairs) for name, pairs in corpus.tests.items()},
        "too_long": train_left_out + valid_left_out,
        "source_vocabulary": len(source),
        "target_vocabulary": len(target),
        **vectors,
    }
    return Preparation(settings, corpus, translator, task, optimizer, order, data)


def begin(settings: TranslationSettings, folder: Path, overwrite: bool = False) -> Preparation:
    """As `text_run.begin` does it."""
    return text_run.begin("translation", prepare, settings, folder, overwrite)


def resume(folder: Path, max_minutes: float | None = None) -> Preparation:
    """As `text_run.resume` does it."""
    return text_run.resume("translation", prepare, TranslationSettings, folder, max_minutes)


def training(preparation: Preparation, folder: Path) -> Training:
    """As `text_run.training` does it."""
    return text_run.training(preparation, folder)
