"""Train a classifier of images. Without --data, on MNIST's digits where they are installed, else on drawn ones."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from seqrl.errors import InputError
from seqrl.training import command
from seqrl.training.images import report, run
from seqrl.training.images.run import ImageSettings


@dataclass(frozen=True)
class Options:
    settings: ImageSettings = field(default_factory=ImageSettings)
    out: str = "runs/images"
    """Folder for the run."""
    resume: str | None = None
    """Continue the run in this folder with its own settings; only --max-minutes may be given with it."""
    overwrite: bool = False
    """Replace the run that --out holds."""


def train(options: Options) -> int:
    folder = Path(options.resume or options.out)
    if options.resume:
        check_alone(options)
        preparation = run.resume(folder, options.settings.max_minutes)
    else:
        preparation = run.begin(options.settings, folder, options.overwrite)
    print(preparation.summary())
    try:
        history = run.fit(preparation, folder)
    except KeyboardInterrupt:
        print(f"Stopped. To continue: {command.resuming(folder)}")
        return command.INTERRUPTED
    print(report.finish(preparation, history, folder))
    return 0


def check_alone(options: Options) -> None:
    """A run is resumed with the settings that it has."""
    allowed = ImageSettings(max_minutes=options.settings.max_minutes)
    if options != Options(settings=allowed, resume=options.resume):
        raise InputError("--resume continues a run with its own settings; only --max-minutes may be given with it")


def main(arguments: list[str] | None = None) -> int:
    return command.run(train, Options, arguments)


if __name__ == "__main__":
    sys.exit(main())
