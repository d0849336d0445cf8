"""Write the model of a trained run as ONNX, which ONNX Runtime and others run without seqrl."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from seqrl.training import command


@dataclass(frozen=True)
class Options:
    run: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Folder that a training script wrote, or a file that Sequential.save wrote."""
    out: str | None = None
    """Folder to write to; by default RUN/onnx, or beside the file."""


def export(options: Options) -> int:
    from seqrl.interop.onnx import export_run

    run = Path(options.run)
    beside = run.with_name(f"{run.stem}-onnx") if run.is_file() else run / "onnx"
    exported = export_run(run, options.out or beside)
    for path in exported.paths:
        print(f"{path}\t{path.stat().st_size:,} bytes")
    print(f"ONNX Runtime computes what seqrl does: largest difference {exported.difference:.1e}")
    return 0


def main(arguments: list[str] | None = None) -> int:
    return command.run(export, Options, arguments)


if __name__ == "__main__":
    sys.exit(main())
