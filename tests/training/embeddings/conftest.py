"""A text of two topics whose words never meet, which embeddings can tell apart, and a small run on it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqrl.training.embeddings import loop, run
from seqrl.training.embeddings.loop import EmbeddingTraining
from seqrl.training.embeddings.run import Preparation
from seqrl.training.embeddings.settings import EmbeddingSettings

TOPICS = [[f"{topic}{n}" for n in range(20)] for topic in ("fish", "bird")]
Train = Callable[..., tuple[Preparation, EmbeddingTraining]]


@pytest.fixture(scope="session")
def topics(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """600 sentences of 10 words, each of one topic; all words are equally frequent."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("topics") / "topics.txt"
    path.write_text("".join(" ".join(rng.choice(TOPICS[n % 2], 10)) + "\n" for n in range(600)))
    return path


@pytest.fixture
def prepared(topics: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Train:
    """prepared(folder name, settings) gives what is trained and the loop. Of the 14 chunks the last is a short one."""
    monkeypatch.setattr(loop, "CHUNK", 500)

    def prepare(name: str = "run", **settings: object) -> tuple[Preparation, EmbeddingTraining]:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        small = EmbeddingSettings(**{"corpus": (str(topics),), "size": 8, "subsampling": 0.0, "epochs": 2, **settings})  # type: ignore[arg-type]
        preparation = run.resume(folder) if (folder / "config.json").exists() else run.begin(small, folder)
        training = run.training(preparation, folder)
        training.verbose = False
        return preparation, training

    return prepare
