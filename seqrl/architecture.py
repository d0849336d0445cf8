"""Architectures as data: a layer described by the arguments it was made with, and made again from them.

A description is what JSON can hold. It names classes and never modules, and making a layer from it imports nothing that
a file could name: the classes are the library's, and those of one's own that the caller hands over. A layer or a random
generator that occurs twice is one object again. Initializers are left out, because weights are loaded afterwards.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from seqrl.errors import InputError, choose, nearest
from seqrl.layer import Layer

MODULES = "seqrl.layer", "seqrl.activations", "seqrl.training.sequential"
PACKAGES = "seqrl.layers", "seqrl.models"
BIT_GENERATORS = {
    kind.__name__: kind
    for kind in (np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937, np.random.Philox, np.random.SFC64)
}


def describe(layer: Layer) -> dict[str, Any]:
    """The architecture of a layer. Raises InputError that names the layer and the argument that can't be described."""
    return _Describer().layer(layer)


def build(description: Mapping[str, Any], own: Iterable[type] = ()) -> Layer:
    """A layer of this architecture, its weights at random until `load_state_dict` is called.

    own: the classes of one's own, or dataclasses of settings, that the description names.
    Raises InputError for a class that is in neither, or a description that doesn't fit it.
    """
    built = _Builder(own).value(description, "the architecture")
    if not isinstance(built, Layer):
        raise InputError(f"the architecture is a {type(built).__name__}; expected the description of a layer")
    return built


def brief(layer: Layer, width: int = 60) -> str:
    """A layer as one would write it, such as "Dense(64, 10)"; without what weights are drawn by."""
    given = layer.made_with
    named = {name: value for name, value in given.named.items() if not _is_start(name, value)}
    shown = [_shown(value, width) for value in given.positional if not _is_start("", value)]
    shown += [f"{name}={_shown(value, width)}" for name, value in named.items()]
    text = ", ".join(shown)
    return f"{type(layer).__name__}({text if len(text) <= width else '...'})"


def _shown(value: Any, width: int) -> str:
    if isinstance(value, (list, tuple)) and any(isinstance(item, Layer) for item in value):
        return f"[{', '.join(_shown(item, width) for item in value)}]"
    if isinstance(value, Layer):
        return brief(value, width)
    return getattr(value, "__name__", None) or repr(value)


def _is_start(name: str, value: Any) -> bool:
    """Whether an argument matters for the first weights only."""
    return isinstance(value, np.random.Generator) or name.endswith("initializer")


def _is_library(kind: type) -> bool:
    """Whether `_library` finds it; the certificate's wrappers are like layers of one's own."""
    return kind.__module__.startswith("seqrl.") and not kind.__module__.startswith("seqrl.certify.")


def _library() -> dict[str, type]:
    """The layers of this library and the dataclasses that they are made from, by name."""
    names = [*MODULES]
    for package in PACKAGES:
        found = importlib.import_module(package)
        names += [module.name for module in pkgutil.walk_packages(found.__path__, f"{package}.")]
    return {
        member.__name__: member
        for name in names
        for member in vars(importlib.import_module(name)).values()
        if isinstance(member, type) and member.__module__ == name
        if issubclass(member, Layer) or dataclasses.is_dataclass(member)
    }


class _Describer:
    """Numbers the layers and generators in the order in which they are met."""

    def __init__(self) -> None:
        self.layers: dict[int, int] = {}
        self.generators: dict[int, int] = {}

    def layer(self, layer: Layer) -> dict[str, Any]:
        if id(layer) in self.layers:
            return {"same": self.layers[id(layer)]}
        self.layers[id(layer)] = number = len(self.layers)
        kind, given = type(layer), layer.made_with
        try:
            signature = inspect.signature(kind.__init__)
            arguments = signature.bind(layer, *given.positional, **given.named).arguments
        except (TypeError, ValueError):
            raise InputError(f"{kind.__name__} can't be described: it wasn't made by its constructor") from None
        _, *names = arguments
        described = {}
        for name in names:
            where = f"{kind.__name__} can't be described: its argument '{name}'"
            if name.endswith("initializer"):
                if signature.parameters[name].default is inspect.Parameter.empty:
                    raise InputError(f"{where} is left out with the initial weights; expected it to have a default")
                continue
            described[name] = self.value(arguments[name], where)
        return {"layer" if _is_library(kind) else "own": kind.__name__, "number": number, "arguments": described}

    def value(self, value: Any, where: str) -> Any:
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, (np.bool_, np.integer, np.floating)):
            return value.item()
        if isinstance(value, Layer):
            return self.layer(value)
        if isinstance(value, np.random.Generator):
            number = self.generators.setdefault(id(value), len(self.generators))
            return {"generator": number, "kind": type(value.bit_generator).__name__}
        if isinstance(value, list):
            return [self.value(item, where) for item in value]
        if type(value) is tuple:
            return {"tuple": [self.value(item, where) for item in value]}
        if isinstance(value, dict) and all(isinstance(key, str) for key in value):
            return {"dict": {key: self.value(item, where) for key, item in value.items()}}
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = {f.name: self.value(getattr(value, f.name), where) for f in dataclasses.fields(value) if f.init}
            return {
                "dataclass" if _is_library(type(value)) else "own dataclass": type(value).__name__,
                "fields": fields,
            }
        raise InputError(f"{where} is a {type(value).__name__}; expected numbers, text, layers, or lists of them")


class _Builder:
    """Keeps what was made, for when it is met again."""

    def __init__(self, own: Iterable[type]) -> None:
        self.own: dict[str, type] = {}
        for kind in own:
            if kind.__name__ in self.own:
                raise InputError(f"own has two classes named '{kind.__name__}'; expected different names")
            self.own[kind.__name__] = kind
        self.library = _library()
        self.layers: dict[int, Layer] = {}
        self.generators: dict[int, np.random.Generator] = {}

    def value(self, value: Any, where: str) -> Any:
        if isinstance(value, list):
            return [self.value(item, where) for item in value]
        if not isinstance(value, Mapping):
            return value
        match value:
            case {"same": number} if number in self.layers:
                return self.layers[number]
            case {"layer": str(name), "number": number, "arguments": arguments}:
                return self._layer(self._library_class(name, Layer), number, arguments)
            case {"own": str(name), "number": number, "arguments": arguments}:
                return self._layer(self._own_class(name), number, arguments)
            case {"generator": number, "kind": str(name)}:
                if number not in self.generators:
                    kind = choose(f"{where}: the kind of random generator", name, BIT_GENERATORS)
                    self.generators[number] = np.random.Generator(kind(np.random.SeedSequence(0, spawn_key=(number,))))
                return self.generators[number]
            case {"tuple": list(items)}:
                return tuple(self.value(item, where) for item in items)
            case {"dict": Mapping() as items}:
                return {key: self.value(item, where) for key, item in items.items()}
            case {"dataclass": str(name), "fields": fields}:
                return self._make(self._library_class(name, object), fields)
            case {"own dataclass": str(name), "fields": fields}:
                return self._make(self._own_class(name), fields)
        raise InputError(f"{where} holds {str(value)[:60]}, which describes nothing that is known")

    def _library_class(self, name: str, base: type) -> type:
        kind = self.library.get(name)
        if kind is None or not issubclass(kind, base):
            raise InputError(
                f"the architecture has '{name}', which this version of seqrl has not{nearest(name, self.library)}"
            )
        return kind

    def _own_class(self, name: str) -> type:
        if name not in self.own:
            raise InputError(f"the architecture has '{name}', which is not of this library; expected the class in own")
        return self.own[name]

    def _layer(self, kind: type, number: int, arguments: Any) -> Layer:
        self.layers[number] = layer = self._make(kind, arguments)
        return layer

    def _make(self, kind: type, arguments: Any) -> Any:
        where = f"the arguments of {kind.__name__}"
        signature = inspect.signature(kind.__init__)  # type: ignore[misc]  # of the class that is made, no other
        self_name, *_ = signature.parameters
        try:
            bound = inspect.BoundArguments(signature, {self_name: None})
            for name in signature.parameters:
                if name in arguments:
                    bound.arguments[name] = self.value(arguments[name], where)
            unknown = set(arguments) - set(signature.parameters)
            if unknown:
                raise TypeError(f"unknown argument '{min(unknown)}'")
            return kind(*bound.args[1:], **bound.kwargs)
        except TypeError as error:
            raise InputError(f"{where} don't fit: {error}") from None
