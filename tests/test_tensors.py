import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from safetensors import safe_open

from seqrl import tensors
from seqrl.errors import InputError


def test_safetensors_reads_what_is_written(tmp_path: Path, rng: np.random.Generator) -> None:
    x = rng.normal(size=(3, 4, 5))
    arrays = {name: x.astype(name) for name in tensors.DTYPES}
    arrays |= {"transposed": x.T, "strided": x[::2, :, 1::2], "scalar": np.array(2.5), "empty": x[:0]}
    tensors.write(tmp_path / "t", arrays, {"words": "été 日"})
    found = safetensors.numpy.load_file(tmp_path / "t")
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype and np.array_equal(found[name], array), name
    with safe_open(tmp_path / "t", "numpy") as file:
        assert file.metadata() == {"words": "été 日"}


def test_arrays_are_filled_from_a_file_of_any_writer(tmp_path: Path, rng: np.random.Generator) -> None:
    arrays = {"a": rng.normal(size=(3, 2)), "b": np.arange(5, dtype=np.int32), "c": np.float32([7])}
    for write in tensors.write, lambda path, arrays, metadata: path.write_bytes(safetensors.numpy.save(arrays)):
        write(tmp_path / "t", arrays, {})
        filled = {name: np.zeros_like(arrays[name]) for name in "ba"}  # not all of them
        assert tensors.read_into(tmp_path / "t", filled) == {}
        for name, array in filled.items():
            assert np.array_equal(array, arrays[name]), name


def test_neither_writing_nor_reading_holds_a_second_copy(tmp_path: Path) -> None:
    arrays = {"a": np.zeros((1000, 1000), np.float32), "b": np.zeros((1000, 1000), np.float32)}
    tracemalloc.start()
    tensors.write(tmp_path / "t", arrays, {})
    tensors.read_into(tmp_path / "t", arrays)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 500_000


def test_what_does_not_fit_is_named_and_nothing_is_filled(tmp_path: Path) -> None:
    path = tmp_path / "t"
    tensors.write(path, {"a": np.ones((2, 3)), "b": np.ones(4)}, {})
    a = np.zeros((2, 3))
    for wrong, said in {
        "'b' is F64 of shape (4,); expected F64 of shape (5,)": {"b": np.zeros(5)},
        "'b' is F64 of shape (4,); expected F32 of shape (4,)": {"b": np.zeros(4, np.float32)},
        "'c' is no such array; expected F64 of shape (4,)": {"c": np.zeros(4)},
    }.items():
        with pytest.raises(InputError) as caught:
            tensors.read_into(path, {"a": a, **said})
        assert str(caught.value) == f"{path}: {wrong}"
    assert not a.any()


def test_a_file_cut_anywhere_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "t"
    tensors.write(path, {"a": np.ones((2, 3))}, {"x": "y"})
    content = path.read_bytes()
    for size in range(len(content)):
        path.write_bytes(content[:size])
        with pytest.raises(InputError, match=f"^{path}: (not a safetensors file, or cut short|cut short inside 'a')$"):
            tensors.read_into(path, {"a": np.zeros((2, 3))})


@pytest.mark.parametrize(
    "content", [b"text of some length", b"\x02" + bytes(7) + b"[]", b'\x0e\0\0\0\0\0\0\0{"a": {"b": 3}}']
)
def test_another_file_is_refused_by_name(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(content)
    with pytest.raises(InputError, match=r"t: not a safetensors file, or cut short$"):
        tensors.read_into(tmp_path / "t", {"a": np.zeros(3)})


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing: can't be read: No such file or directory$"):
        tensors.read_into(tmp_path / "missing", {})
