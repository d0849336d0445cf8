from typing import Any

import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.models.hred import HRED, HREDConfig
from seqrl.models.last_utterance import LastUtterance
from seqrl.models.responding import ended, respond, respond_by_beam, respond_by_sampling
from seqrl.models.seq2seq import Seq2SeqConfig
from seqrl.models.vhred import VHRED, VHREDConfig
from seqrl.text.specials import BOS, EOS, PAD

Generator = np.random.Generator
V = 9
CONTEXTS = [[[4, 5], [6]], [[7]], [[8, 4, 5], [], [6, 6]], [[5], [4], [8, 7], [6]]]


def of_kind(kind: str) -> Any:
    """Random weights of float64, so that batches of different sizes don't differ by rounding."""
    rng = np.random.default_rng(11)
    sizes: dict[str, Any] = {"embedding": 3, "hidden": 6}
    made: Any
    if kind == "last utterance":
        made = LastUtterance(Seq2SeqConfig(V, V, **sizes), rng=rng, dropout_rng=rng)
    elif kind == "hred":
        made = HRED(HREDConfig(V, context=5, **sizes), rng=rng, dropout_rng=rng)
    else:
        made = VHRED(VHREDConfig(V, context=5, latent=3, cell="lstm", layers=2, **sizes), rng=rng, dropout_rng=rng)
    made = made.astype(np.float64)
    for _, parameter in made.parameters():
        parameter.value[...] = rng.normal(0, 1.2, parameter.shape)
    return made


every_model = pytest.mark.parametrize("kind", ["last utterance", "hred", "vhred"])


def test_every_utterance_is_read_with_its_end() -> None:
    batch = ended([[[4, 5], []], [[6]]])
    assert batch.ids.tolist() == [[[4, 5, EOS], [EOS, 0, 0]], [[6, EOS, 0], [0, 0, 0]]]


@every_model
def test_answers_in_a_batch_are_those_alone(kind: str) -> None:
    model = of_kind(kind)
    together = respond(model, CONTEXTS, 8)
    assert len({tuple(ids) for ids in together}) > 1
    assert together == [respond(model, [context], 8)[0] for context in CONTEXTS]
    searched = respond_by_beam(model, CONTEXTS, 8, 3)
    for context, found in zip(CONTEXTS, searched, strict=True):
        [alone] = respond_by_beam(model, [context], 8, 3)
        assert [h.ids for h in alone] == [h.ids for h in found]


@every_model
def test_a_beam_of_one_and_a_temperature_of_zero_are_greedy(kind: str) -> None:
    model, rng = of_kind(kind), np.random.default_rng(0)
    expected = respond(model, CONTEXTS, 8)
    assert [[h.ids for h in found] for found in respond_by_beam(model, CONTEXTS, 8, 1)] == [[ids] for ids in expected]
    if kind != "vhred":  # whose z is drawn before
        assert respond_by_sampling(model, CONTEXTS, 8, rng, temperature=0) == expected
        assert respond_by_sampling(model, CONTEXTS, 8, rng, top_k=1) == expected


@every_model
def test_sampled_answers_follow_the_seed_and_hold_words_only(kind: str) -> None:
    model = of_kind(kind)
    many = CONTEXTS[:1] * 40
    a, b, c = (respond_by_sampling(model, many, 6, np.random.default_rng(seed), top_p=0.95) for seed in (1, 1, 2))
    assert a == b != c
    assert len({tuple(ids) for ids in a}) > 5
    assert not {token for ids in a for token in ids} & {PAD, BOS, EOS}
    assert max(map(len, a)) <= 6


def test_first_words_are_drawn_with_their_probabilities() -> None:
    model = of_kind("hred")
    context, N = CONTEXTS[2], 4000
    encoded = model.encode(ended([context]))
    logits, _ = model.decode_step(np.array([BOS]), encoded, encoded.state, model.prepare(0))
    p = np.exp(logits[0] - logits[0].max())
    p /= p.sum()
    drawn = respond_by_sampling(model, [context] * N, 1, np.random.default_rng(3))
    counts = np.bincount([ids[0] if ids else EOS for ids in drawn], minlength=V)
    assert (np.abs(counts / N - p) < 4 * np.sqrt(p * (1 - p) / N) + 1e-12).all()


def test_only_a_latent_variable_makes_greedy_answers_differ() -> None:
    context = [CONTEXTS[3]] * 20
    for kind in "last utterance", "hred":
        assert len({tuple(ids) for ids in respond(of_kind(kind), context, 8, np.random.default_rng(0))}) == 1
    vhred = of_kind("vhred")
    vhred.prior.layers[-1].bias.value[3:] = 4  # a wide prior
    assert len({tuple(ids) for ids in respond(vhred, context, 8, np.random.default_rng(0))}) > 1
    assert len({tuple(ids) for ids in respond(vhred, context, 8)}) == 1


@every_model
def test_what_can_not_be_answered_is_refused(kind: str) -> None:
    model, rng = of_kind(kind), np.random.default_rng(0)
    with pytest.raises(InputError, match="dialogue 2 has no utterance"):
        respond(model, [[[4]], []], 5)
    with pytest.raises(InputError, match="the limit is 0; expected at least 1"):
        respond(model, CONTEXTS, 0)
    with pytest.raises(InputError, match="the beam is 0; expected at least 1"):
        respond_by_beam(model, CONTEXTS, 5, 0)
    with pytest.raises(InputError, match="the temperature is -1"):
        respond_by_sampling(model, CONTEXTS, 5, rng, temperature=-1)


@every_model
def test_no_dialogues_have_no_answers(kind: str) -> None:
    assert respond(of_kind(kind), [], 5) == []
