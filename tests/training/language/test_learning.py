"""What a model of characters learns of the documentation of Python, beside counts of pairs."""

from pathlib import Path

import numpy as np
import pytest

from seqrl.text.specials import EOS
from seqrl.training import runs
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
