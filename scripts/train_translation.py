"""Train a translator on pairs of sentences. Without a corpus, it is the English-French one in data/phrases."""

from __future__ import annotations

import dataclasses
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from seqrl.errors import InputError
from seqrl.training import command, runs
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
    folder = Path(options.resume or options.out)
    if options.resume:
        runs.read_config(folder)
    with runs.locked(folder):
        if options.resume:
            check_alone(options)
            preparation = run.resume(folder, options.settings.max_minutes)
            print(f"Continuing {folder}")
        else:
            if options.overwrite and (folder / runs.CONFIG).exists():
                print(f"Replacing the run in {folder}")
            preparation = run.begin(with_corpus(options.settings), folder, options.overwrite)
        print(preparation.summary())
        training = run.training(preparation, folder)
        ended = training.run()
        if ended == "interrupted":
            print(f"Stopped at step {training.progress.step}. To continue: {sys.argv[0]} --resume {folder}")
            return command.INTERRUPTED
        print(report.finish(preparation, training, folder, ended))
    return 0


def check_alone(options: Options) -> None:
    """A run is resumed with the settings that it has."""
    allowed = TranslationSettings(max_minutes=options.settings.max_minutes)
    if options != Options(settings=allowed, resume=options.resume):
        raise InputError("--resume continues a run with its own settings; only --max-minutes may be given with it")


def main(arguments: list[str] | None = None) -> int:
    return command.run(train, Options, arguments)


if __name__ == "__main__":
    sys.exit(main())
