"""Running statistics: whatever the pieces, the same numbers as of all at once."""

import itertools

import numpy as np
import pytest

from seqrl.agents.normalization import Moments, ObservationNormalizer, RewardNormalizer
from seqrl.errors import InputError


def test_pieces_of_any_size_give_the_moments_of_the_whole():
    x = np.random.default_rng(0).normal(1e6, 1.0, (37, 3))  # far from 0, where a sum of squares loses the variance
    moments = Moments((3,))
    for part in np.split(x, [1, 2, 10, 10, 30]):
        moments.update(part)
    np.testing.assert_allclose(moments.mean, x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(moments.variance, x.var(axis=0), rtol=1e-6)


def test_merged_workers_give_the_moments_of_all_in_either_order():
    """Trap 29."""
    x = np.random.default_rng(1).normal(size=(20, 2))

    def of(*parts):
        workers = []
        for part in parts:
            workers.append(Moments((2,)))
            workers[-1].update(part)
        first, *others = workers
        for other in others:
            first.merge(other)
        return first

    for made in of(x[:3], x[3:]), of(x[3:], x[:3]), of(x[:0], x), of(x, x[:0]):
        np.testing.assert_allclose(made.mean, x.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(made.variance, x.var(axis=0), rtol=1e-12)


def test_observations_are_standardised_and_clipped_and_reading_changes_nothing():
    """Trap 25: an evaluation only reads."""
    normalizer = ObservationNormalizer(2, limit=3.0)
    x = np.random.default_rng(2).normal([5, -3], [2, 0.1], (1000, 2))
    normalizer.update(x)
    before = normalizer.state()
    z = normalizer(x)
    assert z.dtype == np.float32
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=0.05)
    np.testing.assert_allclose(z.std(axis=0), 1, atol=0.05)
    np.testing.assert_array_equal(normalizer(np.array([[1e9, -1e9]])), [[3, -3]])
    for name, array in normalizer.state().items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("parts", [[], [1, 2, 3], [2]])
def test_the_discounted_sum_begins_anew_after_an_end_and_skips_resets(parts):
    """Trap 17: the invalid row of a reset counts nowhere; in whatever pieces the steps come."""
    normalizer = RewardNormalizer(2, 0.5)
    rewards = np.array([[1, 1], [1, 2], [7, 1], [1, 1]], float)
    ended = np.array([[0, 0], [1, 0], [0, 0], [0, 0]], bool)
    valid = np.array([[1, 1], [1, 1], [0, 1], [1, 1]], bool)
    running = {1: [1, 1], 2: [0, 2.5], 3: [0, 2.25], 4: [1, 2.125]}  # after so many steps
    edges = [0, *parts, 4]
    for start, stop in itertools.pairwise(edges):
        normalizer.update(rewards[start:stop], ended[start:stop], valid[start:stop])
        assert normalizer.running.tolist() == running[stop]
    values = [1, 1, 1.5, 2.5, 2.25, 1, 2.125]
    assert normalizer.moments.count == len(values)
    np.testing.assert_allclose(normalizer.moments.variance, np.var(values))
    np.testing.assert_allclose(normalizer(np.array([2.0])), 2 / np.std(values), rtol=1e-6)


def test_what_is_normalised_follows_the_statistics():
    """Merged or loaded, as well as updated."""
    x = np.random.default_rng(4).normal(3, 2, (3, 50, 1))
    normalizer, other = ObservationNormalizer(1), ObservationNormalizer(1)
    for change in (
        lambda: normalizer.update(x[0]),
        lambda: (other.update(x[1]), normalizer.moments.merge(other.moments)),
        lambda: (other.update(x[2]), normalizer.load_state(other.state())),
    ):
        change()
        moments = normalizer.moments
        np.testing.assert_allclose(normalizer(x[0]), (x[0] - moments.mean) / np.sqrt(moments.variance), rtol=1e-5)


@pytest.mark.parametrize("make", [lambda: ObservationNormalizer(3), lambda: RewardNormalizer(3, 0.9)])
def test_a_saved_state_goes_on_with_the_same_numbers(make):
    rng = np.random.default_rng(3)
    first, second = make(), make()

    def feed(normalizer, x):
        if isinstance(normalizer, RewardNormalizer):
            normalizer.update(x[None], x[None] > 1, np.ones((1, 3), bool))
        else:
            normalizer.update(x[None])

    for x in rng.normal(size=(5, 3)):
        feed(first, x)
    second.load_state(first.state())
    for x in rng.normal(size=(5, 3)):
        feed(first, x)
        feed(second, x)
    probe = rng.normal(size=(1, 3))
    np.testing.assert_array_equal(first(probe), second(probe))


def test_other_shapes_are_refused():
    with pytest.raises(InputError, match=r"a batch of shape \(4, 3\); expected \(B, 2\)"):
        Moments((2,)).update(np.zeros((4, 3)))
    with pytest.raises(InputError, match="of 2 environments; expected 3"):
        RewardNormalizer(3, 0.9).load_state(RewardNormalizer(2, 0.9).state())
