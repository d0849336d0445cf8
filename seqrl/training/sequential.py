"""Models as Keras users hold them: `Sequential` with compile, fit, evaluate, predict, summary, save and load."""

from __future__ import annotations

import copy
import math
import operator
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from seqrl import architecture
from seqrl.errors import InputError
from seqrl.layer import Backward, Chain, Layer
from seqrl.layers.bidirectional import Bidirectional
from seqrl.layers.embedding import Embedding
from seqrl.layers.recurrent import Recurrent, Stack
from seqrl.parameter import Array
from seqrl.regularizers import Penalty
from seqrl.training import checkpoint, runs
from seqrl.training import compiled as compiling
from seqrl.training.callbacks import Callbacks, EarlyStopping, History, LearningRate
from seqrl.training.compiled import Compiled, MetricLike, OptimizerLike
from seqrl.training.examples import Data, Examples, checked_inputs, checked_targets, checked_weights
from seqrl.training.fitting import EVALUATION_BATCH, fit
from seqrl.training.loop import Callback
from seqrl.training.supervised import Loss, evaluate, over_batches

AnyCallback = EarlyStopping | LearningRate | Callback


class Sequential(Chain):
    """Layers one after another, trained on rows: x (N, ...) and their targets y (N, ...).

        model = Sequential([Dense(64, 128, rng=rng), ReLU(), Dense(128, 10, rng=rng)])
        model.compile(optimizer="adam", loss="softmax_cross_entropy", metrics=["accuracy"])
        history = model.fit(x, y, epochs=10, validation_split=0.1)

    It is a layer itself: it can be called, stand in other layers, and be copied (a copy is not compiled).
    Raises InputError for what is no layer, and for recurrent layers, which read sequences time first.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        if isinstance(layers, Layer):
            raise InputError(f"a Sequential got a {type(layers).__name__}; expected a list of layers")
        super().__init__(*layers)
        if not self.layers:
            raise InputError("a Sequential got no layers; expected at least one")
        given_layers: list[Any] = self.layers
        for number, layer in enumerate(given_layers, start=1):
            if not isinstance(layer, Layer):
                given = f"the class {layer.__name__}" if isinstance(layer, type) else f"a {type(layer).__name__}"
                raise InputError(f"layer {number} of the Sequential is {given}; expected a layer such as ReLU()")
            if isinstance(layer, (Recurrent, Stack, Bidirectional)):
                raise InputError(
                    f"layer {number} of the Sequential, {architecture.brief(layer)}, reads sequences time first, "
                    "(T, N, D); a Sequential holds rows first"
                )
        self.input_shape: tuple[int, ...] | None = None  # of a row, once known
        self.compiled: Compiled | None = None
        self.not_compiled = "call compile first"
        self.history: History | None = None  # of the last fit

    # ---- a layer ---------------------------------------------------------------------------------------------

    def __call__(self, x: Any) -> Any:
        try:
            return super().__call__(x)
        except (ValueError, IndexError, TypeError) as error:
            raise self._located(x, error) from error

    def forward(self, x: Any) -> tuple[Any, Backward]:
        try:
            return super().forward(x)
        except (ValueError, IndexError, TypeError) as error:
            raise self._located(x, error) from error

    def forward_data(self, x: Any) -> tuple[Any, Backward]:
        try:
            return super().forward_data(x)
        except (ValueError, IndexError, TypeError) as error:
            raise self._located(x, error) from error

    def _located(self, x: Any, error: Exception) -> Exception:
        """The error with the layer in which it arises."""
        for number, layer in enumerate(self.layers, start=1):
            try:
                x = layer(x)
            except (ValueError, IndexError, TypeError) as inner:
                return InputError(f"layer {number}, {architecture.brief(layer)}, of the Sequential: {inner}")
        return error  # it arises in training alone

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        memo[id(self)] = other = type(self).__new__(type(self))
        own = {**vars(self), "compiled": None, "history": None, "not_compiled": "a copy is to be compiled anew"}
        vars(other).update({name: copy.deepcopy(value, memo) for name, value in own.items()})
        return other

    # ---- training --------------------------------------------------------------------------------------------

    def compile(
        self,
        optimizer: OptimizerLike = "adam",
        loss: str | Loss = "mean_squared_error",
        metrics: MetricLike | Sequence[MetricLike] = (),
        *,
        regularizer: Penalty | None = None,
        max_norm: float | None = None,
    ) -> None:
        """Choose how to train; an optimizer by name begins anew.

        optimizer: a name of `seqrl.optimizers.OPTIMIZERS` or "lbfgs" (whole data in each step), with its defaults; an
            Optimizer over `model.parameters()`; or a function of these, such as `partial(Adam, lr=0.01)`.
        loss: a name of `seqrl.losses.LOSSES`, or loss(prediction, target) -> (mean over the rows, its gradient). For
            weighted rows and for two threads it takes `mask` and `count` too, as those do.
        metrics: names of `seqrl.training.metrics.METRICS`, or functions as they are described there.
        regularizer: a penalty on the weights that joins the loss, such as `seqrl.regularizers.l2(1e-4)`.
        max_norm: the largest norm of a unit's incoming weights.
        """
        self.compiled = compiling.compiled(self, optimizer, loss, metrics, regularizer, max_norm)

    def fit(
        self,
        x: Any,
        y: Any,
        batch_size: int = 32,
        epochs: int = 1,
        validation_data: Sequence[Any] | None = None,
        validation_split: float = 0.0,
        shuffle: bool = True,
        sample_weight: Any = None,
        callbacks: AnyCallback | Sequence[AnyCallback] = (),
        *,
        rng: np.random.Generator | int | None = None,
        verbose: bool = True,
        out: str | Path | None = None,
    ) -> History:
        """Train for `epochs` more epochs; the history has the means over each epoch and its validation.

        y: class ids or one-hot rows where the loss is over classes, else numbers in the shape of the outputs.
        validation_data: (x, y) or (x, y, sample_weight); or `validation_split`, the share of rows at the end that are
            kept for it, before shuffling.
        sample_weight: (N,), how much each row counts, relative to the others.
        callbacks: EarlyStopping, LearningRate, or functions, see `seqrl.training.callbacks`.
        rng: shuffles, a Generator or a seed. By default an order of the model's own goes on, from the seed 0.
        out: a run folder. The same call with the same folder continues where a killed one stopped, to the same bits,
            and with more epochs goes on; `seqrl.load(out)` gives the model with the weights of its best epoch.

        Ctrl-C ends training after the step and raises KeyboardInterrupt; `model.history` has what was reached.
        Raises InputError for data that don't fit, with the row, and for a loss that is not finite.
        """
        compiled = self._trainable("fit")
        batch_size, epochs = _count("batch_size", batch_size), _count("epochs", epochs)
        train = self._examples(compiled, x, y, sample_weight, "x", "y")
        train, valid = self._split(compiled, train, validation_data, validation_split)
        if rng is not None:
            compiled.order = np.random.default_rng(rng)
        self.history = History()
        return fit(
            self,
            compiled,
            train,
            valid,
            self.history,
            batch_size=batch_size,
            epochs=epochs,
            shuffle=shuffle,
            callbacks=Callbacks.sorted(callbacks),
            verbose=verbose,
            folder=None if out is None else Path(out),
            settings={} if out is None else self._description(),
        )

    def evaluate(
        self, x: Any, y: Any, sample_weight: Any = None, *, batch_size: int = EVALUATION_BATCH
    ) -> dict[str, float]:
        """The loss and the metrics at inference, exact over all rows whatever the batch size."""
        compiled = self._trainable("evaluate")
        examples = self._examples(compiled, x, y, sample_weight, "x", "y")
        return evaluate(self, compiled.objective, examples, _count("batch_size", batch_size))

    def predict(self, x: Any, *, batch_size: int = EVALUATION_BATCH) -> Array:
        """The outputs at inference, (N, ...), computed in batches."""
        (x, _), dtype = self._inputs(x, "x"), self._input_dtype()
        batches = over_batches(lambda rows: self(x[rows].astype(dtype)), len(x), _count("batch_size", batch_size))
        return np.concatenate(batches)

    def _trainable(self, what: str) -> Compiled:
        if self.compiled is None:
            raise InputError(f"{what}: the model is not compiled; {self.not_compiled}")
        return self.compiled

    def _input_dtype(self) -> np.dtype[Any]:
        first: Layer = self
        while isinstance(first, Chain):
            first = first.layers[0]
        return np.dtype(np.int64) if isinstance(first, Embedding) else self.dtype

    def _inputs(self, x: Any, what: str) -> tuple[Data, Array]:
        """x checked, and the output for its first row."""
        dtype = self._input_dtype()
        x = checked_inputs(x, dtype, what)
        with np.errstate(all="ignore"):
            output = self(x[:1].astype(dtype))
        if output.ndim == 0 or len(output) != 1:
            raise InputError(f"the Sequential made shape {output.shape} of one row {x[:1].shape}; expected one row")
        self.input_shape = x.shape[1:]
        return x, output

    def _examples(self, compiled: Compiled, x: Any, y: Any, weight: Any, x_name: str, y_name: str) -> Examples:
        x, output = self._inputs(x, x_name)
        y = checked_targets(y, len(x), output.shape[1:], compiled.objective.loss_name, self.dtype, y_name)
        compiled.objective.check(output, y[:1], weight is not None)
        return Examples(x, y, checked_weights(weight, len(x)), self._input_dtype())

    def _split(
        self, compiled: Compiled, train: Examples, data: Sequence[Any] | None, share: float
    ) -> tuple[Examples, Examples | None]:
        if not 0 <= share < 1:
            raise InputError(f"validation_split is {share}; expected 0 or more, and less than 1")
        if data is not None:
            if share:
                raise InputError("validation_data and validation_split are given; expected one of them")
            if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
                raise InputError("validation_data is no (x, y) or (x, y, sample_weight)")
            x, y, *weight = data
            names = "the x of validation_data", "the y of validation_data"
            return train, self._examples(compiled, x, y, weight[0] if weight else None, *names)
        if not share:
            return train, None
        first = math.floor(len(train) * (1 - share))
        if first in (0, len(train)):
            raise InputError(f"validation_split is {share} of {len(train)} rows; expected some on both sides")
        parts = train.part(slice(first)), train.part(slice(first, None))
        if any(part.weight is not None and not part.weight.any() for part in parts):
            raise InputError("validation_split leaves weights of 0 alone on one side; expected some on both sides")
        return parts

    # ---- files -----------------------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write weights, buffers and architecture to one safetensors file, and what training goes on from.

        The latter is left out where the model was compiled with something that has no name: a lambda, a regularizer.
        Raises InputError for a layer that can't be described (see `seqrl.architecture`).
        """
        state = self._description()
        if self.compiled is not None:
            state["compile"] = compiling.description_or_reason(self.compiled)
        if self.compiled is None or isinstance(state["compile"], str):
            checkpoint.save_model(path, self, state)
        else:
            generators = self.compiled.generators(self)
            checkpoint.save_training(path, self, self.compiled.optimizer, generators, state)

    def _description(self) -> dict[str, Any]:
        return {
            "architecture": architecture.describe(self),
            "dtype": str(self.dtype),
            "input_shape": self.input_shape,
        }

    @classmethod
    def load(cls, path: str | Path, own: Iterable[Any] = ()) -> Self:
        """The model that `save` wrote; `fit` goes on where it was, to the same bits.

        own: classes and functions of one's own that it was made of. Without the functions of `compile` the model can
        predict, and be compiled anew.
        """
        own = list(own)
        content = checkpoint.read(path)
        model = _built(content.state, own, path)
        if not isinstance(model, cls):
            raise InputError(f"{path}: holds a {type(model).__name__}; expected a {cls.__name__}")
        compiled = model.compiled
        if compiled is None:
            checkpoint.load_model(path, content, model)
            return model
        names = content.state["generators"]
        if any(name.startswith("1.") for name in names):
            compiled.make_replicas(model)
        checkpoint.load_training(path, model, compiled.optimizer, compiled.generators(model))
        return model

    # ---- to look at ------------------------------------------------------------------------------------------

    def summary(self, input_shape: Sequence[int] | None = None) -> str:
        """Print a table of the layers with output shapes and numbers of parameters, and return it.

        input_shape: of a row; by default that of the data the model last saw, else it is read off the first layer
        where that knows it. A parameter that occurs twice counts once, where it comes first.
        """
        shape = self._known_shape() if input_shape is None else tuple(input_shape)
        x = None if shape is None else np.zeros((1, *shape), self._input_dtype())
        counted: set[int] = set()
        rows = [("", "layer", "output", "parameters")]
        for number, layer in enumerate(self.layers, start=1):
            if x is not None:
                try:
                    x = layer(x)
                except (ValueError, IndexError, TypeError) as error:
                    raise InputError(
                        f"layer {number}, {architecture.brief(layer)}, of the Sequential: {error}"
                    ) from None
            new = {id(p): p.value.size for _, p in layer.parameters() if id(p) not in counted}
            counted |= new.keys()
            output = "?" if x is None else f"({', '.join(['N', *map(str, x.shape[1:])])})"
            rows.append((str(number), architecture.brief(layer), output, f"{sum(new.values()):,}"))
        rows.append(("", "total", "", f"{self.parameter_count:,}"))
        buffers = sum(buffer.size for _, buffer in self.buffers())
        if buffers:
            rows.append(("", "kept, not learned", "", f"{buffers:,}"))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join([a.rjust(widths[0]), b.ljust(widths[1]), c.ljust(widths[2]), d.rjust(widths[3])])
            for a, b, c, d in rows
        ]
        rule = "-" * len(lines[0])
        table = "\n".join([lines[0], rule, *lines[1 : len(self.layers) + 1], rule, *lines[len(self.layers) + 1 :]])
        print(table)
        return table

    def _known_shape(self) -> tuple[int, ...] | None:
        if self.input_shape is not None:
            return self.input_shape
        first: Layer = self
        while isinstance(first, Chain):
            first = first.layers[0]
        weights = [p.shape[0] for _, p in first.parameters() if p.value.ndim == 2]
        return None if not weights or isinstance(first, Embedding) else (weights[0],)


def load_run(folder: Path, config: runs.Config, own: Sequence[Any] = ()) -> Sequential:
    """The model of a run with its best weights; `runs.load` comes here."""
    path = runs.best_checkpoint(folder)
    model = _built(config.settings, list(own), folder / runs.CONFIG)
    checkpoint.load_model(path, checkpoint.read(path), model)
    return model


def _built(state: dict[str, Any], own: list[Any], path: str | Path) -> Any:
    """The model from its description, compiled where everything is known that it was compiled with."""
    try:
        model = architecture.build(state["architecture"], [one for one in own if isinstance(one, type)])
        if not isinstance(model, Sequential):
            return model
        if model.dtype != state["dtype"]:
            model = model.astype(state["dtype"])
        model.input_shape = None if state["input_shape"] is None else tuple(state["input_shape"])
        description = state.get("compile")
        if isinstance(description, str):
            model.not_compiled = f"it was saved without what it was compiled with: {description}"
        elif description is not None:
            try:
                model.compiled = compiling.build(description, model, own)
            except InputError as error:
                model.not_compiled = f"it was loaded without what it was compiled with: {error}"
        return model
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"{path}: damaged, or no description of a Sequential ({error})") from None


def _count(what: str, number: Any) -> int:
    try:
        count = operator.index(number)
    except TypeError:
        count = 0
    if count < 1:
        raise InputError(f"{what} is {number!r}; expected a whole number of 1 or more")
    return count
