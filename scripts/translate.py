"""Translate sentences with a trained run: those given, or those on standard input, one a line."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import tyro

import seqrl
from seqrl.errors import InputError
from seqrl.training import command

BATCH_SIZE = 512  # lines of standard input that are translated together


@dataclass(frozen=True)
class Options:
    run: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Folder that scripts/train_translation.py wrote."""
    sentences: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[SENTENCE ...]")] = ()
    """What to translate; without any, the lines of standard input."""
    beam: int = 1
    """Hypotheses to keep in beam search; 1 is greedy search."""
    nbest: bool = False
    """Print all hypotheses of the beam: number of the sentence, score, translation, separated by tabs."""
    attention_plot: str | None = None
    """Also write a picture of where the model looked, for the first sentence."""


def numbered_batches(options: Options) -> Iterator[list[tuple[str, str]]]:
    """(where it stands, sentence) for every sentence, a batch at a time."""
    if options.sentences:
        yield [(f"sentence {number}", sentence) for number, sentence in enumerate(options.sentences, start=1)]
        return
    lines = enumerate(sys.stdin.buffer, start=1)
    while batch := list(itertools.islice(lines, BATCH_SIZE)):
        yield [(f"standard input:{number}", decoded(line, number)) for number, line in batch]


def decoded(line: bytes, number: int) -> str:
    try:
        return line.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise InputError(f"standard input:{number}: byte 0x{line[error.start]:02x} is not UTF-8") from None


def translate(options: Options) -> int:
    if options.beam < 1:
        raise InputError(f"--beam is {options.beam}; expected 1 or more")
    translator = seqrl.load(options.run)
    done = 0
    for batch in numbered_batches(options):
        for where, sentence in batch:
            if problem := translator.problem(sentence):
                raise InputError(f"{where}: {problem}: {sentence!r}")
            if unknown := translator.unknown_words(sentence):
                print(f"{where}: unknown to the model: {', '.join(unknown)}", file=sys.stderr)
        sentences = [sentence for _, sentence in batch]
        if options.nbest:
            for number, hypotheses in enumerate(translator.nbest(sentences, options.beam), start=done + 1):
                for text, score in hypotheses:
                    print(f"{number}\t{score:.4f}\t{text}")
        else:
            print("\n".join(translator.translate(sentences, options.beam)), flush=True)
        if options.attention_plot and not done:
            from seqrl import plots

            plots.save(plots.attention(*translator.attention(sentences[0])), options.attention_plot)
        done += len(batch)
    return 0


def main(arguments: list[str] | None = None) -> int:
    return command.run(translate, Options, arguments)


if __name__ == "__main__":
    sys.exit(main())
