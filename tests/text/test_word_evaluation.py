"""Evaluation of word embeddings: numbers as gensim has them, files of several formats, and what is wrong with some."""

import gzip
import json
import math
from pathlib import Path

import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.text import word_evaluation
from seqrl.text.embeddings import Embeddings, read_embeddings
from seqrl.text.word_evaluation import (
    AnalogyResult,
    GroupResult,
    Pair,
    SimilarityResult,
    evaluate,
    evaluate_analogies,
    evaluate_groups,
    evaluate_similarities,
    pearson,
    read_analogies,
    read_groups,
    read_similarities,
    spearman,
)

REFERENCES = json.loads((Path(__file__).parent / "word_evaluation_references.json").read_text())


def written(folder: Path, content: str) -> Path:
    path = folder / "file.txt"
    path.write_text(content)
    return path


@pytest.fixture
def reference(tmp_path: Path) -> Embeddings:
    return read_embeddings(written(tmp_path, REFERENCES["vectors"]))


@pytest.fixture
def plane() -> Embeddings:
    """Words at angles in degrees: a0, a10, a20 and b80, b90."""
    angles = {"a0": 0, "a10": 10, "a20": 20, "b80": 80, "b90": 90}
    radians = np.deg2rad(list(angles.values()))
    return Embeddings(list(angles), np.stack([np.cos(radians), np.sin(radians)], axis=1))


@pytest.mark.parametrize("restrict", REFERENCES["results"])
def test_similarities_and_analogies_are_evaluated_as_gensim_does(
    restrict: str, reference: Embeddings, tmp_path: Path
) -> None:
    expected = REFERENCES["results"][restrict]
    result = evaluate(reference, written(tmp_path, REFERENCES["pairs"]), int(restrict))
    assert isinstance(result, SimilarityResult)
    assert math.isclose(result.pearson, expected["pearson"], abs_tol=1e-6)
    assert math.isclose(result.spearman, expected["spearman"], abs_tol=1e-12)
    assert math.isclose(result.coverage, 1 - expected["unknown"], abs_tol=1e-12)

    answers = evaluate(reference, written(tmp_path, REFERENCES["analogies"]), int(restrict))
    assert isinstance(answers, AnalogyResult)
    *sections, total = expected["sections"].values()
    assert [[section.right, section.asked] for section in answers.sections.values()] == sections
    assert [answers.total.right, answers.total.asked] == total
    assert [section.asked + section.skipped for section in answers.sections.values()] == [60, 60]


def test_a_product_in_many_blocks_is_the_product_in_one(
    reference: Embeddings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = read_analogies(written(tmp_path, REFERENCES["analogies"]))
    whole = evaluate_analogies(reference, questions)
    monkeypatch.setattr(word_evaluation, "BLOCK", 7 * len(reference))
    assert evaluate_analogies(reference, questions) == whole


def test_ranks_of_equal_numbers_are_shared() -> None:
    # Ranks 1, 2.5, 2.5, 4 and 1.5, 1.5, 3, 4: centred products 4.0, squares 4.5 and 4.5.
    assert math.isclose(spearman([1, 2, 2, 9], [0, 0, 5, 7]), 3.75 / 4.5)
    assert math.isclose(spearman([1, 2, 3], [10, 100, 1000]), 1)
    assert math.isclose(pearson([1, 2, 3], [6, 4, 2]), -1)


def test_a_correlation_with_what_is_all_equal_is_undefined() -> None:
    for correlation in spearman, pearson:
        assert math.isnan(correlation([1, 2, 3], [4, 4, 4]))
        assert math.isnan(correlation([1], [1]))
        assert math.isnan(correlation([], []))


FORMATS = {
    "gensim's three columns": "# The test\n# Word 1\tWord 2\tHuman (mean)\nold\tnew\t1.58\nsmart\tintelligent\t9.2\n",
    "a header and tabs": "Word 1\tWord 2\tHuman (mean)\nold\tnew\t1.58\nsmart\tintelligent\t9.2\n",
    "commas and judges": "Word 1,Word 2,Human (mean),1,2\nold,new,1.58,1,2\nsmart,intelligent,9.2,10,9\n",
    "quoted": '"old","new","1.58"\n"smart","intelligent","9.2"\n',
    "nothing but pairs": "old\tnew\t1.58\n\nsmart\tintelligent\t9.2",
    "SimLex-999": "word1\tword2\tPOS\tSimLex999\tconc(w1)\nold\tnew\tA\t1.58\t2.72\nsmart\tintelligent\tA\t9.2\t1.75\n",
    "a part of speech, no header": "old\tnew\tA\t1.58\nsmart\tintelligent\tA\t9.2\n",
    "Windows, with a byte order mark": "\ufeffword1,word2,score\r\nold, new, 1.58\r\nsmart, intelligent, 9.2\r\n",
}


@pytest.mark.parametrize("name", FORMATS)
def test_judged_similarities_are_read_in_the_formats_that_people_have(name: str, tmp_path: Path) -> None:
    path = tmp_path / "pairs.gz"
    path.write_bytes(gzip.compress(FORMATS[name].encode()))
    assert read_similarities(path) == [Pair("old", "new", 1.58), Pair("smart", "intelligent", 9.2)]


def test_analogies_are_read_by_section(tmp_path: Path) -> None:
    path = written(
        tmp_path, "# questions\n: family\nboy girl he she\n\n: empty\n: capital cities\nParis France Rome Italy\n"
    )
    expected = {
        "family": [("boy", "girl", "he", "she")],
        "empty": [],
        "capital cities": [("Paris", "France", "Rome", "Italy")],
    }
    assert read_analogies(path) == expected


BAD = {
    "old new 1.58\n": ":1: expected 'word<TAB>word<TAB>number' (or with commas), ': name' of a section of",
    "# nothing\n\n": ": nothing but comments and empty lines in it",
    "old\tnew\n": ":1: expected 'word<TAB>word<TAB>number' (or with commas), found 'old\\tnew'",
    "a," + 200_000 * "b": ":1: expected 'word<TAB>word<TAB>number' (or with commas), found 'a,bbbb",
    "old\tnew\t7,5\n": ":1: expected 'word<TAB>word<TAB>number'",
    "old\tnew\t1\nhot\tcold\tnan\n": ":2: expected 'word<TAB>word<TAB>number'",
    "old\tnew\t1\n\thot\t3\n": ":2: expected 'word<TAB>word<TAB>number'",
    "old\tnew\tA\t1\nhot\tcold\t2\n": ":2: expected two words, and a number in column 4",
    "word1\tword2\tscore\n": ": no pairs in it; expected lines 'word<TAB>word<TAB>number'",
    ": family\nboy girl he\n": ":2: expected four words or ': name' of a section of analogies, found 'boy girl he'",
    ":\nboy girl he she\n": ":1: expected four words or ': name'",
    ": family\n": ": no questions in it",
    "a: red\n": ":1: expected 'name: words' of a group, two or more of them, found 'a: red'",
    "a: red green\nb one two\n": ":2: expected 'name: words' of a group",
    "a: red green\na: one two\n": ":2: a second group 'a'",
    "a: red green\nb: one Red\n": ":2: 'Red' is in line 1 already",
    "a: red red\n": ":1: 'red' is in line 1 already",
    "a: red green\n": ": 1 groups in it; expected two or more lines",
    "": ": empty file",
}


@pytest.mark.parametrize("content", BAD, ids=range(len(BAD)))
def test_another_format_is_one_line_that_says_file_line_and_what_was_expected(
    content: str, plane: Embeddings, tmp_path: Path
) -> None:
    path = written(tmp_path, content)
    with pytest.raises(InputError) as error:
        evaluate(plane, path)
    message = str(error.value)
    assert message.startswith(f"{path}{BAD[content]}")
    assert "\n" not in message


def test_a_question_before_the_first_section_and_a_binary_file_are_named(plane: Embeddings, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"file.txt:1: a question before the first section"):
        read_analogies(written(tmp_path, "boy girl he she\n"))
    (tmp_path / "binary").write_bytes(b"10 3\nold \xff\xfe\xfd")
    with pytest.raises(InputError, match=r"binary:1: expected 'word<TAB>"):
        evaluate(plane, tmp_path / "binary")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(InputError, match=r"binary:1: byte 0xff at offset 0 is not UTF-8"):
        evaluate(plane, tmp_path / "binary")


def test_case_is_ignored_and_the_first_spelling_counts(plane: Embeddings) -> None:
    twice = Embeddings(["PARIS", "paris", "rome"], [[1, 0], [0, 1], [1, 0]])
    result = evaluate_similarities(twice, [Pair("Paris", "Rome", 9), Pair("paris", "PARIS", 10), Pair("x", "rome", 1)])
    assert (result.asked, result.skipped) == (2, 1)
    assert math.isnan(result.spearman)  # both are 1: "paris" is looked up as "PARIS", which comes first


def test_what_is_skipped_is_counted_and_a_restriction_is_kept(plane: Embeddings, tmp_path: Path) -> None:
    pairs = [Pair("a0", "a10", 9), Pair("a0", "a20", 8), Pair("a0", "b80", 2), Pair("a0", "c", 1)]
    result = evaluate_similarities(plane, pairs)
    assert (result.spearman, result.asked, result.skipped, result.coverage) == (pytest.approx(1), 3, 1, 0.75)
    result = evaluate_similarities(plane, pairs, restrict=3)
    assert (result.asked, result.skipped, result.restriction.words) == (2, 2, 3)
    assert "2 of 4 (50.0%), 2 skipped" in str(result)
    assert "the first 3 of 5 words" in str(result)
    for content in "a0,a10,1", ": a\na0 a10 a20 b80", "a: a0 a10\nb: b80 b90":
        with pytest.raises(InputError, match="restricted to 0 words"):
            evaluate(plane, written(tmp_path, content), restrict=0)


def test_a_vocabulary_without_any_of_the_words_gives_no_number(tmp_path: Path) -> None:
    strange = Embeddings(["x", "y"], [[1, 0], [0, 1]])
    similarity = evaluate_similarities(strange, [Pair("old", "new", 1)])
    assert math.isnan(similarity.spearman)
    assert "undefined" in str(similarity)
    analogies = evaluate_analogies(strange, {"family": [("boy", "girl", "he", "she")]})
    assert math.isnan(analogies.accuracy)
    assert (analogies.total.asked, analogies.total.skipped) == (0, 1)
    groups = evaluate_groups(strange, {"a": ["red", "green"], "b": ["one", "two"]})
    assert math.isnan(groups.right)
    assert groups.skipped == ("red", "green", "one", "two")
    for result in similarity, analogies, groups:
        assert "nan" not in str(result)


def test_a_vocabulary_of_the_three_words_alone_has_no_answer() -> None:
    three = Embeddings(["a", "b", "c"], np.eye(3))
    assert evaluate_analogies(three, {"": [("a", "b", "c", "a")]}).total == (0, 1, 0)


def test_the_odd_one_out_is_found_by_the_nearest_pair(plane: Embeddings) -> None:
    result = evaluate_groups(plane, {"a": ["a0", "a10", "a20"], "b": ["b80", "b90"]})
    assert (result.right, result.words, result.skipped) == (1, 5, ())
    # a0 b80 | a10: a0 a10 is nearest. a0 b80 | a20: a0 a20. a0 b80 | b90: b80 b90. None is found, nor for the other.
    mixed = evaluate_groups(plane, {"a": ["a0", "b80"], "b": ["a10", "b90"]})
    assert mixed.groups == {"a": 0, "b": 0}


def test_by_chance_the_odd_one_out_is_found_in_one_case_of_three(rng: np.random.Generator) -> None:
    words = [f"w{i}" for i in range(240)]
    groups = {f"g{i}": words[8 * i : 8 * i + 8] for i in range(30)}
    same = evaluate_groups(Embeddings(words, np.broadcast_to(rng.normal(size=50), (240, 50))), groups)
    assert math.isclose(same.right, GroupResult.CHANCE, rel_tol=1e-12)
    zero = evaluate_groups(Embeddings(words, np.zeros((240, 50))), groups)
    assert math.isclose(zero.right, GroupResult.CHANCE, rel_tol=1e-12)
    shares = [evaluate_groups(Embeddings(words, rng.normal(size=(240, 50))), groups).right for _ in range(20)]
    assert abs(np.mean(shares) - GroupResult.CHANCE) < 4 * np.std(shares) / np.sqrt(20)
    assert np.std(shares) < 0.02


def test_the_odd_ones_found_are_those_that_one_by_one_would_be_found(rng: np.random.Generator) -> None:
    words = [f"w{i}" for i in range(12)]
    embeddings = Embeddings(words, rng.normal(size=(12, 3)))
    groups = {"a": words[:5], "b": words[5:9], "c": words[9:]}
    found = []
    for inside in groups.values():
        for outsider in set(words) - set(inside):
            for i, first in enumerate(inside):
                for second in inside[i + 1 :]:
                    near = embeddings.similarity(first, second)
                    found.append(near > max(embeddings.similarity(word, outsider) for word in (first, second)))
    assert math.isclose(evaluate_groups(embeddings, groups).right, np.mean(found))


def test_groups_are_told_apart_from_the_rest_and_read(plane: Embeddings, tmp_path: Path) -> None:
    path = written(tmp_path, "# probe\nall the a: a0 a10 a20\n\nb: b80 B90 b100\n")
    assert read_groups(path) == {"all the a": ["a0", "a10", "a20"], "b": ["b80", "B90", "b100"]}
    result = evaluate(plane, path)
    assert isinstance(result, GroupResult)
    assert (result.right, result.words, result.skipped) == (1, 5, ("b100",))
