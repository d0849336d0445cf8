"""Documents for language models and word embeddings: a user's files, or the documentation that Python brings along."""

import ast
import importlib
import inspect
import io
import os
import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from math import ceil
from pathlib import Path
from pydoc_data.topics import topics
from types import ModuleType
from typing import NamedTuple

import numpy as np

from seqrl.errors import InputError
from seqrl.text.lines import decoded, is_tar, opened

# Modules with functions and classes that have no Python source. To import them has no effect anywhere.
COMPILED = [
    *["array", "binascii", "bisect", "builtins", "cmath", "collections", "contextvars", "csv", "datetime", "decimal"],
    *["functools", "gc", "heapq", "io", "itertools", "marshal", "math", "operator", "os", "pickle", "random", "re"],
    *["select", "signal", "socket", "string", "struct", "time", "types", "unicodedata", "weakref", "zlib"],
    *["numpy", "numpy.random", "numpy.strings"],
]
LEFT_OUT = {"test", "tests", "idle_test", "site-packages"}  # folders of sources

MINIMUM_DOCUMENTS = 10
MINIMUM_HELD_OUT = 50  # characters


class Document(NamedTuple):
    name: str
    text: str


Split = tuple[list[Document], list[Document], list[Document]]


def documentation() -> list[Document]:
    """The documentation in English that comes with every Python: its help topics and the docstrings of its modules.

    A document for each topic of `pydoc_data.topics`, then one for each public module of the standard library and NumPy
    with the docstrings of the module and its public classes, methods and functions, each docstring where it occurs
    first. Sources are parsed, not imported; the modules `COMPILED` are asked for what has no source. The same
    interpreter and NumPy give the same text: 4.3 million characters, 645,000 words, 881 documents with Python 3.11 and
    NumPy 2.4, in about 2 seconds.
    Raises InputError for a Python that was installed without its sources.
    """
    docstrings: dict[str, list[str]] = {f"topic {name}": [text] for name, text in sorted(topics.items())}
    sources = sorted(_sources())
    if "json" not in dict(sources):
        raise InputError(
            "this Python has no sources of its standard library, of whose documentation the default text is made; "
            "expected files with a text of your own"
        )
    for name, path in sources:
        docstrings[name] = list(_docstrings_of_source(path))
    for name in COMPILED:
        docstrings.setdefault(name, []).extend(_docstrings_without_source(importlib.import_module(name)))

    documents, seen = [], set()
    for name, texts in docstrings.items():
        new = []
        for text in map(inspect.cleandoc, texts):
            words = " ".join(text.split())
            if words not in seen:
                seen.add(words)
                new.append(text)
        if any(new):
            documents.append(Document(name, "\n\n".join(new)))
    return documents


def read_documents(paths: Iterable[str | Path]) -> list[Document]:
    """A document for each file, plain or gzipped, in UTF-8. Its name is the path; lines end at \\n, whatever they did.

    Raises InputError for no files, a file given twice, a folder, a missing, empty or damaged file, one with nothing but
    white space, a tar archive, and with line and byte offset for bytes that are not UTF-8 and for NUL bytes.
    """
    documents: dict[Path, Document] = {}
    for path in paths:
        if (file := Path(path).resolve()) in documents:
            raise InputError(f"{path}: given twice; expected each file once")
        documents[file] = Document(str(path), _read(path))
    if not documents:
        raise InputError("no files given; expected one or more text files")
    return list(documents.values())


def split_documents(documents: Sequence[Document], held_out: float, rng: np.random.Generator) -> Split:
    """Split into (train, valid, test); valid and test each get the fraction `held_out` of the characters, or less.

    Whole documents are drawn at random, those with the same text together, and stay in order. Where that is no fair
    share (fewer than 10 different texts, one with more than half of the characters, or texts too long for at least half
    of the fraction), each document is cut in three instead, its start for training, then validation, then test: at line
    ends, or else at spaces, or else anywhere near. The parts are named as slices, "novel.txt[:90000]"; a document too
    short to be cut is trained on.
    Raises InputError for a fraction that is not above 0 and at most 0.4, for a text that is too short, and for a side
    with nothing but white space.
    """
    if not 0 < held_out <= 0.4:
        raise InputError(f"the fraction held out is {held_out}; expected more than 0 and at most 0.4")
    characters = sum(len(text) for _, text in documents)
    if held_out * characters < MINIMUM_HELD_OUT:
        raise InputError(
            f"{characters} characters of text are too few to hold out the fraction {held_out} of them for validation "
            f"and for test; expected {ceil(MINIMUM_HELD_OUT / held_out)} or more"
        )
    split = _hold_out_whole(documents, held_out * characters, rng) or _cut(documents, held_out)
    for side, use in zip(split, ["training", "validation", "test"], strict=True):
        if all(text.isspace() or not text for _, text in side):
            raise InputError(f"the text for {use} has nothing but white space; expected words")
    return split


def check_apart(trained_on: Sequence[Document], held_out: Sequence[Document]) -> None:
    """Raise InputError for the first document held out that has the text of one that is trained on."""
    names = {text: name for name, text in trained_on}
    for name, text in held_out:
        if text in names:
            raise InputError(f"{name} is held out, but {names[text]}, with the same text, is trained on")


def _sources() -> Iterator[tuple[str, Path]]:
    """(name, file) of each public module of the standard library and NumPy, in any order."""
    library = Path(os.__file__).parent
    roots = [(library, name) for name in sys.stdlib_module_names] + [(Path(np.__file__).parents[1], "numpy")]
    for folder, name in roots:
        for path in [folder / f"{name}.py", *folder.glob(f"{name}/**/*.py")]:
            parts = path.relative_to(folder).with_suffix("").parts
            if not name.startswith("_") and path.is_file() and LEFT_OUT.isdisjoint(parts):
                yield ".".join(parts).removesuffix(".__init__"), path


def _docstrings_of_source(path: Path) -> Iterator[str]:
    with warnings.catch_warnings(action="ignore"):  # about the code in it
        yield from _docstrings_of_node(ast.parse(path.read_bytes()))


def _docstrings_of_node(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not _is_public(node.name):
        return
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        yield ast.get_docstring(node) or ""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.excepthandler):
            yield from _docstrings_of_node(child)


def _docstrings_without_source(owner: ModuleType | type) -> Iterator[str]:
    yield _doc(owner)
    for name, value in sorted(vars(owner).items()):
        if not _is_public(name) or name.startswith("__"):  # there, the docstrings of operators repeat each other
            continue
        if isinstance(value, type) and isinstance(owner, ModuleType):
            yield from _docstrings_without_source(value)
        elif _has_no_source(value):
            yield _doc(value)


def _has_no_source(value: object) -> bool:
    if isinstance(value, np.ufunc) or inspect.isdatadescriptor(value):
        return True
    return inspect.isroutine(value) and not inspect.isfunction(inspect.unwrap(value))


def _doc(value: object) -> str:
    return value.__doc__ if isinstance(value.__doc__, str) else ""  # some types have a descriptor there


def _is_public(name: str) -> bool:
    return not name.startswith("_") or name.endswith("__")


def _read(path: str | Path) -> str:
    if Path(path).is_dir():
        raise InputError(f"{path}: a folder; expected the files in it, such as {Path(path) / '*.txt'}")
    with opened(path) as stream:
        if is_tar(stream):
            raise InputError(f"{path}: a tar archive; expected a text file")
        text = _text(stream.read(), path)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text:
        raise InputError(f"{path}: empty file")
    if text.isspace():
        raise InputError(f"{path}: nothing but white space in it")
    return text


def _text(content: bytes, path: str | Path) -> str:
    """Decoded all at once, since one line may be all of a large file."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        for _ in decoded(io.BytesIO(content), str(path)):  # raises, and says where
            pass
        raise
    if (nul := text.find("\0")) >= 0:
        line, offset = text.count("\n", 0, nul) + 1, len(text[:nul].encode())
        hint = " (it looks like UTF-16)" if offset < 2 else ""
        raise InputError(f"{path}:{line}: a NUL byte at offset {offset}; expected text in UTF-8{hint}")
    return text.removeprefix("\ufeff")


def _hold_out_whole(documents: Sequence[Document], share: float, rng: np.random.Generator) -> Split | None:
    """Fill valid and test up to `share` characters; None if that leaves one of them less than half full."""
    sizes: Counter[str] = Counter()
    for _, text in documents:
        sizes[text] += len(text)
    if len(sizes) < MINIMUM_DOCUMENTS or max(sizes.values()) > sizes.total() / 2:
        return None
    texts = list(sizes)  # in order, so that the split depends on nothing but the documents and rng
    room = {1: share, 2: share}
    side_of: dict[str, int] = {}
    for i in rng.permutation(len(texts)):
        text = texts[i]
        side = next((side for side in room if sizes[text] <= room[side]), 0)
        side_of[text] = side
        if side:
            room[side] -= sizes[text]
    if max(room.values()) > share / 2:
        return None
    split: Split = [], [], []
    for document in documents:
        split[side_of[document.text]].append(document)
    return split


def _cut(documents: Sequence[Document], held_out: float) -> Split:
    split: Split = [], [], []
    for name, text in documents:
        size = len(text)
        share = held_out * size
        if share < MINIMUM_HELD_OUT:
            split[0].append(Document(name, text))
            continue
        first, second = (_boundary(text, round(size - parts * share), round(share / 4)) for parts in (2, 1))
        split[0].append(Document(f"{name}[:{first}]", text[:first]))
        split[1].append(Document(f"{name}[{first}:{second}]", text[first:second]))
        split[2].append(Document(f"{name}[{second}:]", text[second:]))
    if not split[1]:
        longest = max(len(text) for _, text in documents)
        raise InputError(
            f"{len(documents)} documents of which the longest has {longest} characters are too few or too short to "
            f"hold out the fraction {held_out}; expected more of them, or one of {ceil(MINIMUM_HELD_OUT / held_out)} "
            "characters or more"
        )
    return split


def _boundary(text: str, place: int, reach: int) -> int:
    """The index after the line end, or else the space, nearest to `place`; `place` where there is none in reach."""
    for mark in "\n", " ":
        before = text.rfind(mark, place - reach, place) + 1
        after = text.find(mark, place, place + reach) + 1
        if found := [index for index in (before, after) if index]:
            return min(found, key=lambda index: abs(index - place))
    return place
