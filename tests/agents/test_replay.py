import numpy as np
import pytest
from gymnasium import spaces

from seqrl.agents.replay import PrioritisedReplay, Replay, SumTree
from seqrl.agents.rollouts import Steps
from seqrl.errors import InputError

COUNT = spaces.Box(-np.inf, np.inf, (1,), np.float32)
TWO = spaces.Discrete(2)


def steps(at, reward=None, terminated=False, truncated=False, valid=True):
    """One step of each environment from the numbers `at` to those plus 1; the action is the parity of the number."""
    at = np.atleast_1d(np.asarray(at, np.float64))
    flags = [np.broadcast_to(flag, at.shape).copy() for flag in (terminated, truncated, valid)]
    reward = at if reward is None else np.broadcast_to(np.asarray(reward, np.float64), at.shape).copy()
    return Steps(
        at[:, None].astype(np.float32), at.astype(np.int64) % 2, reward, (at + 1)[:, None].astype(np.float32), *flags
    )


def rows_of(replay):
    """By the first observation: (reward, next observation, discount)."""
    return {
        float(replay.observation[row, 0]): (
            float(replay.reward[row]),
            float(replay.next_observation[row, 0]),
            float(replay.discount[row]),
        )
        for row in range(len(replay))
    }


def make(kind=Replay, capacity=100, **options):
    return kind(capacity, COUNT, TWO, **options)


@pytest.mark.parametrize("kind", [Replay, PrioritisedReplay])
def test_trap_20_what_is_drawn_after_the_ring_turned_fits_together(kind):
    """A row is never half of one transition and half of the one that overwrites it."""
    replay = make(kind, 10)
    rng = np.random.default_rng(0)
    for n in range(37):
        replay.add(steps([n, 1000 + n, 2000 + n]))
        batch = replay.sample(40, rng)
        assert (batch.next_observation == batch.observation + 1).all()
        assert (batch.reward == batch.observation[:, 0]).all()
        assert (batch.action == batch.observation[:, 0] % 2).all()
        assert set(batch.observation.ravel() % 1000) <= set(range(max(0, n - 3), n + 1))
    assert len(replay) == 10


@pytest.mark.parametrize("kind", [Replay, PrioritisedReplay])
def test_trap_20_the_replay_shares_memory_with_nothing_and_s_not_with_its_successor(kind):
    replay, step = make(kind), steps([1, 2])
    replay.add(step)
    for array in step:
        array[...] = 0
    assert rows_of(replay) == {1.0: (1.0, 2.0, 0.99), 2.0: (2.0, 3.0, 0.99)}
    assert not np.shares_memory(replay.observation, replay.next_observation)
    batch = replay.sample(8, np.random.default_rng(0))
    for array in batch[:5]:
        array[...] = 7
    assert rows_of(replay)[1.0] == (1.0, 2.0, 0.99)


@pytest.mark.parametrize("kind", [Replay, PrioritisedReplay])
@pytest.mark.parametrize("n_step", [1, 3])
@pytest.mark.parametrize("capacity", [9, 10, 100])
def test_several_steps_at_once_are_what_they_are_one_by_one(kind, n_step, capacity):
    one, other = (make(kind, capacity, n_step=n_step) for _ in range(2))
    rng = np.random.default_rng(0)
    for count in 1, 3, 5, 2, 0, 4:
        taken = [
            steps(rng.integers(1000, size=3), terminated=rng.random(3) < 0.2, valid=rng.random(3) < 0.8)
            for _ in range(count)
        ]
        one.extend(taken)
        for step in taken:
            other.add(step)
        (arrays, state), (expected, expected_state) = one.state(), other.state()
        assert state == expected_state
        for name, array in expected.items():
            np.testing.assert_array_equal(arrays[name], array, err_msg=name)


def test_invalid_rows_are_left_out():
    replay = make()
    replay.add(steps([1, 2, 3], valid=[True, False, True]))
    assert sorted(rows_of(replay)) == [1.0, 3.0]
    replay.add(steps([4, 5, 6], valid=False))
    assert len(replay) == 2


def test_trap_15_truncation_keeps_its_discount_and_termination_does_not():
    replay = make(gamma=0.5)
    replay.add(steps([1, 2, 3, 4], terminated=[True, False, True, False], truncated=[False, True, True, False]))
    discounts = {at: discount for at, (_, _, discount) in rows_of(replay).items()}
    assert discounts == {1.0: 0.0, 2.0: 0.5, 3.0: 0.0, 4.0: 0.5}


def test_trap_18_windows_of_three_steps_end_with_the_episode_by_hand():
    """Rewards 1, 2, 4, 8 and the end after the fourth; gamma 1/2; then another episode."""
    for truncated, last in (True, [0.125, 0.25, 0.5]), (False, [0, 0, 0]):
        replay = make(n_step=3, gamma=0.5)
        for k, reward in enumerate([1, 2, 4, 8]):
            replay.add(steps(k, reward, terminated=k == 3 and not truncated, truncated=k == 3 and truncated))
        replay.add(steps(50, 100.0))
        assert rows_of(replay) == {
            0.0: (1 + 2 / 2 + 4 / 4, 3.0, 0.125),
            1.0: (2 + 4 / 2 + 8 / 4, 4.0, last[0]),
            2.0: (4 + 8 / 2, 4.0, last[1]),  # two steps were left: gamma^2
            3.0: (8.0, 4.0, last[2]),
            50.0: (100.0, 51.0, 0.5),  # its window is still growing
        }


def test_trap_15_a_window_that_ends_by_both_flags_at_once_is_terminated():
    replay = make(n_step=3, gamma=0.5)
    for k in range(3):
        replay.add(steps(k, 1.0, terminated=k == 2, truncated=k == 2))
    assert {at: discount for at, (_, _, discount) in rows_of(replay).items()} == {0.0: 0, 1.0: 0, 2.0: 0}


@pytest.mark.parametrize("n", [2, 3, 5])
def test_trap_18_windows_of_several_environments_in_a_small_ring(n):
    """Against the definition, computed from each episode's rewards; episodes end at random, some rows are invalid."""
    rng, gamma, N = np.random.default_rng(n), 0.9, 3
    replay = make(capacity=n * N + 2, n_step=n, gamma=gamma)
    episodes, current = [], [[] for _ in range(N)]
    for clock in range(60):
        at = np.array([1000 * e + clock for e in range(N)], np.float64)
        reward, valid = rng.normal(size=N), rng.random(N) < 0.8
        terminated, truncated = rng.random((2, N)) < 0.15
        replay.add(steps(at, reward, terminated & valid, truncated & valid, valid))
        for e in np.flatnonzero(valid):
            current[e].append((at[e], reward[e], terminated[e]))
            if terminated[e] or truncated[e]:
                episodes.append(current[e])
                current[e] = []
    expected = {}
    for episode in [*episodes, *current]:
        for t in range(len(episode)):
            window = episode[t : t + n]
            total = sum(gamma**k * reward for k, (_, reward, _) in enumerate(window))
            at_end, _, ended = window[-1]
            expected[episode[t][0]] = total, at_end + 1, 0 if ended else gamma ** len(window)
    found = rows_of(replay)
    assert len(found) == replay.capacity
    for at, row in found.items():
        assert row == pytest.approx(expected[at], abs=1e-12)


def test_cut_ends_the_windows_without_an_episode_s_end():
    replay = make(n_step=4, gamma=0.5)
    replay.add(steps(1))
    replay.cut()
    replay.add(steps(8))
    assert rows_of(replay) == {1.0: (1.0, 2.0, 0.5), 8.0: (8.0, 9.0, 0.5)}


@pytest.mark.parametrize("kind", [Replay, PrioritisedReplay])
def test_a_restored_replay_goes_on_with_the_same_bits(kind):
    rng = np.random.default_rng(0)
    ends = rng.random(60) < 0.2
    first, other = (make(kind, 16, n_step=3) for _ in range(2))
    for n in range(40):
        first.add(steps([n, 100 + n], terminated=ends[n]))
    if kind is PrioritisedReplay:
        first.update(np.arange(10), rng.normal(size=10))
        for n in range(50):
            other.add(steps([n, n]))
    arrays, state = first.state()
    other.load_state({name: array.copy() for name, array in arrays.items()}, state)
    for n in range(40, 60):
        for replay in first, other:
            replay.add(steps([n, 100 + n], terminated=ends[n]))
        batches = [replay.sample(8, np.random.default_rng(n)) for replay in (first, other)]
        for a, b in zip(*batches, strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_state_that_does_not_fit_is_refused_before_anything_changes():
    small, large = make(capacity=5), make(capacity=9)
    for n in range(9):
        large.add(steps(n))
    with pytest.raises(InputError, match="a state of 9 transitions; this replay holds 5"):
        small.load_state(*large.state())
    arrays, state = large.state()
    del arrays["reward"]
    with pytest.raises(InputError, match="'reward' is missing"):
        make(capacity=9).load_state(arrays, state)


def test_uniform_draws_reach_every_row_alike():
    replay = make(capacity=20)
    for n in range(33):
        replay.add(steps(n))
    index = replay.sample(40_000, np.random.default_rng(0)).rows
    assert np.bincount(index, minlength=20) / 2000 == pytest.approx(np.ones(20), abs=0.12)


@pytest.mark.parametrize("capacity", [1, 7, 32, 33, 1500])
def test_a_sum_tree_finds_as_the_running_sum_does(capacity):
    rng = np.random.default_rng(capacity)
    tree, numbers = SumTree(capacity), np.zeros(capacity)
    for _ in range(20):
        index = rng.integers(capacity, size=12)
        value = rng.random(12) * (rng.random(12) < 0.7) + (index == 0)
        tree.set(index, value)
        numbers[index] = value  # NumPy, too, keeps the last of those that occur twice
    assert tree.total == pytest.approx(numbers.sum(), rel=1e-12)
    marks = np.concatenate([[0.0, np.nextafter(1, 0)], rng.random(500)])
    found = tree.find(marks)
    assert (tree[found] > 0).all()
    expected = np.searchsorted(numbers.cumsum(), marks * numbers.sum(), side="right")
    assert (found == expected)[2:].all()


def test_priorities_decide_how_often_a_row_is_drawn_and_weights_correct_it():
    replay = make(PrioritisedReplay, 8, alpha=0.5, beta=1.0, eps=0.0)
    for n in range(5):
        replay.add(steps(n))
    errors = np.array([0.0, 1.0, -4.0, 9.0, 16.0])
    replay.update(np.arange(5), errors)
    batch = replay.sample(10_000, np.random.default_rng(0))
    chances = np.sqrt(np.abs(errors)) / 10
    assert np.bincount(batch.rows, minlength=5) / 10_000 == pytest.approx(chances, abs=2e-4)  # stratified
    assert batch.weight == pytest.approx(1 / chances[batch.rows] * 0.1)  # 1 for the rarest
    # With beta 1 a weighted mean is that of uniform draws, but for the factor.
    values = np.array([0.0, 3.0, -1.0, 2.0, 5.0])
    assert (batch.weight * values[batch.rows]).mean() == pytest.approx(values.sum() / 10, rel=1e-2)


def test_new_transitions_have_the_largest_priority_so_far():
    replay = make(PrioritisedReplay, 4, alpha=1.0, eps=0.0)
    replay.add(steps([0, 1, 2]))
    replay.update(np.arange(3), np.array([0.5, 3.0, 1.5]))
    replay.add(steps([3, 4]))  # the second takes row 0
    counts = np.bincount(replay.sample(10_500, np.random.default_rng(0)).rows, minlength=4)
    assert counts / 1000 == pytest.approx([3, 3, 1.5, 3], abs=0.01)


def test_errors_that_make_no_priority_are_refused():
    replay = make(PrioritisedReplay)
    replay.add(steps([0, 1]))
    with pytest.raises(InputError, match="not finite"):
        replay.update(np.arange(2), np.array([1.0, np.nan]))
    with pytest.raises(InputError, match=r"\(2, 1\) don't fit rows of shape \(2,\)"):
        replay.update(np.arange(2), np.ones((2, 1)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"capacity": 0}, "capacity of a replay is 0"),
        ({"n_step": 0}, "n_step of a replay is 0"),
        ({"gamma": 1.5}, "gamma is 1.5"),
    ],
)
def test_sizes_that_make_no_replay_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        make(**options)


def test_other_misuse_is_refused():
    with pytest.raises(InputError, match="empty"):
        make().sample(3, np.random.default_rng(0))
    with pytest.raises(InputError, match="too small for 3 environments and windows of 2 steps; expected 6"):
        make(capacity=5, n_step=2).add(steps([1, 2, 3]))
    with pytest.raises(InputError, match="Text"):
        Replay(5, spaces.Text(4), TWO)


def test_images_keep_their_bytes_and_float64_becomes_what_networks_take():
    assert Replay(2, spaces.Box(0, 255, (4, 4), np.uint8), TWO).observation.dtype == np.uint8
    assert Replay(2, spaces.Box(0, 1, (4,), np.float64), TWO).observation.dtype == np.float32
