"""Statistics over seeds, against definitions and their own promise."""

import numpy as np
import pytest

from seqrl.agents.statistics import bootstrap_interval, interquartile_mean
from seqrl.errors import InputError


def test_the_interquartile_mean_is_that_of_the_middle_half():
    assert interquartile_mean([100, 1, 2, 3, 4, 5, 6, -100]) == np.mean([2, 3, 4, 5])
    assert interquartile_mean(range(10)) == np.mean([2, 3, 4, 5, 6, 7])  # 2.5 rounds down to 2 at each end
    assert interquartile_mean([1, 2, 6]) == 3
    assert interquartile_mean([7]) == 7


def test_the_interquartile_mean_along_an_axis_is_that_of_each_column(rng):
    curves = rng.normal(size=(9, 4))
    assert interquartile_mean(curves, axis=0).tolist() == [interquartile_mean(column) for column in curves.T]
    assert interquartile_mean(curves) == interquartile_mean(curves.ravel())


def test_one_outlier_moves_the_mean_and_not_the_interquartile_mean(rng):
    scores = rng.normal(size=20)
    wild = np.append(scores, 1e9)
    assert abs(interquartile_mean(wild) - interquartile_mean(scores)) < 1


def test_an_interval_covers_the_true_mean_as_often_as_it_says(rng):
    covered = 0
    for _ in range(400):
        low, high = bootstrap_interval(rng.normal(3, 2, 40), rng=rng, level=0.9, resamples=300)
        covered += low <= 3 <= high
    assert 0.84 < covered / 400 < 0.94  # a percentile interval of 40 is slightly short; 4 deviations are 0.06


def test_an_interval_is_near_that_of_the_normal_distribution(rng):
    scores = rng.normal(size=400)
    low, high = bootstrap_interval(scores, rng=rng, resamples=20_000)
    half = 1.96 * scores.std() / 20
    assert low == pytest.approx(scores.mean() - half, abs=0.05 * half)
    assert high == pytest.approx(scores.mean() + half, abs=0.05 * half)


def test_curves_are_drawn_whole():
    curves = np.array([[0.0, 10.0], [1.0, 9.0], [2.0, 8.0]])  # the two points of each add up to 10
    low, high = bootstrap_interval(curves, rng=np.random.default_rng(0), resamples=500)
    assert low.shape == high.shape == (2,)
    assert low[0] + high[1] == pytest.approx(10)
    assert high[0] + low[1] == pytest.approx(10)


def test_a_point_of_curves_has_the_interval_that_it_has_alone(rng):
    curves = rng.normal(size=(12, 3))
    together = bootstrap_interval(curves, interquartile_mean, rng=np.random.default_rng(5))
    alone = bootstrap_interval(curves[:, 1], interquartile_mean, rng=np.random.default_rng(5))
    assert (together.low[1], together.high[1]) == (alone.low, alone.high)


def test_the_same_generator_gives_the_same_interval_and_equal_scores_have_none():
    scores = np.arange(10.0)
    first = bootstrap_interval(scores, rng=np.random.default_rng(1))
    assert first == bootstrap_interval(scores, rng=np.random.default_rng(1))
    assert first != bootstrap_interval(scores, rng=np.random.default_rng(2))
    assert bootstrap_interval([4.0] * 5, rng=np.random.default_rng(1)) == (4, 4)


def test_a_single_score_has_no_interval(rng):
    assert np.isnan(bootstrap_interval([3.0], rng=rng)).all()
    assert np.isnan(bootstrap_interval([[3.0, 4.0]], rng=rng).low).tolist() == [True, True]


def test_bad_scores_are_said(rng):
    with pytest.raises(InputError, match="no scores to take a mean of"):
        interquartile_mean([])
    with pytest.raises(InputError, match="no scores to take an interval of"):
        bootstrap_interval([], rng=rng)
    with pytest.raises(InputError, match="a score is not a number"):
        bootstrap_interval([1.0, np.nan], rng=rng)
    with pytest.raises(InputError, match="level is 95; expected a probability"):
        bootstrap_interval([1.0, 2.0], rng=rng, level=95)
