"""The weights of a linear digit classifier under penalties: each of its ten units is a picture of 28 x 28 weights.

L2 shrinks all weights, large ones most; L1 takes the same from each and leaves only those that are worth it; L4 cares
for nothing but the largest and leaves the small ones; max-norm bounds the length of each unit's weights and says
nothing about their shape.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from seqrl import plots
from seqrl.images.datasets import load, split
from seqrl.layers.dense import Dense
from seqrl.optimizers import SGD
from seqrl.parameter import Array
from seqrl.regularizers import Penalty, l1, l2, lp
from seqrl.training import figure
from seqrl.training.sequential import Sequential

PENALTIES: dict[str, tuple[Penalty | None, float | None]] = {  # (penalty, bound of the norm of a unit's weights)
    "none": (None, None),
    "L2, strength 0.03": (l2(0.03), None),
    "L1, strength 0.002": (l1(0.002), None),
    "L4, strength 10": (lp(4, 10.0), None),
    "max-norm 1": (None, 1.0),
}
NEAR_ZERO = 0.001


@dataclass(frozen=True)
class Options:
    digits: str = "drawn"
    """Where they come from: drawn, mnist5k, digits, or a folder of IDX files."""
    held_out: float = 0.94
    """The fraction of the digits that accuracy is measured on."""
    epochs: int = 100
    batch_size: int = 50
    lr: float = 0.1
    """Of SGD without momentum."""
    seed: int = 0
    out: str = "docs/figures/weights_under_penalties.png"


class Fit(NamedTuple):
    weight: Array
    """(classes, height, width)"""
    training: float
    """Accuracy on the training digits, in [0, 1]."""
    test: float

    @property
    def near_zero(self) -> float:
        """The fraction of weights between -NEAR_ZERO and NEAR_ZERO."""
        return float((np.abs(self.weight) < NEAR_ZERO).mean())

    @property
    def norms(self) -> Array:
        """Of each unit's weights, (classes,)."""
        return np.sqrt((self.weight**2).sum(axis=(1, 2)))


Fits = dict[str, Fit]


def compute(options: Options) -> Fits:
    learned, held_out = split(load(options.digits), options.held_out, np.random.default_rng(options.seed))
    x, x_test = learned.images.reshape(len(learned.labels), -1), held_out.images.reshape(len(held_out.labels), -1)
    fits = {}
    for name, (penalty, max_norm) in PENALTIES.items():
        dense = Dense(x.shape[1], len(learned.names), rng=np.random.default_rng(options.seed))
        model = Sequential([dense])
        model.compile(
            partial(SGD, lr=options.lr), "softmax_cross_entropy", ["accuracy"], regularizer=penalty, max_norm=max_norm
        )
        model.fit(x, learned.labels, options.batch_size, options.epochs, rng=options.seed, verbose=False)
        training, test = (
            model.evaluate(pixels, labels)["accuracy"]
            for pixels, labels in ((x, learned.labels), (x_test, held_out.labels))
        )
        weight = dense.weight.value.T.reshape(-1, *learned.images.shape[2:])
        fits[name] = Fit(weight, training, test)
    return fits


def table(fits: Fits) -> Iterator[list[str | float]]:
    yield ["penalty", "near zero", "norm", "largest unit", "largest weight", "training", "held out"]
    for name, fit in fits.items():
        largest = float(np.abs(fit.weight).max())
        norms = float(np.linalg.norm(fit.norms)), float(fit.norms.max())
        yield [name, fit.near_zero, *norms, largest, fit.training, fit.test]


def draw(fits: Fits) -> Any:
    units = range(6)
    widths = [*[1] * len(units), 2.0]
    picture, grid = plots.panels((13, 8.6), len(fits), len(widths), width_ratios=widths)
    for row, (name, fit) in zip(grid, fits.items(), strict=True):
        for axes, unit in zip(row, units, strict=False):
            axes.imshow(fit.weight[unit], cmap="RdBu_r", vmin=-0.25, vmax=0.25)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        row[0].set_ylabel(name.replace(", ", "\n"), fontsize=12)
        bars = np.clip(fit.weight.ravel(), -0.3, 0.3)
        row[-1].hist(bars, 61, range=(-0.305, 0.305), color=plots.COLOURS[0], log=True)
        row[-1].set(xlim=(-0.31, 0.31), ylim=(1, 9000), xticks=[-0.3, 0, 0.3])
        row[-1].set_xticklabels(["≤ -0.3", "0", "≥ 0.3"])
        title = f"near zero {fit.near_zero:.0%}, norm {np.linalg.norm(fit.norms):.1f}, held out {fit.test:.1%}"
        row[-1].set_title(title, fontsize=9)
    for unit, axes in enumerate(grid[0][:-1]):
        axes.set_title(f"unit of {unit}")
    return picture


def main(arguments: list[str] | None = None) -> int:
    return figure.run(Options, compute, table, draw, arguments)


if __name__ == "__main__":
    sys.exit(main())
