"""Writes a corpus for the benchmark of word embeddings: a sentence a line, words in lower case between spaces.

    python benchmarks/prepare_word2vec.py wordnet FOLDER FILE
    python benchmarks/prepare_word2vec.py wikipedia FILE
    python benchmarks/prepare_word2vec.py wordsim353 FILE

`wordnet`: the glosses (definitions and examples) of the WordNet data files in a folder, a gloss a line. `wikipedia`:
the slice of the English Wikipedia that gensim ships for its tests, as gensim's WikiCorpus reads it; an article a line,
cut after 10,000 words, because gensim looks at no more of a line. `wordsim353`: judged pairs that gensim ships. The
last two need gensim.
"""

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

WORDNET = "data.noun", "data.verb", "data.adj", "data.adv"
WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
WIKIPEDIA = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
LONGEST = 10_000  # words


def glosses(folder: Path) -> Iterator[list[str]]:
    for name in WORDNET:
        with open(folder / name, encoding="utf-8") as file:
            for line in file:
                if not line.startswith("  "):  # the licence does
                    yield WORD.findall(line.partition(" | ")[2].lower())


def articles() -> Iterator[list[str]]:
    from gensim.corpora.wikicorpus import WikiCorpus

    for words in WikiCorpus(shipped(WIKIPEDIA), processes=1, dictionary={}).get_texts():
        for start in range(0, len(words), LONGEST):
            yield words[start : start + LONGEST]


def shipped(name: str) -> str:
    from gensim.test.utils import datapath

    return str(datapath(name))


def main() -> None:
    match sys.argv[1:]:
        case ["wordnet", folder, path]:
            sentences = glosses(Path(folder))
        case ["wikipedia", path]:
            sentences = articles()
        case ["wordsim353", path]:
            shutil.copyfile(shipped("wordsim353.tsv"), path)
            return
        case _:
            sys.exit(f"usage: {sys.argv[0]} wordnet FOLDER FILE | wikipedia FILE | wordsim353 FILE")
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(" ".join(words) + "\n" for words in sentences if words)


if __name__ == "__main__":
    main()
