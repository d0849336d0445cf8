"""Everyday dialogues: `python data/generate_dialogues.py` writes data/dialogues/*.txt and *.answers.tsv.

A line of test.answers.tsv has the number of a dialogue and of an utterance in test.txt, both from 1, what kind of an
answer the utterance is ("recall" or "open"), and all answers that fit there, separated by tabs.
"""

import os
import random
from pathlib import Path

from dialogues.splits import Dialogue, generate

FOLDER = Path(__file__).parent / "dialogues"
SEED = 5


def write(path: Path, text: str) -> None:
    """Beside its place and renamed, so that a half-written file is never seen."""
    beside = path.with_name(path.name + ".tmp")
    beside.write_bytes(text.encode())
    os.replace(beside, path)


def plain(dialogues: list[Dialogue]) -> str:
    """One utterance a line, a blank line between dialogues."""
    return "\n".join("".join(f"{text}\n" for text in dialogue.texts) for dialogue in dialogues)


def answers(dialogues: list[Dialogue]) -> str:
    return "".join(
        "\t".join([str(number), str(place), turn.kind, *turn.fitting]) + "\n"
        for number, dialogue in enumerate(dialogues, start=1)
        for place, turn in enumerate(dialogue.turns, start=1)
        if turn.kind
    )


if __name__ == "__main__":
    splits = generate(random.Random(SEED))
    for split, dialogues in splits.items():
        write(FOLDER / f"{split}.txt", plain(dialogues))
        if split != "train":
            write(FOLDER / f"{split}.answers.tsv", answers(dialogues))
