"""Train a dialogue model. Without dialogues of your own, it is on the everyday ones in data/dialogues."""

from __future__ import annotations

import dataclasses
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from seqrl.errors import InputError
from seqrl.training import command, session
from seqrl.training.dialogue import report, run
from seqrl.training.dialogue.settings import DialogueSettings

DIALOGUES = Path(__file__).parent.parent / "data" / "dialogues"


@dataclass(frozen=True)
class Options:
    settings: DialogueSettings = field(default_factory=DialogueSettings)
    out: str = "runs/dialogue"
    """Folder for the run."""
    resume: str | None = None
    """Continue the run in this folder with its own settings; only --max-minutes may be given with it."""
    overwrite: bool = False
    """Replace the run that --out holds."""


def with_corpus(settings: DialogueSettings) -> DialogueSettings:
    """The settings, with the everyday dialogues where none were named."""
    if settings.dialogues:
        return settings
    if settings.valid or settings.test:
        raise InputError("--valid and --test go with dialogues; expected --dialogues FILE")
    train, valid, test = (os.path.relpath(DIALOGUES / f"{name}.txt") for name in ("train", "valid", "test"))
    return dataclasses.replace(settings, dialogues=(train,), valid=(valid,), test=(test,))


def train(options: Options) -> int:
    return session.train(
        options,
        begin=lambda folder: run.begin(with_corpus(options.settings), folder, options.overwrite),
        resume=run.resume,
        training=run.training,
        finish=report.finish,
    )


def main(arguments: list[str] | None = None) -> int:
    return command.run(train, Options, arguments)


if __name__ == "__main__":
    sys.exit(main())
