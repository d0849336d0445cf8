"""Weights to and from PyTorch: its state dicts, under its names and in its layouts. PyTorch itself is not needed.

    load_state_dict(model, read_file("model.safetensors"))
    write_file("model.safetensors", to_state_dict(model))

What a layer is called in PyTorch, and what its entries are:

    Dense, GeneralAttention      nn.Linear: weight, the transpose of ours, and bias
    TiedDense                    nn.Linear that has the weight of the other layer
    Embedding, Conv2D            nn.Embedding, nn.Conv2d
    LayerNorm, BatchNorm         nn.LayerNorm, nn.BatchNorm1d or nn.BatchNorm2d
    RNN, LSTM, GRU               nn.RNN, nn.LSTM, nn.GRU of one layer: weight_ih_l0, weight_hh_l0, bias_ih_l0, ...
    Bidirectional                the same with bidirectional=True: weight_ih_l0_reverse, ...
    Stack                        the same with num_layers: weight_ih_l1, ...; of unlike layers an nn.ModuleList
    Chain, Sequential            nn.Sequential: 0.weight, 1.weight, ..., every layer counts
    all others                   an nn.Module with attributes of the same names; of a list an nn.ModuleList

PyTorch adds two biases in a recurrent layer where one is enough. Reading adds them up; writing puts ours into bias_ih
and zeros into bias_hh (but for the GRU's bias_hn, which stands inside the reset). A state dict may lack what PyTorch
can do without and we can't: a recurrent module's biases (bias=False) and LayerNorm's bias are zeros then, BatchNorm's
weight and bias (affine=False) ones and zeros. What is tied is written under each of its names; to read, one suffices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy
from safetensors import SafetensorError

from seqrl import files
from seqrl.errors import InputError, nearest
from seqrl.layer import Chain, Layer
from seqrl.layers.attention import GeneralAttention
from seqrl.layers.bidirectional import Bidirectional
from seqrl.layers.convolution import Conv2D
from seqrl.layers.dense import Dense, TiedDense
from seqrl.layers.embedding import Embedding
from seqrl.layers.normalization import BatchNorm, LayerNorm
from seqrl.layers.recurrent import GRU, LSTM, RNN, Recurrent, Stack
from seqrl.parameter import Parameter

AnyArray = npt.NDArray[Any]
StateDict = dict[str, AnyArray]


def to_state_dict(layer: Layer, prefix: str = "") -> StateDict:
    """A state dict of PyTorch's with copies of the weights, each name behind `prefix` and a dot.

    In PyTorch: module.load_state_dict({name: torch.from_numpy(array) for name, array in state_dict.items()}).
    Raises InputError for a layer that PyTorch has not: peepholes, the original GRU.
    """
    return {entry.name: np.array(entry.in_pytorch, order="C") for entry in _Form(layer, prefix).entries}


def load_state_dict(layer: Layer, state_dict: Mapping[str, Any], prefix: str = "") -> None:
    """Write a state dict of PyTorch's, of NumPy arrays or tensors, into a layer.

    prefix: take only the entries below this name; without it every entry must have its place.
    Raises InputError that names the first entry that is missing, left over or of another shape, with the shapes as
    PyTorch has them; nothing is written then.
    """
    form = _Form(layer, prefix)
    given = _arrays(state_dict, prefix)
    values = _matched(form.entries, given)
    for name in given:
        if name not in values:
            known = [entry.name for entry in form.entries]
            raise InputError(
                f"the state dict holds '{name}' of shape {given[name].shape}, which the model has not"
                f"{nearest(name, known)}"
            )
    _check_ties(form.entries, values)
    form.write(values)


def read_file(path: str | Path) -> StateDict:
    """The state dict in a safetensors file. Raises InputError for another file; pickles (.pt, .pth) are not opened."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: can't read the state dict: {error.strerror}") from error
    try:
        tensors = _deserialize(content)
    except SafetensorError as error:
        if content.startswith(PICKLES):
            raise InputError(
                f"{path}: a pickle, which can run any code as it is opened; save the weights from PyTorch with "
                "safetensors.torch.save_model(model, 'model.safetensors')"
            ) from None
        raise InputError(f"{path}: not a safetensors file, or cut short ({error})") from None
    return {name: _tensor(f"{path}: '{name}'", **tensor) for name, tensor in tensors}


def write_file(path: str | Path, state_dict: Mapping[str, Any]) -> None:
    """Write a state dict as a safetensors file, which safetensors.torch.load_file reads."""
    # safetensors writes the memory of an array from its first element on, so a transposed one would be wrong.
    arrays = {name: np.asarray(array, order="C") for name, array in _arrays(state_dict, "").items()}
    files.write(path, safetensors.numpy.save(arrays, {"format": "pt"}))


# ---- what a model holds, as PyTorch has it -------------------------------------------------------------------


class _Entry(NamedTuple):
    """One entry of a state dict."""

    name: str
    array: AnyArray  # the model's own
    turned: bool = False  # PyTorch has the transpose
    group: str = ""  # a state dict may lack those of one group all together; they are `default` then
    default: float = 0.0

    @property
    def in_pytorch(self) -> AnyArray:
        return self.array.T if self.turned else self.array


class _Form:
    """The entries of a model."""

    def __init__(self, layer: Any, prefix: str) -> None:
        if not isinstance(layer, Layer):
            raise InputError(f"the model is of the type {type(layer).__name__}; expected a layer of seqrl")
        self.entries: list[_Entry] = []
        self.second_biases: dict[int, tuple[Recurrent, AnyArray]] = {}  # by the id of the cell, which may occur twice
        self._walk(layer, prefix.removesuffix("."))
        held = {id(entry.array) for entry in self.entries}
        held |= {id(_bias_hn(cell)) for cell, _ in self.second_biases.values()}
        for name, array in layer.state().items():
            if id(array) not in held:
                raise InputError(f"'{name}' of the model, of shape {array.shape}, has no place in PyTorch's layer")

    def write(self, values: Mapping[str, AnyArray]) -> None:
        filled = {id(entry.array) for entry in self.entries if entry.name in values}
        for entry in self.entries:
            if entry.name in values:
                entry.in_pytorch[...] = values[entry.name]
            elif id(entry.array) not in filled:
                entry.array[...] = entry.default
        for cell, second in self.second_biases.values():
            alone = _bias_hn(cell)
            summed = len(second) - len(alone)
            cell.bias.value[:summed] += second[:summed]
            alone[...] = second[summed:]

    def _walk(self, member: Any, name: str) -> None:
        match member:
            case Dense() | GeneralAttention():
                self._affine(member, name, turned=True)
            case TiedDense() | Conv2D() | Embedding():
                self._affine(member, name, turned=False)
            case LayerNorm():
                self._add(name, "weight", member.weight.value)
                self._add(name, "bias", member.bias.value, group=name + ".bias")
            case BatchNorm():
                self._add(name, "weight", member.weight.value, group=name + ".affine", default=1)
                self._add(name, "bias", member.bias.value, group=name + ".affine")
                self._add(name, "running_mean", member.running_mean)
                self._add(name, "running_var", member.running_var)
                self._add(name, "num_batches_tracked", np.zeros((), np.int64), group=name + ".tracked")
            case Recurrent() | Bidirectional():
                self._recurrent([member], name)
            case Stack() if _one_module(member.layers):
                self._recurrent(member.layers, name)
            case Stack() | Chain():
                self._walk(member.layers, name)
            case Layer():
                for attribute, below in vars(member).items():
                    self._walk(below, _join(name, attribute))
            case list() | tuple():
                for k, below in enumerate(member):
                    self._walk(below, _join(name, str(k)))
            case Parameter():
                self.entries.append(_Entry(name, member.value))
            case np.ndarray():
                self.entries.append(_Entry(name, member))

    def _add(self, module: str, name: str, array: AnyArray, **options: Any) -> None:
        self.entries.append(_Entry(_join(module, name), array, **options))

    def _affine(self, layer: Any, name: str, turned: bool) -> None:
        self._add(name, "weight", layer.weight.value, turned=turned)
        bias = getattr(layer, "bias", None)
        if bias is not None:
            self._add(name, "bias", bias.value)

    def _recurrent(self, layers: Sequence[Layer], name: str) -> None:
        for depth, layer in enumerate(layers):
            cells = _cells(layer)
            if len({_kind(cell) for cell in cells}) > 1:
                kinds = " and ".join(f"{type(cell).__name__} of {cell.H}" for cell in cells)
                raise InputError(f"{_called(name)} reads with {kinds}; PyTorch has one kind and size both ways")
            for cell, direction in zip(cells, ("", "_reverse"), strict=False):
                _check_cell(cell, name)
                suffix, group = f"_l{depth}{direction}", name + ".biases"
                self._add(name, f"weight_ih{suffix}", cell.weight_ih.value, turned=True)
                self._add(name, f"weight_hh{suffix}", cell.weight_hh.value, turned=True)
                self._add(name, f"bias_ih{suffix}", cell.bias.value, group=group)
                self._add(name, f"bias_hh{suffix}", self._second_bias(cell), group=group)

    def _second_bias(self, cell: Recurrent) -> AnyArray:
        if id(cell) not in self.second_biases:
            second, alone = np.zeros_like(cell.bias.value), _bias_hn(cell)
            second[len(second) - len(alone) :] = alone
            self.second_biases[id(cell)] = cell, second
        return self.second_biases[id(cell)][1]


def _join(module: str, name: str) -> str:
    return f"{module}.{name}" if module else name


def _called(name: str) -> str:
    return f"'{name}'" if name else "the model"


def _cells(layer: Any) -> list[Recurrent]:
    if isinstance(layer, Bidirectional):
        return [layer.ahead, layer.back]
    return [layer] if isinstance(layer, Recurrent) else []


def _bias_hn(cell: Recurrent) -> AnyArray:
    """The part of PyTorch's second bias that is not summed with the first: the GRU's inside the reset."""
    return cell.bias_hn.value if isinstance(cell, GRU) and cell.bias_hn is not None else np.empty(0)


def _kind(cell: Recurrent) -> tuple[Any, ...]:
    return type(cell), cell.H, cell.rectified if isinstance(cell, RNN) else None


def _one_module(layers: Sequence[Layer]) -> bool:
    """Whether a stack of these is one recurrent module of PyTorch, in which all layers are alike."""
    kinds = [[_kind(cell) for cell in _cells(layer)] for layer in layers]
    return bool(kinds and kinds[0]) and all(kind == kinds[0] for kind in kinds)


def _check_cell(cell: Recurrent, name: str) -> None:
    if not isinstance(cell, (RNN, LSTM, GRU)):
        raise InputError(f"{_called(name)} has a {type(cell).__name__}, which PyTorch has not")
    if isinstance(cell, LSTM) and cell.peephole is not None:
        raise InputError(f"{_called(name)} is an LSTM with peepholes, which PyTorch has not; expected one without")
    if isinstance(cell, GRU) and cell.bias_hn is None:
        raise InputError(f"{_called(name)} is a GRU of the original kind, which PyTorch has not; expected reset_after")


# ---- what a state dict holds ---------------------------------------------------------------------------------


def _arrays(state_dict: Any, prefix: str) -> StateDict:
    """The entries below `prefix` as arrays."""
    if not isinstance(state_dict, Mapping):
        given = type(state_dict).__name__
        raise InputError(f"the state dict is of the type {given}; expected what module.state_dict() or read_file gives")
    below = prefix.removesuffix(".") + "." if prefix else ""
    found = {str(name): _array(name, value) for name, value in state_dict.items() if str(name).startswith(below)}
    if below and not found:
        raise InputError(f"the state dict holds nothing below '{prefix}'{nearest(below, state_dict)}")
    return found


def _array(name: str, value: Any) -> AnyArray:
    if hasattr(value, "detach"):  # a tensor
        value = value.detach().cpu()
        try:
            value = value.numpy()
        except TypeError:  # NumPy has no bfloat16
            value = value.float().numpy()
    array = np.asarray(value) if hasattr(value, "__array__") else np.asarray(None)
    if array.dtype.kind not in "fiub":
        given = array.dtype if array.dtype.kind in "cV" else type(value).__name__
        raise InputError(f"the state dict holds '{name}' of the type {given}; expected tensors or arrays of numbers")
    return array


def _matched(entries: Sequence[_Entry], given: StateDict) -> StateDict:
    """What `given` has of these entries. Raises InputError for one that is missing or has another shape or type."""
    filled = {id(entry.array) for entry in entries if entry.name in given}
    groups = {entry.group for entry in entries if entry.name in given}
    names = {entry.name for entry in entries}
    values: StateDict = {}
    for entry in entries:
        name, expected = entry.name, entry.in_pytorch
        if name not in given:
            if id(entry.array) in filled or (entry.group and entry.group not in groups):
                continue
            hint = nearest(name, [other for other in given if other not in names])
            raise InputError(f"the state dict lacks '{name}' of shape {expected.shape}{hint}")
        value = given[name]
        if value.shape != expected.shape:
            raise InputError(
                f"the state dict holds '{name}' of shape {value.shape}; the model has it of shape {expected.shape}"
            )
        if value.dtype.kind != "f" and expected.dtype.kind == "f":
            raise InputError(f"the state dict holds '{name}' of {value.dtype}; expected floating-point numbers")
        try:
            with np.errstate(over="raise"):
                values[name] = value.astype(expected.dtype)
        except FloatingPointError:
            raise InputError(f"the state dict holds numbers in '{name}' too large for {expected.dtype}") from None
    return values


def _check_ties(entries: Sequence[_Entry], values: StateDict) -> None:
    """Raises InputError where the model ties what the state dict has two values for."""
    seen: dict[int, tuple[str, AnyArray]] = {}
    for entry in entries:
        if entry.name in values:
            value = values[entry.name].T if entry.turned else values[entry.name]
            name, first = seen.setdefault(id(entry.array), (entry.name, value))
            if not np.array_equal(first, value, equal_nan=True):
                raise InputError(
                    f"the state dict holds other numbers in '{entry.name}' than in '{name}'; the model ties the two"
                )


# ---- files ---------------------------------------------------------------------------------------------------

_deserialize: Any = safetensors.deserialize  # safetensors.numpy.load, but with bfloat16; typed in some versions only

PICKLES = b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"  # zipped as torch.save writes it, and bare
TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
    "BOOL": "?",
}


def _tensor(where: str, dtype: str, shape: list[int], data: bytes) -> AnyArray:
    if dtype not in TYPES:
        raise InputError(f"{where} is of the type {dtype}; expected one of {', '.join(TYPES)}")
    array = np.frombuffer(data, TYPES[dtype]).reshape(shape)
    if dtype == "BF16":  # the upper half of a float32
        array = (array.astype(np.uint32) << 16).view(np.float32)
    return array
