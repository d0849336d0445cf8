from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from seqrl import Sequential
from seqrl.layers.dense import Dense
from seqrl.optimizers import SGD


@pytest.fixture(scope="module", params=range(3))
def result(script: ModuleType, request: pytest.FixtureRequest) -> Any:
    return script.compute(script.Options(seed=request.param))


def test_the_net_parts_the_spirals(result: Any) -> None:
    assert result.history["accuracy"][-1] > 0.9
    assert result.history["val_accuracy"][-1] > 0.9


def test_it_begins_as_poor_as_a_line_and_learns_for_long(result: Any) -> None:
    loss = result.history["loss"]
    assert loss[0] > 1.0  # log 3 = 1.10 is a guess
    assert result.history["accuracy"][9] < 0.7
    assert loss[-1] < loss[99] / 2 < loss[9] / 2


def test_no_line_parts_the_spirals(result: Any, script: ModuleType, rng: np.random.Generator) -> None:
    model = Sequential([Dense(2, script.CLASSES, rng=rng)])
    model.compile(partial(SGD, lr=script.LR), "softmax_cross_entropy", metrics=["accuracy"])
    model.fit(result.x, result.label, script.BATCH_SIZE, 100, verbose=False)
    assert model.evaluate(result.x, result.label)["accuracy"] < 0.7


def test_the_surface_is_of_the_model_as_it_was_then(result: Any, script: ModuleType) -> None:
    assert list(result.surfaces) == [10, 100, 300]
    for probability in result.surfaces.values():
        assert probability.sum(axis=-1) == pytest.approx(1, abs=1e-5)
    spots = script.spots()
    chosen = result.model.predict(spots.reshape(-1, 2)).argmax(axis=1).reshape(spots.shape[:2])
    assert np.array_equal(result.surfaces[300].argmax(axis=-1), chosen)
    assert not np.array_equal(result.surfaces[10].argmax(axis=-1), chosen)


def test_the_picture_is_written_and_the_table_printed(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script.main(["--looks", "1", "2", "--out", str(tmp_path / "a.png")]) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "test accuracy" in capsys.readouterr().out
