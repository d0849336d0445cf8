from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

Accuracy = dict[str, np.ndarray]  # (halvings + 1, epochs + 1), the mean over repeats


def mean_accuracy(result: Any) -> Accuracy:
    return {way: accuracy.mean(axis=0) for way, accuracy in result.accuracy.items()}


@pytest.fixture(scope="module")
def quick(script: ModuleType) -> Any:
    return script.compute(script.Options(images=1000, epochs=6, halvings=5, repeats=1))


def check_half_is_not_needed(accuracy: Accuracy) -> None:
    assert accuracy["pruned"][0, -1] > 0.85
    assert accuracy["pruned"][1, -1] > accuracy["pruned"][0, -1] - 0.025


def check_the_last_weights_are_needed(accuracy: Accuracy) -> None:
    assert accuracy["pruned"][5, -1] < accuracy["pruned"][0, -1] - 0.25


def check_the_ticket_wins(accuracy: Accuracy) -> None:
    """At 3 % of the weights, in the end and on the way there."""
    assert accuracy["ticket"][5, -1] > accuracy["ticket"][0, -1] - 0.06
    assert accuracy["ticket"][5, -1] > accuracy["redrawn"][5, -1] + 0.02
    assert accuracy["ticket"][5, 1] > accuracy["redrawn"][5, 1] + 0.1


def check_the_ticket_knows_much_before_training(accuracy: Accuracy) -> None:
    assert accuracy["ticket"][5, 0] > 0.35
    assert accuracy["redrawn"][5, 0] < 0.25 and accuracy["ticket"][0, 0] < 0.25


CHECKS = [
    check_half_is_not_needed,
    check_the_last_weights_are_needed,
    check_the_ticket_wins,
    check_the_ticket_knows_much_before_training,
]


@pytest.mark.parametrize("check", CHECKS)
def test_few_images(quick: Any, check: Any) -> None:
    check(mean_accuracy(quick))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_the_figure(script: ModuleType, seed: int) -> None:
    accuracy = mean_accuracy(script.compute(script.Options(seed=seed)))
    for check in CHECKS:
        check(accuracy)
    assert accuracy["ticket"][3, -1] > accuracy["ticket"][0, -1] - 0.015
    assert accuracy["ticket"][8, -1] > accuracy["redrawn"][8, -1] + 0.04


def test_each_halving_leaves_half_of_the_weights(quick: Any, script: ModuleType) -> None:
    assert quick.kept.shape == (28, 28)
    assert quick.kept.sum() == pytest.approx(28 * 28 * script.HIDDEN[0] / 2**5, abs=5)


def test_pruned_weights_stay_zero_in_training(script: ModuleType) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 12)).astype(np.float32)
    data = script.Data(x, np.arange(100) % 3, x, np.arange(100) % 3)
    net = script.build(data, rng)
    masks = script.halved(net, [np.ones_like(layer.weight.value) for layer in script.hidden_layers(net)])
    script.train(net, masks, data, 2, rng)
    for layer, mask in zip(script.hidden_layers(net), masks, strict=True):
        assert np.array_equal(layer.weight.value == 0, mask == 0)


def test_the_picture_is_written_and_the_table_printed(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quick = ["--images", "50", "--epochs", "1", "--halvings", "1", "--repeats", "1"]
    assert script.main([*quick, "--out", str(tmp_path / "a.png")]) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "ticket" in capsys.readouterr().out
