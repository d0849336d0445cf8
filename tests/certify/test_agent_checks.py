"""Every check of the certificate on every loss and layer of the agents; each must have a case; faults are found."""

from typing import Any

import numpy as np
import pytest

from seqrl.agents import dqn
from seqrl.certify import agent_cases, discovery
from seqrl.certify.agent_cases import ObjectiveCase, agent_layers, objective_name, objectives
from seqrl.certify.agent_checks import OBJECTIVE_CHECKS
from seqrl.certify.cases import LayerCase
from seqrl.certify.check import Check
from seqrl.certify.differences import exceeding
from seqrl.certify.layer_checks import LAYER_CHECKS
from seqrl.errors import InputError

OBJECTIVES, LAYERS = objectives(), agent_layers()


def test_trap_21_every_loss_of_the_agents_has_a_case() -> None:
    assert discovery.uncovered_objectives() == []
    assert discovery.uncovered_layers() == []


def test_a_loss_or_a_layer_without_a_case_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    left = {name: case for name, case in OBJECTIVES.items() if not name.startswith("PPO")}
    monkeypatch.setattr(agent_cases, "objectives", lambda: left)
    monkeypatch.setattr(agent_cases, "agent_layers", lambda: {"Deviation": LAYERS["Deviation"]})
    assert discovery.uncovered_objectives() == ["ppo.policy_loss", "ppo.value_loss"]
    assert discovery.uncovered_layers() == ["Dueling", "PolicyAndValue"]


def test_losses_of_the_same_name_are_told_apart() -> None:
    assert {objective_name(case) for case in OBJECTIVES.values()} >= {"ppo.policy_loss", "actor_critic.policy_loss"}


@pytest.mark.parametrize("case", OBJECTIVES.values(), ids=OBJECTIVES)
@pytest.mark.parametrize("check", OBJECTIVE_CHECKS, ids=lambda check: check.measure.__name__)
def test_trap_21_loss(check: Check[ObjectiveCase], case: ObjectiveCase) -> None:
    assert [str(d) for d in exceeding(check.measure(case), check.tolerance)] == []


@pytest.mark.parametrize("case", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("check", LAYER_CHECKS, ids=lambda check: check.measure.__name__)
def test_layer(check: Check[LayerCase], case: LayerCase) -> None:
    assert [str(d) for d in exceeding(check.measure(case), check.tolerance)] == []


# ---- planted faults ------------------------------------------------------------------------------------------


def squared(outputs: Any, target: Any, *, fault: str = "") -> Any:
    """1/2 mean (output - target)^2, with a fault on demand."""
    if fault != "broadcast" and target.shape != outputs.shape:
        raise InputError("shapes")
    off = outputs - target
    gradient = off / off.size
    if fault == "doubled":
        gradient = 2 * gradient
    if fault == "sum":
        return float(np.square(off).sum() / 2), off
    if fault == "in place":
        target += 1
    if fault == "wide":
        gradient = gradient.astype(np.float64)
    return float(np.square(off).mean() / 2), gradient


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("", ""),
        ("doubled", "the gradient at "),
        ("sum", "the losses of parts is "),
        ("in place", "input 1, changed in place, at "),
        ("wide", "the gradient is float64, expected float32"),
        ("broadcast", "input 0 of shape (B, 1) is taken"),  # trap 19
    ],
)
def test_a_fault_is_found(fault: str, message: str) -> None:
    def inputs(rng: np.random.Generator, N: int) -> Any:
        return rng.normal(size=N), rng.normal(size=N)

    case = ObjectiveCase(squared, inputs, {"fault": fault})
    found = []
    for check in OBJECTIVE_CHECKS:
        try:
            found += [str(d) for d in exceeding(check.measure(case), check.tolerance)]
        except ValueError as error:  # writing into a read-only array
            assert fault == "in place", error
    assert bool(found) == bool(fault)
    assert not fault or [problem for problem in found if problem.startswith(message)], found


def test_trap_21_a_gradient_through_the_target_is_found() -> None:
    """Of a target that moves with the output the gradient is another one than that at a constant target."""

    def chasing(q: Any, action: Any, target: Any) -> Any:
        loss, gradient, _ = dqn.q_loss(q, action, target)
        return loss, gradient - 0.5 * gradient.mean(axis=1, keepdims=True)

    case = ObjectiveCase(chasing, OBJECTIVES["q_loss"].inputs)
    [check] = [check for check in OBJECTIVE_CHECKS if check.column == "gradients"]
    assert exceeding(check.measure(case), check.tolerance)
