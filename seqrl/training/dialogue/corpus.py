"""The dialogues of a run: read, split, tokenized, and laid out for batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seqrl.errors import InputError
from seqrl.models.hred import DialogueBatch, pad_dialogues
from seqrl.parameter import Integers
from seqrl.text.dialogues import RECALL, Dialogue, Mark, answers_path, read_dialogues, read_marks, split_dialogues
from seqrl.text.specials import EOS
from seqrl.text.tokenizers import Tokenizer
from seqrl.training.dialogue.task import Answers

HELD_OUT = 0.05  # of the distinct dialogues, for validation and for test each
VALIDATION_ANSWERS = 300  # given after an epoch, at most


class Held(NamedTuple):
    """Dialogues that are held out, and where it is known which answers fit."""

    dialogues: list[Dialogue]
    marks: list[Mark]

    def context(self, mark: Mark) -> Dialogue:
        """What was said before the place of a mark."""
        return self.dialogues[mark.dialogue][: mark.utterance]


class Corpus(NamedTuple):
    """Dialogues by what they are for."""

    train: list[Dialogue]
    valid: Held
    test: Held


def read_corpus(
    dialogues: Sequence[str], valid: Sequence[str], test: Sequence[str], rng: np.random.Generator
) -> Corpus:
    """Read the training dialogues and the held-out ones; what has no file of its own is split off.

    Raises InputError for files that can't be read, and for too few dialogues to hold some out.
    """
    train = [dialogue for path in dialogues for dialogue in read_dialogues(path)]
    validation, tested = _held(valid), _held(test)
    if not (valid and test):
        _, own_valid, own_test = split_dialogues(train, HELD_OUT, rng)
        used = ([] if valid else own_valid) + ([] if test else own_test)
        taken = {tuple(dialogue) for dialogue in used}
        train = [dialogue for dialogue in train if tuple(dialogue) not in taken]
        validation = validation if valid else Held(own_valid, [])
        tested = tested if test else Held(own_test, [])
    return Corpus(train, validation, tested)


def _held(paths: Sequence[str]) -> Held:
    """The dialogues of files, with the answers that lie beside them."""
    held = Held([], [])
    for path in paths:
        read = read_dialogues(path)
        beside = answers_path(path)
        marks = read_marks(beside, read, path) if beside.exists() else []
        held.marks.extend(mark._replace(dialogue=len(held.dialogues) + mark.dialogue) for mark in marks)
        held.dialogues.extend(read)
    return held


def files(dialogues: Sequence[str], held_out: Sequence[str]) -> list[str]:
    """All that `read_corpus` reads."""
    beside = [str(answers_path(path)) for path in held_out if answers_path(path).exists()]
    return [*dialogues, *held_out, *beside]


class Examples:
    """Tokenized dialogues, every utterance with its EOS."""

    def __init__(self, dialogues: Sequence[Sequence[Sequence[int]]]) -> None:
        self.dialogues = dialogues
        self.sizes: Integers = np.array(
            [(max(map(len, dialogue)), len(dialogue)) for dialogue in dialogues], np.int64
        ).reshape(-1, 2)

    def __len__(self) -> int:
        return len(self.dialogues)

    def batch(self, rows: npt.NDArray[np.int64], /) -> DialogueBatch:
        return pad_dialogues([self.dialogues[row] for row in rows])


def tokenize(
    dialogues: Sequence[Dialogue], tokenizer: Tokenizer, max_length: int, max_utterances: int
) -> tuple[Examples, int]:
    """The dialogues in pieces that fit, and how many utterances were left out.

    A dialogue ends before an utterance of more than `max_length` tokens (EOS counts) and another one begins after it;
    one of more than `max_utterances` is cut. A single utterance is no dialogue.
    """
    texts = tokenizer.encode_batch([text for dialogue in dialogues for text in dialogue])
    utterances = iter([[*ids, EOS] for ids in texts])
    pieces = [
        piece
        for dialogue in dialogues
        for piece in _pieces([next(utterances) for _ in dialogue], max_length, max_utterances)
        if len(piece) > 1
    ]
    return Examples(pieces), len(texts) - sum(map(len, pieces))


def _pieces(dialogue: list[list[int]], max_length: int, max_utterances: int) -> Iterator[list[list[int]]]:
    piece: list[list[int]] = []
    for ids in dialogue:
        if len(ids) > max_length or len(piece) == max_utterances:
            yield piece
            piece = []
        if len(ids) <= max_length:
            piece.append(ids)
    yield piece


def answers(held: Held, tokenizer: Tokenizer) -> Answers | None:
    """Contexts whose answer depends on what was said before the last utterance; None where none is known."""
    marks = [mark for mark in held.marks if mark.kind == RECALL][:VALIDATION_ANSWERS]
    if not marks:
        return None
    return Answers(
        [tokenizer.encode_batch(held.context(mark)) for mark in marks],
        [tokenizer.encode_batch(mark.fitting) for mark in marks],
    )


def check_not_empty(what: str, examples: Examples, limit: int) -> None:
    """Raise InputError where nothing is left of the dialogues."""
    if not len(examples):
        raise InputError(
            f"no {what} dialogue has two utterances in a row of at most {limit} tokens; expected a larger --max-length"
        )
