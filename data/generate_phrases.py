"""English to French and to Japanese: `python data/generate_phrases.py` writes data/phrases/eng-*/*.tsv.

It also writes data/phrases/combinations.tsv: the verbs and adjectives, each with a noun, that occur together in
compositional.tsv only.
"""

import random
from pathlib import Path

from pairs import write_pairs
from phrases.splits import generate

FOLDER = Path(__file__).parent / "phrases"
SEED = 3

if __name__ == "__main__":
    splits, combinations = generate(random.Random(SEED))
    write_pairs(FOLDER / "combinations.tsv", combinations)
    for split, sentences in splits.items():
        write_pairs(FOLDER / "eng-fra" / f"{split}.tsv", [(s.english, s.french) for s in sentences])
        write_pairs(FOLDER / "eng-jpn" / f"{split}.tsv", [(s.english, s.japanese) for s in sentences])
