"""Run folders of agents: what is loaded from them, and what is refused."""

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

import seqrl
from seqrl.agents import ALGORITHMS, load, report, runs
from seqrl.agents.learning import Learning
from seqrl.errors import InputError
from seqrl.training.runs import CONFIG, LAST, Config, create

SMALL = {"hidden": (8,), "learning_starts": 20, "train_frequency": 4, "gradient_steps": 1, "batch_size": 8}


def settings(algorithm: str = "dqn", environment: str = "CartPole-v1", **others: Any) -> runs.RunSettings:
    small = SMALL if algorithm == "dqn" else {}
    return runs.run_settings(algorithm, environment, **{"steps": 60, "settings": small, **others})


def learned(folder: Path, wanted: runs.RunSettings) -> Path:
    folder.mkdir()
    runs.begin(wanted, folder)
    for single in runs.singles(folder):
        Learning(single, verbose=False).run()
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return learned(tmp_path_factory.mktemp("runs") / "run", settings())


def test_a_run_gives_back_the_agent_that_it_holds(run: Path) -> None:
    agent = load(run)
    assert type(agent) is ALGORITHMS["dqn"]
    assert agent.steps == 60
    assert agent.settings.hidden == (8,)
    again = ALGORITHMS["dqn"].load(run / LAST)
    observations = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    assert np.array_equal(agent.act(observations), again.act(observations))
    assert type(seqrl.load(run)) is type(agent)
    assert type(load(run / LAST)) is type(agent)


def test_agents_of_other_algorithms_come_back_by_the_same_name(tmp_path: Path) -> None:
    run = learned(tmp_path / "run", settings("q_learning", "FrozenLake-v1"))
    assert type(load(run)) is ALGORITHMS["q_learning"]
    assert ALGORITHMS["q_learning"].load(run).steps == 60
    for path in run, run / LAST:
        with pytest.raises(InputError, match="an agent of 'q_learning'; expected 'dqn'"):
            ALGORITHMS["dqn"].load(path)


def test_a_run_of_another_kind_is_refused_in_one_line(tmp_path: Path) -> None:
    create(tmp_path, Config("translation", {}, {}))
    with pytest.raises(InputError, match=r"a run of the kind 'translation'; expected 'agent'") as error:
        load(tmp_path)
    assert "\n" not in str(error.value)


def test_what_is_no_run_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        load(tmp_path / "nowhere")
    with pytest.raises(InputError, match=f"{tmp_path}: not a run folder, it has no {CONFIG}"):
        load(tmp_path)
    (tmp_path / "file").write_text("text")
    with pytest.raises(InputError, match="not a checkpoint"):
        load(tmp_path / "file")
    (tmp_path / "begun").mkdir()
    runs.begin(settings(), tmp_path / "begun")
    with pytest.raises(InputError, match="a run without a checkpoint"):
        load(tmp_path / "begun")


def test_an_unknown_setting_in_a_config_is_refused(run: Path, tmp_path: Path) -> None:
    text = (run / CONFIG).read_text()
    (tmp_path / CONFIG).write_text(text.replace('"steps"', '"stepps"'))
    with pytest.raises(InputError, match=r"unknown setting 'stepps' \(did you mean 'steps'\?\)"):
        load(tmp_path)


def test_a_run_of_several_seeds_has_a_run_for_each_and_they_differ(tmp_path: Path) -> None:
    run = learned(tmp_path / "run", settings(seed=3, seeds=3))
    folders = runs.singles(run)
    assert [folder.name for folder in folders] == ["seed-3", "seed-4", "seed-5"]
    with pytest.raises(InputError, match=f"a run of 3 seeds; load one of its agents, such as {run / 'seed-3'}"):
        load(run)
    agents = [load(folder) for folder in folders]
    assert [agent.seed for agent in agents] == [3, 4, 5]
    weights = {agent.optimizers["q"].packed.value.tobytes() for agent in agents}
    episodes = {tuple(episode.length for episode in agent.episodes) for agent in agents}
    assert len(weights) == len(episodes) == 3


def test_a_seed_among_several_is_what_it_is_alone(run: Path, tmp_path: Path) -> None:
    many = learned(tmp_path / "run", settings(seeds=2))
    assert (many / "seed-0" / LAST).read_bytes() == (run / LAST).read_bytes()


def test_a_new_run_leaves_nothing_of_the_seeds_of_an_earlier_one(tmp_path: Path) -> None:
    run = learned(tmp_path / "run", settings(seeds=3))
    (run / "seed-2" / "notes.txt").write_text("someone's own")
    runs.begin(settings(seeds=2), run, overwrite=True)
    assert sorted(path.name for path in run.iterdir()) == [CONFIG, "seed-0", "seed-1", "seed-2"]
    assert [path.name for path in (run / "seed-2").iterdir()] == ["notes.txt"]
    assert [path.name for path in (run / "seed-1").iterdir()] == [CONFIG]


def test_a_run_that_can_not_begin_leaves_the_earlier_one(run: Path) -> None:
    before = (run / LAST).read_bytes()
    wrong = runs.RunSettings("dqn", "Pendulum-v1", 10, agent={})
    with pytest.raises(InputError, match="can't handle actions of Box"):
        runs.begin(wrong, run, overwrite=True)
    assert (run / LAST).read_bytes() == before
    with pytest.raises(InputError, match="--overwrite replaces it"):
        runs.begin(settings(), run)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"algorithm": "dqm"}, r"the algorithm is 'dqm' \(did you mean 'dqn'\?\); expected one of q_learning, "),
        ({"steps": 0}, "--steps is 0; expected 1 or more"),
        ({"seeds": 0}, "--seeds is 0"),
        ({"seed": -1}, "--seed is -1"),
        ({"settings": {"gama": 1}}, r"unknown setting 'gama' \(did you mean 'gamma'\?\)"),
    ],
)
def test_settings_that_make_no_run_are_refused(values: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        settings(**values)


def test_an_unknown_environment_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'CartPol-v1' \(did you mean 'CartPole-v1'\?\)"):
        runs.begin(settings(environment="CartPol-v1"), tmp_path)
    assert not list(tmp_path.iterdir())


class Hidden(gymnasium.Env[Any, Any]):
    """An environment whose state nobody knows how to set."""

    observation_space = gymnasium.spaces.Discrete(3)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[int, dict[str, Any]]:
        super().reset(seed=seed)
        return 0, {}

    def step(self, action: Any) -> tuple[int, float, bool, bool, dict[str, Any]]:
        return int(self.np_random.integers(3)), 1.0, bool(self.np_random.random() < 0.2), False, {}


def test_a_run_that_can_not_be_resumed_to_the_same_bits_says_why_and_goes_on(tmp_path: Path) -> None:
    gymnasium.register("Hidden-v0", Hidden)
    try:
        runs.begin(settings("q_learning", "Hidden-v0", steps=3_000), tmp_path)
        learning = Learning(tmp_path, verbose=False, max_minutes=1e-9)
        said = report.summary(learning.settings, learning.agent)
        assert "a resumed run begins new episodes and does not repeat: the state of Hidden can't be set" in said
        assert learning.run() == "out of time"
        before = load(tmp_path)
        assert Learning(tmp_path, verbose=False).run() == "finished"
        after = load(tmp_path)
        assert after.steps == 3_000 > before.steps
        assert after.episodes[: len(before.episodes)] == before.episodes
    finally:
        del gymnasium.registry["Hidden-v0"]


def test_a_run_that_can_be_resumed_says_so(run: Path) -> None:
    assert report.summary(settings(), load(run)).endswith("a resumed run repeats to the last bit")
