import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import seqrl
from seqrl.errors import InputError
from seqrl.training import runs


@dataclasses.dataclass(frozen=True)
class Settings:
    hidden: int = 8
    rate: float = 0.5
    fast: bool = False
    name: str = "a"
    files: tuple[str, ...] = ()
    limit: int | None = None


CONFIG = runs.Config("translation", {"hidden": 3}, {"pairs": 5})


def test_a_config_comes_back_and_says_what_made_it(tmp_path: Path) -> None:
    runs.create(tmp_path, CONFIG)
    assert runs.read_config(tmp_path) == CONFIG
    made_with = json.loads((tmp_path / "config.json").read_text())["made_with"]
    assert made_with["seqrl"] == seqrl.__version__
    assert made_with["kernels"] in ("compiled", "reference")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "3", '{"kind": "translation"}', '{"kind": 1, "settings": 2, "data": 3}']
)
def test_a_config_that_is_none_is_refused_by_name(content: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(InputError, match=f"^{tmp_path / 'config.json'}: damaged"):
        runs.read_config(tmp_path)


def test_settings_come_back_from_json() -> None:
    settings = Settings(5, 2.0, True, "b", ("x", "y"), 3)
    assert runs.settings_from(Settings, json.loads(json.dumps(dataclasses.asdict(settings))), "here") == settings
    assert runs.settings_from(Settings, {"rate": 2, "limit": None}, "here") == Settings(rate=2)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"hiden": 3}, r"here: unknown setting 'hiden' \(did you mean 'hidden'\?\)"),
        ({"hidden": "3"}, "here: hidden is '3'; expected a value such as 8"),
        ({"hidden": True}, "here: hidden is True"),
        ({"hidden": 2.0}, "here: hidden is 2.0"),
        ({"fast": 1}, "here: fast is 1"),
        ({"files": "x"}, "here: files is 'x'"),
    ],
)
def test_a_setting_that_is_unknown_or_of_another_type_is_refused(values: dict[str, object], expected: str) -> None:
    with pytest.raises(InputError, match=f"^{expected}"):
        runs.settings_from(Settings, values, "here")


def test_a_new_run_needs_a_new_folder_or_leave_to_overwrite(tmp_path: Path) -> None:
    runs.check_free(tmp_path / "new", False)
    runs.check_free(tmp_path, False)
    (tmp_path / ".config.json.part").write_text("what a kill left")
    runs.check_free(tmp_path, False)
    runs.create(tmp_path, CONFIG)
    runs.check_free(tmp_path, True)
    with pytest.raises(InputError, match=r"holds a run already; --resume .* continues it, --overwrite replaces it"):
        runs.check_free(tmp_path, False)
    with pytest.raises(InputError, match="a file; expected a folder"):
        runs.check_free(tmp_path / "config.json", True)


def test_a_new_run_removes_all_of_the_earlier_one_and_no_other_file(tmp_path: Path) -> None:
    runs.create(tmp_path, CONFIG)
    for name in (
        "last.safetensors",
        "best.safetensors",
        "metrics.jsonl",
        "results.json",
        "a.png",
        "source.tokenizer.json",
    ):
        (tmp_path / name).write_text("old")
    (tmp_path / "notes.txt").write_text("mine")
    runs.create(tmp_path, CONFIG)
    assert sorted(os.listdir(tmp_path)) == ["config.json", "notes.txt"]


def test_two_processes_never_train_into_one_folder(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    other = f"from seqrl.training import runs; from pathlib import Path\nwith runs.locked(Path({str(folder)!r})): pass"
    with runs.locked(folder):
        runs.create(folder, CONFIG)
        done = subprocess.run([sys.executable, "-c", other], capture_output=True, text=True)
        assert f"InputError: {folder}: another process is training into it" in done.stderr
    done = subprocess.run([sys.executable, "-c", other], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert os.listdir(folder) == ["config.json"]


def test_a_folder_in_which_nothing_came_about_is_removed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no"), runs.locked(tmp_path / "run"):
        raise InputError("no")
    assert os.listdir(tmp_path) == []


def test_metrics_are_cut_where_the_checkpoint_counts(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    metrics = runs.Metrics(path)
    for step in range(3):
        metrics.append({"step": step})
    with path.open("a") as stream:
        stream.write('{"step": 3, "lo')  # a kill in the middle of a line
    metrics = runs.Metrics(path, 2)
    metrics.append({"step": 7})
    assert runs.read_metrics(tmp_path) == [{"step": 0}, {"step": 1}, {"step": 7}]
    runs.Metrics(path)
    assert runs.read_metrics(tmp_path) == []


def test_a_metric_that_finds_no_room_is_said(tmp_path: Path) -> None:
    metrics = runs.Metrics(tmp_path / "metrics.jsonl")
    (tmp_path / "metrics.jsonl").unlink()
    (tmp_path / "metrics.jsonl").symlink_to("/dev/full")
    with pytest.raises(InputError, match=r"metrics.jsonl: can't be written: No space left on device"):
        metrics.append({"step": 0})


def test_load_stands_in_the_package() -> None:
    assert seqrl.load is runs.load


def test_the_best_checkpoint_is_loaded_and_the_last_before_there_is_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"it has neither best.safetensors nor last.safetensors"):
        runs.best_checkpoint(tmp_path)
    (tmp_path / "last.safetensors").touch()
    assert runs.best_checkpoint(tmp_path).name == "last.safetensors"
    (tmp_path / "best.safetensors").touch()
    assert runs.best_checkpoint(tmp_path).name == "best.safetensors"
