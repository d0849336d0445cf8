"""Word embeddings in the files of word2vec, text and binary, as its own tool and gensim have them; plain or gzipped.

Text: a first line "V D", the number of words and the size of a vector; then a line for each word, which is the word, a
space and D numbers with spaces between. A file that lacks the first line, as GloVe writes them, is read too.

Binary: the same first line; then for each word it in UTF-8, a space and D float32, little-endian. The original tool
ends each with a line end, gensim does not: both are read, the second is written.

Neither has counts of words, or words with a space in them.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NoReturn

import numpy as np

from seqrl import files
from seqrl.errors import InputError, check_sizes
from seqrl.parameter import Array
from seqrl.text.embeddings import Embeddings
from seqrl.text.lines import Stream, opened

BLOCK = 1 << 20  # bytes that are read at once
LONGEST_LINE = 1 << 24  # bytes
LONGEST_WORD = 10_000  # bytes
PICKLE = b"\x80"
NO_WORD = re.compile(r"[\0-\x20\x7f]")  # ASCII's control characters and white space, where other tools end a word


def read_word2vec(path: str | Path, limit: int | None = None, errors: str = "strict") -> Embeddings:
    """The embeddings in a file of text or binary, told apart by what it holds; with a limit only that many, the first.

    The original tool cuts long words, also inside a character: errors="ignore" or "replace" then reads what is left of
    them, as in bytes.decode.
    Raises InputError with the line, or the byte of a binary file (of its content if gzipped), for one that is cut
    short or damaged: a first line of another kind or with another number of words than there are, a vector of another
    size, a word that is repeated or not UTF-8, what is no number, numbers that are not finite.
    """
    if limit is not None:
        check_sizes("read_word2vec", limit=limit)
    with opened(path) as stream:
        first = stream.readline(LONGEST_LINE)
        if not first:
            raise InputError(f"{path}: empty file")
        start = len(first)
        if re.fullmatch(rb"\s*\d{1,18}\s+\d{1,18}\s*", first):
            V, D = map(int, first.split())
            if not V or not D:
                raise InputError(f"{path}:1: {V} words of {D} numbers; expected one or more of each")
            text = _is_text(stream.read(min(20 * D + LONGEST_WORD, LONGEST_LINE)), D)
        elif numbers := _numbers_without_header(first):
            text, start, D = True, 0, numbers
            V = _count_lines(path, stream)
        else:
            _refuse(path, first)
        wanted = V if limit is None else min(V, limit)
        vectors = _room(path, wanted, D)
        stream.seek(start)
        words = _Words(errors)
        if text:
            _read_text(path, stream, words, vectors, V, 2 if start else 1)
        else:
            _read_binary(path, stream, words, vectors, V, start)
    try:
        return Embeddings(list(words.rows), vectors)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def write_word2vec(embeddings: Embeddings, path: str | Path, binary: bool = False) -> None:
    """Write a file, gzipped if its name ends with .gz, from which the same vectors are read, to the bit.

    Raises InputError for a word that the format can't hold, such as one with a space in it, before anything is
    written, and when the file can't be written.
    """
    for word in embeddings:
        if not word or NO_WORD.search(word) or not _is_unicode(word):
            raise InputError(
                f"{path}: can't be written, the word {word!r} has no place in the format; expected words without "
                "white space (Embeddings.save writes any)"
            )
    with files.writing(path) as stream:
        if str(path).endswith(".gz"):
            with gzip.GzipFile("", "wb", 6, stream, mtime=0) as zipped:
                _write(embeddings, zipped, binary)
        else:
            _write(embeddings, stream, binary)


def _write(embeddings: Embeddings, stream: BinaryIO | gzip.GzipFile, binary: bool) -> None:
    V, D = embeddings.vectors.shape
    stream.write(f"{V} {D}\n".encode())
    numbers = " %.9g" * D + "\n"  # nine digits give every float32 back
    for word, vector in zip(embeddings.words, embeddings.vectors, strict=True):
        if binary:
            stream.write(f"{word} ".encode() + vector.astype("<f4", copy=False).tobytes())
        else:
            stream.write((word + numbers % tuple(vector.tolist())).encode())


# ---- what kind of file it is ---------------------------------------------------------------------------------


def _is_text(start: bytes, D: int) -> bool:
    """Whether what follows the first line is text: in the line of the first word are numbers, as ASCII writes them.

    One is enough where D is 1; three are, whatever else is wrong with the line.
    """
    columns = start.partition(b"\n")[0].partition(b" ")[2].split()
    printable = all(0x20 < byte < 0x7F for column in columns for byte in column)
    return printable and sum(_numbers([column]) is not None for column in columns) >= min(D, 3)


def _numbers_without_header(first: bytes) -> int:
    """How many numbers follow a word in the first line, 0 if there are not two or more and nothing else."""
    numbers = first.rstrip().partition(b" ")[2]
    found = _numbers([numbers])
    return 0 if found is None or found.shape[1] < 2 else found.shape[1]


def _count_lines(path: str | Path, stream: Stream) -> int:
    stream.seek(0)
    return sum(1 for lines in _line_blocks(path, stream, 1) for line in lines if line.strip())


def _refuse(path: str | Path, first: bytes) -> NoReturn:
    if first.startswith(PICKLE):
        raise InputError(
            f"{path}: a pickle, which can run any code as it is opened; write the vectors from gensim with "
            "model.wv.save_word2vec_format('vectors.bin', binary=True)"
        )
    begins = repr(first[:24].decode(errors="replace").rstrip("\r\n"))
    raise InputError(
        f"{path}:1: begins with {begins}; expected the number of words and the size of a vector, such as '10000 100', "
        "or a word and its numbers"
    )


def _room(path: str | Path, V: int, D: int) -> Array:
    try:
        return np.empty((V, D), np.float32)
    except (MemoryError, ValueError, OverflowError):
        raise InputError(f"{path}:1: {V} words of {D} numbers are more than the memory holds") from None


# ---- text ----------------------------------------------------------------------------------------------------


def _read_text(path: str | Path, stream: Stream, words: _Words, vectors: Array, V: int, number: int) -> None:
    """Fill words and vectors from the lines, the first of which has this number."""
    for lines in _line_blocks(path, stream, number):
        start = len(words.rows)
        if taken := lines[: len(vectors) - start]:
            _parse_lines(path, taken, vectors[start : start + len(taken)], number, words)
            number += len(taken)
        if len(words.rows) == len(vectors) < V:
            break
        for excess, line in enumerate(lines[len(taken) :]):
            if line.strip():
                raise InputError(f"{path}:{number + excess}: more lines than the {V} words of the first line")
        number += len(lines) - len(taken)
    if len(words.rows) < len(vectors):
        raise InputError(f"{path}:{number}: the file ends after {len(words.rows)} words; its first line says {V}")


def _line_blocks(path: str | Path, stream: Stream, number: int) -> Iterator[list[bytes]]:
    """The lines without their ends, many at a time."""
    rest = b""
    while block := stream.read(BLOCK):
        *lines, rest = (rest + block).split(b"\n")
        number += len(lines)
        if len(rest) > LONGEST_LINE:
            raise InputError(f"{path}:{number}: a line of more than {LONGEST_LINE:,} bytes")
        yield lines
    if rest:
        yield [rest]


def _parse_lines(path: str | Path, lines: Sequence[bytes], vectors: Array, number: int, words: _Words) -> None:
    """Fill vectors from these lines, and add the words."""
    parts = [line.rstrip(b" \r").partition(b" ") for line in lines]
    numbers = _numbers([after for _, _, after in parts])
    if numbers is None or numbers.shape[1] != vectors.shape[1]:
        for k, (word, _, after) in enumerate(parts):
            _check_numbers(f"{path}:{number + k}", word, after, vectors.shape[1])
    vectors[...] = numbers
    for k, (word, _, _) in enumerate(parts):
        if problem := words.add(word):
            raise InputError(f"{path}:{number + k}: {problem}")


def _numbers(lines: Sequence[bytes]) -> Array | None:
    """The finite numbers (lines, columns) in the lines, or None for anything else."""
    try:
        texts = [line.decode("ascii") for line in lines]
        if not all(map(str.strip, texts)):  # loadtxt leaves such lines out
            return None
        numbers = np.loadtxt(texts, np.float32, comments=None, ndmin=2)
    except ValueError:
        return None
    return numbers if len(numbers) == len(lines) and np.isfinite(numbers).all() else None


def _check_numbers(where: str, word: bytes, after: bytes, D: int) -> None:
    """Raise InputError unless D numbers come after the word."""
    numbers = _numbers([after])
    if numbers is not None and numbers.shape[1] == D:
        return
    if not word and not after:
        raise InputError(f"{where}: an empty line; expected a word and {D} numbers")
    columns = after.split()
    if len(columns) != D:
        raise InputError(f"{where}: {len(columns)} columns after {_shown(word)}; expected {D} numbers")
    wrong = next((column for column in columns if _numbers([column]) is None), after)
    raise InputError(f"{where}: {_shown(wrong)} after {_shown(word)}; expected finite numbers")


# ---- binary --------------------------------------------------------------------------------------------------


def _read_binary(path: str | Path, stream: Stream, words: _Words, vectors: Array, V: int, offset: int) -> None:
    """Fill words and vectors from the bytes, the first of which is at this offset."""
    data = b""
    while len(words.rows) < len(vectors):
        block = stream.read(BLOCK)
        if not block:
            end = offset + len(data)
            raise InputError(f"{path}: cut short at byte {end}, after {len(words.rows)} words; its first line says {V}")
        data += block
        parsed = _parse_bytes(path, data, vectors, offset, words)
        data, offset = data[parsed:], offset + parsed
    while len(vectors) == V and (data or (data := stream.read(BLOCK))):
        if data.strip(b"\r\n"):
            raise InputError(f"{path}: byte {offset}: goes on after the {V} words of the first line")
        data, offset = b"", offset + len(data)


def _parse_bytes(path: str | Path, data: bytes, vectors: Array, offset: int, words: _Words) -> int:
    """Fill words and vectors from as many words as there are in data, and return the bytes that they take."""
    size = 4 * vectors.shape[1]
    first, place = len(words.rows), 0
    places = []
    while len(words.rows) < len(vectors):
        space = data.find(b" ", place, place + LONGEST_WORD)
        if space < 0 and len(data) - place >= LONGEST_WORD:
            raise InputError(f"{path}: byte {offset + place}: no word that ends within {LONGEST_WORD:,} bytes")
        if space < 0 or space + 1 + size > len(data):
            break
        vectors[len(words.rows)] = np.frombuffer(data, "<f4", vectors.shape[1], space + 1)
        if problem := words.add(data[place:space].lstrip(b"\n")):
            raise InputError(f"{path}: byte {offset + place}: {problem}")
        places.append(offset + place)
        place = space + 1 + size
    finite = np.isfinite(vectors[first : len(words.rows)]).all(axis=1)
    if not finite.all():
        k = int(np.argmin(finite))
        word = list(words.rows)[first + k]
        raise InputError(f"{path}: byte {places[k]}: numbers in the vector of '{word}' that are not finite")
    return place


# ---- words ---------------------------------------------------------------------------------------------------


class _Words:
    """The words so far and the row of each."""

    def __init__(self, errors: str) -> None:
        self.rows: dict[str, int] = {}
        self.errors = errors

    def add(self, encoded: bytes) -> str | None:
        """Give a word the next row, or say what is wrong with it."""
        try:
            word = encoded.decode(errors=self.errors)
        except UnicodeDecodeError:
            return (
                f"the word {_shown(encoded)} is not UTF-8 (cut by the tool that wrote it? see errors of read_word2vec)"
            )
        if not word or NO_WORD.search(word):
            return f"begins with {_shown(encoded)}; expected a word"
        row = len(self.rows)
        if self.rows.setdefault(word, row) != row:
            return f"'{word}' a second time, it is word {self.rows[word] + 1} too"
        return None


def _is_unicode(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(encoded: bytes) -> str:
    """As an error message shows it: text if it is, and not more of it than a line holds."""
    try:
        return repr(encoded.decode()[:40])
    except UnicodeDecodeError:
        return repr(encoded[:40])[1:]
