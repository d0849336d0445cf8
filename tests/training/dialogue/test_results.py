from typing import Any, cast

import numpy as np
import pytest

from seqrl.text.dialogues import Mark
from seqrl.training.dialogue.corpus import Held
from seqrl.training.dialogue.report import several
from seqrl.training.dialogue.responder import Responder
from seqrl.training.dialogue.results import DRAWS, EXAMPLES, fitting, last_utterance_ceiling, samples


class Parrot:
    """Answers with what was said first, and draws that and one thing more by turns."""

    def respond_all(self, contexts: list[list[str]]) -> list[str]:
        return [context[0] for context in contexts]

    def draw_all(self, contexts: list[list[str]], rng: np.random.Generator) -> list[str]:
        return [context[0] if k % 2 else "z" for k, context in enumerate(contexts)]


PARROT = cast(Responder, Parrot())


def held(*dialogues: tuple[list[str], dict[str, Any]]) -> Held:
    """Dialogues whose last utterance is marked."""
    marks = [Mark(d, len(said) - 1, **mark) for d, (said, mark) in enumerate(dialogues)]
    return Held([said for said, _ in dialogues], marks)


def recall(*fitting: str) -> dict[str, Any]:
    return {"kind": "recall", "fitting": list(fitting)}


def test_the_best_rule_of_the_last_utterance_gives_what_fits_most_often_after_it() -> None:
    found = held(
        (["a", "What?", "x"], recall("x", "y")),
        (["b", "What?", "z"], recall("z")),
        (["c", "What?", "y"], recall("y")),
        (["d", "How?", "x"], recall("x")),
    )
    assert last_utterance_ceiling(found, found.marks) == 0.75  # y, y, x


def test_answers_are_counted_where_they_fit_and_different_ones_once() -> None:
    found = held((["a", "What?", "a"], recall("a", "b")), (["b", "What?", "z"], recall("z", "y", "x", "w")))
    scores = fitting(PARROT, found, found.marks)
    assert scores["exact_match"] == 0.5
    assert scores["places"] == 2
    assert scores["drawn_exact_match"] == 0.5  # half of the draws are a, half of them z
    assert scores["distinct_fitting"] == 1
    assert scores["possible"] == 3


def test_examples_are_of_all_kinds_and_from_the_whole_test() -> None:
    said = [["a", "b", "c", str(n)] for n in range(100)]
    marks = [Mark(n, 3, "recall", [str(n)]) for n in range(100)] + [Mark(n, 1, "open", ["b"]) for n in range(3)]
    found = samples(PARROT, Held(said, marks))
    assert [example.context for example in found[:3]] == [["a", "b", "c"], ["a"], ["a", "b", "c"]]
    assert len(found) == EXAMPLES // 2 + 3
    assert {found[0].reference, found[-1].reference} == {"0", "99"}
    assert all(len(example.drawn) == DRAWS for example in found)


def test_without_marks_examples_are_the_ends_of_dialogues() -> None:
    found = samples(PARROT, Held([["a", "b", "c"], ["d", "e"]], []))
    assert [(example.context, example.reference, example.answer) for example in found] == [
        (["a", "b"], "c", "a"),
        (["d"], "e", "d"),
    ]


@pytest.mark.parametrize(("drawn", "expected"), [(["a", "b", "b"], "b (2)  |  a (1)"), (["a"], "a (1)")])
def test_draws_are_shown_by_frequency(drawn: list[str], expected: str) -> None:
    assert several(drawn) == expected
