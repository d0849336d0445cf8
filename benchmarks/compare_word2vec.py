"""Word embeddings beside gensim: speed, memory, how well the cosines follow people's judgements; and longer texts.

    python benchmarks/compare_word2vec.py [--rounds N] [--gensim-python PATH] [--wordnet FOLDER]

Each measurement is a process of its own, the two sides in turn; the figures are medians over the rounds, correlations
means over as many seeds. gensim is fed in each of its ways first, and from then on in the way that was fastest in that
mode. seqrl learns at its own default rates, gensim at those of the original program. Of gensim's correlations the
highest counts: that of the fastest way; that of a list of sentences, since `corpus_file` reads some words twice and
others not at all; and, of CBOW, that of gensim's default rate. Prints Markdown tables, in brackets what is gensim's.
Exit status 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median, stdev

import machine
from comparing import Result, Row, gensim_python, in_turn, ratio, table, versions
from word2vec_workload import MODES

WORDNET = Path("/usr/share/wordnet")
ROUNDS = 5
EPOCHS = 20
SEEDS = 3  # of what gensim does for the correlation alone
GENSIM_RATE = "0.025"  # its default, in all modes; the original program has 0.05 for CBOW
LEAST = {  # times as fast as gensim
    "skip-gram/negative-sampling": 3.0,
    "cbow/negative-sampling": 2.0,
    "skip-gram/hierarchical-softmax": 1.5,
    "cbow/hierarchical-softmax": 1.5,
}
BELOW = 0.01  # gensim's correlation, at most

FEEDINGS = {"file": "corpus_file", "list": "a list of sentences", "lines": "LineSentence"}
FROM_DISK = "file", "lines"
TRIAL_EPOCHS = 5
TRIALS = 2

SLICES = 1, 2, 4, 8
SLICE = 8  # times the glosses, so that all words are frequent enough and the vocabulary is that of all slices
GROWTH = 1.1  # of the seconds a word and of the memory, from the shortest to the longest

OURS, PEER = "word2vec.py", "word2vec_gensim.py"


def trials(python: str | Path, mode: str, corpus: Path) -> dict[str, list[Result]]:
    """gensim's results in each of its ways to be fed."""
    sides = [(python, PEER, mode, corpus, str(TRIAL_EPOCHS), "1", "--feeding", feeding) for feeding in FEEDINGS]
    return dict(zip(FEEDINGS, in_turn(sides, TRIALS), strict=True))


def speed(results: Sequence[Result]) -> float:
    return median(result["words_per_second"] for result in results)


def compare(python: str | Path, mode: str, corpus: Path, pairs: Path, rounds: int) -> tuple[list[Row], list[Result]]:
    """The rows of a mode on a corpus, and a result of each side."""
    fed = trials(python, mode, corpus)
    fastest = max(fed, key=lambda feeding: speed(fed[feeding]))
    from_disk = [result for feeding in FROM_DISK for result in fed[feeding]]
    leanest = min(from_disk, key=lambda result: result["peak_megabytes"])

    variants = {FEEDINGS[fastest]: ("--feeding", fastest), FEEDINGS["list"]: ("--feeding", "list")}
    if mode.startswith("cbow"):
        variants["a list of sentences, its default rate"] = "--feeding", "list", "--learning-rate", GENSIM_RATE
    ours: list[Result] = []
    peer: dict[str, list[Result]] = {name: [] for name in variants}
    for seed in range(1, rounds + 1):
        names = [name for name in variants if name == FEEDINGS[fastest] or seed <= SEEDS]
        work = mode, corpus, str(EPOCHS), str(seed), "--pairs", pairs
        [own], *others = in_turn(
            [(sys.executable, OURS, *work), *((python, PEER, *work, *variants[n]) for n in names)], 1
        )
        ours.append(own)
        for name, [other] in zip(names, others, strict=True):
            peer[name].append(other)

    judged = {name: [result["spearman"] for result in results] for name, results in peer.items()}
    scores, best = [result["spearman"] for result in ours], max(judged, key=lambda name: mean(judged[name]))
    apart = mean(scores) - mean(judged[best])
    what, timed = MODES[mode], peer[FEEDINGS[fastest]]
    rows = [
        ratio(f"{what}: words/s ({FEEDINGS[fastest]})", "words_per_second", ours, timed, least=LEAST[mode]),
        Row(
            f"{what}: WordSim353, Spearman ({best})",
            *(f"{mean(side):.3f} ± {stdev(side) if len(side) > 1 else 0:.3f}" for side in (scores, judged[best])),
            f"{apart:+.3f}",
            f"≥ -{BELOW:g}",
            apart >= -BELOW,
        ),
        ratio(f"{what}: peak memory from the file, MB", "peak_megabytes", ours, [leanest] * rounds, most=1.0),
    ]
    return rows, [ours[0], timed[0]]


def grow(corpus: Path, folder: Path) -> bool:
    """Print what longer and longer texts of the same words take; whether a word costs the same in all."""
    print("\n| text | words | training, seconds a million words | before it | peak memory, MB |")
    print("|---|---:|---:|---:|---:|")
    glosses, path = corpus.read_bytes(), folder / "slice.txt"
    costs, peaks = [], []
    for times in SLICES:
        with open(path, "wb") as file:
            for _ in range(times * SLICE):
                file.write(glosses)
        result = machine.measure(sys.executable, OURS, "skip-gram/negative-sampling", path, "1", "1")
        size, millions = path.stat().st_size / 1e6, result["words"] / 1e6
        costs.append(result["seconds"] / millions)
        peaks.append(result["peak_megabytes"])
        before = result["preparing_seconds"] / millions
        figures = f"{costs[-1]:.3f} | {before:.3f} | {peaks[-1]:.0f}"
        print(f"| {size:.0f} MB | {millions:.1f} million | {figures} |", flush=True)
    path.unlink()
    reached = max(costs[-1] / costs[0], peaks[-1] / peaks[0]) <= GROWTH
    print(
        f"\nThe longest beside the shortest: {costs[-1] / costs[0]:.2f}x the time a word, "
        f"{peaks[-1] / peaks[0]:.2f}x the memory (target: ≤ {GROWTH:g}x, {'reached' if reached else 'MISSED'})."
    )
    return reached


def main() -> int:
    parser = argparse.ArgumentParser(description="Word embeddings beside gensim.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"of both sides in turn (default: {ROUNDS})")
    parser.add_argument("--gensim-python", help="a Python with gensim (default: an environment made for it)")
    parser.add_argument("--wordnet", type=Path, default=WORDNET, help=f"WordNet's data files (default: {WORDNET})")
    parser.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES), help="(default: all)")
    options = parser.parse_args()
    if not (options.wordnet / "data.noun").exists():
        parser.error(f"{options.wordnet} has no data.noun; expected WordNet's data files, as in Debian's wordnet-base")
    machine.two_cores()
    python = gensim_python(options.gensim_python)
    reached = True
    with machine.watched(), tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        wordnet, wikipedia, pairs = (folder / name for name in ("wordnet.txt", "wikipedia.txt", "wordsim353.tsv"))
        machine.run(python, "prepare_word2vec.py", "wordnet", options.wordnet, wordnet)
        machine.run(python, "prepare_word2vec.py", "wikipedia", wikipedia)
        machine.run(python, "prepare_word2vec.py", "wordsim353", pairs)
        for mode in options.modes:
            machine.measure(sys.executable, OURS, mode, wikipedia, "1", "1")  # compiles the kernels, once for all runs
        for title, corpus in {"Glosses of WordNet": wordnet, "Slice of the English Wikipedia": wikipedia}.items():
            rows: list[Row] = []
            results: list[Result] = []
            for mode in options.modes:
                more, results = compare(python, mode, corpus, pairs, options.rounds)
                rows += more
            ours, peer = results
            print(f"\n### {title}\n")
            reached &= table(rows, "gensim")
            print(
                f"\n{ours['words'] // EPOCHS:,} words, {ours['vocabulary']:,} in the vocabulary, {EPOCHS} epochs; "
                f"{ours['pairs']} pairs of WordSim353. Before training: seqrl {ours['preparing_seconds']:.1f} s, "
                f"gensim {peer['preparing_seconds']:.1f} s.",
                flush=True,
            )
        print("\n### Longer and longer texts, seqrl, skip-gram with negative sampling")
        reached &= grow(wordnet, folder)
        print(
            f"\nDimension 100, window 5, 5 negatives, subsampling 1e-3, minimum count 5; 2 threads, of seqrl 1 with "
            f"hierarchical softmax; medians of {options.rounds} rounds, in brackets the range of their ratios; "
            f"correlations: mean and standard deviation of {options.rounds} seeds. "
            f"{versions(ours['versions'], peer['versions'])}"
        )
    return int(not reached)


if __name__ == "__main__":
    sys.exit(main())
