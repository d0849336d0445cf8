"""data/words: a probe list for embeddings of the documentation of Python and NumPy."""

from collections import Counter
from pathlib import Path

import pytest

from seqrl.text.documents import documentation
from seqrl.text.word_evaluation import read_groups
from seqrl.text.words import words

FOLDER = Path(__file__).parents[2] / "data" / "words"
GROUPS = read_groups(FOLDER / "groups.txt")
PROBE = [word for group in GROUPS.values() for word in group]


def test_there_are_enough_words_to_tell_a_good_embedding_from_a_bad_one() -> None:
    assert len(GROUPS) == 33
    assert {len(group) for group in GROUPS.values()} == {8}


def test_each_is_a_word_as_the_text_is_split() -> None:
    assert [found for word in PROBE for found in words(word)] == PROBE


def test_the_page_names_the_numbers_that_the_file_has() -> None:
    assert f"{len(PROBE)} words in {len(GROUPS)} groups" in (FOLDER / "README.md").read_text()


@pytest.mark.slow
def test_the_documentation_has_them_five_times_or_more() -> None:
    """All of them where the list was written; other versions of Python and NumPy have other texts."""
    counts = Counter(word for _, text in documentation() for word in words(text))
    rare = [word for word in PROBE if counts[word] < 5]
    assert len(rare) <= 0.05 * len(PROBE), rare
