"""Classify images with a trained run: a line for each, with its file, its class and how sure the model is."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated

import tyro

import seqrl
from seqrl.activations import softmax
from seqrl.errors import InputError
from seqrl.images.files import read_images
from seqrl.training import command
from seqrl.training.sequential import Sequential


@dataclass(frozen=True)
class Options:
    run: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Folder that scripts/train_images.py wrote."""
    files: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="FILE [FILE ...]")]
    """Pictures (PNG, JPEG, ...), or .npy files of one image or many."""
    invert: bool = False
    """Take dark for light: for ink on paper, where the run has learned from white on black, as in MNIST."""


def classify(options: Options) -> int:
    model = seqrl.load(options.run)
    shape = model.input_shape if isinstance(model, Sequential) else None
    if not options.files:
        raise InputError("no FILE is given; expected pictures or .npy files")
    if shape is None or len(shape) != 3:
        raise InputError(f"{options.run}: not a run of images; expected a folder that scripts/train_images.py wrote")
    for file in options.files:
        images = read_images(file, shape, invert=options.invert)
        if not len(images):
            continue
        probability = softmax(model.predict(images))
        for number, row in enumerate(probability):
            first, second = row.argsort()[::-1][:2]
            name = file if len(images) == 1 else f"{file}:{number}"
            print(f"{name}\t{first}\t{row[first]:.1%}\t(or {second}, {row[second]:.1%})")
    return 0


def main(arguments: list[str] | None = None) -> int:
    return command.run(classify, Options, arguments)


if __name__ == "__main__":
    sys.exit(main())
