"""Runs of a translator: begun, resumed, trained."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seqrl import kernels
from seqrl.errors import InputError
from seqrl.models.seq2seq import Seq2Seq
from seqrl.optimizers import OPTIMIZERS, Optimizer
from seqrl.text.tokenizers import Tokenizer
from seqrl.training import runs, session
from seqrl.training.loop import Training
from seqrl.training.parallel import Replicas
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

    def summary(self) -> str:
        """What is trained on what, in one line."""
        data, model = self.data, self.translator.model
        left_out = f" ({data['too_long']} longer ones left out)" if data["too_long"] else ""
        return (
            f"{data['training_pairs']:,} training pairs{left_out}, {data['validation_pairs']:,} for validation; "
            f"vocabularies of {data['source_vocabulary']:,} and {data['target_vocabulary']:,} tokens; "
            f"{model.parameter_count:,} parameters; {kernels.implementation} kernels"
        )


def prepare(settings: TranslationSettings, tokenizers: tuple[Tokenizer, Tokenizer] | None = None) -> Preparation:
    """Read and tokenize the data and make the model. `tokenizers` are those of a run that is resumed."""
    settings.check()
    streams = np.random.SeedSequence(settings.seed).spawn(4)
    split, weights, dropout, order = (np.random.default_rng(stream) for stream in streams)
    corpus = read_corpus(
        settings.pairs, settings.source, settings.target, settings.languages, settings.valid, settings.test, split
    )
    source, target = tokenizers or (
        Tokenizer.train(settings.tokenizer, [pair[side] for pair in corpus.train], settings.vocabulary_size)
        for side in (0, 1)
    )
    limit = settings.length_limit
    train, train_left_out = tokenize(corpus.train, source, target, limit)
    valid, valid_left_out = tokenize(corpus.valid, source, target, limit)
    for what, examples in ("training", train), ("validation", valid):
        if not len(examples.source):
            raise InputError(f"no {what} pair has at most {limit} tokens on both sides; expected a larger --max-length")
    model = Seq2Seq(settings.model(len(source), len(target)), rng=weights, dropout_rng=dropout)
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
    }
    return Preparation(settings, corpus, translator, task, optimizer, order, data)


def begin(settings: TranslationSettings, folder: Path, overwrite: bool = False) -> Preparation:
    """Prepare a new run and write what it is, in a locked folder. An earlier run is removed last of all."""
    runs.check_free(folder, overwrite)
    preparation = prepare(settings)
    runs.create(folder, runs.Config("translation", asdict(settings), preparation.data))
    _save_tokenizers(folder, preparation.translator)
    return preparation


def resume(folder: Path, max_minutes: float | None = None) -> Preparation:
    """Prepare to continue a run, in a locked folder. Raises InputError where its data are not what they were."""
    settings, config = session.resumed_settings(folder, "translation", TranslationSettings, max_minutes)
    paths = [folder / SOURCE_TOKENIZER, folder / TARGET_TOKENIZER]
    saved = (Tokenizer.load(paths[0]), Tokenizer.load(paths[1])) if all(path.exists() for path in paths) else None
    preparation = prepare(settings, saved)
    session.check_data(folder, config, preparation.data)
    if saved is None:
        _save_tokenizers(folder, preparation.translator)
    return preparation


def _save_tokenizers(folder: Path, translator: Translator) -> None:
    translator.source.save(folder / SOURCE_TOKENIZER)
    translator.target.save(folder / TARGET_TOKENIZER)


def training(preparation: Preparation, folder: Path) -> Training:
    """The loop for a prepared run; it continues from the folder's checkpoint if there is one."""
    settings, task = preparation.settings, preparation.task
    return Training(
        task,
        preparation.translator.model,
        preparation.optimizer,
        settings.learning_rates(settings.epochs * task.steps_per_epoch),
        folder,
        order=preparation.order,
        epochs=settings.epochs,
        patience=settings.patience,
        max_minutes=settings.max_minutes,
    )
