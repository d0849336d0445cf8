"""Write text with a trained language model."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated

import tyro

import seqrl
from seqrl.errors import InputError
from seqrl.training import command
from seqrl.training.language.generator import TextGenerator


@dataclass(frozen=True)
class Options:
    run: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Folder that scripts/train_language_model.py wrote."""
    prompt: str = ""
    """How the text begins; without it, it is a document from its start."""
    length: int = 500
    """Most tokens to write; a text ends sooner where the model ends the document."""
    temperature: float = 0.8
    """Below 1 more predictable, above 1 more daring, 0 always the most probable token."""
    top_k: int | None = None
    """Draw from the k most probable tokens only."""
    top_p: float | None = None
    """Draw from the smallest set of most probable tokens that has this share of the probability."""
    seed: int = 0
    """Another seed gives another text."""
    count: int = 1
    """How many texts to write; a line of dashes stands between them."""


def generate(options: Options) -> int:
    generator = seqrl.load(options.run)
    if not isinstance(generator, TextGenerator):
        raise InputError(f"{options.run}: not the run of a language model; expected one of train_language_model.py")
    if not generator.problem(options.prompt) and (unknown := generator.unknown(options.prompt)):
        print(f"unknown to the model: {', '.join(map(repr, unknown))}", file=sys.stderr)
    texts = generator.generate_many(
        options.prompt,
        options.count,
        options.length,
        temperature=options.temperature,
        top_k=options.top_k,
        top_p=options.top_p,
        seed=options.seed,
    )
    print(f"\n{'-' * 40}\n".join(texts))
    return 0


def main(arguments: list[str] | None = None) -> int:
    return command.run(generate, Options, arguments)


if __name__ == "__main__":
    sys.exit(main())
