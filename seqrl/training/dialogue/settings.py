"""The settings of a dialogue model's run, with their defaults; the comments are the help of the script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import tyro

from seqrl.errors import InputError, choose
from seqrl.layers.recurrent import CELLS
from seqrl.models.hred import HRED, HREDConfig
from seqrl.models.last_utterance import LastUtterance
from seqrl.models.seq2seq import Seq2SeqConfig
from seqrl.models.vhred import VHRED, VHREDConfig
from seqrl.training import initial_vectors
from seqrl.training.dialogue.task import Model
from seqrl.training.settings import check_counts, check_shares, check_training

LENGTH_LIMITS = {"word": 40, "bpe": 60, "char": 160}
MODELS = {"hred": HRED, "vhred": VHRED, "seq2seq": LastUtterance}


@dataclass(frozen=True)
class DialogueSettings:
    """What to train on, the model, and how it is trained."""

    dialogues: tuple[str, ...] = ()
    """Files of dialogues, plain or gzipped: one utterance a line, a blank line between dialogues."""
    valid: tuple[str, ...] = ()
    """Files of dialogues for validation; without any, some are split off."""
    test: tuple[str, ...] = ()
    """Files of dialogues for the final test; without any, some are split off."""
    model: str = "hred"
    """hred, vhred (with a latent variable) or seq2seq (sees the last utterance only, with attention)."""
    tokenizer: str = "word"
    """word, char or bpe."""
    vocabulary_size: int = 8000
    """Most tokens in the vocabulary; the most frequent stay, others are unknown."""
    max_length: int | None = None
    """Most tokens in an utterance; a dialogue ends before a longer one (default: 40 words, 60 pieces, 160 letters)."""
    max_utterances: int = 16
    """Most utterances in a dialogue; longer ones are cut."""
    cell: str = "gru"
    """rnn, rnn-relu, lstm, lstm-peephole, gru or gru-original."""
    bidirectional: bool = True
    """Read an utterance in both directions, with half of the hidden units for each."""
    layers: int = 1
    """Recurrent layers in encoder and decoder each."""
    hidden: int = 128
    """Units of a recurrent layer."""
    embedding: int = 64
    """Size of a token's vector."""
    embeddings: Annotated[str | None, tyro.conf.arg(metavar="RUN|FILE")] = None
    """Embeddings of this size that the words begin with: a run of train_embeddings.py, or a file of word2vec's."""
    context: int = 128
    """Units of the recurrent layer over utterances."""
    tied: bool = True
    """Let the output of hred and vhred share the words' vectors: what was said is then easily said again."""
    dropout: float = 0.0
    """Probability with which a unit is dropped in training."""
    word_dropout: float | None = None
    """Share of the words that the decoder reads as unknown in training (default: 0.3 for vhred, 0 for others)."""
    latent: int = 16
    """Dimensions of vhred's latent variable."""
    annealing: float = 3.0
    """Epochs over which the weight of vhred's KL rises to 1."""
    free_bits: float = 0.1
    """Nats that each dimension of vhred's latent variable may spend without a cost."""
    optimizer: str = "adam"
    """adam, adamw, sgd, adagrad, adadelta or rmsprop."""
    learning_rate: float = 4e-3
    """At the start of the schedule."""
    schedule: str = "cosine"
    """How the learning rate falls over the epochs: constant, linear or cosine."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    batch_size: int = 16
    """Dialogues in a step."""
    epochs: int = 10
    """Most passes over the dialogues."""
    patience: int = 5
    """Stop after so many epochs without a better validation score."""
    threads: int = 2
    """Parts that a batch is split into, one to a core; they decide the last bits of the results."""
    max_minutes: float | None = None
    """Stop training after so many minutes."""
    seed: int = 0
    """Of everything random: split, weights, dropout, latent variables, order."""

    def check(self) -> None:
        """Raise InputError for a value that is none of the known ones, or out of range."""
        choose("--model", self.model, MODELS)
        choose("--cell", self.cell, CELLS)
        choose("--tokenizer", self.tokenizer, LENGTH_LIMITS)
        initial_vectors.check(self, "embeddings")
        check_counts(self, "layers", "hidden", "embedding", "context", "latent", "max_length")
        check_shares(self, "dropout", "word_dropout")
        check_training(self)
        if self.max_utterances < 2:
            raise InputError(f"--max-utterances is {self.max_utterances}; expected 2 or more")
        for option, value in ("--annealing", self.annealing), ("--free-bits", self.free_bits):
            if not 0 <= value < np.inf:
                raise InputError(f"{option} is {value}; expected 0 or more")

    @property
    def length_limit(self) -> int:
        return self.max_length or LENGTH_LIMITS[self.tokenizer]

    def make(self, vocabulary: int, rng: np.random.Generator, dropout_rng: np.random.Generator) -> Model:
        """The model, with weights drawn from `rng`."""
        shared = {name: getattr(self, name) for name in ("cell", "layers", "embedding", "hidden", "bidirectional")}
        shared |= {"dropout": self.dropout}
        if self.model == "seq2seq":
            seq2seq = Seq2SeqConfig(source_vocabulary=vocabulary, target_vocabulary=vocabulary, **shared)
            return LastUtterance(seq2seq, rng=rng, dropout_rng=dropout_rng)
        shared |= {"vocabulary": vocabulary, "context": self.context, "tied": self.tied}
        if self.model == "hred":
            hred = HREDConfig(word_dropout=self.word_dropout or 0.0, **shared)
            return HRED(hred, rng=rng, dropout_rng=dropout_rng)
        word_dropout = 0.3 if self.word_dropout is None else self.word_dropout
        vhred = VHREDConfig(word_dropout=word_dropout, latent=self.latent, **shared)
        return VHRED(vhred, rng=rng, dropout_rng=dropout_rng)
