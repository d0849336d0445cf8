"""The settings of a language model's run, with their defaults; the comments are the help of the script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tyro

from seqrl.errors import InputError, choose
from seqrl.layers.recurrent import CELLS
from seqrl.models.language_model import LanguageModelConfig
from seqrl.text.tokenizers import PIECES
from seqrl.training import initial_vectors
from seqrl.training.settings import check_counts, check_positive, check_shares, check_training


@dataclass(frozen=True)
class LanguageSettings:
    """What to train on, the model, and how it is trained."""

    texts: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[TEXT ...]")] = ()
    """Text files in UTF-8, plain or gzipped, each a document; without any, the documentation of Python and NumPy."""
    valid: tuple[str, ...] = ()
    """Files for validation; without any, some of the text is held out, in whole documents where there are enough."""
    test: tuple[str, ...] = ()
    """Files for the final test; without any, some of the text is held out."""
    tokenizer: str = "char"
    """char, word or bpe."""
    vocabulary_size: int | None = None
    """Most tokens in a vocabulary, the most frequent (default: all characters, 10,000 words or 4,000 bpe pieces)."""
    cell: str = "lstm"
    """rnn, rnn-relu, lstm, lstm-peephole, gru or gru-original."""
    layers: int = 1
    """Recurrent layers."""
    hidden: int = 256
    """Units of a recurrent layer."""
    embedding: int = 128
    """Size of a token's vector."""
    embeddings: Annotated[str | None, tyro.conf.arg(metavar="RUN|FILE")] = None
    """Embeddings of this size that the words begin with: a run of train_embeddings.py, or a file of word2vec's."""
    tied: bool = False
    """Let the output layer share the embedding's weights; the last layer then has the embedding's size."""
    dropout: float = 0.0
    """Probability with which what enters a layer, or leaves the last one, is dropped in training."""
    variational: bool = False
    """Drop the same places at all steps of a chunk."""
    optimizer: str = "adam"
    """adam, adamw, sgd, adagrad, adadelta or rmsprop."""
    learning_rate: float = 8e-3
    """At the start of the schedule."""
    schedule: str = "cosine"
    """How the learning rate falls over the epochs: constant, linear or cosine."""
    anneal: float = 1.0
    """Multiply the learning rate by this after every epoch without a better validation loss, such as 0.25."""
    clip: float = 1.0
    """Largest norm of the gradient."""
    batch_size: int = 32
    """Streams that the text is cut into, read side by side."""
    bptt: int = 64
    """Tokens of each stream in a step, through which the gradient goes back; the state is carried on further."""
    epochs: int = 4
    """Most passes over the text."""
    patience: int = 5
    """Stop after so many epochs without a better validation loss."""
    threads: int = 2
    """Parts that a batch is split into, one to a core; they decide the last bits of the results."""
    max_minutes: float | None = None
    """Stop training after so many minutes."""
    seed: int = 0
    """Of everything random: split, weights, dropout, order of the documents."""

    def check(self) -> None:
        """Raise InputError for a value that is none of the known ones, or out of range."""
        choose("--cell", self.cell, CELLS)
        choose("--tokenizer", self.tokenizer, PIECES)
        initial_vectors.check(self, "embeddings")
        check_counts(self, "layers", "hidden", "embedding", "bptt")
        check_positive(self, "anneal")
        if self.anneal > 1:
            raise InputError(f"--anneal is {self.anneal}; expected at most 1")
        check_shares(self, "dropout")
        check_training(self)
        if self.tied and self.layers == 1 and self.hidden != self.embedding:
            raise InputError(
                f"--tied with one layer needs --hidden and --embedding of one size; they are {self.hidden} and "
                f"{self.embedding}"
            )

    @property
    def vocabulary_limit(self) -> int | None:
        return self.vocabulary_size or {"char": None, "word": 10_000, "bpe": 4_000}[self.tokenizer]

    def model(self, vocabulary: int) -> LanguageModelConfig:
        return LanguageModelConfig(
            vocabulary=vocabulary,
            cell=self.cell,
            layers=self.layers,
            embedding=self.embedding,
            hidden=self.hidden,
            tied=self.tied,
            dropout=self.dropout,
            variational=self.variational,
        )
