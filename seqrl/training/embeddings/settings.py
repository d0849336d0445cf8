"""The settings of a run of word embeddings, with their defaults; the comments are the help of the script."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from seqrl.errors import InputError, choose
from seqrl.models.word2vec import ARCHITECTURES, OBJECTIVES, Word2VecConfig
from seqrl.text.words import SPLITTINGS
from seqrl.training.settings import check_counts, check_positive, check_seed

LEARNING_RATES = {
    ("skip-gram", "negative-sampling"): 0.025,
    ("skip-gram", "hierarchical-softmax"): 0.025,
    ("cbow", "negative-sampling"): 0.05,
    ("cbow", "hierarchical-softmax"): 0.025,
}
CACHE = "corpora"


@dataclass(frozen=True)
class EmbeddingSettings:
    """What to train on, the model, and how it is trained."""

    corpus: tuple[str, ...] = ()
    """Text files in UTF-8, plain or gzipped, a sentence on each line; or data files of WordNet, whose glosses are read.
    Without any, the documentation of Python and NumPy."""
    splitting: str = "words"
    """words, in lower case and without punctuation, or whitespace, the tokens as the files have them."""
    min_count: int = 5
    """Words that occur more rarely are left out, as if the text did not have them."""
    max_vocabulary: int | None = None
    """Most words, the most frequent (default: all that occur often enough)."""
    architecture: str = "skip-gram"
    """skip-gram, which predicts the words around a word from it, or cbow, a word from those around it."""
    objective: str = "negative-sampling"
    """negative-sampling or hierarchical-softmax."""
    size: int = 100
    """Numbers in a vector."""
    window: int = 5
    """Most words to either side that are predicted or predict; how many is drawn anew for each word."""
    negatives: int = 5
    """Words drawn at random to tell from the right one, in negative sampling."""
    subsampling: float = 1e-3
    """Words with a larger share of the text than this are skipped at random, the more often the larger it is; 0: none.
    """
    epochs: int = 5
    """Passes over the text."""
    learning_rate: float | None = None
    """At the start; it falls linearly to a ten-thousandth (default: 0.025, and 0.05 for cbow with negatives)."""
    threads: int | None = None
    """Threads that learn at once, without locks; only one alone repeats to the last bit (default: 2, and 1 for
    hierarchical softmax, whose threads would wait for each other's rows near the root of the tree)."""
    max_minutes: float | None = None
    """Stop training after so many minutes."""
    seed: int = 0
    """Of everything random: first vectors, windows, negatives, subsampling."""
    cache: str | None = None
    """Folder for the text as a file of word ids, which later runs use again (default: corpora, beside the run)."""

    def check(self) -> None:
        """Raise InputError for a value that is none of the known ones, or out of range."""
        choose("--splitting", self.splitting, SPLITTINGS)
        choose("--architecture", self.architecture, ARCHITECTURES)
        choose("--objective", self.objective, dict.fromkeys(OBJECTIVES))
        check_counts(self, "min_count", "max_vocabulary", "size", "window", "negatives", "epochs", "threads")
        if not 0 <= self.subsampling <= 1:
            raise InputError(f"--subsampling is {self.subsampling}; expected 0 (none) to 1, such as 0.001")
        check_positive(self, "learning_rate", "max_minutes")
        check_seed(self)

    @property
    def workers(self) -> int:
        return self.threads or {"negative-sampling": 2, "hierarchical-softmax": 1}[self.objective]

    @property
    def start_rate(self) -> float:
        return self.learning_rate or LEARNING_RATES[self.architecture, self.objective]

    def model(self) -> Word2VecConfig:
        return Word2VecConfig(
            architecture=self.architecture,
            objective=self.objective,
            size=self.size,
            window=self.window,
            negatives=self.negatives,
            subsampling=self.subsampling,
        )

    def cache_folder(self, run: Path) -> Path:
        return run.parent / CACHE if self.cache is None else Path(self.cache)
