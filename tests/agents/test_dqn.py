"""DQN as an agent: what it counts, what it keeps apart, and that it learns. Its loss is in test_dqn_loss.py."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from seqrl.agents import dqn
from seqrl.agents.dqn import DQN, Settings, passed
from seqrl.agents.evaluation import evaluate
from seqrl.errors import InputError

SMALL = {
    **{"hidden": (8,), "batch_size": 8, "capacity": 200, "learning_starts": 10, "train_frequency": 5},
    **{"target_frequency": 50, "epsilon_steps": 100},
}
ALL = {"prioritised": True, "dueling": True, "double": True, "n_step": 3}


class Forever(gymnasium.Env):
    """Nothing changes and each step brings 1; only a time limit ends an episode."""

    observation_space = spaces.Box(0, 1, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, limit=5):
        self.limit = limit

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.taken = 0
        return np.ones(1, np.float32), {}

    def step(self, action):
        self.taken += 1
        return np.ones(1, np.float32), 1.0, False, self.taken == self.limit, {}


class Guess(gymnasium.Env):
    """One step: the action that is shown brings 1, another one nothing."""

    observation_space = spaces.Discrete(3)
    action_space = spaces.Discrete(3, start=5)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.shown = int(self.np_random.integers(3))
        return self.shown, {}

    def step(self, action):
        return 0, float(action - 5 == self.shown), True, False, {}


def make(env="CartPole-v1", seed=0, **settings):
    return DQN(env, seed=seed, settings=Settings(**{**SMALL, **settings}))


def values_of(agent):
    return agent.optimizer.packed.value


def test_passed_counts_multiples():
    assert [passed(20, before, before + 8) for before in range(0, 80, 8)] == [0, 0, 1, 0, 1, 0, 0, 1, 0, 1]
    assert passed(5, 0, 23) == 4
    assert passed(5, 30, 23) == 0


@pytest.mark.parametrize("environments", [1, 3, 7])
def test_trap_24_gradient_steps_and_target_updates_are_counted_in_real_steps(environments):
    agent = make(environments=environments, train_frequency=4, gradient_steps=2, target_frequency=30)
    updates = []
    agent._update_target = lambda tau: updates.append(agent.steps)
    agent.learn(300)
    assert agent.steps == -(-300 // environments) * environments
    assert agent.optimizer.steps == 2 * (agent.steps // 4 - 10 // 4)
    assert len(updates) == agent.steps // 30
    assert all(at - 30 * (k + 1) < environments for k, at in enumerate(updates))


def test_trap_24_rows_that_are_no_steps_are_not_counted():
    env = gymnasium.vector.SyncVectorEnv([Guess] * 3)  # NEXT_STEP: every second row is a reset
    agent = make(env, train_frequency=3)
    agent.learn(60)
    assert agent.steps == 60 == len(agent.replay) == len(agent.episodes)
    assert agent.optimizer.steps == 20 - 10 // 3


@pytest.mark.parametrize("dueling", [False, True])
def test_trap_20_the_target_network_owns_its_memory(dueling):
    agent = make(dueling=dueling, target_frequency=10**9)
    agent.learn(100)
    for (name, own), (other_name, other) in zip(agent.q.parameters(), agent.target.parameters(), strict=True):
        assert name == other_name
        assert not np.shares_memory(own.value, other.value)
        assert not (own.value == other.value).all()
    agent._update_target(1.0)
    for (_, own), (_, other) in zip(agent.q.parameters(), agent.target.parameters(), strict=True):
        np.testing.assert_array_equal(own.value, other.value)
    kept = agent._target_values.copy()
    values_of(agent)[...] += 1
    np.testing.assert_array_equal(agent._target_values, kept)


def test_a_part_of_the_way_is_what_tau_says():
    agent = make(target_frequency=10**9)
    before = agent._target_values.copy()
    values_of(agent)[...] += 1
    agent._update_target(0.25)
    assert agent._target_values == pytest.approx(before + 0.25, abs=1e-6)


def test_the_learning_rate_falls_by_steps_and_stays_without_an_end():
    for end, expected in (None, 1e-3), (1e-4, 5.5e-4):
        agent = make(learning_rate=1e-3, learning_rate_end=end, learning_rate_steps=60)
        assert agent.learn(30).optimizer.lr == pytest.approx(expected)


def test_trap_21_no_gradient_flows_through_targets():
    """A gradient step is that of the loss with its target held: by differences, in all parameters."""
    agent = make(double=True, loss="squared")
    agent.learn(60)
    agent.q, packed = agent.q.astype(np.float64), values_of(agent)
    batch = agent.replay.sample(8, np.random.default_rng(0))
    target = np.random.default_rng(1).normal(size=8)
    grads = []

    class Seen:
        def step(self):
            grads.extend(p.grad.copy() for _, p in agent.q.parameters())

    agent.optimizer = Seen()
    agent.q.zero_grad()
    x = batch.observation.astype(np.float64)
    agent._step(x, batch.action, target, batch)
    rng, h = np.random.default_rng(2), 1e-6
    for grad, (_, parameter) in zip(grads, agent.q.parameters(), strict=True):
        direction = rng.normal(size=parameter.value.shape)
        kept, losses = parameter.value.copy(), []
        for sign in (1, -1):
            parameter.value[...] = kept + sign * h * direction
            losses.append(np.square(agent.q(x)[np.arange(8), batch.action] - target).mean())
        parameter.value[...] = kept
        assert (losses[0] - losses[1]) / (2 * h) == pytest.approx((grad * direction).sum(), rel=1e-4, abs=1e-7)
    assert packed.dtype == np.float32


@pytest.mark.parametrize("n_step", [1, 3])
def test_trap_15_a_time_limit_ends_no_value(n_step):
    """1 a step forever is worth 1 / (1 - gamma); a target of 0 at the limit would say 4 and less."""
    agent = make(
        Forever, gamma=0.8, n_step=n_step, learning_rate=1e-2, gradient_steps=4, target_frequency=10, batch_size=32
    )
    agent.learn(1500)
    assert agent.q(np.ones((1, 1), np.float32)).max() == pytest.approx(5, abs=0.1)


def test_termination_ends_the_value():
    agent = make(Guess, learning_rate=1e-2, batch_size=32, epsilon_end=0.3)
    agent.learn(1500)
    q = agent.q(np.eye(3, dtype=np.float32))
    assert q == pytest.approx(np.eye(3), abs=0.15)
    assert [agent.act(shown) for shown in range(3)] == [5, 6, 7]  # its actions begin at 5
    assert agent.evaluate(30).mean == 1


@pytest.mark.parametrize("double", [False, True])
def test_every_option_is_in_the_gradient_step(monkeypatch, double):
    """What is drawn, its targets by the two networks, the weights of the draw, and the priorities after it."""
    settings = {"double": double, "prioritised": True, "n_step": 3, "loss": "squared", "beta": 0.4, "beta_steps": 1000}
    agent = make(**settings, target_frequency=10**9).learn(70)
    agent._target_values += np.random.default_rng(1).normal(size=agent._target_values.shape)  # of another opinion
    replay, batches, losses, updates, differs = agent.replay, [], [], [], []
    sample, update, loss = replay.sample, replay.update, dqn.q_loss
    monkeypatch.setattr(replay, "sample", lambda *of: batches.append((sample(*of), replay.beta)) or batches[-1][0])
    monkeypatch.setattr(replay, "update", lambda *of: updates.append(of) or update(*of))

    def spy(q, action, target, weight=None, **options):
        batch = batches[-1][0]
        next_q = agent.target(batch.next_observation)
        best = (agent.q(batch.next_observation) if double else next_q).argmax(axis=1)
        differs.append((best != next_q.argmax(axis=1)).any())
        expected = batch.reward + batch.discount * next_q[np.arange(8), best]
        losses.append((q.copy(), action, target, expected, weight, options))
        return loss(q, action, target, weight, **options)

    monkeypatch.setattr(dqn, "q_loss", spy)
    agent.learn(100)
    assert len(batches) == len(losses) == len(updates) == 20
    assert batches[-1][1] == pytest.approx(0.4 + 0.6 * agent.steps / 1000)
    for (batch, _), (q, action, target, expected, weight, options), (rows, errors) in zip(
        batches, losses, updates, strict=True
    ):
        np.testing.assert_allclose(target, expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(weight, batch.weight)
        np.testing.assert_array_equal(rows, batch.rows)
        np.testing.assert_allclose(errors, q[np.arange(8), action] - target, rtol=1e-5, atol=1e-6)
        assert options == {"loss": "squared"}
    assert any(len(set(batch.weight)) > 1 for batch, _ in batches)
    assert any((batch.discount < 0.98).any() for batch, _ in batches)  # windows of more than a step
    assert any(differs) == double


def test_the_gradient_is_clipped_to_its_norm(monkeypatch):
    agent = make(max_norm=0.01)
    agent.learn(10)
    before = agent.optimizer.steps
    norms = []
    update = agent.optimizer.update
    monkeypatch.setattr(agent.optimizer, "update", lambda clip: norms.append(clip) or update(clip))
    agent.learn(20)
    assert agent.optimizer.steps - before == len(norms) == 4
    assert max(norms) < 1


def test_trap_18_windows_end_where_a_resumed_agent_begins_new_episodes(tmp_path):
    """The state of this environment can't be set: what comes after is of other episodes."""
    agent = make(Forever, n_step=3).learn(33)
    agent.save(tmp_path / "agent.safetensors")
    other = DQN.load(tmp_path / "agent.safetensors", env=Forever)
    other.learn(3)
    np.testing.assert_array_equal(other.replay.reward[:33], agent.replay.reward[:33])
    np.testing.assert_array_equal(other.replay.discount[:33], agent.replay.discount[:33])
    agent.learn(1)
    assert agent.replay.reward[32] != other.replay.reward[32]  # here the episode went on


def test_trap_24_exploring_falls_by_real_steps():
    agent = make(environments=5, epsilon_start=1.0, epsilon_end=0.0, epsilon_steps=100, learning_starts=10**6)
    agent.learn(100)
    actions = [agent.actions(agent.environments.observations, np.random.default_rng(k), True) for k in range(20)]
    greedy = agent.q(agent.environments.observations).argmax(axis=1)
    assert all((row == greedy).all() for row in actions)


def test_trap_23_seeds_give_other_weights_and_trajectories_and_one_seed_the_same():
    agents = [make(seed=seed).learn(80) for seed in (0, 1, 0)]
    first, other, again = ([values_of(a), a.replay.observation[:80], a.replay.action[:80]] for a in agents)
    for a, b, c in zip(first, other, again, strict=True):
        assert not np.array_equal(a, b)
        np.testing.assert_array_equal(a, c)


def test_trap_23_drawing_transitions_leaves_exploring_as_it_was():
    agent = make().learn(30)
    before = {name: rng.bit_generator.state for name, rng in agent.streams.generators().items()}
    agent._improve(2)
    after = {name: rng.bit_generator.state for name, rng in agent.streams.generators().items()}
    assert [name for name in before if before[name] != after[name]] == ["learning"]


def test_trap_23_evaluating_and_acting_leave_learning_as_it_was():
    plain, watched = make().learn(60), make().learn(60)
    watched.evaluate(3)
    for _ in range(5):
        watched.act(np.zeros(4, np.float32), explore=True)
    for agent in plain, watched:
        agent.learn(60)
    np.testing.assert_array_equal(values_of(plain), values_of(watched))
    np.testing.assert_array_equal(plain.replay.action, watched.replay.action)


@pytest.mark.parametrize("options", [{}, ALL, {"environments": 3, **ALL}], ids=["plain", "all", "three"])
def test_learning_in_two_calls_is_learning_in_one(options):
    one, two = make(**options).learn(120), make(**options)
    two.learn(33).learn(120 - two.steps)
    assert one.steps == two.steps
    np.testing.assert_array_equal(values_of(one), values_of(two))


@pytest.mark.parametrize("options", [{}, ALL, {"environments": 3, **ALL}], ids=["plain", "all", "three"])
def test_a_saved_agent_goes_on_with_the_same_bits(tmp_path, options):
    agent = make(**options).learn(111)
    agent.save(tmp_path / "agent.safetensors")
    other = DQN.load(tmp_path / "agent.safetensors")
    for one in agent, other:
        one.learn(90)
    np.testing.assert_array_equal(values_of(agent), values_of(other))
    np.testing.assert_array_equal(agent._target_values, other._target_values)
    np.testing.assert_array_equal(agent.replay.observation, other.replay.observation)
    assert agent.episodes == other.episodes


def test_several_targets_at_once_are_those_one_by_one(monkeypatch):
    """The draws are the same; a product over more rows may be rounded in another way."""
    together, apart = (make(double=False, gradient_steps=6).learn(10) for _ in range(2))
    together.learn(5)
    monkeypatch.setattr("seqrl.agents.dqn.ROWS_AT_ONCE", 1)
    apart.learn(5)
    assert together.optimizer.steps == apart.optimizer.steps == 6
    assert values_of(together) == pytest.approx(values_of(apart), abs=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": "square"}, "did you mean 'squared'"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"train_frequency": 0}, "train_frequency is 0"),
        ({"epsilon_end": 1.5}, "epsilon_end is 1.5"),
        ({"dueling": True, "hidden": ()}, "a dueling network needs a hidden layer"),
        ({"n_step": 0}, "n_step of a replay is 0"),
        ({"learning_rate": -1.0}, "the learning rate is -1"),
        ({"learning_rate_end": 0.0}, "learning_rate_end is 0"),
        ({"tau": 0.0}, "tau is 0"),
        *(({name: -1}, f"{name} is -1") for name in ("learning_starts", "learning_rate_steps", "epsilon_steps")),
        ({"beta_steps": -1}, "beta_steps is -1"),
    ],
)
def test_settings_that_nothing_can_be_learned_with_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        make(**settings)


def test_continuous_actions_are_refused():
    with pytest.raises(InputError, match=r"dqn can't handle actions of Box.*Discrete"):
        make("Pendulum-v1")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_cartpole_is_balanced_within_50_000_steps(seed):
    assert DQN("CartPole-v1", seed=seed).learn(50_000).evaluate().mean >= 495


@pytest.mark.slow
def test_trap_28_mountain_car_beats_a_random_policy_with_its_interval():
    agent = DQN("MountainCar-v0", seed=1).learn(120_000)
    random = np.random.default_rng(0)
    by_chance = evaluate(lambda seen: random.integers(3, size=len(seen)), "MountainCar-v0", 100)
    found = agent.evaluate()
    assert found.interval[0] > by_chance.interval[1] + 20
    assert found.mean > -115  # the table over ten seeds: about -101


def test_an_interrupt_within_a_round_loses_no_step(monkeypatch):
    """Windows of several steps would else go on across a gap when learning goes on."""
    agent = make(train_frequency=50, n_step=3, capacity=100)
    step = agent.environments.step

    def interrupted(actions):
        if agent.steps == 20:
            raise KeyboardInterrupt
        return step(actions)

    monkeypatch.setattr(agent.environments, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        agent.learn(100)
    assert len(agent.replay) == agent.steps == 20
