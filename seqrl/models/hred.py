"""Hierarchical recurrent encoder-decoder: the next utterance of a dialogue after all utterances before it.

    v_u = encoder(E[utterance_u])                   final state; both directions side by side if bidirectional
    c_u = context(v_u, c_{u-1})                     what has been said up to utterance u
    d_0 = tanh(c_u W_0 + b_0)
    d_t = decoder([E[w_{t-1}], c_u], d_{t-1})       w: the words of utterance u + 1
    p(w_t) = softmax(d_t W_o + b_o)

Sordoni et al. 2015 (A hierarchical recurrent encoder-decoder for generative context-aware query suggestion);
Serban et al. 2016 (Building end-to-end dialogue systems using generative hierarchical neural network models), whose
decoder sees the context at every step.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from seqrl.errors import InputError
from seqrl.parameter import Integers
from seqrl.text.specials import PAD


class DialogueBatch(NamedTuple):
    """Dialogues, batch first as people hold them, padded at the end; every utterance ends with EOS."""

    ids: Integers  # (N, U, S)
    lengths: Integers  # (N, U), tokens of each utterance with its EOS; 0 past the last one
    utterances: Integers  # (N,)

    @property
    def target_tokens(self) -> int:
        """How many tokens are predicted: those of all utterances but the first of each dialogue."""
        return int(self.lengths[:, 1:].sum())

    def split(self, parts: int) -> list[DialogueBatch]:
        """At most `parts` batches of neighbouring dialogues, none empty, each cut to its own longest."""
        N = len(self.ids)
        edges = [N * part // parts for part in range(parts + 1)]
        return [self._rows(start, stop) for start, stop in pairwise(edges) if start < stop]

    def _rows(self, start: int, stop: int) -> DialogueBatch:
        ids, lengths, utterances = (field[start:stop] for field in self)
        U, S = utterances.max(), lengths.max()
        return DialogueBatch(ids[:, :U, :S], lengths[:, :U], utterances)


def pad_dialogues(dialogues: Sequence[Sequence[Sequence[int]]]) -> DialogueBatch:
    """Dialogues, each a list of utterances, each a list of token ids that ends with EOS, as one batch.

    Raises InputError for a dialogue without utterances and for an utterance without tokens.
    """
    utterances = np.array([len(dialogue) for dialogue in dialogues], np.int64)
    lengths = np.zeros((len(dialogues), utterances.max(initial=0)), np.int64)
    for n, dialogue in enumerate(dialogues):
        lengths[n, : len(dialogue)] = [len(utterance) for utterance in dialogue]
        if not len(dialogue) or not lengths[n, : len(dialogue)].all():
            what = f"an empty utterance: {dialogue}" if len(dialogue) else "no utterance"
            raise InputError(f"dialogue {n + 1} has {what}; expected at least one, with a token in each")
    ids = np.full((*lengths.shape, lengths.max(initial=0)), PAD, np.int64)
    ids[np.arange(ids.shape[2]) < lengths[:, :, None]] = [i for d in dialogues for utterance in d for i in utterance]
    return DialogueBatch(ids, lengths, utterances)
