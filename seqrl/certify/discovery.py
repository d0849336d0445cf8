"""What the library holds, found by looking, so that nothing new goes without a case."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from types import ModuleType

import seqrl
import seqrl.agents
from seqrl import kernels, losses, optimizers, regularizers
from seqrl.certify import agent_cases, cases
from seqrl.certify.kernel_cases import KERNELS
from seqrl.certify.optimizer_checks import Make
from seqrl.layer import Layer
from seqrl.layers.attention import Attention
from seqrl.layers.recurrent import Recurrent
from seqrl.parameter import Parameter
from seqrl.regularizers import Penalty

ABSTRACT = {Layer, Recurrent, Attention}
AGENTS = "seqrl.agents."
NOT_LIBRARY = "seqrl.kernels.", "seqrl.certify."  # kernels are found by name; one implementation needs an extra


def uncovered() -> list[str]:
    """What the certificate would pass over: "layer NAME", "loss NAME", ..."""
    found = {
        "module": broken_modules(),
        "layer": uncovered_layers(),
        "loss": uncovered_losses(),
        "objective": uncovered_objectives(),
        "optimizer": uncovered_optimizers(),
        "regularizer": uncovered_regularizers(),
        "kernel": uncovered_kernels(),
    }
    return [f"{kind} {name}" for kind, names in found.items() for name in names]


def uncovered_layers() -> list[str]:
    """Names of the layers that no case makes. A name with an underscore is a part that others are built of."""
    broken_modules()
    library = {layer for layer in subclasses(Layer) if _in_library(layer.__module__)} - ABSTRACT
    covered = {cases.name_of(case) for case in (cases.LAYERS | agent_cases.agent_layers()).values()}
    return sorted({layer.__name__ for layer in library if not layer.__name__.startswith("_")} - covered)


def _in_library(module: str) -> bool:
    return module.startswith("seqrl.") and not module.startswith(NOT_LIBRARY)


def uncovered_losses() -> list[str]:
    """The public functions of a target in `seqrl.losses` that no case has."""
    covered = {case.loss for case in cases.LOSSES.values()}
    return sorted(
        name
        for name, member in vars(losses).items()
        if inspect.isfunction(member)
        and member.__module__.startswith(losses.__name__)
        and not name.startswith("_")
        and "target" in inspect.signature(member).parameters
        and member not in covered
    )


def uncovered_objectives() -> list[str]:
    """The public functions of the agents whose name ends with "loss" that no case has."""
    broken_modules()
    covered = {case.loss for case in agent_cases.objectives().values()}
    return sorted(
        f"{module.removeprefix(AGENTS)}.{name}"
        for module, content in list(sys.modules.items())
        if module.startswith(AGENTS)
        for name, member in vars(content).items()
        if inspect.isfunction(member)
        and member.__module__ == module
        and name.endswith("loss")
        and not name.startswith("_")
        and member not in covered
    )


def uncovered_optimizers() -> list[str]:
    """The classes with a `step` in `seqrl.optimizers` that no case makes."""
    covered: set[type] = {optimizers.Optimizer}
    makers: list[Make] = [*cases.OPTIMIZERS.values(), *cases.FULL_BATCH_OPTIMIZERS.values()]
    covered |= {type(make([("p", Parameter([0.0]))])) for make in makers}
    return sorted(
        name
        for name, member in vars(optimizers).items()
        if inspect.isclass(member)
        and member.__module__.startswith(optimizers.__name__)
        and not name.startswith("_")
        and hasattr(member, "step")
        and member not in covered
    )


def uncovered_regularizers() -> list[str]:
    """The makers of a penalty in `seqrl.regularizers` that no case is named by."""
    covered = {name.partition(",")[0] for name in cases.REGULARIZERS}
    return sorted(
        name
        for name, member in vars(regularizers).items()
        if inspect.isfunction(member) and inspect.get_annotations(member, eval_str=True).get("return") == Penalty
        if name not in covered
    )


def uncovered_kernels() -> list[str]:
    return sorted(kernels.load("reference").keys() - KERNELS.keys())


def subclasses(of: type[Layer]) -> Iterator[type[Layer]]:
    for one in of.__subclasses__():
        yield one
        yield from subclasses(one)


def broken_modules() -> list[str]:
    """Import all modules of the library and of the agents; the names of those that can't be."""
    broken = []
    for name in [*_modules(seqrl), *_modules(seqrl.agents)]:
        if not name.startswith(NOT_LIBRARY):
            try:
                importlib.import_module(name)
            except Exception:
                broken.append(name)
    return sorted(set(broken))


def _modules(package: ModuleType) -> Iterator[str]:
    """In a checkout the agents lie beside the package that they are a part of."""
    return (module.name for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."))
