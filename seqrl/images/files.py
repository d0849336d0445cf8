"""Image files as a network takes them. Pictures are read by Pillow, which the extra `plots` brings; .npy by NumPy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seqrl.errors import InputError, require
from seqrl.parameter import Array

ImageShape = tuple[int, int, int]  # (C, height, width)


def read_images(path: str | Path, shape: ImageShape, *, invert: bool = False) -> Array:
    """The images of a file, (N, *shape) from 0, black, to 1, white; `invert` turns that around, for ink on paper.

    A picture in any format of Pillow's (one image) is made as large as `shape` says, and grey for one channel; what is
    transparent counts as white. A .npy file holds images of that very shape, (*shape), (height, width) or (N, ...), as
    bytes or as numbers from 0 to 1. Raises InputError for a file that can't be read or doesn't fit.
    """
    path = Path(path)
    found = _from_npy(path, shape) if path.suffix == ".npy" else _from_picture(path, shape)
    return 1 - found if invert else found


def _from_picture(path: Path, shape: ImageShape) -> Array:
    C, height, width = shape
    pillow = require("PIL.Image", "plots")
    if C not in (1, 3):
        raise InputError(f"{path}: a picture has 1 or 3 channels, and the images here {C}; expected a .npy file")
    try:
        with pillow.open(path) as picture:
            if picture.mode.startswith(("I", "F")):
                raise InputError(f"{path}: a picture of mode {picture.mode}; expected 8 bits a channel")
            if abs(picture.width * height / (picture.height * width) - 1) > 0.1:
                found, expected = f"{picture.height} by {picture.width}", f"{height} by {width}"
                raise InputError(f"{path}: {found} pixels; expected as high to wide as {expected}: cut it to that")
            seen = picture.convert("RGBA")
            on_white = pillow.alpha_composite(pillow.new("RGBA", seen.size, "white"), seen)
            made = on_white.convert("L" if C == 1 else "RGB").resize((width, height), pillow.Resampling.BOX)
    except (OSError, SyntaxError, ValueError, pillow.DecompressionBombError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: can't be read as a picture: {getattr(error, 'strerror', None) or error}") from error
    pixels = np.asarray(made).reshape(height, width, C).transpose(2, 0, 1)
    return pixels[None] / np.float32(255)


def _from_npy(path: Path, shape: ImageShape) -> Array:
    try:
        values: npt.NDArray[Any] = np.load(path, allow_pickle=False)
    except OSError as error:
        raise InputError(f"{path}: can't be read: {error.strerror or error}") from error
    except (ValueError, EOFError) as error:
        raise InputError(f"{path}: not an array that NumPy wrote ({error})") from error
    fitting = values.shape in (shape, shape[1:]) or values.shape[1:] == shape
    if not fitting and not (shape[0] == 1 and values.shape[1:] == shape[1:]):
        raise InputError(
            f"{path}: an array of shape {values.shape}; expected {shape} or (N, {', '.join(map(str, shape))})"
        )
    images = values.reshape(-1, *shape)
    if images.dtype == np.uint8:
        return images / np.float32(255)
    if images.dtype.kind not in "bf" or not (images.min(initial=0) >= 0 and images.max(initial=0) <= 1):
        raise InputError(f"{path}: expected bytes, or numbers from 0 to 1")
    return images.astype(np.float32)
