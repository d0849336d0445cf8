import dataclasses

import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.models.seq2seq import Seq2Seq
from seqrl.text.corpora import Pair
from seqrl.training.translation.settings import TranslationSettings
from seqrl.training.translation.translator import Translator


@pytest.mark.parametrize("beam", [1, 3])
def test_many_sentences_at_once_in_any_order_are_translated_as_alone(
    beam: int, translator: Translator, pairs: list[Pair], rng: np.random.Generator
) -> None:
    sentences = [pairs[i][0] for i in rng.integers(len(pairs), size=150)]
    together = translator.translate(sentences, beam)
    alone = {sentence: translator.translate([sentence], beam)[0] for sentence in set(sentences)}
    assert together == [alone[sentence] for sentence in sentences]
    assert len(set(together)) > 10


def test_no_sentences_have_no_translations(translator: Translator) -> None:
    assert translator.translate([]) == []
    assert translator.nbest([], 3) == []


def test_hypotheses_are_distinct_and_best_first(translator: Translator, pairs: list[Pair]) -> None:
    for hypotheses in translator.nbest([source for source, _ in pairs], 4):
        assert len(hypotheses) == 4
        scores = [score for _, score in hypotheses]
        assert scores == sorted(scores, reverse=True)


def test_a_sentence_without_words_or_known_words_is_named(translator: Translator) -> None:
    for sentence, expected in {
        "": "it is empty",
        " \t": "it is empty",
        "...": "no words in it",
        "xyz": "none of its words is known to the model",
    }.items():
        with pytest.raises(InputError, match=f"^sentence 2: {expected}: "):
            translator.translate(["12", sentence])
        with pytest.raises(InputError, match=f"^sentence 1: {expected}: "):
            translator.attention(sentence)
    assert len(translator.translate(["12x"])) == 1


def test_unknown_words_are_named_without_their_punctuation(translator: Translator) -> None:
    assert translator.unknown_words("12, 3x! 45 (don't)") == ["3x", "don't"]


def test_a_beam_below_1_is_refused(translator: Translator) -> None:
    with pytest.raises(InputError, match="beam is 0; expected 1 or more"):
        translator.translate(["12"], 0)


def test_attention_has_a_row_for_every_token_and_one_for_the_end(translator: Translator) -> None:
    looked = translator.attention("123456")
    assert looked.source == list("123456")
    assert looked.target == [*translator.translate(["123456"])[0], "<eos>"]
    assert looked.weights.shape == (len(looked.target), 6)
    assert looked.weights.sum(axis=1) == pytest.approx(np.ones(len(looked.target)), abs=1e-5)


def test_attention_of_a_reversed_source_stands_under_its_own_tokens(
    translator: Translator, settings: TranslationSettings
) -> None:
    config = dataclasses.replace(translator.model.config, reverse_source=True)
    rng = np.random.default_rng(0)
    reversing = Translator(Seq2Seq(config, rng=rng, dropout_rng=rng), translator.source, translator.target, 12)
    reversing.model.load_state_dict(translator.model.state_dict())
    straight = translator.attention("123456")
    looked = reversing.attention("654321")
    assert looked.source == list("654321")
    assert looked.target == straight.target
    assert looked.weights == pytest.approx(straight.weights[:, ::-1], abs=1e-6)


def test_a_model_without_attention_has_no_weights(translator: Translator) -> None:
    config = dataclasses.replace(translator.model.config, attention="none")
    rng = np.random.default_rng(0)
    plain = Translator(Seq2Seq(config, rng=rng, dropout_rng=rng), translator.source, translator.target, 12)
    with pytest.raises(InputError, match="no attention"):
        plain.attention("123")
