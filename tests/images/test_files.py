from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.images.files import read_images

pillow = pytest.importorskip("PIL.Image")

GREY = (1, 4, 6)
COLOUR = (3, 4, 6)


@pytest.fixture
def pixels(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (4, 6), dtype=np.uint8)


@pytest.mark.parametrize("invert", [False, True])
def test_a_grey_picture_keeps_its_pixels(pixels: np.ndarray, invert: bool, tmp_path: Path) -> None:
    pillow.fromarray(pixels).save(tmp_path / "a.png")
    found = read_images(tmp_path / "a.png", GREY, invert=invert)
    assert found.shape == (1, *GREY)
    assert found.dtype == np.float32
    assert np.allclose(found[0, 0], 1 - pixels / 255 if invert else pixels / 255, atol=1e-6)


def test_a_large_picture_is_made_small_by_means(pixels: np.ndarray, tmp_path: Path) -> None:
    pillow.fromarray(np.kron(pixels, np.ones((3, 3), np.uint8))).save(tmp_path / "a.bmp")
    assert np.allclose(read_images(tmp_path / "a.bmp", GREY)[0, 0], pixels / 255, atol=0.5 / 255)


def test_colours_come_first(rng: np.random.Generator, tmp_path: Path) -> None:
    colours = rng.integers(0, 256, (4, 6, 3), dtype=np.uint8)
    pillow.fromarray(colours).save(tmp_path / "a.png")
    assert np.allclose(read_images(tmp_path / "a.png", COLOUR)[0], colours.transpose(2, 0, 1) / 255, atol=1e-6)


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    pillow.new("RGBA", (6, 4), (0, 0, 0, 0)).save(tmp_path / "a.png")
    assert (read_images(tmp_path / "a.png", GREY) == 1).all()


@pytest.mark.parametrize("shape", [(4, 6), (1, 4, 6), (3, 4, 6), (3, 1, 4, 6)])
def test_arrays_of_one_image_or_many(shape: tuple[int, ...], rng: np.random.Generator, tmp_path: Path) -> None:
    values = rng.integers(0, 256, shape, dtype=np.uint8)
    np.save(tmp_path / "bytes.npy", values)
    np.save(tmp_path / "floats.npy", values / 255)
    for name in "bytes.npy", "floats.npy":
        found = read_images(tmp_path / name, GREY)
        assert found.dtype == np.float32
        assert np.allclose(found, values.reshape(-1, *GREY) / 255)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.zeros((6, 4)), r"an array of shape \(6, 4\); expected \(1, 4, 6\) or \(N, 1, 4, 6\)"),
        (np.full((4, 6), 2.0), "expected bytes, or numbers from 0 to 1"),
        (np.full((4, 6), np.nan), "expected bytes, or numbers from 0 to 1"),
        (np.zeros((4, 6), np.int64), "expected bytes, or numbers from 0 to 1"),
        (np.array([None]), "not an array that NumPy wrote"),
    ],
)
def test_arrays_that_do_not_fit(values: Any, expected: str, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", values, allow_pickle=True)
    with pytest.raises(InputError, match=expected):
        read_images(tmp_path / "a.npy", GREY)


def test_pictures_that_do_not_fit(pixels: np.ndarray, tmp_path: Path) -> None:
    def complaint(name: str, shape: tuple[int, int, int] = GREY) -> str:
        with pytest.raises(InputError) as error:
            read_images(tmp_path / name, shape)
        assert "\n" not in str(error.value)
        return str(error.value)

    pillow.fromarray(pixels.T).save(tmp_path / "tall.png")
    assert "6 by 4 pixels; expected as high to wide as 4 by 6" in complaint("tall.png")
    pillow.fromarray(pixels.astype(np.uint16)).save(tmp_path / "deep.png")
    assert "expected 8 bits a channel" in complaint("deep.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "tall.png").read_bytes()[:40])
    assert "can't be read as a picture" in complaint("cut.png")
    (tmp_path / "text.png").write_text("text")
    assert "can't be read as a picture" in complaint("text.png")
    assert "No such file" in complaint("missing.png")
    assert "expected a .npy file" in complaint("tall.png", (2, 4, 6))
