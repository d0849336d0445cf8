"""The lag of 10 steps is learned with chunks of 11 steps and not with chunks of 10."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


@pytest.mark.parametrize("chunk", [2, 3, 8])
def test_each_bit_is_asked_for_again_at_the_lag_across_chunks(
    script: ModuleType, chunk: int, rng: np.random.Generator
) -> None:
    inputs, bits = (np.concatenate(parts) for parts in zip(*script.stream(3, chunk, 6, 4, rng), strict=True))
    assert inputs.shape == bits.shape == (6 * chunk, 4, 1)
    assert set(np.unique(inputs)) == {-1, 1}
    np.testing.assert_array_equal(2 * bits[3:] - 1, inputs[:-3])


def test_a_lag_is_learned_from_longer_chunks_only(script: ModuleType) -> None:
    """A short lag, in seconds: chunks of 4 steps contain no answer together with its bit."""
    runs = script.compute(script.Options(lag=4, chunks=(4, 8), updates=500, runs=1))
    for cell in "gru", "lstm":
        [short], [long] = runs[cell, 4], runs[cell, 8]
        assert short.carried < 0.8
        assert long.carried > 0.99
        assert long.fresh < 0.85  # half of the answers need the carried state; they are guesses without it


@pytest.mark.slow
def test_one_step_makes_the_difference(script: ModuleType) -> None:
    runs = script.compute(script.Options(chunks=(10, 11, 15)))
    for cell in "gru", "lstm":
        assert all(run.carried < 0.7 for run in runs[cell, 10])
        assert all(run.carried > 0.8 for run in runs[cell, 11])
        assert all(run.carried > 0.99 for run in runs[cell, 15])
        assert all(run.fresh < 0.7 for run in runs[cell, 15])


def test_the_same_seed_gives_the_same_numbers(script: ModuleType) -> None:
    options = script.Options(chunks=(3,), updates=5, runs=2, seed=5)
    runs = script.compute(options)
    assert runs == script.compute(options)
    assert runs["gru", 3][0] != runs["gru", 3][1]


def test_the_picture_is_written(script: ModuleType, tmp_path: Path) -> None:
    arguments = ["--lag", "2", "--chunks", "2", "3", "--updates", "3", "--runs", "2"]
    assert script.main([*arguments, "--out", str(tmp_path / "a.png")]) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
