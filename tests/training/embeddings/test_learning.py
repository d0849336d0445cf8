"""What runs learn: in each of the four modes, with one thread and with several."""

from pathlib import Path

import numpy as np
import pytest

import seqrl
from seqrl.training import runs
from seqrl.training.embeddings import run
from seqrl.training.embeddings.settings import EmbeddingSettings

from .conftest import TOPICS, Train

# The loss of whoever knows how frequent words are, but not which of them meet, in nats a prediction. For negative
# sampling it is the entropy of one right word among five wrong ones. For hierarchical softmax it is log 40 for a word,
# whose way through the tree has 5.4 steps in the mean.
BASELINES = {"negative-sampling": 0.4506, "hierarchical-softmax": 0.6831}
# Of whoever knows the topics: half of the wrong words are out of question, and a word costs log 20.
KNOWING = {"negative-sampling": 0.3490, "hierarchical-softmax": 0.5548}

# Of different kinds, in the documentation of Python.
PAIRS = [
    *[("true", "false"), ("read", "write"), ("left", "right"), ("minimum", "maximum"), ("start", "end")],
    *[("int", "float"), ("list", "tuple"), ("key", "value"), ("client", "server"), ("rows", "columns")],
    *[("open", "close"), ("monday", "sunday"), ("encode", "decode"), ("bytes", "string"), ("parent", "child")],
    *[("lower", "upper"), ("get", "set"), ("real", "imaginary"), ("width", "height"), ("compress", "decompress")],
]


@pytest.mark.parametrize("architecture", ["skip-gram", "cbow"])
@pytest.mark.parametrize("objective", ["negative-sampling", "hierarchical-softmax"])
@pytest.mark.parametrize("threads", [1, 2])
def test_words_that_meet_come_to_lie_together(
    architecture: str, objective: str, threads: int, prepared: Train, tmp_path: Path
) -> None:
    settings = {"architecture": architecture, "objective": objective, "threads": threads}
    rate = {"skip-gram": 0.1, "cbow": 0.025}[architecture]
    _, training = prepared(epochs=10, learning_rate=rate, **settings)
    assert training.run() == "finished"
    embeddings = seqrl.load(tmp_path / "run")
    for topic in TOPICS:
        for word in topic:
            assert {near for near, _ in embeddings.nearest(word, 19)} == set(topic) - {word}
    losses = [line["epoch_loss"] for line in runs.read_metrics(tmp_path / "run") if "epoch_loss" in line]
    reached = (BASELINES[objective] - losses[-1]) / (BASELINES[objective] - KNOWING[objective])
    assert losses[-1] < losses[0]
    assert 0.8 < reached < 1.05  # more than all that can be known is known by heart


@pytest.mark.slow
def test_the_documentation_of_python_tells_what_goes_with_what(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cache = tmp_path_factory.mktemp("corpora")
    preparation = run.begin(EmbeddingSettings(cache=str(cache)), tmp_path)
    assert run.training(preparation, tmp_path).run() == "finished"
    embeddings = seqrl.load(tmp_path)
    assert len(embeddings) > 5000
    ranks = []
    for word, partner in PAIRS:
        cosines = embeddings.vectors @ embeddings[word] / np.linalg.norm(embeddings.vectors, axis=1)
        ranks.append(int((cosines > cosines[embeddings.row(partner)]).sum()))
    assert np.median(ranks) <= 20, ranks  # by chance 2,500 or more
