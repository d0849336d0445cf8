from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqrl.errors import InputError
from seqrl.text.corpora import Pair
from seqrl.text.specials import EOS, PAD
from seqrl.text.tokenizers import Tokenizer
from seqrl.training.translation.corpus import Corpus, Sequences, read_corpus, tokenize

ids = st.integers(0, 1000)


def write(path: Path, pairs: list[Pair]) -> str:
    path.write_text("".join(f"{source}\t{target}\n" for source, target in pairs))
    return str(path)


@pytest.fixture
def file(tmp_path: Path) -> str:
    """300 sources, each with two translations."""
    return write(tmp_path / "pairs.tsv", [(f"s{i}", f"{t}{i}") for i in range(300) for t in "ab"])


def read(file: str, valid: tuple[str, ...] = (), test: tuple[str, ...] = (), seed: int = 0) -> Corpus:
    return read_corpus(file, None, None, None, valid, test, np.random.default_rng(seed))


def sources(pairs: list[Pair]) -> set[str]:
    return {source for source, _ in pairs}


def test_without_files_of_their_own_validation_and_test_are_split_off_by_source(file: str) -> None:
    corpus = read(file)
    parts = [sources(corpus.train), sources(corpus.valid), sources(corpus.tests["test"])]
    assert [len(part) for part in parts] == [270, 15, 15]
    assert len(set.union(*parts)) == 300
    assert len(corpus.train) == 2 * 270
    assert read(file) == corpus
    assert read(file, seed=1) != corpus


def test_files_of_their_own_are_taken_and_training_keeps_what_is_not_needed(file: str, tmp_path: Path) -> None:
    valid, test = write(tmp_path / "v.tsv", [("v", "w")]), write(tmp_path / "odd.name.tsv", [("t", "u")])
    corpus = read(file, (valid,), (test,))
    assert (len(corpus.train), corpus.valid, corpus.tests) == (600, [("v", "w")], {"odd.name": [("t", "u")]})
    corpus = read(file, (valid,))
    assert (len(corpus.train), corpus.valid, len(sources(corpus.tests["test"]))) == (570, [("v", "w")], 15)
    corpus = read(file, (), (test,))
    assert (len(corpus.train), len(sources(corpus.valid)), corpus.tests) == (570, 15, {"odd.name": [("t", "u")]})


def test_names_of_results_are_not_taken_twice(tmp_path: Path, file: str) -> None:
    with pytest.raises(InputError, match="'steps' is taken; rename a test file"):
        read(file, (), (str(tmp_path / "steps.tsv"),))


@given(st.lists(st.lists(ids, max_size=9), min_size=1, max_size=9), st.data())
def test_padded_rows_are_the_sentences(sentences: list[list[int]], data: st.DataObject) -> None:
    rows = np.array(data.draw(st.lists(st.integers(0, len(sentences) - 1), max_size=12)), np.int64)
    padded, lengths = Sequences(sentences).padded(rows)
    assert padded.dtype == lengths.dtype == np.int64
    assert padded.shape == (len(rows), max((len(sentences[i]) for i in rows), default=0))
    for row, length, i in zip(padded, lengths, rows, strict=True):
        assert row[:length].tolist() == sentences[i]
        assert (row[length:] == PAD).all()


def test_pairs_with_a_side_that_is_too_long_are_left_out_and_counted() -> None:
    pairs = [("a", "bb"), ("aaaa", "b"), ("a", "bbb"), ("aaa", "bb")]
    tokenizer = Tokenizer.train("char", ["ab"])
    examples, left_out = tokenize(pairs, tokenizer, tokenizer, 3)  # EOS counts
    assert left_out == 2
    assert examples.lengths.tolist() == [[1, 3], [3, 3]]
    batch = examples.batch(np.array([1, 0]))
    assert batch.target[:, -1].tolist() == [EOS, EOS]
    assert batch.source[1].tolist() == [tokenizer.encode("a")[0], PAD, PAD]
