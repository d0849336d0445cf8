from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from seqrl.agents import reinforce
from seqrl.agents.distributions import Categorical, DiagonalGaussian
from seqrl.agents.reinforce import Episodes, Reinforce, policy_gradient_loss, whole_episodes
from seqrl.agents.rollouts import Steps
from seqrl.agents.worlds.corridor import RIGHT, ShortCorridor
from seqrl.errors import InputError
from seqrl.gradient_check import numerical_gradient, relative_error

# ---- the loss ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entropy", [0.0, 0.3])
@pytest.mark.parametrize("distribution", [Categorical, DiagonalGaussian])
def test_the_gradient_of_the_loss_is_that_of_central_differences(distribution: Any, entropy: float) -> None:
    rng = np.random.default_rng(0)
    outputs, weights = rng.normal(size=(7, 4)), rng.normal(size=7)
    actions = rng.integers(0, 4, 7) if distribution is Categorical else rng.normal(size=(7, 2))

    def loss() -> Any:
        return policy_gradient_loss(outputs, actions, weights, episodes=3, entropy=entropy, distribution=distribution)

    assert relative_error(loss()[1], numerical_gradient(lambda: loss()[0], outputs)) < 1e-8


def test_the_loss_is_worked_out_by_hand() -> None:
    logits = np.log(np.array([[0.25, 0.75], [0.5, 0.5]]))
    loss, gradient = policy_gradient_loss(logits, np.array([1, 0]), np.array([2.0, -3.0]), episodes=2)
    assert loss == pytest.approx(-(2 * np.log(0.75) - 3 * np.log(0.5)) / 2)
    np.testing.assert_allclose(gradient, [[0.25, -0.25], [0.75, -0.75]])


def test_trap_19_weights_of_another_shape_are_refused_and_not_broadcast() -> None:
    with pytest.raises(InputError, match=r"weights of shape \(3, 1\) for 3 steps; expected \(3,\)"):
        policy_gradient_loss(np.zeros((3, 2)), np.zeros(3, np.int64), np.zeros((3, 1)), episodes=1)


# ---- the policy-gradient theorem -----------------------------------------------------------------------------

GAMMA = 0.9
HORIZON = 3
STATES, ACTIONS = 3, 2
CHANCE = np.random.default_rng(1).dirichlet(np.ones(STATES), (STATES, ACTIONS))  # of the next state
REWARD = np.random.default_rng(2).normal(1.0, 1.0, (STATES, ACTIONS, STATES))


class Tiny(gymnasium.Env[int, int]):
    """A random MDP of three states and three steps. An observation tells the state and how many steps were taken."""

    observation_space = spaces.Discrete(STATES * (HORIZON + 1))  # type: ignore[assignment]
    action_space = spaces.Discrete(ACTIONS)  # type: ignore[assignment]

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[int, dict[str, Any]]:
        super().reset(seed=seed)
        self.state, self.time = 0, 0
        return 0, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        following = int(self.np_random.choice(STATES, p=CHANCE[self.state, action]))
        reward = float(REWARD[self.state, action, following])
        self.state, self.time = following, self.time + 1
        return seen(self.time, following), reward, self.time == HORIZON, False, {}


def seen(time: int, state: int) -> int:
    return time * STATES + state


class Trajectory(NamedTuple):
    chance: float  # under the policy and the environment
    episode: Episodes


def probabilities(policy: Any) -> Any:
    """pi(a | observation) for all observations, of a network in any precision."""
    return Categorical(policy(np.eye(STATES * (HORIZON + 1), dtype=policy.dtype))).p


def trajectories(pi: Any) -> Iterator[Trajectory]:
    """Every episode that can happen."""
    flags = np.arange(HORIZON) == HORIZON - 1
    for actions in np.ndindex(*[ACTIONS] * HORIZON):
        for following in np.ndindex(*[STATES] * HORIZON):
            states = (0, *following[:-1])
            observations = np.array([seen(t, state) for t, state in enumerate(states)])
            chance = np.prod(pi[observations, actions]) * np.prod(CHANCE[states, actions, following])
            yield Trajectory(
                float(chance),
                Episodes(
                    observations,
                    np.array(actions),
                    REWARD[states, actions, following],
                    np.arange(HORIZON),
                    flags,
                    np.zeros(HORIZON, bool),
                    np.zeros(0, np.int64),
                ),
            )


def values(pi: Any, gamma: float) -> Any:
    """v(observation), by dynamic programming back from the horizon."""
    v = np.zeros(STATES * (HORIZON + 1))
    for time in reversed(range(HORIZON)):
        after = REWARD + gamma * v[(time + 1) * STATES :][:STATES]
        q = (CHANCE * after).sum(axis=2)
        rows = slice(time * STATES, (time + 1) * STATES)
        v[rows] = (pi[rows] * q).sum(axis=1)
    return v


def tiny_agent(**settings: Any) -> Reinforce:
    return Reinforce(Tiny, seed=3, gamma=GAMMA, episodes=1, hidden=(5,), scale=False, **settings)


def expected_update(agent: Reinforce) -> tuple[Any, float]:
    """(E[g], E[|g|^2]) of the gradient g that the agent takes from one episode, over all that can happen."""
    mean, square, total = 0.0, 0.0, 0.0
    for chance, episode in trajectories(probabilities(agent.policy)):
        agent.policy.zero_grad()
        agent.policy_gradient(episode, agent.returns(episode))
        gradient = np.concatenate([p.grad.ravel() for _, p in agent.policy.parameters()]).astype(np.float64)
        mean = mean + chance * gradient
        square += chance * float(gradient @ gradient)
        total += chance
    assert total == pytest.approx(1.0)
    return mean, square


def gradient_of_value(agent: Reinforce) -> Any:
    """grad v(start), by central differences of the exact value."""
    policy = agent.policy.astype(np.float64)
    return np.concatenate(
        [
            numerical_gradient(lambda: float(values(probabilities(policy), GAMMA)[0]), parameter.value).ravel()
            for _, parameter in policy.parameters()
        ]
    )


UNBIASED = [
    {"reward_to_go": False, "baseline": False},
    {"reward_to_go": True, "baseline": False, "discount_steps": True},
    {"reward_to_go": False, "baseline": True},
    {"reward_to_go": True, "baseline": True, "discount_steps": True},
]


@pytest.mark.parametrize("settings", UNBIASED, ids=str)
def test_policy_gradient_theorem_the_expected_update_is_the_gradient_of_the_value(settings: dict[str, bool]) -> None:
    agent = tiny_agent(**settings)
    agent.policy.load_state_dict({name: 3 * value for name, value in agent.policy.state_dict().items()})
    wanted = gradient_of_value(agent)
    assert np.abs(wanted).max() > 0.1
    assert relative_error(-expected_update(agent)[0], wanted) < 1e-5  # of float32


def test_without_the_discount_of_steps_the_expected_update_is_another_one() -> None:
    agent = tiny_agent(baseline=False)
    assert relative_error(-expected_update(agent)[0], gradient_of_value(agent)) > 0.01


def test_reward_to_go_has_less_variance_and_the_true_value_as_baseline_less_still() -> None:
    whole = tiny_agent(reward_to_go=False, baseline=False)
    to_go = tiny_agent(baseline=False, discount_steps=True)
    with_value = tiny_agent(baseline=True, discount_steps=True)
    v = values(probabilities(with_value.policy), GAMMA)
    with_value.baseline = lambda observations: observations @ v[:, None]  # type: ignore[assignment]  # one-hot rows
    squares = [expected_update(agent)[1] for agent in (whole, to_go, with_value)]
    assert squares[0] > 1.3 * squares[1] > 1.3 * 1.3 * squares[2]


# ---- whole episodes ------------------------------------------------------------------------------------------


def rows(*columns: str) -> list[Steps]:
    """Steps of environments, a string each: a letter a step, "T" a terminated one, "C" a truncated one, "B" both at
    once, "x" a row that is none, "." any other. Observations, actions and rewards count the rows, from 100 in the
    second environment."""
    steps = []
    for t, letters in enumerate(zip(*columns, strict=True)):
        numbers = np.array([100 * n + t for n in range(len(columns))])
        flags = np.array(letters)
        steps.append(
            Steps(
                numbers,
                numbers,
                numbers.astype(np.float64),
                numbers + 1,
                np.isin(flags, ["T", "B"]),
                np.isin(flags, ["C", "B"]),
                flags != "x",
            )
        )
    return steps


def test_trap_17_whole_episodes_leave_out_invalid_rows_what_was_running_and_what_is_beyond_the_quota() -> None:
    episodes = whole_episodes(rows(".T.Cx.", "..Tx.B"), np.array([False, True]), quota=1)
    assert episodes.observations.tolist() == [0, 1, 104, 105]
    assert episodes.actions.tolist() == episodes.rewards.tolist() == episodes.observations.tolist()
    assert episodes.times.tolist() == [0, 1, 0, 1]
    assert episodes.ends.tolist() == [False, True, False, True]
    assert episodes.number == 2
    assert not episodes.cut.any() and len(episodes.last_observations) == 0


def test_trap_15_an_episode_that_is_cut_goes_on_and_one_that_ends_and_is_cut_at_once_does_not() -> None:
    episodes = whole_episodes(rows(".C.B"), np.array([False]), quota=2)
    assert episodes.cut.tolist() == [False, True, False, False]
    assert episodes.last_observations.tolist() == [2]
    returns = episodes.returns(0.5, np.array([8.0]))
    assert returns.tolist() == [0 + 0.5 * (1 + 0.5 * 8), 1 + 0.5 * 8, 2 + 0.5 * 3, 3]
    assert episodes.of_first_steps(returns).tolist() == [returns[0], returns[0], returns[2], returns[2]]


def test_episodes_of_a_policy_that_has_changed_in_their_midst_are_not_learned_from() -> None:
    agent = Reinforce(lambda: Counting(3), environments=2, episodes=2, hidden=())
    learned: list[Episodes] = []
    agent.learn_from = learned.append  # type: ignore[assignment]
    agent.environments._runner.envs[1].length = 5  # type: ignore[union-attr]
    agent.learn(100)
    first, second = learned[:2]
    assert np.flatnonzero(first.ends).tolist() == [2, 7]
    # At step 5 the first environment had gone on for two steps with the old policy; that episode is passed over.
    assert second.ends.tolist() == first.ends.tolist()
    assert all(episodes.number == 2 and episodes.times.tolist() == [0, 1, 2, 0, 1, 2, 3, 4] for episodes in learned)


@pytest.mark.parametrize("mode", AutoresetMode)
def test_traps_16_and_17_in_every_autoreset_mode_the_same_episodes_are_learned_from(mode: AutoresetMode) -> None:
    makers = [lambda: Counting(3, cut=True), lambda: Counting(4)]
    agent = Reinforce(SyncVectorEnv(makers, autoreset_mode=mode), episodes=4, hidden=())
    learned: list[Episodes] = []
    agent.learn_from = learned.append  # type: ignore[assignment]
    agent.learn(60)
    assert learned
    for episodes in learned:
        assert episodes.observations[:, 0].tolist() == episodes.times.tolist() == [0, 1, 2] * 2 + [0, 1, 2, 3] * 2
        assert episodes.last_observations.tolist() == [[3], [3]]
        assert (episodes.rewards == 1).all() and episodes.number == 4
    assert agent.steps == 60 and sum(episode.length for episode in agent.episodes) <= 60


def test_trap_17_an_environment_in_the_row_of_a_reset_is_in_the_midst_of_nothing() -> None:
    """At the first update the short one is about to begin: its next episode is whole, and counts for the second."""
    vector = SyncVectorEnv([lambda: Counting(3), lambda: Counting(4)], autoreset_mode=AutoresetMode.NEXT_STEP)
    agent = Reinforce(vector, episodes=2, hidden=())
    learned: list[int] = []
    agent.learn_from = lambda episodes: learned.append(agent.steps)  # type: ignore[assignment]
    agent.learn(15)
    assert learned == [7, 15]


def test_the_coefficient_of_entropy_and_the_number_of_episodes_are_in_the_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, Any]] = []
    loss = reinforce.policy_gradient_loss
    monkeypatch.setattr(reinforce, "policy_gradient_loss", lambda *of, **by: seen.append(by) or loss(*of, **by))
    Reinforce(lambda: Counting(3), episodes=2, entropy_coefficient=0.3, hidden=()).learn(6)
    assert seen == [{"episodes": 2, "entropy": 0.3, "distribution": Categorical}]


def test_both_learning_rates_follow_the_schedule() -> None:
    rates: list[tuple[float, float]] = []
    settings = {"learning_rate": 0.1, "baseline_learning_rate": 0.2, "schedule": "linear"}
    agent = Reinforce(lambda: Counting(4), episodes=1, hidden=(), **settings)
    agent.learn(16, callback=lambda agent: rates.append((agent.policy_optimizer.lr, agent.baseline_optimizer.lr)))
    expected = np.array([0.75, 0.5, 0.25, 0])  # at an update after 4, 8, 12, 16 of 16 steps
    np.testing.assert_allclose(rates, expected[:, None] * [0.1, 0.2], atol=1e-12)


class Counting(gymnasium.Env[Any, int]):
    """Episodes of `length` steps that are cut, or end; each step brings 1. The observation is the step's number."""

    observation_space = spaces.Box(0, 100, (1,))
    action_space = spaces.Discrete(2)  # type: ignore[assignment]

    def __init__(self, length: int, cut: bool = False) -> None:
        self.length, self.cut = length, cut

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.time = 0
        return np.zeros(1, np.float32), {}

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.time += 1
        over = self.time == self.length
        return np.full(1, self.time, np.float32), 1.0, over and not self.cut, over and self.cut, {}


# ---- learning ------------------------------------------------------------------------------------------------


def test_trap_15_under_a_time_limit_a_reward_of_1_for_ever_is_worth_1_over_1_less_gamma() -> None:
    agent = Reinforce(
        lambda: Counting(4, cut=True),
        gamma=0.8,
        episodes=2,
        hidden=(),
        baseline_learning_rate=0.05,
        baseline_updates=20,
    )
    agent.learn(1500)
    np.testing.assert_allclose(agent.values(np.arange(5, dtype=np.float32)[:, None]), 1 / (1 - 0.8), rtol=0.02)


def test_trap_15_where_an_episode_ends_there_is_nothing_more_to_come() -> None:
    agent = Reinforce(
        lambda: Counting(2), gamma=0.5, episodes=2, hidden=(), baseline_learning_rate=0.05, baseline_updates=20
    )
    agent.learn(800)
    np.testing.assert_allclose(agent.values(np.arange(2, dtype=np.float32)[:, None]), [1.5, 1.0], rtol=0.01)


def test_trap_15_without_a_baseline_truncated_episodes_are_said_to_bias_the_gradient_once() -> None:
    agent = Reinforce(lambda: Counting(3, cut=True), baseline=False, episodes=1, hidden=())
    with pytest.warns(UserWarning, match="truncated, and without a baseline nothing stands for") as warned:
        agent.learn(12)
    assert len(warned) == 1


def test_it_finds_the_best_stochastic_policy_of_the_short_corridor() -> None:
    agent = Reinforce(ShortCorridor, hidden=(), gamma=1.0, learning_rate=0.02, baseline_learning_rate=0.05)
    agent.learn(15_000)
    right = probability_of(agent, np.ones((1, 1), np.float32), RIGHT)
    assert right == pytest.approx(2 - np.sqrt(2), abs=0.05)


def probability_of(agent: Reinforce, observation: Any, action: int) -> float:
    return float(Categorical(agent.policy(observation)).p[0, action])


class Target(gymnasium.Env[Any, Any]):
    """One step, which brings -(a - target)^2 summed over two actions; the target is the observation."""

    observation_space = spaces.Box(-1, 1, (2,))
    action_space = spaces.Box(-1, 1, (2,))

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.target = self.np_random.uniform(-0.8, 0.8, 2).astype(np.float32)
        return self.target, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self.target, -float(np.square(action - self.target).sum()), True, False, {}


def test_a_gaussian_policy_learns_to_hit_what_it_sees_and_narrows() -> None:
    agent = Reinforce(Target, environments=4, episodes=64, hidden=(), learning_rate=0.03, log_sigma=-0.5)
    before = agent.evaluate(50).mean
    agent.learn(20_000)
    assert agent.evaluate(50).mean > -0.02 > 0.1 * before
    assert (agent.policy.layers[-1].log_sigma.value < -1).all()  # type: ignore[attr-defined]


def test_trap_23_seeds_differ_in_weights_and_episodes_and_one_seed_is_the_same_twice() -> None:
    agents = [Reinforce("CartPole-v1", seed=seed, hidden=(4,)).learn(600) for seed in (0, 0, 1)]
    weights = [np.concatenate([p.value.ravel() for _, p in agent.policy.parameters()]) for agent in agents]
    assert np.array_equal(weights[0], weights[1]) and agents[0].episodes == agents[1].episodes
    assert not np.isclose(weights[0], weights[2]).any() and agents[0].episodes != agents[2].episodes


def test_trap_24_a_budget_is_of_real_steps_to_the_last_one() -> None:
    agent = Reinforce("CartPole-v1", environments=3, hidden=(4,))
    assert agent.learn(100).steps == 102
    assert agent.learn(30).steps == 132


def same(agent: Reinforce, other: Reinforce) -> bool:
    """Whether weights and episodes are the same to the bit."""
    pairs = [(network, other.networks[name]) for name, network in agent.networks.items()]
    weights = all(np.array_equal(v, b.state()[key]) for a, b in pairs for key, v in a.state().items())
    return weights and agent.episodes == other.episodes and agent.steps == other.steps


def test_an_episode_without_an_end_can_be_interrupted_and_goes_on() -> None:
    """A callback is where learning is saved and Ctrl-C is heard: it must not wait for the end of an episode."""

    def agent() -> Reinforce:
        return Reinforce(lambda: Counting(3000), episodes=1, hidden=())

    interrupted = agent().learn(100_000, callback=lambda agent: agent.steps < 2000)
    assert interrupted.steps == 2000
    whole = agent().learn(7000)
    interrupted.learn(5000)
    np.testing.assert_array_equal(interrupted.policy_optimizer.packed.value, whole.policy_optimizer.packed.value)
    assert interrupted.episodes == whole.episodes and len(whole.episodes) == 2


@pytest.mark.parametrize("environments", [1, 3])
def test_saved_in_the_midst_of_episodes_and_loaded_it_learns_the_same_bits(environments: int, tmp_path: Path) -> None:
    settings = {"environments": environments, "episodes": 6, "hidden": (8,), "schedule": "constant"}
    whole = Reinforce("CartPole-v1", seed=4, **settings).learn(900)
    part = Reinforce("CartPole-v1", seed=4, **settings).learn(450)
    part.save(tmp_path / "agent.safetensors")
    assert part.gathered
    assert same(Reinforce.load(tmp_path / "agent.safetensors").learn(450), whole)


def test_stopped_between_rounds_and_resumed_it_follows_the_same_schedule(tmp_path: Path) -> None:
    settings = {"episodes": 4, "hidden": (8,), "schedule": "linear"}
    whole = Reinforce("CartPole-v1", seed=4, **settings).learn(900)
    part = Reinforce("CartPole-v1", seed=4, **settings).learn(900, callback=lambda agent: agent.steps < 400)
    assert 400 <= part.steps < 900
    part.save(tmp_path / "agent.safetensors")
    assert same(Reinforce.load(tmp_path / "agent.safetensors").learn(900 - part.steps), whole)
    assert whole.metrics["charts/learning_rate"] < part.metrics["charts/learning_rate"] < 3e-3


def test_every_episode_of_an_update_counts_the_same_however_long() -> None:
    agent = Reinforce(lambda: Counting(3), environments=2, episodes=3, hidden=())
    assert agent.quota == 2  # of each environment, four in all, rather than three of those that end first


def test_actions_that_it_cannot_take_are_refused_with_those_that_it_can() -> None:
    class Switches(Counting):
        action_space = spaces.MultiBinary(3)  # type: ignore[assignment]

    with pytest.raises(InputError, match=r"reinforce can't handle actions of MultiBinary\(3\).*it can Discrete or Box"):
        Reinforce(lambda: Switches(2))


def test_acting_greedily_takes_the_likeliest_action_and_exploring_draws() -> None:
    agent = Reinforce(lambda: Counting(3), hidden=())
    agent.policy.load_state_dict({"layers.0.weight": np.zeros((1, 2)), "layers.0.bias": np.log([0.3, 0.7])})
    observations = np.zeros((2000, 1), np.float32)
    assert (agent.act(observations) == 1).all()
    assert agent.act(observations, explore=True).mean() == pytest.approx(0.7, abs=0.04)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_cartpole_is_held_up_within_50_000_steps(seed: int) -> None:
    assert Reinforce("CartPole-v1", seed=seed).learn(50_000).evaluate(100).mean >= 475
