import itertools
from typing import Any

import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.models.decoding import Hypothesis, beam_search, greedy
from seqrl.models.seq2seq import Encoded, Seq2Seq, Seq2SeqConfig
from seqrl.text.specials import BOS, EOS, PAD, UNKNOWN

Generator = np.random.Generator
A, B = 4, 5


class Markov:
    """A decoder whose next token depends on the last one and on the source alone.

    chances[s][last, next]; the source of row n is its one id. Its state counts the steps, to see that it is carried.
    Like every model it gives PAD and BOS no chance.
    """

    def __init__(self, *chances: Any) -> None:
        with np.errstate(divide="ignore"):
            self.logits = np.log(np.array(chances, float))
        self.logits[..., [PAD, BOS]] = -np.inf

    def encode(self, source: Any, lengths: Any) -> Encoded:
        N = len(source)
        return Encoded(source.T[:, :, None].astype(float), None, lengths, None, None, np.zeros((N, 1)))

    def prepare(self, steps: int) -> Any:
        return None

    def decode_step(self, tokens: Any, encoded: Encoded, state: Any, prepared: Any) -> Any:
        assert len(tokens) == len(state) == encoded.memory.shape[1]
        sources = encoded.memory[0, :, 0].astype(int)
        return self.logits[sources, tokens].copy(), state + 1


def chances(**rows: dict[int, float]) -> Any:
    table = np.full((6, 6), 1e-9)
    for last, following in {"start": BOS, "a": A, "b": B}.items():
        for token, p in rows.get(last, {}).items():
            table[following, token] = p
    return table / table.sum(axis=1, keepdims=True)


# Greedy goes for A, after which nothing is likely; B is less likely at first and surely the end.
TRAP = chances(start={A: 0.6, B: 0.4}, a={EOS: 0.3, A: 0.3, B: 0.4}, b={EOS: 1.0})
SURE = chances(start={B: 1.0}, a={EOS: 1.0}, b={A: 0.9, EOS: 0.1})
FIRST, LENGTH = np.array([[0]]), np.array([1])


def test_beam_search_finds_what_greedy_search_misses() -> None:
    model: Any = Markov(TRAP)
    assert greedy(model, FIRST, LENGTH, 5) == [[A, B]]  # 0.6 * 0.4 * 1
    best = beam_search(model, FIRST, LENGTH, 5, 2, alpha=0)[0][0]
    assert best.ids == [B]  # 0.4 * 1
    assert best.score == pytest.approx(np.log(0.4), abs=1e-7)


def test_the_score_is_the_log_probability_over_the_length_with_its_end() -> None:
    model: Any = Markov(TRAP)
    for alpha in (0.0, 0.6, 1.0, 2.0):
        scores = {tuple(h.ids): h.score for h in beam_search(model, FIRST, LENGTH, 5, 6, alpha)[0]}
        assert scores[(B,)] == pytest.approx(np.log(0.4) / 2**alpha, abs=1e-7)
        assert scores[(A, B)] == pytest.approx(np.log(0.24) / 3**alpha, abs=1e-7)
        assert scores[(A, A, B)] == pytest.approx(np.log(0.6 * 0.3 * 0.4) / 4**alpha, abs=1e-7)


def test_length_normalisation_can_change_the_order() -> None:
    model: Any = Markov(TRAP)
    ranks = [[h.ids for h in beam_search(model, FIRST, LENGTH, 5, 2, alpha)[0]] for alpha in (0.0, 2.0)]
    assert ranks[0] == [[B], [A, B]]
    assert ranks[1] == [[A, B], [B]]


@pytest.mark.parametrize("limit", [1, 2, 3])
@pytest.mark.parametrize("beam", [40, 60])
def test_a_beam_that_holds_all_hypotheses_is_exhaustive_search(limit: int, beam: int, rng: Generator) -> None:
    """Unused places of the beam must not come out as hypotheses."""
    table = rng.random((6, 6))
    model: Any = Markov(table)
    allowed = table.copy()
    allowed[:, [PAD, BOS]] = 0
    p = allowed / allowed.sum(axis=1, keepdims=True)
    expected = []
    for n in range(limit + 1):
        for ids in itertools.product([UNKNOWN, A, B], repeat=n):
            path = [BOS, *ids, EOS] if n < limit else [BOS, *ids]
            chance = np.prod([p[a, b] for a, b in itertools.pairwise(path)])
            expected.append(Hypothesis(list(ids), float(np.log(chance) / (len(path) - 1))))
    expected.sort(key=lambda h: -h.score)
    found = beam_search(model, FIRST, LENGTH, limit, beam)[0]
    assert [h.ids for h in found] == [h.ids for h in expected]
    np.testing.assert_allclose([h.score for h in found], [h.score for h in expected], rtol=1e-10)


def test_what_has_not_ended_at_the_limit_counts_as_it_stands() -> None:
    endless: Any = Markov(chances(start={A: 0.75, B: 0.25}, a={A: 1.0}, b={B: 1.0}))
    assert greedy(endless, FIRST, LENGTH, 3) == [[A, A, A]]
    first, second = beam_search(endless, FIRST, LENGTH, 3, 2)[0]
    assert (first.ids, second.ids) == ([A, A, A], [B, B, B])
    assert first.score == pytest.approx(np.log(0.75) / 3, abs=1e-7)


def test_rows_that_end_at_different_steps_keep_their_own_sources() -> None:
    """Rows leave the batch while others go on; the sources must follow."""
    ends_at_once = chances(start={EOS: 1.0})
    model: Any = Markov(TRAP, SURE, ends_at_once)
    source = np.array([[2], [0], [1], [2], [0]])
    lengths = np.ones(5, np.int64)
    assert greedy(model, source, lengths, 6) == [[], [A, B], [B, A], [], [A, B]]
    best = [h[0].ids for h in beam_search(model, source, lengths, 6, 3, alpha=0)]
    assert best == [[], [B], [B, A], [], [B]]


# ---- with a real model ---------------------------------------------------------------------------------------

MODELS: dict[str, dict[str, Any]] = {
    "lstm, dot": {"cell": "lstm", "attention": "dot", "layers": 2},
    "gru, additive, peeky": {"cell": "gru", "attention": "additive", "peeky": True},
    "rnn, none": {"cell": "rnn", "attention": "none", "bidirectional": False, "reverse_source": True},
    "lstm, none, peeky": {"cell": "lstm", "attention": "none", "peeky": True},
}
every_model = pytest.mark.parametrize("options", MODELS.values(), ids=MODELS)
SOURCES = np.random.default_rng(5).integers(4, 9, (6, 5))
LENGTHS = np.array([5, 1, 3, 4, 0, 2])


def real_model(**options: Any) -> Seq2Seq:
    """Random weights of float64, so that batches of different sizes don't differ by rounding."""
    config = Seq2SeqConfig(9, 8, embedding=3, hidden=6, **options)
    rng = np.random.default_rng(26)
    model = Seq2Seq(config, rng=rng, dropout_rng=rng).astype(np.float64)
    for _, parameter in model.parameters():
        parameter.value[...] = rng.normal(0, 1.2, parameter.shape)
    return model


@every_model
def test_a_beam_of_one_is_greedy_search(options: dict[str, Any]) -> None:
    model = real_model(**options)
    found = beam_search(model, SOURCES, LENGTHS, 10, 1)
    assert [[h.ids for h in row] for row in found] == [[ids] for ids in greedy(model, SOURCES, LENGTHS, 10)]


@every_model
def test_a_batch_is_searched_as_its_rows_alone(options: dict[str, Any]) -> None:
    model = real_model(**options)
    together, searched = greedy(model, SOURCES, LENGTHS, 10), beam_search(model, SOURCES, LENGTHS, 10, 4)
    assert len({len(ids) for ids in together}) > 1, "all rows end together: nothing is tested"
    for n, length in enumerate(LENGTHS):
        alone = SOURCES[n : n + 1, :length], LENGTHS[n : n + 1]
        assert greedy(model, *alone, 10)[0] == together[n]
        found = beam_search(model, *alone, 10, 4)[0]
        assert [h.ids for h in found] == [h.ids for h in searched[n]]
        np.testing.assert_allclose([h.score for h in found], [h.score for h in searched[n]], rtol=1e-10)


@every_model
def test_hypotheses_are_sorted_and_distinct_and_their_scores_are_those_of_the_model(options: dict[str, Any]) -> None:
    model = real_model(**options)
    for n, row in enumerate(beam_search(model, SOURCES, LENGTHS, 6, 5)):
        assert len(row) == len({tuple(h.ids) for h in row}) == 5
        assert [h.score for h in row] == sorted((h.score for h in row), reverse=True)
        for ids, score in row:
            assert score == pytest.approx(forced_score(model, n, ids, 6), rel=1e-10)


def forced_score(model: Seq2Seq, n: int, ids: list[int], limit: int) -> float:
    """The score of one hypothesis, its tokens given one by one."""
    encoded = model.encode(SOURCES[n : n + 1], LENGTHS[n : n + 1])
    state, prepared, total = encoded.state, model.prepare(0), 0.0
    path = ids if len(ids) == limit else [*ids, EOS]
    for last, token in itertools.pairwise([BOS, *path]):
        logits, state = model.decode_step(np.array([last]), encoded, state, prepared)
        chances = np.exp(logits[0])
        chances[[PAD, BOS]] = 0
        total += np.log(chances[token] / chances.sum())
    return total / len(path)


def test_a_wider_beam_of_summed_log_probabilities_finds_no_worse(rng: Generator) -> None:
    for _ in range(20):
        model: Any = Markov(rng.random((6, 6)) ** 4)
        narrow, exhaustive = (beam_search(model, FIRST, LENGTH, 3, beam, alpha=0)[0][0] for beam in (1, 40))
        assert exhaustive.score >= narrow.score - 1e-12


def test_padding_and_the_start_are_never_produced() -> None:
    model = real_model()
    assert model.output.bias is not None
    model.output.bias.value[[PAD, BOS]] = 1e6
    searched = [h.ids for row in beam_search(model, SOURCES, LENGTHS, 4, 5) for h in row]
    tokens = {token for ids in searched + greedy(model, SOURCES, LENGTHS, 4) for token in ids}
    assert tokens
    assert not tokens & {PAD, BOS}


def test_no_rows_give_no_hypotheses() -> None:
    model = real_model()
    assert greedy(model, SOURCES[:0], LENGTHS[:0], 5) == []
    assert beam_search(model, SOURCES[:0], LENGTHS[:0], 5, 3) == []


def test_searching_changes_no_sources() -> None:
    sources, lengths = SOURCES.copy(), LENGTHS.copy()
    beam_search(real_model(), sources, lengths, 5, 3)
    np.testing.assert_array_equal(sources, SOURCES)
    np.testing.assert_array_equal(lengths, LENGTHS)


@pytest.mark.parametrize(("limit", "beam"), [(0, 2), (-1, 2), (5, 0)])
def test_a_limit_or_a_beam_of_nothing_is_refused(limit: int, beam: int) -> None:
    model = real_model()
    what = f"the beam is {beam}" if beam < 1 else f"the limit is {limit}"
    with pytest.raises(InputError, match=f"{what}; expected at least 1"):
        beam_search(model, SOURCES, LENGTHS, limit, beam)
    if limit < 1:
        with pytest.raises(InputError, match=f"the limit is {limit}; expected at least 1"):
            greedy(model, SOURCES, LENGTHS, limit)
