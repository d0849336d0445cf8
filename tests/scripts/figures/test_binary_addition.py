"""Sums of numbers never seen, right in every bit, of the length learned and of longer ones."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from seqrl.errors import InputError


def value(bits: np.ndarray) -> list[int]:
    """Python's integers from bits (T, N), the lowest first."""
    return [sum(int(bit) << t for t, bit in enumerate(column)) for column in bits.T]


def test_sums_are_those_of_integers(script: ModuleType, rng: np.random.Generator) -> None:
    pairs = rng.integers(2, size=(70, 50, 2))  # longer than machine integers
    total = script.sums(script.padded(pairs))
    assert total.shape == (71, 50, 1)
    expected = [a + b for a, b in zip(value(pairs[..., 0]), value(pairs[..., 1]), strict=True)]
    assert value(total[..., 0]) == expected


def test_pairs_learned_from_are_held_out_in_neither_order(script: ModuleType, rng: np.random.Generator) -> None:
    learned, held_out = (
        list(zip(value(part[..., 0]), value(part[..., 1]), strict=True)) for part in script.split(4, 60, rng)
    )
    assert len(learned) == len({tuple(sorted(pair)) for pair in learned}) == 60
    assert len(held_out) == len(set(held_out))
    both_orders = {*learned, *((b, a) for a, b in learned)}
    assert both_orders.isdisjoint(held_out)
    assert both_orders | set(held_out) == {(a, b) for a in range(16) for b in range(16)}
    assert any(a > b for a, b in learned) and any(a < b for a, b in learned)


def test_a_carry_runs_through_pairs_that_sum_to_a_power_of_two(script: ModuleType, rng: np.random.Generator) -> None:
    pairs = script.complements(rng.integers(2, size=(12, 100)))
    a, b = value(pairs[..., 0]), value(pairs[..., 1])
    assert len(set(a)) > 50
    assert all(x + y == 2**12 and x % 2 == 1 for x, y in zip(a, b, strict=True))


def test_a_sum_with_one_wrong_bit_is_wrong(script: ModuleType) -> None:
    x = script.padded(np.array([1, 1, 0, 1]).reshape(2, 1, 2).repeat(3, axis=1))
    logits = 2 * script.sums(x) - 1
    logits[1, 2] *= -1
    assert script.accuracy(lambda _: logits, x) == pytest.approx(2 / 3)


def test_every_held_out_sum_of_8_bits_is_right_and_longer_ones_too(script: ModuleType) -> None:
    [run] = script.compute(script.Options(pairs=(1000,), steps=400, runs=1))[1000]
    assert run.accuracies[8] == run.carried[8] == 1
    assert run.accuracies[16] == 1
    assert run.accuracies[32] > 0.95
    assert run.curves[8][0] < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_the_whole_by_several_seeds(script: ModuleType, seed: int) -> None:
    runs = script.compute(script.Options(seed=seed))
    assert all(run.accuracies[8] == run.carried[8] == run.accuracies[16] == 1 for run in runs[1000])
    assert all(run.accuracies[32] > 0.95 for run in runs[1000])
    assert np.mean([run.accuracies[8] for run in runs[50]]) < 0.7  # too few for most nets, not for every one


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bits": 13}, "--bits is 13; expected 2 to 12"),
        ({"bits": 3, "pairs": (10, 36)}, "--pairs is 36; expected fewer than the 36 that there are"),
    ],
)
def test_more_than_there_is_is_refused(script: ModuleType, options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as error:
        script.compute(script.Options(**options))
    assert str(error.value) == message


def test_the_same_seed_gives_the_same_numbers(script: ModuleType) -> None:
    options = script.Options(bits=4, pairs=(20, 40), longer=(6,), trials=50, steps=20, runs=2, seed=5)
    runs = script.compute(options)
    assert runs == script.compute(options)
    assert runs[20][0] != runs[20][1]


def test_the_picture_is_written(script: ModuleType, tmp_path: Path) -> None:
    arguments = ["--bits", "3", "--pairs", "5", "9", "--longer", "4", "--trials", "9", "--steps", "3", "--runs", "2"]
    assert script.main([*arguments, "--out", str(tmp_path / "a.png")]) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
