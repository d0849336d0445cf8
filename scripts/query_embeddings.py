"""Ask word embeddings: nearest words, analogies, similarities, evaluation files, a picture, and other formats."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from seqrl import plots
from seqrl.errors import InputError
from seqrl.interop.word2vec import write_word2vec
from seqrl.parameter import Array
from seqrl.text.embeddings import Embeddings, read_embeddings
from seqrl.text.neighbourhoods import neighbourhoods
from seqrl.text.word_evaluation import evaluate, read_groups
from seqrl.training import command

GROUPS = Path(__file__).parent.parent / "data" / "words" / "groups.txt"
DRAWN = 6  # groups of a picture without --words, as many as can be told apart


@dataclass(frozen=True)
class Options:
    embeddings: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN_OR_FILE")]
    """Folder that scripts/train_embeddings.py wrote, or a file: of this library, word2vec (text or binary) or GloVe."""
    nearest: Annotated[tuple[str, ...], tyro.conf.arg(metavar="WORD ...")] = ()
    """Print the words that are nearest to each of these, by cosine similarity."""
    analogy: Annotated[tuple[str, str, str] | None, tyro.conf.arg(metavar="A B C")] = None
    """Print what is to C as B is to A: `--analogy man king woman`."""
    similarity: Annotated[tuple[str, str] | None, tyro.conf.arg(metavar="A B")] = None
    """Print the cosine similarity of two words."""
    evaluate: Annotated[tuple[str, ...], tyro.conf.arg(metavar="FILE ...")] = ()
    """Evaluate with WordSim353, SimLex-999 and the like, questions of analogies, or groups (data/words/groups.txt)."""
    plot: Annotated[str | None, tyro.conf.arg(metavar="PNG")] = None
    """Draw words in the plane in which they vary most."""
    words: Annotated[tuple[str, ...], tyro.conf.arg(metavar="WORD ...")] = ()
    """The words of --plot (default: groups of data/words/groups.txt, or else words with near neighbours)."""
    export: Annotated[str | None, tyro.conf.arg(metavar="FILE")] = None
    """Write the vectors: as a file of this library if the name ends in .safetensors, else for other tools in word2vec's
    format, binary for .bin and .bin.gz, or text."""
    count: int = 10
    """How many words --nearest and --analogy print."""
    restrict: int | None = None
    """Evaluate among the first N words of the vocabulary (default: all; 30,000 for analogies)."""

    def check(self) -> None:
        for name, value in ("count", self.count), ("restrict", self.restrict):
            if value is not None and value < 1:
                raise InputError(f"--{name} is {value}; expected 1 or more")
        if self.words and not self.plot:
            raise InputError("--words are the words of a picture; expected --plot as well")
        if not (self.nearest or self.analogy or self.similarity or self.evaluate or self.plot or self.export):
            raise InputError(
                "nothing asked; expected --nearest, --analogy, --similarity, --evaluate, --plot or --export"
            )


def query(options: Options) -> int:
    options.check()
    embeddings = read_embeddings(options.embeddings)
    answers = list(answered(embeddings, options))
    if options.plot:
        groups = {"": options.words} if options.words else default_groups(embeddings)
        plots.save(plots.words({name: vectors(embeddings, group) for name, group in groups.items()}), options.plot)
        answers.append(f"written: {options.plot}, a picture of {sum(map(len, groups.values()))} words")
    if options.export:
        write(embeddings, Path(options.export))
        answers.append(f"written: {options.export}, {len(embeddings):,} words, {embeddings.size} numbers each")
    print("\n\n".join(answers))
    return 0


def write(embeddings: Embeddings, path: Path) -> None:
    if path.suffix == ".safetensors":
        embeddings.save(path)
    else:
        write_word2vec(embeddings, path, binary=".bin" in path.suffixes)


def answered(embeddings: Embeddings, options: Options) -> Iterator[str]:
    for word in options.nearest:
        yield f"{word}\n{aligned(embeddings.nearest(word, options.count))}"
    if options.analogy:
        a, b, c = options.analogy
        yield f"{a} is to {b} as {c} is to\n{aligned(embeddings.analogy(a, b, c, options.count))}"
    if options.similarity:
        a, b = options.similarity
        yield f"{a}  {b}  {embeddings.similarity(a, b):.4f}"
    for path in options.evaluate:
        yield f"{path}\n{evaluate(embeddings, path, options.restrict)}"


def aligned(found: list[tuple[str, float]]) -> str:
    width = max((len(word) for word, _ in found), default=0)
    return "\n".join(f"  {word:<{width}}  {similarity:7.4f}" for word, similarity in found)


def vectors(embeddings: Embeddings, words: Iterable[str]) -> dict[str, Array]:
    return {word: embeddings[word] for word in words}


def default_groups(embeddings: Embeddings) -> dict[str, list[str]]:
    """The first groups of the probe list that the vocabulary has at least half of, or else neighbourhoods."""
    if GROUPS.exists():
        known = {name: [word for word in words if word in embeddings] for name, words in read_groups(GROUPS).items()}
        groups = {name: words for name, words in known.items() if len(words) >= 4}
        if len(groups) >= DRAWN:
            return dict(list(groups.items())[:DRAWN])
    return neighbourhoods(embeddings)


def main(arguments: list[str] | None = None) -> int:
    return command.run(query, Options, arguments)


if __name__ == "__main__":
    sys.exit(main())
