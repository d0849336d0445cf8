"""Safetensors files of any size: written from the arrays' own memory and read into it, without a second copy.

A file is the length of its header (8 bytes, little-endian), the header as JSON, and the bytes of the arrays.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seqrl import files
from seqrl.errors import InputError

DTYPES = {
    **{"float64": "F64", "float32": "F32", "float16": "F16", "bool": "BOOL"},
    **{f"{kind}{bits}": f"{kind[0].upper()}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)},
}
LONGEST_HEADER = 100_000_000  # bytes, as safetensors has it


def write(path: str | Path, arrays: Mapping[str, npt.NDArray[Any]], metadata: Mapping[str, str]) -> None:
    """Write a file beside its place and rename it; an array that is not contiguous is copied, one at a time.

    Raises InputError when the file can't be written; an earlier one is then as it was.
    """
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    ordered = sorted(arrays, key=lambda name: -arrays[name].itemsize)  # so that all are aligned
    for name in ordered:
        start, end = end, end + arrays[name].nbytes
        dtype = DTYPES[arrays[name].dtype.name]
        header[name] = {"dtype": dtype, "shape": arrays[name].shape, "data_offsets": (start, end)}
    encoded = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)
    if len(encoded) > LONGEST_HEADER:
        raise InputError(f"{path}: a header of {len(encoded):,} bytes; safetensors allows {LONGEST_HEADER:,}")

    with files.writing(path) as stream:
        stream.write(len(encoded).to_bytes(8, "little") + encoded)
        for name in ordered:
            stream.write(np.asarray(arrays[name], order="C").data)


def read_into(path: str | Path, arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, str]:
    """Fill contiguous arrays with those of the same names in a file, and return the file's metadata.

    Raises InputError for a file that can't be read or is damaged, and names the first array that it lacks or that has
    another shape or type there.
    """
    try:
        with open(path, "rb") as stream:
            size = int.from_bytes(stream.read(8), "little")
            try:
                header: Any = json.loads(stream.read(size)) if size <= LONGEST_HEADER else None
                metadata = dict(header.pop("__metadata__", {}))
                found = {name: (tensor["dtype"], tuple(tensor["shape"])) for name, tensor in header.items()}
                places = {name: int(tensor["data_offsets"][0]) for name, tensor in header.items()}
            except (ValueError, TypeError, KeyError, AttributeError, IndexError):
                raise InputError(f"{path}: not a safetensors file, or cut short") from None
            for name, array in arrays.items():
                expected = DTYPES[array.dtype.name], array.shape
                if found.get(name) != expected:
                    there = "no such array" if name not in found else "{} of shape {}".format(*found[name])
                    raise InputError(f"{path}: '{name}' is {there}; expected {expected[0]} of shape {expected[1]}")
            for name, array in arrays.items():
                stream.seek(8 + size + places[name])
                if stream.readinto(array.data) != array.nbytes:
                    raise InputError(f"{path}: cut short inside '{name}'")
    except OSError as error:
        raise InputError(f"{path}: can't be read: {error.strerror}") from error
    return metadata
