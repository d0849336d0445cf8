import math
import sys

import pytest

from seqrl.errors import InputError, MissingExtra
from seqrl.text.evaluation import bleu, bleu_tokenizer, exact_match, perplexity


def test_bleu_is_100_for_the_references_themselves() -> None:
    sentences = ["the cat sat on the mat .", "it is a good day today"]
    assert bleu(sentences, sentences).score == pytest.approx(100, abs=1e-9)


def test_bleu_by_hand() -> None:
    # Matches of 1 to 4 words: 5/6, 3/5, 2/4, 1/3; as long as the reference, so no brevity penalty.
    result = bleu(["the cat sat on a mat"], ["the cat sat on the mat"])
    assert result.score == pytest.approx(100 * (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25, abs=1e-9)


def test_bleu_of_a_corpus_sums_counts_and_punishes_brevity() -> None:
    # Matches summed over both: 9/9, 7/7, 5/5, 3/3; 9 words where the references have 11.
    result = bleu(["a b c d", "e f g h i"], ["a b c d", "e f g h i j k"])
    assert result.score == pytest.approx(100 * math.exp(1 - 11 / 9), abs=1e-9)


def test_bleu_with_several_references_takes_the_best_of_each() -> None:
    # "a b c x" matches the second reference wholly; the other sentence has one reference only.
    assert bleu(["a b c x", "e f g h"], [["a b c d", "a b c x"], ["e f g h"]]).score == pytest.approx(100, abs=1e-9)
    assert bleu(["a b c x", "e f g h"], [["a b c d"], ["e f g h"]]).score < 90


def test_bleu_signature_says_what_was_computed() -> None:
    assert "tok:13a" in bleu(["a b"], ["a b"]).signature
    assert "nrefs:1" in bleu(["a b"], ["a b"]).signature
    assert "nrefs:var" in bleu(["a b", "c"], [["a b"], ["c", "d"]]).signature
    assert "tok:char" in bleu(["犬だ"], ["犬だ"], tokenize="char").signature


def test_bleu_by_characters_for_text_without_spaces() -> None:
    # Six characters, five of them right, as in the hand-worked sentence above.
    result = bleu(["私は犬が大き"], ["私は犬がすき"], tokenize="char")
    # Matches: 5/6 (私 は 犬 が き), 3/5, 2/4, 1/3.
    assert result.score == pytest.approx(100 * (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25, abs=1e-9)


@pytest.mark.parametrize(
    ("references", "tokenizer"),
    [
        (["The cat.", "I am."], "13a"),
        (["Где кот?", "한국어 문장"], "13a"),
        (["私はTomです。"], "char"),
        (["我的猫", "ok"], "char"),
        (["แมวของฉัน"], "char"),
        ([["猫だ", "ネコだ"], ["犬"]], "char"),
        (["2024-01-02", "12"], "13a"),
    ],
)
def test_bleu_tokenizer_goes_by_the_script(references: list[str], tokenizer: str) -> None:
    assert bleu_tokenizer(references) == tokenizer


def test_unknown_bleu_tokenizer_is_refused() -> None:
    with pytest.raises(InputError, match=r"BLEU tokenizer is 'chr' \(did you mean 'char'\?\)"):
        bleu(["a"], ["a"], tokenize="chr")


def test_bleu_without_sacrebleu_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    with pytest.raises(MissingExtra, match=r"seqrl\[translation\]"):
        bleu(["a"], ["a"])


def test_exact_match_counts_whole_sentences() -> None:
    assert exact_match(["a b", "c", "d", ""], ["a b", "C", "d ", ""]) == 0.5
    assert exact_match(["a", "b"], [["x", "a"], ["y"]]) == 0.5


def test_a_reference_is_not_matched_by_a_part_of_it() -> None:
    assert exact_match(["a"], ["abc"]) == 0.0


@pytest.mark.parametrize("score", [bleu, exact_match])
def test_counts_that_differ_or_are_zero_are_refused(score) -> None:
    with pytest.raises(InputError, match="2 hypotheses, 1 references"):
        score(["a", "b"], ["a"])
    with pytest.raises(InputError, match="0 hypotheses, 0 references"):
        score([], [])


def test_perplexity_weights_by_tokens() -> None:
    # Uniform over 8 words for 3 tokens and over 2 words for 1 token: (8^3 * 2)^(1/4) = 1024^(1/4).
    total = 3 * math.log(8) + 1 * math.log(2)
    assert perplexity(total, 4) == pytest.approx(1024**0.25, rel=1e-12)
    assert perplexity(0.0, 7) == 1.0
    assert perplexity(1e6, 1) == math.inf
    assert math.isnan(perplexity(math.nan, 1))


def test_perplexity_of_no_tokens_is_refused() -> None:
    with pytest.raises(InputError, match="perplexity over 0 tokens"):
        perplexity(0.0, 0)
