"""Optimizers over one flat vector of parameters."""

from seqrl.optimizers.first_order import SGD, Adadelta, Adagrad, Adam, AdamW, RMSprop
from seqrl.optimizers.lbfgs import LBFGS
from seqrl.optimizers.optimizer import NotFinite, Optimizer

__all__ = ["LBFGS", "OPTIMIZERS", "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "NotFinite", "Optimizer", "RMSprop"]

# By the names that users give. LBFGS stands apart: its step takes a closure.
OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "adagrad": Adagrad,
    "adadelta": Adadelta,
    "rmsprop": RMSprop,
    "adam": Adam,
    "adamw": AdamW,
}
