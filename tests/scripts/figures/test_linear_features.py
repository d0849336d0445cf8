from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from seqrl.training import figure


@pytest.fixture(scope="module")
def result(script: ModuleType) -> Any:
    return script.compute(script.Options(episodes=400, runs=4, seed=1))


def test_the_exact_values_are_those_of_the_walk(result: Any) -> None:
    """They solve v(s) = the mean over the 200 jumps of the reward at an end or the value where the walk goes on."""
    padded = np.concatenate([np.full(100, -1.0), result.exact, np.full(100, 1.0)])
    jumps = np.concatenate([np.arange(-100, 0), np.arange(1, 101)])
    means = padded[np.arange(100, 1100)[:, None] + jumps].mean(axis=1)
    np.testing.assert_allclose(result.exact, means, atol=1e-10)


def test_learning_side_by_side_is_gradient_monte_carlo_of_each_run(script: ModuleType, rng: Any) -> None:
    phi, kinds = rng.normal(size=(1000, 5)), np.array([0, 0, 1, 1, 1])
    walks = [np.array([500, 450, 530, 1001]), np.array([500, 0]), np.array([500, 420, 0])]
    rates = np.array([0.1, 0.02])
    weights = np.zeros((3, 5))
    script.learn(phi, kinds, weights, walks, rates)
    for run, states in enumerate(walks):
        G = 1.0 if states[-1] > 1000 else -1.0
        for kind in range(2):
            columns = kinds == kind
            w = np.zeros(columns.sum())
            for s in states[:-1]:
                x = phi[s - 1, columns]
                w += rates[kind] * (G - w @ x) * x
            np.testing.assert_allclose(weights[run, columns], w, rtol=1e-12)


def test_errors_begin_with_that_of_zeros_and_fall(result: Any) -> None:
    assert result.episodes == [0, 100, 200, 300, 400]
    for errors in result.errors.values():
        assert errors[0] == pytest.approx(np.sqrt(np.mean(result.exact**2)))
        assert errors[-1] < errors[0]


def test_tiles_can_come_nearer_than_groups_as_wide(result: Any) -> None:
    assert result.reachable["50 tilings of 200"] < result.reachable["groups of 200"] / 3


@pytest.mark.slow
def test_the_errors_are_those_of_figures_9_5_and_9_10(script: ModuleType) -> None:
    assert figure.outside(script.numbers(script.compute(script.Options()))) == []


def test_the_picture_is_written_and_the_table_printed(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script.main(["--episodes", "2", "--runs", "1", "--out", str(tmp_path / "a.png")]) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "50 tilings of 200" in capsys.readouterr().out
