"""Training, validation and test: no combination of a scene's values is in two of them."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from phrases.parts import Draw

from dialogues.scenes import SCENES, Values
from dialogues.script import Script, Turn

SIZES = {"train": 8_000, "valid": 500, "test": 1_000}
HELD_OUT = {"valid": 0.08, "test": 0.12}  # of the combinations of a scene's values
SHORTEST, LONGEST = 4, 8  # utterances


@dataclass(frozen=True)
class Dialogue:
    """`about` is what it is about: the scene and its values."""

    about: tuple[str, Values]
    turns: tuple[Turn, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(turn.text for turn in self.turns)


def combinations(d: Draw, scene: str) -> dict[str, list[Values]]:
    """All that a scene can be about, by split."""
    possible = [values for values in product(*(names.split("|") for names in SCENES[scene].values)) if distinct(values)]
    shuffled: list[Values] = []
    while possible:
        place = int(d.rng.random() * len(possible))
        possible[place], possible[-1] = possible[-1], possible[place]
        shuffled.append(possible.pop())
    found = {}
    for split, share in HELD_OUT.items():
        size = round(share * (len(shuffled)))
        found[split], shuffled = shuffled[:size], shuffled[size:]
    return {"train": shuffled, **found}


def distinct(values: Values) -> bool:
    """Nothing is bought or brought twice, and nobody brings two things."""
    return len(set(values)) == len(values)


def dialogues(d: Draw, scene: str, about: list[Values]) -> Iterator[Dialogue]:
    """Dialogues of a scene without end."""
    while True:
        values = d.one(about)
        script = Script(d)
        SCENES[scene].write(script, values)
        if SHORTEST <= len(script.turns) <= LONGEST:
            yield Dialogue((scene, values), tuple(script.turns))


def generate(rng: random.Random) -> dict[str, list[Dialogue]]:
    """The splits, each of its size, with as many dialogues of each scene and no dialogue twice."""
    d = Draw(rng)
    about = {scene: combinations(d, scene) for scene in SCENES}
    splits: dict[str, list[Dialogue]] = {}
    for split, size in SIZES.items():
        sources = [dialogues(d, scene, about[scene][split]) for scene in SCENES]
        found: dict[tuple[str, ...], Dialogue] = {}
        while len(found) < size:
            dialogue = next(sources[len(found) % len(sources)])
            found.setdefault(dialogue.texts, dialogue)
        splits[split] = list(found.values())
    return splits


def right_from_the_last_utterance(dialogues: list[Dialogue], kind: str) -> float:
    """The share of turns of a kind that can be answered best by a rule that sees the utterance before, and no other.

    No rule reaches more: for every utterance it gives the answer that fits most often after it in these very dialogues.
    """
    fitting: dict[str, dict[str, int]] = {}
    turns = 0
    for dialogue in dialogues:
        for before, turn in zip(dialogue.turns, dialogue.turns[1:], strict=False):
            if turn.kind == kind:
                turns += 1
                counts = fitting.setdefault(before.text, {})
                for answer in turn.fitting:
                    counts[answer] = counts.get(answer, 0) + 1
    return sum(max(counts.values()) for counts in fitting.values()) / turns
