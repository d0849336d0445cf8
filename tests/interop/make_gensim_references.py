"""Record files of gensim and what it finds in them, for test_word2vec.py to compare with.

gensim is no dependency, so its files are kept beside this script, in gensim_references/, with the version that wrote
them and its answers in answers.json. To make them anew, in an environment with gensim:

    python tests/interop/make_gensim_references.py
"""

import json
from pathlib import Path

import gensim
import numpy as np
from gensim.models import KeyedVectors

FOLDER = Path(__file__).with_name("gensim_references")
WORDS = [
    "tea",
    "milk",
    "café",
    "don't",
    "naïve",
    "日本",
    "10\u00a0km",
    "</s>",
    "-",
    "3",
    "straße",
    "New_York",
    "ω",
    "😀",
]
ANALOGIES = [("tea", "milk", "café"), ("日本", "ω", "3"), ("-", "</s>", "😀")]
SIZE = 6


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(len(WORDS), SIZE)).astype(np.float32)
    vectors[0, 0] = 1e-20  # written with an exponent
    vectors[1, 2] = -0.0
    made = KeyedVectors(SIZE)
    made.add_vectors(WORDS, vectors)
    made.save_word2vec_format(str(FOLDER / "vectors.txt"), binary=False)
    made.save_word2vec_format(str(FOLDER / "vectors.bin"), binary=True)
    made.save_word2vec_format(str(FOLDER / "no_header.txt"), binary=False, write_header=False)
    found = KeyedVectors.load_word2vec_format(str(FOLDER / "vectors.bin"), binary=True)
    answers = {
        "gensim": gensim.__version__,
        "numpy": np.__version__,
        "words": found.index_to_key,
        "vectors": found.vectors.tolist(),
        "nearest": {word: found.most_similar(word, topn=5) for word in WORDS},
        "analogies": [
            [question, found.most_similar(positive=question[1:], negative=question[:1], topn=5)]
            for question in ANALOGIES
        ],
    }
    (FOLDER / "answers.json").write_text(json.dumps(answers, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
