import dataclasses
from pathlib import Path

import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.text.tokenizers import Tokenizer
from seqrl.training.dialogue.responder import Responder
from seqrl.training.dialogue.settings import DialogueSettings

CONTEXT = ["I lost my red hat.", "Oh no!", "What was it?"]
MODELS = ["hred", "vhred", "seq2seq"]


def make(kind: str, tokenizer: Tokenizer, **options: int) -> Responder:
    """A model with weights so large that answers differ."""
    settings = DialogueSettings(model=kind, hidden=12, embedding=6, context=10, latent=4, **options)
    rng = np.random.default_rng(3)
    model = settings.make(len(tokenizer), rng, np.random.default_rng(4))
    for _, parameter in model.parameters():
        parameter.value[...] = rng.normal(scale=0.9, size=parameter.shape)
    return Responder(model, tokenizer, 12, settings.max_utterances)


@pytest.fixture(scope="module")
def tokenizer(talk: Path) -> Tokenizer:
    return Tokenizer.train("word", (talk / "train.txt").read_text().splitlines())


def contexts(talk: Path) -> list[list[str]]:
    texts = [text for text in (talk / "train.txt").read_text().splitlines() if text]
    return [texts[start : start + length] for start in range(20) for length in (1, 2, 4)]


@pytest.mark.parametrize("kind", MODELS)
def test_many_contexts_at_once_are_answered_as_alone(kind: str, talk: Path, tokenizer: Tokenizer) -> None:
    responder = make(kind, tokenizer)
    together = responder.respond_all(contexts(talk) * 2)
    assert together == [responder.respond(context) for context in contexts(talk)] * 2
    assert len(set(together)) > 5
    assert responder.respond_all([]) == []


def test_hred_answers_by_what_was_said_first_and_seq2seq_by_the_last_utterance(tokenizer: Tokenizer) -> None:
    colours, things = ("red", "blue", "green", "black"), ("hat", "coat", "bag", "ring")
    others = [[f"I lost my {colour} {thing}.", *CONTEXT[1:2]] for colour in colours for thing in things]
    assert len(set(make("hred", tokenizer).respond_all(others))) > 1
    assert len(set(make("seq2seq", tokenizer).respond_all(others))) == 1


def test_draws_are_those_of_their_seed(tokenizer: Tokenizer) -> None:
    for kind in MODELS:
        responder = make(kind, tokenizer)
        first = responder.candidates(CONTEXT, 8, seed=1)
        assert first == responder.candidates(CONTEXT, 8, seed=1) != responder.candidates(CONTEXT, 8, seed=2)
        assert len(first) == 8 and len(set(first)) > 1


def test_a_latent_variable_gives_different_answers_of_the_most_probable_words(tokenizer: Tokenizer) -> None:
    assert len(set(make("vhred", tokenizer).candidates(CONTEXT, 8, temperature=0))) > 1
    assert len(set(make("hred", tokenizer).candidates(CONTEXT, 8, temperature=0))) == 1
    assert make("hred", tokenizer).candidates(CONTEXT, 2, top_k=1) == [make("hred", tokenizer).respond(CONTEXT)] * 2


def test_no_more_is_read_than_training_had(tokenizer: Tokenizer) -> None:
    responder = make("hred", tokenizer, max_utterances=4)
    assert responder.respond(["My red ring!", *CONTEXT, "Oh no!"]) == responder.respond([*CONTEXT, "Oh no!"])
    assert dataclasses.replace(DialogueSettings(), max_utterances=4).max_utterances == responder.max_utterances


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ([], "nothing was said; expected an utterance or more"),
        ([*CONTEXT, " \t"], "utterance 4 is empty"),
        (["xyz"], "'xyz': none of the words is known to the model"),
        (["xyz", "?!"], "all of 2 utterances: none of the words is known to the model"),
    ],
)
def test_what_cannot_be_answered_is_said(context: list[str], expected: str, tokenizer: Tokenizer) -> None:
    responder = make("hred", tokenizer)
    for ask in (
        lambda: responder.respond(context),
        lambda: responder.candidates(context, 2),
        lambda: responder.respond(context, rng=np.random.default_rng(0)),
    ):
        with pytest.raises(InputError) as caught:
            ask()
        assert str(caught.value) == expected


def test_unknown_words_are_named_once_and_the_rest_is_answered(tokenizer: Tokenizer) -> None:
    responder = make("hred", tokenizer)
    assert responder.unknown_words("A xyz hat, xyz! (don't)") == ["xyz", "don't"]
    assert responder.respond(["My xyz hat."]) == responder.respond(["My zyx hat."])


def test_options_out_of_range_are_said(tokenizer: Tokenizer) -> None:
    responder, rng = make("hred", tokenizer), np.random.default_rng(0)
    for options, expected in (
        ({"temperature": -1.0}, "temperature is -1.0"),
        ({"top_k": 0}, "top-k is 0"),
        ({"top_p": 1.5}, "top-p is 1.5"),
    ):
        for source in rng, None:
            with pytest.raises(InputError, match=expected):
                responder.respond(CONTEXT, rng=source, **options)
    with pytest.raises(InputError, match="expected an rng"):
        responder.respond(CONTEXT, temperature=1.0)
    for count, seed in (0, 0), (1, -1):
        with pytest.raises(InputError, match="expected 1 or more, and 0 or more"):
            responder.candidates(CONTEXT, count, seed)
