import pytest

from seqrl.errors import MissingExtra
from seqrl.text.corpora import Pair
from seqrl.training.translation import results
from seqrl.training.translation.translator import Translator


def test_scores_and_examples_are_those_of_greedy_translations(translator: Translator, pairs: list[Pair]) -> None:
    sources = [source for source, _ in pairs]
    right = list(zip(sources, translator.translate(sources), strict=True))
    tested = results.test(translator, {"wrong": pairs, "right": right, "half": right[:5] + pairs[5:10]})
    assert {name: scores["exact_match"] for name, scores in tested.scores.items()} == {
        "wrong": 0,
        "right": 1,
        "half": 0.5,
    }
    assert tested.scores["right"]["bleu_signature"].startswith("nrefs:1|")
    assert tested.scores["right"]["sentences"] == len(pairs)
    assert tested.examples["wrong"][0] == (pairs[0][0], pairs[0][1], right[0][1])


def test_a_test_sentence_of_unknown_words_counts_as_wrong_and_stops_nothing(translator: Translator) -> None:
    tested = results.test(translator, {"test": [("xyz", "zyx"), ("...", "...")]})
    assert tested.scores["test"]["exact_match"] == 0


def test_without_sacrebleu_there_is_exact_match_alone(
    translator: Translator, pairs: list[Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> None:
        raise MissingExtra("sacrebleu is not installed")

    monkeypatch.setattr(results, "bleu", missing)
    scores = results.test(translator, {"test": pairs}).scores["test"]
    assert scores == {"exact_match": 0, "bleu": None, "sentences": len(pairs)}
