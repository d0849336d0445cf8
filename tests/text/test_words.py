import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seqrl.text.words import END, SPLITTINGS, tokens, words

ascii_text = st.text(st.characters(max_codepoint=127, exclude_characters="\0"))
any_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The cat, the CAT: 3 cats!", "the cat the cat 3 cats"),
        ("don't 'quote' O'Brien's rock''n dogs' '", "don't quote o'brien's rock n dogs"),
        ("don’t ‘quote’", "don't quote"),
        ("snake_case, well-known, 3.14", "snake case well known 3 14"),
        ("Ünïcode — naïve“café”", "ünïcode naïve café"),
        ("cafe\u0301 a", "cafe\u0301 a"),
        ("हिन्दी में", "हिन्दी में"),
        ("\U0001e900\U0001e901\U0001e944", "\U0001e922\U0001e923\U0001e944"),  # Adlam: its marks are beyond U+FFFF
        ("ΟΔΟΣ οδός", "οδος οδός"),
        ("\u2764\ufe0f heart", "heart"),
        ("東京、大阪。", "東京 大阪"),
        ("", ""),
        ("—", ""),
    ],
)
def test_words(text: str, expected: str) -> None:
    assert words(text) == expected.split()


def test_tokens_are_kept_as_they_are() -> None:
    assert tokens("The cat,\tthe_CAT's\u00a0don’t") == ["The", "cat,", "the_CAT's", "don’t"]


@pytest.mark.parametrize("split", SPLITTINGS.values())
@pytest.mark.parametrize("other", ["", "é"])
def test_every_line_end_ends_a_sentence_and_nothing_else_does(split, other: str) -> None:
    assert split(f"a b{other}\n\nc\r\nd\u2028e\n") == ["a", f"b{other}", END, END, "c", END, "d", "e", END]


@given(ascii_text)
@example("''a'b''c' 'd")
def test_ascii_text_is_split_as_among_other_text(text: str) -> None:
    assert [*words(text), END, "é"] == words(text + "\né")


@given(ascii_text)
def test_ascii_words_are_what_the_expression_says(text: str) -> None:
    assert words(text) == re.findall(r"[a-z0-9]+(?:'[a-z0-9]+)*|\0", text.lower().replace("\n", END))


@given(any_text)
def test_words_hold_letters_digits_marks_and_inner_apostrophes(text: str) -> None:
    for word in words(text):
        if word != END:
            assert {unicodedata.category(c)[0] for c in word.replace("'", "")} <= set("LNM")
            assert word[0] != "'" and word[-1] != "'" and word == word.lower()


@given(any_text, any_text)
def test_a_text_is_cut_at_white_space_without_effect(left: str, right: str) -> None:
    for split in SPLITTINGS.values():
        for space in " \t":
            assert split(left + space) + split(right) == split(left + space + right)
