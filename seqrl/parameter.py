"""Parameters, and many of them packed into one flat vector."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]
Integers = npt.NDArray[np.int64]


class Parameter:
    """A learned array: `value`, and `grad` of the same shape to which backward passes add.

    After packing both are views of flat vectors, so write into them (`value[...] =`, `grad +=`)
    and never rebind them.
    """

    __slots__ = ("grad", "value")

    def __init__(self, value: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> None:
        self.value: Array = np.array(value, dtype=dtype, order="C")
        self.grad: Array = np.zeros_like(self.value)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    def __repr__(self) -> str:
        return f"Parameter(shape={self.shape}, dtype={self.value.dtype})"


class Packed:
    """Parameters laid end to end in one value vector and one gradient vector.

    Every Parameter becomes a view of `value` and `grad` (both of shape (P,)), so that an update,
    a norm, a copy or a finiteness check is one operation on one array. A parameter that occurs
    twice (a tied weight) is laid down once.
    """

    def __init__(self, named_parameters: Iterable[tuple[str, Parameter]]) -> None:
        unique: dict[int, tuple[str, Parameter]] = {}
        for name, parameter in named_parameters:
            unique.setdefault(id(parameter), (name, parameter))
        named = list(unique.values())
        dtypes = {parameter.value.dtype for _, parameter in named}
        if len(dtypes) > 1:
            raise TypeError(f"parameters of different types can't be packed: {sorted(map(str, dtypes))}")
        size = sum(parameter.value.size for _, parameter in named)
        dtype = dtypes.pop() if dtypes else np.dtype(np.float32)
        self.value: Array = np.empty(size, dtype)
        self.grad: Array = np.empty(size, dtype)
        self.slices: dict[str, slice] = {}
        self._named = named
        start = 0
        for name, parameter in named:
            where = slice(start, start + parameter.value.size)
            self.slices[name] = where
            for flat, attribute in (self.value, "value"), (self.grad, "grad"):
                flat[where] = getattr(parameter, attribute).ravel()
                setattr(parameter, attribute, flat[where].reshape(parameter.shape))
            start = where.stop

    def first_detached(self) -> str | None:
        """The name of the first parameter that is no longer a view of `value`: something packed it again."""
        value = self.value
        for name, parameter in self._named:  # a plain loop: it runs every step
            if parameter.value.base is not value:
                return name
        return None

    def view_gradients(self, named_parameters: Iterable[tuple[str, Parameter]]) -> Array:
        """Another gradient vector (P,), of zeros, for the parameters of the same names of a second model: a replica."""
        grad = np.zeros_like(self.grad)
        for name, parameter in named_parameters:
            parameter.grad = grad[self.slices[name]].reshape(parameter.shape)
        return grad

    def first_non_finite(self) -> str | None:
        """The name of the first parameter whose value or gradient holds a NaN or an infinity."""
        with np.errstate(over="ignore"):  # the square of a large number; then each is looked at
            squares = np.dot(self.grad, self.grad) + np.dot(self.value, self.value)
        if np.isfinite(squares):
            return None
        for name, where in self.slices.items():
            if not (np.isfinite(self.grad[where]).all() and np.isfinite(self.value[where]).all()):
                return name
        return None
