"""Arrays lie in memory as views leave them: transposed, reversed, with gaps, read-only. The numbers are the same."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from seqrl.certify.cases import LAYERS, LayerCase

Array = np.ndarray
CASES = {name: case for name, case in LAYERS.items() if "Seq2Seq" not in name}


def with_gaps(x: Array) -> Array:
    return np.repeat(x, 2, axis=-1)[..., ::2]


def read_only(x: Array) -> Array:
    x = x.copy()
    x.flags.writeable = False
    return x


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "transposed": np.asfortranarray,
    "reversed": lambda x: x[..., ::-1].copy()[..., ::-1],
    "with gaps": with_gaps,
    "read-only": read_only,
}


def both_ways(case: LayerCase, dtype: type[np.floating], layout: Callable[[Array], Array]) -> list[Array]:
    """Output, gradients of the inputs, gradients of the parameters; checks that what was given stays as it was."""
    rng = np.random.default_rng(0)
    layer = case.make(rng).astype(dtype)
    given = [x.astype(dtype) if np.issubdtype(x.dtype, np.floating) else x for x in case.inputs(rng, 6, 4)]
    inputs = [layout(x) if np.issubdtype(x.dtype, np.floating) else x for x in given]
    y, backward = case.forward(layer, *inputs)
    gradient = np.random.default_rng(1).normal(size=y.shape).astype(dtype)
    dy = layout(gradient)
    dx: Any = backward(dy)
    assert all(np.array_equal(now, before) for now, before in zip([*inputs, dy], [*given, gradient], strict=True))
    gradients = dx if isinstance(dx, tuple) else () if dx is None else (dx,)
    return [y, *gradients, *(p.grad for _, p in layer.parameters())]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_the_layout_in_memory_changes_nothing(case: LayerCase, layout: str, dtype: type[np.floating]) -> None:
    plain, other = both_ways(case, dtype, lambda x: x), both_ways(case, dtype, LAYOUTS[layout])
    for expected, found in zip(plain, other, strict=True):
        assert found.dtype == expected.dtype == dtype
        tolerance = np.finfo(dtype).eps * 50
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max(initial=1))
