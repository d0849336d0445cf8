"""IDX files, the format of MNIST and of the data sets made after it, plain or compressed by gzip.

0 0, the type of the numbers (8: unsigned bytes), the number of axes; the size of each axis as a big-endian 32-bit
integer; the numbers, the last axis fastest
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seqrl.errors import InputError

Bytes = npt.NDArray[np.uint8]

UNSIGNED_BYTES = 8


def read_idx(path: str | Path, axes: int) -> Bytes:
    """The bytes of an IDX file with so many axes.

    Raises InputError for a file that can't be read, is not IDX, holds another type or number of axes, or is cut short.
    """
    content = _read(Path(path))
    if len(content) < 4 or content[:2] != b"\0\0":
        raise InputError(f"{path}: not an IDX file; expected two zero bytes at its beginning")
    kind, found = content[2], content[3]
    if kind != UNSIGNED_BYTES:
        raise InputError(f"{path}: an IDX file of type {kind:#04x}; expected 0x08, unsigned bytes")
    if found != axes:
        raise InputError(f"{path}: an IDX file with {found} axes; expected {axes}")
    start = 4 + 4 * axes
    if len(content) < start:
        raise InputError(f"{path}: cut short, {len(content)} bytes; the header alone has {start}")
    shape = tuple(int(n) for n in np.frombuffer(content, ">u4", axes, 4))
    if len(content) - start != math.prod(shape):
        sizes = " x ".join(map(str, shape))
        raise InputError(
            f"{path}: {len(content) - start:,} bytes of data; its header says {sizes} = {math.prod(shape):,}"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except OSError as error:  # gzip.BadGzipFile too
        raise InputError(f"{path}: can't be read: {error.strerror or error}") from error
    except (EOFError, zlib.error) as error:
        raise InputError(f"{path}: damaged gzip file ({error})") from error
