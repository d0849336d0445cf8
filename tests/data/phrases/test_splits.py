"""The committed phrases: made by the generator, one translation a source, and held-out sets that hold what they say."""

import random
import re
from collections import Counter
from pathlib import Path

import pytest
from generate_phrases import FOLDER, SEED
from pairs import Pair, read_pairs
from phrases import splits
from phrases.splits import content, holds, lemmas, tokens

LANGUAGES = ("eng-fra", "eng-jpn")
PAIRS = {
    language: {split: read_pairs(FOLDER / language / f"{split}.tsv") for split in splits.SIZES}
    for language in LANGUAGES
}
KEPT_OUT = set(read_pairs(FOLDER / "combinations.tsv"))


def test_the_files_are_what_the_generator_writes() -> None:
    made, combinations = splits.generate(random.Random(SEED))
    assert set(combinations) == KEPT_OUT
    for split, sentences in made.items():
        assert [(s.english, s.french) for s in sentences] == PAIRS["eng-fra"][split]
        assert [(s.english, s.japanese) for s in sentences] == PAIRS["eng-jpn"][split]


def test_files_end_lines_as_unix_does_and_hold_no_stray_space() -> None:
    for path in Path(FOLDER).glob("*/*.tsv"):
        text = path.read_bytes().decode()
        assert "\r" not in text and "  " not in text and not re.search(r"(^|\t) | (\t|$)", text, re.MULTILINE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_source_is_in_two_places(language: str) -> None:
    sources = [source for pairs in PAIRS[language].values() for source, _ in pairs]
    assert len(set(sources)) == len(sources) == sum(splits.SIZES.values())


def test_sources_are_short_sentences() -> None:
    lengths = [len(source.split()) for source, _ in PAIRS["eng-fra"]["train"]]
    assert min(lengths) >= 2 and max(lengths) <= splits.LONGEST and 5.5 < sum(lengths) / len(lengths) < 8


def test_kept_out_combinations_are_in_the_compositional_set_only() -> None:
    lemma = lemmas()
    for split, pairs in PAIRS["eng-fra"].items():
        held = [holds(content(source, lemma), KEPT_OUT) for source, _ in pairs]
        assert all(held) if split == "compositional" else not any(held), split


def test_kept_out_words_are_found_in_all_their_forms() -> None:
    lemma = lemmas()
    assert {lemma[form] for form in ("eat", "eats", "ate", "eaten", "eating")} == {"eat"}
    assert {lemma[form] for form in ("mouse", "mice")} == {"mouse"}
    assert content("She ate bigger apples.", lemma) == {"eat", "big", "apple"}
    assert holds(frozenset({"eat", "apple"}), {("eat", "apple")})
    assert not holds(frozenset({"eat", "pear"}), {("eat", "apple")})


def count(pairs: list[Pair]) -> Counter[str]:
    """In how many sentences each word of either side is, capitals apart."""
    return Counter(word for pair in pairs for side in (0, 1) for word in {f"{side} {t}" for t in tokens(pair[side])})


@pytest.mark.parametrize(("split", "least"), [("valid", 5), ("random", 5), ("compositional", 10)])
def test_every_word_of_a_held_out_set_is_in_training_often_and_in_that_form(split: str, least: int) -> None:
    counts = count(PAIRS["eng-fra"]["train"])
    for word in count(PAIRS["eng-fra"][split]):
        assert counts[word] >= least, word
    characters = Counter(c for _, target in PAIRS["eng-jpn"]["train"] for c in set(target))
    assert all(characters[c] >= least for _, target in PAIRS["eng-jpn"][split] for c in target)


def test_every_word_of_training_is_there_more_than_once() -> None:
    assert min(count(PAIRS["eng-fra"]["train"]).values()) >= 5


def test_french_is_spelt_as_french() -> None:
    """Elision and contraction leave no trace of what they replace; a space before a question mark and no other."""
    wrong = re.compile(
        r"\b(le|la|je|me|te|se|ne|de|que|ce) [aàâeéèêiîoôuœ]|\b(le|la|de|ne|que) h(?!amster|omard)"
        r"|\b(à|de) les? (?![aeéèêiîoôuœh])|\bsi ils?\b|[^ ]\?| [.,]|\*|/|!",
        re.IGNORECASE,
    )
    for pairs in PAIRS["eng-fra"].values():
        for _, french in pairs:
            assert not wrong.search(french), french
            assert french[0].isupper() and french.endswith((".", " ?"))


def test_english_has_the_right_article() -> None:
    for pairs in PAIRS["eng-fra"].values():
        for english, _ in pairs:
            assert not re.search(r"\ba (?!uni|use)[aeiou]|\ban [^aeiou]", english), english
            assert english[0].isupper() and english.endswith((".", "?"))


def test_english_shows_present_or_past_where_one_form_is_both() -> None:
    for source, target in PAIRS["eng-fra"]["train"]:
        if re.match(r"(I|You|We|They) (read|cut) ", source):
            time = r"(day|morning|night|afternoon|evening|week|year|ago|summer|winter|days)\.$"
            assert re.search(time, source) or " and " in source, (source, target)


def test_japanese_has_no_latin_letters_and_no_spaces() -> None:
    for pairs in PAIRS["eng-jpn"].values():
        for _, japanese in pairs:
            assert re.fullmatch(r"[\u3041-\u30ff\u4e00-\u9fff々、]+。", japanese), japanese
