"""What a model of characters learns of the documentation of Python, beside counts of pairs."""

from pathlib import Path

import numpy as np
import pytest

from seqrl.text.documents import documentation
from seqrl.text.specials import EOS
from seqrl.training import runs
from seqrl.training.embeddings import run as embedding_run
from seqrl.training.embeddings.settings import EmbeddingSettings
from seqrl.training.language import run
from seqrl.training.language.corpus import Tokens
from seqrl.training.language.likelihood import likelihood
from seqrl.training.language.settings import LanguageSettings


def bigram_bits(train: Tokens, test: Tokens, V: int) -> float:
    """Bits a character of the counts of pairs, with the constant added that suits the test best."""

    def of(added: float) -> float:
        counts = np.full((V, V), added)
        before, after = pairs(train)
        np.add.at(counts, (before, after), 1)
        p = counts / counts.sum(axis=1, keepdims=True)
        return float(-np.log2(p[pairs(test)]).mean())

    def pairs(tokens: Tokens) -> tuple[np.ndarray, np.ndarray]:
        text = np.append(np.int32(EOS), tokens.ids)
        return text[:-1], text[1:]

    return min(map(of, (0.01, 0.1, 0.5, 1.0)))


@pytest.mark.slow
def test_one_epoch_on_the_documentation_leaves_pairs_of_characters_far_behind(tmp_path: Path) -> None:
    settings = LanguageSettings(hidden=128, embedding=64, epochs=1)
    preparation = run.begin(settings, tmp_path)
    assert run.training(preparation, tmp_path).run() == "finished"
    found = likelihood(runs.load(tmp_path).model, preparation.test)
    counts = bigram_bits(preparation.task.train, preparation.test, preparation.data["vocabulary"])
    assert counts < 4.5  # the baseline is one
    assert found.bits_per_character < counts - 1


@pytest.mark.slow
def test_embeddings_of_other_texts_help_a_model_that_sees_little(tmp_path: Path) -> None:
    """Tied, so that they are the output's weights too: without that they change little."""
    documents = [text for _, text in documentation()]
    (tmp_path / "little.txt").write_text("\n\n".join(documents[::20]))
    (tmp_path / "other.txt").write_text("\n".join(text for n, text in enumerate(documents) if n % 20))
    vectors = tmp_path / "vectors"
    vectors.mkdir()
    wide = EmbeddingSettings((str(tmp_path / "other.txt"),), size=64, threads=1, cache=str(tmp_path))
    embedding_run.training(embedding_run.begin(wide, vectors), vectors).run()

    def losses(embeddings: str | None) -> list[float]:
        """After each epoch."""
        model = {"tokenizer": "word", "embedding": 64, "hidden": 64, "tied": True, "embeddings": embeddings}
        small = {"epochs": 3, "batch_size": 8, "bptt": 32}
        settings = LanguageSettings((str(tmp_path / "little.txt"),), **model, **small)  # type: ignore[arg-type]
        folder = tmp_path / ("random" if embeddings is None else "given")
        folder.mkdir()
        run.training(run.begin(settings, folder), folder).run()
        return [line["valid_loss"] for line in runs.read_metrics(folder) if "valid_loss" in line]

    random, given = losses(None), losses(str(vectors))
    assert given[0] < random[0] - 0.08
    assert min(given) < min(random) - 0.08
