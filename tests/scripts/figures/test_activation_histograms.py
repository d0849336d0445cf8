from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

Deviations = dict[tuple[str, str], np.ndarray]


@pytest.fixture(scope="module", params=range(3))
def deviation(script: ModuleType, request: pytest.FixtureRequest) -> Deviations:
    """The standard deviation of each layer's activations."""
    found = script.compute(script.Options(seed=request.param))
    return {name: np.array([y.std() for y in layers]) for name, layers in found.items()}


def test_small_weights_let_the_signal_die_out(deviation: Deviations) -> None:
    # a layer multiplies the deviation by 0.01 sqrt(100) = 0.1, and ReLU keeps half of the mean square of that
    tanh, relu = deviation["tanh", "small (0.01)"], deviation["ReLU", "small (0.01)"]
    assert np.allclose(tanh[1:] / tanh[:-1], 0.1, rtol=0.15)
    assert tanh[-1] < 2e-5
    assert np.all(relu[1:] / relu[:-1] < 0.1)
    assert deviation["sigmoid", "small (0.01)"][-1] < 0.03


def test_large_weights_saturate_sigmoid_and_tanh_and_let_relu_explode(deviation: Deviations) -> None:
    assert np.all(deviation["tanh", "large (1)"] > 0.93)  # 1 where every unit is at -1 or 1
    assert np.all(deviation["sigmoid", "large (1)"] > 0.4)  # 0.5 where every unit is at 0 or 1
    relu = deviation["ReLU", "large (1)"]
    assert np.allclose(relu[1:] / relu[:-1], np.sqrt(100 / 2), rtol=0.3)


def test_xavier_keeps_tanh_alive_but_lets_relu_fade(deviation: Deviations) -> None:
    assert np.all(deviation["tanh", "Xavier"] > 0.25)
    relu = deviation["ReLU", "Xavier"]
    assert np.allclose(relu[1:] / relu[:-1], np.sqrt(1 / 2), rtol=0.2)


def test_he_keeps_relu_alive(deviation: Deviations) -> None:
    relu = deviation["ReLU", "He"]
    assert relu[0] == pytest.approx(np.sqrt(1 - 1 / np.pi), rel=0.05)  # max(z, 0) of z ~ N(0, 2)
    assert np.all((relu > 0.6) & (relu < 1.1))


def test_the_picture_is_written_and_the_table_printed(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script.main(["--inputs", "20", "--units", "10", "--out", str(tmp_path / "a.png")]) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "ReLU, He" in capsys.readouterr().out
