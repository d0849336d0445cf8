"""Weights to and from PyTorch, beside state dicts that it wrote and what it computed with them."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open

from seqrl.activations import ReLU, Sigmoid, Tanh
from seqrl.certify.cases import LAYERS
from seqrl.errors import InputError
from seqrl.interop import pytorch
from seqrl.layer import Chain, Concatenate, Layer, Residual
from seqrl.layers.bidirectional import Bidirectional
from seqrl.layers.convolution import Conv2D
from seqrl.layers.dense import Dense
from seqrl.layers.dropout import Dropout
from seqrl.layers.embedding import Embedding
from seqrl.layers.normalization import BatchNorm, LayerNorm
from seqrl.layers.pooling import Flatten, MaxPool2D
from seqrl.layers.recurrent import GRU, LSTM, RNN, Stack
from seqrl.models.alexnet import small_alexnet
from seqrl.models.autoencoder import autoencoder
from seqrl.models.language_model import LanguageModel, LanguageModelConfig
from seqrl.models.seq2seq import Batch, Seq2Seq, Seq2SeqConfig
from seqrl.training.sequential import Sequential

Array = npt.NDArray[Any]
Arrays = dict[str, Array]
Generator = np.random.Generator

REFERENCES = Path(__file__).with_name("pytorch_references.safetensors")
SCRIPT = Path(__file__).with_name("make_pytorch_references.py")
D, H, V = 3, 4, 7


class Case(NamedTuple):
    make: Callable[[Generator], Layer]
    run: Callable[[Any, Arrays], Arrays]  # the layer and the inputs -> the outputs


def plain(make: Callable[[Generator], Layer]) -> Case:
    return Case(make, lambda layer, inputs: {"y": layer(inputs["x"])})


def recurrent(make: Callable[[int, Generator], Any], layers: int = 1, both_ways: bool = False) -> Case:
    def one(D: int, rng: Generator) -> Layer:
        return Bidirectional(make(D, rng), make(D, rng)) if both_ways else make(D, rng)

    def whole(rng: Generator) -> Layer:
        inner = 2 * H if both_ways else H
        return one(D, rng) if layers == 1 else Stack([one(inner if depth else D, rng) for depth in range(layers)])

    def run(layer: Any, inputs: Arrays) -> Arrays:
        names = [name for name in "hc" if f"initial/{name}" in inputs]
        count = len(inputs["initial/h"])
        cells = [tuple(inputs[f"initial/{name}"][k] for name in names) for k in range(count)]
        states: Any = [cell if len(names) > 1 else cell[0] for cell in cells]
        if both_ways:
            states = [(states[k], states[k + 1]) for k in range(0, count, 2)]
        (y, final), _ = layer.scan(inputs["x"], states[0] if layers == 1 else tuple(states), inputs["lengths"])
        flat = np.stack([a for a in leaves(final)])
        return {"y": y, **{f"final/{name}": flat[k :: len(names)] for k, name in enumerate(names)}}

    return Case(whole, run)


def leaves(state: Any) -> list[Array]:
    return [state] if isinstance(state, np.ndarray) else [a for part in state for a in leaves(part)]


def language_model(tied: bool, hidden: int) -> Case:
    config = LanguageModelConfig(V, layers=2, embedding=H, hidden=hidden, tied=tied)
    return Case(
        lambda rng: LanguageModel(config, rng=rng, dropout_rng=rng), lambda model, inputs: {"y": model(inputs["x"])[0]}
    )


def seq2seq(cell: str, layers: int, attention: str) -> Case:
    config = Seq2SeqConfig(V, V + 1, cell=cell, layers=layers, embedding=D, hidden=H, attention=attention)

    def run(model: Seq2Seq, inputs: Arrays) -> Arrays:
        target = inputs["target"].T
        batch = Batch(inputs["source"].T, inputs["lengths"], target, np.full(len(target), target.shape[1]))
        logits, _ = model.forward(batch)
        return {"y": logits.reshape(*inputs["target"].shape, -1)}

    return Case(lambda rng: Seq2Seq(config, rng=rng, dropout_rng=rng), run)


KINDS: dict[str, Callable[[int, Generator], Any]] = {
    "rnn": lambda D, rng: RNN(D, H, rng=rng),
    "rectified rnn": lambda D, rng: RNN(D, H, rng=rng, nonlinearity="relu"),
    "lstm": lambda D, rng: LSTM(D, H, rng=rng),
    "gru": lambda D, rng: GRU(D, H, rng=rng),
}
CASES: dict[str, Case] = {
    "linear": plain(lambda rng: Dense(D, H, rng=rng)),
    "linear without bias": plain(lambda rng: Dense(D, H, rng=rng, bias=False)),
    "embedding": plain(lambda rng: Embedding(V, H, rng=rng)),
    "conv2d": plain(lambda rng: Conv2D(2, 3, (3, 2), rng=rng, stride=2, padding=1)),
    "conv2d without bias": plain(lambda rng: Conv2D(2, 3, 3, rng=rng, bias=False)),
    "layer norm": plain(lambda rng: LayerNorm(7)),
    "layer norm without bias": plain(lambda rng: LayerNorm(7)),
    "batch norm": plain(lambda rng: BatchNorm(D)),
    "batch norm of images": plain(lambda rng: BatchNorm(2, eps=1e-3)),
    "batch norm without affine": plain(lambda rng: BatchNorm(D)),
    **{kind: recurrent(make) for kind, make in KINDS.items()},
    **{f"{kind} of two layers": recurrent(make, 2) for kind, make in KINDS.items()},
    **{f"{kind} both ways": recurrent(make, 1, True) for kind, make in KINDS.items()},
    **{f"{kind} of two layers both ways": recurrent(make, 2, True) for kind, make in KINDS.items()},
    **{f"{kind} without biases": recurrent(make, 2, True) for kind, make in KINDS.items()},
    "unlike layers": plain(
        lambda rng: Stack([Bidirectional(LSTM(D, H, rng=rng), LSTM(D, H, rng=rng)), GRU(2 * H, 5, rng=rng)])
    ),
    "perceptron": plain(
        lambda rng: Sequential(
            [
                Dense(D, H, rng=rng),
                BatchNorm(H),
                ReLU(),
                Dropout(0.5, rng=rng),
                Chain(Dense(H, H, rng=rng), Tanh()),
                Dense(H, 2, rng=rng),
            ]
        )
    ),
    "convnet": plain(
        lambda rng: Chain(
            Conv2D(2, 3, 3, rng=rng, padding=1),
            BatchNorm(3),
            ReLU(),
            MaxPool2D(2),
            Flatten(),
            Dense(3 * 2 * 3, 5, rng=rng),
        )
    ),
    "residual": plain(lambda rng: Residual(Chain(Dense(D, H, rng=rng), Tanh(), Dense(H, D, rng=rng)))),
    "concatenation": plain(lambda rng: Concatenate(Dense(D, H, rng=rng), Dense(D, 2, rng=rng))),
    "tied autoencoder": plain(lambda rng: autoencoder(Chain(Dense(D, H, rng=rng), Sigmoid()))),
    "language model": language_model(False, 5),
    "tied language model": language_model(True, H),
    "tied language model of two sizes": language_model(True, 5),
    "seq2seq general": seq2seq("lstm", 2, "general"),
    "seq2seq additive": seq2seq("gru", 1, "additive"),
}
# PyTorch's modules of these cases lack entries that ours always have.
LACKING = [name for name in CASES if name.endswith(("without biases", "norm without bias", "without affine"))]
LACKING += ["tied autoencoder"]


def recorded() -> dict[str, dict[str, Arrays]]:
    """{case: {"state": ..., "input": ..., "output": ...}}"""
    cases: dict[str, dict[str, Arrays]] = {}
    for key, array in safetensors.numpy.load_file(REFERENCES).items():
        case, part, name = key.split("/", 2)
        cases.setdefault(case, {}).setdefault(part, {})[name] = array
    return cases


RECORDED = recorded()


def randomise(layer: Layer, rng: Generator) -> Layer:
    for _, parameter in layer.parameters():
        parameter.value[...] = rng.normal(0, 0.5, parameter.shape)
    for _, buffer in layer.buffers():
        buffer[...] = rng.uniform(0.5, 1.5, buffer.shape)
    return layer


def same(found: Arrays, expected: Arrays, tolerance: float) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=tolerance, atol=tolerance, err_msg=name)


# ---- from PyTorch --------------------------------------------------------------------------------------------


def test_every_recorded_case_is_read_and_no_other() -> None:
    assert RECORDED.keys() == CASES.keys()
    with safe_open(REFERENCES, "numpy") as stream:
        assert stream.metadata()["versions"].startswith("torch 2.")


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
@pytest.mark.parametrize("name", CASES)
def test_weights_of_pytorch_give_what_pytorch_computed(name: str, dtype: str, tolerance: float, rng: Generator) -> None:
    case, reference = CASES[name], RECORDED[name]
    layer = randomise(case.make(rng), rng).astype(dtype)
    inputs = {key: a.astype(dtype) if a.dtype.kind == "f" else a for key, a in reference["input"].items()}
    pytorch.load_state_dict(layer, reference["state"])
    same(case.run(layer, inputs), reference["output"], tolerance)


def test_two_biases_of_pytorch_differ_in_the_references() -> None:
    """So that a wrong way of joining them shows."""
    state = RECORDED["gru of two layers both ways"]["state"]
    assert all((state[f"bias_{side}_l1_reverse"] != 0).all() for side in ("ih", "hh"))
    assert (state["bias_ih_l0"] != state["bias_hh_l0"]).all()


class Tensor:
    """What is used of a torch.Tensor, which NumPy can't read as it is: it may want a gradient or lie on a GPU."""

    def __init__(self, array: Array, bfloat16: bool = False) -> None:
        self.array, self.bfloat16, self.steps = array, bfloat16, ["a gradient", "a GPU"]

    def detach(self) -> "Tensor":
        self.steps.remove("a gradient")
        return self

    def cpu(self) -> "Tensor":
        self.steps.remove("a GPU")
        return self

    def float(self) -> "Tensor":
        self.bfloat16 = False
        return self

    def numpy(self) -> Array:
        assert not self.steps
        if self.bfloat16:
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self.array


@pytest.mark.parametrize("bfloat16", [False, True])
def test_tensors_are_read_as_arrays_are(bfloat16: bool, rng: Generator) -> None:
    layer, weight = Dense(2, 3, rng=rng), np.arange(6, dtype=np.float32).reshape(3, 2)
    pytorch.load_state_dict(layer, {"weight": Tensor(weight, bfloat16), "bias": Tensor(np.ones(3))})
    assert (layer.weight.value == weight.T).all() and (layer.bias.value == 1).all()


def test_weights_of_a_packed_model_stay_views_of_its_vector(rng: Generator) -> None:
    from seqrl.parameter import Packed

    model = CASES["lstm both ways"].make(rng)
    packed = Packed(model.parameters())
    pytorch.load_state_dict(model, RECORDED["lstm both ways"]["state"])
    assert packed.first_detached() is None
    assert np.count_nonzero(packed.value) == packed.value.size


# ---- to PyTorch and back -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_entries_have_the_names_shapes_and_memory_that_pytorch_has(name: str, rng: Generator) -> None:
    state = pytorch.to_state_dict(CASES[name].make(rng))
    expected = RECORDED[name]["state"]
    surplus = state.keys() - expected.keys()
    assert not expected.keys() - state.keys()
    assert bool(surplus) == (name in LACKING)
    assert {key: state[key].shape for key in expected} == {key: a.shape for key, a in expected.items()}
    assert {key: a.dtype.kind for key, a in expected.items()} == {key: state[key].dtype.kind for key in expected}
    assert all(a.flags.c_contiguous and a.flags.writeable and a.flags.owndata for a in state.values())


@given(name=st.sampled_from([*CASES]), seed=st.integers(0, 2**32 - 1))
def test_a_model_that_went_to_pytorch_and_came_back_is_the_same(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    there, back = randomise(CASES[name].make(rng), rng), randomise(CASES[name].make(rng), rng)
    pytorch.load_state_dict(back, pytorch.to_state_dict(there, "a.b"), "a.b")
    own = there.state()
    assert {key: (array == own[key]).all() for key, array in back.state().items()} == dict.fromkeys(own, True)


def not_in_pytorch(layer: Any) -> bool:
    """Whether some part of it has peepholes, the original GRU's reset, or unlike directions."""
    if isinstance(layer, Bidirectional) and (type(layer.ahead), layer.ahead.H) != (type(layer.back), layer.back.H):
        return True
    if isinstance(layer, (LSTM, GRU)):
        return layer.peephole is not None if isinstance(layer, LSTM) else layer.bias_hn is None
    members = layer if isinstance(layer, (list, tuple)) else vars(layer).values() if isinstance(layer, Layer) else ()
    return any(not_in_pytorch(member) for member in members)


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_of_the_library_goes_to_pytorch_and_back_or_is_refused(name: str, rng: Generator) -> None:
    there, back = randomise(LAYERS[name].make(rng), rng), randomise(LAYERS[name].make(rng), rng)
    if not_in_pytorch(there):
        with pytest.raises(InputError, match=r"which PyTorch has not|PyTorch has one kind and size both ways"):
            pytorch.to_state_dict(there)
    else:
        pytorch.load_state_dict(back, pytorch.to_state_dict(there))
        own = there.state()
        assert {key: (array == own[key]).all() for key, array in back.state().items()} == dict.fromkeys(own, True)


def test_a_state_dict_holds_copies(rng: Generator) -> None:
    layer = Dense(2, 3, rng=rng)
    before = layer.state_dict()
    for array in pytorch.to_state_dict(layer).values():
        array += 1
    assert (layer.weight.value == before["weight"]).all() and (layer.bias.value == before["bias"]).all()


def test_the_second_bias_is_zero_but_inside_the_reset(rng: Generator) -> None:
    gru = randomise(GRU(D, H, rng=rng), rng)
    state = pytorch.to_state_dict(gru)
    assert (state["bias_ih_l0"] == gru.bias.value).all()
    assert (state["bias_hh_l0"] == np.concatenate([np.zeros(2 * H), gru.bias_hn.value])).all()
    assert (pytorch.to_state_dict(LSTM(D, H, rng=rng))["bias_hh_l0"] == 0).all()


def test_pytorch_computes_the_same_with_our_weights(rng: Generator) -> None:
    """Runs where PyTorch is installed."""
    torch = pytest.importorskip("torch")
    spec = importlib.util.spec_from_file_location("make_pytorch_references", SCRIPT)
    assert spec and spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    for name in CASES.keys() - LACKING:
        layer = randomise(CASES[name].make(rng), rng).astype(np.float64)
        module = script.CASES[name].module().double().eval()
        state = pytorch.to_state_dict(layer)
        module.load_state_dict({key: torch.from_numpy(array) for key, array in state.items()})
        inputs = {key: torch.from_numpy(array) for key, array in RECORDED[name]["input"].items()}
        with torch.no_grad():
            expected = {key: tensor.numpy() for key, tensor in script.CASES[name].run(module, inputs).items()}
        same(CASES[name].run(layer, RECORDED[name]["input"]), expected, 1e-12)
        again = randomise(CASES[name].make(rng), rng).astype(np.float64)
        pytorch.load_state_dict(again, module.state_dict())
        same(CASES[name].run(again, RECORDED[name]["input"]), expected, 1e-12)


def test_pytorch_reads_our_files_and_we_read_its(tmp_path: Path, rng: Generator) -> None:
    """Runs where PyTorch is installed."""
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file, load_model, save_file, save_model
    from torch import nn

    model = small_alexnet((1, 15, 15), 4, rng=rng, dropout_rng=rng)
    sizes = [(1, 32), (32, 64), (64, 96), (96, 96), (96, 64)]
    features: list[Any] = []
    for k, (C_in, C_out) in enumerate(sizes):
        features += [nn.Conv2d(C_in, C_out, 3, padding=1), nn.ReLU()]
        features += [nn.MaxPool2d(3, 2)] if k in (0, 1, 4) else []
    dense = [nn.Dropout(), nn.Linear(64, 256), nn.ReLU(), nn.Dropout(), nn.Linear(256, 256), nn.ReLU()]
    module = nn.Sequential(*features, nn.Flatten(), *dense, nn.Linear(256, 4)).eval()
    x = rng.normal(size=(2, 1, 15, 15)).astype(np.float32)

    def there() -> Array:
        with torch.no_grad():
            return module(torch.from_numpy(x)).numpy()

    path = tmp_path / "ours.safetensors"
    pytorch.write_file(path, pytorch.to_state_dict(model))
    module.load_state_dict(load_file(path))
    np.testing.assert_allclose(there(), model(x), rtol=1e-4, atol=1e-5)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.05)
    for save in (lambda: save_model(module, path), lambda: save_file(module.state_dict(), path)):
        randomise(model, rng)
        save()
        pytorch.load_state_dict(model, pytorch.read_file(path))
        np.testing.assert_allclose(model(x), there(), rtol=1e-4, atol=1e-5)
    load_model(module, path)

    torch.save(module.state_dict(), tmp_path / "model.pt")
    with pytest.raises(InputError, match="a pickle"):
        pytorch.read_file(tmp_path / "model.pt")
    save_file({"weight": torch.tensor([1.5, -3.0], dtype=torch.bfloat16)}, path)
    assert pytorch.read_file(path)["weight"].tolist() == [1.5, -3.0]


# ---- what is tied --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["embedding.weight", "output.weight"])
def test_one_name_of_a_tied_weight_is_enough(name: str, rng: Generator) -> None:
    """safetensors.torch.save_model leaves one of them out."""
    case, reference = CASES["tied language model"], RECORDED["tied language model"]
    model = randomise(case.make(rng), rng).astype(np.float64)
    pytorch.load_state_dict(model, {key: array for key, array in reference["state"].items() if key != name})
    same(case.run(model, reference["input"]), reference["output"], 1e-12)


def test_two_values_for_a_tied_weight_are_refused(rng: Generator) -> None:
    state = {**RECORDED["tied language model"]["state"], "output.weight": np.zeros((V, H))}
    model = CASES["tied language model"].make(rng)
    before = model.state_dict()
    with pytest.raises(InputError, match=r"in 'output\.weight' than in 'embedding\.weight'; the model ties the two$"):
        pytorch.load_state_dict(model, state)
    assert all((array == before[name]).all() for name, array in model.state().items())


def test_a_layer_that_stands_in_two_places_is_written_and_read_as_one(rng: Generator) -> None:
    cell = randomise(GRU(H, H, rng=rng), rng)
    model = Concatenate(cell, cell)
    state = pytorch.to_state_dict(model)
    assert {name.rpartition(".")[0] for name in state} == {"layers.0", "layers.1"}
    before = model.state_dict()
    for place in ("layers", "layers.0", "layers.1"):
        randomise(model, rng)
        pytorch.load_state_dict(model, {name: array for name, array in state.items() if name.startswith(place)})
        assert all((array == before[name]).all() for name, array in model.state().items())


# ---- what is refused -----------------------------------------------------------------------------------------


def changed(**changes: Any) -> Arrays:
    """The state dict of the perceptron with other entries, those of None left out."""
    state = RECORDED["perceptron"]["state"] | {name.replace("_", ".", 1): value for name, value in changes.items()}
    return {name: array for name, array in state.items() if array is not None}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (changed(**{"5_weight": None}), r"the state dict lacks '5\.weight' of shape \(2, 4\)$"),
        (
            changed(**{"5_weight": None, "fc.weight": np.zeros((2, 4))}),
            r"lacks '5\.weight' of shape \(2, 4\) \(did you mean 'fc\.weight'\?\)$",
        ),
        (
            {f"module.{name}": array for name, array in changed().items()},
            r"lacks '0\.weight' of shape \(4, 3\) \(did you mean 'module\.0\.weight'\?\)$",
        ),
        (changed(**{"0_bias": None}), r"lacks '0\.bias' of shape \(4,\)$"),
        (changed(**{"1_running_var": None}), r"lacks '1\.running_var' of shape \(4,\)$"),
        (changed(**{"1_weight": None}), r"lacks '1\.weight' of shape \(4,\)$"),
        (
            changed(**{"0_weight": np.zeros((3, 4))}),
            r"holds '0\.weight' of shape \(3, 4\); the model has it of shape \(4, 3\)$",
        ),
        (
            changed(**{"6_weight": np.zeros((2, 4))}),
            r"holds '6\.weight' of shape \(2, 4\), which the model has not \(did you mean '5\.weight'\?\)$",
        ),
        (changed(**{"0_weight": np.zeros((4, 3), np.int8)}), r"holds '0\.weight' of int8; expected floating-point"),
        (
            changed(**{"0_weight": np.zeros((4, 3), complex)}),
            r"holds '0\.weight' of the type complex128; expected tensors",
        ),
        (changed(**{"0_weight": np.full((4, 3), 1e300)}), r"holds numbers in '0\.weight' too large for float32$"),
        ({"epoch": 3, "model": {}}, r"holds 'epoch' of the type int; expected tensors or arrays of numbers$"),
        ({"model": changed()}, r"holds 'model' of the type dict; expected tensors or arrays of numbers$"),
        ({}, r"lacks '0\.weight' of shape \(4, 3\)$"),
    ],
)
def test_a_state_dict_that_does_not_fit_is_refused_whole(state: Any, message: str, rng: Generator) -> None:
    model = randomise(CASES["perceptron"].make(rng), rng)
    before = model.state_dict()
    with pytest.raises(InputError, match=message):
        pytorch.load_state_dict(model, state)
    assert all((array == before[name]).all() for name, array in model.state().items())


def test_one_of_the_two_biases_is_not_enough(rng: Generator) -> None:
    state = pytorch.to_state_dict(Bidirectional(LSTM(D, H, rng=rng), LSTM(D, H, rng=rng)))
    del state["bias_hh_l0_reverse"]
    with pytest.raises(InputError, match=r"lacks 'bias_hh_l0_reverse' of shape \(16,\)$"):
        pytorch.load_state_dict(Bidirectional(LSTM(D, H, rng=rng), LSTM(D, H, rng=rng)), state)


def test_the_running_statistics_need_no_count(rng: Generator) -> None:
    """PyTorch before 0.4.1 kept none."""
    state = RECORDED["batch norm"]["state"]
    layer = BatchNorm(D)
    pytorch.load_state_dict(layer, {name: a for name, a in state.items() if name != "num_batches_tracked"})
    np.testing.assert_allclose(layer.running_var, state["running_var"])


def test_a_prefix_takes_a_part_of_a_larger_state_dict(rng: Generator) -> None:
    layer = Dense(2, 3, rng=rng)
    state = {"head.weight": np.ones((3, 2)), "head.bias": np.zeros(3), "body.weight": np.zeros(5)}
    for prefix in ("head", "head."):
        pytorch.load_state_dict(layer, state, prefix)
        assert (layer.weight.value == 1).all()
    with pytest.raises(InputError, match=r"holds nothing below 'hed' \(did you mean 'head\.bias'\?\)$"):
        pytorch.load_state_dict(layer, state, "hed")
    with pytest.raises(InputError, match=r"lacks 'head\.bias' of shape \(3,\)$"):
        pytorch.load_state_dict(layer, {"head.weight": np.ones((3, 2))}, "head")


class Scaled(Dense):
    def __init__(self, rng: Generator) -> None:
        super().__init__(2, 3, rng=rng)
        self.scale = LayerNorm(3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda rng: LSTM(2, 3, rng=rng, peephole=True),
            r"the model is an LSTM with peepholes, which PyTorch has not; expected one without$",
        ),
        (
            lambda rng: Chain(Stack([LSTM(2, 3, rng=rng, peephole=True)])),
            r"'0' is an LSTM with peepholes, which PyTorch has not; expected one without$",
        ),
        (
            lambda rng: Bidirectional(LSTM(2, 3, rng=rng), GRU(2, 4, rng=rng)),
            r"the model reads with LSTM of 3 and GRU of 4; PyTorch has one kind and size both ways$",
        ),
        (
            lambda rng: Chain(Bidirectional(GRU(2, 3, rng=rng), GRU(2, 3, rng=rng, reset_after=False))),
            r"'0' is a GRU of the original kind, which PyTorch has not; expected reset_after$",
        ),
        (Scaled, r"'scale\.weight' of the model, of shape \(3,\), has no place in PyTorch's layer$"),
    ],
)
def test_what_pytorch_has_not_is_refused_by_name(
    make: Callable[[Generator], Layer], message: str, rng: Generator
) -> None:
    with pytest.raises(InputError, match=message):
        pytorch.to_state_dict(make(rng))
    with pytest.raises(InputError, match=message):
        pytorch.load_state_dict(make(rng), {})


def test_a_module_instead_of_its_state_dict_is_refused(rng: Generator) -> None:
    layer = Dense(2, 3, rng=rng)
    with pytest.raises(InputError, match=r"the state dict is of the type Dense; expected what module\.state_dict"):
        pytorch.load_state_dict(layer, layer)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"the model is of the type dict; expected a layer of seqrl$"):
        pytorch.load_state_dict({}, layer)  # type: ignore[arg-type]


# ---- files ---------------------------------------------------------------------------------------------------


def test_a_file_brings_a_state_dict_back(tmp_path: Path, rng: Generator) -> None:
    state = pytorch.to_state_dict(randomise(CASES["perceptron"].make(rng), rng))
    path = tmp_path / "model.safetensors"
    pytorch.write_file(path, {**state, "turned": np.arange(6).reshape(2, 3).T})
    read = pytorch.read_file(path)
    assert (read.pop("turned") == [[0, 3], [1, 4], [2, 5]]).all()
    assert read.keys() == state.keys()
    assert all((read[name] == array).all() and read[name].dtype == array.dtype for name, array in state.items())
    with safe_open(path, "numpy") as stream:
        assert stream.metadata() == {"format": "pt"}  # other libraries ask for it


def test_half_precision_is_read(tmp_path: Path) -> None:
    values = np.array([1.5, -3.0], np.float32)
    header = {"a": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}
    content = json.dumps(header).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(
        len(content).to_bytes(8, "little") + content + (values.view(np.uint32) >> 16).astype("<u2").tobytes()
    )
    assert pytorch.read_file(path)["a"].tolist() == [1.5, -3.0]
    safetensors.numpy.save_file({"a": values.astype(np.float16)}, path)
    assert pytorch.read_file(path)["a"].tolist() == [1.5, -3.0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04" + bytes(100), r"model\.pt: a pickle, which can run any code as it is opened; save the weights"),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19", r"a pickle, .*safetensors\.torch\.save_model\(model, 'model\."),
        (b"", r"model\.pt: not a safetensors file, or cut short"),
        (b"hello", r"model\.pt: not a safetensors file, or cut short"),
        (safetensors.numpy.save({"a": np.ones(3)})[:-1], r"model\.pt: not a safetensors file, or cut short"),
        (
            safetensors.numpy.save({"a": np.ones(3, np.complex64)}),
            r"model\.pt: 'a' is of the type C64; expected one of F64, F32",
        ),
    ],
)
def test_files_of_another_kind_are_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        pytorch.read_file(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none: can't read the state dict: No such file"):
        pytorch.read_file(tmp_path / "none")
    with pytest.raises(InputError, match=r"can't read the state dict: Is a directory"):
        pytorch.read_file(tmp_path)
