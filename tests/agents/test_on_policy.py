"""Actor-critic and PPO as agents: what they learn, from which rows, and what a seed and a checkpoint promise."""

import dataclasses

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from seqrl.agents import ppo
from seqrl.agents.actor_critic import ActorCritic
from seqrl.agents.on_policy import PolicyAndValue, explained_variance
from seqrl.agents.ppo import PPO
from seqrl.agents.rollouts import collect
from seqrl.errors import InputError
from seqrl.gradient_check import numerical_gradient, relative_error

AGENTS = [PPO, ActorCritic]
SMALL = {"environments": 4, "rollout_steps": 16, "hidden": (16,), "learning_rate": 0.01}


class Forever(gymnasium.Env):
    """One state, reward 1 at every step, no end of its own."""

    observation_space = spaces.Box(0, 1, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.ones(1, np.float32), {}

    def step(self, action):
        return np.ones(1, np.float32), 1.0, False, False, {}


class Identity(gymnasium.Env):
    """Reward 1 for saying what is seen, one step an episode; the numbers of actions begin at 3."""

    observation_space = spaces.Discrete(3)
    action_space = spaces.Discrete(3, start=3)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.seen = int(self.np_random.integers(3))
        return self.seen, {}

    def step(self, action):
        assert self.action_space.contains(np.int64(action)), action
        return self.seen, float(action == self.seen + 3), True, False, {}


class Target(gymnasium.Env):
    """Reward -(a - target)^2 for a continuous action, one step an episode; the target is seen."""

    observation_space = spaces.Box(-1, 1, (1,), np.float32)
    action_space = spaces.Box(-1, 1, (1, 1), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.target = self.np_random.uniform(-0.5, 0.5, 1).astype(np.float32)
        return self.target, {}

    def step(self, action):
        assert self.action_space.contains(action), action
        return self.target, -float(np.square(action - self.target).sum()), True, False, {}


def limited(limit=7):
    return gymnasium.wrappers.TimeLimit(Forever(), limit)


@pytest.mark.parametrize("kind", AGENTS)
@pytest.mark.parametrize("mode", [None, *AutoresetMode])
def test_the_value_of_reward_1_forever_reaches_1_over_1_minus_gamma_under_a_time_limit(kind, mode):
    """Trap 15: an end that is a time limit is no end; with it taken for one the value would stay below 4."""
    env = limited if mode is None else SyncVectorEnv([limited] * 4, autoreset_mode=mode)
    settings = {**SMALL, "gamma": 0.8, "gae_lambda": 0.9, "learning_rate": 0.02}
    agent = kind(env, settings=settings, optimizer="adam", max_norm=0.0).learn(6_000)
    value = agent.network.value(agent.rows(np.ones((1, 1), np.float32)))
    assert value[0] == pytest.approx(1 / (1 - 0.8), abs=0.1)


@pytest.mark.parametrize("kind", AGENTS)
def test_what_is_seen_is_said_after_a_few_thousand_steps(kind):
    agent = kind(Identity, settings={**SMALL, "entropy_coefficient": 0.001}, seed=1).learn(4_000)
    assert agent.evaluate(60).mean == 1
    assert [agent.act(seen) for seen in range(3)] == [3, 4, 5]


@pytest.mark.parametrize("kind", AGENTS)
def test_continuous_actions_are_learned_inside_their_bounds(kind):
    agent = kind(Target, settings={**SMALL, "gamma": 0.0, "log_sigma": -0.5}, seed=1).learn(12_000)
    random = np.mean([-np.square(np.subtract(*np.random.default_rng(0).uniform([-1, -0.5], [1, 0.5], (2000, 2)).T))])
    assert agent.evaluate(100).mean > 0.1 * random
    assert agent.act(np.float32([0.2])).shape == (1, 1)
    assert agent.act(np.zeros((5, 1), np.float32), explore=True).shape == (5, 1, 1)


@pytest.mark.parametrize("mode", AutoresetMode)
def test_only_real_steps_are_learned_from(mode):
    """Trap 17: rows of a reset are in no loss, no normalisation and no count."""
    env = SyncVectorEnv([limited] * 3, autoreset_mode=mode)
    agent = PPO(env, settings={**SMALL, "rollout_steps": 20, "normalise_rewards": True})
    rollout = collect(agent.environments, agent._choose, 20)
    experience, _ = agent.experience(rollout)
    resets = 3 * 2 if mode is AutoresetMode.NEXT_STEP else 0
    assert {len(array) for array in experience} == {60 - resets}
    assert agent.steps == agent.reward_normalizer.moments.count == 60 - resets
    np.testing.assert_array_equal(rollout.valid.sum(), 60 - resets)
    agent.advance(1)
    assert agent.observation_normalizer is None


def test_next_values_are_those_of_the_last_observation_and_never_of_the_next_episode():
    """Trap 15, 16: the value of CartPole's own last observation, in every autoreset mode alike."""

    def short():
        return gymnasium.wrappers.TimeLimit(gymnasium.make("CartPole-v1").unwrapped, 4)

    for mode in AutoresetMode:
        agent = PPO(SyncVectorEnv([short] * 2, autoreset_mode=mode), settings=SMALL)
        rollout = collect(agent.environments, agent._choose, 11)
        values = agent.network.value(rollout.extras["x"].reshape(22, 4)).reshape(11, 2)
        expected = agent.network.value(rollout.next_observation.reshape(22, 4)).reshape(11, 2)
        found = agent._next_values(rollout, values.astype(np.float64))
        assert rollout.truncated.sum() >= 4
        np.testing.assert_allclose(found[rollout.valid], expected[rollout.valid], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", AGENTS)
@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1"])
def test_the_pass_that_gave_the_values_is_learned_from_as_one_made_anew(kind, env):
    """Once: after the first update it is of other weights."""

    def learned(handed_on):
        agent = kind(env, settings={**SMALL, **({"epochs": 3} if kind is PPO else {})})
        experience, first = agent.experience(collect(agent.environments, agent._choose, 16))
        passes, pass_over = [], agent.pass_over
        agent.pass_over = lambda x: passes.append(x) or pass_over(x)
        agent.learn_from(experience, first if handed_on else None)
        return len(passes), agent.optimizer.packed.value

    (saved, ours), (anew, expected) = learned(True), learned(False)
    np.testing.assert_array_equal(ours, expected)
    assert (saved, anew) == ((2, 3) if kind is PPO else (0, 1))


def test_the_pass_over_rows_that_are_no_steps_is_not_learned_from():
    """Trap 17."""
    env = SyncVectorEnv([limited] * 3, autoreset_mode=AutoresetMode.NEXT_STEP)
    agent = PPO(env, settings={**SMALL, "batch_size": 1000})
    experience, first = agent.experience(collect(agent.environments, agent._choose, 20))
    assert first is None
    assert len(agent.pass_over(experience.x).values) == 60 - 3 * 2


@pytest.mark.parametrize("kind", AGENTS)
@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1"])
def test_every_coefficient_is_in_the_gradient(kind, env, monkeypatch):
    """Trap 21: it is of policy + c_v value - c_e entropy, where advantages, returns and old values are held fixed."""
    coefficients = {"entropy_coefficient": 0.3, "value_coefficient": 0.7, "max_norm": 0.0}
    of_ppo = {"epochs": 1, "batch_size": 64, "value_clip": 0.05, "normalise_advantages": False} if kind is PPO else {}
    agent = kind(env, settings={**SMALL, **coefficients, **of_ppo})
    experience, _ = agent.experience(collect(agent.environments, agent._choose, 16))
    rng = np.random.default_rng(0)
    agent.optimizer.packed.value += 0.05 * rng.normal(size=agent.optimizer.packed.value.shape)  # moved on from the old
    gradients = []
    monkeypatch.setattr(agent.optimizer, "step", lambda: gradients.append(agent.optimizer.packed.grad.copy()) or 0.0)
    agent.optimizer.packed.grad[...] = 0
    agent.learn_from(experience)
    network = agent.network.astype(np.float64)
    parameters = np.concatenate([parameter.value.ravel() for _, parameter in network.parameters()])

    def loss(shift):
        at = 0
        for _, parameter in network.parameters():
            parameter.value[...] = (parameters + shift)[at : at + parameter.value.size].reshape(parameter.shape)
            at += parameter.value.size
        outputs, values = network(experience.x.astype(np.float64))
        pi, advantages = agent.distribution(outputs), experience.advantages.astype(np.float64)
        log_prob = pi.log_prob(experience.actions.astype(np.float64) if env == "Pendulum-v1" else experience.actions)
        errors = np.square(values - experience.returns)
        if kind is PPO:
            ratio = np.exp(log_prob - experience.log_prob)
            gain = np.minimum(ratio * advantages, ratio.clip(0.8, 1.2) * advantages)
            bounded = experience.values + (values - experience.values).clip(-0.05, 0.05)
            errors = np.maximum(errors, np.square(bounded - experience.returns))
        else:
            gain = log_prob * advantages
        return (-gain + 0.7 * errors - 0.3 * pi.entropy()).mean()

    assert len(gradients) == 1
    for _ in range(3):
        direction = rng.normal(size=parameters.shape)
        slope = (loss(1e-6 * direction) - loss(-1e-6 * direction)) / 2e-6
        assert gradients[0] @ direction == pytest.approx(slope, rel=2e-3)


def test_rows_of_a_reset_are_in_no_statistics_of_observations():
    """Trap 17: the last observation of an episode would count once more, as if it had been acted on."""
    env = SyncVectorEnv([limited] * 3, autoreset_mode=AutoresetMode.NEXT_STEP)
    agent = PPO(env, settings={**SMALL, "rollout_steps": 20, "normalise_observations": True})
    agent.advance(1)
    assert agent.observation_normalizer.moments.count == agent.steps == 60 - 3 * 2


def test_next_values_are_of_normalised_observations():
    settings = {**SMALL, "normalise_observations": True}
    agent = PPO(lambda: gymnasium.wrappers.TimeLimit(gymnasium.make("CartPole-v1").unwrapped, 4), settings=settings)
    agent.learn(64)
    rollout = collect(agent.environments, agent._choose, 11)
    values = agent.network.value(rollout.extras["x"].reshape(44, 4)).reshape(11, 4)
    x = agent.observation_normalizer(rollout.next_observation.reshape(44, 4))
    expected = agent.network.value(x).reshape(11, 4)
    np.testing.assert_allclose(agent._next_values(rollout, values.astype(np.float64)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", AGENTS)
def test_one_seed_is_one_run_and_another_seed_is_another(kind):
    """Trap 23: other weights and other trajectories."""

    def run(seed):
        agent = kind("CartPole-v1", settings=SMALL, seed=seed)
        first = agent.optimizer.packed.value.copy()
        return first, agent.learn(200).optimizer.packed.value, [episode.length for episode in agent.episodes]

    (first, last, lengths), again, other = run(0), run(0), run(1)
    np.testing.assert_array_equal(last, again[1])
    assert lengths == again[2] != other[2]
    assert not np.array_equal(first, other[0])
    assert not np.array_equal(first, last)


@pytest.mark.parametrize("kind", AGENTS)
def test_a_loaded_agent_goes_on_with_the_same_bits(kind, tmp_path):
    """Weights, moments, schedules, normalisers, random states and the environments' own."""
    settings = {**SMALL, "schedule": "linear", "normalise_observations": True, "normalise_rewards": True}
    whole = kind("CartPole-v1", settings=settings).learn(64 * 5)
    agent = kind("CartPole-v1", settings=settings)
    agent.learn(64 * 5, callback=lambda agent: agent.steps < 128)
    agent.save(tmp_path / "agent.safetensors")
    loaded = kind.load(tmp_path / "agent.safetensors")
    loaded.learn(64 * 5 - loaded.steps)
    assert loaded.steps == whole.steps == 64 * 5
    np.testing.assert_array_equal(loaded.optimizer.packed.value, whole.optimizer.packed.value)
    for name, array in whole.state().arrays.items():
        np.testing.assert_array_equal(loaded.state().arrays[name], array, err_msg=name)


def test_an_evaluation_changes_nothing():
    """Trap 25."""
    agent = PPO("CartPole-v1", settings={**SMALL, "normalise_observations": True}).learn(64)
    before = {name: array.copy() for name, array in agent.state().arrays.items()}
    agent.evaluate(3)
    after = agent.state()
    for name, array in after.arrays.items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)


@pytest.mark.parametrize("kind", AGENTS)
@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1"])
def test_trap_25_without_exploring_one_observation_has_one_action(kind, env):
    agent = kind(env, settings=SMALL)
    seen = agent.environments.observations[0]
    assert len({np.float64(agent.act(seen)).item() for _ in range(30)}) == 1
    assert len({np.float64(agent.act(seen, explore=True)).item() for _ in range(30)}) > 1


def test_schedules_run_over_a_call_of_learn_and_never_reach_0():
    rates = []

    def note(agent):
        rates.append(agent.optimizer.lr)

    agent = PPO("CartPole-v1", settings={**SMALL, "schedule": "linear"})
    agent.learn(64 * 4, callback=note)
    np.testing.assert_allclose(rates, 0.01 * np.array([1, 0.75, 0.5, 0.25]))
    agent.learn(64 * 2, callback=note)
    np.testing.assert_allclose(rates[4:], 0.01 * np.array([1, 0.5]))


@pytest.mark.parametrize("log_sigma", [None, -0.3])
def test_the_gradients_of_policy_and_value_are_those_of_differences(log_sigma):
    """Trap 1: of every parameter, after randomising all, the biases too; one row and several."""
    rng = np.random.default_rng(0)
    network = PolicyAndValue(3, (4, 5), 2, "tanh", rng=rng, log_sigma=log_sigma).astype(np.float64)
    for _, parameter in network.parameters():
        parameter.value[...] = rng.normal(size=parameter.shape)
    for B in 1, 6:
        x = rng.normal(size=(B, 3))
        (outputs, values), backward = network.forward_data(x)
        doutputs, dvalues = rng.normal(size=outputs.shape), rng.normal(size=B)

        def loss(x=x, doutputs=doutputs, dvalues=dvalues):
            outputs, values = network(x)
            return float((outputs * doutputs).sum() + values @ dvalues)

        network.zero_grad()
        backward(doutputs, dvalues)
        for name, parameter in network.parameters():
            expected = numerical_gradient(loss, parameter.value)
            assert relative_error(parameter.grad, expected) < 1e-7, name
        np.testing.assert_allclose(network.policy(x), outputs, rtol=1e-12)
        np.testing.assert_allclose(network.value(x), values, rtol=1e-12)


def test_policy_and_value_share_nothing():
    """The value's loss must not move the policy."""
    network = PolicyAndValue(3, (4, 5), 2, "relu", rng=np.random.default_rng(1))
    x = np.random.default_rng(2).normal(size=(6, 3)).astype(np.float32)
    (outputs, values), backward = network.forward_data(x)
    before = network.policy(x)
    backward(np.zeros_like(outputs), np.ones_like(values))
    for _, parameter in network.parameters():
        parameter.value -= parameter.grad
    np.testing.assert_array_equal(network.policy(x), before)
    assert not np.allclose(network.value(x), values)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "env", "steps", "least"),
    [
        (PPO, "CartPole-v1", 100_000, 500),
        (PPO, "Acrobot-v1", 200_000, -90),
        (PPO, "Pendulum-v1", 100_000, -250),
        (ActorCritic, "CartPole-v1", 200_000, 450),
    ],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_tuned_settings_learn(kind, env, steps, least, seed):
    """With an interval, so that a lucky evaluation does not pass."""
    assert kind(env, seed=seed).learn(steps).evaluate(100, seed=1).interval[0] >= least


# ---- PPO's minibatches and rounds ----------------------------------------------------------------------------


def learned_from(monkeypatch, agent, rounds=1):
    """What `policy_loss` was called with and what it returned, over rounds of the agent."""
    seen = []
    original = ppo.policy_loss

    def spy(outputs, actions, old_log_prob, advantages, **options):
        result = original(outputs, actions, old_log_prob, advantages, **options)
        seen.append((len(outputs), advantages.copy(), result.ratio, options))
        return result

    monkeypatch.setattr(ppo, "policy_loss", spy)
    for _ in range(rounds):
        agent.advance(100)
    return seen


def test_the_first_ratio_is_exactly_1_and_the_next_is_not(monkeypatch):
    """Trap 22: the old log-probabilities are of the weights that acted and of the rows that are learned from."""
    settings = {**SMALL, "batch_size": 64, "epochs": 2}
    for env in "CartPole-v1", "Pendulum-v1":
        seen = learned_from(monkeypatch, PPO(env, settings=settings), rounds=3)
        for _, _, ratio, _ in seen[::2]:
            np.testing.assert_array_equal(ratio, 1)
        for _, _, ratio, _ in seen[1::2]:
            assert not np.array_equal(ratio, np.ones_like(ratio))
        monkeypatch.undo()


def test_the_first_of_several_minibatches_has_ratio_1_too(monkeypatch):
    seen = learned_from(monkeypatch, PPO("CartPole-v1", settings={**SMALL, "batch_size": 10, "epochs": 1}))
    np.testing.assert_allclose(seen[0][2], 1, atol=1e-6)


@pytest.mark.parametrize(("batch_size", "sizes"), [(64, [64]), (63, [32, 32]), (50, [32, 32]), (20, [16] * 4)])
def test_minibatches_that_do_not_divide_are_of_one_size(batch_size, sizes, monkeypatch):
    """Trap 22: 64 rows in parts of at most 63 are not 63 and 1."""
    agent = PPO("CartPole-v1", settings={**SMALL, "batch_size": batch_size, "epochs": 3})
    seen = learned_from(monkeypatch, agent)
    assert [size for size, *_ in seen] == sizes * 3
    for _, advantages, _, _ in seen:
        np.testing.assert_allclose([advantages.mean(), advantages.std()], [0, 1], atol=1e-4)


def test_each_pass_takes_each_row_once_in_another_order():
    agent = PPO("CartPole-v1", settings={**SMALL, "batch_size": 13, "epochs": 2, "normalise_advantages": False})
    experience, _ = agent.experience(collect(agent.environments, agent._choose, 16))
    experience = experience._replace(returns=np.arange(64, dtype=np.float32))
    batches = [batch.returns for batch in agent._minibatches(experience)]
    passes = np.concatenate(batches[:5]), np.concatenate(batches[5:])
    for one in passes:
        np.testing.assert_array_equal(np.sort(one), np.arange(64))
    assert not np.array_equal(*passes)


def test_trap_23_minibatches_are_drawn_from_the_stream_of_learning():
    agent = PPO("CartPole-v1", settings={**SMALL, "batch_size": 10})
    experience, _ = agent.experience(collect(agent.environments, agent._choose, 16))
    before = {name: rng.bit_generator.state for name, rng in agent.streams.generators().items()}
    agent.learn_from(experience)
    after = {name: rng.bit_generator.state for name, rng in agent.streams.generators().items()}
    assert [name for name in before if before[name] != after[name]] == ["learning"]


def test_advantages_are_left_as_they_are_where_that_is_asked_for(monkeypatch):
    agent = PPO("CartPole-v1", settings={**SMALL, "epochs": 1, "normalise_advantages": False})
    assert [abs(advantages.std() - 1) > 1e-3 for _, advantages, _, _ in learned_from(monkeypatch, agent)] == [True]


def test_one_row_alone_teaches():
    """Trap 22: normalised, a single advantage would be NaN or nothing."""
    agent = PPO("CartPole-v1", settings={**SMALL, "environments": 1, "rollout_steps": 1, "batch_size": 1})
    before = agent.optimizer.packed.value.copy()
    agent.learn(3)
    assert np.isfinite(agent.optimizer.packed.value).all()
    assert not np.array_equal(agent.optimizer.packed.value, before)


def test_a_round_ends_where_the_policy_has_moved_too_far(monkeypatch):
    settings = {**SMALL, "batch_size": 64, "epochs": 30, "learning_rate": 0.05}
    without = learned_from(monkeypatch, PPO("CartPole-v1", settings=settings))
    monkeypatch.undo()
    with_target = learned_from(monkeypatch, PPO("CartPole-v1", settings={**settings, "target_kl": 0.001}))
    assert len(without) == 30
    assert 2 <= len(with_target) < 30


def test_the_clip_follows_its_schedule(monkeypatch):
    agent = PPO("CartPole-v1", settings={**SMALL, "batch_size": 64, "epochs": 1, "clip_schedule": "linear"})
    clips = []
    original = ppo.policy_loss
    monkeypatch.setattr(
        ppo, "policy_loss", lambda *a, **options: (clips.append(options["clip"]), original(*a, **options))[1]
    )
    agent.learn(64 * 4)
    np.testing.assert_allclose(clips, [0.2, 0.15, 0.1, 0.05])


def test_clipped_values_learn():
    agent = PPO("CartPole-v1", settings={**SMALL, "value_clip": 0.2}).learn(128)
    assert np.isfinite(agent.metrics["losses/value_loss"])


# ---- what is refused -----------------------------------------------------------------------------------------


class ManyActions(Forever):
    action_space = spaces.MultiDiscrete([2, 3])


@pytest.mark.parametrize("kind", AGENTS)
def test_actions_that_cannot_be_handled_are_refused_with_those_that_can(kind):
    with pytest.raises(InputError, match=r"can't handle actions of MultiDiscrete.*Discrete or Box"):
        kind(ManyActions, settings={})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"gamma": 1.5}, r"gamma is 1\.5"),
        ({"rollout_steps": 0}, "rollout-steps is 0"),
        ({"schedule": "linar"}, "did you mean 'linear'"),
        ({"optimizer": "sgd"}, "expected one of adam, rmsprop"),
        ({"value_coefficient": -1.0}, r"value_coefficient is -1\.0"),
        ({"hidden": (0,)}, "n_out of Dense is 0"),
        ({"hidden": ()}, "hidden is empty"),
    ],
)
@pytest.mark.parametrize("kind", AGENTS)
def test_settings_out_of_range_are_refused(kind, wrong, said):
    with pytest.raises(InputError, match=said):
        kind("CartPole-v1", settings=wrong)


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"batch_size": 0}, {"clip": 0.0}, {"target_kl": -1.0}])
def test_settings_of_ppo_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong)).replace("_", "-")):
        PPO("CartPole-v1", settings=wrong)


@pytest.mark.parametrize("kind", AGENTS)
def test_settings_are_frozen(kind):
    with pytest.raises(dataclasses.FrozenInstanceError):
        kind.Settings().gamma = 1.0


def test_explained_variance_is_1_for_the_truth_and_0_for_a_constant():
    returns = np.array([1.0, 2.0, 4.0])
    assert explained_variance(returns, returns) == 1
    assert explained_variance(np.full(3, 9.0), returns) == 0
    assert np.isnan(explained_variance(returns, np.ones(3)))


@pytest.mark.parametrize("kind", AGENTS)
def test_trap_23_equal_actions_are_drawn_with_the_same_chance(kind):
    """Of an observation of zeros all logits are 0 at first; without exploring, too, no action is preferred."""
    agent = kind("CartPole-v1", settings={})
    assert set(agent.act(np.zeros((50, 4), np.float32)).tolist()) == {0, 1}


def test_the_running_sum_of_rewards_begins_anew_where_new_episodes_do(tmp_path):
    agent = PPO(Forever, settings={"environments": 2, "rollout_steps": 16, "normalise_rewards": True}).learn(160)
    agent.save(tmp_path / "a.safetensors")
    assert not PPO.load(tmp_path / "a.safetensors", env=Forever).reward_normalizer.running.any()
