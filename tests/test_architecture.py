import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from seqrl.activations import Tanh
from seqrl.architecture import brief, build, describe
from seqrl.certify.cases import LAYERS, LayerCase
from seqrl.certify.language import LogitsAndStates
from seqrl.errors import InputError
from seqrl.initializers import normal
from seqrl.layer import Chain, Layer, Residual
from seqrl.layers.convolution import Conv2D
from seqrl.layers.dense import Dense, TiedDense
from seqrl.layers.dropout import Dropout
from seqrl.layers.recurrent import LSTM, Stack
from seqrl.parameter import Array, Parameter


def again(layer: Layer, own: tuple[type, ...] = ()) -> Any:
    return build(json.loads(json.dumps(describe(layer))), own)


def leaves(tree: Any) -> list[Any]:
    return [leaf for branch in tree for leaf in leaves(branch)] if isinstance(tree, tuple) else [tree]


@pytest.mark.parametrize("case", LAYERS.values(), ids=LAYERS)
def test_every_layer_comes_back_with_the_same_outputs_and_the_same_draws(
    case: LayerCase, rng: np.random.Generator
) -> None:
    layer = case.make(np.random.default_rng(1))
    for array in layer.state().values():
        array += rng.uniform(0.1, 0.5, array.shape).astype(array.dtype)
    other = again(layer, (LogitsAndStates,))
    assert describe(other) == describe(layer)
    other.load_state_dict(layer.state_dict())
    inputs = case.inputs(rng, 4, 3)
    inputs = tuple(x.astype(np.float32) if getattr(x, "dtype", None) == np.float64 else x for x in inputs)
    for actual, expected in zip(leaves(other(*inputs)), leaves(layer(*inputs)), strict=True):
        np.testing.assert_array_equal(actual, expected)
    states = {name: generator.bit_generator.state for name, generator in layer.generators()}
    generators = dict(other.generators())
    assert generators.keys() == states.keys()
    for name, generator in generators.items():
        generator.bit_generator.state = states[name]
    actual, expected = (case.forward(made, *inputs)[0] for made in (other, layer))
    np.testing.assert_array_equal(actual, expected)


class Scaled(Layer):
    """A layer of somebody's own, with every kind of argument."""

    def __init__(self, inner: Layer, /, factor: float, *others: int, sizes: Any, names: dict[str, int], **more: Any):
        self.inner = inner
        self.weight = Parameter(np.full(3, factor))
        self.given = others, sizes, names, more

    def forward(self, x: Array) -> Any:
        y, backward = self.inner.forward(x)
        return y * self.weight.value, lambda dy: backward(dy * self.weight.value)


@dataclass
class Settings:
    width: int
    rate: float = 0.5


@dataclass(eq=False)
class Configured(Layer):
    settings: Settings


def test_a_layer_of_ones_own_comes_back_with_every_argument() -> None:
    layer = Scaled(Tanh(), np.float32(0.5), 1, 2, sizes=[(1, 2), None], names={"a": 1}, flag=True, text="x")  # type: ignore[arg-type]
    other = again(layer, own=(Scaled,))
    assert isinstance(other, Scaled) and isinstance(other.inner, Tanh)
    assert other.given == ((1, 2), [(1, 2), None], {"a": 1}, {"flag": True, "text": "x"})
    assert again(Configured(Settings(3)), own=(Configured, Settings)).settings == Settings(3)


def test_a_class_of_ones_own_is_never_looked_for() -> None:
    description = describe(Configured(Settings(3)))
    with pytest.raises(InputError, match="the architecture has 'Configured', which is not of this library; expected"):
        build(description)
    with pytest.raises(InputError, match="own has two classes named 'Settings'"):
        build(description, own=(Settings, Settings))
    text = json.dumps(describe(Chain(Dense(2, 3, rng=np.random.default_rng(0)))))
    assert "seqrl" not in text and "test" not in text


def test_a_layer_or_a_generator_that_occurs_twice_is_one_object_again(rng: np.random.Generator) -> None:
    dense = Dense(4, 4, rng=rng)
    other_rng = np.random.default_rng(1)
    layer = Chain(
        dense, Dropout(0.5, rng=rng), dense, Residual(dense), Dropout(0.5, rng=rng), Dropout(0.5, rng=other_rng)
    )
    other = again(layer)
    first, drop, second, residual, drop2, drop3 = other.layers
    assert first is second is residual.layer
    assert drop.rng is drop2.rng and drop.rng is not drop3.rng
    assert [name for name, _ in other.parameters()] == [name for name, _ in layer.parameters()]
    tied = again(Chain(dense, TiedDense(dense)))
    assert tied.layers[1].weight is tied.layers[0].weight


def test_two_generators_that_come_back_draw_differently(rng: np.random.Generator) -> None:
    one, two = again(Chain(Dropout(0.5, rng=rng), Dropout(0.5, rng=np.random.default_rng(1)))).layers
    assert one.rng.random() != two.rng.random()


def test_other_kinds_of_generators_come_back() -> None:
    layer = again(Dropout(0.5, rng=np.random.Generator(np.random.Philox(3))))
    assert isinstance(layer.rng.bit_generator, np.random.Philox)


def test_what_a_layer_was_made_with_is_none_of_its_members(rng: np.random.Generator) -> None:
    dense = Dense(2, 3, rng=rng)
    assert list(dense.generators()) == []
    assert [name for name, _ in Residual(dense).parameters()] == ["layer.weight", "layer.bias"]
    assert [name for name, _ in Configured(np.zeros(3)).buffers()] == ["settings"]  # type: ignore[arg-type]


def test_a_copy_has_a_description_of_its_own(rng: np.random.Generator) -> None:
    dense = Dense(2, 2, rng=rng)
    copied = Chain(dense, Residual(dense)).astype(np.float64)
    assert describe(copied) == describe(Chain(dense, Residual(dense)))


def test_what_can_not_be_described_is_named(rng: np.random.Generator) -> None:
    for settings, kind in (np.zeros(3), "ndarray"), (print, "builtin_function_or_method"), ({1: 2}, "dict"):
        with pytest.raises(
            InputError, match=f"Configured can't be described: its argument 'settings' is a {kind}; expected numbers"
        ):
            describe(Chain(Tanh(), Configured(settings)))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="Configured can't be described: it wasn't made by its constructor"):
        describe(Configured.__new__(Configured))

    class Drawn(Layer):
        def __init__(self, initializer: Any) -> None:
            self.weight = Parameter(initializer(rng, (2, 2)))

    with pytest.raises(InputError, match=r"Drawn .* 'initializer' is left out .* expected it to have a default"):
        describe(Drawn(normal(1.0)))


def test_a_layer_without_arguments_takes_none() -> None:
    with pytest.raises(TypeError, match=r"Tanh\(\) takes no arguments"):
        Tanh(3)  # type: ignore[call-arg,unused-ignore]


def test_a_damaged_description_is_refused(rng: np.random.Generator) -> None:
    good = describe(Dense(2, 3, rng=rng))
    for wrong, message in [
        ({**good, "layer": "Dens"}, r"'Dens', which this version of seqrl has not"),
        ({**good, "layer": "Seq2SeqConfig"}, "'Seq2SeqConfig', which this version of seqrl has not"),
        ({**good, "arguments": {**good["arguments"], "n_put": 3}}, "arguments of Dense don't fit: unknown .*'n_put'"),
        ({**good, "arguments": {"n_in": 3}}, "arguments of Dense don't fit: .*missing"),
        ({"same": 3}, "the architecture holds .*'same': 3"),
        ({"tuple": []}, "the architecture is a tuple; expected the description of a layer"),
        ({**good, "arguments": {**good["arguments"], "rng": {"generator": 0, "kind": "PCG"}}}, "did you mean|one of"),
    ]:
        with pytest.raises(InputError, match=message):
            build(wrong)


def test_a_layer_is_shown_as_one_would_write_it(rng: np.random.Generator) -> None:
    assert brief(Dense(64, 10, rng=rng)) == "Dense(64, 10)"
    assert brief(Dense(64, 10, rng=rng, bias=False, initializer=normal(1))) == "Dense(64, 10, bias=False)"
    assert brief(Conv2D(1, 8, (3, 3), rng=rng, padding="same")) == "Conv2D(1, 8, (3, 3), padding='same')"
    assert brief(Residual(Dense(2, 2, rng=rng))) == "Residual(Dense(2, 2))"
    assert brief(Stack([LSTM(2, 3, rng=rng)])) == "Stack([LSTM(2, 3)])"
    assert brief(Chain(*[Tanh()] * 20)) == "Chain(...)"
