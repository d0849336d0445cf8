"""The peer of the benchmark of word embeddings, gensim; `word2vec_workload.py` says what is measured.

It has three ways to be fed: `file` reads the file in threads of its own (`corpus_file`), `list` holds a list of words
for each sentence, `lines` reads them again in each epoch (`LineSentence`).
"""

import gc
import platform

import gensim
import numpy as np
from gensim.models.word2vec import FAST_VERSION, LineSentence, Word2Vec
from machine import THREADS, two_cores
from word2vec_workload import (
    MINIMUM_COUNT,
    NEGATIVES,
    SIZE,
    SUBSAMPLING,
    WINDOW,
    Training,
    Watch,
    Workload,
    main,
)
from workload import peak_megabytes

LEARNING_RATES = {"skip-gram": 0.025, "cbow": 0.05}  # of the original program; gensim's default is 0.025 for both
LEAST_RATE = 1e-4  # of that, at the end


def train(work: Workload) -> Training:
    assert FAST_VERSION >= 0  # the compiled routines
    path = str(work.corpus)
    sentences = LineSentence(path)
    preparing = Watch()
    feeding = {
        "file": lambda: {"corpus_file": path},
        "list": lambda: {"corpus_iterable": list(sentences)},
        "lines": lambda: {"corpus_iterable": sentences},
    }[work.feeding or "file"]()
    rate = work.learning_rate or LEARNING_RATES[work.architecture]
    hierarchical = work.objective == "hierarchical-softmax"
    model = Word2Vec(
        sg=int(work.architecture == "skip-gram"),
        hs=int(hierarchical),
        negative=0 if hierarchical else NEGATIVES,
        vector_size=SIZE,
        window=WINDOW,
        sample=SUBSAMPLING,
        min_count=MINIMUM_COUNT,
        workers=THREADS,
        epochs=work.epochs,
        seed=work.seed,
        alpha=rate,
        min_alpha=rate * LEAST_RATE,
    )
    model.build_vocab(**feeding)
    preparing_seconds, _ = preparing()
    gc.freeze()  # the collector need not look through a list of sentences again and again
    watch = Watch()
    _, words = model.train(
        **feeding,
        total_examples=model.corpus_count,
        total_words=model.corpus_total_words,
        epochs=work.epochs,
    )
    seconds = watch()
    peak = peak_megabytes()
    vectors = {word: model.wv[word] for word in model.wv.index_to_key}
    return Training(words, *seconds, preparing_seconds, 0.0, peak, vectors)


if __name__ == "__main__":
    two_cores()
    main(train, {"Python": platform.python_version(), "gensim": gensim.__version__, "NumPy": np.__version__})
