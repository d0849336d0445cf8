"""What the models of dialogues learn of the embedded corpus, in a few epochs; its dialogues for testing are new."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqrl.models.responding import respond
from seqrl.models.vhred import VHRED
from seqrl.text.dialogues import OPEN, RECALL
from seqrl.training.dialogue.results import last_utterance_ceiling
from seqrl.training.dialogue.run import Preparation, prepare
from seqrl.training.dialogue.settings import DialogueSettings
from seqrl.training.dialogue.task import Answers, bound, mean_loss
from seqrl.training.loop import Training
from seqrl.training.settings import SCHEDULES

DATA = Path(__file__).parents[3] / "data" / "dialogues"
MARKS = 400  # of each kind, at most


def trained(**options: Any) -> Preparation:
    train, valid, test = ((str(DATA / f"{split}.txt"),) for split in ("train", "valid", "test"))
    prepared = prepare(DialogueSettings(train, valid, test, patience=100, **options))
    prepared.task.answers = None
    settings, task = prepared.settings, prepared.task
    loop = Training(
        task,
        prepared.responder.model,
        prepared.optimizer,
        SCHEDULES[settings.schedule](settings.epochs * task.steps_per_epoch),
        None,
        order=prepared.order,
        epochs=settings.epochs,
        patience=settings.patience,
        verbose=False,
    )
    assert loop.run() == "finished"
    return prepared


def marked(prepared: Preparation, kind: str) -> Answers:
    """The contexts of the test in which it is known what fits, and what does."""
    held, tokenizer = prepared.corpus.test, prepared.responder.tokenizer
    marks = [mark for mark in held.marks if mark.kind == kind][:MARKS]
    contexts = [tokenizer.encode_batch(held.context(mark)) for mark in marks]
    return Answers(contexts, [tokenizer.encode_batch(mark.fitting) for mark in marks])


@pytest.mark.slow
def test_hred_recalls_what_was_said_turns_ago_and_a_seq2seq_of_the_last_utterance_can_not() -> None:
    hred, seq2seq = trained(epochs=5), trained(model="seq2seq", epochs=4)
    recalls = [marked(prepared, RECALL).exact_match(prepared.responder.model) for prepared in (hred, seq2seq)]
    losses = [mean_loss(prepared.responder.model, prepared.test) for prepared in (hred, seq2seq)]
    marks = [mark for mark in hred.corpus.test.marks if mark.kind == RECALL][:MARKS]
    ceiling = last_utterance_ceiling(hred.corpus.test, marks)
    assert recalls[1] <= ceiling < 0.4
    assert recalls[0] > 0.7
    assert losses[0] < losses[1] - 0.05
    assert marked(hred, OPEN).exact_match(hred.responder.model) > 0.95


@pytest.mark.slow
def test_vhred_keeps_its_latent_variable_in_use_and_draws_different_answers_that_fit() -> None:
    vhred = trained(model="vhred", epochs=5)
    model = vhred.responder.model
    assert isinstance(model, VHRED)
    found = bound(model, vhred.test)
    assert found.active_units > 0
    assert found.kl.sum(axis=1).mean() > 0.1
    contexts, fitting = marked(vhred, OPEN)
    rng = np.random.default_rng(0)
    right, distinct = 0, 0
    for context, expected in zip(contexts[:100], fitting[:100], strict=True):
        answers = respond(model, [context] * 10, 20, rng)  # greedy: they differ by z alone
        right += sum(ids in expected for ids in answers)
        distinct += len({tuple(ids) for ids in answers if ids in expected})
    assert right / 1000 > 0.85
    assert distinct / 100 > 2
