"""scripts/query_embeddings.py: what it prints and writes, and what can be wrong with what is asked."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

import seqrl
from seqrl.text.embeddings import Embeddings, read_embeddings
from seqrl.text.word_evaluation import read_groups

from .conftest import SCRIPTS, script

Main = Callable[[Sequence[object]], int]
Lines = pytest.CaptureFixture[str]
GROUPS = SCRIPTS.parent / "data" / "words" / "groups.txt"


@pytest.fixture(scope="module")
def query() -> Main:
    main = script("query_embeddings")
    return lambda arguments: main([*map(str, arguments)])


@pytest.fixture(scope="module")
def royal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of embeddings in which a queen is to a woman what a king is to a man."""
    vectors = {"man": (2, 0, 1), "woman": (2, 1, 1), "king": (0, 0, 1), "queen": (0, 1, 1), "extraordinary": (1, 9, 0)}
    path = tmp_path_factory.mktemp("vectors") / "royal.safetensors"
    Embeddings(list(vectors), np.array(list(vectors.values()))).save(path)
    return path


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of embeddings of the words of data/words/groups.txt."""
    words = [word for group in read_groups(GROUPS).values() for word in group]
    path = tmp_path_factory.mktemp("vectors") / "probe.safetensors"
    Embeddings(words, np.random.default_rng(0).normal(size=(len(words), 10))).save(path)
    return path


def test_nearest_words_stand_in_columns_by_similarity(query: Main, royal: Path, capsys: Lines) -> None:
    assert query([royal, "--nearest", "queen", "man", "--count", "2"]) == 0
    assert capsys.readouterr().out == (
        "queen\n  king            0.7071\n  extraordinary   0.7028\n\nman\n  woman   0.9129\n  king    0.4472\n"
    )


def test_an_analogy_a_similarity_and_an_evaluation_are_answered_together(
    query: Main, royal: Path, tmp_path: Path, capsys: Lines
) -> None:
    (tmp_path / "questions.txt").write_text(": family\nman king woman queen\nman king boy prince\n")
    arguments = ["--analogy", "man", "king", "woman", "--count", "1", "--similarity", "king", "queen"]
    assert query([royal, *arguments, "--evaluate", tmp_path / "questions.txt"]) == 0
    analogy, similarity, evaluation = capsys.readouterr().out.split("\n\n")
    assert analogy.splitlines()[0] == "man is to king as woman is to"
    assert analogy.splitlines()[1].split()[0] == "queen"
    assert similarity == "king  queen  0.7071"
    assert evaluation == (
        f"{tmp_path / 'questions.txt'}\n"
        "section  right  of          skipped\n"
        "family       1   1  100.0%        1\n"
        "all          1   1  100.0%        1\n"
        "vocabulary: all 5 words, case ignored\n"
    )


def test_a_restriction_of_the_vocabulary_holds(query: Main, royal: Path, tmp_path: Path, capsys: Lines) -> None:
    (tmp_path / "pairs.csv").write_text("man,woman,9\nman,king,5\nking,queen,7\n")
    assert query([royal, "--evaluate", tmp_path / "pairs.csv", "--restrict", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["Spearman", "1.0000"]
    assert lines[3:] == [
        "pairs       2 of 3 (66.7%), 1 skipped: not in the vocabulary",
        "vocabulary  the first 3 of 5 words, case ignored",
    ]


def test_a_picture_is_of_the_words_given_or_of_words_that_belong_together(
    query: Main, royal: Path, probe: Path, tmp_path: Path, capsys: Lines
) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "words.png"
    assert query([royal, "--plot", picture, "--words", "man", "king", "queen"]) == 0
    assert capsys.readouterr().out == f"written: {picture}, a picture of 3 words\n"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert query([royal, "--plot", picture]) == 0
    assert capsys.readouterr().out == f"written: {picture}, a picture of 5 words\n"
    assert query([probe, "--plot", picture]) == 0
    drawn = sum(map(len, list(read_groups(GROUPS).values())[:6]))
    assert capsys.readouterr().out == f"written: {picture}, a picture of {drawn} words\n"


@pytest.mark.parametrize("name", ["vectors.txt", "vectors.bin", "vectors.safetensors"])
def test_exported_vectors_are_those_that_were_there(
    name: str, query: Main, royal: Path, tmp_path: Path, capsys: Lines
) -> None:
    assert query([royal, "--export", tmp_path / name]) == 0
    assert capsys.readouterr().out == f"written: {tmp_path / name}, 5 words, 3 numbers each\n"
    there, exported = Embeddings.load(royal), read_embeddings(tmp_path / name)
    assert exported.words == there.words
    assert np.array_equal(exported.vectors, there.vectors)
    if name.endswith(".safetensors"):  # of this library
        assert np.array_equal(exported.counts, there.counts)
        return
    first_line, _, rest = (tmp_path / name).read_bytes().partition(b"\n")
    assert first_line == b"5 3"
    assert rest.startswith(b"man ")
    assert rest.isascii() == (name == "vectors.txt")


def test_a_run_is_asked_by_its_folder(query: Main, tmp_path: Path, capsys: Lines) -> None:
    (tmp_path / "text.txt").write_text(40 * "the cat sees a dog\nthe dog sees a cat\n")
    train = script("train_embeddings")
    arguments = ["--corpus", tmp_path / "text.txt", "--out", tmp_path / "run", "--size", "8", "--epochs", "1"]
    assert train([*map(str, arguments)]) == 0
    capsys.readouterr()
    assert query([tmp_path / "run", "--nearest", "cat", "--count", "1"]) == 0
    ((word, similarity),) = seqrl.load(tmp_path / "run").nearest("cat", 1)
    assert capsys.readouterr().out == f"cat\n  {word}  {similarity:7.4f}\n"


BAD = [
    (["--nearest", "quen"], "unknown word 'quen' (did you mean 'queen'?); the vocabulary has 5 words"),
    (["--analogy", "man", "king", "Woman"], "unknown word 'Woman' (did you mean 'woman'"),
    (["--similarity", "man"], "--similarity"),
    ([], "nothing asked; expected --nearest, --analogy, --similarity, --evaluate, --plot or --export"),
    (["--words", "man"], "--words are the words of a picture; expected --plot as well"),
    (["--nearest", "man", "--count", "0"], "--count is 0; expected 1 or more"),
    (["--nearest", "man", "--restrict", "-1"], "--restrict is -1; expected 1 or more"),
    (["--evaluate", "missing.tsv"], "missing.tsv: no such file"),
    (["--evaluate", str(SCRIPTS.parent / "pyproject.toml")], "pyproject.toml:1: expected"),
    (["--export", "missing/vectors.txt"], "missing/vectors.txt: can't be written"),
    (["--nearst", "man"], "unknown option '--nearst' (did you mean '--nearest'?)"),
]


@pytest.mark.parametrize(("options", "expected"), BAD)
def test_a_bad_question_is_one_line(options: list[str], expected: str, query: Main, royal: Path, capsys: Lines) -> None:
    assert query([royal, *options]) == 2
    output, error = capsys.readouterr()
    assert output == ""
    assert expected in error
    assert error.count("\n") == 1


def test_a_picture_of_two_words_is_refused(query: Main, royal: Path, tmp_path: Path, capsys: Lines) -> None:
    pytest.importorskip("matplotlib")
    assert query([royal, "--plot", tmp_path / "a.png", "--words", "man", "king"]) == 2
    assert "2 words to draw; expected 3 or more" in capsys.readouterr().err


def test_a_file_that_holds_no_embeddings_is_named(query: Main, tmp_path: Path, capsys: Lines) -> None:
    (tmp_path / "notes.txt").write_text("nothing of the kind\n")
    assert query([tmp_path / "notes.txt", "--nearest", "man"]) == 2
    assert "notes.txt" in capsys.readouterr().err
    assert query([tmp_path / "missing", "--nearest", "man"]) == 2
    assert "missing: no such file" in capsys.readouterr().err
