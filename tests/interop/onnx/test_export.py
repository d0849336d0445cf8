"""What is written, and that nothing is where ONNX Runtime computes something else."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqrl.activations import ReLU, Tanh
from seqrl.errors import InputError
from seqrl.interop.onnx import export, graphs
from seqrl.interop.onnx.check import difference, largest_difference
from seqrl.interop.onnx.layers import RULES
from seqrl.layer import Chain
from seqrl.layers.dense import Dense
from seqrl.models.seq2seq import Seq2Seq, Seq2SeqConfig

onnxruntime = pytest.importorskip("onnxruntime")


def test_each_graph_has_a_file_that_onnx_runtime_opens(tmp_path: Path, rng: np.random.Generator) -> None:
    model = Seq2Seq(Seq2SeqConfig(9, 7, embedding=3, hidden=4), rng=rng, dropout_rng=rng)
    exported = export(model, tmp_path / "new" / "folder")
    assert [path.relative_to(tmp_path).as_posix() for path in exported.paths] == [
        "new/folder/encoder.onnx",
        "new/folder/decoder.onnx",
    ]
    assert 0 <= exported.difference <= 1e-6
    for path in exported.paths:
        onnxruntime.InferenceSession(path)
    assert len(list((tmp_path / "new" / "folder").iterdir())) == 2


def test_a_wrong_graph_is_noticed_and_not_written(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RULES, Tanh, lambda graph, layer, x: graph.add("Sigmoid", x))
    with pytest.raises(InputError, match=r"^the graph 'model': ONNX Runtime's numbers are .* from seqrl's; nothing is"):
        export(Chain(Dense(2, 3, rng=rng), Tanh()), tmp_path, ["N", 2])
    assert not list(tmp_path.iterdir())


def test_a_weight_that_is_off_by_a_little_is_noticed(rng: np.random.Generator) -> None:
    dense = Dense(2, 3, rng=rng)
    built = graphs(dense, ["N", 2])
    assert largest_difference(dense, built, ["N", 2]) <= 1e-6
    dense.weight.value[0, 0] += 1e-3
    with pytest.raises(InputError, match="the graph 'model'"):
        largest_difference(dense, built, ["N", 2])


def test_a_model_of_nan_is_not_written(tmp_path: Path, rng: np.random.Generator) -> None:
    dense = Dense(2, 3, rng=rng)
    dense.weight.value[0, 0] = np.nan
    with pytest.raises(InputError, match=r"numbers are nan from seqrl's"):
        export(dense, tmp_path, ["N", 2])


@pytest.mark.parametrize(
    "a, b, expected",
    [
        ([1.0, -np.inf], [1.0, -np.inf], 0.0),
        ([1.0, 0.0], [1.0, -np.inf], np.inf),
        ([100.0, 2.0], [100.0, 1.0], 0.01),
        ([0.5], [0.25], 0.25),
        ([1.0], [1.0, 1.0], np.inf),
    ],
)
def test_differences_are_relative_to_what_is_large(a: Any, b: Any, expected: float) -> None:
    assert difference({"y": np.array(a)}, {"y": np.array(b)}) == expected


def test_what_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file.*: can't be written: "):
        export(ReLU(), tmp_path / "file", ["N", 2])
