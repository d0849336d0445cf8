"""scripts/train_images.py: from its options to a run folder, and bad input in one line."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import seqrl

from .conftest import script

SCRIPT = Path(__file__).parents[2] / "scripts" / "train_images.py"
Train = Callable[..., int]


@pytest.fixture(scope="session")
def train_images() -> Train:
    main = script("train_images")
    return lambda *arguments: main([*map(str, arguments)])


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """IDX files of two classes, dark and light."""
    folder = tmp_path_factory.mktemp("idx")
    rng = np.random.default_rng(0)
    for prefix, count in ("train", 60), ("t10k", 20):
        labels = np.arange(count, dtype=np.uint8) % 2
        images = (rng.integers(0, 100, (count, 6, 5)) + 100 * labels[:, None, None]).astype(np.uint8)
        for name, values in (f"{prefix}-images-idx3-ubyte", images), (f"{prefix}-labels-idx1-ubyte", labels):
            header = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
            (folder / name).write_bytes(header + values.tobytes())
    return folder


@pytest.fixture(scope="module")
def trained(train_images: Train, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    assert train_images("--data", data, "--epochs", 20, "--learning-rate", 0.01, "--out", folder) == 0
    return folder


def complaint(status: int, capsys: pytest.CaptureFixture[str]) -> str:
    error = capsys.readouterr().err
    assert status == 2
    assert error.count("\n") == 1, error
    return error


def test_a_run_holds_what_can_be_loaded_and_looked_at(trained: Path) -> None:
    assert {path.name for path in trained.iterdir()} == {
        "config.json",
        "images.json",
        "metrics.jsonl",
        "last.safetensors",
        "best.safetensors",
        "results.json",
        "report.html",
        "curves.png",
        "confusion.png",
        "mistakes.png",
    }
    assert json.loads((trained / "results.json").read_text())["test"]["accuracy"] == 1
    light = seqrl.load(trained).predict(np.full((1, 1, 6, 5), 0.6, np.float32))
    assert light.argmax() == 1


def test_a_finished_run_resumed_says_the_same_again(
    train_images: Train, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = (trained / "best.safetensors").read_bytes()
    assert train_images("--resume", trained) == 0
    assert "Training finished after 20 epochs" in capsys.readouterr().out
    assert (trained / "best.safetensors").read_bytes() == weights


@pytest.mark.parametrize("model", ["dense", "cnn"])
def test_each_model_trains_for_as_long_as_there_is_time(
    model: str, train_images: Train, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--data", data, "--model", model, "--out", tmp_path / "run"]
    assert train_images(*arguments, "--max-minutes", 1e-9) == 0
    assert "Training out of time after 1 epochs" in capsys.readouterr().out
    assert train_images(*arguments, "--overwrite", "--epochs", 2) == 0
    assert "Training finished after 2 epochs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--data", "drwan"], "no data set 'drwan' (did you mean 'drawn'?)"),
        (["--model", "cnm"], "cnm"),
        (["--epochs", "0"], "--epochs is 0; expected 1 or more"),
        (["--epoch", "3"], "unknown option '--epoch' (did you mean '--epochs'?)"),
        (["--learning-rate", "-1"], "learning rate is -1"),
        (["--resume", "nowhere"], "nowhere: no such folder"),
        (["--resume", "nowhere", "--seed", "3"], "only --max-minutes may be given with it"),
        (["--data", "drawn", "--model", "alexnet-small", "--batch-size", "0"], "--batch-size is 0"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], expected: str, train_images: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = [] if "--resume" in arguments else ["--out", tmp_path / "run"]
    assert expected in complaint(train_images(*arguments, *out), capsys)
    assert not (tmp_path / "run").exists()


def test_images_too_small_for_the_model_are_refused(
    train_images: Train, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = train_images("--data", data, "--model", "alexnet-small", "--out", tmp_path / "run")
    assert "images of 6 by 5 pixels" in complaint(status, capsys)


def test_a_run_is_not_overwritten_unless_asked(
    train_images: Train, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"--resume {trained} continues it" in complaint(train_images("--out", trained), capsys)


def test_control_c_ends_the_run_so_that_it_can_be_resumed(train_images: Train, data: Path, tmp_path: Path) -> None:
    command = [sys.executable, SCRIPT, "--data", data, "--epochs", "100000", "--out", tmp_path / "run"]
    with subprocess.Popen(
        [*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        for _ in range(600):
            if (tmp_path / "run" / "metrics.jsonl").exists() and (tmp_path / "run" / "metrics.jsonl").stat().st_size:
                break
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"--resume {tmp_path / 'run'}" in output
    assert train_images("--resume", tmp_path / "run", "--max-minutes", 1e-9) == 0
