"""Answers to dialogues of token ids, by any model that encodes dialogues: HRED, VHRED, LastUtterance.

A dialogue is a list of utterances, each a list of ids without EOS; an answer is one too. VHRED draws z from the prior
with the `rng` that is given, once for each dialogue: the same dialogue several times gets several answers. Without one
it takes the prior's mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from seqrl.models.decoding import Decoder, Hypothesis, beam_search_from, greedy_from, sample_from
from seqrl.models.hred import DialogueBatch, pad_dialogues
from seqrl.text.specials import EOS

Dialogue = Sequence[Sequence[int]]


class Responder(Decoder, Protocol):
    """A model that reads dialogues."""

    def encode(self, batch: DialogueBatch, rng: np.random.Generator | None = None) -> Any:
        """What decoding the answers needs."""


def respond(
    model: Responder, dialogues: Sequence[Dialogue], limit: int, rng: np.random.Generator | None = None
) -> list[list[int]]:
    """The answers of greedy search, of at most `limit` tokens."""
    batch = ended(dialogues)
    return greedy_from(model, model.encode(batch, rng), limit, _steps(batch))


def respond_by_beam(
    model: Responder,
    dialogues: Sequence[Dialogue],
    limit: int,
    beam: int,
    rng: np.random.Generator | None = None,
) -> list[list[Hypothesis]]:
    """The `beam` best answers to each, best first."""
    batch = ended(dialogues)
    return beam_search_from(model, model.encode(batch, rng), limit, _steps(batch), beam)


def respond_by_sampling(
    model: Responder,
    dialogues: Sequence[Dialogue],
    limit: int,
    rng: np.random.Generator,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> list[list[int]]:
    """Answers of which every token is drawn, and z before them."""
    batch = ended(dialogues)
    return sample_from(model, model.encode(batch, rng), limit, _steps(batch), rng, temperature, top_k, top_p)


def ended(dialogues: Sequence[Dialogue]) -> DialogueBatch:
    """Dialogues as a batch, with EOS after each utterance."""
    return pad_dialogues([[[*utterance, EOS] for utterance in dialogue] for dialogue in dialogues])


def _steps(batch: DialogueBatch) -> int:
    """About how many tokens the answers have: as many as the longest utterance each."""
    N, _, S = batch.ids.shape
    return N * S
