"""What `Sequential.compile` decides: loss, metrics, optimizer; by name or as objects, written down and made again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from inspect import signature
from typing import Any

import numpy as np

from seqrl.errors import InputError, choose
from seqrl.layer import Layer
from seqrl.losses import LOSSES
from seqrl.optimizers import LBFGS, OPTIMIZERS, Optimizer
from seqrl.parameter import Parameter
from seqrl.regularizers import Penalty
from seqrl.training.metrics import LARGER_IS_BETTER, METRICS, Metric, accuracy, binary_accuracy
from seqrl.training.parallel import Replicas
from seqrl.training.supervised import Loss, Objective

OptimizerLike = str | Optimizer | LBFGS | Callable[[Iterable[tuple[str, Parameter]]], Optimizer | LBFGS]
MetricLike = str | Metric

KNOWN_OPTIMIZERS: dict[str, Any] = {**OPTIMIZERS, "lbfgs": LBFGS}
PARTS = 2  # of a batch, and not the number of cores: it decides the last bits of the results
# Where the outputs are one number for each class of two: what lies above belongs to the second.
THRESHOLDS = {"binary_cross_entropy": 0.5, "binary_cross_entropy_with_logits": 0.0, "hinge": 0.0}


@dataclass
class Compiled:
    """All that a model is trained with, besides the data."""

    objective: Objective
    optimizer: Optimizer | LBFGS
    order: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))  # shuffles
    replicas: Replicas[Any] | None = None  # kept from one `fit` to the next, with their sources of randomness

    def make_replicas(self, model: Layer) -> None:
        if self.replicas is None:
            self.replicas = Replicas(model, self.optimizer.packed, PARTS)

    def generators(self, model: Layer) -> dict[str, np.random.Generator]:
        """Everything random, for a checkpoint."""
        layers = {f"0.{name}": generator for name, generator in model.generators()}
        return {"order": self.order, **(layers if self.replicas is None else self.replicas.generators())}


def compiled(
    model: Layer,
    optimizer: OptimizerLike,
    loss: str | Loss,
    metrics: MetricLike | Sequence[MetricLike],
    regularizer: Penalty | None,
    max_norm: float | None,
) -> Compiled:
    """Raises InputError for an unknown name, an object of another kind, or an optimizer of another model."""
    if isinstance(loss, str):
        loss = choose("loss", loss, LOSSES)
    if not callable(loss):
        raise InputError(f"loss is a {type(loss).__name__}; expected a name or a function")
    loss_name = next((name for name, known in LOSSES.items() if known is _inner(loss)), None)
    given = [metrics] if isinstance(metrics, str) or callable(metrics) else list(metrics)
    by_name: dict[str, Metric] = {}
    for metric in given:
        name, function = _metric(metric, loss_name)
        if name in by_name or name == "loss":
            raise InputError(f"two metrics have the name '{name}'; expected different names")
        by_name[name] = function
    if regularizer is not None and not callable(regularizer):
        raise InputError(f"regularizer is {regularizer!r}; expected one of seqrl.regularizers such as l2(1e-4)")
    if max_norm is not None and not max_norm > 0:
        raise InputError(f"max_norm is {max_norm}; expected a positive number")
    made = Compiled(Objective(loss, loss_name, by_name, regularizer, max_norm), _optimizer(model, optimizer))
    if isinstance(made.optimizer, LBFGS) and (max_norm is not None or any(True for _ in model.generators())):
        what = "max_norm moves the weights between its steps" if max_norm is not None else "a layer draws at random"
        raise InputError(f"LBFGS needs a loss that is the same at every evaluation, and {what}")
    return made


def _metric(metric: MetricLike, loss: str | None) -> tuple[str, Metric]:
    if isinstance(metric, str):
        name, function = metric, choose("metric", metric, METRICS)
    elif callable(metric):
        name, function = getattr(_inner(metric), "__name__", type(metric).__name__), metric
    else:
        raise InputError(f"a metric is a {type(metric).__name__}; expected a name or a function")
    if loss in THRESHOLDS and function in (accuracy, binary_accuracy):
        function = partial(binary_accuracy, threshold=THRESHOLDS[loss])
    return name, function


def _optimizer(model: Layer, optimizer: OptimizerLike) -> Optimizer | LBFGS:
    parameters = list(model.parameters())
    if isinstance(optimizer, str):
        return choose("optimizer", optimizer, KNOWN_OPTIMIZERS)(parameters)
    if not isinstance(optimizer, (Optimizer, LBFGS)):
        if not callable(optimizer):
            raise InputError(f"optimizer is a {type(optimizer).__name__}; expected a name, an Optimizer or its class")
        optimizer = optimizer(parameters)
        if not isinstance(optimizer, (Optimizer, LBFGS)):
            raise InputError(f"optimizer gave a {type(optimizer).__name__}; expected an Optimizer")
    attached = sum(parameter.value.base is optimizer.packed.value for _, parameter in parameters)
    if attached < len(optimizer.packed.slices):
        raise InputError(
            f"the optimizer has {len(optimizer.packed.slices)} parameters, of which {attached} are the model's; "
            "expected one over model.parameters()"
        )
    return optimizer


def larger_is_better(metric: Metric) -> bool | None:
    """None for a metric of one's own."""
    inner = _inner(metric)
    return inner in LARGER_IS_BETTER if inner in METRICS.values() else None


# ---- written down --------------------------------------------------------------------------------------------


def description_or_reason(compiled: Compiled) -> dict[str, Any] | str:
    """What it is, as JSON can hold it, or why that can't be written down."""
    try:
        return describe(compiled)
    except InputError as error:
        return str(error)


def describe(compiled: Compiled) -> dict[str, Any]:
    """What JSON can hold of it. Raises InputError that names what has no name or no attributes to make it again by."""
    objective, optimizer = compiled.objective, compiled.optimizer
    if objective.regularizer is not None:
        raise InputError("its regularizer is a function that no name stands for")
    options = {}
    for name in list(signature(type(optimizer).__init__).parameters)[2:]:  # without self and the parameters
        if not hasattr(optimizer, name):
            raise InputError(f"its optimizer {type(optimizer).__name__} has no attribute '{name}'")
        options[name] = getattr(optimizer, name)
    return {
        "loss": _describe_function("loss", objective.loss, LOSSES),
        "metrics": {
            name: _describe_function(f"metric '{name}'", metric, METRICS) for name, metric in objective.metrics.items()
        },
        "max_norm": objective.max_norm,
        "optimizer": {"name": type(optimizer).__name__, "options": options},
    }


def build(description: Mapping[str, Any], model: Layer, own: Iterable[Any]) -> Compiled:
    """Raises InputError for a function or an optimizer that is neither of the library nor in `own`."""
    named = {getattr(one, "__name__", ""): one for one in own}
    optimizers = {kind.__name__: kind for kind in KNOWN_OPTIMIZERS.values()}
    stated = description["optimizer"]
    kind = choose("its optimizer", stated["name"], {**optimizers, **named})
    options = {name: tuple(value) if isinstance(value, list) else value for name, value in stated["options"].items()}
    loss = _build_function("its loss", description["loss"], LOSSES, named)
    made = compiled(model, partial(kind, **options), loss, (), None, description["max_norm"])
    objective = made.objective
    metrics = {
        name: _build_function(f"its metric '{name}'", metric, METRICS, named)
        for name, metric in description["metrics"].items()
    }
    made.objective = Objective(objective.loss, objective.loss_name, metrics, None, objective.max_norm)
    return made


def _inner(function: Any) -> Any:
    """The function that partial() wraps."""
    return _inner(function.func) if isinstance(function, partial) else function


def _describe_function(what: str, function: Any, known: Mapping[str, Any]) -> dict[str, Any]:
    inner = _inner(function)
    name = getattr(inner, "__name__", "<lambda>")
    options = function.keywords if isinstance(function, partial) and not function.args else {}
    fits = all(isinstance(value, (bool, int, float, str)) for value in options.values())
    if name == "<lambda>" or not fits or (isinstance(function, partial) and function.args):
        raise InputError(f"its {what} is a function that no name stands for")
    library = next((key for key, one in known.items() if one is inner), None)
    return {"own": name, "options": options} if library is None else {"name": library, "options": options}


def _build_function(
    what: str, description: Mapping[str, Any], known: dict[str, Any], own: dict[str, Any]
) -> Callable[..., Any]:
    if "own" in description:
        if description["own"] not in own:
            raise InputError(f"{what} is the function '{description['own']}', which is not in own")
        function = own[description["own"]]
    else:
        function = choose(what, description["name"], known)
    return partial(function, **description["options"]) if description["options"] else function
