"""What all agents share, shown on a small one: a linear policy whose weights random steps move."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from seqrl import agents
from seqrl.agents.agent import Agent, AgentState, Streams
from seqrl.errors import InputError
from seqrl.layers.dense import Dense
from seqrl.losses import mean_squared_error
from seqrl.optimizers import Adam
from seqrl.training import checkpoint

from .counting import Counting

F, T = False, True


@dataclass(frozen=True)
class Settings:
    rate: float = 0.01
    environments: int = 2
    horizon: int = 3


class Small(Agent):
    """Every round it fits random numbers at what it sees, and remembers how often it did."""

    name = "small"
    Settings = Settings
    observation_spaces = (spaces.Box,)

    def build(self):
        size, count = self.observation_space.shape[0], int(self.action_space.n)
        self.network = Dense(size, count, rng=self.streams.network)
        self.networks["policy"] = self.network
        self.optimizers["policy"] = Adam(self.network.parameters(), self.settings.rate)
        self.rounds = np.zeros(1, np.int64)

    def actions(self, observations, rng, explore):
        preferences = self.network(observations)
        return (preferences + explore * rng.gumbel(size=preferences.shape)).argmax(axis=1)

    def advance(self, remaining):
        for _ in range(self.settings.horizon):
            seen = self.environments.observations
            self.environments.step(self.actions(seen, self.streams.exploration, True))
        y, backward = self.network.forward(seen)
        loss, dy = mean_squared_error(y, self.streams.learning.normal(size=y.shape).astype(np.float32))
        backward(dy)
        self.optimizers["policy"].step()
        self.rounds += 1
        self.metrics["loss"] = loss

    def state(self):
        arrays, numbers = super().state()
        return AgentState({**arrays, "rounds": self.rounds}, numbers)

    def load_state(self, state):
        super().load_state(state)
        self.rounds[...] = state.arrays["rounds"]


@pytest.fixture(autouse=True)
def known(monkeypatch):
    """`small` is an algorithm, and nothing is tuned for it."""
    monkeypatch.setitem(agents._PLACES, "small", (__name__.rpartition(".")[2], "Small"))
    monkeypatch.setitem(sys.modules, f"seqrl.agents.{__name__.rpartition('.')[2]}", sys.modules[__name__])
    monkeypatch.setattr("seqrl.agents.settings.tuned", lambda algorithm, name: {})


def everything(agent: Agent) -> str:
    arrays, numbers = agent.state()
    return repr((sorted((name, array.tolist()) for name, array in arrays.items()), numbers))


# ---- learning ----------------------------------------------------------------------------------------------------


def test_learning_goes_to_the_end_of_the_round_that_reaches_the_steps():
    agent = Small("CartPole-v1")
    assert agent.learn(20) is agent
    assert (agent.steps, agent.rounds[0]) == (24, 4)
    agent.learn(6)
    assert (agent.steps, agent.rounds[0]) == (30, 5)


@pytest.mark.parametrize("steps", [-5, 2.5, "100"])
def test_a_number_of_steps_that_is_none_is_said(steps):
    with pytest.raises(InputError, match="expected a whole number, 0 or more"):
        agents.ALGORITHMS["sarsa"]("FrozenLake-v1").learn(steps)


def test_learning_in_two_calls_is_learning_in_one():
    whole, parts = Small("CartPole-v1").learn(300), Small("CartPole-v1").learn(120).learn(180)
    assert everything(parts) == everything(whole)
    assert len(whole.episodes) >= 5
    assert sum(e.length for e in whole.episodes) <= whole.steps == 300
    assert [e.return_ for e in whole.episodes] == [e.length for e in whole.episodes]


def test_trap_24_a_budget_counts_real_steps():
    """With episodes of one step half of the rows of NEXT_STEP only begin one."""
    env = SyncVectorEnv([lambda: Counting((1, "T"))] * 2, autoreset_mode=AutoresetMode.NEXT_STEP)
    agent = Small(env, environments=2, horizon=2).learn(20)
    assert agent.steps == 20
    assert agent.rounds[0] == 10
    assert len(agent.episodes) == 20


def test_trap_23_the_same_seed_is_the_same_agent_and_other_seeds_differ_in_all():
    first, again, *others = (Small("CartPole-v1", seed=seed) for seed in (0, 0, 1, 2))
    starts = [agent.environments.observations.tolist() for agent in (first, *others)]
    weights = [agent.network.weight.value.tolist() for agent in (first, *others)]
    for _ in range(2):
        assert everything(first) == everything(again)
        first.learn(100), again.learn(100)
    assert len({str(x) for x in starts}) == len({str(x) for x in weights}) == 3
    trajectories = [agent.learn(100).episodes for agent in others]
    assert trajectories[0] != trajectories[1]


def test_trap_23_streams_are_separate():
    """Drawing more from one leaves the others as they were."""
    quiet, busy = Small("CartPole-v1", seed=4), Small("CartPole-v1", seed=4)
    busy.streams.exploration.random(1000)
    busy.streams.acting.random(1000)
    assert busy.environments.observations.tolist() == quiet.environments.observations.tolist()
    assert busy.streams.learning.random() == quiet.streams.learning.random()
    assert busy.streams.network.random() == quiet.streams.network.random()
    numbers = [rng.random() for rng in (*quiet.streams.generators().values(), quiet.streams.acting)]
    assert len(set(numbers)) == 4


def test_trap_23_every_purpose_has_a_stream_of_its_own():
    streams = Streams(3)
    generators = [*streams.generators().values(), streams.acting]
    generators += [np.random.default_rng(streams.environment), np.random.default_rng(streams.evaluation)]
    assert len({rng.random() for rng in generators}) == 6


def test_a_callback_sees_every_round_and_ends_learning():
    agent, seen = Small("CartPole-v1"), []

    def callback(agent):
        seen.append((agent.steps, agent.metrics["loss"]))
        return agent.steps < 18

    agent.learn(600, callback=callback)
    assert [steps for steps, _ in seen] == [6, 12, 18]
    agent.learn(6, callback=lambda agent: None)
    assert agent.steps == 24


def test_a_progress_bar_tells_the_return(capsys):
    Small("CartPole-v1").learn(200, verbose=True)
    shown = capsys.readouterr().err
    assert "small" in shown
    assert "return=" in shown
    Small("CartPole-v1").learn(20)
    assert capsys.readouterr().err == ""


# ---- acting and evaluating -----------------------------------------------------------------------------------------


def test_one_observation_gives_one_action_and_a_batch_a_batch():
    agent = Small("CartPole-v1", seed=1)
    batch = agent.environments.observations
    actions = agent.act(batch)
    assert actions.shape == (2,)
    assert [agent.act(row) for row in batch] == actions.tolist()
    assert gymnasium.make("CartPole-v1").action_space.contains(agent.act(batch[0]))
    assert {int(agent.act(batch[0], explore=True)) for _ in range(60)} == {0, 1}


def test_actions_are_those_of_the_environment():
    class Shifted(Counting):
        def __init__(self):
            super().__init__((5, "T"))
            self.action_space = spaces.Discrete(2, start=7)

    agent = Small(Shifted)
    assert agent.act(np.zeros(2, np.float32)) in (7, 8)
    agent.learn(6)
    assert {action for env in agent.environments._runner.envs for action in env.actions} <= {7, 8}


@pytest.mark.parametrize("wrong", [np.zeros(3), np.zeros((2, 3)), np.zeros((1, 2, 4)), 1.0])
def test_an_observation_of_another_shape_is_said(wrong):
    with pytest.raises(InputError, match=r"the observation has the shape .*; expected \(4,\), or a batch of them"):
        Small("CartPole-v1").act(wrong)


@pytest.mark.parametrize(
    ("env", "wrong"),
    [
        ("FrozenLake-v1", 16),  # from the other end of a table -1 would be the last state
        ("FrozenLake-v1", -1),
        ("FrozenLake-v1", np.array([3, -1])),
        ("FrozenLake-v1", 2.0),
        ("Blackjack-v1", (32, 1, 0)),
        ("Blackjack-v1", (12, -1, 0)),
        ("Blackjack-v1", np.array([12.0, 1.0, 0.0])),
        ("CartPole-v1", [0, 0, np.nan, 0]),  # of which an argmax would make the first action
        ("CartPole-v1", ["0", "0", "0", "0"]),
    ],
)
def test_an_observation_that_the_space_does_not_have_is_said(env, wrong):
    for kind in (agents.PPO,) if env == "CartPole-v1" else (agents.QLearning, agents.DQN):
        with pytest.raises(InputError, match=r"the observation is .*; expected one of "):
            kind(env, settings={}).act(wrong)


def test_trap_25_evaluation_and_acting_change_nothing():
    agent, alone = Small("CartPole-v1").learn(50), Small("CartPole-v1").learn(50)
    before = everything(agent)
    first = agent.evaluate(episodes=25)
    agent.act(np.zeros(4, np.float32), explore=True)
    assert everything(agent) == before
    second = agent.evaluate(episodes=25)
    assert first.returns.tolist() == second.returns.tolist()
    assert first.returns.tolist() != agent.evaluate(episodes=25, seed=5).returns.tolist()
    assert everything(agent.learn(50)) == everything(alone.learn(50))


def test_trap_25_evaluation_does_not_explore():
    asked = []

    class Watched(Small):
        def actions(self, observations, rng, explore):
            asked.append(explore)
            return super().actions(observations, rng, explore)

    agent = Watched("CartPole-v1")
    agent.evaluate(episodes=3)
    assert set(asked) == {False}


def test_an_environment_of_which_there_is_no_other_is_given_for_evaluation():
    agent = Small(Counting((3, "T")))
    with pytest.raises(InputError, match="no other environment like Counting can be made"):
        agent.evaluate(episodes=2)
    assert agent.evaluate(episodes=2, env=lambda: Counting((3, "T"))).lengths.tolist() == [3, 3]


@pytest.mark.parametrize("env", ["Acrobot-v1", "Pendulum-v1", lambda: Counting((3, "T"))])
def test_an_evaluation_in_an_environment_of_other_spaces_is_refused(env):
    with pytest.raises(InputError, match=r"the agent learned in CartPole-v1 .* can't act in \S+ with observations of"):
        Small("CartPole-v1").evaluate(episodes=2, env=env)


def test_an_evaluation_in_an_environment_of_the_same_spaces_leaves_it_open():
    env = gymnasium.make("CartPole-v1", max_episode_steps=7)
    assert Small("CartPole-v1").evaluate(episodes=2, env=env).lengths.max() <= 7
    env.step(0)


# ---- settings --------------------------------------------------------------------------------------------------------


def test_settings_come_from_defaults_those_tuned_those_given_and_overrides(monkeypatch):
    asked = []

    def tuned(algorithm, name):
        asked.append((algorithm, name))
        return {"rate": 0.5, "horizon": 7}

    monkeypatch.setattr("seqrl.agents.settings.tuned", tuned)
    assert Small("CartPole-v1").settings == Settings(0.5, 2, 7)
    assert Small(gymnasium.make("CartPole-v1"), horizon=1).settings == Settings(0.5, 1, 1)  # one environment
    assert asked == [("small", "CartPole-v1")] * 2
    assert Small(lambda: gymnasium.make("CartPole-v1")).settings == Settings()  # which one, nobody knows yet
    assert Small("CartPole-v1", settings={"horizon": 2}).settings == Settings(horizon=2)
    assert Small("CartPole-v1", settings=Settings(0.25), rate=1).settings == Settings(1)


def test_a_wrong_setting_is_said():
    with pytest.raises(InputError, match=r"settings of small: unknown setting 'horison' \(did you mean 'horizon'\?\)"):
        Small("CartPole-v1", horison=3)
    with pytest.raises(InputError, match="settings of small: horizon is 'long'; expected a value such as 3"):
        Small("CartPole-v1", horizon="long")
    with pytest.raises(InputError, match=r"settings of small: int; expected Small.Settings or values by name"):
        Small("CartPole-v1", settings=3)


def test_a_vector_environment_has_its_own_number():
    agent = Small(gymnasium.make_vec("CartPole-v1", num_envs=5))
    assert (agent.settings.environments, agent.environments.count) == (5, 5)


def test_spaces_that_an_algorithm_cannot_handle_are_said():
    with pytest.raises(InputError, match=r"small can't handle actions of Box\(.*Pendulum-v1\); it can Discrete$"):
        Small("Pendulum-v1")
    with pytest.raises(
        InputError, match=r"small can't handle observations of Discrete\(16\) \(FrozenLake-v1\); it can Box"
    ):
        Small("FrozenLake-v1")


# ---- saving ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["CartPole-v1", "Acrobot-v1", "MountainCar-v0"])
def test_a_loaded_agent_goes_on_with_the_same_bits(tmp_path, name):
    path = tmp_path / "agent.safetensors"
    agent = Small(name, seed=3, rate=0.05).learn(500)
    agent.save(path)
    loaded = Small.load(path)
    assert everything(loaded) == everything(agent)
    assert (loaded.seed, loaded.settings, loaded.steps) == (3, agent.settings, agent.steps)
    assert loaded.episodes == agent.episodes
    assert everything(loaded.learn(300)) == everything(agent.learn(300))
    assert loaded.evaluate(5).returns.tolist() == agent.evaluate(5).returns.tolist()


def test_saving_changes_nothing_and_leaves_no_pickle(tmp_path):
    agent, other = Small("CartPole-v1").learn(60), Small("CartPole-v1").learn(60)
    agent.save(tmp_path / "agent")
    assert everything(agent.learn(60)) == everything(other.learn(60))
    saved = checkpoint.read(tmp_path / "agent")
    assert saved.state["algorithm"] == "small"
    assert saved.state["settings"] == dataclasses.asdict(agent.settings)


def test_any_agent_loads_by_the_name_of_its_algorithm(tmp_path):
    Small("CartPole-v1", options={"max_episode_steps": 9}).learn(6).save(tmp_path / "agent")
    loaded = Agent.load(tmp_path / "agent")
    assert type(loaded) is Small
    assert loaded.environments.time_limit == 9


def test_trap_13_what_does_not_fit_is_said(tmp_path):
    path = tmp_path / "agent"

    class Other(Small):
        name = "other"

    Small("CartPole-v1").save(path)
    with pytest.raises(InputError, match="agent: an agent of 'small'; expected 'other'"):
        Other.load(path)
    with pytest.raises(InputError, match=r"agent: the weights hold 'weight' of shape \(4, 2\), the model has \(6, 3\)"):
        Small.load(path, "Acrobot-v1")
    saved = checkpoint.read(path)
    checkpoint.write(path, saved.arrays, {**saved.state, "algorithm": "smal"})
    with pytest.raises(InputError, match=r"an agent of 'smal' \(did you mean 'small'\?\), which isn't known"):
        Agent.load(path)
    checkpoint.write(path, {}, {"kind": "language"})
    with pytest.raises(InputError, match="agent: a checkpoint, but not of an agent"):
        Agent.load(path)
    checkpoint.write(path, {}, saved.state)
    with pytest.raises(InputError, match="agent: the weights lack 'weight'"):
        Agent.load(path)


def test_an_agent_of_an_environment_without_an_id_takes_it_to_load(tmp_path):
    Small(lambda: Counting((3, "T"))).learn(30).save(tmp_path / "agent")
    with pytest.raises(InputError, match="learned in an environment without an id; give it as env="):
        Small.load(tmp_path / "agent")
    loaded = Small.load(tmp_path / "agent", lambda: Counting((3, "T")))
    assert loaded.steps == 30
    assert not loaded.environments.resumable
    assert loaded.learn(6).steps == 36


# ---- the package -------------------------------------------------------------------------------------------------


def test_every_algorithm_is_found_by_its_name_and_from_the_package():
    for name, kind in agents.ALGORITHMS.items():
        assert kind.name == name
        assert issubclass(kind, Agent)
        if name != "small":
            assert getattr(agents, kind.__name__) is kind
    assert "no_such" not in agents.ALGORITHMS


def test_names_that_are_not_there_are_said():
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = agents.Nothing
