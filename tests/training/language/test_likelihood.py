import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from seqrl.activations import log_softmax
from seqrl.text.documents import Document
from seqrl.text.specials import EOS
from seqrl.training.language import likelihood as module
from seqrl.training.language.corpus import tokenize
from seqrl.training.language.generator import TextGenerator
from seqrl.training.language.likelihood import Likelihood, likelihood


def nats_token_by_token(generator: TextGenerator, text: str) -> float:
    """The definition: one document, one step at a time."""
    model = generator.model.astype(np.float64)
    ids = [EOS, *generator.tokenizer.encode(text.strip()), EOS]
    state: Any = None
    total = 0.0
    for before, after in pairwise(ids):
        logits, state = model.step(np.array([before]), state)
        total -= float(log_softmax(logits)[0, after])
    return total


def test_it_is_the_sum_over_every_token_of_every_document_alone(
    generator: TextGenerator, documents: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = sum(nats_token_by_token(generator, text) for _, text in documents)
    tokens = tokenize(documents, generator.tokenizer)
    assert tokens.ids.size == sum(len(text.strip()) + 1 for _, text in documents)
    for side_by_side, logits in (64, 2**22), (7, 100), (1, 1):
        monkeypatch.setattr(module, "SIDE_BY_SIDE", side_by_side)
        monkeypatch.setattr(module, "LOGITS", logits)
        found = likelihood(generator.model, tokens)
        assert found.nats == pytest.approx(expected, rel=1e-5)
        assert (found.tokens, found.characters) == (tokens.ids.size, tokens.characters)


def test_a_long_document_in_pieces_counts_every_token_once(
    generator: TextGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "".join(np.random.default_rng(3).choice(list("abcde \n"), 300)) + "f"
    tokens = tokenize([Document("long", text)], generator.tokenizer)
    for layer in generator.model.stack.layers:  # so that what lies far back is forgotten
        layer.weight_hh.value[...] *= 0.1
        layer.bias.value[layer.H : 2 * layer.H] = -4
    expected = nats_token_by_token(generator, text)
    monkeypatch.setattr(module, "PIECE", 32)
    for context in 0, 20:
        monkeypatch.setattr(module, "CONTEXT", context)
        found = likelihood(generator.model, tokens)
        assert found.tokens == tokens.ids.size
        if not context:
            assert found.nats != pytest.approx(expected, rel=1e-5)  # so the context is what makes it right
        assert sum(piece.ids.size - 1 - piece.counted for piece in module._pieces(tokens, 32)) == tokens.ids.size
        assert found.nats == pytest.approx(expected, rel=1e-6 if context else 0.1)


def test_whole_documents_are_read_from_their_start_whatever_their_length(
    generator: TextGenerator, documents: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    for layer in generator.model.stack.layers:  # so that nothing is forgotten
        layer.bias.value[layer.H : 2 * layer.H] = 10
    documents = [Document("long", "".join(np.random.default_rng(3).choice(list("abcde \n"), 300)) + "f"), *documents]
    tokens = tokenize(documents, generator.tokenizer)
    expected = sum(nats_token_by_token(generator, text) for _, text in documents)
    monkeypatch.setattr(module, "PIECE", 32)
    monkeypatch.setattr(module, "CONTEXT", 8)
    assert likelihood(generator.model, tokens).nats != pytest.approx(expected, rel=1e-4)
    for read_at_once in 2**14, 50, 1:
        monkeypatch.setattr(module, "TOKENS", read_at_once)
        assert likelihood(generator.model, tokens, whole=True).nats == pytest.approx(expected, rel=1e-5)


def test_perplexity_is_exp_of_the_mean_and_bits_are_of_characters() -> None:
    found = Likelihood(nats=40 * math.log(2), tokens=10, characters=20)
    assert found.mean == pytest.approx(4 * math.log(2))
    assert found.perplexity == pytest.approx(16)
    assert found.bits_per_character == pytest.approx(2)


def test_it_changes_neither_the_model_nor_randomness(generator: TextGenerator, documents: list[Document]) -> None:
    tokens = tokenize(documents, generator.tokenizer)
    before = generator.model.state_dict()
    states = [rng.bit_generator.state for _, rng in generator.model.generators()]
    assert likelihood(generator.model, tokens) == likelihood(generator.model, tokens)
    assert [rng.bit_generator.state for _, rng in generator.model.generators()] == states
    assert all((value == before[name]).all() for name, value in generator.model.state_dict().items())
