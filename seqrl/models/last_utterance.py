"""A sequence-to-sequence model that answers the last utterance and sees none before it: what HRED is measured by."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from seqrl.layer import Layer
from seqrl.layers.recurrent import Prepared, State
from seqrl.models.hred import DialogueBatch
from seqrl.models.seq2seq import Encoded, Seq2Seq, Seq2SeqConfig
from seqrl.parameter import Array, Integers


class LastUtterance(Layer):
    """A Seq2Seq over dialogues: each utterance is the source of the one after it."""

    def __init__(self, config: Seq2SeqConfig, *, rng: np.random.Generator, dropout_rng: np.random.Generator) -> None:
        self.config = config
        self.seq2seq = Seq2Seq(config, rng=rng, dropout_rng=dropout_rng)

    def forward(self, batch: DialogueBatch) -> tuple[Array, Callable[[Array], None]]:
        """Teacher forcing: logits (R, V) of the R real tokens of `batch.pairs().real_rows()`."""
        return self.seq2seq.forward(batch.pairs())

    def __call__(self, batch: DialogueBatch) -> Array:
        """The logits of `forward`, without dropout."""
        return self.seq2seq(batch.pairs())

    def encode(self, batch: DialogueBatch, rng: np.random.Generator | None = None) -> Encoded:
        """Read the last utterance of each dialogue, for the decoder to answer; nothing is drawn."""
        N = len(batch.ids)
        return self.seq2seq.encode(*batch.texts((batch.utterances - 1) * N + np.arange(N)))

    def prepare(self, steps: int) -> Prepared:
        """As Seq2Seq has it."""
        return self.seq2seq.prepare(steps)

    def decode_step(self, tokens: Integers, encoded: Encoded, state: State, prepared: Prepared) -> tuple[Array, State]:
        """As Seq2Seq has it."""
        return self.seq2seq.decode_step(tokens, encoded, state, prepared)
