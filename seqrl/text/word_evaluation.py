"""How good word embeddings are: judged similarities, analogies, and groups of words that belong together.

Three kinds of files, plain or gzipped, UTF-8, told apart by their first line that is neither empty nor a comment ('#'):

    tiger<TAB>cat<TAB>7.35                similarities: WordSim353, SimLex-999 and the like, with tabs or commas
    : capital-common-countries            analogies in sections, four words a line
    colours: red green blue               groups, each in a line

Words are looked up without regard to case, in the files and in the vocabulary alike; where a vocabulary has a word in
several spellings, the first one counts (the most frequent, where it is sorted so). What has a word that the vocabulary
has not is skipped, and counted as skipped. gensim does the same, and the numbers are equal to its own.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seqrl.errors import InputError
from seqrl.parameter import Integers
from seqrl.text.embeddings import Embeddings
from seqrl.text.lines import numbered_lines

ANALOGY_WORDS = 30_000  # the vocabulary of analogies, as in the script that came with the first word2vec
BLOCK = 1 << 22  # numbers of a matrix of similarities that is made at once, 16 MB

SIMILARITIES = "'word<TAB>word<TAB>number' (or with commas)"
ANALOGIES = "': name' of a section of analogies"
GROUPS = "'name: words' of a group"

Reals = npt.NDArray[np.float64]


class Pair(NamedTuple):
    first: str
    second: str
    score: float


Question = tuple[str, str, str, str]


def read_similarities(path: str | Path) -> list[Pair]:
    """Pairs of words with a judged similarity, separated by tabs, or else by commas.

    The score is the first number after the two words, in the same column on every line: the third in WordSim353 and in
    gensim's reduced files, the fourth in SimLex-999's own. A header begins with 'Word 1' or 'word1'.
    Raises InputError with file and line for anything else, and for a file without pairs.
    """
    pairs: list[Pair] = []
    column = 0
    for first, (number, line) in enumerate(_content(path)):
        cells = _cells(line)
        if not first and re.fullmatch(r"word[ _]?1", cells[0], re.IGNORECASE):
            continue
        column = column or next((i for i, cell in enumerate(cells) if i > 1 and _is_number(cell)), 2)
        if len(cells) <= column or not (cells[0] and cells[1] and _is_number(cells[column])):
            what = SIMILARITIES if column == 2 else f"two words, and a number in column {column + 1}"
            raise InputError(f"{path}:{number}: expected {what}, found {_shown(line)}")
        pairs.append(Pair(cells[0], cells[1], float(cells[column])))
    if not pairs:
        raise InputError(f"{path}: no pairs in it; expected lines {SIMILARITIES}")
    return pairs


def read_analogies(path: str | Path) -> dict[str, list[Question]]:
    """The questions (a, b, c, d) of each section: a is to b as c is to d.

    Raises InputError with file and line for a line that is neither ': name' nor four words, for a question before the
    first section, and for a file without questions.
    """
    sections: dict[str, list[Question]] = {}
    questions: list[Question] | None = None
    for number, line in _content(path):
        words = line.split()
        if line.startswith(":") and line[1:].strip():
            questions = sections.setdefault(line[1:].strip(), [])
        elif len(words) != 4 or line.startswith(":"):
            raise InputError(f"{path}:{number}: expected four words or {ANALOGIES}, found {_shown(line)}")
        elif questions is None:
            raise InputError(f"{path}:{number}: a question before the first section; expected {ANALOGIES}")
        else:
            a, b, c, d = words
            questions.append((a, b, c, d))
    if not any(sections.values()):
        raise InputError(f"{path}: no questions in it; expected lines of four words")
    return sections


def read_groups(path: str | Path) -> dict[str, list[str]]:
    """Groups of words that belong together, as in data/words/groups.txt.

    Raises InputError with file and line for a line that is not 'name: words', a group of less than two words, a name or
    a word that comes twice, and for less than two groups.
    """
    groups: dict[str, list[str]] = {}
    place: dict[str, int] = {}
    for number, line in _content(path):
        name, colon, rest = line.partition(":")
        name, words = name.strip(), rest.split()
        if not (name and colon and len(words) > 1):
            raise InputError(f"{path}:{number}: expected {GROUPS}, two or more of them, found {_shown(line)}")
        if name in groups:
            raise InputError(f"{path}:{number}: a second group '{name}'; expected each once")
        for word in words:
            if place.setdefault(word.upper(), number) != number or words.count(word) > 1:
                where = place[word.upper()]
                raise InputError(f"{path}:{number}: '{word}' is in line {where} already; expected each word once")
        groups[name] = words
    if len(groups) < 2:
        raise InputError(f"{path}: {len(groups)} groups in it; expected two or more lines {GROUPS}")
    return groups


@dataclass(frozen=True)
class Restriction:
    """The part of a vocabulary that is asked: its first `words` of `vocabulary`."""

    words: int
    vocabulary: int

    def __str__(self) -> str:
        part = f"the first {self.words:,} of" if self.words < self.vocabulary else "all"
        return f"{part} {self.vocabulary:,} words, case ignored"


@dataclass(frozen=True)
class SimilarityResult:
    """Correlations, -1 to 1, of cosine similarities with judged ones; nan where either side is all equal."""

    spearman: float
    pearson: float
    asked: int
    skipped: int
    restriction: Restriction

    @property
    def coverage(self) -> float:
        """The share of the pairs both words of which are known."""
        return self.asked / (self.asked + self.skipped)

    def __str__(self) -> str:
        return _table(
            [
                ("Spearman", _correlation(self.spearman)),
                ("Pearson", _correlation(self.pearson)),
                ("pairs", _coverage(self.asked, self.skipped)),
                ("vocabulary", str(self.restriction)),
            ]
        )


class Section(NamedTuple):
    """Of analogies: how many questions were answered rightly, how many asked, and how many skipped."""

    right: int
    asked: int
    skipped: int

    @property
    def accuracy(self) -> float:
        return self.right / self.asked if self.asked else math.nan


@dataclass(frozen=True)
class AnalogyResult:
    sections: dict[str, Section]
    restriction: Restriction

    @property
    def total(self) -> Section:
        return Section(*(sum(numbers) for numbers in zip(*self.sections.values(), strict=True)))

    @property
    def accuracy(self) -> float:
        """The share of the questions asked that were answered rightly; nan where none was asked."""
        return self.total.accuracy

    def __str__(self) -> str:
        rows = [("section", "right", "of", "", "skipped")]
        for name, section in [*self.sections.items(), ("all", self.total)]:
            numbers = (f"{number:,}" for number in section)
            right, asked, skipped = numbers
            rows.append((name, right, asked, _percent(section.accuracy), skipped))
        return f"{_table(rows, right_aligned=True)}\nvocabulary: {self.restriction}"


@dataclass(frozen=True)
class GroupResult:
    """How often the odd one out is found: the word of three that is of another group than the other two."""

    right: float
    groups: dict[str, float]
    words: int
    skipped: tuple[str, ...]
    restriction: Restriction

    CHANCE = 1 / 3

    def __str__(self) -> str:
        rows = [("group", "odd one out found")]
        rows += [(name, _percent(right)) for name, right in self.groups.items()]
        rows += [("all", _percent(self.right)), ("by chance", _percent(self.CHANCE))]
        known = _coverage(self.words, len(self.skipped))
        missing = f"unknown: {' '.join(self.skipped)}\n" if self.skipped else ""
        return f"{_table(rows, right_aligned=True)}\nwords: {known}\n{missing}vocabulary: {self.restriction}"


Result = SimilarityResult | AnalogyResult | GroupResult


def evaluate(embeddings: Embeddings, path: str | Path, restrict: int | None = None) -> Result:
    """Evaluate by a file of any of the three kinds, among the first `restrict` words of the vocabulary.

    Without `restrict` it is the whole vocabulary, or its first 30,000 words for analogies.
    Raises InputError that says file, line and what was expected when the file is of no kind.
    """
    number, line = next(_content(path), (0, ""))
    if line.startswith(":"):
        return evaluate_analogies(embeddings, read_analogies(path), ANALOGY_WORDS if restrict is None else restrict)
    if re.match(r"[^:\t,]+:\s", line):
        return evaluate_groups(embeddings, read_groups(path), restrict)
    if "\t" in line or "," in line:
        return evaluate_similarities(embeddings, read_similarities(path), restrict)
    found = f":{number}: expected {SIMILARITIES}, {ANALOGIES}, or {GROUPS}; found {_shown(line)}"
    raise InputError(f"{path}{found}" if line else f"{path}: nothing but comments and empty lines in it")


def evaluate_similarities(
    embeddings: Embeddings, pairs: Sequence[Pair], restrict: int | None = None
) -> SimilarityResult:
    """Correlate the cosine similarities of pairs of words with judged ones."""
    rows, restriction = _known(embeddings, restrict)
    known = [pair for pair in pairs if pair.first.upper() in rows and pair.second.upper() in rows]
    first = _unit(embeddings, [rows[pair.first.upper()] for pair in known])
    second = _unit(embeddings, [rows[pair.second.upper()] for pair in known])
    similarity = np.einsum("nd,nd->n", first, second)
    judged = np.array([pair.score for pair in known])
    return SimilarityResult(
        spearman(judged, similarity), pearson(judged, similarity), len(known), len(pairs) - len(known), restriction
    )


def evaluate_analogies(
    embeddings: Embeddings, sections: dict[str, list[Question]], restrict: int | None = ANALOGY_WORDS
) -> AnalogyResult:
    """Answer each question (a, b, c, d) with the word nearest to b - a + c, all of unit length, other than a, b and c.

    The answer is right if it is d. https://arxiv.org/abs/1301.3781 (Mikolov et al. 2013, section 4)
    """
    rows, restriction = _known(embeddings, restrict)
    questions, counts = [], []
    for asked in sections.values():
        known = [found for question in asked if None not in (found := [rows.get(word.upper()) for word in question])]
        questions += known
        counts.append(len(known))
    right = _answered(embeddings, np.array(questions, np.int64).reshape(-1, 4), rows, restriction.words)
    by_section = np.split(right, np.cumsum(counts)[:-1])
    return AnalogyResult(
        {
            name: Section(int(answers.sum()), len(answers), len(asked) - len(answers))
            for (name, asked), answers in zip(sections.items(), by_section, strict=True)
        },
        restriction,
    )


def evaluate_groups(embeddings: Embeddings, groups: dict[str, list[str]], restrict: int | None = None) -> GroupResult:
    """Find the odd one out of every three words of which exactly two are of one group.

    It is the one that is not of the pair with the largest cosine similarity; where pairs are equally similar, each
    counts in part. By chance, and by vectors that are all the same, it is found in one case of three. A share is that
    of all threes; nan for a group of which less than two words are known.
    """
    rows, restriction = _known(embeddings, restrict)
    known = {name: [rows[word.upper()] for word in words if word.upper() in rows] for name, words in groups.items()}
    vectors = _unit(embeddings, [row for found in known.values() for row in found])
    # Rounded, since the same product may differ in its last bits by where it stands in the matrix.
    similarity = np.round(vectors @ vectors.T, 9)
    group = np.repeat(np.arange(len(known)), [len(found) for found in known.values()])
    found_out = {name: _odd_ones_found(similarity, group == i) for i, name in enumerate(known)}
    everything = np.concatenate(list(found_out.values()))
    skipped = tuple(word for words in groups.values() for word in words if word.upper() not in rows)
    shares = {name: _mean(shares) for name, shares in found_out.items()}
    return GroupResult(_mean(everything), shares, len(vectors), skipped, restriction)


def pearson(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """The correlation of two samples (N,); nan where one is all equal, or has less than two numbers."""
    a, b = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if a.size < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    a, b = a - a.mean(), b - b.mean()
    return float(np.clip((a / np.linalg.norm(a)) @ (b / np.linalg.norm(b)), -1, 1))


def spearman(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """The correlation of the ranks of two samples (N,), of which equal numbers share the mean; nan as for `pearson`."""
    return pearson(_ranks(np.asarray(x)), _ranks(np.asarray(y)))


def _ranks(sample: npt.NDArray[np.generic]) -> Reals:
    _, place, count = np.unique(sample, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]


def _known(embeddings: Embeddings, restrict: int | None) -> tuple[dict[str, int], Restriction]:
    """The row of each word in upper case, of its first spelling, among the first `restrict` words."""
    if restrict is not None and restrict < 1:
        raise InputError(f"the vocabulary is restricted to {restrict} words; expected 1 or more")
    words = embeddings.words[:restrict]
    rows = {words[row].upper(): row for row in reversed(range(len(words)))}
    return rows, Restriction(len(words), len(embeddings))


def _unit(embeddings: Embeddings, rows: Sequence[int]) -> Reals:
    vectors = embeddings.vectors[np.array(rows, np.int64)].astype(np.float64)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(norms > 0, norms, 1)


def _answered(embeddings: Embeddings, questions: Integers, rows: dict[str, int], restrict: int) -> npt.NDArray[np.bool]:
    """Whether each question (Q, 4) of rows is answered rightly."""
    vectors = embeddings.vectors[:restrict]
    lengths = np.sqrt(np.einsum("vd,vd->v", vectors, vectors, dtype=np.float64))
    unit = vectors / np.where(lengths > 0, lengths, 1).astype(np.float32)[:, None]
    word_of = np.array([rows[word.upper()] for word in embeddings.words[:restrict]])  # the first spelling of each
    spellings: dict[int, list[int]] = {}
    for row, first in enumerate(word_of):
        spellings.setdefault(int(first), []).append(row)
    right = np.zeros(len(questions), bool)
    for start in range(0, len(questions), step := max(BLOCK // restrict, 1)):
        a, b, c, d = questions[start : start + step].T
        similarity = (unit[b] - unit[a] + unit[c]) @ unit.T
        for line, asked in enumerate(zip(a, b, c, strict=True)):
            for word in asked:
                similarity[line, spellings[int(word)]] = -np.inf
        answer = similarity.argmax(axis=1)
        right[start : start + step] = (word_of[answer] == d) & np.isfinite(similarity.max(axis=1))
    return right


def _odd_ones_found(similarity: Reals, inside: npt.NDArray[np.bool]) -> Reals:
    """1 for each pair from inside with each word from outside if the pair is nearest, a part of it where others tie."""
    across = similarity[inside][:, ~inside]
    first, second = np.triu_indices(len(across), k=1)
    threes = np.stack(
        [
            np.broadcast_to(similarity[inside][:, inside][first, second][:, None], across[first].shape),
            across[first],
            across[second],
        ]
    )
    nearest = threes == threes.max(axis=0) if threes.size else np.zeros(threes.shape, bool)
    return (nearest[0] / np.maximum(nearest.sum(axis=0), 1)).ravel()


def _mean(shares: Reals) -> float:
    return float(shares.mean()) if shares.size else math.nan


def _content(path: str | Path) -> Iterator[tuple[int, str]]:
    """The numbered lines that are neither empty nor comments."""
    for number, line in numbered_lines(path):
        if line.strip() and not line.startswith("#"):
            yield number, line


def _cells(line: str) -> list[str]:
    try:
        return [cell.strip() for cell in (line.split("\t") if "\t" in line else next(csv.reader([line])))]
    except csv.Error:  # a cell of more than 131,072 characters
        return [line]


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _shown(line: str) -> str:
    return repr(line if len(line) <= 60 else f"{line[:57]}...")


def _correlation(value: float) -> str:
    return "undefined: there is nothing to compare, or it is all equal" if math.isnan(value) else f"{value:.4f}"


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.1f}%"


def _coverage(asked: int, skipped: int) -> str:
    whole = asked + skipped
    return f"{asked:,} of {whole:,} ({_percent(asked / whole)}), {skipped:,} skipped: not in the vocabulary"


def _table(rows: Sequence[tuple[str, ...]], right_aligned: bool = False) -> str:
    """Columns in line, the first to the left."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        aligned = [cell.rjust(width) if right_aligned else cell for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *aligned]).rstrip())
    return "\n".join(lines)
