import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from seqrl.activations import Tanh
from seqrl.errors import InputError
from seqrl.layer import Chain
from seqrl.layers.dense import Dense
from seqrl.optimizers import LBFGS, SGD, NotFinite
from seqrl.parameter import Array, Parameter

Generator = np.random.Generator


def rosenbrock(point: Parameter, calls: list[float] | None = None) -> Callable[[], float]:
    """(1 - x)^2 + 100 (y - x^2)^2, least at (1, 1); Nocedal and Wright 2006, equation 2.22."""

    def closure() -> float:
        x, y = point.value
        point.grad += np.array([-400 * x * (y - x * x) - 2 * (1 - x), 200 * (y - x * x)], point.value.dtype)
        loss = float(100 * (y - x * x) ** 2 + (1 - x) ** 2)
        if calls is not None:
            calls.append(loss)
        return loss

    return closure


def quadratic(parameter: Parameter, matrix: Array) -> Callable[[], float]:
    def closure() -> float:
        gradient = matrix @ parameter.value
        parameter.grad += gradient
        return float(parameter.value @ gradient / 2)

    return closure


@pytest.mark.parametrize(("dtype", "precision"), [("float64", 1e-8), ("float32", 2e-3)])
@pytest.mark.parametrize("start", [(-1.2, 1.0), (3.0, -4.0), (0.0, 0.0)])
def test_the_minimum_of_rosenbrocks_valley(start: tuple[float, float], dtype: str, precision: float) -> None:
    point = Parameter(start, dtype)
    calls: list[float] = []
    optimizer = LBFGS([("point", point)], max_iter=200, tolerance_change=0.0)
    optimizer.step(rosenbrock(point, calls))
    np.testing.assert_allclose(point.value, [1, 1], atol=precision)
    assert point.value.dtype == dtype
    assert len(calls) < 120


def test_the_loss_never_rises_with_a_line_search() -> None:
    point = Parameter([-1.2, 1.0], "float64")
    closure = rosenbrock(point)
    optimizer = LBFGS([("point", point)], max_iter=1)
    losses = [optimizer.step(closure) for _ in range(30)]
    assert losses[0] == pytest.approx(24.2)
    assert (np.diff(losses) < 0).all()
    assert optimizer.steps == 30


def test_every_step_satisfies_the_strong_wolfe_conditions(rng: Generator) -> None:
    net = Chain(Dense(2, 5, rng=rng), Tanh(), Dense(5, 1, rng=rng)).astype(np.float64)
    optimizer = LBFGS(net.parameters(), max_iter=1)
    x = rng.normal(size=(30, 2))
    closure = regression(net, x, x[:, :1] * x[:, 1:])

    def here() -> tuple[Array, float, Array]:
        net.zero_grad()
        return optimizer.packed.value.copy(), closure(), optimizer.packed.grad.copy()

    for _ in range(40):
        before, loss, gradient = here()
        optimizer.step(closure)
        after, new_loss, new_gradient = here()
        move = after - before
        assert new_loss <= loss + 1e-4 * gradient @ move
        assert abs(new_gradient @ move) <= 0.9 * abs(gradient @ move)


def regression(net: Chain, x: Array, y: Array) -> Callable[[], float]:
    def closure() -> float:
        prediction, backward = net.forward_data(x)
        error = prediction - y
        backward(2 / len(x) * error)
        return float(np.square(error).mean())

    return closure


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_small_net_learns_a_product_in_few_evaluations(dtype: str, rng: Generator) -> None:
    net = Chain(Dense(2, 10, rng=rng), Tanh(), Dense(10, 1, rng=rng)).astype(dtype)
    x = rng.uniform(-1, 1, (50, 2)).astype(dtype)
    y = x[:, :1] * x[:, 1:]
    calls = []
    counted = regression(net, x, y)

    def closure() -> float:
        calls.append(counted())
        return calls[-1]

    LBFGS(net.parameters(), max_iter=300).step(closure)
    assert calls[-1] < 1e-4 * y.var()
    assert len(calls) < 450


def test_a_quadratic_takes_hardly_more_iterations_than_it_has_dimensions(rng: Generator) -> None:
    """With exact line searches it would be as many; the history then holds all there is to know."""
    basis, _ = np.linalg.qr(rng.normal(size=(8, 8)))
    matrix = basis * np.geomspace(1, 100, 8) @ basis.T
    parameter = Parameter(rng.normal(size=8), "float64")
    optimizer = LBFGS([("p", parameter)], max_iter=60, tolerance_grad=1e-8, tolerance_change=0.0)
    optimizer.step(quadratic(parameter, matrix))
    np.testing.assert_allclose(parameter.value, 0, atol=1e-8)
    assert optimizer.steps <= 32


def test_the_direction_is_that_of_the_bfgs_matrix(rng: Generator) -> None:
    """H of equations 7.16 and 7.20 (Nocedal and Wright 2006), multiplied out, for a history shorter than the steps."""
    parameter = Parameter(rng.normal(size=5), "float64")
    optimizer = LBFGS([("p", parameter)], 0.05, max_iter=1, history_size=3, line_search=False)
    matrix = np.diag([1.0, 2.0, 3.0, 4.0, 5.0])
    closure = quadratic(parameter, matrix)
    values = [parameter.value.copy()]
    for _ in range(6):
        optimizer.step(closure)
        values.append(parameter.value.copy())
    points = np.array(values[:-1])
    moves, changes = np.diff(points, axis=0)[-3:], np.diff(points @ matrix, axis=0)[-3:]
    H = np.eye(5) * (moves[-1] @ changes[-1]) / (changes[-1] @ changes[-1])
    for s, y in zip(moves, changes, strict=True):
        V = np.eye(5) - np.outer(y, s) / (y @ s)
        H = V.T @ H @ V + np.outer(s, s) / (y @ s)
    np.testing.assert_allclose(values[-1], values[-2] - 0.05 * H @ matrix @ values[-2], rtol=1e-9)


def test_it_goes_on_over_calls_as_in_one() -> None:
    whole, parts = Parameter([-1.2, 1.0], "float64"), Parameter([-1.2, 1.0], "float64")
    LBFGS([("point", whole)], max_iter=12).step(rosenbrock(whole))
    optimizer = LBFGS([("point", parts)], max_iter=3)
    for _ in range(4):
        optimizer.step(rosenbrock(parts))
    np.testing.assert_array_equal(parts.value, whole.value)
    assert optimizer.steps == 12


@pytest.mark.parametrize("line_search", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_restored_one_continues_with_the_same_bits(dtype: str, line_search: bool) -> None:
    options: dict[str, Any] = {"lr": 0.5 if line_search else 0.02, "max_iter": 4, "line_search": line_search}
    point = Parameter([-1.2, 1.0], dtype)
    optimizer = LBFGS([("point", point)], **options)
    optimizer.step(rosenbrock(point))
    saved, there = optimizer.state_dict(), point.value.copy()
    optimizer.step(rosenbrock(point))

    other = Parameter(there, dtype)
    restored = LBFGS([("point", other)], **options)
    restored.load_state_dict(saved)
    restored.step(rosenbrock(other))
    np.testing.assert_array_equal(other.value, point.value)
    assert restored.steps == optimizer.steps
    for name, array in restored.state_dict().items():
        np.testing.assert_array_equal(array, optimizer.state_dict()[name])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("moves"), "the optimizer's state lacks 'moves'"),
        (lambda s: s.update(last=np.ones((2, 3))), "the optimizer's 'last' are of shape (2, 3); expected (pairs, 2)"),
        (
            lambda s: s.update(moves=np.ones((1, 2))),
            "the optimizer's state holds moves and changes of gradients that don't pair",
        ),
    ],
)
def test_a_foreign_state_is_refused_and_nothing_is_written(change: Any, message: str) -> None:
    point = Parameter([-1.2, 1.0], "float64")
    optimizer = LBFGS([("point", point)], max_iter=4)
    optimizer.step(rosenbrock(point))
    state = optimizer.state_dict() | {"steps": 99}
    change(state)
    with pytest.raises(InputError, match="^" + re.escape(message) + "$"):
        optimizer.load_state_dict(state)
    assert optimizer.steps == 4


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("line_search", [False, True])
def test_a_loss_that_is_not_finite_is_said_and_nothing_moves(bad: float, line_search: bool) -> None:
    parameter = Parameter([1.0, 2.0], "float64")

    def closure() -> float:
        parameter.grad += 1
        return bad

    optimizer = LBFGS([("p", parameter)], line_search=line_search)
    with pytest.raises(NotFinite, match=f"^the loss that the closure returned is {bad}, at iteration 1$"):
        optimizer.step(closure)
    assert parameter.value.tolist() == [1, 2]
    assert not parameter.grad.any()


def test_a_gradient_that_is_not_finite_is_named() -> None:
    a, b = Parameter([1.0], "float64"), Parameter([2.0], "float64")

    def closure() -> float:
        b.grad += np.nan
        return 1.0

    with pytest.raises(NotFinite, match=r"^the gradient of 'b' is not finite, at iteration 1$"):
        LBFGS([("a", a), ("b", b)]).step(closure)


def test_a_fixed_step_into_what_is_not_finite_is_taken_back() -> None:
    parameter = Parameter([1.0], "float64")

    def closure() -> float:
        parameter.grad -= 1
        return float(-parameter.value[0]) if parameter.value[0] < 2 else np.nan

    optimizer = LBFGS([("p", parameter)], 5.0, line_search=False)
    with pytest.raises(NotFinite, match=r"^the loss that the closure returned is nan, at iteration 1$"):
        optimizer.step(closure)
    assert parameter.value.tolist() == [1]
    assert optimizer.steps == 0


def test_the_line_search_turns_back_from_what_is_not_finite() -> None:
    """x - log x is least at 1; the first trial goes below 0, where there is no logarithm."""
    parameter = Parameter([0.2], "float64")

    def closure() -> float:
        x = parameter.value[0]
        parameter.grad += 1 - 1 / x
        return float(x - np.log(x)) if x > 0 else np.nan

    LBFGS([("p", parameter)], 100.0, max_iter=30).step(closure)
    assert parameter.value[0] == pytest.approx(1, abs=1e-6)


def test_an_error_in_the_closure_leaves_the_parameters_where_the_iteration_began() -> None:
    point = Parameter([-1.2, 1.0], "float64")
    closure = rosenbrock(point)
    calls = 0

    def failing() -> float:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise RuntimeError("out of order")
        return closure()

    with pytest.raises(RuntimeError, match="out of order"):
        LBFGS([("point", point)]).step(failing)
    assert point.value.tolist() == [-1.2, 1]


def test_at_the_minimum_nothing_moves() -> None:
    point = Parameter([1.0, 1.0], "float64")
    optimizer = LBFGS([("point", point)])
    assert optimizer.step(rosenbrock(point)) == 0
    assert point.value.tolist() == [1, 1]
    assert optimizer.steps == 0


def test_gradients_that_were_there_before_do_not_count() -> None:
    clean, dirty = Parameter([-1.2, 1.0], "float64"), Parameter([-1.2, 1.0], "float64")
    dirty.grad += 100
    LBFGS([("point", clean)], max_iter=5).step(rosenbrock(clean))
    LBFGS([("point", dirty)], max_iter=5).step(rosenbrock(dirty))
    np.testing.assert_array_equal(dirty.value, clean.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": 0.0}, "the learning rate is 0.0; expected a positive number"),
        ({"max_iter": 0}, "max_iter is 0; expected at least 1"),
        ({"history_size": 0}, "history_size is 0; expected at least 1"),
        ({"tolerance_grad": -1.0}, "tolerance_grad is -1.0; expected a number >= 0"),
        ({"tolerance_change": float("nan")}, "tolerance_change is nan; expected a number >= 0"),
    ],
)
def test_a_setting_out_of_range_is_named(options: Any, message: str) -> None:
    with pytest.raises(InputError) as error:
        LBFGS([], **options)
    assert str(error.value) == message


def test_one_whose_parameters_another_took_over_refuses_to_step() -> None:
    point = Parameter([-1.2, 1.0], "float64")
    optimizer = LBFGS([("point", point)])
    SGD([("point", point)])
    with pytest.raises(InputError, match="another optimizer has taken over 'point'"):
        optimizer.step(rosenbrock(point))
