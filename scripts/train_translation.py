"""Train a translator on pairs of sentences. Without a corpus, it is the English-French one in data/phrases."""

from __future__ import annotations

import dataclasses
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from seqrl.errors import InputError
from seqrl.training import command, session
from seqrl.training.translation import report, run
from seqrl.training.translation.settings import TranslationSettings

PHRASES = Path(__file__).parent.parent / "data" / "phrases" / "eng-fra"


@dataclass(frozen=True)
class Options:
    settings: TranslationSettings = field(default_factory=TranslationSettings)
    out: str = "runs/translation"
    """Folder for the run."""
    resume: str | None = None
    """Continue the run in this folder with its own settings; only --max-minutes may be given with it."""
    overwrite: bool = False
    """Replace the run that --out holds."""


def with_corpus(settings: TranslationSettings) -> TranslationSettings:
    """The settings, with the phrases where no corpus was named."""
    if settings.pairs or settings.source or settings.target:
        return settings
    if settings.valid or settings.test or settings.languages:
        raise InputError("--valid, --test and --languages go with a corpus; expected --pairs, or --source and --target")
    train, valid, *tests = (
        os.path.relpath(PHRASES / f"{name}.tsv") for name in ("train", "valid", "random", "compositional")
    )
    return dataclasses.replace(settings, pairs=train, valid=(valid,), test=tuple(tests))


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
