"""Supervised learning as a task for the training loop: rows with targets, a loss, metrics, limits on the weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from inspect import signature
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from seqrl.errors import InputError
from seqrl.kernels import threads
from seqrl.layer import Layer
from seqrl.parameter import Array
from seqrl.regularizers import Penalty, constrain_norm, penalize
from seqrl.training.examples import Data, Examples
from seqrl.training.loop import Task
from seqrl.training.metrics import Metric
from seqrl.training.parallel import Replicas

Loss = Callable[..., tuple[float, Array]]
R = TypeVar("R")

# Losses whose mean is over elements; that of the others is over the places that the last axis leaves.
ELEMENTWISE = (
    "mean_squared_error",
    "huber",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "hinge",
)


@dataclass(frozen=True)
class Objective:
    """What is minimised, and what is said of the result.

    loss(prediction, target, mask, count=None) -> (mean loss, its gradient); metrics by name;
    `regularizer` adds a penalty on the weights to the loss, `max_norm` bounds each unit's incoming weights.
    """

    loss: Loss
    loss_name: str | None  # in seqrl.losses.LOSSES
    metrics: Mapping[str, Metric]
    regularizer: Penalty | None = None
    max_norm: float | None = None

    @property
    def can_split(self) -> bool:
        """Whether the losses of the parts of a batch add up."""
        return "count" in signature(self.loss).parameters

    def measure(
        self, prediction: Array, target: Data, weight: Array | None, batch: float | None = None
    ) -> tuple[float, Array]:
        """The loss of these rows and its gradient; `batch` is the weight of the rows that these are a part of."""
        if weight is None and batch is None:
            return self.loss(prediction, target)
        if self.loss_name in ELEMENTWISE:
            places = prediction.shape
        else:
            places = prediction.shape[:-1] if target.shape == prediction.shape else target.shape
        mask = None
        if weight is not None:
            column = weight.astype(prediction.dtype).reshape(-1, *[1] * (len(places) - 1))
            mask = np.broadcast_to(column, places)
        if batch is None:
            return self.loss(prediction, target, mask)
        return self.loss(prediction, target, mask, count=batch * int(np.prod(places[1:])))

    def check(self, prediction: Array, target: Data, weighted: bool) -> None:
        """Raise InputError for a loss of one's own that isn't of the form, seen on some rows."""
        if self.loss_name is not None:
            return
        if weighted and len(signature(self.loss).parameters) < 3:
            raise InputError("the loss takes no weights; expected loss(prediction, target, mask)")
        given = self.loss(prediction, target)
        if (
            not isinstance(given, tuple)
            or len(given) != 2
            or np.ndim(given[0])
            or np.shape(given[1]) != prediction.shape
        ):
            raise InputError(f"the loss gave {str(given)[:60]}; expected (mean loss, its gradient {prediction.shape})")

    def penalty(self, model: Layer) -> float:
        """The penalty on the weights alone, their gradients untouched."""
        if self.regularizer is None:
            return 0.0
        return sum(self.regularizer(p.value)[0] for _, p in model.parameters() if p.value.ndim >= 2)


class SupervisedTask(Task):
    """Rows of `train` in batches; the score is `sign` times the metric `monitor` of every epoch."""

    unit = "samples"

    def __init__(
        self,
        model: Layer,
        objective: Objective,
        train: Examples,
        valid: Examples | None,
        *,
        replicas: Replicas[Any] | None,
        batch_size: int,
        shuffle: bool,
        monitor: str,
        sign: int,
        metric_names: Sequence[str],
        evaluation_batch: int,
    ) -> None:
        self.model = model
        self.objective = objective
        self.train = train
        self.valid = valid
        self.replicas = replicas
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.monitor = monitor
        self.sign = sign
        self.metric_names = metric_names
        self.evaluation_batch = evaluation_batch
        starts = list(range(0, len(train), batch_size))
        if len(train) - starts[-1] == 1 < len(starts) and any(True for _ in model.buffers()):
            starts.pop()  # one row has no variance: it joins the batch before it
        self.edges = [*starts, len(train)]
        self.steps_per_epoch = len(starts)
        self.named = list(model.parameters())
        self.sums = np.zeros(2)  # of this epoch: losses times weights, and weights
        self.predictions: Array | None = None  # of this epoch, in training; kept where a metric needs them
        self.trying = False  # whether `learn` was called since the last update: L-BFGS tries several steps
        if objective.metrics:
            first = model(train.inputs(slice(0, 1)))
            self.predictions = np.zeros((len(train), *first.shape[1:]), first.dtype)

    def plan(self, rng: np.random.Generator) -> list[npt.NDArray[np.intp]]:
        N = len(self.train)
        rows = rng.permutation(N) if self.shuffle else np.arange(N)
        return [rows[start:stop] for start, stop in pairwise(self.edges)]

    def learn(self, rows: npt.NDArray[np.intp]) -> tuple[float, float]:
        units: float = len(rows) if self.train.weight is None else float(self.train.weight[rows].sum())
        if self.replicas is None:
            loss = self._learn_part(self.model, rows, None)
        else:
            models = self.replicas.models
            parts = [part for part in np.array_split(rows, len(models)) if part.size]
            tasks = [partial(self._learn_part, *pair, units) for pair in zip(models, parts, strict=False)]
            loss = sum(self.replicas.run(tasks))
        self.trying = True
        if self.objective.regularizer is not None:
            loss += penalize(self.named, self.objective.regularizer)
        return loss, units

    def _learn_part(self, model: Layer, rows: npt.NDArray[np.intp], batch: float | None) -> float:
        train = self.train
        prediction, backward = model.forward_data(train.inputs(rows))
        weight = None if train.weight is None else train.weight[rows]
        loss, gradient = self.objective.measure(prediction, train.y[rows], weight, batch)
        if self.predictions is not None and not self.trying:
            self.predictions[rows] = prediction
        backward(gradient)
        return loss

    def updated(self, loss: float, units: float) -> None:
        self.sums[0] += loss * units
        self.sums[1] += units
        self.trying = False
        if self.objective.max_norm is not None:
            constrain_norm(self.named, self.objective.max_norm)

    def gathered(self) -> dict[str, Array]:
        return {"sums": self.sums} | ({} if self.predictions is None else {"predictions": self.predictions})

    def generators(self) -> dict[str, np.random.Generator]:
        if self.replicas is not None:
            return self.replicas.generators()
        return {f"0.{name}": generator for name, generator in self.model.generators()}

    def evaluate(self) -> tuple[float, dict[str, float]]:
        """The metrics of the epoch, in training and on the validation data; what is gathered begins anew."""
        train = self.train
        found = {"loss": float(self.sums[0] / max(self.sums[1], 1e-300))}
        for name, metric in self.objective.metrics.items():
            found[name] = apply(metric, name, self.predictions, train.y, train.weight)
        self.sums[...] = 0
        if self.valid is not None:
            valid = evaluate(self.model, self.objective, self.valid, self.evaluation_batch)
            found |= {f"val_{name}": value for name, value in valid.items()}
        return self.sign * found[self.monitor], found


def evaluate(model: Layer, objective: Objective, examples: Examples, batch_size: int) -> dict[str, float]:
    """The mean loss at inference and the metrics, exact over all rows whatever the batch size."""

    def measure(rows: slice) -> tuple[float, float, Array | None]:
        prediction = model(examples.inputs(rows))
        weight = None if examples.weight is None else examples.weight[rows]
        total = len(prediction) if weight is None else float(weight.sum())
        loss, _ = objective.measure(prediction, examples.y[rows], weight)
        return loss * total, total, prediction if objective.metrics else None

    losses, totals, predictions = zip(*over_batches(measure, len(examples), batch_size), strict=True)
    found = {"loss": sum(losses) / sum(totals) + objective.penalty(model)}
    if objective.metrics:
        prediction = np.concatenate(predictions)
        for name, metric in objective.metrics.items():
            found[name] = apply(metric, name, prediction, examples.y, examples.weight)
    return found


def over_batches(function: Callable[[slice], R], rows: int, batch_size: int) -> list[R]:
    """function(slice) of every batch, in order; batches go to the cores by turns, which changes no result."""
    batches = [slice(start, min(start + batch_size, rows)) for start in range(0, rows, batch_size)]
    turns = min(threads.COUNT, len(batches))

    def run(turn: int) -> list[R]:
        return [function(batch) for batch in batches[turn::turns]]

    found: list[Any] = [None] * len(batches)
    for turn, results in enumerate(threads.run([partial(run, turn) for turn in range(turns)])):
        found[turn::turns] = results
    return found


def apply(metric: Metric, name: str, prediction: Array | None, target: Data, weight: Array | None) -> float:
    """Raises InputError for a metric of one's own that takes no weights where there are some, or gives no number."""
    if weight is not None and len(signature(metric).parameters) < 3:
        raise InputError(f"the metric '{name}' takes no weights; expected {name}(prediction, target, weight)")
    value = metric(prediction, target) if weight is None else metric(prediction, target, weight)
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InputError(f"the metric '{name}' gave a {type(value).__name__}; expected one number") from None
