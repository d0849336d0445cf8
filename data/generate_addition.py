"""Sums of two numbers, character by character: `python data/generate_addition.py` writes data/addition/*.tsv."""

import random
from pathlib import Path

from pairs import Pair, write_pairs

FOLDER = Path(__file__).parent / "addition"
SIZES = {"train": 45_000, "test": 5_000}
SEED = 1


def number(rng: random.Random) -> int:
    """One to three digits, each length as likely, so that short numbers are seen as often as long ones."""
    digits = 1 + int(3 * rng.random())
    return int(10**digits * rng.random())


def generate(rng: random.Random) -> dict[str, list[Pair]]:
    """Distinct sums. Each pair of numbers comes once, in one order: 3+5 in one split means no 5+3 anywhere."""
    seen: set[tuple[int, int]] = set()
    pairs: list[Pair] = []
    while len(pairs) < sum(SIZES.values()):
        a, b = number(rng), number(rng)
        key = (min(a, b), max(a, b))
        if key not in seen:
            seen.add(key)
            pairs.append((f"{a}+{b}", str(a + b)))
    # Small sums run out first, so the order in which they were found says how rare they are: shuffle before splitting.
    # (`random` is the method whose numbers Python promises to keep.)
    pairs.sort(key=lambda _: rng.random())
    return {"train": pairs[: SIZES["train"]], "test": pairs[SIZES["train"] :]}


if __name__ == "__main__":
    for split, pairs in generate(random.Random(SEED)).items():
        write_pairs(FOLDER / f"{split}.tsv", pairs)
