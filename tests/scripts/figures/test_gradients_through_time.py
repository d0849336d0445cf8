"""How much of the gradient is left by distance: exact numbers for one unit, and who keeps it at 100 steps."""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from seqrl.layers.dense import Dense
from seqrl.layers.recurrent import CELLS, RNN
from seqrl.training.adding import BASELINE, adding_problem


@pytest.fixture(scope="module")
def curves(script: ModuleType) -> Any:
    """Before training, and after a few steps of it."""
    return script.compute(script.Options(steps=5))


def test_one_unit_loses_weight_times_slope_at_each_step(script: ModuleType, rng: np.random.Generator) -> None:
    cell, output = RNN(2, 1, rng=rng), Dense(1, 1, rng=rng)
    cell.load_state_dict({"weight_ih": [[0.5], [-0.3]], "weight_hh": [[0.7]], "bias": [0.1]})
    x, _ = adding_problem(6, 3, rng)
    states, _ = cell.astype(np.float64).forward(x)
    slopes = 0.7 * (1 - states[..., 0] ** 2)
    expected = [np.exp(np.log(slopes[6 - k :].prod(axis=0)).mean()) for k in range(7)]
    np.testing.assert_allclose(script.gradient_norms(cell, output, x), expected, rtol=1e-6)


@pytest.mark.parametrize("name", CELLS)
def test_the_first_is_1_and_the_last_that_of_the_whole_sequence(
    script: ModuleType, name: str, rng: np.random.Generator
) -> None:
    cell, output = (layer.astype(np.float64) for layer in (CELLS[name](2, 5, rng=rng), Dense(5, 1, rng=rng)))
    x, _ = adding_problem(7, 1, rng)
    norms = script.gradient_norms(cell, output, x)
    (y, _), backward = cell.scan(x)
    dy = np.zeros_like(y)
    dy[-1] = output.weight.value[:, 0]
    _, dinitial = backward(dy)
    assert len(norms) == 8 and norms[0] == 1
    assert norms[-1] == pytest.approx(script.norm(dinitial)[0] / np.linalg.norm(output.weight.value), rel=1e-9)


def test_small_weights_let_it_vanish_and_large_ones_explode(curves: Any) -> None:
    before = curves.before
    assert before["RNN, small weights"].norms[-1] < 1e-20
    assert before["RNN, orthogonal"].norms[-1] < 1e-3
    assert before["RNN, large weights"].norms[-1] > 10


def test_the_bias_of_a_gate_says_how_far_it_comes(curves: Any) -> None:
    last = {name: curve.norms[-1] for name, curve in curves.before.items()}
    assert last["LSTM, forget bias 0"] < 1e-8 < 1e-4 < last["LSTM, forget bias 1"] < last["LSTM, forget bias 5"]
    assert last["GRU, update bias 0"] < 1e-8 < 0.1 < last["GRU, update bias 5"] < 1


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_after_training_the_gates_keep_it_and_the_simple_network_does_not(script: ModuleType, seed: int) -> None:
    after = script.compute(script.Options(seed=seed)).after
    for name in "LSTM, forget bias 1", "GRU, update bias 0":
        assert after[name].error < 0.01
        assert after[name].norms[50] > 0.1
    assert after["RNN, orthogonal"].error > 0.9 * BASELINE
    assert after["RNN, orthogonal"].norms[50] < 1e-3


def test_the_picture_is_written(script: ModuleType, tmp_path: Path) -> None:
    arguments = ["--length", "5", "--sequences", "3", "--steps", "2"]
    assert script.main([*arguments, "--out", str(tmp_path / "a.png")]) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
