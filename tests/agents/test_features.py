import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqrl.agents.features import Features, Fourier, Polynomial, RadialBasis, TileCoding
from seqrl.errors import InputError

LOW, HIGH = [-1.2, -0.07], [0.6, 0.07]

MAKERS: dict[str, Callable[[], Features]] = {
    "tiles": lambda: TileCoding(LOW, HIGH, tilings=8, tiles=8),
    "hashed": lambda: TileCoding(LOW, HIGH, tilings=4, tiles=8, table=512),
    "radial": lambda: RadialBasis(LOW, HIGH, centres=5),
    "narrow": lambda: RadialBasis(LOW, HIGH, centres=4, width=0.4),
    "polynomial": lambda: Polynomial(LOW, HIGH, order=3),
    "fourier": lambda: Fourier(LOW, HIGH, order=4),
}


@pytest.fixture(params=MAKERS)
def features(request: pytest.FixtureRequest) -> Features:
    return MAKERS[request.param]()


def inside(rng: np.random.Generator, *shape: int) -> Any:
    return rng.uniform(LOW, HIGH, (*shape, 2))


def test_one_observation_or_many_in_any_shape_give_the_same_features(
    features: Features, rng: np.random.Generator
) -> None:
    x = inside(rng, 3, 4)
    phi = features(x)
    assert phi.shape == (3, 4, features.size) and phi.dtype == np.float64
    for i, j in np.ndindex(3, 4):
        np.testing.assert_allclose(features(x[i, j]), phi[i, j], rtol=1e-12)


def test_values_are_the_products_of_features_and_weights(features: Features, rng: np.random.Generator) -> None:
    x, weights = inside(rng, 7), rng.normal(size=(features.size, 3))
    expected = features(x) @ weights
    np.testing.assert_allclose(features.values(features.encode(x), weights), expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(features.values(features.encode(x[0]), weights), expected[0], rtol=1e-10, atol=1e-12)


def test_adding_goes_along_the_gradient_of_the_values_scaled_by_the_rates(
    features: Features, rng: np.random.Generator
) -> None:
    """d(sum amounts * values) / d weights by finite differences: values are linear, so a step of 1 is exact."""
    x, amounts = inside(rng, 5), rng.normal(size=(5, 2))
    code, weights = features.encode(x), rng.normal(size=(features.size, 2))
    gradient = np.zeros_like(weights)
    for place in rng.choice(features.size, min(features.size, 30), replace=False):
        for column in range(2):
            up = np.zeros_like(weights)
            up[place, column] = 1.0
            gradient[place, column] = (amounts * features.values(code, up)).sum()
            added = np.zeros_like(weights)
            features.add(added, code, amounts)
            rate = np.broadcast_to(features.rate, features.size)[place]
            assert added[place, column] == pytest.approx(rate * gradient[place, column], abs=1e-12)


def test_trap_26_the_step_size_is_divided_by_the_number_of_tilings() -> None:
    for tilings in 1, 8, 32:
        features = TileCoding(LOW, HIGH, tilings=tilings)
        weights = np.zeros((features.size, 1))
        code = features.encode(np.array([[-0.5, 0.01]]))
        features.add(weights, code, np.array([[0.25 * 8.0]]))  # a quarter of the way to a target of 8
        assert features.values(code, weights).item() == pytest.approx(2.0, rel=1e-12)
        assert features.rate == 1 / tilings


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_learning_rate_of_one_never_overshoots(u: float, v: float) -> None:
    x = np.array(LOW) + np.array([u, v]) * (np.array(HIGH) - LOW)
    for name, make in MAKERS.items():
        if name != "hashed":  # two tiles of one observation may share a weight there
            features = make()
            assert (features.rate * features(x) ** 2).sum() <= 1 + 1e-6, name


def test_no_learning_rate_is_wasted(features: Features) -> None:
    """Somewhere in the box a learning rate of 1 goes nearly all the way."""
    x = np.stack(np.meshgrid(*(np.linspace(a, b, 41) for a, b in zip(LOW, HIGH, strict=True))), axis=-1)
    assert (features.rate * features(x) ** 2).sum(axis=-1).max() > 0.98


def test_beyond_the_box_is_as_on_its_edge(features: Features) -> None:
    np.testing.assert_array_equal(features(np.array([-9.0, 0.01])), features(np.array([-1.2, 0.01])))
    np.testing.assert_array_equal(features(np.array([0.1, np.inf])), features(np.array([0.1, 0.07])))


def test_tiles_are_those_of_the_published_displacements() -> None:
    """In integers, as in section 9.5.4: tile = floor((n q + k (2 d + 1) mod n) / n) with q quantised to 1/n tiles."""
    n, tiles = 8, 6
    features = TileCoding([0, 0, 0], [1, 1, 1], tilings=n, tiles=tiles)
    rng = np.random.default_rng(1)
    fine = rng.integers(0, n * tiles, (200, 3))  # which n-th of a tile
    active = features.encode((fine + 0.5) / (n * tiles))
    for q, row in zip(fine, active, strict=True):
        for k in range(n):
            tile = [(q[d] + k * (2 * d + 1) % n) // n for d in range(3)]
            assert row[k] == k * (tiles + 1) ** 3 + np.dot(tile, [(tiles + 1) ** 2, tiles + 1, 1])


def test_near_observations_share_more_tiles_and_far_ones_none() -> None:
    features = TileCoding([0, 0], [1, 1], tilings=8, tiles=10)
    here = set(features.encode(np.array([0.52, 0.48])).tolist())
    shared = [
        len(here & set(features.encode(np.array([0.52 + far, 0.48])).tolist())) for far in (0, 0.02, 0.05, 0.08, 0.2)
    ]
    assert shared[0] == 8 and shared[-1] == 0
    assert shared == sorted(shared, reverse=True) and 0 < shared[2] < 8


def test_each_tile_has_its_own_weight_without_a_table() -> None:
    features = TileCoding([0, 0], [1, 1], tilings=4, tiles=(3, 5))
    x = np.stack(np.meshgrid(np.linspace(0, 1, 120), np.linspace(0, 1, 120)), axis=-1)
    active = features.encode(x)
    assert features.size == 4 * 4 * 6
    assert active.min() >= 0 and active.max() < features.size
    for tiling in range(4):
        assert np.array_equal(np.unique(active[..., tiling] // 24), [tiling])  # tilings share none
    assert len(np.unique(active)) > 0.85 * features.size  # but for tiles outside the box, which no displacement meets


def test_one_tiling_is_a_table_of_states() -> None:
    features = TileCoding([0], [19], tilings=1, tiles=19)
    assert features.encode(np.arange(19)[:, None])[:, 0].tolist() == list(range(19))


def test_tiles_are_numbered_by_dimension() -> None:
    features = TileCoding([0, 0], [1, 1], tilings=1, tiles=(2, 4))
    assert features.encode(np.array([[0.0, 0.3], [0.6, 0.0], [1.0, 1.0]]))[:, 0].tolist() == [1, 5, 14]


HASHED = """
from seqrl.agents.features import TileCoding
import numpy as np
x = np.random.default_rng(3).uniform(-1, 1, (50, 6))
print(TileCoding([-1] * 6, [1] * 6, tilings=8, tiles=9, table=1000).encode(x).ravel().tolist())
"""


def test_trap_26_hashing_does_not_vary_by_process() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", HASHED], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    features = TileCoding([-1] * 6, [1] * 6, tilings=8, tiles=9, table=1000)
    x = np.random.default_rng(3).uniform(-1, 1, (50, 6))
    assert outputs.pop().strip() == str(features.encode(x).ravel().tolist())


def test_trap_26_hashed_weights_are_the_same_on_every_machine() -> None:
    """A saved agent must find its weights again: these are the numbers since the first version."""
    features = TileCoding([0, 0], [1, 1], tilings=3, tiles=4, table=100)
    assert features.encode(np.array([[0.1, 0.9], [0.5, 0.5]])).tolist() == HASHES


HASHES = [[26, 98, 61], [61, 43, 81]]


def test_hashing_spreads_tiles_evenly_over_the_table(rng: np.random.Generator) -> None:
    features = TileCoding([0] * 4, [1] * 4, tilings=16, tiles=9, table=256)
    tiles = TileCoding([0] * 4, [1] * 4, tilings=16, tiles=9)
    x = rng.random((4000, 4))
    numbers, first = np.unique(tiles.encode(x), return_index=True)
    counts = np.bincount(features.encode(x).ravel()[first], minlength=256)
    expected = len(numbers) / 256
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert abs(chi_square - 255) < 5 * np.sqrt(2 * 255)  # as of a uniform draw, within five deviations


def test_trap_26_looking_up_changes_nothing(features: Features, rng: np.random.Generator) -> None:
    before = {name: np.array(value, copy=True) for name, value in vars(features).items() if value is not None}
    weights = np.zeros((features.size, 2))
    features.values(features.encode(inside(rng, 100)), weights)
    assert weights.shape == (features.size, 2) and not weights.any()
    assert vars(features).keys() >= before.keys()
    for name, value in before.items():
        np.testing.assert_array_equal(vars(features)[name], value)


def test_tiles_of_one_observation_that_share_a_weight_both_count() -> None:
    features = TileCoding([0, 0], [1, 1], tilings=8, tiles=4, table=3)
    x = np.array([[0.3, 0.8]])
    weights = np.zeros((3, 1))
    features.add(weights, features.encode(x), np.ones((1, 1)))
    assert features(x).sum() == 8
    np.testing.assert_allclose(weights[:, 0], features(x)[0] / 8)


def test_radial_features_are_one_at_their_centres_and_fall_as_a_bell() -> None:
    features = RadialBasis([0, 0], [2, 4], centres=3, width=0.5)
    phi = features(np.array([1.0, 2.0]))  # the middle one of nine
    assert phi[4] == 1.0
    assert phi[1] == phi[3] == phi[5] == phi[7] == pytest.approx(np.exp(-2))  # two widths away
    assert phi[0] == pytest.approx(np.exp(-4))


def test_polynomials_are_products_of_powers() -> None:
    features = Polynomial([0, 0], [1, 2], order=2)
    a, b = 0.5, 0.75
    assert features(np.array([a, 2 * b])).tolist() == pytest.approx(
        [a**i * b**j for i in range(3) for j in range(3)], rel=1e-12
    )


def test_fourier_features_are_cosines_and_their_rates_fall_with_frequency() -> None:
    features = Fourier([0, 0], [1, 1], order=2)
    x = np.array([0.2, 0.7])
    frequencies = [(i, j) for i in range(3) for j in range(3)]
    expected = [np.cos(np.pi * (i * 0.2 + j * 0.7)) for i, j in frequencies]
    np.testing.assert_allclose(features(x), expected, rtol=1e-12)
    rates = np.broadcast_to(features.rate, 9)
    assert rates / rates[0] == pytest.approx([1 / max(np.hypot(i, j), 1) for i, j in frequencies])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: TileCoding([0, -np.inf], [1, 1]), r"bounds -inf and 1 of observation \[1\]"),
        (lambda: TileCoding([0, 2], [1, 2]), "low < high"),
        (lambda: TileCoding([0], [1, 1]), "shapes"),
        (lambda: TileCoding([0], [1], tilings=0), "tilings of TileCoding is 0"),
        (lambda: TileCoding([0, 0], [1, 1], tiles=(4, 0)), r"tiles\[1\] of TileCoding is 0"),
        (lambda: TileCoding([0, 0], [1, 1], tiles=(4, 4, 4)), "3 numbers for 2 dimensions"),
        (lambda: TileCoding([0] * 9, [1] * 9, tiles=9), "a table to share"),
        (lambda: TileCoding([0] * 40, [1] * 40, tiles=9, table=100), r"fewer than 2\^62"),
        (lambda: RadialBasis([0], [1], centres=1), "1 centres"),
        (lambda: RadialBasis([0], [1], width=0), "width 0"),
        (lambda: Polynomial([0] * 20, [1] * 20, order=3), "a lower order"),
        (lambda: Fourier([0], [1], order=0), "order of Fourier is 0"),
        (lambda: Fourier([0, 0], [1, 1])(np.zeros(3)), r"shape \(3,\)"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_line(make: Callable[[], Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        make()
