"""One call of `Sequential.fit` on data that were checked: in memory, or in a run folder that it can go on from."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seqrl.errors import InputError, choose
from seqrl.layer import Chain
from seqrl.layers.embedding import Embedding
from seqrl.optimizers import LBFGS
from seqrl.training import runs
from seqrl.training.callbacks import Callbacks, EarlyStopping, History
from seqrl.training.compiled import Compiled, description_or_reason, larger_is_better
from seqrl.training.examples import Data, Examples
from seqrl.training.loop import Training
from seqrl.training.parallel import Replicas
from seqrl.training.supervised import SupervisedTask

EVALUATION_BATCH = 256
# Multiplications in a batch's way forward from which on a second thread gains more than it costs, as measured for dense
# and convolutional nets; a convolution's, with all that is done around them, take three times as long.
WORTH_SPLITTING = 4e7
CONVOLUTION = 3.0


def fit(
    model: Chain,
    compiled: Compiled,
    train: Examples,
    valid: Examples | None,
    history: History,
    *,
    batch_size: int,
    epochs: int,
    shuffle: bool,
    callbacks: Callbacks,
    verbose: bool,
    folder: Path | None,
    settings: Mapping[str, Any],
) -> History:
    """Train, and fill the history; `settings` describes the model for the run folder.

    Raises KeyboardInterrupt after Ctrl-C, when everything is written.
    """
    stopping, schedule = callbacks.stopping, callbacks.schedule
    whole = isinstance(compiled.optimizer, LBFGS)
    batch_size = len(train) if whole else min(batch_size, len(train))
    task = SupervisedTask(
        model,
        compiled.objective,
        train,
        valid,
        replicas=_replicas(model, compiled, train, batch_size),
        batch_size=batch_size,
        shuffle=shuffle and not whole,
        evaluation_batch=max(batch_size, EVALUATION_BATCH),
        **_monitored(stopping, compiled, valid is not None),
    )
    with contextlib.ExitStack() as inside:
        if folder is not None:
            inside.enter_context(runs.locked(folder))
            _begin(folder, _config(task, compiled, callbacks, settings))
        training = Training(
            task,
            model,
            compiled.optimizer,
            schedule,
            folder,
            order=compiled.order,
            epochs=epochs,
            patience=math.inf if stopping is None else stopping.patience,
            callbacks=[history.append, *callbacks.functions],
            verbose=verbose,
        )
        if folder is not None and training.progress.step:
            _catch_up(history, folder, training, task, callbacks)
            if verbose:
                print(f"{folder}: continuing after {training.progress.epoch} epochs")
        try:
            history.ended = training.run()
        finally:
            compiled.order.bit_generator.state = training.order.bit_generator.state
            if schedule is not None:
                compiled.optimizer.lr = training.base_lr
    if history.ended == "interrupted":
        raise KeyboardInterrupt(f"training was interrupted after step {training.progress.step}")
    if stopping is not None and stopping.restore_best:
        training.restore_best()
    return history


def multiplications(model: Chain, row: Data) -> float:
    """About how many a row (1, ...) costs on its way forward: for each weight of a layer its places in the output."""
    total, x = 0.0, row
    for layer in model.layers:
        x = layer(x)
        places = CONVOLUTION * math.prod(x.shape[2:]) if x.ndim == 4 else math.prod(x.shape[1:-1])
        if not isinstance(layer, Embedding):  # which looks up
            total += places * sum(p.value.size for _, p in layer.parameters() if p.value.ndim >= 2)
    return total


def _replicas(model: Chain, compiled: Compiled, train: Examples, batch_size: int) -> Replicas[Any] | None:
    """Two models on half a batch each, where that is faster and means the same."""
    frozen = len(compiled.optimizer.packed.slices) < len(list(model.parameters()))
    if frozen or not compiled.objective.can_split or any(True for _ in model.buffers()):
        return None
    if batch_size * multiplications(model, train.inputs(slice(0, 1))) < WORTH_SPLITTING:
        return None
    compiled.make_replicas(model)
    return compiled.replicas


def _monitored(stopping: EarlyStopping | None, compiled: Compiled, validated: bool) -> dict[str, Any]:
    """Which metric is the score, and 1 where less of it is better, else -1."""
    metrics = compiled.objective.metrics
    names = {name: name for name in ("loss", *metrics)}
    if validated:
        names |= {f"val_{name}": name for name in names}
    given = None if stopping is None else stopping.monitor
    monitor = given or ("val_loss" if validated else "loss")
    own_name = choose("the monitor of EarlyStopping", monitor, names)
    larger = False if own_name == "loss" else larger_is_better(metrics[own_name])
    if stopping is not None and stopping.mode is not None:
        larger = stopping.mode == "max"
    if larger is None:
        raise InputError(f"EarlyStopping monitors '{monitor}', a metric of one's own; expected mode='min' or 'max'")
    return {"monitor": monitor, "sign": -1 if larger else 1, "metric_names": list(names)}


# ---- run folders ---------------------------------------------------------------------------------------------


def _config(task: SupervisedTask, compiled: Compiled, callbacks: Callbacks, settings: Mapping[str, Any]) -> runs.Config:
    """All that decides the result, but for the number of epochs: with more of them a run goes on."""
    settings = {
        **settings,
        "compile": description_or_reason(compiled),
        "batch_size": task.batch_size,
        "shuffle": task.shuffle,
        "early_stopping": None if callbacks.stopping is None else dataclasses.asdict(callbacks.stopping),
        "schedule": callbacks.schedule is not None,
    }
    data = {"samples": len(task.train), "validation_samples": len(task.valid or ()), "sha256": _digest(task)}
    return runs.Config("sequential", json.loads(json.dumps(settings)), data)


def _begin(folder: Path, config: runs.Config) -> None:
    """Begin a run in a locked folder, or check that the one in it is this one."""
    if not (folder / runs.CONFIG).exists():
        runs.check_free(folder, overwrite=False)
        runs.create(folder, config)
        return
    found = runs.read_config(folder)
    other = [f"the kind '{found.kind}'"] if found.kind != config.kind else []
    for given, held in (config.settings, found.settings), (config.data, found.data):
        other += [f"another {name}" for name, value in given.items() if held.get(name) != value]
    if other:
        raise InputError(f"{folder}: holds a run of {other[0]}; choose another folder, or remove that one")


def _catch_up(history: History, folder: Path, training: Training, task: SupervisedTask, callbacks: Callbacks) -> None:
    """Give a run that goes on the history of its epochs so far."""
    for line in runs.read_metrics(folder):
        if "loss" in line:
            history.append(line["epoch"], {name: line[name] for name in task.metric_names})
    if training.progress.asked_to_stop:  # what asked may think otherwise by now, such as a clock
        last = {name: values[-1] for name, values in history.history.items()}
        answers = [function(history.epochs[-1], last) for function in callbacks.functions]
        training.progress.asked_to_stop = any(answers)


def _digest(task: SupervisedTask) -> str:
    """SHA-256 of all data."""
    digest = hashlib.sha256()
    for examples in (task.train, task.valid):
        if examples is not None:
            for array in (examples.x, examples.y, examples.weight):
                if array is not None:
                    digest.update(f"{array.dtype}{array.shape}".encode())
                    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
