"""scripts/classify_images.py: files in, a line for each image out."""

from pathlib import Path

import numpy as np
import pytest

from seqrl.activations import ReLU
from seqrl.layers.dense import Dense
from seqrl.layers.pooling import Flatten
from seqrl.training.sequential import Sequential

from .conftest import Main, script

pytest.importorskip("PIL.Image")


@pytest.fixture(scope="module")
def classify() -> Main:
    main = script("classify_images")
    return lambda arguments: main([*map(str, arguments)])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that tells the left half being light from the right half."""
    rng = np.random.default_rng(0)
    model = Sequential([Flatten(), Dense(8, 8, rng=rng), ReLU(), Dense(8, 2, rng=rng)])
    model.compile("adam", "softmax_cross_entropy")
    images = np.array([[[[1, 1, 0, 0]] * 2], [[[0, 0, 1, 1]] * 2]], np.float32)
    folder = tmp_path_factory.mktemp("runs") / "run"
    model.fit(np.repeat(images, 20, axis=0), np.repeat([0, 1], 20), epochs=200, verbose=False, out=folder)
    return folder


@pytest.fixture
def file(tmp_path: Path) -> Path:
    np.save(tmp_path / "a.npy", np.array([[[1, 1, 0, 0]] * 2, [[0, 0, 1, 1]] * 2], np.float32))
    return tmp_path / "a.npy"


def test_each_image_has_a_line_with_its_class(
    classify: Main, run: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert classify([run, file]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{file}:0\t0\t9")
    assert second.startswith(f"{file}:1\t1\t9")
    assert classify([run, file, "--invert"]) == 0
    assert [line.split("\t")[1] for line in capsys.readouterr().out.splitlines()] == ["1", "0"]


def test_bad_input_is_one_line(
    classify: Main, run: Path, trained: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, expected in (
        ([run, file.parent / "no.png"], "no.png: can't be read as a picture: No such file"),
        ([file.parent, file], "not a run folder"),
        ([trained, file], "not a run of images"),
        ([run], "FILE"),
    ):
        assert classify(arguments) == 2
        error = capsys.readouterr().err
        assert expected in error
        assert error.count("\n") == 1
