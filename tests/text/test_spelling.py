import itertools
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqrl.text import spelling
from seqrl.text.spelling import nearest_spellings

KNOWN = dict.fromkeys(["the", "king", "kings", "kingdom", "receive", "queen", "NASA", "Paris", "tea"])


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("kingd", ["king", "kings", "kingdom"]),  # 8/9, 8/10, 10/12: difflib's 2 * matches / letters, ordered below
        ("recieve", ["receive"]),
        ("King", ["king", "kings"]),
        ("nasa", ["NASA"]),
        ("paris", ["Paris"]),
        ("xylophone", []),
        ("", []),
        ("te", ["tea", "the"]),
        ("t", []),
    ],
)
def test_nearest_spellings_by_hand(word: str, found: list[str]) -> None:
    assert sorted(nearest_spellings(word, KNOWN)) == sorted(found)


def test_the_most_alike_comes_first_and_of_equals_the_first_known() -> None:
    assert nearest_spellings("kingd", KNOWN) == ["king", "kingdom", "kings"]
    assert nearest_spellings("tex", ["tea", "ten", "tex ", "te"]) == ["tex ", "te", "tea"]
    assert nearest_spellings("tex", ["ten", "tea", "tex "]) == ["tex ", "ten", "tea"]
    assert nearest_spellings("tex", ["ten", "tea", "tex "], count=1) == ["tex "]


@given(
    word=st.text(string.ascii_lowercase, min_size=6, max_size=12),
    place=st.integers(0, 5),
    letter=st.sampled_from(string.ascii_lowercase),
    kind=st.sampled_from(["left out", "put in", "another", "swapped"]),
)
def test_one_slip_of_the_pen_is_found(word: str, place: int, letter: str, kind: str) -> None:
    slips = {
        "left out": word[:place] + word[place + 1 :],
        "put in": word[:place] + letter + word[place:],
        "another": word[:place] + letter + word[place + 1 :],
        "swapped": word[:place] + word[place : place + 2][::-1] + word[place + 2 :],
    }
    assert nearest_spellings(slips[kind], [*KNOWN, "antelope", word])[0] == word


def test_of_many_words_that_hold_it_the_shortest_is_found() -> None:
    longer = ["abcdef" + x + y for x in string.ascii_lowercase for y in string.ascii_lowercase]
    assert nearest_spellings("abcdef", [*longer, "abcdefg"])[0] == "abcdefg"


def test_few_words_of_a_large_vocabulary_are_compared_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    known = dict.fromkeys("".join(letters) for letters in itertools.product("abcdefgh", repeat=5))  # 32,768
    compared = []

    class Counting(spelling.SequenceMatcher):  # type: ignore[type-arg]
        def ratio(self) -> float:
            compared.append(self)
            return super().ratio()

    monkeypatch.setattr(spelling, "SequenceMatcher", Counting)
    assert nearest_spellings("abxcde", known)[0] == "abcde"
    assert len(compared) == spelling.COMPARED
