"""Runs of models of text: begun, resumed and trained. How one is prepared is its kind's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import numpy as np

from seqrl.layer import Layer
from seqrl.optimizers import Optimizer
from seqrl.text.tokenizers import Tokenizer
from seqrl.training import initial_vectors, runs, session
from seqrl.training.loop import Task, Training
from seqrl.training.settings import SCHEDULES

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class Saved(NamedTuple):
    """What a run that is resumed has in its folder, and is not made again."""

    tokenizers: Mapping[str, Tokenizer] = MappingProxyType({})  # by the names of their files
    vectors: Mapping[str, Any] = MappingProxyType({})  # what `initial_vectors` said, where a checkpoint has the weights


NOTHING = Saved()


class Preparation(Protocol):
    """All that training needs, before anything is written."""

    @property
    def settings(self) -> Any: ...
    @property
    def tokenizers(self) -> Mapping[str, Tokenizer]: ...
    @property
    def model(self) -> Layer: ...
    @property
    def task(self) -> Task: ...
    @property
    def optimizer(self) -> Optimizer: ...
    @property
    def order(self) -> np.random.Generator: ...
    @property
    def data(self) -> dict[str, Any]: ...


P = TypeVar("P", bound=Preparation)
S = TypeVar("S", bound="DataclassInstance")


def begin(kind: str, prepare: Callable[[S, Saved], P], settings: S, folder: Path, overwrite: bool) -> P:
    """Prepare a new run and write what it is, in a locked folder. An earlier run is removed last of all."""
    runs.check_free(folder, overwrite)
    preparation = prepare(settings, NOTHING)
    runs.create(folder, runs.Config(kind, asdict(settings), preparation.data))
    _save_tokenizers(preparation, folder)
    return preparation


def resume(
    kind: str, prepare: Callable[[S, Saved], P], settings: type[S], folder: Path, max_minutes: float | None
) -> P:
    """Prepare to continue a run, in a locked folder. Raises InputError where its data are not what they were."""
    own, config = session.resumed_settings(folder, kind, settings, max_minutes)
    tokenizers = {path.name: Tokenizer.load(path) for path in folder.glob("*.tokenizer.json")}
    begun = (folder / runs.LAST).exists()
    vectors = {key: config.data[key] for key in [initial_vectors.FOUND] if begun and key in config.data}
    preparation = prepare(own, Saved(tokenizers, vectors))
    session.check_data(folder, config, preparation.data)
    if not begun:  # it may have been stopped before they were all written
        _save_tokenizers(preparation, folder)
    return preparation


def _save_tokenizers(preparation: Preparation, folder: Path) -> None:
    for name, tokenizer in preparation.tokenizers.items():
        tokenizer.save(folder / name)


def training(preparation: Preparation, folder: Path, anneal: float = 1.0) -> Training:
    """The loop for a prepared run; it continues from the folder's checkpoint if there is one."""
    settings, task = preparation.settings, preparation.task
    return Training(
        task,
        preparation.model,
        preparation.optimizer,
        SCHEDULES[settings.schedule](settings.epochs * task.steps_per_epoch),
        folder,
        order=preparation.order,
        epochs=settings.epochs,
        patience=settings.patience,
        anneal=anneal,
        max_minutes=settings.max_minutes,
    )
