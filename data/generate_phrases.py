"""English to French and to Japanese: `python data/generate_phrases.py` writes data/phrases/eng-*/*.tsv."""

import random
from collections import Counter
from pathlib import Path

from pairs import write_pairs
from phrases import english, french, splits
from phrases.patterns import Draw, draw

FOLDER = Path(__file__).parent / "phrases"
SEED = 3
SIZES = {"train": 20_000, "valid": 1_000, "random": 1_000}
COMPOSITIONAL = 1_000
HELD_OUT = 0.06  # of the combinations of a verb and its object, or an adjective and its noun
LONGEST = 12  # words of English
Row = tuple[str, str]


def sentences(d: Draw, lemma: dict[str, str], kept_out: set[tuple[str, str]]) -> tuple[list[Row], list[Row]]:
    """Distinct sentences until there are enough: those without and those with a combination that is kept out."""
    seen: dict[str, str] = {}
    common: list[Row] = []
    rare: list[Row] = []
    while len(common) < sum(SIZES.values()) * 1.02 or len(rare) < COMPOSITIONAL * 1.2:
        sentence = draw(d)
        source = english.realise(sentence)
        target = french.realise(sentence)
        if source in seen:
            if seen[source] != target:
                raise AssertionError(f"'{source}' is both '{seen[source]}' and '{target}'")
            continue
        if len(source.split()) > LONGEST:
            continue
        seen[source] = target
        (rare if splits.holds(splits.content(source, lemma), kept_out) else common).append((source, target))
    return common, rare


def generate(rng: random.Random) -> dict[str, list[Row]]:
    d = Draw(rng)
    kept_out = set(splits.combinations(d, HELD_OUT))
    common, rare = sentences(d, splits.lemmas(), kept_out)
    train = common[: SIZES["train"]]
    counts = Counter(token for row in train for text in row for token in splits.tokens(text))
    held_out = [row for row in common[SIZES["train"] :] if covered(row, counts, splits.KNOWN)]
    valid, rest = held_out[: SIZES["valid"]], held_out[SIZES["valid"] :]
    compositional = [row for row in rare if covered(row, counts, splits.LEARNABLE)]
    return {
        "train": train,
        "valid": valid,
        "random": rest[: SIZES["random"]],
        "compositional": compositional[:COMPOSITIONAL],
    }


def covered(row: Row, counts: Counter[str], least: int) -> bool:
    return all(counts[token] >= least for text in row for token in splits.tokens(text))


if __name__ == "__main__":
    for split, rows in generate(random.Random(SEED)).items():
        write_pairs(FOLDER / "eng-fra" / f"{split}.tsv", rows)
