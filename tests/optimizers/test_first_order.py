from typing import Any

import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.optimizers import OPTIMIZERS, SGD, Adam, AdamW, NotFinite
from seqrl.parameter import Parameter

Generator = np.random.Generator
RULES: dict[str, Any] = {
    "sgd": lambda named, **options: SGD(named, 0.05, **options),
    "momentum": lambda named, **options: SGD(named, 0.02, momentum=0.9, **options),
    "adam": lambda named, **options: Adam(named, 0.1, **options),
    "adamw": lambda named, **options: AdamW(named, 0.1, weight_decay=0.01, **options),
}
every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)


def two(dtype: str = "float64") -> tuple[Parameter, Parameter]:
    return Parameter([3.0, -2.0], dtype), Parameter([[1.0]], dtype)


def named(*parameters: Parameter) -> list[tuple[str, Parameter]]:
    return [(f"p{k}", parameter) for k, parameter in enumerate(parameters)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_rule
def test_a_quadratic_is_minimised(rule: Any, dtype: str) -> None:
    a, b = two(dtype)
    optimizer = rule(named(a, b))
    for _ in range(300):
        a.grad += a.value - 1
        b.grad += 4 * (b.value + 2)
        optimizer.step()
    np.testing.assert_allclose(a.value, 1, atol=0.05)
    np.testing.assert_allclose(b.value, -2, atol=0.05)
    assert a.value.dtype == dtype


def test_one_step_of_each_rule_by_hand() -> None:
    for rule, expected in (
        (lambda p: SGD(p, 0.1), 2 - 0.1 * 4),
        (lambda p: SGD(p, 0.1, weight_decay=0.5), 2 - 0.1 * (4 + 0.5 * 2)),
        (lambda p: Adam(p, 0.1), 2 - 0.1),  # m / sqrt(v) is the sign at first
        (lambda p: Adam(p, 0.1, weight_decay=0.5, eps=5), 2 - 0.1 * 5 / (5 + 5)),
        (lambda p: AdamW(p, 0.1, weight_decay=0.5), 2 * (1 - 0.1 * 0.5) - 0.1),
    ):
        parameter = Parameter([2.0], np.float64)
        optimizer = rule(named(parameter))
        parameter.grad[0] = 4
        optimizer.step()
        assert parameter.value[0] == pytest.approx(expected, abs=1e-8)


def test_momentum_by_hand() -> None:
    parameter = Parameter([0.0], np.float64)
    optimizer = SGD(named(parameter), 1.0, momentum=0.5)
    positions = []
    for _ in range(3):
        parameter.grad[0] = 1
        optimizer.step()
        positions.append(float(parameter.value[0]))
    assert positions == [-1, -2.5, -4.25]  # velocities 1, 1.5, 1.75


@every_rule
def test_a_step_returns_the_norm_and_clears_the_gradients(rule: Any) -> None:
    a, b = two()
    optimizer = rule(named(a, b), clip=1.0)
    a.grad[...] = [2, 3]
    b.grad[...] = 6
    assert optimizer.step() == pytest.approx(7)
    assert not a.grad.any()
    assert not b.grad.any()


def test_clipping_is_by_the_norm_of_all_parameters_together() -> None:
    a, b = two()
    optimizer = SGD(named(a, b), 1.0, clip=3.5)
    before = np.concatenate([a.value, b.value[0]])
    a.grad[...] = [2, 3]
    b.grad[...] = 6
    optimizer.step()
    np.testing.assert_allclose(before - [*a.value, *b.value[0]], [1, 1.5, 3], rtol=1e-12)


def test_a_gradient_below_the_clipping_norm_is_not_scaled_up() -> None:
    a, _ = two()
    optimizer = SGD(named(a), 1.0, clip=100)
    a.grad[...] = [2, 3]
    optimizer.step()
    assert a.value.tolist() == [1, -5]


def test_a_large_finite_gradient_is_clipped_not_refused() -> None:
    """Its square overflows in float32."""
    a, _ = two("float32")
    optimizer = SGD(named(a), 1.0, clip=5.0)
    a.grad[...] = [3e25, 4e25]
    assert optimizer.step() == pytest.approx(5e25)
    np.testing.assert_allclose(a.value, [0, -6], rtol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@every_rule
def test_a_gradient_that_is_not_finite_is_named_and_nothing_changes(rule: Any, bad: float) -> None:
    a, b = two()
    optimizer = rule(named(a, b), clip=1.0)
    a.grad[...] = 1
    b.grad[...] = bad
    before = optimizer.state_dict()
    with pytest.raises(NotFinite, match=r"^the gradient of 'p1' is not finite$"):
        optimizer.step()
    assert a.value.tolist() == [3, -2]
    assert b.value.tolist() == [[1]]
    assert a.grad.tolist() == [1, 1]
    for name, value in optimizer.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_rule
def test_a_restored_optimizer_continues_with_the_same_bits(rule: Any, dtype: str, rng: Generator) -> None:
    gradients = rng.normal(size=(10, 3)).astype(dtype)

    def run(optimizer: Any, a: Parameter, b: Parameter, some: Any) -> None:
        for gradient in some:
            a.grad += gradient[:2]
            b.grad += gradient[2]
            optimizer.step()

    a, b = two(dtype)
    whole = rule(named(a, b), clip=1.0)
    run(whole, a, b, gradients[:5])
    whole.lr *= 0.5
    saved = whole.state_dict()
    c, d = Parameter(a.value, dtype), Parameter(b.value, dtype)
    run(whole, a, b, gradients[5:])

    restored = rule(named(c, d), clip=1.0)
    restored.load_state_dict(saved)
    run(restored, c, d, gradients[5:])
    np.testing.assert_array_equal(c.value, a.value)
    np.testing.assert_array_equal(d.value, b.value)
    assert (restored.steps, restored.lr) == (whole.steps, whole.lr)


def test_a_state_dict_is_a_copy() -> None:
    a, _ = two()
    optimizer = Adam(named(a))
    optimizer.state_dict()["first"][...] = 5
    assert not optimizer.first.any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("second"), "the optimizer's state lacks 'second' of shape (2,)"),
        (lambda s: s.update(second=np.ones(3)), "the optimizer's state lacks 'second' of shape (2,)"),
        (lambda s: s.pop("steps"), "the optimizer's state lacks 'steps'"),
        (lambda s: s.update(velocity=np.ones(2)), "the optimizer's state holds 'velocity', which Adam has not"),
    ],
)
def test_a_foreign_state_is_refused_and_nothing_is_written(change: Any, message: str) -> None:
    a, _ = two()
    optimizer = Adam(named(a))
    state = {"steps": 3, "lr": 0.5, "first": np.ones(2), "second": np.ones(2)}
    change(state)
    with pytest.raises(InputError) as error:
        optimizer.load_state_dict(state)
    assert str(error.value) == message
    assert not optimizer.first.any()
    assert (optimizer.steps, optimizer.lr) == (0, 1e-3)


def test_tied_parameters_are_updated_once() -> None:
    a, _ = two()
    optimizer = SGD([("a", a), ("again", a)], 1.0)
    a.grad[...] = 1
    optimizer.step()
    assert a.value.tolist() == [2, -3]


def test_adam_without_momentum() -> None:
    a, _ = two()
    optimizer = Adam(named(a), 0.1, betas=(0.0, 0.999))
    a.grad[...] = [1, -5]
    optimizer.step()
    np.testing.assert_allclose(a.value, [2.9, -1.9], rtol=1e-7)


@pytest.mark.parametrize("lr", [0.0, -1.0, float("nan")])
def test_a_learning_rate_must_be_positive(lr: float) -> None:
    with pytest.raises(InputError, match=r"the learning rate is .*; expected a positive number"):
        SGD([], lr)


@pytest.mark.parametrize("clip", [0.0, -1.0, float("nan")])
def test_a_clipping_norm_must_be_positive(clip: float) -> None:
    with pytest.raises(InputError, match=r"the clipping norm is .*; expected a positive number"):
        SGD([], clip=clip)


def test_every_optimizer_can_be_named() -> None:
    assert {"sgd": SGD, "adam": Adam, "adamw": AdamW} == OPTIMIZERS


def test_an_optimizer_whose_parameters_another_took_over_refuses_to_step() -> None:
    a, b = two()
    first = SGD(named(a, b), 1.0)
    second = SGD(named(a, b), 1.0)
    with pytest.raises(InputError, match="another optimizer has taken over"):
        first.step()
    second.step()
