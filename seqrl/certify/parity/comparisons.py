"""Each recorded case computed here, beside what PyTorch or ONNX computed: a line a case in PARITY."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqrl import losses
from seqrl.activations import Identity, LeakyReLU, LogSoftmax, ReLU, Sigmoid, Softmax, Step, Tanh, sigmoid
from seqrl.certify.cases import OPTIMIZERS
from seqrl.certify.differences import Difference, Differences, compare, compare_trees
from seqrl.layer import Layer
from seqrl.layers.attention import AdditiveAttention, Attention, DotAttention, GeneralAttention
from seqrl.layers.bidirectional import Bidirectional
from seqrl.layers.convolution import Conv2D
from seqrl.layers.dense import Dense, TiedDense
from seqrl.layers.embedding import Embedding
from seqrl.layers.gaussian import GaussianKL
from seqrl.layers.maxout import Maxout
from seqrl.layers.normalization import BatchNorm, LayerNorm
from seqrl.layers.pooling import AvgPool2D, Flatten, GlobalAvgPool2D, GlobalMaxPool2D, MaxPool2D
from seqrl.layers.recurrent import GRU, LSTM, RNN, Recurrent, Stack
from seqrl.optimizers import LBFGS
from seqrl.parameter import Parameter

Arrays = dict[str, npt.NDArray[Any]]
Generator = np.random.Generator
REFERENCES = [Path(__file__).with_name(name) for name in ("references.safetensors", "onnx_references.safetensors")]
TOLERANCE = {"float64": 1e-10, "float32": 2e-5}


@functools.cache
def references() -> tuple[Arrays, str]:
    """(every recorded array under "case/name", the versions that made them)."""
    from safetensors import safe_open

    arrays: Arrays = {}
    versions = []
    for path in REFERENCES:
        with safe_open(path, "numpy") as stream:
            arrays |= {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
            versions.append(stream.metadata()["versions"])
    return arrays, ", and with ".join(versions)


def recorded(case: str, dtype: str = "float64") -> Arrays:
    """The arrays of one case by name, those of numbers in this dtype."""
    found = {key.removeprefix(f"{case}/"): a for key, a in references()[0].items() if key.startswith(f"{case}/")}
    return {key: a.astype(dtype) if a.dtype == np.float64 else a for key, a in found.items()}


def part(r: Arrays, what: str) -> Arrays:
    """{"weight": ...} of {"value/weight": ...}."""
    return {name.removeprefix(f"{what}/"): a for name, a in r.items() if name.startswith(f"{what}/")}


# ---- layers --------------------------------------------------------------------------------------------------


def layer(make: Callable[[Generator], Layer], turned: bool = False) -> Callable[[Arrays, str], Differences]:
    """A layer with PyTorch's parameters under PyTorch's names; `turned` where its weight is transposed there."""

    def measure(r: Arrays, dtype: str) -> Differences:
        def own(arrays: Arrays) -> Arrays:
            return {name: a.T if turned and a.ndim == 2 else a for name, a in arrays.items()}

        made = make(np.random.default_rng(0)).astype(dtype)
        for name, parameter in made.parameters():
            parameter.value[...] = own(part(r, "value"))[name]
        y, backward = made.forward(r["x"])
        found = [compare("the output", y, r["y"])]
        dx = backward(r["dy"])
        if "dx" in r:
            found.append(compare("the input gradient", dx, r["dx"]))
        found += same_gradients(made, own(part(r, "grad")))
        found += compare_trees("the buffers", tuple(dict(made.buffers()).values()), tuple(part(r, "buffer").values()))
        return [*found, compare("the output at inference", made(r["x"]), r.get("inference", r["y"]))]

    return measure


def same_gradients(made: Layer, expected: Arrays) -> Differences:
    gradients = {name: parameter.grad for name, parameter in made.parameters()}
    if gradients.keys() != expected.keys():
        return [Difference("the parameters", np.inf, f"are {sorted(gradients)}, expected {sorted(expected)}")]
    return [compare(f"the gradient of {name}", gradient, expected[name]) for name, gradient in gradients.items()]


def recurrent(make: Callable[[int, Generator], Any]) -> Callable[[Arrays, str], Differences]:
    """One layer, or where lengths were recorded two bidirectional ones upon each other; with states."""

    def measure(r: Arrays, dtype: str) -> Differences:
        rng, deep = np.random.default_rng(0), "lengths" in r
        made = make(3, rng)
        if deep:
            made = Stack([Bidirectional(make(D, rng), make(D, rng)) for D in (3, 8)])
        made = made.astype(dtype)
        made.load_state_dict(_cells(r, "value", deep, isinstance(make(3, rng), GRU)))
        (y, final), backward = made.scan(r["x"], _states(r, "initial", deep), r.get("lengths"))
        found = [compare("the output", y, r["y"])]
        found += compare_trees("the final state", final, _states(r, "final", deep))
        dx, dinitial = backward(r["dy"], _states(r, "dfinal", deep))
        found.append(compare("the input gradient", dx, r["dx"]))
        found += compare_trees("the gradient of the initial state", dinitial, _states(r, "dinitial", deep))
        return found + same_gradients(made, _cells(r, "grad", deep, isinstance(make(3, rng), GRU)))

    return measure


def _cells(r: Arrays, what: str, deep: bool, gru: bool) -> Arrays:
    """PyTorch's `value` or `grad` of every cell under the names and in the layout of seqrl.

    PyTorch adds two biases where one is enough: their values add up, and the gradient of either is that of the sum.
    """
    cells = {"_l0": ""}
    if deep:
        ends = {"": "ahead", "_reverse": "back"}
        cells = {f"_l{k}{suffix}": f"layers.{k}.{end}." for k in range(2) for suffix, end in ends.items()}
    arrays: Arrays = {}
    for suffix, prefix in cells.items():
        b_ih, b_hh = r[f"{what}/bias_ih{suffix}"], r[f"{what}/bias_hh{suffix}"]
        H = len(b_ih) // 3
        hidden = np.concatenate([b_hh[: 2 * H], np.zeros_like(b_hh[2 * H :])]) if gru else b_hh
        arrays[f"{prefix}weight_ih"] = r[f"{what}/weight_ih{suffix}"].T
        arrays[f"{prefix}weight_hh"] = r[f"{what}/weight_hh{suffix}"].T
        arrays[f"{prefix}bias"] = b_ih + hidden if what == "value" else b_ih
        if gru:
            arrays[f"{prefix}bias_hn"] = b_hh[2 * H :]
    return arrays


def _states(r: Arrays, when: str, deep: bool) -> Any:
    """PyTorch's stacked states in the nesting of seqrl: per layer, per direction, (h, c) for the LSTM."""
    parts = [r[f"{when}/{name}"] for name in "hc" if f"{when}/{name}" in r]
    cells = [tuple(part[k] for part in parts) if len(parts) > 1 else parts[0][k] for k in range(len(parts[0]))]
    return ((cells[0], cells[1]), (cells[2], cells[3])) if deep else cells[0]


def onnx_cell(make: Callable[[int, Generator], Recurrent], order: str, onnx_order: str) -> Callable[..., Differences]:
    """One layer beside ONNX's operator; the gates are named in the order of seqrl and in that of ONNX.

    In float32 also beside ONNX Runtime, in both directions on sequences of several lengths.
    """

    def measure(r: Arrays, dtype: str) -> Differences:
        made = make(3, np.random.default_rng(0)).astype(dtype)
        H = r["R"].shape[-1]

        def own(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
            blocks = array[0].reshape(len(onnx_order), H, -1)
            return np.concatenate([blocks[onnx_order.index(gate)] for gate in order])

        b_ih, b_hh = (own(half)[:, 0] for half in np.split(r["B"], 2, axis=1))
        values = {"weight_ih": own(r["W"]).T, "weight_hh": own(r["R"]).T, "bias": b_ih + b_hh}
        if isinstance(made, GRU) and made.bias_hn is not None:
            values |= {"bias": np.concatenate([(b_ih + b_hh)[: 2 * H], b_ih[2 * H :]]), "bias_hn": b_hh[2 * H :]}
        if "P" in r:
            i, o, f = r["P"].reshape(3, H)
            values["peephole"] = np.stack([i, f, o])
        made.load_state_dict(values)

        def beside(of: str, what: str, **options: Any) -> Differences:
            (y, final), _ = made.scan(r["x"], _states(r, "initial", False), **options)
            wanted = [r[f"{of}final/{name}"] for name in "hc" if f"{of}final/{name}" in r]
            found = [compare(f"the output{what}", y, r[f"{of}y"])]
            return found + compare_trees(f"the final state{what}", final, tuple(wanted))

        found = beside("", "")
        if dtype == "float32":  # which alone ONNX Runtime has these operators in
            for end, reverse in ("ahead", False), ("back", True):
                found += beside(f"runtime/{end}/", f" {end}", lengths=r["lengths"], reverse=reverse)
        return found

    return measure


def attention(make: Callable[[Generator], Attention]) -> Callable[[Arrays, str], Differences]:
    """PyTorch is batch first here, and has the transposed weights."""

    def measure(r: Arrays, dtype: str) -> Differences:
        turned = {key: a.transpose(1, 0, 2) for key, a in r.items() if a.ndim == 3}
        made = make(np.random.default_rng(0)).astype(dtype)
        made.load_state_dict({name: value.T for name, value in part(r, "value").items()})
        (context, _), backward = made.forward(turned["query"], turned["memory"], r["lengths"])
        expected = turned["dquery"], turned["dmemory"]
        found = [compare("the output", context, turned["context"])]
        found += compare_trees("the input gradient", backward(turned["dcontext"]), expected)
        return found + same_gradients(made, {name: gradient.T for name, gradient in part(r, "grad").items()})

    return measure


def gaussian_kl(r: Arrays, dtype: str) -> Differences:
    kl, backward = GaussianKL().forward(r["q"], r["p"])
    found = [compare("the divergence", kl, r["kl"])]
    return found + compare_trees("the gradient of q and p", backward(r["dkl"]), (r["dq"], r["dp"]))


# ---- losses and optimizers -----------------------------------------------------------------------------------


def loss(of: Callable[..., Any], **options: Any) -> Callable[[Arrays, str], Differences]:
    def measure(r: Arrays, dtype: str) -> Differences:
        value, gradient = of(r["prediction"], r["target"], r.get("mask"), **options)
        return [compare("the loss", value, r["loss"]), compare("the gradient", gradient, r["dprediction"])]

    return measure


def fifty_steps(name: str) -> Callable[[Arrays, str], Differences]:
    """The optimizer of that name in `cases.OPTIMIZERS`, step by step over the recorded gradients."""

    def measure(r: Arrays, dtype: str) -> Differences:
        a, b = Parameter(r["start"][:6].reshape(2, 3), dtype), Parameter(r["start"][6:], dtype)
        rule = OPTIMIZERS[name]([("a", a), ("b", b)])
        found = []
        for step, (gradient, expected) in enumerate(zip(r["gradients"], r["values"], strict=True), start=1):
            a.grad += gradient[:6].reshape(2, 3)
            b.grad += gradient[6:]
            norm = rule.step()
            found.append(compare(f"the norm at step {step}", norm, np.linalg.norm(gradient)))
            values = np.concatenate([a.value.ravel(), b.value])
            found.append(compare(f"the parameters after step {step}", values, expected))
        return found

    return measure


def fifty_fixed_steps(r: Arrays, dtype: str) -> Differences:
    """L-BFGS without a line search on logistic regression with weight decay; the history holds 4 pairs."""
    x, target, weight = r["x"], r["target"], Parameter(r["start"], dtype)
    rule = LBFGS([("weight", weight)], 0.1, max_iter=1, history_size=4, line_search=False)
    rule.tolerance_grad = rule.tolerance_change = 0.0

    def closure() -> float:
        logits = x @ weight.value
        weight.grad += x.T @ (sigmoid(logits) - target) / len(x) + x.dtype.type(0.1) * weight.value
        losses = np.logaddexp(0, logits) - target * logits
        return float(losses.mean() + 0.05 * np.square(weight.value).sum())

    found = []
    for step, expected in enumerate(r["values"], start=1):
        rule.step(closure)
        found.append(compare(f"the parameters after step {step}", weight.value, expected))
    return found


# ---- all of them ---------------------------------------------------------------------------------------------


class Parity(NamedTuple):
    of: str  # what it is the evidence for, by its name in the library
    measure: Callable[[Arrays, str], Differences]


PARITY: dict[str, Parity] = {
    "linear": Parity("Dense", layer(lambda rng: Dense(3, 4, rng=rng), turned=True)),
    "linear back": Parity("TiedDense", layer(lambda rng: TiedDense(Dense(3, 4, rng=rng)))),
    "maxout": Parity("Maxout", layer(lambda rng: Maxout(3, 2, 3, rng=rng), turned=True)),
    "embedding": Parity("Embedding", layer(lambda rng: Embedding(6, 4, rng=rng))),
    "conv2d": Parity("Conv2D", layer(lambda rng: Conv2D(2, 3, 3, rng=rng, padding=1))),
    "conv2d strided": Parity("Conv2D", layer(lambda rng: Conv2D(2, 3, (3, 2), rng=rng, stride=2, bias=False))),
    "max pool": Parity("MaxPool2D", layer(lambda rng: MaxPool2D(3, stride=2))),
    "average pool": Parity("AvgPool2D", layer(lambda rng: AvgPool2D(2))),
    "global max pool": Parity("GlobalMaxPool2D", layer(lambda rng: GlobalMaxPool2D())),
    "global average pool": Parity("GlobalAvgPool2D", layer(lambda rng: GlobalAvgPool2D())),
    "flatten": Parity("Flatten", layer(lambda rng: Flatten())),
    "layer norm": Parity("LayerNorm", layer(lambda rng: LayerNorm(7))),
    "batch norm": Parity("BatchNorm", layer(lambda rng: BatchNorm(3))),
    "batch norm of images": Parity("BatchNorm", layer(lambda rng: BatchNorm(2, momentum=0.3, eps=1e-3))),
    "tanh": Parity("Tanh", layer(lambda rng: Tanh())),
    "sigmoid": Parity("Sigmoid", layer(lambda rng: Sigmoid())),
    "relu": Parity("ReLU", layer(lambda rng: ReLU())),
    "leaky relu": Parity("LeakyReLU", layer(lambda rng: LeakyReLU(0.2))),
    "identity": Parity("Identity", layer(lambda rng: Identity())),
    "step": Parity("Step", layer(lambda rng: Step())),
    "softmax": Parity("Softmax", layer(lambda rng: Softmax())),
    "log-softmax": Parity("LogSoftmax", layer(lambda rng: LogSoftmax())),
    "rnn": Parity("RNN", recurrent(lambda D, rng: RNN(D, 4, rng=rng))),
    "rnn deep": Parity("RNN", recurrent(lambda D, rng: RNN(D, 4, rng=rng))),
    "rectified rnn": Parity("RNN", recurrent(lambda D, rng: RNN(D, 4, rng=rng, nonlinearity="relu"))),
    "rectified rnn deep": Parity("RNN", recurrent(lambda D, rng: RNN(D, 4, rng=rng, nonlinearity="relu"))),
    "lstm": Parity("LSTM", recurrent(lambda D, rng: LSTM(D, 4, rng=rng))),
    "lstm deep": Parity("Bidirectional", recurrent(lambda D, rng: LSTM(D, 4, rng=rng))),
    "gru": Parity("GRU", recurrent(lambda D, rng: GRU(D, 4, rng=rng))),
    "lstm peephole": Parity("LSTM", onnx_cell(lambda D, rng: LSTM(D, 4, rng=rng, peephole=True), "ifgo", "iofg")),
    "gru in onnx": Parity("GRU", onnx_cell(lambda D, rng: GRU(D, 4, rng=rng), "rzn", "zrn")),
    "gru original": Parity("GRU", onnx_cell(lambda D, rng: GRU(D, 4, rng=rng, reset_after=False), "rzn", "zrn")),
    "gru deep": Parity("Stack", recurrent(lambda D, rng: GRU(D, 4, rng=rng))),
    "attention scaled": Parity("DotAttention", attention(lambda rng: DotAttention(scaled=True))),
    "attention plain": Parity("DotAttention", attention(lambda rng: DotAttention())),
    "attention general": Parity("GeneralAttention", attention(lambda rng: GeneralAttention(4, 5, rng=rng))),
    "attention additive": Parity("AdditiveAttention", attention(lambda rng: AdditiveAttention(4, 5, 6, rng=rng))),
    "gaussian kl": Parity("GaussianKL", gaussian_kl),
    "cross-entropy": Parity("softmax_cross_entropy", loss(losses.softmax_cross_entropy)),
    "cross-entropy masked": Parity("softmax_cross_entropy", loss(losses.softmax_cross_entropy)),
    "cross-entropy smoothed": Parity("softmax_cross_entropy", loss(losses.softmax_cross_entropy, label_smoothing=0.1)),
    "cross-entropy smoothed masked": Parity(
        "softmax_cross_entropy", loss(losses.softmax_cross_entropy, label_smoothing=0.1)
    ),
    "categorical": Parity("categorical_cross_entropy", loss(losses.categorical_cross_entropy)),
    "categorical distributions": Parity("categorical_cross_entropy", loss(losses.categorical_cross_entropy)),
    "binary": Parity("binary_cross_entropy", loss(losses.binary_cross_entropy)),
    "binary logits": Parity("binary_cross_entropy_with_logits", loss(losses.binary_cross_entropy_with_logits)),
    "half squared": Parity("half_squared_error", loss(losses.half_squared_error)),
    "mean squared": Parity("mean_squared_error", loss(losses.mean_squared_error)),
    "huber": Parity("huber", loss(losses.huber)),
    "huber wide": Parity("huber", loss(losses.huber, delta=2.5)),
    "hinge": Parity("hinge", loss(losses.hinge)),
    "multi-class hinge": Parity("multiclass_hinge", loss(losses.multiclass_hinge)),
    "sgd": Parity("SGD", fifty_steps("sgd")),
    "sgd momentum": Parity("SGD", fifty_steps("sgd momentum")),
    "sgd nesterov": Parity("SGD", fifty_steps("sgd nesterov")),
    "adagrad": Parity("Adagrad", fifty_steps("adagrad")),
    "adagrad decay": Parity("Adagrad", fifty_steps("adagrad decay")),
    "adadelta": Parity("Adadelta", fifty_steps("adadelta")),
    "adadelta decay": Parity("Adadelta", fifty_steps("adadelta decay")),
    "rmsprop": Parity("RMSprop", fifty_steps("rmsprop")),
    "rmsprop decay": Parity("RMSprop", fifty_steps("rmsprop decay")),
    "adam": Parity("Adam", fifty_steps("adam")),
    "adam decay": Parity("Adam", fifty_steps("adam decay")),
    "adamw": Parity("AdamW", fifty_steps("adamw")),
    "lbfgs": Parity("LBFGS", fifty_fixed_steps),
}


def measure(name: str, dtype: str = "float64") -> Differences:
    """One case of PARITY beside its recorded numbers."""
    return PARITY[name].measure(recorded(name, dtype), dtype)
