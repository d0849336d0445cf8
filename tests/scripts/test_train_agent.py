"""scripts/train_agent.py, evaluate_agent.py and compare_agents.py: from their options to run folders and tables."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqrl.agents import load
from seqrl.training import checkpoint
from seqrl.training.runs import LAST, read_metrics

from .conftest import script

SCRIPTS = Path(__file__).parents[2] / "scripts"
LAKE = ["q_learning", "FrozenLake-v1"]
Command = Callable[..., int]


def command(name: str) -> Command:
    main = script(name)
    return lambda *arguments: main([*map(str, arguments)])


@pytest.fixture(scope="session")
def train_agent() -> Command:
    return command("train_agent")


@pytest.fixture(scope="session")
def evaluate_agent() -> Command:
    return command("evaluate_agent")


@pytest.fixture(scope="session")
def compare_agents() -> Command:
    return command("compare_agents")


@pytest.fixture(scope="module")
def lake(train_agent: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "lake"
    assert train_agent(*LAKE, "--steps", 3_000, "--out", folder) == 0
    return folder


@pytest.fixture(scope="module")
def seeds(train_agent: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "seeds"
    assert train_agent(*LAKE, "--steps", 2_000, "--seeds", 3, "--seed", 4, "--out", folder) == 0
    return folder


def complaint(status: int, capsys: pytest.CaptureFixture[str]) -> str:
    error = capsys.readouterr().err
    assert status == 2
    assert error.count("\n") == 1, error
    return error


# ---- training ----------------------------------------------------------------------------------------------------


def test_a_run_holds_what_can_be_loaded_and_looked_at(lake: Path) -> None:
    files = {"config.json", "metrics.jsonl", "last.safetensors", "results.json", "report.html", "curves.png"}
    assert {path.name for path in lake.iterdir()} == files
    results = json.loads((lake / "results.json").read_text())
    assert results["steps"] == 3_000
    assert results["evaluation"]["mean"] == load(lake).evaluate(100).mean
    assert results["evaluation"]["low"] <= results["evaluation"]["mean"] <= results["evaluation"]["high"]
    assert read_metrics(lake)[-1]["step"] == 3_000


def test_an_environment_of_a_module_beside_one_is_found(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import gymnasium\n"
        "gymnasium.register('Mine-v0', 'gymnasium.envs.toy_text.frozen_lake:FrozenLakeEnv', max_episode_steps=20)\n"
    )
    arguments = ["q_learning", "mine:Mine-v0", "--steps", "50", "--seeds", "2", "--out", "run"]
    subprocess.run([sys.executable, SCRIPTS / "train_agent.py", *arguments], cwd=tmp_path, check=True)
    subprocess.run([sys.executable, SCRIPTS / "evaluate_agent.py", "run", "--episodes", "2"], cwd=tmp_path, check=True)


def test_what_is_learned_is_summed_up(train_agent: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["dqn", "CartPole-v1", "--hidden", 8, "--envs", 2, "--steps", 300, "--no-double"]
    assert train_agent(*arguments, "--out", tmp_path / "run") == 0
    captured = capsys.readouterr()
    assert "dqn on CartPole-v1, 300 steps of 2 environments; " in captured.out
    assert re.search(r"Learning finished after 300 steps and \d+ episodes", captured.out)
    assert re.search(r"Without exploring: return [\d.]+ \[[\d.]+, [\d.]+\] over 100 episodes", captured.out)
    assert "step 300/300" in captured.err and "steps/s" in captured.err and "return" in captured.err
    agent = load(tmp_path / "run")
    assert (agent.settings.hidden, agent.settings.environments, agent.settings.double) == ((8,), 2, False)


def test_settings_not_given_are_those_tuned_for_the_environment(train_agent: Command, tmp_path: Path) -> None:
    from seqrl.agents.settings import tuned

    assert train_agent("ppo", "CartPole-v1", "--gamma", 0.9, "--steps", 10, "--out", tmp_path / "run") == 0
    settings = json.loads((tmp_path / "run" / "config.json").read_text())["settings"]["agent"]
    expected = {**tuned("ppo", "CartPole-v1"), "gamma": 0.9}
    assert {name: settings[name] for name in expected} == expected


def test_the_settings_of_an_algorithm_are_in_its_help(train_agent: Command, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, expected in ([], "ALGORITHM"), (["dqn"], "--target-frequency"), (LAKE, "--epsilon"):
        with pytest.raises(SystemExit) as end:
            train_agent(*arguments, "--help")
        assert end.value.code == 0
        assert expected in capsys.readouterr().out


def test_a_finished_run_resumed_says_the_same_again(
    train_agent: Command, lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (lake / LAST).read_bytes()
    assert train_agent("--resume", lake) == 0
    assert "Learning finished after 3,000 steps" in capsys.readouterr().out
    assert (lake / LAST).read_bytes() == before


def test_several_seeds_end_as_each_would_alone_and_are_summed_up(
    train_agent: Command, seeds: Path, tmp_path: Path
) -> None:
    assert train_agent(*LAKE, "--steps", 2_000, "--seed", 5, "--out", tmp_path / "alone") == 0
    together, alone = (checkpoint.read(folder / LAST) for folder in (seeds / "seed-5", tmp_path / "alone"))
    assert all(np.array_equal(together.arrays[name], array) for name, array in alone.arrays.items())
    assert together.state == alone.state
    results = json.loads((seeds / "results.json").read_text())
    assert list(results["seeds"]) == ["seed-4", "seed-5", "seed-6"]
    assert results["low"] <= results["interquartile_mean"] <= results["high"]
    assert (seeds / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_one_run_that_fails_ends_all_with_its_reason(
    train_agent: Command, seeds: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = seeds / "seed-5" / LAST
    content = path.read_bytes()
    path.write_bytes(content[:100])
    try:
        assert train_agent("--resume", seeds) == 2
        assert f"{path}: not a checkpoint, or cut short" in capsys.readouterr().err.splitlines()[-1]
    finally:
        path.write_bytes(content)


@pytest.mark.parametrize(
    ("several", "stop"),
    [
        ([], signal.SIGINT),
        ([], signal.SIGTERM),
        pytest.param(["--seeds", "2"], signal.SIGINT, marks=pytest.mark.slow),
    ],
)
def test_control_c_saves_and_the_resumed_run_ends_with_the_same_bits(
    several: list[str], stop: signal.Signals, train_agent: Command, tmp_path: Path
) -> None:
    arguments = [*LAKE, "--steps", "30000", *several]
    assert train_agent(*arguments, "--out", tmp_path / "whole") == 0
    run = tmp_path / "run"
    line = [sys.executable, str(SCRIPTS / "train_agent.py"), *arguments, "--out", str(run)]
    watched = run / "seed-0" if several else run
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for _ in range(3_000):
            metrics = watched / "metrics.jsonl"
            if process.poll() is not None or (metrics.exists() and metrics.stat().st_size):
                break
            time.sleep(0.01)
        process.send_signal(stop)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert f"--resume {run}" in output
    assert load(watched).steps < 30_000
    assert train_agent("--resume", run) == 0
    for single in ["seed-0", "seed-1"] if several else ["."]:
        whole, again = (checkpoint.read(tmp_path / name / single / LAST) for name in ("whole", "run"))
        assert again.state == whole.state
        assert all(np.array_equal(again.arrays[name], array) for name, array in whole.arrays.items())


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "no ALGORITHM is given; expected one of q_learning, "),
        (["dqn"], "no ENV is given"),
        (["CartPole-v1", "dqn"], "is 'CartPole-v1'; expected it before the environment: dqn CartPole-v1"),
        (["dqn", "CartPole-v1", "--steps", "1e5"], "--steps: expected a whole number, not '1e5'"),
        (["dqn", "CartPole-v1", "--lr", "0.1"], "unknown option '--lr' (did you mean '--learning-rate'?)"),
        (["dqm", "CartPole-v1"], "the algorithm is 'dqm' (did you mean 'dqn'?)"),
        (["dqn", "CartPol-v1"], "the environment is 'CartPol-v1' (did you mean 'CartPole-v1'?)"),
        (["dqn", "Pendulum-v1"], "dqn can't handle actions of Box"),
        (["q_learning", "CartPole-v1"], "q_learning can't handle observations of Box"),
        (["dqn", "CartPole-v1", "--lerning-rate", "1"], "unknown option '--lerning-rate' (did you mean '--learning-r"),
        (["dqn", "CartPole-v1", "--gamma", "high"], "gamma"),
        (["dqn", "CartPole-v1", "--steps", "0"], "--steps is 0; expected 1 or more"),
        (["dqn", "CartPole-v1", "--seeds", "0"], "--seeds is 0; expected 1 or more"),
        (["dqn", "CartPole-v1", "--seed", "-1"], "--seed is -1; expected 0 or more"),
        (["dqn", "CartPole-v1", "--max-minutes", "0"], "--max-minutes is 0.0; expected more than 0"),
        (["dqn", "CartPole-v1", "--envs", "0"], "0"),
        ([*LAKE, "--options", "is_slipery=false"], "no option 'is_slipery' (did you mean 'is_slippery'?)"),
        ([*LAKE, "--options", "is_slippery=False"], "is_slippery of FrozenLake-v1 is 'False'; expected a value such"),
        (["--options", "is_slippery=false", *LAKE], "--options has 'q_learning'; expected NAME=VALUE"),
        (["--resume", "nowhere"], "nowhere: no such folder"),
        (["--resume", "nowhere", "--seed", "3"], "only --steps and --max-minutes may be given with it"),
        (["--resume", "nowhere", "--options", "is_slippery=false"], "only --steps and --max-minutes may be given with"),
        (["--resume", "nowhere", "--steps", "9"], "nowhere: no such folder"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], expected: str, train_agent: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = [] if "--resume" in arguments else ["--out", tmp_path / "run"]
    assert expected in complaint(train_agent(*arguments, *out), capsys)
    assert not (tmp_path / "run").exists()


def test_a_run_is_not_overwritten_unless_asked(
    train_agent: Command, lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = complaint(train_agent(*LAKE, "--out", lake), capsys)
    assert f"--resume {lake} continues it, --overwrite replaces it" in said


def test_a_run_is_lengthened(train_agent: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    assert train_agent(*LAKE, "--steps", 1_000, "--out", run) == 0
    assert train_agent("--resume", run, "--steps", 2_500) == 0
    assert f"Continuing {run}, of now 2,500 steps instead of 1,000\n" in capsys.readouterr().out
    assert json.loads((run / "results.json").read_text())["steps"] == 2_500
    assert train_agent(*LAKE, "--steps", 2_500, "--out", tmp_path / "whole") == 0
    again, whole = (checkpoint.read(folder / LAST) for folder in (run, tmp_path / "whole"))
    assert again.state == whole.state
    assert all(np.array_equal(again.arrays[name], array) for name, array in whole.arrays.items())
    capsys.readouterr()
    said = complaint(train_agent("--resume", run, "--steps", 2_000), capsys)
    assert f"--steps is 2000; {run} has learned from 2500 steps already" in said


def test_what_begins_anew_in_a_run_that_is_lengthened_is_said(
    train_agent: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert train_agent("ppo", "CartPole-v1", "--steps", 10, "--out", run) == 0
    assert train_agent("--resume", run, "--steps", 300) == 0
    said = capsys.readouterr().out
    assert "300 steps instead of 10; what begins anew over what is left: clip_schedule, schedule\n" in said
    assert load(run).steps == 512


def test_options_of_the_environment_are_kept_in_the_run_and_used_by_all_that_follows(
    train_agent: Command, evaluate_agent: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, whole = tmp_path / "run", tmp_path / "whole"
    arguments = [*LAKE, "--options", "is_slippery=false", 'desc=["SFF", "HHF", "HGF"]', "--steps", 4_000]
    assert train_agent(*arguments, "--out", whole) == 0
    assert 'q_learning on FrozenLake-v1 (is_slippery=false, desc=["SFF", "HHF", "HGF"])' in capsys.readouterr().out
    assert train_agent(*arguments, "--out", run, "--max-minutes", 1e-9) == 0
    assert load(run).steps < 4_000
    assert train_agent("--resume", run) == 0
    assert load(run).q.shape == (9, 4)
    assert checkpoint.read(run / LAST).state == checkpoint.read(whole / LAST).state
    assert json.loads((run / "results.json").read_text())["evaluation"]["mean_length"] == 5  # the way, not slipping
    settings = json.loads((run / "config.json").read_text())["settings"]
    assert settings["options"] == {"is_slippery": False, "desc": ["SFF", "HHF", "HGF"]}
    assert settings["agent"]["gamma"] == 0.995  # as tuned for FrozenLake-v1
    capsys.readouterr()
    pytest.importorskip("pygame")
    assert evaluate_agent(run, "--episodes", 3, "--video", tmp_path / "a.gif") == 0
    said = capsys.readouterr().out
    assert "FrozenLake-v1 (is_slippery=false, " in said and "an episode of 5 steps with the return 1.00" in said


# ---- evaluation --------------------------------------------------------------------------------------------------


def test_an_evaluation_says_mean_and_interval_and_repeats(
    evaluate_agent: Command, lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate_agent(lake, "--episodes", 20) == 0
    first = capsys.readouterr().out
    assert f"{load(lake).evaluate(20).mean:.2f}" in first
    assert re.search(r"\[\d\.\d\d, \d\.\d\d\]", first)
    assert evaluate_agent(lake, "--episodes", 20) == 0
    assert capsys.readouterr().out == first


def test_a_run_of_seeds_is_evaluated_seed_by_seed(
    evaluate_agent: Command, seeds: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate_agent(seeds, "--episodes", 10) == 0
    said = capsys.readouterr().out
    assert all(f"seed-{seed} " in said for seed in (4, 5, 6))
    assert "interquartile mean over seeds: " in said


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--episodes", "0"], "--episodes is 0; expected 1 or more"),
        (["--seed", "-1"], "--seed is -1"),
        (["--video", "x.avi"], "expected a name that ends in .gif or .mp4"),
        (["--video", "nowhere/x.gif"], "there is no folder nowhere"),
    ],
)
def test_bad_input_to_an_evaluation_is_one_line(
    arguments: list[str], expected: str, evaluate_agent: Command, lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert expected in complaint(evaluate_agent(lake, *arguments), capsys)


def test_an_episode_is_drawn(
    evaluate_agent: Command, lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pygame")
    assert evaluate_agent(lake, "--episodes", 1, "--video", tmp_path / "a.gif") == 0
    assert f"video: {tmp_path / 'a.gif'}, an episode of " in capsys.readouterr().out
    assert (tmp_path / "a.gif").read_bytes().startswith(b"GIF89a")


def test_what_is_no_run_is_not_evaluated(
    evaluate_agent: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "not a run folder" in complaint(evaluate_agent(tmp_path), capsys)


# ---- comparison --------------------------------------------------------------------------------------------------


def test_algorithms_are_compared_and_what_is_there_is_not_learned_again(
    compare_agents: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["FrozenLake-v1", "q_learning", "sarsa", "--seeds", 2, "--steps", 500, "--out", tmp_path / "both"]
    assert compare_agents(*arguments) == 0
    first = capsys.readouterr().out
    assert re.search(r"^q_learning +\d\.\d\d \[\d\.\d\d, \d\.\d\d\]", first, re.MULTILINE)
    results = json.loads((tmp_path / "both" / "results.json").read_text())
    assert list(results) == ["q_learning", "sarsa"]
    assert len(results["sarsa"]["seeds"]) == 2
    assert (tmp_path / "both" / "curves.png").exists()
    stamp = (tmp_path / "both" / "sarsa" / "seed-0" / LAST).stat().st_mtime_ns
    assert compare_agents(*arguments) == 0
    assert capsys.readouterr().out == first
    assert (tmp_path / "both" / "sarsa" / "seed-0" / LAST).stat().st_mtime_ns == stamp
    status = compare_agents(*arguments[:-4], "--steps", 600, "--out", tmp_path / "both")
    assert "holds a run with other settings; --overwrite replaces it" in complaint(status, capsys)


def test_a_comparison_of_networks_goes_on_too(compare_agents: Command, tmp_path: Path) -> None:
    """Their settings have tuples, and a file of settings lists."""
    arguments = ["CartPole-v1", "dqn", "reinforce", "--seeds", 1, "--steps", 60, "--out", tmp_path / "both"]
    assert compare_agents(*arguments) == 0
    assert compare_agents(*arguments) == 0


def test_a_run_is_no_folder_for_a_comparison(
    compare_agents: Command, lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name: path.read_bytes() for path in lake.iterdir()}
    status = compare_agents("FrozenLake-v1", "sarsa", "--steps", 10, "--out", lake)
    assert f"{lake}: holds a run; expected a folder for the runs that are compared" in complaint(status, capsys)
    assert {path.name: path.read_bytes() for path in lake.iterdir()} == before


def test_what_is_compared_has_the_options_too(
    compare_agents: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["FrozenLake-v1", "sarsa", "--seeds", 1, "--steps", 200, "--out", tmp_path / "one"]
    assert compare_agents(*arguments, "--options", "map_name=8x8") == 0
    assert 'FrozenLake-v1 (map_name="8x8"), a seed each' in capsys.readouterr().out
    assert load(tmp_path / "one" / "sarsa").q.shape == (64, 4)
    assert "holds a run with other settings" in complaint(compare_agents(*arguments), capsys)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["FrozenLake-v1", "sarsa", "--options", "map_nam=8x8"], "no option 'map_nam' (did you mean 'map_name'?)"),
        (["FrozenLake-v1"], "no ALGORITHM is given"),
        (["sarsa", "FrozenLake-v1"], "the environment is 'sarsa'; expected its id first, such as CartPole-v1"),
        (["FrozenLake-v1", "sarsa", "sarsa"], "an ALGORITHM is given twice"),
        (["FrozenLake-v1", "sarsa", "q_lerning"], "'q_lerning' (did you mean 'q_learning'?)"),
        (["FrozenLake-v2", "sarsa"], "FrozenLake-v2"),
        (["FrozenLake-v1", "sarsa", "linear_q"], "linear_q can't handle observations of Discrete"),
        (["FrozenLake-v1", "sarsa", "--seeds", "0"], "--seeds is 0"),
    ],
)
def test_what_can_not_be_compared_is_one_line(
    arguments: list[str], expected: str, compare_agents: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert expected in complaint(compare_agents(*arguments, "--out", tmp_path / "out"), capsys)
    assert not (tmp_path / "out").exists()
