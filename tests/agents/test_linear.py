import threading
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from seqrl.agents.agent import Agent
from seqrl.agents.evaluation import evaluate
from seqrl.agents.features import TileCoding
from seqrl.agents.linear import LinearExpectedSarsa, LinearQ, LinearSarsa, Settings, td_loss
from seqrl.agents.settings import tuned_steps
from seqrl.errors import InputError

KINDS = (LinearSarsa, LinearExpectedSarsa, LinearQ)


class Slide(gymnasium.Env[Any, Any]):
    """A place from 0 to 1 that the actions move, with nothing left to chance; both ends terminate."""

    observation_space = gymnasium.spaces.Box(0, 1, (1,), np.float64)
    action_space = gymnasium.spaces.Discrete(3)

    def __init__(self, limit: int = 1000) -> None:
        self.limit, self.time, self.place = limit, 0, 0.45

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.time, self.place = 0, 0.45
        return np.array([self.place]), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.time += 1
        self.place = float(np.clip(self.place + 0.083 * (int(action) - 1) + 0.011, 0, 1))
        reward = np.cos(7 * self.place) + 3 * (self.place == 1)
        return np.array([self.place]), float(reward), self.place in (0, 1), self.time >= self.limit, {}


class Forever(gymnasium.Env[Any, Any]):
    """Always the same, with a reward of 1, until a time limit."""

    observation_space = gymnasium.spaces.Box(0, 1, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.time = 0
        return np.full(1, 0.5, np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.time += 1
        return np.full(1, 0.5, np.float32), 1.0, False, self.time == 5, {}


SLIDE = Settings(tilings=4, tiles=(6,), learning_rate=0.3, learning_rate_end=0.3, epsilon=0.0, gamma=0.95)


def with_some_values(agent: Any) -> Any:
    """An agent for which no two actions are as good, so that a greedy one leaves nothing to chance."""
    agent.weights[...] = np.random.default_rng(5).normal(size=agent.weights.shape)
    agent._next_actions = agent.actions(agent.environments.observations, agent.streams.exploration, True)
    return agent


def by_the_book(steps: int, limit: int) -> np.ndarray:
    """The boxes of sections 10.1 and 6.5, one observation after the other."""
    env, features = Slide(limit), TileCoding([0], [1], tilings=4, tiles=6)
    weights = np.random.default_rng(5).normal(size=(features.size, 3))
    x = features(env.reset()[0])
    action = int(np.argmax(x @ weights))
    for _ in range(steps):
        observation, reward, terminated, truncated, _ = env.step(action)
        following = features(observation)
        q = following @ weights
        after = int(np.argmax(q))
        target = reward + (0 if terminated else 0.95 * q[after])  # without exploring the three are one
        weights[:, action] += 0.3 / 4 * (target - x @ weights[:, action]) * x
        x, action = following, after
        if terminated or truncated:
            x = features(env.reset()[0])
            action = int(np.argmax(x @ weights))
    return weights


@pytest.mark.parametrize("limit", [7, 1000])
@pytest.mark.parametrize("kind", KINDS)
def test_learning_is_that_of_the_book(kind: type[Agent], limit: int) -> None:
    agent = with_some_values(kind(lambda: Slide(limit), settings=SLIDE)).learn(500)
    assert len(agent.episodes) > 10
    np.testing.assert_allclose(agent.weights, by_the_book(500, limit), rtol=1e-9)


def test_the_loss_has_its_gradient_in_the_values_and_none_in_the_targets(rng: np.random.Generator) -> None:
    q, actions, targets = rng.normal(size=(4, 3)), np.array([0, 2, 1, 1]), rng.normal(size=4)
    loss, gradient = td_loss(q, actions, targets)
    assert loss == pytest.approx(np.mean((targets - q[np.arange(4), actions]) ** 2) / 2)
    for place in np.ndindex(q.shape):
        step = np.zeros_like(q)
        step[place] = 1e-6
        slope = (td_loss(q + step, actions, targets)[0] - td_loss(q - step, actions, targets)[0]) / 2e-6
        assert gradient[place] == pytest.approx(slope, abs=1e-8)


def test_trap_19_shapes_that_would_broadcast_are_refused() -> None:
    with pytest.raises(InputError, match=r"expected \(B,\)"):
        td_loss(np.zeros((4, 2)), np.zeros(4, int), np.zeros((4, 1)))
    with pytest.raises(InputError, match=r"expected \(B,\)"):
        td_loss(np.zeros((4, 2)), np.zeros((4, 1), int), np.zeros(4))


def test_what_follows_is_the_next_action_s_value_its_mean_or_the_best() -> None:
    q, actions = np.array([[1.0, 5.0, 3.0], [2.0, 2.0, -4.0]]), np.array([2, 0])
    follows = [kind("MountainCar-v0", settings=Settings()).following(q, actions, 0.3) for kind in KINDS]
    assert follows[0].tolist() == [3, 2]
    assert follows[1].tolist() == pytest.approx([0.7 * 5 + 0.1 * 9, 0.7 * 2 + 0.1 * 0])
    assert follows[2].tolist() == [5, 2]


@pytest.mark.parametrize("kind", KINDS)
def test_trap_15_reward_forever_under_a_time_limit_is_worth_one_over_one_minus_gamma(kind: type[Agent]) -> None:
    settings = Settings(gamma=0.9, learning_rate_end=0.5)
    agent: Any = kind(Forever, settings=settings).learn(1500)
    assert agent.action_values(np.full((1, 1), 0.5))[0] == pytest.approx([10, 10], rel=1e-3)


class Once(Forever):
    """One step, which ends the episode by both flags at once."""

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return np.full(1, 0.5, np.float32), 1.0, True, True, {}


@pytest.mark.parametrize("kind", KINDS)
def test_trap_15_both_flags_at_once_are_a_termination(kind: type[Agent]) -> None:
    agent: Any = kind(Once, settings=Settings(gamma=0.9, learning_rate_end=0.5, epsilon=1.0)).learn(300)
    assert agent.action_values(np.full((1, 1), 0.5))[0] == pytest.approx([1, 1], rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_trap_24_exploring_and_step_size_fall_by_real_steps(kind: type[Agent]) -> None:
    """With three environments side by side nothing is learned, nor tried, once as many real steps are over."""
    settings = Settings(learning_rate=0.5, learning_rate_end=0.0, epsilon=1.0, epsilon_end=0.0, anneal_steps=300)
    agent: Any = kind(lambda: Slide(7), settings=settings, environments=3).learn(300)
    kept = agent.weights.copy()
    agent.weights[:, 1] += 100  # far better than any other
    for _ in range(20):
        agent.learn(3)
        assert (agent._next_actions == 1).all()
    kept[:, 1] += 100
    np.testing.assert_array_equal(agent.weights, kept)


@pytest.mark.parametrize("mode", AutoresetMode)
@pytest.mark.parametrize("kind", KINDS)
def test_trap_16_every_autoreset_mode_learns_the_same(kind: type[Agent], mode: AutoresetMode) -> None:
    """Trap 17: a row without a step teaches nothing and is not counted."""
    expected: Any = with_some_values(kind(lambda: Slide(7), settings=SLIDE, environments=2)).learn(400)
    vector = SyncVectorEnv([lambda: Slide(7)] * 2, autoreset_mode=mode)
    agent: Any = with_some_values(kind(vector, settings=SLIDE)).learn(400)
    assert agent.steps == expected.steps == 400
    np.testing.assert_array_equal(agent.weights, expected.weights)


def test_many_environments_at_one_place_do_not_overshoot() -> None:
    """As many as like, the update is the mean: those that all do the same learn what one would."""
    one: Any = with_some_values(LinearSarsa(lambda: Slide(7), settings=SLIDE)).learn(50)
    many: Any = with_some_values(LinearSarsa(lambda: Slide(7), settings=SLIDE, environments=4)).learn(200)
    np.testing.assert_allclose(many.weights, one.weights, rtol=1e-12)


def test_trap_24_learning_in_two_calls_is_learning_in_one() -> None:
    once: Any = LinearSarsa("MountainCar-v0", settings=Settings(), seed=4).learn(700)
    twice: Any = LinearSarsa("MountainCar-v0", settings=Settings(), seed=4).learn(130).learn(570)
    np.testing.assert_array_equal(once.weights, twice.weights)
    assert once.steps == twice.steps == 700


def test_trap_23_seeds_differ_and_one_seed_is_the_same_twice() -> None:
    weights = [LinearQ("MountainCar-v0", settings=Settings(), seed=seed).learn(500).weights for seed in (0, 0, 1)]
    np.testing.assert_array_equal(weights[0], weights[1])
    assert np.abs(weights[0] - weights[2]).max() > 0.01


def test_trap_23_without_knowledge_every_action_is_as_likely() -> None:
    agent = LinearSarsa("MountainCar-v0", settings=Settings(epsilon=0.0))
    actions = agent.act(np.tile([-0.5, 0.0], (900, 1)))
    assert np.all(np.abs(np.bincount(actions, minlength=3) - 300) < 5 * np.sqrt(900 * 2 / 9))


def test_a_saved_agent_learns_on_with_the_same_bits(tmp_path: Path) -> None:
    agent: Any = LinearSarsa("MountainCar-v0", settings=Settings(anneal_steps=900), seed=3).learn(500)
    agent.save(tmp_path / "a.safetensors")
    loaded: Any = LinearSarsa.load(tmp_path / "a.safetensors").learn(500)
    agent.learn(500)
    np.testing.assert_array_equal(loaded.weights, agent.weights)
    assert loaded.episodes == agent.episodes and loaded.steps == 1000


def test_trap_25_evaluating_learns_nothing_and_explores_nothing() -> None:
    agent: Any = LinearSarsa("MountainCar-v0", settings=Settings(epsilon=1.0, epsilon_end=1.0)).learn(2000)
    before = agent.weights.copy()
    first, second = agent.evaluate(5), agent.evaluate(5)
    np.testing.assert_array_equal(agent.weights, before)
    np.testing.assert_array_equal(first.returns, second.returns)
    greedy = agent.action_values(np.array([[-0.5, 0.02]] * 50)).argmax(axis=1)
    np.testing.assert_array_equal(agent.act(np.array([[-0.5, 0.02]] * 50)), greedy)


@pytest.mark.parametrize("features", ["tiles", "radial", "polynomial", "fourier"])
def test_every_kind_of_features_learns_the_values_of_a_slide(features: str) -> None:
    """Moving up is best: only the upper end pays 3, and the agent gets there by itself."""
    settings = Settings(features=features, order=5, epsilon=0.3, epsilon_end=0.05, anneal_steps=3000, gamma=0.9)
    agent = LinearSarsa(Slide, settings=settings).learn(4000)
    random = np.random.default_rng(0)
    by_chance = evaluate(lambda seen: random.integers(3, size=len(seen)), Slide, 100)
    assert agent.evaluate(5).interval[0] > by_chance.interval[1]


@pytest.mark.parametrize("kind", KINDS)
def test_trap_28_mountain_car_beats_a_random_policy_with_its_interval(kind: type[Agent]) -> None:
    agent = kind("MountainCar-v0", settings=Settings(anneal_steps=30_000, epsilon=0.0), seed=1).learn(30_000)
    random = np.random.default_rng(0)
    by_chance = evaluate(lambda seen: random.integers(3, size=len(seen)), "MountainCar-v0", 100)
    assert by_chance.mean == -200  # never once up the hill
    assert agent.evaluate(30).interval[0] > by_chance.interval[1] + 20


@pytest.mark.parametrize(
    ("env", "settings", "says"),
    [
        ("CartPole-v1", Settings(), r"observation \[1\] of CartPole-v1 has no bounds; expected the settings low"),
        ("MountainCar-v0", Settings(low=(0.0,)), "low has 1 numbers; an observation of MountainCar-v0 has 2"),
        ("MountainCar-v0", Settings(features="tile"), "features is 'tile' .*tiles"),
        ("MountainCar-v0", Settings(low=(1.0, 1.0)), "low < high"),
        ("Pendulum-v1", Settings(), "linear_sarsa can't handle actions of Box"),
        ("FrozenLake-v1", Settings(), "linear_sarsa can't handle observations of Discrete"),
    ],
)
def test_what_it_cannot_do_is_said_in_a_line(env: str, settings: Settings, says: str) -> None:
    with pytest.raises(InputError, match=says):
        LinearSarsa(env, settings=settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epsilon": 3.0}, r"epsilon is 3\.0; expected a number from 0 to 1"),
        ({"epsilon_end": -0.1}, r"epsilon_end is -0\.1"),
        ({"gamma": -1.0}, r"gamma is -1\.0"),
        ({"gamma": float("nan")}, "gamma is nan"),
        ({"learning_rate": float("nan")}, "learning_rate is nan; expected a finite number of 0 or more"),
        ({"learning_rate": -1.0}, r"learning_rate is -1\.0"),
        ({"learning_rate_end": float("inf")}, r"learning_rate_end is inf"),
        ({"anneal_steps": -5}, "anneal_steps is -5; expected 0 or more"),
    ],
)
def test_settings_that_nothing_can_be_learned_with_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        LinearSarsa("MountainCar-v0", settings=settings)


class Place(gymnasium.Env[Any, Any]):
    """0 at first, then 1 for good. Its state can't be set."""

    observation_space = gymnasium.spaces.Box(0, 1, (1,), np.float64)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return np.zeros(1), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return np.ones(1), 0.0, False, False, {}


def test_a_loaded_agent_acts_on_the_episodes_that_have_begun(tmp_path: Path) -> None:
    """Where an environment's state can't be set, the action that was chosen is for another observation."""
    agent = LinearQ(Place, settings={"epsilon": 0.0, "learning_rate": 0.0, "learning_rate_end": 0.0})
    for observation, best in (0.0, 0), (1.0, 1):
        agent.features.add(agent.weights, agent.features.encode(np.array([[observation]])), np.eye(2)[[best]])
    agent.learn(2)
    assert not agent.environments.resumable and agent._next_actions.tolist() == [1]
    agent.save(tmp_path / "agent.safetensors")
    assert LinearQ.load(tmp_path / "agent.safetensors", env=Place)._next_actions.tolist() == [0]


def test_weights_of_other_features_are_refused(tmp_path: Path) -> None:
    agent = LinearSarsa("MountainCar-v0", settings=Settings())
    with pytest.raises(InputError, match="'weights' has the shape"):
        LinearSarsa("MountainCar-v0", settings=Settings(tilings=4)).load_state(agent.state())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("env", ["CartPole-v1", "MountainCar-v0", "Acrobot-v1"])
def test_tuned_settings_are_used_and_fit_their_environment(kind: Any, env: str) -> None:
    agent = kind(env)
    assert agent.settings != Settings()
    agent.learn(10)


@pytest.mark.slow
@pytest.mark.parametrize(("env", "least"), [("CartPole-v1", 475), ("MountainCar-v0", -110), ("Acrobot-v1", -110)])
@pytest.mark.parametrize("kind", KINDS)
def test_tuned_agents_reach_what_they_promise(kind: Any, env: str, least: float) -> None:
    means = [kind(env, seed=seed).learn(tuned_steps(kind.name, env, 0)).evaluate().mean for seed in range(3)]
    assert np.mean(means) > least
