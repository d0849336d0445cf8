"""Attention with masks, run by ONNX Runtime."""

from collections.abc import Callable

import numpy as np
import pytest

from seqrl.interop.onnx import graphs
from seqrl.interop.onnx.check import run
from seqrl.layers.attention import AdditiveAttention, Attention, DotAttention, GeneralAttention

from .conftest import largest_difference, randomised

pytest.importorskip("onnxruntime")

KINDS: dict[str, Callable[[np.random.Generator], Attention]] = {
    "dot": lambda rng: DotAttention(),
    "scaled": lambda rng: DotAttention(scaled=True),
    "general": lambda rng: GeneralAttention(3, 5, rng=rng),
    "additive": lambda rng: AdditiveAttention(3, 5, 4, rng=rng),
}


@pytest.mark.parametrize("T, lengths", [(1, (1,)), (5, (5, 1, 3)), (4, (0, 4))])
@pytest.mark.parametrize("kind", KINDS)
def test_context_and_weights(kind: str, T: int, lengths: tuple[int, ...], rng: np.random.Generator) -> None:
    assert largest_difference(KINDS[kind](rng), T=T, lengths=lengths)["model"] <= 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_padding_counts_for_nothing(kind: str, rng: np.random.Generator) -> None:
    attention = randomised(KINDS[kind](rng))
    graph = graphs(attention)["model"]
    query, memory = (rng.normal(size=(T, 2, H)).astype(np.float32) for T, H in ((3, 3), (4, 5)))
    if kind in ("dot", "scaled"):
        memory = memory[..., :3]
    lengths = np.array([2, 0])
    other = memory.copy()
    other[2:], other[:, 1] = 1e4, -1e4
    one, two = (run(graph, {"query": query, "memory": m, "lengths": lengths}) for m in (memory, other))
    assert np.array_equal(one["context"], two["context"])
    assert not one["weights"][0, :, 2:].any() and not one["weights"][1].any()
