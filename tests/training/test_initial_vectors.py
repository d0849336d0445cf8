"""Embeddings as the start of a layer: which rows they fill, and how."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.layers.embedding import Embedding
from seqrl.parameter import Array
from seqrl.text.embeddings import Embeddings
from seqrl.text.specials import SPECIALS
from seqrl.text.tokenizers import Tokenizer
from seqrl.training.initial_vectors import Start, check, initialize, summary

TEXT = "Paris is big, paris is not Rome; Rome's a city."
WORDS = ["Paris", "is", "rome", "'s", ",", "city", "unheard"]
E = 6


@pytest.fixture
def tokenizer() -> Tokenizer:
    return Tokenizer.train("word", [TEXT])


@pytest.fixture
def embeddings() -> Embeddings:
    rng = np.random.default_rng(0)
    return Embeddings(WORDS, 3 * rng.normal(size=(len(WORDS), E)) + 5)


@pytest.fixture
def path(embeddings: Embeddings, tmp_path: Path) -> str:
    embeddings.save(tmp_path / "words.safetensors")
    return str(tmp_path / "words.safetensors")


def layer(tokenizer: Tokenizer, size: int = E, seed: int = 1) -> Embedding:
    return Embedding(len(tokenizer), size, rng=np.random.default_rng(seed))


def given(path: str | None, tokenizer: Tokenizer, *layers: Embedding) -> Start:
    return Start("source_embeddings", path, tokenizer, layers)


def row(tokenizer: Tokenizer, weight: Array, word: str) -> Array:
    found: Array = weight[tokenizer.words().index(word)]
    return found


def test_words_that_are_found_get_their_vectors_and_all_others_keep_their_start(
    path: str, embeddings: Embeddings, tokenizer: Tokenizer
) -> None:
    before = layer(tokenizer).weight.value
    started = layer(tokenizer)
    said = initialize([given(path, tokenizer, started)])
    after = started.weight.value
    # The words as they are, or in lower case: "paris" is not "Paris", but "Rome" is "rome".
    found = {"Paris": "Paris", "is": "is", "Rome": "rome", "'s": "'s", ",": ",", "city": "city"}
    vectors = np.array([embeddings[name] for name in found.values()], np.float64)
    centred = vectors - vectors.mean(axis=0)
    expected = dict(zip(found, centred * before.std() / centred.std(), strict=True))
    for i, word in enumerate(tokenizer.words()):
        if word in expected:
            np.testing.assert_allclose(after[i], expected[word], rtol=1e-5, atol=1e-6)
        else:
            np.testing.assert_array_equal(after[i], before[i])
    assert said == {"initial_vectors": {"source_embeddings": {"words": len(tokenizer) - len(SPECIALS), "found": 6}}}


def test_what_is_written_is_as_long_as_what_the_layer_drew(path: str, tokenizer: Tokenizer) -> None:
    started = layer(tokenizer)
    started.weight.value *= 7
    deviation = started.weight.value.std()
    initialize([given(path, tokenizer, started)])
    rows = [row(tokenizer, started.weight.value, word) for word in ("Paris", "is", "Rome", "'s", ",", "city")]
    assert np.std(rows) == pytest.approx(deviation, rel=1e-5)


def test_the_optimizers_view_of_the_weights_is_written_into(path: str, tokenizer: Tokenizer) -> None:
    started = layer(tokenizer)
    value = started.weight.value
    initialize([given(path, tokenizer, started)])
    assert started.weight.value is value
    assert value.dtype == np.float32


def test_two_layers_of_a_vocabulary_get_the_same_vectors(path: str, tokenizer: Tokenizer) -> None:
    layers = layer(tokenizer, seed=1), layer(tokenizer, seed=2)
    initialize([given(path, tokenizer, *layers)])
    one, other = (row(tokenizer, each.weight.value / each.weight.value.std(), "city") for each in layers)
    assert np.corrcoef(one, other)[0, 1] == pytest.approx(1)


def test_special_tokens_are_no_words(tokenizer: Tokenizer, tmp_path: Path) -> None:
    names = [*SPECIALS, "is", "city"]
    Embeddings(names, np.random.default_rng(0).normal(size=(len(names), E))).save(tmp_path / "e")
    before, started = layer(tokenizer).weight.value, layer(tokenizer)
    initialize([given(str(tmp_path / "e"), tokenizer, started)])
    np.testing.assert_array_equal(started.weight.value[: len(SPECIALS)], before[: len(SPECIALS)])


def test_without_a_path_nothing_is_done_or_said(tokenizer: Tokenizer) -> None:
    started = layer(tokenizer)
    assert initialize([given(None, tokenizer, started)]) == {}
    np.testing.assert_array_equal(started.weight.value, layer(tokenizer).weight.value)
    assert summary({"vocabulary": 7}) == ""


def test_the_summary_counts_the_words_of_each_option() -> None:
    found = {"source_embeddings": {"words": 2000, "found": 1512}, "target_embeddings": {"words": 9, "found": 8}}
    assert summary({"initial_vectors": found}) == (
        "; 1,512 of 2,000 words begin with the vectors of --source-embeddings"
        "; 8 of 9 words begin with the vectors of --target-embeddings"
    )


def test_sizes_that_differ_are_both_named(path: str, tokenizer: Tokenizer) -> None:
    with pytest.raises(InputError, match=r"vectors of 6 numbers and --embedding is 4; expected --embedding 6"):
        initialize([given(path, tokenizer, layer(tokenizer, 4))])


def test_embeddings_of_another_language_are_refused(tokenizer: Tokenizer, tmp_path: Path) -> None:
    Embeddings(["猫", "犬"], np.eye(2)).save(tmp_path / "e")
    with pytest.raises(InputError, match=r"none of its 2 words, such as '猫' '犬', is among the \d+ of the text"):
        initialize([given(str(tmp_path / "e"), tokenizer, layer(tokenizer, 2))])


def test_vectors_that_are_all_the_same_are_refused(tokenizer: Tokenizer, tmp_path: Path) -> None:
    Embeddings(["is", "Paris", "city"], np.full((3, E), 0.1)).save(tmp_path / "e")
    with pytest.raises(InputError, match="of the 3 words found do not differ"):
        initialize([given(str(tmp_path / "e"), tokenizer, layer(tokenizer))])


def test_a_file_that_is_not_there_is_named(tokenizer: Tokenizer, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing\.txt: no such file"):
        initialize([given(str(tmp_path / "missing.txt"), tokenizer, layer(tokenizer))])


@pytest.mark.parametrize("kind", ["char", "bpe"])
def test_tokens_that_are_not_words_are_refused(kind: str) -> None:
    settings = SimpleNamespace(tokenizer=kind, source_embeddings=None, target_embeddings="file")
    with pytest.raises(InputError, match=f"^--target-embeddings .*--tokenizer word with it, not {kind}$"):
        check(settings, "source_embeddings", "target_embeddings")
    settings.target_embeddings = None
    check(settings, "source_embeddings", "target_embeddings")
