"""A small builder of ONNX graphs. A value is its name; nodes are added in the order of computation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

import seqrl
from seqrl.errors import InputError, require
from seqrl.layer import Layer
from seqrl.parameter import Parameter

OPSET = 17  # of 2022, the first with LayerNormalization; ONNX Runtime has it since 1.12
IR_VERSION = 8  # the file format of that opset
MOST_BYTES = 2**31 - 1  # that one protobuf message holds

Axes = Sequence[str | int]  # a name where the size may vary


class Graph:
    """What a layer computes, as ONNX nodes. Parameters keep their dotted names.

    Raises InputError for a model that is not in float32: ONNX Runtime lacks many operators for other types.
    """

    def __init__(self, model: Layer) -> None:
        self.onnx = require("onnx", "onnx")
        if model.dtype != np.float32:
            raise InputError(
                f"the model is in {model.dtype}; expected one in float32, as model.astype(np.float32) gives"
            )
        self.model = model
        self._names = {id(parameter): name for name, parameter in model.parameters()}
        self._nodes: list[Any] = []
        self._constants: dict[str, npt.NDArray[Any]] = {}
        self._inputs: list[Any] = []
        self._outputs: dict[str, Any] = {}

    def input(self, name: str, axes: Axes, dtype: npt.DTypeLike = np.float32) -> str:
        self._inputs.append(self.onnx.helper.make_tensor_value_info(name, self._type(dtype), list(axes)))
        return name

    def output(self, name: str, value: str, axes: Axes | None = None) -> None:
        """axes: where ONNX doesn't find them by itself."""
        helper = self.onnx.helper
        self._nodes.append(helper.make_node("Identity", [value], [name], name=name))
        self._outputs[name] = (
            helper.make_empty_tensor_value_info(name)
            if axes is None
            else helper.make_tensor_value_info(name, self._type(np.float32), list(axes))
        )

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """The output of a node; an input of "" is left out."""
        return self.add_many(operator, *inputs, outputs=1, **attributes)[0]

    def add_many(self, operator: str, *inputs: str, outputs: int, **attributes: Any) -> list[str]:
        """The first `outputs` outputs of a node."""
        while inputs[-1] == "":
            inputs = inputs[:-1]
        name = f"{operator}_{len(self._nodes)}"
        names = [name] if outputs == 1 else [f"{name}_{k}" for k in range(outputs)]
        self._nodes.append(self.onnx.helper.make_node(operator, inputs, names, name=name, **attributes))
        return names

    def parameter(self, parameter: Parameter, value: npt.NDArray[Any] | None = None) -> str:
        """Stored once however often it is used. value: the same in ONNX's layout, where that is another."""
        array, name = parameter.value if value is None else value, self._names[id(parameter)]
        if name in self._constants and not np.array_equal(self._constants[name], array):
            name = f"{name}_{len(self._constants)}"  # in two layouts
        return self._store(name, array)

    def constant(self, value: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> str:
        return self._store(f"constant_{len(self._constants)}", np.asarray(value, dtype))

    def integers(self, *values: int) -> str:
        """A vector such as the axes of Squeeze."""
        return self.constant(values, np.int64)

    def cast(self, value: str, dtype: npt.DTypeLike = np.float32) -> str:
        return self.add("Cast", value, to=self._type(dtype))

    def proto(self, metadata: Mapping[str, str]) -> Any:
        """The onnx.ModelProto, checked. Raises InputError where it is too large for a file of ONNX."""
        helper, (nodes, constants) = self.onnx.helper, self._needed()
        size = sum(array.nbytes for array in constants.values())
        if size > MOST_BYTES:
            raise InputError(f"the model has {size:,} bytes of weights; a file of ONNX holds {MOST_BYTES:,}")
        initializers = [self.onnx.numpy_helper.from_array(array, name) for name, array in constants.items()]
        graph = helper.make_graph(nodes, "seqrl", self._inputs, list(self._outputs.values()), initializers)
        versions = {"ir_version": IR_VERSION, "opset_imports": [helper.make_opsetid("", OPSET)]}
        model = helper.make_model(graph, producer_name="seqrl", producer_version=seqrl.__version__, **versions)
        helper.set_model_props(model, {"seqrl_version": seqrl.__version__, **metadata})
        model = self.onnx.shape_inference.infer_shapes(model, strict_mode=True)
        self.onnx.checker.check_model(model, full_check=True)
        return model

    def _needed(self) -> tuple[list[Any], dict[str, npt.NDArray[Any]]]:
        """The nodes and the constants that an output depends on; final states, for one, are not always asked for."""
        needed, nodes = set(self._outputs), []
        for node in reversed(self._nodes):
            if needed.intersection(node.output):
                needed.update(node.input)
                nodes.append(node)
        return nodes[::-1], {name: array for name, array in self._constants.items() if name in needed}

    def _type(self, dtype: npt.DTypeLike) -> int:
        return int(self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def _store(self, name: str, array: npt.NDArray[Any]) -> str:
        self._constants[name] = array
        return name


Rule = TypeVar("Rule", bound=Callable[..., Any])
COMPUTING = {"__call__", "forward", "scan", "read", "keys", "attend"}  # what makes another layer of a subclass


def rule(graph: Graph, layer: Layer, rules: Mapping[type[Layer], Rule]) -> Rule:
    """The rule for the class of a layer, or for the one that it inherits from and computes as.

    Raises InputError that says which part of the model has none.
    """
    for kind in type(layer).__mro__:
        if kind in rules:
            return rules[kind]
        if COMPUTING & vars(kind).keys():
            break
    name, where = type(layer).__name__, dotted_name(graph.model, layer)
    known = ", ".join(sorted(kind.__name__ for kind in rules))
    raise InputError(
        f"{f'{where}, a {name},' if where else f'a {name}'} can't be exported to ONNX; expected one of {known}"
    )


def dotted_name(model: Layer, part: Layer) -> str:
    """Where a layer stands in a model, such as "encoder.layers.0"; "" for the model itself."""
    return next((name for name, layer in _layers(model, "") if layer is part), type(part).__name__)


def _layers(owner: Any, prefix: str) -> Iterable[tuple[str, Layer]]:
    if isinstance(owner, Layer):
        yield prefix, owner
        members: Iterable[tuple[Any, Any]] = vars(owner).items()
    else:
        members = enumerate(owner) if isinstance(owner, (list, tuple)) else ()
    for name, member in members:
        yield from _layers(member, f"{prefix}.{name}" if prefix else str(name))
