"""A folder of IDX files: three kinds of stripes of 8 by 8 pixels."""

from pathlib import Path

import numpy as np
import pytest


def stripes(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(count) % 3
    row, column = np.mgrid[:8, :8]
    phase = np.array([row, column, row + column]) % 4 < 2
    return 200 * phase[labels] + rng.integers(0, 56, (count, 8, 8)), labels


def write_idx(path: Path, values: np.ndarray) -> None:
    header = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
    path.write_bytes(header + values.astype(np.uint8).tobytes())


def write_part(folder: Path, prefix: str, images: np.ndarray, labels: np.ndarray) -> None:
    write_idx(folder / f"{prefix}-images-idx3-ubyte", images)
    write_idx(folder / f"{prefix}-labels-idx1-ubyte", labels)


@pytest.fixture(scope="session")
def folder_of_idx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("idx")
    rng = np.random.default_rng(0)
    write_part(folder, "train", *stripes(90, rng))
    write_part(folder, "t10k", *stripes(30, rng))
    return folder
