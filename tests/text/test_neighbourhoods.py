"""Words with near neighbours, of any embeddings."""

import numpy as np

from seqrl.text.embeddings import Embeddings
from seqrl.text.neighbourhoods import neighbourhoods


def test_words_that_lie_together_are_found_and_no_word_twice(rng: np.random.Generator) -> None:
    centres = rng.normal(size=(3, 20))
    names = [f"{letter * (number + 1)}" for letter in "abc" for number in range(4)]
    near = np.repeat(centres, 4, axis=0) + rng.normal(scale=0.01, size=(12, 20))
    order = rng.permutation(52)
    words = np.array([*names, *(f"x{'y' * number}" for number in range(40))])[order]
    embeddings = Embeddings(list(words), np.concatenate([near, rng.normal(size=(40, 20))])[order])
    found = neighbourhoods(embeddings, groups=3, size=4)
    assert sorted(map(sorted, found.values())) == [
        ["a", "aa", "aaa", "aaaa"],
        ["b", "bb", "bbb", "bbbb"],
        ["c", "cc", "ccc", "cccc"],
    ]
    assert all(group[0] == name for name, group in found.items())
    many = [word for group in neighbourhoods(embeddings, groups=20, size=4).values() for word in group]
    assert len(many) == len(set(many))


def test_a_number_names_no_group() -> None:
    embeddings = Embeddings(["1", "2", "one"], [[1, 0], [1, 0], [1, 0.1]])
    assert neighbourhoods(embeddings, groups=1, size=3) == {"one": ["one", "1", "2"]}


def test_a_small_vocabulary_gives_what_it_has() -> None:
    assert neighbourhoods(Embeddings(["a"], [[0, 0]])) == {"a": ["a"]}
