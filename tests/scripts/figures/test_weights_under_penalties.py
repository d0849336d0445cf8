"""What each penalty does to the weights: sparsity, length, and the largest of them."""

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

Fits = dict[str, Any]  # by the first word of each penalty's name


@pytest.fixture(scope="module", params=range(2))
def fits(script: ModuleType, request: pytest.FixtureRequest) -> Fits:
    found: Fits = script.compute(script.Options(seed=request.param))
    return {name.replace(",", " ").split()[0]: fit for name, fit in found.items()}


def norm(fit: Any) -> float:
    return float(np.linalg.norm(fit.weight))


def largest(fit: Any) -> float:
    return float(np.abs(fit.weight).max())


def test_l1_alone_brings_most_weights_to_zero(fits: Fits) -> None:
    assert fits["L1"].near_zero > 0.6
    for name in "none", "L2", "L4", "max-norm":
        assert fits[name].near_zero < 0.1, name


def test_l1_keeps_the_large_weights(fits: Fits) -> None:
    assert largest(fits["L1"]) > 0.9 * largest(fits["none"])
    assert largest(fits["L2"]) < 0.7 * largest(fits["none"])


def test_l2_shrinks_the_weights_to_about_half(fits: Fits) -> None:
    assert 0.4 < norm(fits["L2"]) / norm(fits["none"]) < 0.6


def test_l4_evens_the_weights_out(fits: Fits) -> None:
    evenness = {name: norm(fit) / np.sqrt(fit.weight.size) / largest(fit) for name, fit in fits.items()}
    assert max(evenness, key=lambda name: evenness[name]) == "L4"
    assert largest(fits["L4"]) < 0.3 * largest(fits["none"])


def test_max_norm_bounds_every_unit(fits: Fits) -> None:
    assert np.all(fits["max-norm"].norms < 1 + 1e-5)
    assert np.all(fits["none"].norms > 2)


def test_all_still_tell_digits_apart_and_fit_their_training_digits_less(fits: Fits) -> None:
    for name, fit in fits.items():
        assert fit.test > fits["none"].test - 0.06, name
        assert fit.training <= fits["none"].training, name


def test_the_picture_is_written(script: ModuleType, tmp_path: Path) -> None:
    assert script.main(["--epochs", "1", "--out", str(tmp_path / "a.png")]) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
