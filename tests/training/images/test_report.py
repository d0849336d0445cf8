import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqrl.images.datasets import Images
from seqrl.layers.pooling import Flatten
from seqrl.training import runs
from seqrl.training.images import report, run
from seqrl.training.images.run import ImageSettings
from seqrl.training.sequential import Sequential


def test_what_is_wrong_is_counted_and_the_worst_comes_first() -> None:
    # the pixels are the logits
    logits = np.array([[3, 0, 0], [0, 3, 0], [0, 1, 0], [0, 5, 0], [0, 0, 2]], np.float32)
    images = Images(logits[:, None, None], np.array([0, 1, 2, 2, 2]), ["a", "b", "c"], "here")
    tested = report.test(Sequential([Flatten()]), images)
    assert tested.accuracy == 3 / 5
    assert tested.confusion.tolist() == [[1, 0, 0], [0, 1, 0], [0, 2, 1]]
    assert tested.worst.tolist() == [3, 2]
    losses = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(5), images.labels]
    assert tested.loss == pytest.approx(losses.mean(), rel=1e-6)


@pytest.fixture(scope="module")
def finished(folder_of_idx: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("runs") / "run"
    prepared = run.begin(ImageSettings(data=str(folder_of_idx), epochs=6, batch_size=8), folder, False)
    return folder, report.finish(prepared, run.fit(prepared, folder), folder)


def test_the_run_holds_results_of_the_best_weights_and_pictures(finished: tuple[Path, str]) -> None:
    folder, told = finished
    results = json.loads((folder / "results.json").read_text())
    assert results["test"]["images"] == 30
    assert results["test"]["accuracy"] > 0.9
    assert results["epochs"] == 6
    losses = [line["val_loss"] for line in runs.read_metrics(folder) if "val_loss" in line]
    assert results["best_epoch"] == 1 + int(np.argmin(losses))
    assert f"{100 * results['test']['accuracy']:.1f} % right" in told
    for name in "curves.png", "confusion.png", "mistakes.png":
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
    page = (folder / "report.html").read_text()
    assert page.count("data:image/png") == 3
    assert "training images</td><td>81" in page


def test_without_matplotlib_the_pictures_are_missing_and_it_is_said(
    folder_of_idx: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*arguments: Any) -> Any:
        raise report.MissingExtra("matplotlib is not installed")

    monkeypatch.setattr(report.plots, "history", missing)
    prepared = run.begin(ImageSettings(data=str(folder_of_idx), epochs=1, model="dense"), tmp_path, False)
    told = report.finish(prepared, run.fit(prepared, tmp_path), tmp_path)
    assert "no pictures: matplotlib is not installed" in told
    assert not list(tmp_path.glob("*.png"))
    assert "data:image/png" not in (tmp_path / "report.html").read_text()
