from typing import Any

import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.optimizers import OPTIMIZERS, SGD, Adadelta, Adagrad, Adam, AdamW, NotFinite, RMSprop
from seqrl.parameter import Parameter

Generator = np.random.Generator
RULES: dict[str, Any] = {
    "sgd": lambda named, **options: SGD(named, 0.05, **options),
    "momentum": lambda named, **options: SGD(named, 0.02, momentum=0.9, **options),
    "nesterov": lambda named, **options: SGD(named, 0.02, momentum=0.9, nesterov=True, **options),
    "adagrad": lambda named, **options: Adagrad(named, 0.5, **options),
    "adadelta": lambda named, **options: Adadelta(named, 1.0, eps=1e-2, **options),
    "rmsprop": lambda named, **options: RMSprop(named, 0.05, **options),
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
        (lambda p: SGD(p, 0.1, momentum=0.5, nesterov=True), 2 - 0.1 * (4 + 0.5 * 4)),
        (lambda p: Adagrad(p, 0.1), 2 - 0.1),
        (lambda p: Adagrad(p, 0.1, eps=4), 2 - 0.1 * 4 / (4 + 4)),
        (lambda p: Adagrad(p, 0.1, eps=5, weight_decay=0.5), 2 - 0.1 * 5 / (5 + 5)),
        (lambda p: Adadelta(p, eps=9, rho=0.0), 2 - 3 / 5 * 4),  # sqrt(9) / sqrt(16 + 9)
        (lambda p: Adadelta(p, 0.1, eps=12, rho=0.75, weight_decay=0.0), 2 - 0.1 * 12**0.5 / (4 + 12) ** 0.5 * 4),
        (lambda p: RMSprop(p, 0.1, alpha=0.75, eps=0), 2 - 0.1 * 2),
        (lambda p: RMSprop(p, 0.1, alpha=0.75, eps=2), 2 - 0.1 * 4 / (2 + 2)),
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


@pytest.mark.parametrize("clip", [None, 1.0])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@every_rule
def test_one_of_many_gradients_that_is_not_finite_leaves_everything_as_it_was(
    rule: Any, bad: float, clip: float | None, rng: Generator
) -> None:
    start, gradient = rng.normal(size=(2, 100_000))
    parameter = Parameter(start, np.float64)
    optimizer = rule(named(parameter), clip=clip)
    parameter.grad += gradient
    parameter.grad[70_000] = bad
    with pytest.raises(NotFinite, match=r"^the gradient of 'p0' is not finite$"):
        optimizer.step()
    assert parameter.value.tolist() == start.tolist()
    assert not any(moment.any() for moment in optimizer.moments().values())
    assert optimizer.steps == 0


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
    names = {"sgd": SGD, "adagrad": Adagrad, "adadelta": Adadelta, "rmsprop": RMSprop, "adam": Adam, "adamw": AdamW}
    assert names == OPTIMIZERS


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SGD([], momentum=1.0), "momentum is 1.0; expected 0 <= momentum < 1"),
        (lambda: SGD([], momentum=-0.1), "momentum is -0.1; expected 0 <= momentum < 1"),
        (lambda: SGD([], nesterov=True), "nesterov needs a momentum; it is 0"),
        (lambda: SGD([], weight_decay=-1), "weight_decay is -1; expected a number >= 0"),
        (lambda: Adagrad([], eps=-1e-8), "eps is -1e-08; expected a number >= 0"),
        (lambda: Adadelta([], rho=1.0), "rho is 1.0; expected 0 <= rho < 1"),
        (lambda: RMSprop([], alpha=float("nan")), "alpha is nan; expected 0 <= alpha < 1"),
        (lambda: Adam([], betas=(0.9, 1.0)), "beta2 is 1.0; expected 0 <= beta2 < 1"),
        (lambda: AdamW([], weight_decay=float("inf")), "weight_decay is inf; expected a number >= 0"),
    ],
)
def test_a_setting_out_of_range_is_named(make: Any, message: str) -> None:
    with pytest.raises(InputError) as error:
        make()
    assert str(error.value) == message


def test_nesterov_takes_its_gradient_ahead() -> None:
    """The path of the paper's formula (Sutskever et al. 2013, equations 3 and 4), seen from the point ahead."""
    momentum, lr = 0.8, 0.1
    parameter = Parameter([3.0], np.float64)
    optimizer = SGD(named(parameter), lr, momentum=momentum, nesterov=True)
    theta, velocity = 3.0, 0.0
    for _ in range(20):
        ahead = theta + momentum * velocity
        velocity = momentum * velocity - lr * 2 * ahead
        theta += velocity
        parameter.grad += 2 * parameter.value
        optimizer.step()
        assert parameter.value[0] == pytest.approx(theta + momentum * velocity, abs=1e-14)


@every_rule
def test_moments_without_a_gradient_end_at_zero_not_among_the_smallest_numbers(rule: Any) -> None:
    """There 0.9 times a number is itself again, and the processor is ten times slower, for ever."""
    a, b = two("float32")
    optimizer = rule(named(a, b))
    a.grad[...] = b.grad[...] = 1e-14
    optimizer.step()
    decays = {"velocity", "first", "squares", "second", "moves"} if not isinstance(optimizer, Adagrad) else set()
    for name, moment in optimizer.moments().items():
        if name in decays:
            moment[...] = 3e-38
    for _ in range(2000):
        optimizer.step()
    for name, moment in optimizer.moments().items():
        if name in decays:
            assert not moment.any(), name


@every_rule
def test_many_parameters_move_as_each_alone(rule: Any, rng: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over blocks and threads: the clipping norm is of all, and no block is forgotten or taken twice."""
    monkeypatch.setattr("seqrl.kernels.threads.COUNT", 3)
    P = 300_001
    start, gradients = rng.normal(size=P), rng.normal(size=(3, P))
    parameter = Parameter(start, np.float64)
    optimizer = rule(named(parameter), clip=1.0)
    assert parameter.value.dtype == np.float64
    picked = [0, 1, 32_767, 32_768, 131_072, P - 1]
    few = Parameter(start[picked], np.float64)
    alone = rule(named(few))
    for gradient in gradients:
        parameter.grad += gradient
        norm = optimizer.step()
        assert norm == pytest.approx(np.linalg.norm(gradient), rel=1e-12)
        few.grad += gradient[picked] / norm
        alone.step()
        np.testing.assert_allclose(parameter.value[picked], few.value, rtol=1e-12)
    assert not parameter.grad.any()
    assert np.abs(parameter.value - start).min() > 0


def test_an_optimizer_whose_parameters_another_took_over_refuses_to_step() -> None:
    a, b = two()
    first = SGD(named(a, b), 1.0)
    second = SGD(named(a, b), 1.0)
    with pytest.raises(InputError, match="another optimizer has taken over"):
        first.step()
    second.step()
