"""Reading large text files, plain or gzipped, in blocks that end between words."""

import gzip
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from seqrl.errors import InputError
from seqrl.text import wordnet
from seqrl.text.lines import Stream, is_tar, opened

BLOCK = 1 << 20  # bytes


def text_blocks(
    path: str | Path, progress: Callable[[int], object] = lambda size: None, size: int = BLOCK
) -> Iterator[str]:
    """The text of a file in blocks of about `size` bytes, which together are the whole.

    A block ends behind a line end, or where it has none behind other white space, or where it has none of that either
    behind any character. Of a data file of WordNet, the text is its glosses. progress(number of bytes) hears how much
    of the file was read meanwhile, before it was unzipped.
    Raises InputError for a missing or damaged file, a tar archive, and with line and byte offset for NUL
    bytes and bytes that are not UTF-8.
    """
    with opened(path) as stream:
        if is_tar(stream):
            raise InputError(f"{path}: a tar archive; expected a text file")
        of_wordnet = False
        line, offset, position = 1, 0, 0
        for block in _cut_blocks(stream, size):
            text = _decoded(block, f"{path}", line, offset)
            if offset == 0:
                of_wordnet = block.startswith(wordnet.HEADER)
                text = text.removeprefix("\ufeff")
            line, offset = line + block.count(b"\n"), offset + len(block)
            before, position = position, _position(stream)
            progress(position - before)
            yield wordnet.glosses(text) if of_wordnet else text


def _cut_blocks(stream: Stream, size: int) -> Iterator[bytes]:
    rest = b""
    while read := stream.read(size):
        block = rest + read
        cut = _cut(block, size)
        rest = block[cut:]
        if cut:
            yield block[:cut]
    if rest:
        yield rest


def _cut(block: bytes, size: int) -> int:
    """Where to cut a block; 0 for one that may be the start of a word and is not full yet."""
    for mark in b"\n", b" ", b"\t":
        if place := block.rfind(mark) + 1:
            return place
    if len(block) < size:
        return 0
    # Before the last character, which may not be whole.
    return next((place for place in range(len(block) - 1, 0, -1) if block[place] & 0xC0 != 0x80), len(block))


def _decoded(block: bytes, path: str, line: int, offset: int) -> str:
    """The text of a block that begins at `line` and `offset`."""
    try:
        text = block.decode()
        wrong, what = block.find(b"\0"), "a NUL byte at offset {}; expected text in UTF-8"
    except UnicodeDecodeError as error:
        wrong, what = error.start, f"byte 0x{block[error.start]:02x} at offset {{}} is not UTF-8"
    if wrong < 0:
        return text
    utf_16 = offset == 0 and (block.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) or b"\0" in block[:2])
    hint = " (it looks like UTF-16)" if utf_16 else ""
    line += block.count(b"\n", 0, wrong)
    raise InputError(f"{path}:{line}: {what.format(offset + wrong)}{hint}")


def _position(stream: Stream) -> int:
    file: Any = stream.fileobj if isinstance(stream, gzip.GzipFile) else stream
    return int(file.tell())
