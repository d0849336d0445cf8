"""What Gymnasium asks of an environment, as far as every kind is checked for it, and how what was returned is shown."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

FLAGS = (bool, np.bool_)
NUMBERS = (int, float, np.integer, np.floating)
FEW = 32  # numbers, of which a list is made sooner than NumPy begins


def all_finite(seen: Array) -> bool:
    """Whether all are. Of few numbers the sum says it soonest: it is finite where they are, or overflows."""
    if seen.dtype.kind != "f" or (seen.size <= FEW and math.isfinite(sum(seen.ravel().tolist()))):
        return True
    return np.count_nonzero(np.isfinite(seen)) == seen.size


def not_finite(observations: Array, where: str) -> tuple[int, str]:
    """The first environment whose observation, one of these that aren't `all_finite`, holds NaN or an infinity; and
    what to say of it."""
    i = next(i for i, row in enumerate(observations) if not np.isfinite(row).all())
    held = "NaN" if np.isnan(observations[i]).any() else "an infinity"
    return i, f"{where} returned an observation that holds {held}: {shown(observations[i])}"


def shown(value: Any) -> str:
    """A value in a line: what it is, and its content where that is short."""
    line = " ".join(repr(value).split())
    return f"{type(value).__name__} {line if len(line) <= 80 else line[:77] + '...'}"
