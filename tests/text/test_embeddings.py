import json
import math
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from seqrl.errors import InputError
from seqrl.interop.word2vec import write_word2vec
from seqrl.text.embeddings import Embeddings, read_embeddings
from seqrl.training import runs


@pytest.fixture
def drinks() -> Embeddings:
    return Embeddings(["tea", "milk", "coffee", "water"], [[1, 0], [0.6, 0.8], [0, 2], [-3, 0]], [9, 7, 7, 1])


def error_of(function: Callable[..., object], *args: Any) -> str:
    with pytest.raises(InputError) as error:
        function(*args)
    assert "\n" not in str(error.value)
    return str(error.value)


def words_of(found: list[tuple[str, float]]) -> list[str]:
    return [word for word, _ in found]


# A vocabulary and its vectors


def test_words_are_looked_up(drinks: Embeddings) -> None:
    np.testing.assert_array_equal(drinks["milk"], np.float32([0.6, 0.8]))
    assert drinks["milk"].dtype == np.float32
    assert drinks.row("coffee") == drinks.index["coffee"] == 2
    assert "water" in drinks and "wine" not in drinks and 3 not in drinks
    assert len(drinks) == 4 and drinks.size == 2
    assert list(drinks) == drinks.words == ["tea", "milk", "coffee", "water"]
    assert repr(drinks) == "Embeddings(4 words, 2 numbers each)"


def test_vectors_are_neither_copied_nor_written_to() -> None:
    vectors, counts = np.ones((2, 3), np.float32), np.ones(2, np.int64)
    embeddings = Embeddings(["a", "b"], vectors, counts)
    assert np.shares_memory(embeddings.vectors, vectors)
    for array in (embeddings.vectors, embeddings["a"], embeddings.unit, embeddings.counts):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 2
    vectors[0] = 2  # whose it is may


def test_a_part_of_a_wider_table_is_not_copied(tmp_path: Path) -> None:
    table = np.arange(12, dtype=np.float32).reshape(3, 4)
    embeddings = Embeddings(["a", "b", "c"], table[:, :2])
    assert np.shares_memory(embeddings.vectors, table)
    assert embeddings.nearest("b") == Embeddings(["a", "b", "c"], table[:, :2].copy()).nearest("b")
    embeddings.save(tmp_path / "a")
    np.testing.assert_array_equal(Embeddings.load(tmp_path / "a").vectors, [[0, 1], [4, 5], [8, 9]])


def test_an_unknown_word_is_named_with_the_nearest_spellings(drinks: Embeddings) -> None:
    assert error_of(drinks.row, "cofee") == "unknown word 'cofee' (did you mean 'coffee'?); the vocabulary has 4 words"
    assert error_of(drinks.row, "xyz") == "unknown word 'xyz'; the vocabulary has 4 words"
    assert "(did you mean 'king' or 'kings'?)" in error_of(Embeddings(["kings", "king"], np.eye(2)).row, "kingg")
    assert "did you mean 'milk'?" in error_of(drinks.__getitem__, "Milk")
    assert "did you mean 'milk'?" in error_of(drinks.similarity, "tea", "milc")
    assert "did you mean 'milk'?" in error_of(drinks.nearest, "milc")
    assert "did you mean 'milk'?" in error_of(drinks.analogy, "tea", "milc", "water")


@pytest.mark.parametrize(
    ("words", "vectors", "counts", "problem"),
    [
        (["a"], [[1.0], [2.0]], None, "1 words and vectors of shape (2, 1); expected a vector for each word"),
        (["a"], [1.0], None, "1 words and vectors of shape (1,); expected a vector for each word"),
        ([], np.zeros((0, 3)), None, "0 words and vectors of shape (0, 3); expected a vector for each word"),
        (["a"], [[]], None, "1 words and vectors of shape (1, 0); expected a vector for each word"),
        (["a"], [[1.0]], [1, 2], "1 words and counts of shape (2,); expected a count for each word"),
        (["a", "b", "a"], np.eye(3), None, "the word 'a' is given twice; expected each word once"),
        (["a", "b\nc"], np.eye(2), None, "the word 'b\\nc' has a line end in it"),
        (["a", "b"], [[1], [np.nan]], None, "the vector of 'b' has numbers that are not finite, or too large"),
        (["a", "b"], [[-np.inf], [1]], None, "the vector of 'a' has numbers that are not finite, or too large"),
        (["a", "b"], [[1], [1e300]], None, "the vector of 'b' has numbers that are not finite, or too large"),
        (["a", "b"], [[1, 1], [1e38, 1e38]], None, "the vector of 'b' has numbers that are not finite, or too large"),
    ],
)
def test_what_does_not_fit_is_refused(words: list[str], vectors: Any, counts: Any, problem: str) -> None:
    assert error_of(Embeddings, words, vectors, counts) == problem


# Similar words


def test_nearest_words_by_hand(drinks: Embeddings) -> None:
    found = drinks.nearest("tea")
    assert words_of(found) == ["milk", "coffee", "water"]
    np.testing.assert_allclose([cosine for _, cosine in found], [0.6, 0, -1], atol=1e-7)
    assert drinks.nearest("tea", 1) == found[:1]
    assert all(type(cosine) is float for _, cosine in found)


def test_nearest_words_of_a_vector(drinks: Embeddings) -> None:
    found = drinks.nearest([0, -5], 2)
    assert words_of(found) == ["tea", "water"]  # equally far: as the vocabulary has them
    assert [cosine for _, cosine in found] == [0, 0]
    assert words_of(drinks.nearest(drinks["milk"], 1)) == ["milk"]
    assert words_of(drinks.nearest([0, 0])) == drinks.words
    assert error_of(drinks.nearest, [1, 2, 3]) == "a vector of shape (3,); expected a word, or 2 finite numbers"
    assert error_of(drinks.nearest, [1, np.nan]) == "a vector of shape (2,); expected a word, or 2 finite numbers"
    assert error_of(drinks.nearest, "tea", 0) == "count of the nearest words is 0; expected a whole number of 1 or more"


def test_analogy_by_hand() -> None:
    words = ["man", "king", "woman", "royal", "queen", "slave"]
    vectors = [[5, 0, 0], [0, 0.5, 0], [0, 0, 9], [0, 3, 3], [-2, 2, 2], [1, -1, -1]]
    embeddings = Embeddings(words, vectors)
    # b - a + c of unit length is (-1, 1, 1) / √3
    assert words_of(embeddings.analogy("man", "king", "woman")) == ["queen"]
    found = embeddings.analogy("man", "king", "woman", 10)
    assert words_of(found) == ["queen", "royal", "slave"]  # not the three of the question
    np.testing.assert_allclose([cosine for _, cosine in found], [1, 2 / math.sqrt(6), -1], atol=1e-7)
    # A word may stand twice: this is b - a + a.
    assert words_of(embeddings.analogy("king", "man", "king", 2)) == ["slave", "woman"]


def test_similarity_by_hand(drinks: Embeddings) -> None:
    assert drinks.similarity("tea", "milk") == drinks.similarity("milk", "tea") == pytest.approx(0.6)
    assert drinks.similarity("coffee", "milk") == pytest.approx(0.8)
    assert drinks.similarity("water", "tea") == -1


def test_a_vector_of_zeros_is_like_none() -> None:
    embeddings = Embeddings(["zero", "a", "b"], [[0, 0], [1, 1], [-1, 0]])
    assert embeddings.similarity("zero", "a") == 0
    assert embeddings.nearest("zero") == [("a", 0), ("b", 0)]
    assert words_of(embeddings.nearest("a")) == ["zero", "b"]
    np.testing.assert_array_equal(embeddings.unit[0], [0, 0])


def test_unit_vectors_have_length_one_and_are_made_once(rng: np.random.Generator) -> None:
    vectors = rng.normal(size=(50, 7)) * 10.0 ** rng.integers(-30, 30, size=(50, 1))
    embeddings = Embeddings(list(map(str, range(50))), vectors)
    np.testing.assert_allclose(np.linalg.norm(embeddings.unit, axis=1), 1, rtol=1e-6)
    cosines = [np.dot(u, v) / np.linalg.norm(v) for u, v in zip(embeddings.unit, vectors, strict=True)]
    np.testing.assert_allclose(cosines, 1, rtol=1e-6)
    assert embeddings.unit is embeddings.unit
    assert embeddings.unit.dtype == np.float32


@given(
    vectors=hnp.arrays(np.float32, st.tuples(st.integers(2, 30), st.integers(1, 4)), elements=st.integers(-3, 3)),
    count=st.integers(1, 8),
    data=st.data(),
)
def test_nearest_is_what_sorting_everything_finds(vectors: Any, count: int, data: st.DataObject) -> None:
    V = len(vectors)
    embeddings = Embeddings(list(map(str, range(V))), vectors)
    row = data.draw(st.integers(0, V - 1))

    def cosine(other: int) -> float:
        lengths = math.hypot(*vectors[row]) * math.hypot(*vectors[other])
        return float(vectors[row] @ vectors[other]) / lengths if lengths else 0.0

    # Small whole numbers have many ties, also between vectors of other lengths.
    expected = sorted(
        (other for other in range(V) if other != row), key=lambda other: (-round(cosine(other), 9), other)
    )
    found = embeddings.nearest(str(row), count)
    assert words_of(found) == list(map(str, expected[:count]))
    np.testing.assert_allclose([c for _, c in found], [cosine(other) for other in expected[:count]], atol=1e-9)


def test_equal_vectors_are_equally_similar_wherever_they_stand(rng: np.random.Generator) -> None:
    """A matrix product rounds the rows at its edges otherwise."""
    few = rng.normal(size=(3, 103)).astype(np.float32)
    kinds = rng.integers(3, size=1003)
    embeddings = Embeddings(list(map(str, range(1003))), few[kinds])
    same = np.flatnonzero(kinds == kinds[0])[1:]
    assert words_of(embeddings.nearest("0", 20)) == list(map(str, same[:20]))
    assert words_of(embeddings.nearest("0", len(same))) == list(map(str, same))


def test_vectors_in_one_direction_are_equally_similar_however_long() -> None:
    lengths = np.random.default_rng(0).permutation(200) + 1
    embeddings = Embeddings(list(map(str, range(200))), np.outer(lengths, [1, 2, 3]))
    assert words_of(embeddings.nearest([3, 6, 9], 50)) == list(map(str, range(50)))


def test_words_are_ordered_more_finely_than_float32_tells(rng: np.random.Generator) -> None:
    vectors = (1 + 1e-3 * rng.normal(size=(2_000, 100))).astype(np.float32)  # cosines that differ by 1e-7
    embeddings = Embeddings(list(map(str, range(2_000))), vectors)
    unit = vectors / np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    cosines = unit @ unit[0]
    expected = np.argsort(-cosines[1:])[:20] + 1
    found = embeddings.nearest("0", 20)
    assert words_of(found) == list(map(str, expected))
    np.testing.assert_allclose([cosine for _, cosine in found], cosines[expected], rtol=1e-12)


# Files


@st.composite
def any_embeddings(draw: st.DrawFn) -> Embeddings:
    letters = st.characters(exclude_characters="\n", exclude_categories=["Cs"])
    words = draw(st.lists(st.text(letters, max_size=5), min_size=1, max_size=6, unique=True))
    numbers = st.floats(width=32, min_value=-(2.0**100), max_value=2.0**100)
    vectors = draw(hnp.arrays(np.float32, (len(words), draw(st.integers(1, 4))), elements=numbers))
    counts = st.none() | hnp.arrays(np.int64, len(words))
    return Embeddings(words, vectors, draw(counts))


@given(embeddings=any_embeddings())
def test_a_file_gives_the_same_bits_back(tmp_path_factory: pytest.TempPathFactory, embeddings: Embeddings) -> None:
    path = tmp_path_factory.mktemp("embeddings") / "a.safetensors"
    embeddings.save(path)
    for found in (Embeddings.load(path), read_embeddings(path)):
        assert found.words == embeddings.words
        assert found.vectors.tobytes() == embeddings.vectors.tobytes()
        assert (found.counts is None) == (embeddings.counts is None)
        np.testing.assert_array_equal(found.counts, embeddings.counts)  # type: ignore[arg-type]


def test_other_readers_of_safetensors_find_it_all(tmp_path: Path, drinks: Embeddings) -> None:
    drinks.save(tmp_path / "a")
    found = safetensors.numpy.load_file(tmp_path / "a")
    np.testing.assert_array_equal(found["vectors"], drinks.vectors)
    np.testing.assert_array_equal(found["counts"], [9, 7, 7, 1])
    assert found["words"].tobytes() == b"tea\nmilk\ncoffee\nwater\n"


def test_a_table_is_held_once_while_it_is_written_and_read(tmp_path: Path) -> None:
    vectors = np.ones((2_000, 1_000), np.float32)
    embeddings = Embeddings(list(map(str, range(2_000))), vectors)
    tracemalloc.start()
    try:
        embeddings.save(tmp_path / "a")
        written = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        Embeddings.load(tmp_path / "a")
        read = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert written < 0.1 * vectors.nbytes
    assert read < 1.1 * vectors.nbytes


def test_a_file_cut_anywhere_is_named(tmp_path: Path, drinks: Embeddings) -> None:
    path = tmp_path / "a"
    drinks.save(path)
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        assert error_of(Embeddings.load, path).startswith(f"{path}: ")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("embeddings") / "a"
    Embeddings(["tea", "milk"], np.eye(2), [2, 1]).save(path)
    return path


@settings(max_examples=300)
@given(data=st.data(), byte=st.integers(0, 255))
def test_damage_is_an_input_error_or_other_numbers(saved: Path, data: st.DataObject, byte: int) -> None:
    content = bytearray(saved.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] = byte
    path = saved.with_name("damaged")
    path.write_bytes(content)
    try:
        found = Embeddings.load(path)
    except InputError as error:
        assert str(error).startswith(f"{path}: ") and "\n" not in str(error)
    else:
        assert len(found) == 2 and np.isfinite(found.vectors).all()


METADATA = {"seqrl": json.dumps({"format": "seqrl-embeddings-1"})}
VECTORS, WORDS = np.eye(2, dtype=np.float32), np.frombuffer(b"a\nb\n", np.uint8)


@pytest.mark.parametrize(
    ("arrays", "metadata", "problem"),
    [
        ({"vectors": VECTORS, "words": WORDS}, None, "a safetensors file, but not of embeddings as this version"),
        ({"vectors": VECTORS, "words": WORDS}, {"seqrl": "{}"}, "a safetensors file, but not of embeddings"),
        ({"vectors": VECTORS}, METADATA, "damaged, it has no words"),
        ({"counts": VECTORS}, METADATA, "damaged, it has no vectors and no words"),
        ({"vectors": VECTORS.astype(np.float64), "words": WORDS}, METADATA, "'vectors' is F64 of shape (2, 2)"),
        ({"vectors": VECTORS[:1], "words": WORDS}, METADATA, "damaged (2 words and vectors of shape (1, 2)"),
        ({"vectors": VECTORS * np.float32(np.nan), "words": WORDS}, METADATA, "damaged (the vector of 'a' has"),
        ({"vectors": VECTORS, "words": WORDS[:3]}, METADATA, "damaged (the last word has no line end)"),
        ({"vectors": VECTORS, "words": WORDS[[0, 1, 0, 1]]}, METADATA, "damaged (the word 'a' is given twice"),
        ({"vectors": VECTORS, "words": WORDS + np.uint8(128)}, METADATA, "damaged ('utf-8' codec can't decode"),
    ],
)
def test_a_file_that_holds_something_else_is_named(
    tmp_path: Path, arrays: dict[str, Any], metadata: dict[str, str] | None, problem: str
) -> None:
    safetensors.numpy.save_file({name: array.copy() for name, array in arrays.items()}, tmp_path / "a", metadata)
    assert error_of(Embeddings.load, tmp_path / "a").startswith(f"{tmp_path / 'a'}: {problem}")


def test_what_can_not_be_written_or_found_is_named(tmp_path: Path, drinks: Embeddings) -> None:
    path = tmp_path / "nowhere" / "a"
    assert error_of(drinks.save, path) == f"{path}: can't be written: No such file or directory"
    path = tmp_path / "a"
    strange = Embeddings(["a", "b\ud800"], np.eye(2))
    assert error_of(strange.save, path) == f"{path}: can't be written: '\\ud800' in a word is no text"
    assert error_of(Embeddings.load, path) == f"{path}: no such file"
    assert error_of(Embeddings.load, tmp_path) == f"{tmp_path}: a folder; expected a file"


# Whatever a path holds


@pytest.mark.parametrize("name", ["a.safetensors", "a.txt", "a.bin", "a.txt.gz", "a.bin.gz"])
def test_files_are_told_apart_by_what_they_hold(tmp_path: Path, drinks: Embeddings, name: str) -> None:
    if name == "a.safetensors":
        drinks.save(tmp_path / name)
    else:
        write_word2vec(drinks, tmp_path / name, binary=".bin" in name)
    (tmp_path / name).rename(tmp_path / "renamed")
    found = read_embeddings(tmp_path / "renamed")
    assert found.words == drinks.words
    np.testing.assert_array_equal(found.vectors, drinks.vectors)


def test_a_folder_is_loaded_as_a_run(tmp_path: Path, drinks: Embeddings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert error_of(read_embeddings, tmp_path) == f"{tmp_path}: not a run folder, it has no config.json"
    monkeypatch.setattr(runs, "load", {tmp_path: drinks}.get)
    assert read_embeddings(tmp_path) is drinks
    monkeypatch.setattr(runs, "load", {tmp_path: "a translator"}.get)
    assert error_of(read_embeddings, tmp_path).startswith(f"{tmp_path}: a run that has trained no embeddings")


def test_a_path_that_holds_nothing_of_the_kind_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    assert error_of(read_embeddings, path) == f"{path}: no such file"
    path.write_bytes(b"")
    assert error_of(read_embeddings, path) == f"{path}: empty file"
    path.write_text("Dear diary\n")
    assert error_of(read_embeddings, path).startswith(f"{path}:1: begins with 'Dear diary'; expected the number of")
