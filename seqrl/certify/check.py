"""What a check is: a measurement, and how large a difference may be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from seqrl.certify.differences import Differences

Case = TypeVar("Case")

EXACT = 1e-12  # two ways to compute the same in float64
CENTRAL_DIFFERENCES = 1e-6
SINGLE_PRECISION = 3e-5  # float32 against float64


class Check(NamedTuple, Generic[Case]):
    column: str  # of the certificate's table
    tolerance: float
    measure: Callable[[Case], Differences | None]  # None where it does not apply
