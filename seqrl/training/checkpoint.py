"""Checkpoints: one safetensors file with everything that training continues from.

Arrays are tensors: the weights under "model.NAME", the optimizer's moments under "optimizer.NAME", what was gathered of
an unfinished epoch under "gathered.NAME". All else is JSON in the file's metadata under "seqrl": how far training is,
the optimizer's numbers, the states of the random generators.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from seqrl import tensors
from seqrl.errors import InputError
from seqrl.layer import Layer
from seqrl.optimizers import LBFGS, Optimizer
from seqrl.parameter import Array

FORMAT = "seqrl-checkpoint-1"


class Checkpoint(NamedTuple):
    """What a checkpoint file holds."""

    arrays: dict[str, Array]
    state: dict[str, Any]

    def part(self, prefix: str) -> dict[str, Array]:
        """The arrays whose names begin with `prefix` and a dot, without it."""
        return {name[len(prefix) + 1 :]: array for name, array in self.arrays.items() if name.startswith(prefix + ".")}


def write(path: str | Path, arrays: Mapping[str, Array], state: Mapping[str, Any]) -> None:
    """Write a checkpoint. Raises InputError when the file can't be written; an earlier one is then as it was."""
    tensors.write(path, arrays, {"seqrl": json.dumps({"format": FORMAT, **state})})


def read(path: str | Path) -> Checkpoint:
    """Read a checkpoint. Raises InputError that names the file and what is wrong with it."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: can't read the checkpoint: {error.strerror}") from error
    try:
        arrays = safetensors.numpy.load(content)
        size = int.from_bytes(content[:8], "little")
        metadata = json.loads(content[8 : 8 + size]).get("__metadata__", {})
    except (SafetensorError, ValueError, KeyError) as error:
        raise InputError(f"{path}: not a checkpoint, or cut short ({error})") from None
    return Checkpoint(arrays, _state(path, metadata))


def read_into(path: str | Path, arrays: Mapping[str, Array]) -> dict[str, Any]:
    """Fill these arrays with a checkpoint's, in place and without a second copy in memory, and return its state.

    Raises InputError that names the file and what is wrong with it, or the first array that differs.
    """
    return _state(path, tensors.read_into(path, arrays))


def _state(path: str | Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads(metadata["seqrl"])
        format = state.pop("format")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{path}: a safetensors file, but not a checkpoint of seqrl") from None
    if format != FORMAT:
        raise InputError(f"{path}: a checkpoint of the format '{format}'; this version of seqrl reads '{FORMAT}'")
    return state


def save_training(
    path: str | Path,
    model: Layer,
    optimizer: Optimizer | LBFGS,
    generators: Mapping[str, np.random.Generator],
    state: Mapping[str, Any],
    gathered: Mapping[str, Array] = MappingProxyType({}),
) -> None:
    """A checkpoint to resume from: weights, moments, the states of the generators, and `state`, which JSON can hold."""
    optimizer_state = optimizer.state_dict()
    moments = {name: value for name, value in optimizer_state.items() if isinstance(value, np.ndarray)}
    arrays = {f"model.{name}": array for name, array in model.state().items()}
    arrays |= {f"optimizer.{name}": moment for name, moment in moments.items()}
    arrays |= {f"gathered.{name}": array for name, array in gathered.items()}
    numbers = {name: value for name, value in optimizer_state.items() if name not in moments}
    states = {name: rng.bit_generator.state for name, rng in generators.items()}
    write(path, arrays, {**state, "optimizer": numbers, "generators": states})


def load_training(
    path: str | Path,
    model: Layer,
    optimizer: Optimizer | LBFGS,
    generators: Mapping[str, np.random.Generator],
    gathered: Mapping[str, Array] = MappingProxyType({}),
) -> dict[str, Any]:
    """Bring model, optimizer, generators and `gathered` to where `save_training` was, and return its `state`.

    Raises InputError that names the first parameter that differs, or what else is missing.
    """
    checkpoint = read(path)
    load_model(path, checkpoint, model)
    state = checkpoint.state
    try:
        optimizer.load_state_dict({**checkpoint.part("optimizer"), **state.pop("optimizer")})
        states = state.pop("generators")
        for name, rng in generators.items():
            rng.bit_generator.state = states[name]
        for name, array in gathered.items():
            array[...] = checkpoint.arrays[f"gathered.{name}"]
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: training can't be resumed from it, it lacks {error}") from None
    return state


def save_model(path: str | Path, model: Layer, state: Mapping[str, Any]) -> None:
    """A checkpoint of the weights alone."""
    write(path, {f"model.{name}": array for name, array in model.state().items()}, state)


def load_model(path: str | Path, checkpoint: Checkpoint, model: Layer) -> None:
    try:
        model.load_state_dict(checkpoint.part("model"))
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
