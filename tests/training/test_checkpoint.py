from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from seqrl.errors import InputError
from seqrl.layer import Chain
from seqrl.layers.dense import Dense
from seqrl.layers.dropout import Dropout
from seqrl.optimizers import SGD, Adam, Optimizer
from seqrl.parameter import Array
from seqrl.training import checkpoint


def make(seed: int, hidden: int = 4) -> tuple[Chain, Adam]:
    rng = np.random.default_rng(seed)
    model = Chain(Dense(3, hidden, rng=rng), Dropout(0.5, rng=rng), Dense(hidden, 2, rng=rng))
    return model, Adam(model.parameters(), 0.1)


def train(model: Chain, optimizer: Optimizer, steps: int) -> Array:
    for _ in range(steps):
        y, backward = model.forward(np.ones((2, 3), np.float32))
        backward(y)
        optimizer.step()
    return optimizer.packed.value.copy()


def test_training_goes_on_from_a_checkpoint_with_the_same_bits(tmp_path: Path) -> None:
    model, optimizer = make(0)
    train(model, optimizer, 3)
    optimizer.lr = 0.05
    checkpoint.save_training(tmp_path / "c", model, optimizer, dict(model.generators()), {"epoch": 7})
    expected = train(model, optimizer, 3)
    other, other_optimizer = make(1)
    train(other, other_optimizer, 1)
    state = checkpoint.load_training(tmp_path / "c", other, other_optimizer, dict(other.generators()))
    assert state == {"epoch": 7}
    assert (other_optimizer.steps, other_optimizer.lr) == (3, 0.05)
    assert np.array_equal(train(other, other_optimizer, 3), expected)


def test_the_same_state_is_the_same_file(tmp_path: Path) -> None:
    for name in "ab":
        model, optimizer = make(0)
        checkpoint.save_training(tmp_path / name, model, optimizer, dict(model.generators()), {"x": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_arrays_in_any_layout_come_back_as_they_are(tmp_path: Path, rng: np.random.Generator) -> None:
    x = rng.normal(size=(3, 4, 5)).astype(np.float32)
    arrays = {"transposed": x.T, "strided": x[::2, :, 1::2], "scalar": np.array(2.5), "empty": x[:0]}
    checkpoint.write(tmp_path / "c", arrays, {})
    found = checkpoint.read(tmp_path / "c").arrays
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert np.array_equal(found[name], array), name


def test_numbers_in_the_state_come_back_exactly(tmp_path: Path) -> None:
    state = {"loss": 0.1 + 0.2, "tiny": 5e-324, "random": 2**127 + 1, "best": None, "nested": {"list": [1, 2]}}
    checkpoint.write(tmp_path / "c", {}, state)
    assert checkpoint.read(tmp_path / "c").state == state


def test_a_checkpoint_cut_anywhere_is_refused_by_name(tmp_path: Path) -> None:
    model, optimizer = make(0)
    path = tmp_path / "whole"
    checkpoint.save_training(path, model, optimizer, {}, {})
    content = path.read_bytes()
    for size in {*range(0, len(content), 97), len(content) - 1}:
        cut = tmp_path / "cut"
        cut.write_bytes(content[:size])
        with pytest.raises(InputError, match=f"^{cut}: not a checkpoint, or cut short"):
            checkpoint.read(cut)


def test_a_foreign_file_is_refused_by_name(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("no checkpoint at all, but long enough to have a header")
    with pytest.raises(InputError, match=f"^{text}: not a checkpoint"):
        checkpoint.read(text)
    foreign = tmp_path / "foreign.safetensors"
    for metadata in None, {"seqrl": "3"}, {"seqrl": "{}"}, {"format": "pt"}:
        foreign.write_bytes(safetensors.numpy.save({"x": np.zeros(3)}, metadata))
        with pytest.raises(InputError, match=f"^{foreign}: a safetensors file, but not a checkpoint of seqrl"):
            checkpoint.read(foreign)
    foreign.write_bytes(safetensors.numpy.save({}, {"seqrl": '{"format": "seqrl-checkpoint-9"}'}))
    with pytest.raises(InputError, match="format 'seqrl-checkpoint-9'; this version of seqrl reads"):
        checkpoint.read(foreign)
    with pytest.raises(InputError, match="missing: can't read the checkpoint: No such file"):
        checkpoint.read(tmp_path / "missing")


def test_another_architecture_names_the_first_parameter_that_differs(tmp_path: Path) -> None:
    model, optimizer = make(0)
    checkpoint.save_training(tmp_path / "c", model, optimizer, {}, {})
    other, other_optimizer = make(0, hidden=5)
    before = other_optimizer.packed.value.copy()
    with pytest.raises(InputError, match=r"c: the weights hold 'layers.0.weight' of shape \(3, 4\)"):
        checkpoint.load_training(tmp_path / "c", other, other_optimizer, {})
    assert np.array_equal(other_optimizer.packed.value, before)


def test_what_training_needs_and_the_file_lacks_is_said(tmp_path: Path) -> None:
    model, optimizer = make(0)
    checkpoint.save_model(tmp_path / "best", model, {})
    with pytest.raises(InputError, match="best: training can't be resumed from it, it lacks 'optimizer'"):
        checkpoint.load_training(tmp_path / "best", model, optimizer, {})
    sgd = SGD(model.parameters(), 0.1)
    checkpoint.save_training(tmp_path / "sgd", model, sgd, {}, {})
    with pytest.raises(InputError, match="sgd: the optimizer's state lacks 'first'"):
        checkpoint.load_training(tmp_path / "sgd", model, optimizer, {})
