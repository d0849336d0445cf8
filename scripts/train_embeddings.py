"""Train word embeddings on text files (--corpus). Without any, it is on the documentation of Python and NumPy."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

from seqrl.training import command, session
from seqrl.training.embeddings import report, run
from seqrl.training.embeddings.settings import EmbeddingSettings


@dataclass(frozen=True)
class Options:
    settings: EmbeddingSettings = field(default_factory=EmbeddingSettings)
    out: str = "runs/embeddings"
    """Folder for the run."""
    resume: str | None = None
    """Continue the run in this folder with its own settings; only --max-minutes may be given with it."""
    overwrite: bool = False
    """Replace the run that --out holds."""


def train(options: Options) -> int:
    return session.train(
        options,
        begin=lambda folder: run.begin(options.settings, folder, options.overwrite),
        resume=run.resume,
        training=run.training,
        finish=report.finish,
    )


def main(arguments: list[str] | None = None) -> int:
    return command.run(train, Options, arguments)


if __name__ == "__main__":
    sys.exit(main())
