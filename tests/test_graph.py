import math

import pytest

from seqrl.graph import Variable, sigmoid


def test_two_apples_and_three_oranges_with_tax() -> None:
    """The textbook's bill: 2 apples at 100 and 3 oranges at 150, with 10 % tax, are 715."""
    apples, apple, oranges, orange, tax = (Variable(v) for v in (2, 100, 3, 150, 1.1))
    apple_price, orange_price = apples * apple, oranges * orange
    together = apple_price + orange_price
    price = together * tax
    assert price.value == pytest.approx(715)
    price.backward()
    for variable, expected in (
        (price, 1),
        (together, 1.1),
        (tax, 650),
        (apple_price, 1.1),
        (orange_price, 1.1),
        (apple, 2.2),
        (apples, 110),
        (orange, 3.3),
        (oranges, 165),
    ):
        assert variable.grad == pytest.approx(expected)


def test_what_comes_back_over_two_ways_adds_up() -> None:
    x = Variable(3)
    y = x * x + x
    y.backward()
    assert (y.value, x.grad) == (12, 7)
    y.backward()  # gradients accumulate
    assert x.grad == 14


def test_a_node_passes_on_only_when_all_has_come_back() -> None:
    """a goes into b and, later, into the sum: going back over the edge of b first must not lose the other."""
    x = Variable(2)
    a = x * x
    b = a * a
    (b + a).backward()
    assert x.grad == 4 * 2**3 + 2 * 2


@pytest.mark.parametrize(
    ("function", "derivative"),
    [
        (lambda x: x.exp(), math.exp(0.7)),
        (lambda x: x.log(), 1 / 0.7),
        (lambda x: x.reciprocal(), -1 / 0.49),
        (lambda x: -x, -1),
        (lambda x: sigmoid(x), math.exp(-0.7) / (1 + math.exp(-0.7)) ** 2),
        (lambda x: sigmoid(x * x + -x).log(), (2 * 0.7 - 1) * (1 - 1 / (1 + math.exp(0.7 - 0.49)))),
    ],
)
def test_derivatives(function, derivative: float) -> None:  # type: ignore[no-untyped-def]
    x = Variable(0.7)
    function(x).backward()
    assert x.grad == pytest.approx(derivative, rel=1e-12)


def test_a_neuron_learns_or_on_the_graph() -> None:
    w1, w2, b = (Variable(v) for v in (0.1, -0.2, 0.0))
    for _ in range(300):
        loss = Variable(0.0)
        for x1, x2, t in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 1)):
            p = sigmoid(w1 * Variable(x1) + w2 * Variable(x2) + b)
            loss = loss + -(p.log() if t else (Variable(1.0) + -p).log())
        for variable in (w1, w2, b):
            variable.grad = 0.0
        loss.backward()
        for variable in (w1, w2, b):
            variable.value -= 0.5 * variable.grad
    assert loss.value < 0.3


def test_a_long_chain_needs_no_recursion() -> None:
    x = Variable(1.0)
    y = x
    for _ in range(5000):
        y = y + x
    y.backward()
    assert x.grad == 5001
