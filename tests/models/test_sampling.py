from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqrl.errors import InputError
from seqrl.models.sampling import probabilities, sample

P = np.array([0.1, 0.4, 0.2, 0.3])
LOGITS = np.log(P)[None]


def of(**options: Any) -> list[float]:
    [row] = probabilities(LOGITS, **options)
    return [float(p) for p in row]


def test_temperature_one_gives_the_softmax() -> None:
    assert of() == pytest.approx(P)


def test_temperature_raises_probabilities_to_its_inverse() -> None:
    assert of(temperature=0.5) == pytest.approx(P**2 / (P**2).sum())
    assert of(temperature=2.0) == pytest.approx(P**0.5 / (P**0.5).sum())


def test_temperature_zero_is_greedy_and_the_lowest_id_of_equals() -> None:
    assert of(temperature=0) == [0, 1, 0, 0]
    rng = np.random.default_rng(0)
    assert sample(np.array([[1.0, 3, 3], [5, 5, 1]]), rng, temperature=0).tolist() == [1, 0]
    assert rng.random() == np.random.default_rng(0).random()  # greedy draws nothing


def test_a_very_low_temperature_is_greedy_without_overflow() -> None:
    assert of(temperature=1e-300) == [0, 1, 0, 0]
    far_apart = np.array([[-3e38, 3e38, 0]], np.float32)
    np.testing.assert_array_equal(probabilities(far_apart, temperature=1e-300), [[0, 1, 0]])


def test_top_k_keeps_the_k_most_probable() -> None:
    assert of(top_k=1) == [0, 1, 0, 0]
    assert of(top_k=2) == pytest.approx([0, 4 / 7, 0, 3 / 7])
    assert of(top_k=4) == pytest.approx(P)
    assert of(top_k=100) == pytest.approx(P)


def test_top_p_keeps_the_smallest_set_that_reaches_p() -> None:
    assert of(top_p=1e-9) == [0, 1, 0, 0]  # at least one
    assert of(top_p=0.39) == [0, 1, 0, 0]
    assert of(top_p=0.41) == pytest.approx([0, 4 / 7, 0, 3 / 7])
    assert of(top_p=0.89) == pytest.approx([0, 4 / 9, 2 / 9, 3 / 9])
    assert of(top_p=1.0) == pytest.approx(P)


def test_top_p_that_is_met_exactly_takes_no_further_one() -> None:
    quarters = np.zeros((1, 4))
    assert probabilities(quarters, top_p=0.5).tolist() == [[0.5, 0.5, 0, 0]]
    assert probabilities(quarters, top_p=0.75).tolist() == [[1 / 3, 1 / 3, 1 / 3, 0]]


def test_ties_at_the_edge_of_top_k_go_to_the_lower_ids() -> None:
    assert probabilities(np.array([[0.0, 1, 0, 1, 0]]), top_k=3)[0].nonzero()[0].tolist() == [0, 1, 3]


def test_top_p_is_a_share_of_what_top_k_and_temperature_leave() -> None:
    assert of(top_k=2, top_p=0.57) == [0, 1, 0, 0]  # 4/7 = 0.571
    assert of(top_k=2, top_p=0.58) == pytest.approx([0, 4 / 7, 0, 3 / 7])
    assert of(temperature=0.5, top_p=0.5) == [0, 1, 0, 0]  # 16/30
    assert of(temperature=0.5, top_p=0.54) == pytest.approx([0, 16 / 25, 0, 9 / 25])


def test_rows_have_their_own_sets() -> None:
    rows = np.log(np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]]))
    assert (probabilities(rows, top_p=0.65) > 0).tolist() == [[True, False, False], [False, True, True]]


def test_draws_are_as_frequent_as_probable() -> None:
    draws = sample(np.repeat(LOGITS, 100_000, axis=0), np.random.default_rng(0))
    assert np.bincount(draws, minlength=4) / 100_000 == pytest.approx(P, abs=0.005)


def test_the_seed_decides_the_draws() -> None:
    rows = np.repeat(LOGITS, 50, axis=0)
    first, again, other = (sample(rows, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.tolist() == again.tolist() != other.tolist()


def test_a_row_is_drawn_as_if_alone() -> None:
    together = sample(np.repeat(LOGITS, 5, axis=0), np.random.default_rng(3))
    rng = np.random.default_rng(3)
    assert together.tolist() == [int(sample(LOGITS, rng)[0]) for _ in range(5)]


def test_a_logit_of_minus_infinity_is_never_drawn() -> None:
    logits = np.array([[-np.inf, 0.0, -np.inf]])
    assert probabilities(logits).tolist() == [[0, 1, 0]]
    assert probabilities(logits, top_k=3, top_p=0.9).tolist() == [[0, 1, 0]]


class Extreme(np.random.Generator):
    """Draws the smallest or the largest number that there is."""

    def __init__(self, draw: float) -> None:
        super().__init__(np.random.PCG64(0))
        self.draw = draw

    def random(self, size: int) -> Any:  # type: ignore[override]
        return np.full(size, self.draw)


@given(st.lists(st.floats(-30, 30), min_size=1, max_size=30), st.sampled_from([0.0, np.nextafter(1.0, 0.0)]))
def test_the_extreme_draws_give_ids_that_have_a_probability(values: list[float], draw: float) -> None:
    logits = np.array([[-np.inf, *values, -np.inf]])
    [drawn] = sample(logits, Extreme(draw), top_p=0.9)
    assert probabilities(logits, top_p=0.9)[0, drawn] > 0


@given(st.lists(st.floats(-20, 20), min_size=1, max_size=40), st.floats(0.01, 1), st.integers(1, 40))
def test_the_kept_set_is_the_smallest_that_reaches_p(values: list[float], top_p: float, top_k: int) -> None:
    logits = np.array([values])
    [p] = probabilities(logits)
    [kept] = probabilities(logits, top_p=top_p)
    assert p[kept > 0].sum() >= top_p - 1e-9
    if (kept > 0).sum() > 1:
        assert p[kept > 0].sum() - p[kept > 0].min() < top_p + 1e-9
    assert (probabilities(logits, top_k=top_k)[0] > 0).sum() == min(top_k, len(values))


def test_float32_logits_are_not_changed() -> None:
    logits = LOGITS.astype(np.float32)
    before = logits.copy()
    sample(logits, np.random.default_rng(0), temperature=0.7, top_k=2, top_p=0.9)
    assert (logits == before).all()


BAD: list[tuple[dict[str, float], str]] = [
    ({"temperature": -1}, "the temperature is -1; expected 0"),
    ({"temperature": np.nan}, "the temperature is nan"),
    ({"temperature": np.inf}, "the temperature is inf"),
    ({"top_k": 0}, "top-k is 0; expected 1 or more"),
    ({"top_p": 0.0}, "top-p is 0.0; expected more than 0"),
    ({"top_p": 1.5}, "top-p is 1.5"),
    ({"top_p": np.nan}, "top-p is nan"),
    ({"temperature": 0, "top_k": 0}, "top-k is 0"),
]


@pytest.mark.parametrize(("options", "said"), BAD)
def test_options_out_of_range_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        sample(LOGITS, np.random.default_rng(0), **options)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_logits_that_give_no_distribution_are_refused(wrong: float, temperature: float) -> None:
    with pytest.raises(InputError, match=f"the largest logit of a row is {wrong}"):
        sample(np.array([[0.0, 1.0], [0.0, wrong]]), np.random.default_rng(0), temperature)
    with pytest.raises(InputError, match="is -inf"):
        sample(np.full((1, 3), -np.inf), np.random.default_rng(0), temperature)
