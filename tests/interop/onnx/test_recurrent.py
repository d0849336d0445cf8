"""Recurrent layers with states and lengths, run by ONNX Runtime."""

import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.interop.onnx import graphs
from seqrl.interop.onnx.check import difference, run
from seqrl.layer import Chain
from seqrl.layers.bidirectional import Bidirectional
from seqrl.layers.dense import Dense
from seqrl.layers.dropout import Dropout
from seqrl.layers.recurrent import CELLS, GRU, LSTM, RNN, Stack

from .conftest import largest_difference, randomised

pytest.importorskip("onnxruntime")

SIZES = [(1, (1,)), (1, (1, 0)), (5, (5, 1, 3)), (4, (0, 4, 1)), (7, (2, 2))]


@pytest.mark.parametrize("T, lengths", SIZES)
@pytest.mark.parametrize("cell", CELLS)
def test_output_and_final_state_of_every_cell(
    cell: str, T: int, lengths: tuple[int, ...], rng: np.random.Generator
) -> None:
    assert largest_difference(CELLS[cell](3, 4, rng=rng), T=T, lengths=lengths)["model"] <= 1e-6


@pytest.mark.parametrize("T, lengths", SIZES)
@pytest.mark.parametrize("cell", CELLS)
def test_two_directions_and_two_layers(cell: str, T: int, lengths: tuple[int, ...], rng: np.random.Generator) -> None:
    """The second direction begins at the end of each sequence, not of the longest."""

    def both(D: int) -> Bidirectional:
        return Bidirectional(CELLS[cell](D, 2, rng=rng), CELLS[cell](D, 3, rng=rng))

    model = Stack([both(3), both(5)], dropout=Dropout(0.5, rng=rng))
    assert largest_difference(model, T=T, lengths=lengths)["model"] <= 1e-6


def test_the_inputs_and_outputs_of_a_state_are_named_by_where_they_belong(rng: np.random.Generator) -> None:
    model = Stack([Bidirectional(LSTM(2, 3, rng=rng), GRU(2, 4, rng=rng)), RNN(7, 5, rng=rng)])
    graph = graphs(model)["model"].graph
    names = ["0.ahead.h", "0.ahead.c", "0.back", "1"]
    assert [entry.name for entry in graph.input] == ["x", "lengths", *(f"state.{name}" for name in names)]
    assert [entry.name for entry in graph.output] == ["y", *(f"final.{name}" for name in names)]


def test_chunks_with_the_state_carried_on_are_the_whole(rng: np.random.Generator) -> None:
    lstm = randomised(LSTM(3, 4, rng=rng, peephole=True))
    graph = graphs(lstm)["model"]
    x = rng.normal(size=(7, 2, 3)).astype(np.float32)
    state = {"state.h": np.zeros((2, 4), np.float32), "state.c": np.zeros((2, 4), np.float32)}
    outputs = []
    for chunk in x[:3], x[3:4], x[4:]:
        found = run(graph, {"x": chunk, "lengths": np.full(2, len(chunk)), **state})
        outputs.append(found["y"])
        state = {name.replace("final", "state"): array for name, array in found.items() if name != "y"}
    assert difference({"y": np.concatenate(outputs)}, {"y": lstm(x)}) <= 1e-6


def test_a_recurrent_layer_among_others_reads_whole_sequences_from_zero(rng: np.random.Generator) -> None:
    model = Chain(Dense(2, 3, rng=rng), GRU(3, 4, rng=rng), Dense(4, 1, rng=rng))
    graph = graphs(model, ["T", "N", 2])["model"].graph
    assert [entry.name for entry in graph.input] == ["x"]
    assert largest_difference(model, ["T", "N", 2])["model"] <= 1e-6


def test_a_parameter_that_two_layers_need_in_two_layouts_stands_in_both(rng: np.random.Generator) -> None:
    first, second = GRU(3, 3, rng=rng), GRU(3, 3, rng=rng)
    second.bias = first.bias  # in ONNX it lies in one array with bias_hn
    second.weight_hh = first.weight_hh
    model = Stack([first, second])
    assert largest_difference(model)["model"] <= 1e-6
    names = [entry.name for entry in graphs(model)["model"].graph.initializer]
    assert sum(name.startswith("layers.0.bias") for name in names) == 2
    assert sum(name.startswith("layers.0.weight_hh") for name in names) == 1


def test_a_cell_of_ones_own_is_named_with_its_place(rng: np.random.Generator) -> None:
    class Cell(RNN):
        def scan(self, *arguments: object, **options: object) -> object:  # type: ignore[override]
            return super().scan(*arguments, **options)  # type: ignore[arg-type]

    with pytest.raises(InputError, match=r"^layers\.1\.back, a Cell, can't be exported to ONNX; expected one of Bidir"):
        graphs(Stack([RNN(2, 3, rng=rng), Bidirectional(RNN(3, 2, rng=rng), Cell(3, 2, rng=rng))]))
