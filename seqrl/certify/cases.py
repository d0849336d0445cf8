"""Everything that is certified, a line each. What the library has and no line names fails the certificate.

A layer's case says how to make it and which inputs it takes; the modules of checks beside this one do the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from seqrl import regularizers
from seqrl.activations import Identity, LeakyReLU, LogSoftmax, ReLU, Sigmoid, Softmax, Step, Tanh
from seqrl.certify.language import LogitsAndStates
from seqrl.layer import Chain, Concatenate, Layer, Residual
from seqrl.layers.attention import AdditiveAttention, DotAttention, GeneralAttention
from seqrl.layers.augmentation import RandomShift
from seqrl.layers.bidirectional import Bidirectional
from seqrl.layers.convolution import Conv2D
from seqrl.layers.dense import Dense, TiedDense
from seqrl.layers.dropout import Dropout, VariationalDropout
from seqrl.layers.embedding import Embedding
from seqrl.layers.gaussian import GaussianKL, GaussianSample
from seqrl.layers.maxout import Maxout
from seqrl.layers.mlp import MLP, SideBySide
from seqrl.layers.normalization import BatchNorm, LayerNorm
from seqrl.layers.pooling import AvgPool2D, Flatten, GlobalAvgPool2D, GlobalMaxPool2D, MaxPool2D
from seqrl.layers.recurrent import GRU, LSTM, RNN, Stack
from seqrl.losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    categorical_cross_entropy,
    half_squared_error,
    hinge,
    huber,
    mean_squared_error,
    multiclass_hinge,
    softmax_cross_entropy,
)
from seqrl.models.hred import HRED, DialogueBatch, HREDConfig
from seqrl.models.language_model import LanguageModel, LanguageModelConfig
from seqrl.models.last_utterance import LastUtterance
from seqrl.models.seq2seq import Batch, Seq2Seq, Seq2SeqConfig
from seqrl.models.vhred import VHRED, VHREDConfig
from seqrl.optimizers import LBFGS, SGD, Adadelta, Adagrad, Adam, AdamW, Optimizer, RMSprop
from seqrl.parameter import Parameter
from seqrl.training.sequential import Sequential

Generator = np.random.Generator
Inputs = tuple[Any, ...]

# ---- inputs of layers: (rng, T, N) -> the arguments of forward -----------------------------------------------
# N is how many examples there are, T how large one is: steps of a sequence, or the height of an image.


def sequences(rng: Generator, T: int, N: int) -> Inputs:
    return (rng.normal(size=(T, N, 2)),)


def wide_sequences(rng: Generator, T: int, N: int) -> Inputs:
    return (rng.normal(size=(T, N, 7)),)


def ids(rng: Generator, T: int, N: int) -> Inputs:
    return (rng.integers(0, 6, (T, N)),)


def feature_rows(rng: Generator, T: int, N: int) -> Inputs:
    return (rng.normal(size=(N, 3)),)


def images(rng: Generator, T: int, N: int) -> Inputs:
    return (rng.normal(size=(N, 2, T + 4, 5)),)


def query_and_memory(rng: Generator, T: int, N: int) -> Inputs:
    """The memories have 5 steps, of which 5, 1, none, 5, ... are real."""
    return rng.normal(size=(T, N, 4)), rng.normal(size=(5, N, 4)), np.resize([5, 1, 0], N)


def pairs(rng: Generator, T: int, N: int) -> Inputs:
    source, target = rng.integers(4, 9, (N, 5)), rng.integers(3, 7, (N, T))
    return (Batch(source, np.resize([5, 1, 3], N), target, np.resize([T, 1], N)),)


def one_gaussian(rng: Generator, T: int, N: int) -> Inputs:
    return (rng.normal(size=(T, N, 6)),)


def two_gaussians(rng: Generator, T: int, N: int) -> Inputs:
    return rng.normal(size=(T, N, 6)), rng.normal(size=(T, N, 6))


def dialogues(rng: Generator, T: int, N: int) -> Inputs:
    """Of 3, 1, 4, 3, ... utterances, of which the longest has T tokens."""
    utterances = np.resize([3, 1, 4], N) * min(T, 1)  # of no tokens, none
    lengths = np.where(np.arange(4) < utterances[:, None], np.resize([T, 1, 2], (N, 4)).clip(max=T), 0)
    ids = rng.integers(3, 7, (N, 4, T))
    return (DialogueBatch(ids, lengths, utterances),)


# ---- layers --------------------------------------------------------------------------------------------------


def plain(layer: Any, *inputs: Any) -> tuple[Any, Any]:
    return layer.forward(*inputs)


def context_only(layer: Any, *inputs: Any) -> tuple[Any, Any]:
    """Attention's weights have no gradient of their own."""
    (context, _), backward = layer.forward(*inputs)
    return context, backward


def logits_and_kl(layer: Any, *inputs: Any) -> tuple[Any, Any]:
    """Both outputs in one column; the noise is drawn from the layer's generator, which differences put back."""
    (logits, kl), backward = layer.forward(*inputs)

    def backward_both(dy: Any) -> Any:
        return backward(dy[: logits.size].reshape(logits.shape), dy[logits.size :].reshape(kl.shape))

    return np.concatenate([logits.ravel(), kl.ravel()])[:, None], backward_both


def text_and_states(count: int) -> Callable[[Generator, int, int], Inputs]:
    """Ids, and as many arrays of an initial state."""

    def inputs(rng: Generator, T: int, N: int) -> Inputs:
        return rng.integers(0, LANGUAGE_SIZE, (T, N)), rng.normal(size=(count, N, LANGUAGE_SIZE))

    return inputs


class LayerCase(NamedTuple):
    """`make(rng)` gives the layer, `inputs(rng, T, N)` the arguments that `forward(layer, *arguments)` hands to it."""

    make: Callable[[Generator], Layer]
    inputs: Callable[[Generator, int, int], Inputs] = sequences
    forward: Callable[..., tuple[Any, Any]] = plain
    batch_axis: int | None = 1  # where the examples lie in inputs and output: 1 in sequences (T, N, D), 0 in images
    # and feature rows; None where they are no rows of one array or, as in batch norm, one changes the others
    smallest: tuple[int, int] = (1, 1)  # the smallest T and N that forward takes
    of: str = ""  # the layer's name, where it only works together with others and `make` gives a Chain


def tied(layer: Dense | Embedding) -> Chain:
    return Chain(layer, Tanh(), TiedDense(layer))


def mlp(*sizes: int, activation: str = "tanh") -> Callable[[Generator], MLP]:
    def make(rng: Generator) -> MLP:
        return MLP(*(Dense(n_in, n_out, rng=rng) for n_in, n_out in pairwise(sizes)), activation=activation)

    return make


def name_of(case: LayerCase) -> str:
    """The name of the layer that a case is about."""
    return case.of or type(case.make(np.random.default_rng(0))).__name__


def seq2seq(rng: Generator, dropout: float = 0.0, **options: Any) -> Seq2Seq:
    config = Seq2SeqConfig(9, 7, embedding=3, hidden=4, dropout=dropout, **options)
    return Seq2Seq(config, rng=rng, dropout_rng=np.random.default_rng(1))


def hred(rng: Generator, **options: Any) -> HRED:
    config = HREDConfig(7, embedding=3, hidden=4, context=5, **options)
    return HRED(config, rng=rng, dropout_rng=np.random.default_rng(1))


def vhred(rng: Generator, **options: Any) -> VHRED:
    config = VHREDConfig(7, embedding=3, hidden=4, context=5, latent=2, **options)
    return VHRED(config, rng=rng, dropout_rng=np.random.default_rng(1))


LANGUAGE_SIZE = 6  # of vocabulary, embedding and hidden alike


def language_model(rng: Generator, **options: Any) -> LogitsAndStates:
    size = LANGUAGE_SIZE
    config = LanguageModelConfig(size, embedding=size, hidden=size, **options)
    return LogitsAndStates(LanguageModel(config, rng=rng, dropout_rng=np.random.default_rng(1)))


def last_utterance(rng: Generator) -> LastUtterance:
    config = Seq2SeqConfig(7, 7, embedding=3, hidden=4)
    return LastUtterance(config, rng=rng, dropout_rng=np.random.default_rng(1))


def framed_and_shifted(rng: Generator) -> Chain:
    """Images in a frame of zeros that takes the shift up, so that the mean of all pixels is that of inference."""
    return Chain(Conv2D(2, 3, 1, padding=1, bias=False, rng=rng), RandomShift(1, rng=rng), GlobalAvgPool2D())


# Each option in each of its values, and those that meet in the code together.
SEQ2SEQS: dict[str, Callable[[Generator], Layer]] = {
    "plain": lambda rng: seq2seq(rng, cell="rnn", attention="none", bidirectional=False),
    "peeky": lambda rng: seq2seq(rng, attention="none", peeky=True),
    "dot": lambda rng: seq2seq(rng, cell="gru", attention="dot", layers=2),
    "scaled dot, reversed": lambda rng: seq2seq(
        rng, cell="rnn", attention="scaled-dot", reverse_source=True, bidirectional=False
    ),
    "general, peeky": lambda rng: seq2seq(rng, cell="gru", attention="general", peeky=True, layers=2),
    "additive": lambda rng: seq2seq(rng, attention="additive", peeky=True, layers=2, reverse_source=True),
    "dropout": lambda rng: seq2seq(rng, dropout=0.3, layers=2),
}

HREDS: dict[str, Callable[[Generator], Layer]] = {
    "plain": lambda rng: hred(rng, cell="rnn", bidirectional=False, tied=False),
    "two layers": lambda rng: hred(rng, cell="lstm", layers=2),
    "words dropped": lambda rng: hred(rng, word_dropout=0.4, dropout=0.3),
}

VHREDS: dict[str, Callable[[Generator], Layer]] = {
    "plain": lambda rng: vhred(rng, bidirectional=False, tied=False),
    "words dropped": lambda rng: vhred(rng, cell="lstm", layers=2, word_dropout=0.4, dropout=0.3),
}


# What makes them, and how many arrays their state has.
LANGUAGE_MODELS: dict[str, tuple[Callable[[Generator], Layer], int]] = {
    "one layer": (lambda rng: language_model(rng, cell="gru"), 1),
    "two layers, tied": (lambda rng: language_model(rng, cell="lstm", layers=2, tied=True), 4),
    "dropout": (lambda rng: language_model(rng, cell="lstm", layers=2, dropout=0.4), 4),
    "variational dropout": (lambda rng: language_model(rng, cell="rnn", layers=2, dropout=0.2, variational=True), 2),
}

LAYERS: dict[str, LayerCase] = {
    "Dense": LayerCase(lambda rng: Dense(2, 3, rng=rng)),
    "Dense without bias": LayerCase(lambda rng: Dense(2, 3, rng=rng, bias=False)),
    "MLP": LayerCase(mlp(2, 5, 3)),
    "MLP, ReLU": LayerCase(mlp(3, 4, 6, 2, activation="relu"), feature_rows, batch_axis=0),
    "SideBySide": LayerCase(lambda rng: SideBySide(mlp(3, 5, 4, 1)(rng), mlp(3, 2)(rng)), feature_rows, batch_axis=0),
    "Dense on rows": LayerCase(lambda rng: Dense(3, 2, rng=rng), feature_rows, batch_axis=0),
    "TiedDense to a Dense": LayerCase(lambda rng: tied(Dense(2, 3, rng=rng)), of="TiedDense"),
    "TiedDense to an Embedding": LayerCase(lambda rng: tied(Embedding(6, 3, rng=rng)), ids, of="TiedDense"),
    "Embedding": LayerCase(lambda rng: Embedding(6, 3, rng=rng), ids),
    "Conv2D": LayerCase(lambda rng: Conv2D(2, 3, 3, rng=rng), images, batch_axis=0),
    "Conv2D, same, strided": LayerCase(
        lambda rng: Conv2D(2, 3, (2, 3), rng=rng, stride=2, padding="same", bias=False), images, batch_axis=0
    ),
    "MaxPool2D": LayerCase(lambda rng: MaxPool2D(2), images, batch_axis=0),
    "MaxPool2D, overlapping": LayerCase(lambda rng: MaxPool2D(3, stride=2), images, batch_axis=0),
    "AvgPool2D": LayerCase(lambda rng: AvgPool2D(3, stride=2), images, batch_axis=0),
    "GlobalMaxPool2D": LayerCase(lambda rng: GlobalMaxPool2D(), images, batch_axis=0),
    "GlobalAvgPool2D": LayerCase(lambda rng: GlobalAvgPool2D(), images, batch_axis=0),
    "Flatten": LayerCase(lambda rng: Flatten(), images, batch_axis=0),
    "BatchNorm": LayerCase(lambda rng: BatchNorm(3), feature_rows, batch_axis=None, smallest=(1, 4)),
    "BatchNorm of images": LayerCase(lambda rng: BatchNorm(2), images, batch_axis=None),
    "LayerNorm": LayerCase(lambda rng: LayerNorm(7), wide_sequences),
    "RandomShift": LayerCase(framed_and_shifted, images, batch_axis=0, of="RandomShift"),
    "Dropout": LayerCase(lambda rng: Dropout(0.4, rng=rng)),
    "VariationalDropout": LayerCase(lambda rng: VariationalDropout(0.4, rng=rng)),
    "no Dropout": LayerCase(lambda rng: Dropout(0.0, rng=rng)),
    "GaussianSample": LayerCase(lambda rng: GaussianSample(rng=rng), one_gaussian),
    "GaussianKL": LayerCase(lambda rng: GaussianKL(), two_gaussians),
    "Tanh": LayerCase(lambda rng: Tanh()),
    "Sigmoid": LayerCase(lambda rng: Sigmoid()),
    "ReLU": LayerCase(lambda rng: ReLU()),
    "LeakyReLU": LayerCase(lambda rng: LeakyReLU(0.2)),
    "Identity": LayerCase(lambda rng: Identity()),
    "Step": LayerCase(lambda rng: Step()),
    "Softmax": LayerCase(lambda rng: Softmax()),
    "LogSoftmax": LayerCase(lambda rng: LogSoftmax()),
    "Maxout": LayerCase(lambda rng: Maxout(2, 3, 4, rng=rng)),
    "Chain": LayerCase(lambda rng: Chain(Dense(2, 3, rng=rng), Tanh(), LSTM(3, 2, rng=rng))),
    "Sequential": LayerCase(
        lambda rng: Sequential([Dense(3, 4, rng=rng), Tanh(), Dense(4, 2, rng=rng)]), feature_rows, batch_axis=0
    ),
    "Residual": LayerCase(lambda rng: Residual(Dense(2, 2, rng=rng))),
    "Concatenate": LayerCase(lambda rng: Concatenate(Tanh(), Dense(2, 3, rng=rng), RNN(2, 1, rng=rng))),
    "RNN": LayerCase(lambda rng: RNN(2, 5, rng=rng)),
    "RNN of relu": LayerCase(lambda rng: RNN(2, 5, rng=rng, nonlinearity="relu")),
    "LSTM": LayerCase(lambda rng: LSTM(2, 5, rng=rng)),
    "LSTM with peepholes": LayerCase(lambda rng: LSTM(2, 5, rng=rng, peephole=True)),
    "LSTM of one unit": LayerCase(lambda rng: LSTM(2, 1, rng=rng, peephole=True)),
    "GRU": LayerCase(lambda rng: GRU(2, 5, rng=rng)),
    "GRU, original": LayerCase(lambda rng: GRU(2, 5, rng=rng, reset_after=False)),
    "Bidirectional": LayerCase(lambda rng: Bidirectional(LSTM(2, 3, rng=rng), GRU(2, 4, rng=rng))),
    "Stack": LayerCase(lambda rng: Stack([LSTM(2, 3, rng=rng), GRU(3, 4, rng=rng)])),
    "Stack of Bidirectional": LayerCase(
        lambda rng: Stack(
            [
                Bidirectional(GRU(2, 2, rng=rng), RNN(2, 1, rng=rng)),
                Bidirectional(RNN(3, 5, rng=rng), LSTM(3, 5, rng=rng, peephole=True)),
            ]
        )
    ),
    "Stack with dropout": LayerCase(
        lambda rng: Stack([RNN(2, 3, rng=rng), LSTM(3, 4, rng=rng)], dropout=Dropout(0.3, rng=rng)),
    ),
    "DotAttention": LayerCase(lambda rng: DotAttention(), query_and_memory, context_only),
    "DotAttention, scaled": LayerCase(lambda rng: DotAttention(scaled=True), query_and_memory, context_only),
    "GeneralAttention": LayerCase(lambda rng: GeneralAttention(4, 4, rng=rng), query_and_memory, context_only),
    "AdditiveAttention": LayerCase(lambda rng: AdditiveAttention(4, 4, 3, rng=rng), query_and_memory, context_only),
    **{f"Seq2Seq, {name}": LayerCase(make, pairs, batch_axis=None) for name, make in SEQ2SEQS.items()},
    **{
        f"LanguageModel, {name}": LayerCase(make, text_and_states(count), of="LanguageModel")
        for name, (make, count) in LANGUAGE_MODELS.items()
    },
    **{f"HRED, {name}": LayerCase(make, dialogues, batch_axis=None) for name, make in HREDS.items()},
    **{f"VHRED, {name}": LayerCase(make, dialogues, logits_and_kl, None) for name, make in VHREDS.items()},
    "LastUtterance": LayerCase(last_utterance, dialogues, batch_axis=None),
}

# ---- losses --------------------------------------------------------------------------------------------------
# Predictions and targets of N places: (rng, N) -> (prediction, target).


def logits_and_ids(rng: Generator, N: int) -> Inputs:
    return 3 * rng.normal(size=(N, 5)), rng.integers(0, 5, N)


def probabilities_and_ids(rng: Generator, N: int) -> Inputs:
    return 0.05 + 0.1 * rng.random((N, 5)), rng.integers(0, 5, N)


def probabilities_and_distributions(rng: Generator, N: int) -> Inputs:
    return 0.05 + 0.1 * rng.random((N, 5)), rng.dirichlet(np.ones(5), N)


def two_probabilities(rng: Generator, N: int) -> Inputs:
    return 0.1 + 0.8 * rng.random((N, 3)), rng.random((N, 3))


def numbers(rng: Generator, N: int) -> Inputs:
    return 2 * rng.normal(size=(N, 3)), rng.normal(size=(N, 3))


def numbers_and_probabilities(rng: Generator, N: int) -> Inputs:
    return 2 * rng.normal(size=(N, 3)), rng.random((N, 3))


def numbers_and_signs(rng: Generator, N: int) -> Inputs:
    return 2 * rng.normal(size=(N, 3)), rng.choice([-1.0, 1.0], (N, 3))


class LossCase(NamedTuple):
    """`loss(prediction, target, mask=None, count=None)`; the N examples lie along the first axis of both."""

    loss: Callable[..., tuple[float, Any]]
    inputs: Callable[[Generator, int], Inputs]
    options: dict[str, Any] = {}
    elementwise: bool = False  # the mask has the shape of the prediction rather than lacking its last axis


LOSSES: dict[str, LossCase] = {
    "softmax_cross_entropy": LossCase(softmax_cross_entropy, logits_and_ids),
    "softmax_cross_entropy, smoothed": LossCase(softmax_cross_entropy, logits_and_ids, {"label_smoothing": 0.1}),
    "categorical_cross_entropy": LossCase(categorical_cross_entropy, probabilities_and_ids),
    "categorical_cross_entropy, distributions": LossCase(categorical_cross_entropy, probabilities_and_distributions),
    "binary_cross_entropy": LossCase(binary_cross_entropy, two_probabilities, elementwise=True),
    "binary_cross_entropy_with_logits": LossCase(
        binary_cross_entropy_with_logits, numbers_and_probabilities, elementwise=True
    ),
    "half_squared_error": LossCase(half_squared_error, numbers),
    "mean_squared_error": LossCase(mean_squared_error, numbers, elementwise=True),
    "huber": LossCase(huber, numbers, elementwise=True),
    "huber, wide": LossCase(huber, numbers, {"delta": 2.5}, elementwise=True),
    "hinge": LossCase(hinge, numbers_and_signs, elementwise=True),
    "multiclass_hinge": LossCase(multiclass_hinge, logits_and_ids),
}

# ---- optimizers ----------------------------------------------------------------------------------------------
# Each name is that of its recorded reference in parity/, with the same settings.

Named = list[tuple[str, Parameter]]

OPTIMIZERS: dict[str, Callable[[Named], Optimizer]] = {
    "sgd": lambda named: SGD(named, 0.1),
    "sgd momentum": lambda named: SGD(named, 0.1, momentum=0.9, weight_decay=0.01, clip=1.0),
    "sgd nesterov": lambda named: SGD(named, 0.1, momentum=0.9, nesterov=True, clip=1.0),
    "adagrad": lambda named: Adagrad(named, 0.1),
    "adagrad decay": lambda named: Adagrad(named, 0.2, eps=1e-3, weight_decay=0.1, clip=1.0),
    "adadelta": lambda named: Adadelta(named, 1.0),
    "adadelta decay": lambda named: Adadelta(named, 2.0, rho=0.8, eps=1e-4, weight_decay=0.1, clip=1.0),
    "rmsprop": lambda named: RMSprop(named, 0.01),
    "rmsprop decay": lambda named: RMSprop(named, 0.02, alpha=0.9, eps=1e-3, weight_decay=0.1, clip=1.0),
    "adam": lambda named: Adam(named, 0.01),
    "adam decay": lambda named: Adam(named, 0.02, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1, clip=1.0),
    "adamw": lambda named: AdamW(named, 0.02, weight_decay=0.1, clip=1.0),
}
# Those whose `step` takes a closure; the checks are the same.
FULL_BATCH_OPTIMIZERS: dict[str, Callable[[Named], LBFGS]] = {
    "lbfgs": lambda named: LBFGS(named, 0.1, max_iter=5, history_size=4, line_search=False),
    "lbfgs, line search": lambda named: LBFGS(named, max_iter=3),
}

# ---- penalties on weights ------------------------------------------------------------------------------------
# Each name is that of its maker in seqrl.regularizers, and after a comma what else there is to say.

REGULARIZERS: dict[str, regularizers.Penalty] = {
    "l1": regularizers.l1(0.1),
    "l2": regularizers.l2(0.2),
    "lp": regularizers.lp(3, 0.1),
    "lp, 1.5": regularizers.lp(1.5, 0.1),
    "elastic": regularizers.elastic(0.1, 0.2),
}
