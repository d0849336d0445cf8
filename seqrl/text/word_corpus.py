"""A corpus for word embeddings: text of any size that fits a disk, as a memory-mapped file of word ids.

Two passes over the text, a block at a time: the first counts the words, the second writes the ids. Memory is bounded
by the number of different words, whatever the length of the text.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import sys
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain, repeat
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from seqrl import files
from seqrl.errors import InputError, choose
from seqrl.text.blocks import text_blocks
from seqrl.text.documents import documentation
from seqrl.text.lines import opened
from seqrl.text.words import END, SPLITTINGS

MAXIMUM_COUNTED = 5_000_000  # different words
SENTENCE_END = -1
FORMAT = 1  # of the cache; it counts up when the same text comes to give other ids

IDS, VOCABULARY, DESCRIPTION = "ids.int32", "vocabulary.txt", "corpus.json"
DOCUMENTATION = "the documentation of Python"

_DROPPED = -2

Ids = npt.NDArray[np.int32]
Split = Callable[[str], list[str]]


class Vocabulary:
    """Words with their counts (V,), the most frequent first, those with the same count in order. Ids count from 0."""

    def __init__(self, words: Sequence[str], counts: npt.ArrayLike) -> None:
        self.words = words
        self.counts: npt.NDArray[np.int64] = np.asarray(counts, np.int64)

    @functools.cached_property
    def index(self) -> dict[str, int]:
        """The id of each word."""
        return {word: id for id, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)


class WordCorpus(NamedTuple):
    """The ids of a corpus in order, with -1 where a sentence ends."""

    vocabulary: Vocabulary
    ids: Ids  # (words and sentence ends,), a read-only memory map
    words: int  # in ids; the words of the text that are in the vocabulary
    raw_words: int  # of the text
    files: dict[str, str]  # SHA-256 of each file's text, unzipped, by its path as given


class Source(NamedTuple):
    """A text that is read twice."""

    name: str
    file: Path | None  # None: the documentation
    identity: list[str | int]  # of which a part changes when the text does

    def blocks(self, progress: Callable[[int], object]) -> Iterator[str]:
        return iter([_paragraphs()]) if self.file is None else text_blocks(self.name, progress)


def read_word_corpus(
    paths: Sequence[str | Path] = (),
    *,
    cache: str | Path,
    splitting: str = "words",
    min_count: int = 5,
    max_vocabulary: int | None = None,
    verbose: bool = True,
) -> WordCorpus:
    """Read files, plain or gzipped, in UTF-8. Each line is a sentence; without files, each paragraph of the
    documentation that Python brings; of data files of WordNet, each definition and each example.

    splitting: "words", in lower case and without punctuation, or "whitespace", the tokens as the text has them.
    Words that occur fewer than `min_count` times and those beyond the `max_vocabulary` most frequent are dropped, as if
    the text did not have them. Where the text has more than 5 million different words, those that occurred once so far
    are forgotten, the next time those that occurred at most twice, and so on, as word2vec's own program does: counts
    are then too low by what was forgotten, and a rare word may be missed.

    What comes of it is kept in `cache` and read from there as long as files and settings stay the same: paths, sizes
    and times of last change are compared. A copy there that is damaged is made again.

    Raises InputError for a file that is missing, damaged, empty, given twice, no text in UTF-8 or without words, or
    that changes while it is read, and for words that are all too rare.
    """
    choose("splitting", splitting, SPLITTINGS)
    _check_limits(min_count, max_vocabulary)
    sources = _sources(paths)
    settings = [FORMAT, unicodedata.unidata_version, splitting, min_count, max_vocabulary]
    folder = Path(cache) / _fingerprint(settings, sources)
    with _alone_in(folder, verbose):
        corpus = _load(folder, sources)
        if corpus is None:
            _make(folder, sources, SPLITTINGS[splitting], min_count, max_vocabulary, verbose)
            corpus = _load(folder, sources)
    if corpus is None:
        raise InputError(f"{folder}: not what was written there; expected a disk that keeps it")
    return corpus


def _check_limits(min_count: int, max_vocabulary: int | None) -> None:
    if min_count < 1:
        raise InputError(f"the minimum count is {min_count}; expected 1 or more")
    if max_vocabulary is not None and max_vocabulary < 1:
        raise InputError(f"the vocabulary is limited to {max_vocabulary} words; expected 1 or more")


def _sources(paths: Sequence[str | Path]) -> list[Source]:
    sources: dict[Path, Source] = {}
    for path in map(Path, paths):
        if (file := path.resolve()) in sources:
            raise InputError(f"{path}: given twice; expected each file once")
        if not path.is_file():
            if not path.exists() or path.is_dir():
                with opened(path):  # raises, and says what is wrong
                    pass
            raise InputError(f"{path}: can't be read twice, as counting and writing do; expected a file")
        sources[file] = Source(str(path), file, _identity(file))
    return list(sources.values()) or [Source(DOCUMENTATION, None, [sys.version, os.__file__, np.__version__])]


def _identity(file: Path) -> list[str | int]:
    status = file.stat()
    return [str(file), status.st_size, status.st_mtime_ns]


@functools.cache
def _paragraphs() -> str:
    """The documentation, each paragraph a line. To collect it takes seconds, and there are two passes."""
    paragraphs = (paragraph for _, text in documentation() for paragraph in re.split(r"\n\s*\n", text))
    return "".join(paragraph.replace("\n", " ") + "\n" for paragraph in paragraphs)


def _fingerprint(settings: Sequence[object], sources: Iterable[Source]) -> str:
    described = json.dumps([settings, [source.identity for source in sources]])
    return hashlib.sha256(described.encode()).hexdigest()[:32]


@contextmanager
def _alone_in(folder: Path, verbose: bool) -> Iterator[None]:
    """Make the folder if need be, and wait until no other process makes the same corpus."""
    with files.write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # not on Windows
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if verbose:
                print(f"{folder}: waiting for another process, which reads the same corpus", file=sys.stderr)
            fcntl.flock(handle, fcntl.LOCK_EX)
            folder.mkdir(exist_ok=True)  # the other process may have removed it
        yield
    finally:
        os.close(handle)
        with suppress(OSError):  # it is not empty, unless the text was refused
            folder.rmdir()


def _make(
    folder: Path, sources: Sequence[Source], split: Split, min_count: int, max_vocabulary: int | None, verbose: bool
) -> None:
    vocabulary, raw_words, digests = _count(sources, split, min_count, max_vocabulary, verbose)
    words, ids_crc = _write_ids(folder / IDS, sources, split, vocabulary.words, verbose)
    for source in sources:
        if source.file is not None and _identity(source.file) != source.identity:
            raise InputError(f"{source.name}: changed while it was read; expected a file that stays the same")
    listing = "".join(f"{word} {count}\n" for word, count in zip(vocabulary.words, vocabulary.counts, strict=True))
    files.write(folder / VOCABULARY, listing)
    description = {
        "words": words,
        "raw_words": raw_words,
        "sha256": digests,
        "crc32": {IDS: ids_crc, VOCABULARY: zlib.crc32(listing.encode())},
    }
    files.write_json(folder / DESCRIPTION, description)  # last, so that what it describes is whole


def _count(
    sources: Sequence[Source], split: Split, min_count: int, max_vocabulary: int | None, verbose: bool
) -> tuple[Vocabulary, int, list[str]]:
    """The first pass: (vocabulary, number of words, SHA-256 of each text)."""
    counts: Counter[str] = Counter()
    total, forgotten, digests = 0, 0, []
    with _progress_bar(sources, "counting words", verbose) as bar:
        for source in sources:
            sha, before = hashlib.sha256(), total
            for text in source.blocks(bar.update):
                sha.update(text.encode())
                words = split(text)
                counts.update(words)
                total += len(words) - text.count("\n")
                while len(counts) > MAXIMUM_COUNTED:
                    forgotten += 1
                    counts = _without_rare(counts, forgotten)
            if total == before:
                raise InputError(f"{source.name}: no words in it; expected text")
            digests.append(sha.hexdigest())
    del counts[END]
    if forgotten and verbose:
        note = f"those that occurred {forgotten} times or fewer when there were too many are not counted"
        print(f"more than {MAXIMUM_COUNTED:,} different words: {note}", file=sys.stderr)
    return _vocabulary(counts, min_count, max_vocabulary, sources), total, digests


def _vocabulary(
    counts: Mapping[str, int], min_count: int, max_vocabulary: int | None, sources: Sequence[Source]
) -> Vocabulary:
    frequent = sorted(word for word, count in counts.items() if count >= min_count)
    if not frequent:
        word = max(counts, key=counts.__getitem__, default="")
        names = ", ".join(source.name for source in sources)
        limit = f"a minimum count of at most {counts[word]}, that of the most frequent, '{word}'"
        expected = limit if counts else "words that recur"
        raise InputError(f"no word occurs {min_count} times or more in {names}; expected {expected}")
    frequent.sort(key=counts.__getitem__, reverse=True)  # which keeps words of the same count in order
    kept = frequent[:max_vocabulary]
    return Vocabulary(kept, [counts[word] for word in kept])


def _without_rare(counts: Counter[str], rare: int) -> Counter[str]:
    return Counter({word: count for word, count in counts.items() if count > rare})


def _write_ids(
    path: Path, sources: Sequence[Source], split: Split, vocabulary: Sequence[str], verbose: bool
) -> tuple[int, int]:
    """The second pass: writes the ids and returns (number of words among them, CRC-32 of the file)."""
    known = dict(zip(vocabulary, range(len(vocabulary)), strict=True))
    known[END] = SENTENCE_END
    words = crc = 0
    ended = True  # no sentence is empty
    with _progress_bar(sources, "writing ids", verbose) as bar, files.writing(path) as stream:
        for text in chain.from_iterable(chain(source.blocks(bar.update), ["\n"]) for source in sources):
            found = split(text)
            ids = np.fromiter(map(known.get, found, repeat(_DROPPED)), np.int32, len(found))
            ids = _without_empty_sentences(ids[ids != _DROPPED], ended)
            ended = ids[-1] == SENTENCE_END if ids.size else ended
            words += int(np.count_nonzero(ids != SENTENCE_END))
            content = ids.tobytes()
            crc = zlib.crc32(content, crc)
            stream.write(content)
    return words, crc


def _without_empty_sentences(ids: Ids, ended: bool) -> Ids:
    """`ids` without a sentence end behind another; `ended` says whether one stands before them."""
    ends = ids == SENTENCE_END
    after_end = np.empty_like(ends)
    after_end[:1] = ended
    after_end[1:] = ends[:-1]
    return ids[~(ends & after_end)]


def _load(folder: Path, sources: Sequence[Source]) -> WordCorpus | None:
    """What the folder holds, or None where it is not whole."""
    try:
        description = json.loads((folder / DESCRIPTION).read_bytes())
        checksums = description["crc32"]
        if any(_crc(folder / name) != checksums[name] for name in (IDS, VOCABULARY)):
            return None
        listing = (folder / VOCABULARY).read_text(encoding="utf-8")
        words, counts = zip(*(line.split(" ") for line in listing.removesuffix("\n").split("\n")), strict=True)
        return WordCorpus(
            Vocabulary(words, list(map(int, counts))),
            np.memmap(folder / IDS, np.int32, "r"),
            description["words"],
            description["raw_words"],
            dict(zip((source.name for source in sources), description["sha256"], strict=True)),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _crc(path: Path) -> int:
    """CRC-32, at gigabytes a second and without mapping the file, whose pages would count as this process's memory."""
    crc = 0
    with open(path, "rb") as stream:
        while block := stream.read(1 << 16):
            crc = zlib.crc32(block, crc)
    return crc


def _progress_bar(sources: Iterable[Source], what: str, verbose: bool) -> tqdm:
    return tqdm(
        total=sum(source.file.stat().st_size for source in sources if source.file) or None,
        desc=what,
        unit="B",
        unit_scale=True,
        dynamic_ncols=True,
        leave=False,
        delay=1.0,  # seconds; what is short needs none
        mininterval=0.2 if sys.stderr.isatty() else 5.0,  # a log keeps every state of the bar
        disable=not verbose,
    )
