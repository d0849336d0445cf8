"""Reading dialogues: one utterance a line, a blank line between dialogues; and which answers fit, where that is known.

What is wrong with a file is said with its name and line.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np

from seqrl.errors import InputError, choose
from seqrl.text.lines import numbered_lines

Dialogue = list[str]

MINIMUM_DIALOGUES = 10
MAXIMUM_HELD_OUT = 1000

RECALL, OPEN = "recall", "open"
KINDS = {
    RECALL: "what fits depends on what was said before the last utterance",
    OPEN: "several answers fit, whatever was said before the last utterance",
}


class Mark(NamedTuple):
    """What fits at a place of a dialogue; numbers count from 0."""

    dialogue: int
    utterance: int
    kind: str  # in KINDS
    fitting: list[str]


def read_dialogues(path: str | Path) -> list[Dialogue]:
    """The dialogues of a file with one utterance a line and blank lines between dialogues, plain or gzipped, in UTF-8.

    Two people speak by turns. Utterances are stripped and brought to NFC.
    Raises InputError with file and line for a missing, empty or damaged file, bytes that are no text in UTF-8, a
    dialogue of one utterance.
    """
    lines = ((number, _clean(line, f"{path}:{number}")) for number, line in numbered_lines(path))
    dialogues = []
    for spoken, group in groupby(lines, key=lambda line: bool(line[1])):
        if not spoken:
            continue
        numbers, dialogue = zip(*group, strict=True)
        if len(dialogue) < 2:
            raise InputError(
                f"{path}:{numbers[0]}: a dialogue of one utterance, {_excerpt(dialogue[0])}; expected two or more, "
                "one a line, and a blank line between dialogues"
            )
        dialogues.append(list(dialogue))
    if not dialogues:
        raise InputError(f"{path}: no dialogues in it")
    return dialogues


def answers_path(path: str | Path) -> Path:
    """Where it may say which answers fit in a file of dialogues: talk.txt and talk.txt.gz have talk.answers.tsv."""
    plain = Path(path).name.removesuffix(".gz")
    return Path(path).with_name((plain.rpartition(".")[0] or plain) + ".answers.tsv")


def read_marks(path: str | Path, dialogues: Sequence[Dialogue], dialogues_path: str | Path) -> list[Mark]:
    """Which answers fit: lines DIALOGUE TAB UTTERANCE TAB KIND TAB ANSWER [TAB ANSWER ...], numbers from 1.

    KIND is one of KINDS; the utterance that stands there is one of the answers.
    Raises InputError with file and line for a line of another form, a number that does not occur in the file of the
    dialogues, an utterance that is not among its own answers.
    """
    marks = []
    for number, line in numbered_lines(path):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        cells = [_clean(cell, where) for cell in line.split("\t")]
        if len(cells) < 4 or not all(cells):
            raise InputError(
                f"{where}: expected DIALOGUE TAB UTTERANCE TAB KIND TAB ANSWER ..., found {_excerpt(line)}"
            )
        choose(f"{where}: the kind", cells[2], KINDS)
        d = _place(cells[0], 1, len(dialogues), f"{where}: the dialogue", dialogues_path)
        u = _place(cells[1], 2, len(dialogues[d]), f"{where}: the utterance", f"dialogue {d + 1} of {dialogues_path}")
        if dialogues[d][u] not in cells[3:]:
            raise InputError(
                f"{where}: {_excerpt(dialogues[d][u])}, utterance {u + 1} of dialogue {d + 1} of {dialogues_path}, is "
                "not among the answers that fit there"
            )
        marks.append(Mark(d, u, cells[2], list(dict.fromkeys(cells[3:]))))
    return marks


def split_dialogues(
    dialogues: Sequence[Dialogue], held_out: float, rng: np.random.Generator
) -> tuple[list[Dialogue], list[Dialogue], list[Dialogue]]:
    """Split into (train, valid, test) by distinct dialogue: none stands on two sides.

    valid and test each get the fraction `held_out` of the distinct dialogues, at least 1 and at most 1000; the order of
    dialogues stays. Raises InputError for fewer than 10 distinct dialogues, and for a fraction that is not above 0 and
    at most 0.4.
    """
    if not 0 < held_out <= 0.4:
        raise InputError(f"the fraction held out is {held_out}; expected more than 0 and at most 0.4")
    keys = [tuple(dialogue) for dialogue in dialogues]
    distinct = list(dict.fromkeys(keys))  # in order, so that the split depends on nothing but dialogues and rng
    if len(distinct) < MINIMUM_DIALOGUES:
        raise InputError(
            f"{len(distinct)} distinct dialogues are too few to hold some out for validation and test; "
            f"expected {MINIMUM_DIALOGUES} or more, with blank lines between them"
        )
    size = min(MAXIMUM_HELD_OUT, max(1, round(held_out * len(distinct))))
    order = rng.permutation(len(distinct))
    valid = {distinct[i] for i in order[:size]}
    test = {distinct[i] for i in order[size : 2 * size]}
    split: tuple[list[Dialogue], list[Dialogue], list[Dialogue]] = [], [], []
    for key in keys:
        split[1 if key in valid else 2 if key in test else 0].append(list(key))
    return split


def _clean(text: str, where: str) -> str:
    if "\0" in text:
        raise InputError(f"{where}: a character of code 0; expected text")
    return unicodedata.normalize("NFC", text).strip()


def _place(text: str, first: int, last: int, what: str, where: str | Path) -> int:
    """A number from 1, as an index."""
    if not text.isdecimal() or not first <= int(text) <= last:
        raise InputError(f"{what} is {_excerpt(text)}; expected a number from {first} to {last}, as {where} has them")
    return int(text) - 1


def _excerpt(line: str) -> str:
    return repr(line if len(line) <= 40 else line[:40] + "…")
