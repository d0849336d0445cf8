"""A translator that was not trained, and pairs for it."""

import numpy as np
import pytest

from seqrl.models.seq2seq import Seq2Seq
from seqrl.text.corpora import Pair
from seqrl.text.tokenizers import Tokenizer
from seqrl.training.translation.settings import TranslationSettings
from seqrl.training.translation.translator import Translator


@pytest.fixture
def pairs() -> list[Pair]:
    """Numbers and the same backwards, of many lengths."""
    rng = np.random.default_rng(0)
    numbers = [str(rng.integers(10**digits)) for digits in range(1, 9) for _ in range(6)]
    return [(number, number[::-1]) for number in dict.fromkeys(numbers)]


@pytest.fixture
def settings() -> TranslationSettings:
    return TranslationSettings(tokenizer="char", hidden=12, embedding=6, dropout=0.4, max_length=12)


@pytest.fixture
def translator(pairs: list[Pair], settings: TranslationSettings) -> Translator:
    source, target = (Tokenizer.train("char", [pair[side] for pair in pairs]) for side in (0, 1))
    rng = np.random.default_rng(1)
    model = Seq2Seq(settings.model(len(source), len(target)), rng=rng, dropout_rng=np.random.default_rng(2))
    for _, parameter in model.parameters():  # so that translations differ and are long
        parameter.value[...] = rng.normal(scale=0.8, size=parameter.shape)
    return Translator(model, source, target, 12)
