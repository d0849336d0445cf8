import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.gradient_check import numerical_gradient
from seqrl.models.perceptron import Perceptron, SigmoidNeuron

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
GATES = {"AND": [0, 0, 0, 1], "OR": [0, 1, 1, 1], "NAND": [1, 1, 1, 0], "NOR": [1, 0, 0, 0]}
XOR = [0, 1, 1, 0]


@pytest.mark.parametrize("gate", GATES)
def test_a_perceptron_learns_what_a_line_separates(gate: str) -> None:
    unit = Perceptron(2)
    mistakes = unit.fit(X, GATES[gate])
    assert mistakes[-1] == 0
    assert unit(X).tolist() == GATES[gate]


def test_a_perceptron_never_learns_xor() -> None:
    unit = Perceptron(2)
    mistakes = unit.fit(X, XOR, epochs=1000)
    assert len(mistakes) == 1000
    assert min(mistakes) > 0


def test_the_first_steps_by_hand() -> None:
    """AND from zeros: only (1, 1) is wrong, then with w = (1, 1), b = 1 the first three are."""
    unit = Perceptron(2)
    unit.fit(X, GATES["AND"], epochs=1)
    assert (unit.weight.tolist(), unit.bias) == ([1, 1], 1)
    assert unit(X).tolist() == [1, 1, 1, 1]


def gate(w: tuple[float, float], b: float) -> Perceptron:
    unit = Perceptron(2)
    unit.weight[:] = w
    unit.bias = b
    return unit


def test_two_layers_of_perceptrons_are_xor() -> None:
    nand, some, both = gate((-0.5, -0.5), 0.7), gate((0.5, 0.5), -0.2), gate((0.5, 0.5), -0.7)
    assert both(np.stack([nand(X), some(X)], axis=1)).tolist() == XOR


@pytest.mark.parametrize("name", GATES)
def test_a_sigmoid_neuron_learns_the_same_gates(name: str) -> None:
    unit = SigmoidNeuron(2)
    losses = unit.fit(X, GATES[name])
    assert losses[0] == pytest.approx(np.log(2))
    assert losses[-1] < 0.1
    assert (unit(X) > 0.5).astype(int).tolist() == GATES[name]


def test_a_sigmoid_neuron_on_xor_ends_at_chance() -> None:
    unit = SigmoidNeuron(2)
    assert unit.fit(X, XOR)[-1] == pytest.approx(np.log(2))
    np.testing.assert_allclose(unit(X), 0.5)


def test_a_step_of_the_sigmoid_neuron_is_down_the_gradient(rng: np.random.Generator) -> None:
    x, target = rng.normal(size=(5, 3)), rng.integers(0, 2, 5)
    unit = SigmoidNeuron(3, lr=0.1)
    unit.weight[:] = rng.normal(size=3)
    start, z = unit.weight.copy(), unit.weight

    def loss() -> float:
        s = x @ z + unit.bias
        return float(np.mean(np.log1p(np.exp(s)) - target * s))

    slope = numerical_gradient(loss, z)
    unit.fit(x, target, epochs=1)
    np.testing.assert_allclose(unit.weight, start - 0.1 * slope, rtol=1e-6)


@pytest.mark.parametrize(
    ("x", "target", "message"),
    [
        ([[0, 1, 2]], [1], r"^the inputs have the shape \(1, 3\); expected \(N, 2\)"),
        (X, [0, 1], r"^the targets have the shape \(2,\); expected \(4,\)$"),
        (X, [0, 1, 2, 1], r"^a target is 2; expected 0 or 1$"),
    ],
)
def test_examples_that_do_not_fit_are_refused(x: object, target: list[int], message: str) -> None:
    for unit in Perceptron(2), SigmoidNeuron(2):
        with pytest.raises(InputError, match=message):
            unit.fit(x, target)


@pytest.mark.parametrize("unit", [Perceptron, SigmoidNeuron])
def test_numbers_that_are_not_finite_and_sizes_that_cannot_be_are_refused(unit: type) -> None:
    with pytest.raises(InputError, match=r"^the inputs hold \[1.0, nan\] in row 1; expected finite numbers$"):
        unit(2).fit([[0, 1], [1, np.nan]], [0, 1])
    with pytest.raises(InputError, match=r"^n_in of .* is -1; expected a whole number of 1 or more$"):
        unit(-1)
