"""Runs of agents: what a killed one goes on with, and what a checkpoint must not hold."""

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqrl import files
from seqrl.agents import ALGORITHMS, runs
from seqrl.agents.learning import Learning, written
from seqrl.errors import InputError
from seqrl.training import checkpoint
from seqrl.training.runs import LAST, METRICS, RESULTS, TIMES

# An environment, steps, and settings with which an algorithm does all that it can do within these.
SMALL: dict[str, tuple[str, int, dict[str, Any]]] = {
    "dqn": (
        "CartPole-v1",
        400,
        {
            **{"hidden": (8,), "environments": 3, "batch_size": 8, "capacity": 150, "learning_starts": 40, "n_step": 3},
            **{"train_frequency": 4, "gradient_steps": 1, "target_frequency": 50, "epsilon_steps": 300},
            **{"prioritised": True, "dueling": True, "beta_steps": 300},
        },
    ),
    "ppo": (
        "Pendulum-v1",
        900,
        {
            **{"environments": 3, "rollout_steps": 30, "epochs": 2, "batch_size": 40, "schedule": "linear"},
            **{"clip_schedule": "linear", "normalise_observations": True, "normalise_rewards": True},
        },
    ),
    "actor_critic": ("CartPole-v1", 600, {"environments": 2, "normalise_observations": True}),
    "reinforce": ("CartPole-v1", 600, {}),
    "q_learning": ("FrozenLake-v1", 600, {}),
    "double_q_learning": ("Taxi-v4", 600, {}),
    "sarsa": ("CliffWalking-v1", 6_000, {}),
    "expected_sarsa": ("FrozenLake-v1", 600, {}),
    "linear_sarsa": ("MountainCar-v0", 600, {}),
    "linear_expected_sarsa": ("MountainCar-v0", 600, {}),
    "linear_q": ("MountainCar-v0", 600, {}),
}


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)


class Killed(BaseException):
    """What a process does not survive."""


def begin(folder: Path, algorithm: str, steps: int | None = None, **settings: Any) -> Path:
    folder.mkdir(exist_ok=True)
    environment, some, small = SMALL[algorithm]
    merged = {**small, **settings}
    runs.begin(runs.run_settings(algorithm, environment, steps=steps or some, seed=5, settings=merged), folder)
    return folder


def content(folder: Path) -> tuple[dict[str, bytes], Any, list[dict[str, Any]]]:
    """All that a run left, but for what depends on the clock."""
    arrays, state = checkpoint.read(folder / LAST)
    lines = [{key: line[key] for key in line if key not in TIMES} for line in written(folder / METRICS)]
    return {name: array.tobytes() for name, array in arrays.items()}, state, lines


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_run_killed_and_resumed_again_and_again_ends_with_the_same_bits(algorithm: str, tmp_path: Path) -> None:
    whole = begin(tmp_path / "whole", algorithm)
    assert Learning(whole, verbose=False).run() == "finished"
    agent = runs.load(whole)
    assert agent.steps >= SMALL[algorithm][1]
    assert len(agent.episodes) > 0

    killed = begin(tmp_path / "killed", algorithm)
    deaths = 0
    for rounds in [*range(1, 12), 10**9]:
        learning = Learning(killed, verbose=False, save_seconds=-1)  # a checkpoint after every round
        first = learning.agent.steps
        append = learning.metrics.append

        def report(line: Any, learning: Learning = learning, append: Any = append, first: int = first) -> None:
            append(line)  # a line that no checkpoint counts yet
            if learning.agent.steps - first >= 3 * rounds:  # noqa: B023
                raise Killed

        learning.metrics.append = report  # type: ignore[method-assign]
        try:
            assert learning.run() == "finished"
            break
        except Killed:
            deaths += 1
    assert deaths > 3
    assert content(killed) == content(whole)


def test_metrics_count_every_episode_once_and_reach_the_end(tmp_path: Path) -> None:
    folder = begin(tmp_path / "run", "dqn")
    Learning(folder, verbose=False).run()
    agent, lines = runs.load(folder), written(folder / METRICS)
    assert lines[-1]["step"] == agent.steps
    assert lines[-1]["episodes"] == len(agent.episodes)
    steps = [line["step"] for line in lines]
    assert steps == sorted(set(steps)) and len(steps) > 50
    counts = np.diff([0, *(line["episodes"] for line in lines)])
    total = sum(line.get("return", 0) * count for line, count in zip(lines, counts, strict=True))
    assert total == pytest.approx(sum(episode.return_ for episode in agent.episodes))


def test_a_run_out_of_time_goes_on_to_the_same_end(tmp_path: Path) -> None:
    whole, cut = begin(tmp_path / "whole", "ppo"), begin(tmp_path / "cut", "ppo")
    Learning(whole, verbose=False).run()
    assert Learning(cut, verbose=False, max_minutes=1e-9).run() == "out of time"
    assert 0 < runs.load(cut).steps < runs.load(whole).steps
    assert Learning(cut, verbose=False).run() == "finished"
    assert content(cut) == content(whole)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_run_that_is_lengthened_ends_as_one_that_was_as_long_from_the_beginning(
    algorithm: str, tmp_path: Path
) -> None:
    settings = {"schedule": "constant", "clip_schedule": "constant"} if algorithm == "ppo" else {}
    whole, lengthened = begin(tmp_path / "whole", algorithm, **settings), tmp_path / "lengthened"
    steps = SMALL[algorithm][1]
    begin(lengthened, algorithm, 3 * steps // 5 + 1, **settings)
    Learning(whole, verbose=False).run()
    assert Learning(lengthened, verbose=False).run() == "finished"
    before = runs.load(lengthened).steps
    assert runs.lengthen(lengthened, steps) == runs.read(whole)
    assert Learning(lengthened, verbose=False).run() == "finished"
    (arrays, state, lines), (expected, expected_state, expected_lines) = content(lengthened), content(whole)
    for numbers in state["agent"], expected_state["agent"]:
        numbers.pop("span", None)  # of schedules, which are constant here
    assert (arrays, state) == (expected, expected_state)
    assert lines[-1]["step"] == expected_lines[-1]["step"] > before
    assert lines[-1]["episodes"] == expected_lines[-1]["episodes"]


@pytest.mark.parametrize("algorithm", ["ppo", "reinforce"])
def test_a_schedule_over_the_length_begins_anew_as_in_another_call_of_learn(algorithm: str, tmp_path: Path) -> None:
    run = begin(tmp_path / "run", algorithm, 600, schedule="linear")
    agent = runs.read(run).make().learn(600)
    Learning(run, verbose=False).run()
    assert runs.schedules(runs.lengthen(run, 1_500)) == ["clip_schedule", "schedule"][algorithm != "ppo" :]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Learning, "_report", lambda learning: None)
        assert Learning(run, verbose=False, max_minutes=1e-9).run() == "out of time"  # which a schedule outlives
    assert Learning(run, verbose=False).run() == "finished"
    agent.learn(1_500 - agent.steps).save(tmp_path / "agent")
    again, expected = checkpoint.read(run / LAST), checkpoint.read(tmp_path / "agent")
    assert again.state == expected.state
    assert all(np.array_equal(again.arrays[name], array) for name, array in expected.arrays.items())


def test_a_run_is_not_made_shorter_than_it_is(tmp_path: Path) -> None:
    folder = begin(tmp_path / "run", "dqn")
    Learning(folder, verbose=False).run()
    done = runs.load(folder).steps
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(InputError, match=f"--steps is 150; {folder} has learned from {done} steps already"):
        runs.lengthen(folder, 150)
    with pytest.raises(InputError, match="--steps is 0; expected 1 or more"):
        runs.lengthen(folder, 0)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_seeds_of_a_run_are_lengthened_with_it_even_where_a_kill_fell_between(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    runs.begin(runs.run_settings("q_learning", "FrozenLake-v1", steps=200, seeds=3), run)
    for single in runs.singles(run)[:2]:
        Learning(single, verbose=False).run()
        (single / RESULTS).write_text("{}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "complete", lambda *_: None)  # killed
        runs.lengthen(run, 500)
    assert runs.read(run).steps == 500
    runs.complete(runs.read(run), run)
    for single in runs.singles(run):
        assert runs.read(single).steps == 500
        assert not (single / RESULTS).exists()  # which says how a shorter run ended
    with pytest.raises(InputError, match=f"--steps is 150; {run / 'seed-0'} has learned from 200 steps already"):
        runs.lengthen(run, 150)
    with pytest.raises(InputError, match=f"{run / 'seed-0'}: one of the seeds of {run}; --resume that run"):
        runs.lengthen(run / "seed-0", 900)


def test_a_finished_run_is_left_as_it_is(tmp_path: Path) -> None:
    folder = begin(tmp_path / "run", "q_learning")
    Learning(folder, verbose=False).run()
    before = (folder / LAST).read_bytes(), (folder / METRICS).read_bytes()
    assert Learning(folder, verbose=False).run() == "finished"
    assert ((folder / LAST).read_bytes(), (folder / METRICS).read_bytes()) == before


def test_what_a_kill_left_beside_the_last_checkpoint_is_removed(tmp_path: Path) -> None:
    folder = begin(tmp_path / "run", "q_learning")
    Learning(folder, verbose=False).run()
    before = {path.name for path in folder.iterdir()}
    files.beside_name(folder / LAST).write_bytes(b"half")
    Learning(folder, verbose=False).run()
    assert {path.name for path in folder.iterdir()} == before


def test_a_line_of_metrics_that_a_kill_cut_short_is_dropped(tmp_path: Path) -> None:
    folder = begin(tmp_path / "run", "q_learning")
    Learning(folder, verbose=False).run()
    whole = written(folder / METRICS)
    with open(folder / METRICS, "a") as stream:
        stream.write('{"step": 7')
    assert written(folder / METRICS) == whole
    Learning(folder, verbose=False)
    assert written(folder / METRICS) == whole


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_good_checkpoint(tmp_path: Path) -> None:
    folder = begin(tmp_path / "run", "dqn", hidden=(8,))
    learning = Learning(folder, verbose=False)
    good = (folder / LAST).read_bytes()
    learning.agent.optimizers["q"].packed.value[3] = np.nan
    with pytest.raises(InputError, match=r"after step \d+: .* not finite.*last.safetensors holds step 0"):
        learning.run()
    assert (folder / LAST).read_bytes() == good


def test_weights_that_diverge_stop_the_run_and_keep_the_last_good_checkpoint(tmp_path: Path) -> None:
    wild = {"features": "polynomial", "order": 1, "learning_rate": 1e6, "learning_rate_end": 1e6}
    folder = begin(tmp_path / "run", "linear_q", 3000, **wild)
    where = re.escape(str(folder))
    with pytest.raises(InputError, match=rf"^{where}, after step \d+: an entry of 'weights' is not finite; learning"):
        Learning(folder, verbose=False).run()
    assert np.isfinite(runs.load(folder).weights).all()


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_table_that_is_not_finite_does_not_replace_a_good_checkpoint(tmp_path: Path, number: float) -> None:
    folder = begin(tmp_path / "run", "double_q_learning")
    learning = Learning(folder, verbose=False)
    good = (folder / LAST).read_bytes()
    learning.agent.tables[1][499][5] = number  # type: ignore[attr-defined]
    said = r"after step \d+: an entry of 'q' is not finite.*last.safetensors holds step 0"
    with pytest.raises(InputError, match=said):
        learning.run()
    assert (folder / LAST).read_bytes() == good


@pytest.mark.filterwarnings("default")
def test_a_warning_is_a_line_without_the_place_in_the_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    settings = {"baseline": False, "episodes": 1}
    runs.begin(runs.run_settings("reinforce", "MountainCar-v0", steps=400, settings=settings), folder)
    Learning(folder, verbose=False).run()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: episodes of MountainCar-v0 are truncated")


def test_a_run_stops_with_a_checkpoint_when_the_process_that_began_it_is_gone(tmp_path: Path) -> None:
    folder = begin(tmp_path / "run", "ppo")
    assert Learning(folder, verbose=False, parent=1).run() == "interrupted"
    assert runs.load(folder).steps > 0
