"""Runs of word embeddings: begun, resumed, trained."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seqrl import kernels
from seqrl.models.word2vec import Word2Vec
from seqrl.text.word_corpus import WordCorpus, read_word_corpus
from seqrl.training import runs, session
from seqrl.training.embeddings.loop import EmbeddingTraining
from seqrl.training.embeddings.settings import EmbeddingSettings
from seqrl.training.embeddings.trained import write_vocabulary


class Preparation(NamedTuple):
    """All that training needs, before anything is written into the run folder."""

    settings: EmbeddingSettings
    corpus: WordCorpus
    model: Word2Vec
    data: dict[str, Any]  # for config.json

    def summary(self) -> str:
        """What is trained on what, in one line."""
        settings, corpus = self.settings, self.corpus
        repeats = "repeats to the last bit" if settings.workers == 1 else "without locks: no run repeats another"
        chosen = f"that occur {settings.min_count} times or more"
        if len(corpus.vocabulary) == settings.max_vocabulary:
            chosen = "the most frequent"
        threads = "1 thread" if settings.workers == 1 else f"{settings.workers} threads"
        return (
            f"{', '.join(settings.corpus) or 'documentation of Python and NumPy'}: "
            f"{corpus.words:,} of {corpus.raw_words:,} words to train on, {len(corpus.vocabulary):,} different ones, "
            f"{chosen}; {settings.architecture} with {settings.objective.replace('-', ' ')}, {settings.size} numbers "
            f"a word; {kernels.description}; {threads}, {repeats}"
        )


def prepare(settings: EmbeddingSettings, folder: Path) -> Preparation:
    """Read the corpus and make the model."""
    settings.check()
    corpus = read_word_corpus(
        settings.corpus,
        cache=settings.cache_folder(folder),
        splitting=settings.splitting,
        min_count=settings.min_count,
        max_vocabulary=settings.max_vocabulary,
    )
    rng = np.random.default_rng(np.random.SeedSequence(settings.seed, spawn_key=(0,)))
    model = Word2Vec(corpus.vocabulary.counts, settings.model(), rng=rng)
    data = {
        "files": corpus.files,
        "words": corpus.words,
        "raw_words": corpus.raw_words,
        "vocabulary": len(corpus.vocabulary),
    }
    return Preparation(settings, corpus, model, data)


def begin(settings: EmbeddingSettings, folder: Path, overwrite: bool = False) -> Preparation:
    """Prepare a new run and write what it is, in a locked folder. An earlier run is removed last of all."""
    runs.check_free(folder, overwrite)
    preparation = prepare(settings, folder)
    runs.create(folder, runs.Config("embeddings", asdict(settings), preparation.data))
    write_vocabulary(folder, preparation.corpus.vocabulary)
    return preparation


def resume(folder: Path, max_minutes: float | None = None) -> Preparation:
    """Prepare to continue a run, in a locked folder. Raises InputError where its text is not what it was."""
    settings, config = session.resumed_settings(folder, "embeddings", EmbeddingSettings, max_minutes)
    preparation = prepare(settings, folder)
    session.check_data(folder, config, preparation.data)
    write_vocabulary(folder, preparation.corpus.vocabulary)
    return preparation


def training(preparation: Preparation, folder: Path) -> EmbeddingTraining:
    """The loop for a prepared run; it continues from the folder's checkpoint if there is one."""
    return EmbeddingTraining(preparation.model, preparation.corpus, preparation.settings, folder)
