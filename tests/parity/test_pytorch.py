"""Values and gradients beside PyTorch's, recorded by make_references.py."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from safetensors.numpy import load_file

from seqrl.layers.attention import DotAttention
from seqrl.layers.bidirectional import Bidirectional
from seqrl.layers.dense import Dense
from seqrl.layers.embedding import Embedding
from seqrl.layers.recurrent import GRU, LSTM, RNN, Stack
from seqrl.losses import softmax_cross_entropy
from seqrl.optimizers import SGD, Adam, AdamW
from seqrl.parameter import Parameter

Arrays = dict[str, npt.NDArray[Any]]
REFERENCES = load_file(Path(__file__).with_name("references.safetensors"))
TOLERANCE = {"float64": 1e-10, "float32": 2e-5}
DTYPES = list(TOLERANCE)


def case(name: str, dtype: str) -> Arrays:
    found = {key.removeprefix(f"{name}/"): a for key, a in REFERENCES.items() if key.startswith(f"{name}/")}
    return {key: a.astype(dtype) if a.dtype == np.float64 else a for key, a in found.items()}


def close(actual: Any, expected: Any, dtype: str) -> None:
    if np.ndim(actual):
        assert actual.dtype == dtype
    np.testing.assert_allclose(actual, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_dense_is_linear(dtype: str) -> None:
    r = case("linear", dtype)
    layer = Dense(3, 4, rng=rng()).astype(dtype)
    layer.load_state_dict({"weight": r["value/weight"].T, "bias": r["value/bias"]})
    y, backward = layer.forward(r["x"])
    close(y, r["y"], dtype)
    close(backward(r["dy"]), r["dx"], dtype)
    close(layer.weight.grad, r["grad/weight"].T, dtype)
    assert layer.bias is not None
    close(layer.bias.grad, r["grad/bias"], dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_embedding(dtype: str) -> None:
    r = case("embedding", dtype)
    layer = Embedding(6, 4, rng=rng()).astype(dtype)
    layer.load_state_dict({"weight": r["value/weight"]})
    y, backward = layer.forward(r["ids"])
    close(y, r["y"], dtype)
    backward(r["dy"])
    close(layer.weight.grad, r["grad/weight"], dtype)


CELLS = {
    "rnn": lambda D: RNN(D, 4, rng=rng()),
    "relu": lambda D: RNN(D, 4, rng=rng(), nonlinearity="relu"),
    "lstm": lambda D: LSTM(D, 4, rng=rng()),
    "gru": lambda D: GRU(D, 4, rng=rng()),
}


def cell_names(deep: bool) -> list[tuple[str, str]]:
    """(PyTorch's suffix, seqrl's prefix) of each cell's parameters, in the order of PyTorch's states."""
    if not deep:
        return [("_l0", "")]
    return [
        (f"_l{k}{suffix}", f"layers.{k}.{end}.")
        for k in range(2)
        for suffix, end in (("", "ahead"), ("_reverse", "back"))
    ]


def converted(r: Arrays, what: str, suffix: str, prefix: str, gru: bool) -> Arrays:
    """PyTorch's `value` or `grad` of one cell under the names and in the layout of seqrl.

    PyTorch adds two biases where one is enough: their values add up, and the gradient of either is that of the sum.
    """
    b_ih, b_hh = r[f"{what}/bias_ih{suffix}"], r[f"{what}/bias_hh{suffix}"]
    H = len(b_ih) // 3
    hidden = np.concatenate([b_hh[: 2 * H], np.zeros_like(b_hh[2 * H :])]) if gru else b_hh
    bias = b_ih + hidden if what == "value" else b_ih
    arrays = {
        f"{prefix}weight_ih": r[f"{what}/weight_ih{suffix}"].T,
        f"{prefix}weight_hh": r[f"{what}/weight_hh{suffix}"].T,
        f"{prefix}bias": bias,
    }
    return arrays | ({f"{prefix}bias_hn": b_hh[2 * H :]} if gru else {})


def states(r: Arrays, when: str, deep: bool) -> Any:
    """PyTorch's stacked states in the nesting of seqrl: per layer, per direction, (h, c) for the LSTM."""
    parts = [r[f"{when}/{name}"] for name in "hc" if f"{when}/{name}" in r]
    cells = [tuple(part[k] for part in parts) if len(parts) > 1 else parts[0][k] for k in range(len(parts[0]))]
    return ((cells[0], cells[1]), (cells[2], cells[3])) if deep else cells[0]


def leaves(tree: Any) -> list[npt.NDArray[Any]]:
    return [leaf for branch in tree for leaf in leaves(branch)] if isinstance(tree, tuple) else [tree]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("deep", [False, True], ids=["one layer", "two bidirectional layers with lengths"])
@pytest.mark.parametrize("cell", CELLS)
def test_recurrent(cell: str, deep: bool, dtype: str) -> None:
    r = case(f"{cell} deep" if deep else cell, dtype)
    make = CELLS[cell]
    layer: Any = make(3)
    if deep:
        layer = Stack([Bidirectional(make(3), make(3)), Bidirectional(make(8), make(8))])
    layer = layer.astype(dtype)
    weights: Arrays = {}
    for suffix, prefix in cell_names(deep):
        weights |= converted(r, "value", suffix, prefix, cell == "gru")
    layer.load_state_dict(weights)

    (y, final), backward = layer.scan(r["x"], states(r, "initial", deep), r.get("lengths"))
    close(y, r["y"], dtype)
    for actual, expected in zip(leaves(final), leaves(states(r, "final", deep)), strict=True):
        close(actual, expected, dtype)

    dx, dinitial = backward(r["dy"], states(r, "dfinal", deep))
    close(dx, r["dx"], dtype)
    for actual, expected in zip(leaves(dinitial), leaves(states(r, "dinitial", deep)), strict=True):
        close(actual, expected, dtype)
    expected_gradients: Arrays = {}
    for suffix, prefix in cell_names(deep):
        expected_gradients |= converted(r, "grad", suffix, prefix, cell == "gru")
    gradients = {name: parameter.grad for name, parameter in layer.parameters()}
    assert gradients.keys() == expected_gradients.keys()
    for name, gradient in gradients.items():
        close(gradient, expected_gradients[name], dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted({key.split("/")[0] for key in REFERENCES if key.startswith("cross-entropy")}))
def test_cross_entropy(name: str, dtype: str) -> None:
    r = case(name, dtype)
    smoothing = float(name.split()[1])
    loss, gradient = softmax_cross_entropy(r["logits"], r["target"], r["mask"], label_smoothing=smoothing)
    close(loss, r["loss"], dtype)
    close(gradient, r["dlogits"], dtype)
    if r["mask"].all():
        loss, gradient = softmax_cross_entropy(r["logits"], r["target"], label_smoothing=smoothing)
        close(loss, r["loss"], dtype)
        close(gradient, r["dlogits"], dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scaled", [False, True])
def test_dot_attention(scaled: bool, dtype: str) -> None:
    r = case(f"attention {'scaled' if scaled else 'plain'}", dtype)
    turned = {key: r[key].transpose(1, 0, 2) for key in r if key != "lengths"}
    layer = DotAttention(scaled=scaled)
    (context, _), backward = layer.forward(turned["query"], turned["memory"], r["lengths"])
    close(context, turned["context"], dtype)
    dquery, dmemory = backward(turned["dcontext"])
    close(dquery, turned["dquery"], dtype)
    close(dmemory, turned["dmemory"], dtype)


RULES: dict[str, Any] = {
    "sgd": lambda named: SGD(named, 0.1),
    "sgd momentum": lambda named: SGD(named, 0.1, momentum=0.9, weight_decay=0.01, clip=1.0),
    "adam": lambda named: Adam(named, 0.01),
    "adam decay": lambda named: Adam(named, 0.02, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1, clip=1.0),
    "adamw": lambda named: AdamW(named, 0.02, weight_decay=0.1, clip=1.0),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rule", RULES)
def test_optimizers_over_fifty_steps(rule: str, dtype: str) -> None:
    r = case(rule, dtype)
    a, b = Parameter(r["start"][:6].reshape(2, 3), dtype), Parameter(r["start"][6:], dtype)
    optimizer = RULES[rule]([("a", a), ("b", b)])
    for gradient, expected in zip(r["gradients"], r["values"], strict=True):
        a.grad += gradient[:6].reshape(2, 3)
        b.grad += gradient[6:]
        norm = optimizer.step()
        close(norm, np.linalg.norm(gradient), dtype)
        close(np.concatenate([a.value.ravel(), b.value]), expected, dtype)


def test_half_of_the_clipped_steps_are_clipped() -> None:
    """So that the comparison above sees both sides of the clipping norm."""
    norms = np.linalg.norm(REFERENCES["adamw/gradients"], axis=1)
    assert 10 < (norms > 1).sum() < 50
