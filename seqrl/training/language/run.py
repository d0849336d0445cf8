"""Runs of a language model: begun, resumed, trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seqrl import kernels
from seqrl.models.language_model import LanguageModel
from seqrl.optimizers import OPTIMIZERS, Optimizer
from seqrl.text.tokenizers import Tokenizer, blocks
from seqrl.training import initial_vectors, session, text_run
from seqrl.training.language.corpus import Corpus, Tokens, digest, read_corpus, tokenize
from seqrl.training.language.generator import TOKENIZER, TextGenerator
from seqrl.training.language.settings import LanguageSettings
from seqrl.training.language.task import LanguageTask
from seqrl.training.loop import Training
from seqrl.training.parallel import Replicas
from seqrl.training.text_run import NOTHING, Saved


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

    @property
    def tokenizers(self) -> dict[str, Tokenizer]:
        return {TOKENIZER: self.generator.tokenizer}

    @property
    def model(self) -> LanguageModel:
        return self.generator.model

    def summary(self) -> str:
        """What is trained on what, in one line."""
        data = self.data
        unknown = data["unknown_share"]
        return (
            f"{data['training_tokens']:,} tokens in {len(self.corpus.train):,} documents to train on, "
            f"{data['validation_tokens']:,} for validation, {data['test_tokens']:,} held out"
            f"{f' ({100 * unknown:.1f} % unknown)' if unknown else ''}; vocabulary of {data['vocabulary']:,}; "
            f"{self.model.parameter_count:,} parameters; {kernels.description}"
            f"{initial_vectors.summary(data)}"
        )


def prepare(settings: LanguageSettings, saved: Saved = NOTHING) -> Preparation:
    """Read and tokenize the text and make the model. `saved` is what a run that is resumed has."""
    settings.check()
    streams = np.random.SeedSequence(settings.seed).spawn(4)
    split, weights, dropout, order = (np.random.default_rng(stream) for stream in streams)
    corpus = read_corpus(settings.texts, settings.valid, settings.test, split)
    tokenizer = saved.tokenizers.get(TOKENIZER) or Tokenizer.train(
        settings.tokenizer,
        (block for document in corpus.train for block in blocks(document.text)),
        settings.vocabulary_limit,
    )
    train, valid, test = (tokenize(documents, tokenizer) for documents in corpus)
    model = LanguageModel(settings.model(len(tokenizer)), rng=weights, dropout_rng=dropout)
    starts = [initial_vectors.Start("embeddings", settings.embeddings, tokenizer, [model.embedding])]
    vectors = saved.vectors or initial_vectors.initialize(starts)
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
        **vectors,
    }
    return Preparation(settings, corpus, test, TextGenerator(model, tokenizer), task, optimizer, order, data)


def begin(settings: LanguageSettings, folder: Path, overwrite: bool = False) -> Preparation:
    """As `text_run.begin` does it."""
    return text_run.begin("language", prepare, settings, folder, overwrite)


def resume(folder: Path, max_minutes: float | None = None) -> Preparation:
    """As `text_run.resume` does it."""
    return text_run.resume("language", prepare, LanguageSettings, folder, max_minutes)


def training(preparation: Preparation, folder: Path) -> Training:
    """As `text_run.training` does it."""
    return text_run.training(preparation, folder, preparation.settings.anneal)
