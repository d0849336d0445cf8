"""What the library holds, found by looking, so that nothing new goes without a case."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import numpy as np

import seqrl
from seqrl.certify import cases
from seqrl.layer import Chain, Layer
from seqrl.layers.attention import Attention
from seqrl.layers.recurrent import Recurrent

ABSTRACT = {Layer, Recurrent, Attention}
NOT_LIBRARY = "seqrl.kernels.", "seqrl.certify."  # kernels are found by name; one implementation needs an extra


def subclasses(of: type[Layer]) -> Iterator[type[Layer]]:
    for one in of.__subclasses__():
        yield one
        yield from subclasses(one)


def import_everything() -> None:
    for module in pkgutil.walk_packages(seqrl.__path__, "seqrl."):
        if not module.name.startswith(NOT_LIBRARY):
            importlib.import_module(module.name)


def parts(whole: Layer) -> list[Layer]:
    """The layers that a chain is made of: some can't stand alone."""
    return whole.layers if isinstance(whole, Chain) else []


def uncovered_layers() -> list[str]:
    """Names of the layers that no case makes. A name with an underscore is a part that others are built of."""
    import_everything()
    library = {layer for layer in subclasses(Layer) if layer.__module__.startswith("seqrl.")} - ABSTRACT
    made = [case.make(np.random.default_rng(0)) for case in cases.LAYERS.values()]
    covered = {type(layer) for layer in made} | {type(part) for whole in made for part in parts(whole)}
    return sorted(layer.__name__ for layer in library - covered if not layer.__name__.startswith("_"))
