"""Who leaves the plateau of the adding problem, an error of 1/6, at 100 steps and more."""

from pathlib import Path
from types import ModuleType

import pytest

from seqrl.training.adding import BASELINE


def test_gated_cells_solve_a_short_problem_in_no_time(script: ModuleType) -> None:
    """At 20 steps, where the simple network can too."""
    runs = script.compute(script.Options(lengths=(20,), steps=800, trials=200, runs=1, solved=0.005))
    for cell in "lstm", "gru":
        [run] = runs[cell, 20]
        assert run.errors[-1] <= 0.005 < run.errors[-2]
        assert run.steps[-1] < 800
        assert run.errors[0] > BASELINE


def test_training_ends_after_the_steps_asked_for_or_once_solved(script: ModuleType) -> None:
    options = script.Options(lengths=(10,), steps=70, trials=20, runs=2)
    assert all(run.steps == [0, 50, 70] for of in script.compute(options).values() for run in of)
    solved = script.compute(script.Options(lengths=(10,), steps=70, trials=20, runs=1, solved=10.0))
    assert all(run.steps[-1] == 0 for [run] in solved.values())


def test_runs_differ_and_the_same_seed_gives_the_same_numbers(script: ModuleType) -> None:
    options = script.Options(lengths=(10,), steps=20, trials=20, runs=2, seed=5)
    runs = script.compute(options)
    assert runs == script.compute(options)
    assert all(first != second for first, second in runs.values())


@pytest.mark.slow
@pytest.mark.parametrize("T", [100, 200])
def test_gated_cells_solve_it_and_the_simple_network_stays_at_the_baseline(script: ModuleType, T: int) -> None:
    runs = script.compute(script.Options(lengths=(T,), runs=3 if T == 100 else 1))
    for cell in "lstm", "gru":
        assert all(run.errors[-1] < 0.005 for run in runs[cell, T]), cell
    assert all(min(run.errors) > 0.9 * BASELINE for run in runs["rnn", T])


def test_the_picture_is_written(script: ModuleType, tmp_path: Path) -> None:
    arguments = ["--lengths", "8", "10", "--steps", "2", "--trials", "5", "--runs", "2"]
    assert script.main([*arguments, "--out", str(tmp_path / "a.png")]) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
