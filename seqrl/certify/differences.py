"""How far apart two arrays, or two nestings of them, are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from seqrl.gradient_check import relative_error, worst_entry
from seqrl.models.hred import DialogueBatch
from seqrl.models.seq2seq import Batch


class Difference(NamedTuple):
    """How far something is from what it should be: relative to the largest entry, and where it is furthest."""

    what: str
    error: float
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.what} {self.detail}"


Differences = list[Difference]


def compare(what: str, actual: Any, expected: Any, source: str = "expected") -> Difference:
    actual, expected = np.asarray(actual), np.asarray(expected)
    error = relative_error(actual, expected)
    return Difference(what, np.inf if np.isnan(error) else error, worst_entry(actual, expected, source))


def compare_trees(what: str, actual: Any, expected: Any) -> Differences:
    """Every array of two nestings of tuples; as many on either side."""
    found, wanted = leaves(actual), leaves(expected)
    if len(found) != len(wanted):
        return [Difference(what, np.inf, f"is {len(found)} arrays, expected {len(wanted)}")]
    names = [what] if len(found) == 1 else [f"{what} {k}" for k in range(len(found))]
    return [compare(*three) for three in zip(names, found, wanted, strict=True)]


def identical(what: str, actual: Any, expected: Any, source: str = "before") -> Difference:
    """Any difference is an infinite one."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    same = np.array_equal(actual, expected)
    return Difference(what, 0.0 if same else np.inf, "" if same else worst_entry(actual, expected, source))


def exceeding(differences: Differences | None, tolerance: float) -> Differences:
    return [difference for difference in differences or [] if not difference.error <= tolerance]


# ---- nestings of tuples --------------------------------------------------------------------------------------


def leaves(tree: Any) -> list[Any]:
    if isinstance(tree, (tuple, list)):
        return [leaf for branch in tree for leaf in leaves(branch)]
    return [] if tree is None else [tree]


def map_leaves(f: Callable[[Any], Any], tree: Any) -> Any:
    if isinstance(tree, (Batch, DialogueBatch)):
        return type(tree)(*(f(leaf) for leaf in tree))
    if isinstance(tree, (tuple, list)):
        return tuple(map_leaves(f, branch) for branch in tree)
    return None if tree is None else f(tree)


def is_floating(x: Any) -> bool:
    return np.issubdtype(x.dtype, np.floating)


def narrowed(tree: Any) -> Any:
    return map_leaves(lambda x: x.astype(np.float32) if is_floating(x) else x, tree)
