"""How probable a language model finds a text: perplexity, counted right."""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np

from seqrl import kernels
from seqrl.kernels import threads
from seqrl.layer import rows
from seqrl.layers.recurrent import State
from seqrl.models.language_model import LanguageModel
from seqrl.models.seq2seq import pick_state
from seqrl.text.evaluation import perplexity
from seqrl.text.specials import EOS
from seqrl.training.language.corpus import Ids, Tokens

PIECE, CONTEXT = 4096, 512  # tokens
SIDE_BY_SIDE = 64  # pieces
LOGITS = 2**22  # that are made at a time, about
TOKENS = 2**14  # that are read at a time, at most


class Likelihood(NamedTuple):
    """The negative log-likelihood of a text in nats, and what it is to be divided by."""

    nats: float
    tokens: int
    characters: int

    @property
    def mean(self) -> float:
        return self.nats / self.tokens

    @property
    def perplexity(self) -> float:
        """exp of the mean over tokens, the EOS of every document being one."""
        return perplexity(self.nats, self.tokens)

    @property
    def bits_per_character(self) -> float:
        """Comparable between tokenizers as long as none has unknown tokens; a document's end counts as a character."""
        return self.nats / math.log(2) / self.characters


def likelihood(model: LanguageModel, tokens: Tokens, *, whole: bool = False) -> Likelihood:
    """Every token once, given those before it in its document, from a zero state and EOS at the document's start.

    Documents are read side by side, with the state carried from the first token to the last. Unless they are to be read
    `whole`, one of more than 4,096 tokens is read in pieces of that length, each from the state that the 512 tokens
    before it leave, which are not counted again. That is faster for few long documents, and as good as the same for a
    model whose training goes well; one that has blown up, and forgets nothing, looks better so than it is.
    """
    length = int(np.diff(tokens.edges).max(initial=1)) if whole else PIECE
    pieces = sorted(_pieces(tokens, length), key=lambda piece: -piece.ids.size)
    batches = [pieces[start : start + SIDE_BY_SIDE] for start in range(0, len(pieces), SIDE_BY_SIDE)]
    lanes = threads.run([partial(_nats_of_all, model, batches, lane) for lane in range(threads.COUNT)])
    return Likelihood(sum(lanes), int(tokens.ids.size), tokens.characters)


class _Piece(NamedTuple):
    ids: Ids  # what is read, from an EOS or from inside a document on, and the last target
    counted: int  # the first target that counts


def _pieces(tokens: Tokens, length: int) -> list[_Piece]:
    pieces = []
    for document in tokens.documents():
        ids = np.append(np.int32(EOS), document)
        for start in range(0, document.size, length):
            context = min(start, CONTEXT)
            pieces.append(_Piece(ids[start - context : start + length + 1], context))
    return pieces


def _nats_of_all(model: LanguageModel, batches: list[list[_Piece]], lane: int) -> float:
    """What one of several threads counts: every other piece of each batch."""
    parts = (batch[lane :: threads.COUNT] for batch in batches)
    return sum(_nats(model, part) for part in parts if part)


def _nats(model: LanguageModel, pieces: list[_Piece]) -> float:
    """Pieces side by side, the longest first, so that those still being read are always the first ones."""
    lengths = np.array([piece.ids.size - 1 for piece in pieces])
    counted = np.array([piece.counted for piece in pieces])
    at_once = min(TOKENS, LOGITS // model.config.vocabulary)
    state: State = None
    total, start = 0.0, 0
    while start < lengths[0]:
        N = int((lengths > start).sum())
        if state is not None:
            state = pick_state(state, np.arange(N))
        stop = min(start + max(1, at_once // N), int(lengths[0]))
        ids = np.full((stop - start + 1, N), EOS, np.int64)
        for n, piece in enumerate(pieces[:N]):
            part = piece.ids[start : stop + 1]
            ids[: part.size, n] = part
        y, state = model.read(ids[:-1], state)
        steps = np.arange(start, stop)[:, None]
        real = np.flatnonzero((steps >= counted[:N]) & (steps < lengths[:N]))
        logits = model.output(rows(y)[real])
        total += kernels.softmax_cross_entropy(logits, ids[1:].ravel()[real], 0.0, 1.0)
        start = stop
    return total
