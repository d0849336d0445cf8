"""Greedy search, sampling and beam search over a decoder, for a batch at a time.

`greedy` and `beam_search` translate sources; those with `_from` go on from what any model with a decoder has encoded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from seqrl.errors import InputError
from seqrl.kernels.blas import one_thread
from seqrl.layers.recurrent import Prepared, State
from seqrl.models.sampling import check_sampling, sample
from seqrl.models.seq2seq import Seq2Seq, pick_state
from seqrl.parameter import Array, Integers
from seqrl.text.specials import BOS, EOS

LEAVING = 0.8  # rows that have ended are taken out when no more than this share goes on: taking out costs copies


class Hypothesis(NamedTuple):
    """Target ids without EOS, and their score: log-probability over length^alpha."""

    ids: list[int]
    score: float


class Encoded(Protocol):
    """What a decoder needs of N sources or contexts."""

    @property
    def state(self) -> State:
        """The decoder's initial state."""

    def pick(self, rows: npt.NDArray[np.intp], /) -> Any:
        """The same for some of them, possibly repeated."""


class Decoder(Protocol):
    """A model that says what comes next, such as Seq2Seq and HRED."""

    def prepare(self, steps: int) -> Prepared:
        """What makes `steps` calls of `decode_step`, over all rows, fast."""

    def decode_step(self, tokens: Integers, encoded: Any, state: State, prepared: Prepared) -> tuple[Array, State]:
        """Logits (N, V) of the token after `tokens` (N,), and the state after them."""


def greedy(model: Seq2Seq, source: Integers, lengths: Integers, limit: int) -> list[list[int]]:
    """The likeliest token at each step, until EOS or `limit` tokens."""
    N, S = source.shape
    _check(limit=limit)
    with one_thread():
        return greedy_from(model, model.encode(source, lengths), limit, N * S)


def greedy_from(model: Decoder, encoded: Encoded, limit: int, steps: int) -> list[list[int]]:
    """The likeliest token at each step, until EOS or `limit` tokens.

    steps: how many tokens of all rows are to be expected, by which the faster way is chosen; no limit.
    """
    return _decode(model, encoded, limit, steps, lambda logits: logits.argmax(axis=1))


def sample_from(
    model: Decoder,
    encoded: Encoded,
    limit: int,
    steps: int,
    rng: np.random.Generator,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> list[list[int]]:
    """A token drawn at each step as `sampling.sample` does it, until EOS or `limit` tokens; steps: of `greedy_from`."""
    check_sampling(temperature, top_k, top_p)
    return _decode(model, encoded, limit, steps, lambda logits: sample(logits, rng, temperature, top_k, top_p))


@one_thread()  # its products are too small to share, and on a busy machine sharing them takes many times longer
def _decode(
    model: Decoder, encoded: Encoded, limit: int, steps: int, choose: Callable[[Array], Integers]
) -> list[list[int]]:
    """Tokens that `choose` picks of the logits (N, V), until EOS or `limit`. Rows that have ended leave the batch."""
    _check(limit=limit)
    state, prepared = encoded.state, model.prepare(steps)
    N = _rows(state)
    tokens = np.full(N, BOS, np.int64)
    alive = np.arange(N)
    going = np.ones(N, np.bool_)  # of those alive
    ids = np.full((N, limit + 1), EOS, np.int64)
    for t in range(limit):
        logits, state = model.decode_step(tokens, encoded, state, prepared)
        tokens = choose(logits)
        ids[alive, t] = tokens
        going &= tokens != EOS
        count = np.count_nonzero(going)
        if count == 0:
            break
        if count <= LEAVING * len(going):
            keep = np.flatnonzero(going)
            encoded, state, tokens, alive = encoded.pick(keep), pick_state(state, keep), tokens[keep], alive[keep]
            going = going[keep]
    ends = (ids == EOS).argmax(axis=1)
    return [row[:end].tolist() for row, end in zip(ids, ends, strict=True)]


def beam_search(
    model: Seq2Seq, source: Integers, lengths: Integers, limit: int, beam: int, alpha: float = 1.0
) -> list[list[Hypothesis]]:
    """The `beam` best translations of each row, best first, as `beam_search_from` finds them."""
    N, S = source.shape
    _check(limit=limit, beam=beam)
    with one_thread():
        return beam_search_from(model, model.encode(source, lengths), limit, N * S, beam, alpha)


@one_thread()
def beam_search_from(
    model: Decoder, encoded: Encoded, limit: int, steps: int, beam: int, alpha: float = 1.0
) -> list[list[Hypothesis]]:
    """The `beam` best hypotheses of each row, best first, by log-probability / length^alpha with EOS counted
    (Wu et al. 2016, section 7, with the plain power as the penalty).

    A hypothesis that ends keeps its place in the beam, so a beam of 1 is greedy search; a row is done when all its
    places have ended, and what is live after `limit` tokens counts as it stands. steps: of `greedy_from`.
    """
    _check(limit=limit, beam=beam)
    N = _rows(encoded.state)
    encoded = encoded.pick(np.repeat(np.arange(N), beam))
    state, prepared = encoded.state, model.prepare(steps * beam)
    tokens = np.full(N * beam, BOS, np.int64)
    scores = np.full((N, beam), -np.inf)  # log-probabilities; -inf for a place that is not in use
    scores[:, 0] = 0  # at first all places would be the same
    alive = list(range(N))
    prefixes: list[list[list[int]]] = [[[]] * beam for _ in range(N)]
    ended: list[list[Hypothesis]] = [[] for _ in range(N)]
    for t in range(limit):
        logits, state = model.decode_step(tokens, encoded, state, prepared)
        V = logits.shape[1]
        totals = (scores.reshape(-1, 1) + _log_softmax(logits)).reshape(len(alive), beam * V)
        best = _largest(totals, min(beam, beam * V))
        going, parents, next_tokens, next_scores = [], [], [], []
        for k, row in enumerate(alive):
            live = []
            for place in best[k, : beam - len(ended[row])]:
                (parent, token), score = divmod(int(place), V), float(totals[k, place])
                if not score > -np.inf:  # from here on the places are not in use
                    break
                if token == EOS:
                    ended[row].append(Hypothesis(prefixes[row][parent], score / (t + 1) ** alpha))
                else:
                    live.append((parent, token, score))
            if not live:
                continue
            live += [(live[0][0], live[0][1], -np.inf)] * (beam - len(live))
            prefixes[row] = [[*prefixes[row][parent], token] for parent, token, _ in live]
            going.append(k)
            parents += [k * beam + parent for parent, _, _ in live]
            next_tokens += [token for _, token, _ in live]
            next_scores.append([score for _, _, score in live])
        if len(going) < len(alive):  # the places of one row share its memory, so only a row that leaves matters
            encoded = encoded.pick(np.array(parents, np.intp))
        alive = [alive[k] for k in going]
        if not alive:
            break
        state, tokens = pick_state(state, np.array(parents)), np.array(next_tokens)
        scores = np.array(next_scores)
    for k, row in enumerate(alive):
        live_scores = zip(prefixes[row], scores[k], strict=True)
        ended[row] += [Hypothesis(ids, float(s) / limit**alpha) for ids, s in live_scores if s > -np.inf]
    return [sorted(hypotheses, key=lambda h: -h.score) for hypotheses in ended]


def _check(**counts: int) -> None:
    for what, number in counts.items():
        if number < 1:
            raise InputError(f"the {what} is {number}; expected at least 1")


def _rows(state: State) -> int:
    return _rows(state[0]) if isinstance(state, tuple) else len(state)


def _largest(x: Array, k: int) -> Integers:
    """The columns of the k largest entries of each row, largest first."""
    some = np.argpartition(-x, k - 1, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(x, some, axis=1), axis=1, kind="stable")
    return np.take_along_axis(some, order, axis=1)


def _log_softmax(logits: Array) -> Array:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
