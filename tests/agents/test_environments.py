"""Every way of beginning episodes gives the same transitions, and what breaks the contract is said in a line."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv

from seqrl.agents.environments import Environments, Episode
from seqrl.agents.rollouts import Steps, collect
from seqrl.errors import InputError, MissingExtra

from .counting import Counting

F, T = False, True
FORK = {"context": "fork"}  # another process could not import these tests
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def two_plans() -> list[Callable[[], Counting]]:
    """The first: 2 steps and terminated, 1 step with both flags. The second: 3 steps and truncated."""
    return [lambda: Counting((2, "T"), (1, "TC")), lambda: Counting((3, "C"))]


def vector(kind: type[VectorEnv], mode: AutoresetMode) -> VectorEnv:
    options = FORK if kind is AsyncVectorEnv else {}
    return kind(two_plans(), autoreset_mode=mode, **options)


def run(environments: Environments, steps: int) -> Steps:
    rows = [environments.step([t % 3] * environments.count) for t in range(steps)]
    return Steps(*(np.stack(column) for column in zip(*rows, strict=True)))


def transitions(steps: Steps, i: int) -> list[tuple[Any, ...]]:
    """The real steps of one environment, without the action: NEXT_STEP ignores some."""
    columns = steps.observation, steps.reward, steps.next_observation, steps.terminated, steps.truncated
    return [tuple(column[t, i].tolist() for column in columns) for t in np.flatnonzero(steps.valid[:, i])]


# ---- trap 16: the three autoreset modes, exact arrays ----------------------------------------------------------

FIRST = [  # (observation, reward, next observation, terminated, truncated), whatever begins the episodes
    ([0, 0], 1, [0, 1], F, F),
    ([0, 1], 2, [0, 2], T, F),
    ([1, 0], 11, [1, 1], T, T),
    ([2, 0], 21, [2, 1], F, F),
    ([2, 1], 22, [2, 2], T, F),
    ([3, 0], 31, [3, 1], T, T),
]
SECOND = [
    ([0, 0], 1, [0, 1], F, F),
    ([0, 1], 2, [0, 2], F, F),
    ([0, 2], 3, [0, 3], F, T),
    ([1, 0], 11, [1, 1], F, F),
    ([1, 1], 12, [1, 2], F, F),
    ([1, 2], 13, [1, 3], F, T),
]


@pytest.mark.parametrize("kind", [SyncVectorEnv, AsyncVectorEnv])
@pytest.mark.parametrize("mode", [AutoresetMode.SAME_STEP, AutoresetMode.DISABLED])
def test_trap_16_episodes_that_begin_at_once_have_no_invalid_row_and_true_last_observations(kind, mode):
    with Environments(vector(kind, mode), seed=0) as environments:
        steps = run(environments, 6)
        assert steps.valid.all()
        assert transitions(steps, 0) == FIRST
        assert transitions(steps, 1) == SECOND
        assert environments.steps == 12
        assert environments.observations.tolist() == [[4, 0], [2, 0]]


@pytest.mark.parametrize("kind", [SyncVectorEnv, AsyncVectorEnv])
def test_trap_16_the_row_that_begins_an_episode_in_the_next_step_is_not_valid(kind):
    with Environments(vector(kind, AutoresetMode.NEXT_STEP), seed=0) as environments:
        steps = run(environments, 6)
        assert steps.valid.tolist() == [[T, T], [T, T], [F, T], [T, F], [F, T], [T, T]]
        assert steps.observation[:, 0].tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [2, 0]]
        assert steps.next_observation[:, 0].tolist() == [[0, 1], [0, 2], [1, 0], [1, 1], [2, 0], [2, 1]]
        assert steps.reward[:, 0].tolist() == [1, 2, 0, 11, 0, 21]
        assert steps.terminated[:, 0].tolist() == [F, T, F, T, F, F]
        assert steps.truncated[:, 0].tolist() == [F, F, F, T, F, F]
        assert transitions(steps, 0) == FIRST[:4]
        assert transitions(steps, 1) == SECOND[:5]
        assert environments.steps == 9  # trap 17: invalid rows are no steps


def test_environments_made_here_begin_episodes_at_once_with_true_last_observations():
    plans = iter(two_plans())
    environments = Environments(lambda: next(plans)(), count=2, seed=0)
    steps = run(environments, 6)
    assert steps.valid.all()
    assert transitions(steps, 0) == FIRST
    assert transitions(steps, 1) == SECOND
    assert environments.observations.tolist() == [[4, 0], [2, 0]]


def test_trap_16_what_a_vector_environment_returns_in_a_row_that_is_not_valid_is_ignored():
    class Noisy(SyncVectorEnv):
        def step(self, actions):
            resets = self._autoreset_envs.copy()
            observations, rewards, terminated, truncated, infos = super().step(actions)
            rewards[resets] = np.nan
            return observations, rewards, terminated | resets, truncated | resets, infos

    steps = run(Environments(Noisy(two_plans()), seed=0), 6)
    plain = run(Environments(SyncVectorEnv(two_plans()), seed=0), 6)
    assert [column.tolist() for column in steps] == [column.tolist() for column in plain]


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_trap_16_own_accounts_of_episodes_are_the_same_in_every_mode(mode):
    environments = Environments(vector(SyncVectorEnv, mode), seed=0)
    ended: list[Episode] = []
    for _ in range(12):
        environments.step([0, 0])
        ended += environments.episodes()
    assert environments.episodes() == []
    for i, expected in (0, [(3, 2), (11, 1), (43, 2), (31, 1)]), (1, [(6, 3), (36, 3), (66, 3)]):
        own = [(e.return_, e.length) for e in ended if e.environment == i]
        assert own[: len(expected)] == expected
    assert all(isinstance(e.return_, float) and isinstance(e.step, int) for e in ended)


def test_an_episode_notes_the_real_steps_at_which_it_ended():
    environments = Environments(vector(SyncVectorEnv, AutoresetMode.NEXT_STEP), seed=0)
    run(environments, 4)
    assert [(e.environment, e.step) for e in environments.episodes()] == [(0, 4), (1, 5), (0, 6)]


def test_nothing_is_stepped_after_its_end():
    env = Counting((1, "T"), (2, "C"))
    environments = Environments(env, seed=0)
    run(environments, 9)
    assert env.actions == [0, 1, 2] * 3
    assert not env.stepped_after_end


def test_a_vector_environment_that_reuses_its_arrays_changes_no_earlier_step():
    env = SyncVectorEnv(two_plans(), copy=False, autoreset_mode=AutoresetMode.SAME_STEP)
    steps = run(Environments(env, seed=0), 6)
    assert transitions(steps, 0) == FIRST
    assert transitions(steps, 1) == SECOND


def test_an_environment_that_reuses_its_observation_changes_no_earlier_step():
    class Reusing(Counting):
        buffer = np.zeros(2, np.float32)

        def observation(self):
            self.buffer[:] = self.episode, self.t
            return self.buffer

    steps = run(Environments(Reusing((2, "T"), (1, "TC")), seed=0), 6)
    assert transitions(steps, 0) == FIRST


def test_environments_that_share_a_buffer_have_observations_of_their_own():
    class Sharing(Counting):
        buffer = np.zeros(2, np.float32)

        def observation(self):
            Sharing.buffer[:] = self.episode, self.t
            return Sharing.buffer

    plans = iter([((2, "T"), (1, "TC")), ((3, "C"),)])
    steps = run(Environments(lambda: Sharing(*next(plans)), count=2, seed=0), 6)
    assert (transitions(steps, 0), transitions(steps, 1)) == (FIRST, SECOND)


def test_nobody_writes_into_the_flags_that_steps_share():
    steps = Environments(Counting((5, "T")), seed=0).step([0])
    for flags in steps.terminated, steps.truncated, steps.valid:
        with pytest.raises(ValueError, match="read-only"):
            flags[0] = True


def test_actions_given_are_kept_as_they_were():
    environments = Environments(Counting((5, "T")), seed=0)
    actions = np.array([1])
    steps = environments.step(actions)
    actions[0] = 2
    assert steps.action.tolist() == [1]


# ---- the same transitions from all kinds -------------------------------------------------------------------------


def cartpoles(kind: str, count: int) -> Any:
    if kind == "own":
        return "CartPole-v1"
    make = [lambda: gymnasium.make("CartPole-v1")] * count
    if kind == "sync":
        return SyncVectorEnv(make)
    if kind == "async":
        return AsyncVectorEnv(make, autoreset_mode=AutoresetMode.SAME_STEP, **FORK)
    return gymnasium.make_vec("CartPole-v1", num_envs=count)


def real_steps(kind: str, count: int, steps: int) -> list[list[tuple[Any, ...]]]:
    """The first real steps of each environment under a policy that looks at the pole."""
    env = cartpoles(kind, count)
    environments = Environments(env, count=count if kind == "own" else 1, seed=3)
    rows: list[list[tuple[Any, ...]]] = [[] for _ in range(count)]
    with environments:
        while min(map(len, rows)) < steps:
            seen = environments.observations
            step = environments.step((seen[:, 2] > 0).astype(np.int64))
            for i in np.flatnonzero(step.valid):
                rows[i].append(tuple(column[i].tolist() for column in step))
    return [row[:steps] for row in rows]


def test_own_sync_and_async_environments_give_the_same_transitions():
    expected = real_steps("own", 3, 150)
    assert sum(row[4] for row in expected[0]) >= 2  # it holds ends of episodes
    assert real_steps("sync", 3, 150) == expected
    assert real_steps("async", 3, 150) == expected


def test_an_environment_has_the_same_stream_at_any_count():
    assert real_steps("own", 1, 60)[0] == real_steps("own", 3, 60)[0]


def test_trap_16_the_vector_environment_of_cartpole_gives_the_transitions_of_a_single_one():
    [expected], [found] = real_steps("own", 1, 150), real_steps("custom", 1, 150)
    assert [row[1:3] + row[4:] for row in found] == [row[1:3] + row[4:] for row in expected]
    for column in 0, 3:
        np.testing.assert_allclose([r[column] for r in found], [r[column] for r in expected], rtol=1e-5, atol=1e-6)


def test_trap_23_environments_of_one_seed_differ_and_another_seed_differs():
    first = Environments("CartPole-v1", count=4, seed=0).observations
    assert len(np.unique(first[:, 0])) == 4
    assert not np.isin(Environments("CartPole-v1", count=4, seed=1).observations, first).any()  # no seed + i


def test_a_list_of_seeds_gives_each_environment_that_of_its_own():
    together = Environments("CartPole-v1", count=2, seed=[5, 6]).observations
    alone = [Environments("CartPole-v1", seed=[seed]).observations[0] for seed in (5, 6)]
    assert together.tolist() == [row.tolist() for row in alone]


# ---- spaces ------------------------------------------------------------------------------------------------------


def test_blackjack_observations_are_whole_numbers():
    environments = Environments("Blackjack-v1", count=2, seed=0)
    assert environments.observation_space == spaces.MultiDiscrete([32, 11, 2])
    steps = environments.step([1, 0])
    assert steps.observation.shape == (2, 3)
    assert steps.observation.dtype == np.int64
    assert environments.encode((13, 10, 0)).tolist() == [13, 10, 0]
    same = Environments(SyncVectorEnv([lambda: gymnasium.make("Blackjack-v1")] * 2), seed=0)
    assert same.observations.tolist() == steps.observation.tolist()


def test_discrete_spaces_count_from_zero_for_agents_and_from_their_start_for_the_environment():
    class Shifted(Counting):
        def __init__(self):
            super().__init__((9, "T"))
            self.observation_space = spaces.Discrete(10, start=5)
            self.action_space = spaces.Discrete(3, start=-1)

        def observation(self):
            return 5 + self.t

    env = Shifted()
    environments = Environments(env, seed=0)
    assert (environments.observation_space, environments.action_space) == (spaces.Discrete(10), spaces.Discrete(3))
    steps = environments.step([2])
    assert (steps.observation.tolist(), steps.next_observation.tolist()) == ([0], [1])
    assert (steps.action.tolist(), env.actions) == ([2], [1])


def test_a_dictionary_of_observations_is_flattened_the_same_alone_and_in_a_vector():
    class Nested(Counting):
        def __init__(self):
            super().__init__((2, "T"))
            parts = {"time": spaces.Discrete(4), "place": spaces.Box(0, 100, (2,), np.float32)}
            self.observation_space = spaces.Dict(parts)

        def observation(self):
            return {"time": self.t, "place": np.array([self.episode, self.t], np.float32)}

    alone = run(Environments(Nested, count=2, seed=0), 4)
    assert alone.observation[1, 0].tolist() == [0, 1, 0, 1, 0, 0]  # place, then the time as one of four
    vectors = Environments(SyncVectorEnv([Nested] * 2, autoreset_mode=AutoresetMode.SAME_STEP), seed=0)
    assert run(vectors, 4).next_observation.tolist() == alone.next_observation.tolist()


def test_continuous_actions_reach_the_environment_inside_their_bounds_and_are_kept_as_chosen():
    class Wide(Counting):
        def __init__(self):
            super().__init__((9, "T"))
            self.action_space = spaces.Box(-1, 2, (1,), np.float32)
            self.given = []

        def step(self, action):
            self.given.append(action.copy())
            return super().step(0)

    env = Wide()
    environments = Environments(env, seed=0)
    steps = environments.step(np.array([[5.0]]))
    environments.step(np.array([[-5.0]]))
    assert [(float(a[0]), a.dtype) for a in env.given] == [(2, np.float32), (-1, np.float32)]
    assert steps.action.tolist() == [[5.0]]


def test_observations_without_a_fixed_shape_are_refused():
    env = Counting((1, "T"))
    env.observation_space = spaces.Text(5)
    with pytest.raises(InputError, match=r"observations of Text.* have no fixed shape"):
        Environments(env)


# ---- what can't be made ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "near"),
    [("CartPole-v9", "CartPole-v1"), ("cartpole", "CartPole-v1"), ("Taxi-v3", "Taxi-v4"), ("CliffWalking-v0", "-v1")],
)
def test_trap_27_an_unknown_environment_is_answered_with_the_nearest(given, near):
    with pytest.raises(InputError, match=rf"'{given}' \(did you mean '.*{near}'"):
        Environments(given)


def test_what_is_no_environment_is_said():
    with pytest.raises(InputError, match="expected an id of Gymnasium's, a function"):
        Environments(7)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"returned int 3; expected a gymnasium\.Env"):
        Environments(lambda: 3)  # type: ignore[arg-type, return-value]
    with pytest.raises(InputError, match="there is no module 'no_such_module'"):
        Environments("no_such_module:CartPole-v1")
    with pytest.raises(InputError, match="count is 2, and one environment is given"):
        Environments(Counting((1, "T")), count=2)
    with pytest.raises(InputError, match="count is 3; the vector environment given has 2"):
        Environments(vector(SyncVectorEnv, AutoresetMode.SAME_STEP), count=3)
    with pytest.raises(InputError, match="count of Environments is 0"):
        Environments("CartPole-v1", count=0)


def test_options_reach_the_environment_and_an_unknown_one_is_said():
    environments = Environments("FrozenLake-v1", options={"map_name": "8x8"})
    assert environments.observation_space == spaces.Discrete(64)
    assert environments.again(count=1, seed=0).observation_space == spaces.Discrete(64)
    with pytest.raises(InputError, match=r"FrozenLake-v1 has no option 'colour'; it has .*is_slippery"):
        Environments("FrozenLake-v1", options={"colour": "red"})


def test_a_missing_simulator_names_its_extra(monkeypatch):
    def missing(*_, **__):
        raise gymnasium.error.DependencyNotInstalled("Box2D is not installed")

    monkeypatch.setattr(gymnasium, "make", missing)
    with pytest.raises(MissingExtra, match=r'LunarLander-v3 needs box2d; pip install "seqrl\[box2d\]"'):
        Environments("LunarLander-v3")


def test_a_vector_environment_that_hides_its_autoreset_mode_is_refused():
    env = vector(SyncVectorEnv, AutoresetMode.SAME_STEP)
    del env.metadata["autoreset_mode"]
    with pytest.raises(InputError, match=r"metadata\['autoreset_mode'\] of the vector environment is None"):
        Environments(env)


# ---- what breaks the contract ------------------------------------------------------------------------------------


class Broken(Counting):
    """Right until its third step."""

    def __init__(self, result: Callable[[tuple], Any]) -> None:
        super().__init__((9, "T"))
        self.result = result

    def step(self, action):
        right = super().step(action)
        return self.result(right) if self.t == 3 else right


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (lambda r: r[:4], r"step returned tuple \(.*; expected \(observation, reward, terminated, truncated, info\)"),
        (lambda r: None, "step returned NoneType None; expected"),
        (lambda r: (r[0], float("nan"), *r[2:]), "the reward is nan"),
        (lambda r: (r[0], np.float32("-inf"), *r[2:]), "the reward is -inf"),
        (lambda r: (r[0], np.ones(1), *r[2:]), r"the reward ndarray array\(\[1.\]\); expected a number"),
        (lambda r: (r[0], None, *r[2:]), "the reward NoneType None; expected a number"),
        (lambda r: (r[0] * np.nan, *r[1:]), r"an observation that holds NaN: ndarray array\(\[nan, nan\]"),
        (lambda r: (r[0] + np.inf, *r[1:]), "an observation that holds an infinity"),
        (
            lambda r: (np.zeros(3, np.float32), *r[1:]),
            r"the observation ndarray array\(\[0., 0., 0.\].*expected one of Box",
        ),
        (lambda r: (np.zeros(1, np.float32), *r[1:]), "the observation ndarray"),  # NumPy would broadcast it
        (lambda r: (0.0, *r[1:]), "the observation float 0.0; expected one of Box"),
        (lambda r: ("left", *r[1:]), "the observation str 'left'"),
        (lambda r: (*r[:2], 1, *r[3:]), "step returned int 1 for terminated; expected True or False"),
        (lambda r: (*r[:3], None, *r[4:]), "step returned NoneType None for truncated; expected True or False"),
    ],
)
def test_a_step_against_the_contract_says_what_was_returned_where_and_when(result, message):
    makes = iter([lambda r: r, result])
    environments = Environments(lambda: Broken(next(makes)), count=2, seed=0)
    run(environments, 2)
    with pytest.raises(InputError, match=rf"^Broken, environment 1, step 3: .*{message}"):
        environments.step([0, 0])


@pytest.mark.parametrize("value", [2.5, 10, -1, "3", None])
def test_a_discrete_observation_outside_its_space_is_refused(value):
    class Outside(Counting):
        def __init__(self):
            super().__init__((9, "T"))
            self.observation_space = spaces.Discrete(10)

        def observation(self):
            return value if self.t else np.int64(0)

    environments = Environments(Outside(), seed=0)
    with pytest.raises(InputError, match=r"Outside, environment 0, step 1: .*expected one of Discrete\(10\)"):
        environments.step([0])


def test_a_reset_against_the_contract_is_said():
    class Bare(Counting):
        def reset(self, **_):
            return np.zeros(2, np.float32)

    with pytest.raises(
        InputError, match=r"Bare, environment 0, step 0: reset returned ndarray .*\(observation, info\)"
    ):
        Environments(Bare((1, "T")))


def test_an_episode_that_begins_with_nan_is_said():
    class Bad(Counting):
        def observation(self):
            return super().observation() * (np.nan if self.episode == 1 and self.t == 0 else 1)

    makes = iter([Counting, Bad])
    environments = Environments(lambda: next(makes)((2, "T")), count=2, seed=0)
    environments.step([0, 0])
    with pytest.raises(InputError, match=r"^Counting, environment 1, step 2: reset returned an observation that holds"):
        environments.step([0, 0])


def test_a_reset_without_a_seed_is_said():
    class Old(Counting):
        def reset(self):
            return super().reset()

    with pytest.raises(
        InputError, match=r"Old, environment 0, step 0: reset doesn't take a seed .*expected reset\(\*, seed"
    ):
        Environments(Old((1, "T")))


@pytest.mark.parametrize("space", ["observation_space", "action_space"])
def test_an_environment_without_a_space_is_said(space):
    env = Counting((1, "T"))
    delattr(env, space)
    with pytest.raises(InputError, match=f"Counting: the environment has no {space}; expected a gymnasium.Space"):
        Environments(env)


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_a_vector_environment_with_nan_names_the_environment_and_the_step(mode):
    def broken(result):
        return SyncVectorEnv([lambda: Counting((9, "T")), lambda: Broken(result)], autoreset_mode=mode)

    for result, message in (
        (lambda r: (r[0], float("nan"), *r[2:]), "the reward is nan"),
        (lambda r: (r[0] * np.nan, *r[1:]), "an observation that holds NaN"),
    ):
        environments = Environments(broken(result), seed=0)
        run(environments, 2)
        with pytest.raises(InputError, match=rf"SyncVectorEnv, environment 1, step 3: .*{message}"):
            environments.step([0, 0])


class BrokenVector(SyncVectorEnv):
    def __init__(self, result: Callable[[tuple], Any]) -> None:
        super().__init__(two_plans(), autoreset_mode=AutoresetMode.SAME_STEP)
        self.result = result

    def step(self, actions):
        return self.result(super().step(actions))


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (lambda r: r[:4], "expected \\(observations, rewards, terminated, truncated, infos\\)"),
        (lambda r: (r[0][:1], *r[1:]), "step returned the observations"),
        (lambda r: (r[0], r[1][:, None], *r[2:]), "expected 2 numbers"),  # trap 19: it would broadcast
        (lambda r: (*r[:2], r[2].astype(float), *r[3:]), "for terminated; expected 2 of True or False"),
        (lambda r: (*r[:3], r[3][:1], r[4]), "for truncated; expected 2 of True or False"),
        (lambda r: (*r[:4], {}), "infos lacks 'final_obs'"),
    ],
)
def test_a_vector_environment_against_the_contract_says_what_was_returned(result, message):
    environments = Environments(BrokenVector(result), seed=0)
    with pytest.raises(InputError, match=rf"^BrokenVector, step \d: .*{message}"):
        run(environments, 3)


def test_trap_16_a_last_observation_with_nan_names_the_environment():
    def spoiled(result):
        for observation in result[4].get("final_obs", ())[:1]:
            observation[1] = np.nan
        return result

    environments = Environments(BrokenVector(spoiled), seed=0)
    with pytest.raises(InputError, match=r"^BrokenVector, environment 0, step 2: .* holds NaN"):
        run(environments, 3)


@pytest.mark.parametrize("spoiled", [np.float32([7]), np.zeros((1, 2), np.float32), np.array([0j, 0j])])
def test_trap_16_a_last_observation_of_another_shape_or_kind_is_said(spoiled):
    """NumPy would broadcast one number to all of them, and drop the imaginary parts."""

    def spoil(result):
        for i in np.flatnonzero(result[2] | result[3]):
            result[4]["final_obs"][i] = spoiled
        return result

    environments = Environments(BrokenVector(spoil), seed=0)
    with pytest.raises(InputError, match=r"^BrokenVector, step 2: 'final_obs' of environment 0 is .*; expected one of"):
        run(environments, 3)


@pytest.mark.parametrize("wrapped", [F, T])
def test_a_function_that_makes_one_environment_again_and_again_is_said(wrapped):
    """Three that are one would be reset and stepped by each other, and learning by evaluation."""
    one = gymnasium.make("CartPole-v1")

    def make():
        return gymnasium.wrappers.TimeLimit(one, 9) if wrapped else one

    with pytest.raises(InputError, match="returned the same environment twice"):
        Environments(make, count=3)
    environments = Environments(make)
    environments.step([0])
    state = np.array(one.unwrapped.state)
    with pytest.raises(InputError, match="returned the same environment twice"):
        environments.again(count=1, seed=1)
    np.testing.assert_array_equal(one.unwrapped.state, state)  # learning goes on where it was


def test_actions_of_another_number_are_refused():
    for env, count in ("CartPole-v1", 2), (vector(SyncVectorEnv, AutoresetMode.SAME_STEP), 1):
        with pytest.raises(InputError, match=r"actions have the shape \(3,\); expected 2"):
            Environments(env, count=count).step([0, 0, 0])


# ---- limits ------------------------------------------------------------------------------------------------------


def test_max_steps_truncates_what_the_environment_does_not_end():
    environments = Environments(Counting((9, "T")), seed=0, max_steps=3)
    steps = run(environments, 6)
    assert steps.truncated[:, 0].tolist() == [F, F, T] * 2
    assert not steps.terminated.any()
    assert [e.length for e in environments.episodes()] == [3, 3]


def test_max_steps_counts_on_after_a_resume_and_keeps_an_end_of_the_task():
    def make() -> Environments:
        return Environments(lambda: Own((3, "T"), (9, "T")), count=2, seed=0, max_steps=3)

    environments = make()
    run(environments, 4)
    other = make()
    other.load_state(json.loads(json.dumps(environments.state())))
    steps = run(other, 2)
    assert steps.truncated.tolist() == [[F, F], [T, T]]
    assert [e[1:] for e in other.episodes()] == [(3, 6, 0), (3, 6, 1), (3, 12, 0), (3, 12, 1)]
    both = run(make(), 3)
    assert (both.terminated[2].tolist(), both.truncated[2].tolist()) == ([T, T], [T, T])


def test_the_time_limit_is_that_of_the_environment():
    assert Environments("CartPole-v1").time_limit == 500
    assert Environments("CliffWalking-v1").time_limit is None
    assert Environments(gymnasium.make_vec("CartPole-v1", num_envs=2)).time_limit == 500


# ---- rollouts ----------------------------------------------------------------------------------------------------


def test_a_rollout_stacks_steps_and_what_the_policy_noted():
    environments = Environments(vector(SyncVectorEnv, AutoresetMode.NEXT_STEP), seed=0)

    def choose(observations):
        return np.array([1, 2]), {"seen": observations[:, 1].copy(), "pair": np.ones((2, 2))}

    first, second = collect(environments, choose, 4), collect(environments, choose, 2)
    assert first.reward.shape == first.valid.shape == (4, 2)
    assert first.observation.shape == (4, 2, 2)
    assert first.extras["pair"].shape == (4, 2, 2)
    assert first.extras["seen"].tolist() == first.observation[:, :, 1].tolist()
    assert first.next_observation[-1].tolist() == second.observation[0].tolist()
    assert first.reward.dtype == np.float64
    assert second.valid.tolist() == [[F, T], [T, T]]


# ---- exact resume --------------------------------------------------------------------------------------------------

SETTABLE = [
    *("CartPole-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Acrobot-v1", "Pendulum-v1"),
    *("FrozenLake-v1", "CliffWalking-v1", "CliffWalkingSlippery-v1", "Taxi-v4", "Blackjack-v1"),
]


def act_at_random(environments: Environments, rng: np.random.Generator, steps: int) -> list[Any]:
    """Everything that is seen on the way, by value."""
    space = environments.action_space
    seen = []
    for _ in range(steps):
        if isinstance(space, spaces.Discrete):
            actions = rng.integers(0, space.n, environments.count)
        else:
            actions = rng.normal(size=(environments.count, *space.shape))
        seen.append([column.tolist() for column in environments.step(actions)])
    return [*seen, environments.observations.tolist(), environments.episodes(), environments.steps]


def assert_resumes(make: Callable[[int], Environments], before: int, after: int) -> list[Any]:
    whole, rng = make(0), np.random.default_rng(1)
    act_at_random(whole, rng, before)
    saved = json.loads(json.dumps(whole.state()))
    place = rng.bit_generator.state
    expected = act_at_random(whole, rng, after)
    other = make(7)  # another seed: all that matters comes from the state
    act_at_random(other, rng, 5)
    other.load_state(saved)
    rng.bit_generator.state = place
    assert act_at_random(other, rng, after) == expected
    return expected


@pytest.mark.parametrize("name", SETTABLE)
def test_a_saved_state_goes_on_with_the_same_bits(name):
    def make(seed: int) -> Environments:
        return Environments(name, count=2, seed=seed)

    assert make(0).resumable
    *_, episodes, steps = assert_resumes(make, 37, 450)
    assert steps == 2 * 487
    if name in ("CartPole-v1", "FrozenLake-v1", "Blackjack-v1", "MountainCar-v0", "Pendulum-v1", "Taxi-v4"):
        assert episodes  # the random state of later episodes matters too


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("Taxi-v4", {"is_rainy": True, "fickle_passenger": True}),
        ("FrozenLake-v1", {"map_name": "8x8"}),
        ("CartPole-v1", {"max_episode_steps": 20}),
    ],
)
def test_options_resume_too(name, options):
    assert_resumes(lambda seed: Environments(name, seed=seed, options=options), 33, 300)


def test_a_passenger_who_will_change_their_mind_is_a_part_of_the_state():
    def fickle(seed: int) -> Environments:
        return Environments("Taxi-v4", seed=seed, options={"fickle_passenger": True, "fickle_probability": 0.5})

    made = [fickle(seed) for seed in range(12)]
    will, will_not = (
        next(e for e in made if e._runner.envs[0].unwrapped.fickle_step is flag) for flag in (True, False)
    )
    saved = json.loads(json.dumps(will.state()))
    will_not.load_state(saved)
    assert will_not._runner.envs[0].unwrapped.fickle_step is True


@pytest.mark.parametrize("env", ["FrozenLake-v1", lambda: Counting((2, "T"))])
def test_episodes_that_nobody_asked_for_yet_are_a_part_of_the_state(env):
    environments = Environments(env, seed=0)
    run(environments, 60)
    other = Environments(env, seed=1)
    other.load_state(json.loads(json.dumps(environments.state())))
    assert other.episodes() == environments.episodes() != []


def test_the_time_limit_counts_on_after_a_resume():
    environments = Environments("MountainCar-v0", seed=0)
    for _ in range(150):
        environments.step([1])
    other = Environments("MountainCar-v0", seed=1)
    other.load_state(json.loads(json.dumps(environments.state())))
    cut = [bool(other.step([1]).truncated[0]) for _ in range(50)]
    assert cut == [F] * 49 + [T]
    assert other.episodes() == [Episode(-200.0, 200, 200, 0)]


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_a_sync_vector_environment_resumes(mode):
    def make(seed: int) -> Environments:
        return Environments(SyncVectorEnv([lambda: gymnasium.make("CartPole-v1")] * 2, autoreset_mode=mode), seed=seed)

    for before in range(9, 40, 3):  # at an end of an episode too, where a new one is pending
        assert_resumes(make, before, 30)


def test_the_vector_environment_of_cartpole_resumes():
    for before in range(9, 40, 3):
        assert_resumes(lambda seed: Environments(gymnasium.make_vec("CartPole-v1", num_envs=2), seed=seed), before, 40)


class Own(Counting):
    state_attributes = ("episode", "t", "over")

    def observation(self):
        return np.array([self.np_random.integers(100), self.t], np.float32)


def test_an_environment_that_names_its_state_resumes():
    assert_resumes(lambda seed: Environments(lambda: Own((4, "T"), (2, "C")), count=2, seed=seed), 5, 20)


def test_an_environment_whose_state_cannot_be_set_says_so_and_begins_other_episodes():
    class Random(Counting):
        def observation(self):
            return np.array([self.np_random.integers(1000), self.t], np.float32)

    def make() -> Environments:
        return Environments(lambda: Random((5, "T")), seed=0)

    environments = make()
    start = environments.observations.tolist()
    run(environments, 7)
    assert (environments.resumable, environments.obstacle) == (False, "the state of Random can't be set")
    saved = environments.state()
    other = make()
    other.load_state(saved)
    assert other.steps == 7
    assert other.observations[0, 1] == 0
    assert other.observations.tolist() != start  # not the episodes that were had already
    run(other, 5)
    assert [e[1:] for e in other.episodes()] == [(5, 5, 0), (5, 12, 0)]


def test_wrappers_with_a_state_of_their_own_are_an_obstacle():
    env = gymnasium.wrappers.FrameStackObservation(gymnasium.make("CartPole-v1"), 2)
    assert Environments(env).obstacle == "the state of the wrapper FrameStackObservation can't be set"
    asynchronous = AsyncVectorEnv(two_plans(), **FORK)
    with Environments(asynchronous) as environments:
        assert environments.obstacle == "the state of AsyncVectorEnv can't be set"


def test_a_state_without_that_of_the_environments_begins_other_episodes():
    with Environments(cartpoles("async", 2), seed=0) as environments:
        for t in range(30):
            environments.step([t % 2, t % 2])
        saved, start = environments.state(), Environments("CartPole-v1", count=2, seed=0).observations
    other = Environments("CartPole-v1", count=2, seed=0)
    other.load_state(saved)
    assert other.steps == 60
    assert (np.abs(other.observations) <= 0.05).all()
    assert not np.isin(other.observations, start).any()


def test_a_state_of_other_environments_is_refused():
    with pytest.raises(InputError, match="the saved state is of 2 environments; here there are 1"):
        Environments("CartPole-v1").load_state(Environments("CartPole-v1", count=2).state())
    with pytest.raises(InputError, match="the saved state of CartPole-v1 doesn't fit"):
        Environments("CartPole-v1").load_state({**Environments("Taxi-v4").state(), "environments": [{}]})


# ---- what an environment made here has of its own ----------------------------------------------------------------


def test_the_quicker_action_space_holds_the_same_actions():
    environments = Environments("CartPole-v1", seed=0)
    quick, plain = environments._runner.envs[0].action_space, spaces.Discrete(2)
    assert quick == plain
    for x in (0, 1, 2, -1, True, 1.0, np.int64(1), np.int64(2), np.float32(1), np.array(1), "1", None):
        assert quick.contains(x) is plain.contains(x), x


def test_pictures_are_checked_too_and_keep_their_type():
    class Picture(Counting):
        def __init__(self, dtype, value):
            super().__init__((9, "T"))
            self.observation_space = spaces.Box(0, 200, (2, 3), dtype)
            self.value = value

        def observation(self):
            return np.full((2, 3), self.value if self.t == 2 else self.t, getattr(self.value, "dtype", None))

    for dtype in (np.float32, np.uint8):
        steps = run(Environments(Picture(dtype, dtype(7)), seed=0), 3)
        assert steps.next_observation[:, 0, 1, 2].tolist() == [1, 7, 3]
        assert steps.observation.dtype == dtype
    environments = Environments(Picture(np.float32, np.float32("nan")), seed=0)
    environments.step([0])
    with pytest.raises(InputError, match=r"Picture, environment 0, step 2: .*that holds NaN"):
        environments.step([0])
    with pytest.raises(InputError, match=r"step 0: reset .*expected one of Box"):  # 1.5 would become 1
        run(Environments(Picture(np.uint8, np.float64(1.5)), seed=0), 3)


def test_rewards_and_flags_of_numpy_are_those_of_python():
    class OfNumPy(Counting):
        def step(self, action):
            observation, reward, terminated, truncated, info = super().step(action)
            return observation, np.float32(reward), np.bool_(terminated), np.bool_(truncated), info

    plans = iter([((2, "T"), (1, "TC")), ((3, "C"),)])
    environments = Environments(lambda: OfNumPy(*next(plans)), count=2, seed=0)
    steps = run(environments, 6)
    assert (transitions(steps, 0), transitions(steps, 1)) == (FIRST, SECOND)
    assert steps.reward.dtype == np.float64
    assert all(type(e.return_) is float for e in environments.episodes())


def test_a_sum_that_overflows_is_no_reward_that_does():
    class Rich(Counting):
        def step(self, action):
            observation, _, *rest = super().step(action)
            return observation, 1e308, *rest

    assert Environments(lambda: Rich((9, "T")), count=2, seed=0).step([0, 0]).reward.tolist() == [1e308, 1e308]


def test_infinite_rewards_that_cancel_are_found():
    class Opposed(Counting):
        def step(self, action):
            observation, _, *rest = super().step(action)
            return observation, [1.0, np.inf, -np.inf][action], *rest

    environments = Environments(lambda: Opposed((9, "T")), count=3, seed=0)
    with pytest.raises(InputError, match="Opposed, environment 1, step 1: the reward is inf"):
        environments.step([0, 1, 2])


def test_large_numbers_are_finite():
    class Large(Counting):
        def observation(self):
            return np.full(2, 3e38, np.float32)

    assert run(Environments(Large((9, "T")), seed=0), 2).observation.max() == np.float32(3e38)
    both = SyncVectorEnv([lambda: Large((9, "T"))] * 2, autoreset_mode=AutoresetMode.SAME_STEP)
    assert run(Environments(both, seed=0), 2).observation.max() == np.float32(3e38)
