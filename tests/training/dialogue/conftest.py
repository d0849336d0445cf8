"""Small dialogues in which the answer was given before, and a run of a model that was not trained long."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with dialogues to train on and to test on, and which answers fit in the test."""
    folder = tmp_path_factory.mktemp("talk")
    colours = ["red", "blue", "green", "white", "black", "brown"]
    things = ["hat", "coat", "bag", "shoe", "ring"]
    talks = [
        [f"I lost my {colour} {thing}.", "Oh no!", "What was it?", f"A {colour} {thing}."]
        for colour in colours
        for thing in things
    ]
    for name, part in ("train", talks[:24]), ("valid", talks[24:27]), ("test", talks[27:]):
        (folder / f"{name}.txt").write_text("\n".join("".join(f"{text}\n" for text in talk) for talk in part))
    for name, part in ("valid", talks[24:27]), ("test", talks[27:]):
        lines = []
        for number, dialogue in enumerate(part, start=1):
            lines += [f"{number}\t2\topen\tOh no!\tI see.\n", f"{number}\t4\trecall\t{dialogue[3]}\tMy own.\n"]
        (folder / f"{name}.answers.tsv").write_text("".join(lines))
    return folder
