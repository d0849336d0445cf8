"""What a trained dialogue model reaches on its test data."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any, NamedTuple

import numpy as np

from seqrl.models.vhred import VHRED
from seqrl.text.dialogues import KINDS, OPEN, Mark
from seqrl.text.evaluation import exact_match, perplexity
from seqrl.training.dialogue.corpus import Examples, Held
from seqrl.training.dialogue.responder import Responder
from seqrl.training.dialogue.task import bound, mean_loss

DRAWN_CONTEXTS = 200  # of each kind, for which answers are drawn, at most
DRAWS = 10  # for each
EXAMPLES = 20
NOISE = 0  # seeds the draws


class Example(NamedTuple):
    """A context, what was said then, what the model answers, and several answers that it draws."""

    context: list[str]
    reference: str
    answer: str
    drawn: list[str]


class Results(NamedTuple):
    scores: dict[str, Any]
    examples: list[Example]


def test(responder: Responder, examples: Examples, held: Held) -> Results:
    """The likelihood of the test's tokens, how many answers fit where that is known, and examples."""
    scores = likelihood(responder, examples)
    scores["answers"] = {
        kind: fitting(responder, held, marks)
        for kind in KINDS
        if (marks := [mark for mark in held.marks if mark.kind == kind])
    }
    return Results(scores, samples(responder, held))


def likelihood(responder: Responder, examples: Examples) -> dict[str, Any]:
    """Of all utterances but the first of each dialogue; the likelihood of a VHRED is known as a bound only."""
    model = responder.model
    tokens = int(sum(len(ids) for dialogue in examples.dialogues for ids in dialogue[1:]))
    if not isinstance(model, VHRED):
        loss = mean_loss(model, examples)
        return {"loss": loss, "perplexity": perplexity(loss, 1), "tokens": tokens}
    found = bound(model, examples)
    return {
        "bound": found.per_token,
        "perplexity_bound": perplexity(found.per_token, 1),
        "reconstruction": found.reconstruction / found.tokens,
        "kl": float(found.kl.sum(axis=1).mean()),
        "active_units": found.active_units,
        "tokens": tokens,
    }


def fitting(responder: Responder, held: Held, marks: list[Mark]) -> dict[str, Any]:
    """How many answers fit, of the most probable and of several drawn ones, and how many of these are distinct."""
    references = [mark.fitting for mark in marks]
    given = responder.respond_all([held.context(mark) for mark in marks])
    # Evenly from the whole file, whose kinds of dialogues may follow one another.
    some = [marks[i] for i in np.linspace(0, len(marks) - 1, min(len(marks), DRAWN_CONTEXTS)).astype(int)]
    rng = np.random.default_rng(NOISE)
    contexts = [held.context(mark) for mark in some for _ in range(DRAWS)]
    drawn = np.array(responder.draw_all(contexts, rng), object).reshape(len(some), DRAWS)
    right = [[answer for answer in row if answer in mark.fitting] for row, mark in zip(drawn, some, strict=True)]
    return {
        "exact_match": exact_match(given, references),
        "places": len(marks),
        "from_last_utterance": last_utterance_ceiling(held, marks),
        "drawn_exact_match": sum(map(len, right)) / drawn.size,
        "distinct_fitting": sum(len(set(answers)) for answers in right) / len(some),
        "possible": sum(len(mark.fitting) for mark in some) / len(some),
    }


def last_utterance_ceiling(held: Held, marks: list[Mark]) -> float:
    """The share of these places that the best rule gets right which sees nothing but the utterance before.

    It knows the test: after every utterance it gives the answer that fits most often there.
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for mark in marks:
        counts[held.context(mark)[-1]].update(mark.fitting)
    return sum(max(counter.values()) for counter in counts.values()) / len(marks)


def samples(responder: Responder, held: Held) -> list[Example]:
    """Marked places of both kinds by turns, or the ends of dialogues where nothing is marked."""
    kinds = [[mark for mark in held.marks if mark.kind == kind] for kind in KINDS]
    kinds = [marks for marks in kinds if marks] or [
        [Mark(d, len(dialogue) - 1, OPEN, [dialogue[-1]]) for d, dialogue in enumerate(held.dialogues)]
    ]
    each = EXAMPLES // len(kinds)
    spread = [[marks[i] for i in np.linspace(0, len(marks) - 1, min(len(marks), each)).astype(int)] for marks in kinds]
    chosen = [marks[i] for i in range(each) for marks in spread if i < len(marks)]
    contexts = [held.context(mark) for mark in chosen]
    given = responder.respond_all(contexts)
    rng = np.random.default_rng(NOISE)
    drawn = [responder.draw_all([context] * DRAWS, rng) for context in contexts]
    references = [held.dialogues[mark.dialogue][mark.utterance] for mark in chosen]
    return [Example(*line) for line in zip(contexts, references, given, drawn, strict=True)]
