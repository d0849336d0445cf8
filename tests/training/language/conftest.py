"""A language model that was not trained, and documents for it."""

import numpy as np
import pytest

from seqrl.models.language_model import LanguageModel
from seqrl.text.documents import Document
from seqrl.text.tokenizers import Tokenizer
from seqrl.training.language.generator import TextGenerator
from seqrl.training.language.settings import LanguageSettings


@pytest.fixture
def documents() -> list[Document]:
    """Of many lengths, from 2 to 60 characters."""
    rng = np.random.default_rng(0)
    return [Document(f"d{n}", "".join(rng.choice(list("abcde \n"), n)) + "f") for n in range(1, 60, 3)]


@pytest.fixture
def generator(documents: list[Document]) -> TextGenerator:
    tokenizer = Tokenizer.train("char", [text for _, text in documents])
    rng = np.random.default_rng(1)
    settings = LanguageSettings(hidden=12, embedding=6, dropout=0.4, layers=2)
    model = LanguageModel(settings.model(len(tokenizer)), rng=rng, dropout_rng=np.random.default_rng(2))
    for _, parameter in model.parameters():  # so that what it says depends on what it read
        parameter.value[...] = rng.normal(scale=0.8, size=parameter.shape)
    return TextGenerator(model, tokenizer)
