"""Record how gensim evaluates a small set of vectors, for test_word_evaluation.py to compare with.

gensim is no dependency, so its numbers are kept beside this script, in word_evaluation_references.json, with the files
that it read and the versions that made them. To make them anew, in an environment with gensim:

    python tests/text/make_word_evaluation_references.py

Vectors of a word's two forms differ by much the same, so that some analogies come out right and some wrong. Words come
in several spellings, judged scores are tied, and some words are unknown or beyond the restriction.
"""

import json
import tempfile
from pathlib import Path

import gensim
import numpy as np
import scipy
from gensim.models import KeyedVectors

TARGET = Path(__file__).parent / "word_evaluation_references.json"
STEMS, D = 30, 8
RESTRICTIONS = [20, 45, 300_000]


def word2vec_file(rng: np.random.Generator) -> str:
    stems, plural = rng.normal(size=(STEMS, D)), rng.normal(size=D)
    words = {}
    for i in rng.permutation(STEMS):
        words[f"stem{i}"] = stems[i]
        words[f"stem{i}s"] = stems[i] + plural + rng.normal(scale=0.5, size=D)
    for i in 3, 11, 20:  # other spellings, near and far from the first
        words[f"Stem{i}"] = stems[i] + rng.normal(scale=0.2, size=D)
        words[f"STEM{i}S"] = rng.normal(size=D)
    lines = (f"{word} {' '.join(f'{number:.3f}' for number in vector)}\n" for word, vector in words.items())
    return f"{len(words)} {D}\n" + "".join(lines)


def some_word(rng: np.random.Generator) -> str:
    word = f"stem{rng.integers(STEMS + 3)}{rng.choice(['', 's'])}"
    return [word, word.title(), word.upper()][rng.integers(3)]


def pairs_file(rng: np.random.Generator) -> str:
    return "# pairs\n" + "".join(f"{some_word(rng)}\t{some_word(rng)}\t{rng.integers(21) / 2}\n" for _ in range(80))


def analogies_file(rng: np.random.Generator) -> str:
    lines = []
    for name in "plural", "singular":
        lines.append(f": {name}")
        for _ in range(60):
            forms = [(f"stem{i}", f"stem{i}s") for i in rng.integers(STEMS + 1, size=2)]
            a, b, c, d = [word for form in forms for word in (form if name == "plural" else form[::-1])]
            lines.append(f"{a} {b.title()} {c} {d}")
    return "\n".join(lines) + "\n"


def main() -> None:
    rng = np.random.default_rng(20)
    files = {"vectors": word2vec_file(rng), "pairs": pairs_file(rng), "analogies": analogies_file(rng)}
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / f"{name}.txt" for name in files}
        for name, content in files.items():
            paths[name].write_text(content)
        vectors = KeyedVectors.load_word2vec_format(paths["vectors"])
        for restrict in RESTRICTIONS:
            restrict = min(restrict, len(vectors))
            pearson, spearman, unknown = vectors.evaluate_word_pairs(paths["pairs"], restrict_vocab=restrict)
            _, sections = vectors.evaluate_word_analogies(paths["analogies"], restrict_vocab=restrict)
            results[restrict] = {
                "pearson": float(pearson[0]),
                "spearman": float(spearman[0]),
                "unknown": unknown / 100,
                "sections": {
                    section["section"]: [len(section["correct"]), len(section["correct"]) + len(section["incorrect"])]
                    for section in sections
                },
            }
    versions = {"gensim": gensim.__version__, "scipy": scipy.__version__, "numpy": np.__version__}
    TARGET.write_text(json.dumps({"versions": versions, **files, "results": results}, indent=1) + "\n")
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
