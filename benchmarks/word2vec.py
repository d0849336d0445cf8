"""Our side of the benchmark of word embeddings; `word2vec_workload.py` says what is measured.

It goes the way of scripts/train_embeddings.py, from the file to a run folder. The time is that of the training loop,
with its checkpoints, losses and metrics. Kernels are compiled before, which an installation does once.
"""

import platform
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from machine import two_cores
from word2vec_workload import MINIMUM_COUNT, NEGATIVES, SIZE, SUBSAMPLING, WINDOW, Training, Watch, Workload, main
from workload import peak_megabytes

from seqrl import __version__, kernels
from seqrl.models.word2vec import Word2Vec
from seqrl.training.embeddings import run
from seqrl.training.embeddings.settings import EmbeddingSettings


def train(work: Workload) -> Training:
    settings = EmbeddingSettings(
        corpus=(str(work.corpus),),
        splitting="whitespace",
        min_count=MINIMUM_COUNT,
        architecture=work.architecture,
        objective=work.objective,
        size=SIZE,
        window=WINDOW,
        negatives=NEGATIVES,
        subsampling=SUBSAMPLING,
        epochs=work.epochs,
        learning_rate=work.learning_rate,
        seed=work.seed,
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "run"
        folder.mkdir()
        preparing = Watch()
        preparation = run.begin(settings, folder)
        training = run.training(preparation, folder)
        training.verbose = False
        preparing_seconds, _ = preparing()
        compiling_seconds = compile_kernels(settings)
        watch = Watch()
        assert training.run() == "finished"
        seconds = watch()
        peak = peak_megabytes()
        assert training.progress.words == work.epochs * preparation.corpus.words
    words = work.epochs * preparation.corpus.raw_words
    vectors = dict(zip(preparation.corpus.vocabulary.words, preparation.model.vectors, strict=True))
    return Training(words, *seconds, preparing_seconds, compiling_seconds, peak, vectors)


def compile_kernels(settings: EmbeddingSettings) -> float:
    """Learn a few words with a model of the same settings; the seconds that it takes."""
    start = time.perf_counter()
    rng = np.random.default_rng(0)
    Word2Vec(np.ones(8), settings.model(), rng=rng).learn(np.arange(8, dtype=np.int32), 0.025, rng)
    return time.perf_counter() - start


if __name__ == "__main__":
    two_cores()
    versions = {"Python": platform.python_version(), "seqrl": __version__, "NumPy": np.__version__}
    if kernels.implementation == "compiled":
        versions["Numba"] = version("numba")
    main(train, versions)
