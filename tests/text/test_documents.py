import bisect
import gzip
import hashlib
import inspect
import io
import math
import os
import subprocess
import sys
import tarfile
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqrl.errors import InputError
from seqrl.text import documents as module
from seqrl.text.documents import Document, check_apart, documentation, read_documents, split_documents

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: str | bytes, name: str = "novel.txt") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture(scope="module")
def found() -> dict[str, str]:
    return dict(documentation())


def error_of(function: Callable[..., object], *args: object) -> str:
    with pytest.raises(InputError) as error:
        function(*args)
    assert "\n" not in str(error.value)
    return str(error.value)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


# The documentation


def test_documentation_is_a_corpus_of_millions_of_characters(found: dict[str, str]) -> None:
    assert sum(map(len, found.values())) > 3_000_000
    assert len(found) > 500


def test_every_topic_is_there_as_it_was(found: dict[str, str]) -> None:
    shown = [found[f"topic {name}"] for name in topics if f"topic {name}" in found]
    assert set(shown) == {inspect.cleandoc(text) for text in topics.values()}


def test_a_module_has_its_docstrings_in_their_order(found: dict[str, str]) -> None:
    first, *rest = found["bisect"].split("\n\n")
    assert first == "Bisection algorithms."
    assert rest[0] == inspect.getdoc(bisect.insort_right).split("\n\n")[0]


def test_what_is_written_in_c_is_there(found: dict[str, str]) -> None:
    for name, value in [
        ("builtins", sorted),
        ("builtins", str.split),
        ("math", math.hypot),
        ("numpy", np.add),
        ("numpy", np.ndarray.sort),
        ("numpy.random", np.random.Generator.permuted),
    ]:
        assert inspect.getdoc(value) in found[name]


def test_numpy_in_python_stands_where_its_source_is(found: dict[str, str]) -> None:
    text = inspect.getdoc(np.linalg.svd)
    assert text in found["numpy.linalg._linalg"]
    assert text not in found["numpy"] and text not in found["numpy.linalg"]


def test_nothing_private_and_no_tests(found: dict[str, str]) -> None:
    modules = [name.split(".") for name in found if not name.startswith("topic ")]
    assert not [parts for parts in modules if parts[0].startswith("_") or {"test", "tests"} & set(parts)]
    assert inspect.getdoc(inspect.signature) in found["inspect"]
    assert inspect.getdoc(inspect._signature_fromstr) not in found["inspect"]


def test_docstrings_of_a_source_in_order(tmp_path: Path) -> None:
    path = tmp_path / "source.py"
    path.write_text(
        '"""Module."""\n'
        "try:\n    import a\nexcept ImportError:\n"
        '    def f():\n        """Function in a branch."""\n        def g():\n            """Inside a function."""\n'
        'class C:\n    """Class."""\n    x = "\\d"\n    """No docstring."""\n'
        '    def __init__(self):\n        """Constructor."""\n'
        '    def _h(self):\n        """Private."""\n'
        '    async def m(self):\n        """Method."""\n'
        'class _P:\n    """Private class."""\n    def m(self):\n        """Its method."""\n'
    )
    texts = [text for text in module._docstrings_of_source(path) if text]
    assert texts == ["Module.", "Function in a branch.", "Class.", "Constructor.", "Method."]


def test_no_docstring_occurs_twice(found: dict[str, str]) -> None:
    text = inspect.getdoc(os.path.commonprefix)
    assert [name for name in found if text in found[name]] == ["genericpath"]
    assert inspect.getdoc(np.random.Generator.normal) not in found["numpy"]
    assert "".join(found.values()).count("Alias for field number 0") == 1


def test_texts_are_clean_and_all_different(found: dict[str, str]) -> None:
    assert len(set(found.values())) == len(found)
    for text in found.values():
        assert text == inspect.cleandoc(text)
        assert text and "\t" not in text and "\r" not in text and "\0" not in text


def test_another_process_finds_the_same_and_opens_no_browser(found: dict[str, str]) -> None:
    code = (
        "import hashlib, sys; from seqrl.text.documents import documentation;"
        "print(hashlib.sha256(repr(documentation()).encode()).hexdigest());"
        "print(*{'antigravity', 'this', 'tkinter', 'turtle', 'idlelib'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = hashlib.sha256(repr([Document(*item) for item in found.items()]).encode()).hexdigest()
    assert run.stdout == f"{here}\n\n"


def test_a_python_without_sources_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "__file__", str(tmp_path / "os.py"))
    assert error_of(documentation) == (
        "this Python has no sources of its standard library, of whose documentation the default text is made; "
        "expected files with a text of your own"
    )


# Files


def test_each_file_is_a_document_plain_or_gzipped(write: Write) -> None:
    plain, zipped = write("Il était\nune fois\n"), write(gzip.compress("昔々\n".encode()), "tale")
    assert read_documents([zipped, str(plain)]) == [(str(zipped), "昔々\n"), (str(plain), "Il était\nune fois\n")]


def test_all_line_ends_are_newlines_and_a_byte_order_mark_is_no_text(write: Write) -> None:
    assert read_documents([write(b"\xef\xbb\xbfa\r\n\r\nb\rc\n")])[0].text == "a\n\nb\nc\n"
    assert read_documents([write("a\u2028b\x0bc\u0085")])[0].text == "a\u2028b\x0bc\u0085"


def test_an_endless_line_is_held_no_more_than_as_bytes_and_as_text(write: Write) -> None:
    path = write(b"anarchism " * 1_000_000)
    tracemalloc.start()
    try:
        (document,) = read_documents([path])
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert document.text == "anarchism " * 1_000_000
    assert peak < 2.1 * 10_000_000 and held < 1.1 * 10_000_000


def test_text_comes_through_a_pipe() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"a\nb\n")
    os.close(writer)
    try:
        assert read_documents([f"/dev/fd/{reader}"])[0].text == "a\nb\n"
    finally:
        os.close(reader)


def test_files_that_have_no_text_are_named(write: Write, tmp_path: Path) -> None:
    path = write("")
    assert error_of(read_documents, [path]) == f"{path}: empty file"
    path = write(gzip.compress(b""))
    assert error_of(read_documents, [path]) == f"{path}: empty file"
    path = write(" \n\t\r\n\u3000")
    assert error_of(read_documents, [path]) == f"{path}: nothing but white space in it"
    path = write("\ufeff")
    assert error_of(read_documents, [path]) == f"{path}: empty file"
    missing = tmp_path / "novl.txt"
    assert error_of(read_documents, [missing]) == f"{missing}: no such file (did you mean 'novel.txt'?)"
    assert error_of(read_documents, []) == "no files given; expected one or more text files"


def test_a_folder_is_refused_with_a_line_that_says_what_to_give(tmp_path: Path) -> None:
    expected = f"{tmp_path}: a folder; expected the files in it, such as {tmp_path / '*.txt'}"
    assert error_of(read_documents, [tmp_path]) == expected


def test_a_file_given_twice_is_named(write: Write, tmp_path: Path) -> None:
    path, other = write("a"), write("a", "other.txt")
    again = tmp_path / "again.txt"
    again.symlink_to(path)
    for second in path, again, path.parent / "x" / ".." / path.name:
        assert error_of(read_documents, [path, other, second]) == f"{second}: given twice; expected each file once"


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_bytes_that_are_not_text_are_named_with_line_and_offset(write: Write, pack: Callable[[bytes], bytes]) -> None:
    path = write(pack(b"abc\nd\xc3\xa9\ncaf\xe9\n"))
    assert error_of(read_documents, [path]) == f"{path}:3: byte 0xe9 at offset 11 is not UTF-8"
    path = write(pack("été\nnu\0l\0\n".encode()))
    assert error_of(read_documents, [path]) == f"{path}:2: a NUL byte at offset 8; expected text in UTF-8"
    path = write(pack("été".encode("utf-16")))
    assert error_of(read_documents, [path]) == f"{path}:1: byte 0xff at offset 0 is not UTF-8 (it looks like UTF-16)"
    for codec in "utf-16-le", "utf-16-be":
        message = error_of(read_documents, [write(pack("abc".encode(codec)))])
        assert message.endswith("expected text in UTF-8 (it looks like UTF-16)")
    path = write(pack(b"\x89PNG\r\n\x1a\n\0\0"))
    assert error_of(read_documents, [path]) == f"{path}:1: byte 0x89 at offset 0 is not UTF-8"


def test_archives_and_damaged_files_are_named(write: Write) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"), io.BytesIO())
    path = write(packed.getvalue(), "texts.tar.gz")
    assert error_of(read_documents, [path]) == f"{path}: a tar archive; expected a text file"
    path = write(gzip.compress(b"abc" * 1000)[:-10], "novel.gz")
    assert error_of(read_documents, [path]).startswith(f"{path}: damaged or cut short")


# Splitting

FRACTIONS = st.floats(0.02, 0.4)


@settings(deadline=None)
@given(st.lists(st.integers(0, 40), min_size=10, max_size=200), st.integers(20, 400), FRACTIONS, st.integers(0, 99))
def test_whole_documents_are_held_out_with_all_that_have_the_same_text(
    kinds: list[int], length: int, held_out: float, seed: int
) -> None:
    documents = [Document(f"d{i}", f"{kind:02} " * (length + kind)) for i, kind in enumerate(kinds)]
    sizes = Counter[str]()
    for _, text in documents:
        sizes[text] += len(text)
    share = held_out * sizes.total()
    if share < 50:
        return
    try:
        split = split_documents(documents, held_out, rng(seed))
    except InputError as error:
        assert "too few or too short" in str(error)
        return
    if not {document.name for side in split for document in side} <= {name for name, _ in documents}:
        assert len(sizes) < 10 or 2 * max(sizes.values()) > sizes.total() or 2 * max(sizes.values()) > share
        return
    train, valid, test = split
    assert sorted(train + valid + test) == sorted(documents)
    for side in split:
        assert side == [document for document in documents if document in side]
    texts = [{text for _, text in side} for side in split]
    assert not texts[0] & texts[1] and not texts[0] & texts[2] and not texts[1] & texts[2]
    for side in valid, test:
        assert share / 2 <= sum(len(text) for _, text in side) <= share
    assert split == split_documents(documents, held_out, rng(seed))


def test_the_share_is_of_characters_not_of_documents() -> None:
    documents = [Document(f"d{i}", chr(97 + i % 26) * (10 if i < 50 else 1000) + str(i)) for i in range(100)]
    train, valid, test = split_documents(documents, 0.1, rng())
    total = sum(len(text) for _, text in documents)
    for side in valid, test:
        assert 0.08 * total < sum(len(text) for _, text in side) <= 0.1 * total
    assert {name for name, _ in train + valid + test} == {name for name, _ in documents}


def test_the_draw_is_by_the_generator() -> None:
    documents = [Document(f"d{i}", f"{i} " * 50) for i in range(100)]
    drawn = {tuple(name for name, _ in split_documents(documents, 0.1, rng(seed))[1]) for seed in range(5)}
    assert len(drawn) == 5


@settings(deadline=None)
@given(st.text("ab \n", min_size=500, max_size=2000).filter(lambda text: not text.isspace()), st.floats(0.1, 0.4))
def test_one_document_is_cut_in_three_that_are_it_again(text: str, held_out: float) -> None:
    try:
        (train,), (valid,), (test,) = split_documents([Document("novel", text)], held_out, rng())
    except InputError as error:
        assert "white space" in str(error)
        return
    assert train.text + valid.text + test.text == text
    first = len(train.text)
    second = first + len(valid.text)
    assert (train.name, valid.name, test.name) == (f"novel[:{first}]", f"novel[{first}:{second}]", f"novel[{second}:]")
    for part in valid, test:
        assert 0.5 * held_out * len(text) - 2 <= len(part.text) <= 1.5 * held_out * len(text) + 2


def parts(text: str, held_out: float = 0.1) -> list[str]:
    return [document.text for side in split_documents([Document("novel", text)], held_out, rng()) for document in side]


def test_cuts_are_at_line_ends_or_else_at_spaces_or_else_anywhere() -> None:
    lines = parts("the quick brown fox\n" * 50)
    assert [len(part) for part in lines] == [800, 100, 100]
    assert all(part.endswith("fox\n") for part in parts("the quick brown fox\n" * 53))
    assert all(part.split(" ")[0] in {"the", "quick", "brown", "fox"} for part in parts("the quick brown fox " * 53))
    assert [len(part) for part in parts("日本語。" * 250)] == [800, 100, 100]


def test_the_line_end_nearest_to_the_place_is_taken() -> None:
    text = "x" * 789 + "\n" + "x" * 12 + "\n" + "x" * 96 + "\n" + "x" * 100
    assert [len(part) for part in parts(text)] == [803, 97, 100]  # 790 and 803 are near 800, and 900 is 900


def test_few_documents_are_each_cut_and_short_ones_are_trained_on() -> None:
    documents = [Document("a", "first line\n" * 200), Document("note", "short"), Document("b", "other line\n" * 300)]
    train, valid, test = split_documents(documents, 0.05, rng())
    assert [name.split("[")[0] for name, _ in train] == ["a", "note", "b"]
    assert [name.split("[")[0] for name, _ in valid] == ["a", "b"] == [name.split("[")[0] for name, _ in test]
    assert train[1] == Document("note", "short")


def test_a_document_that_has_most_of_the_text_is_cut() -> None:
    documents = [Document("novel", "a long line\n" * 1000)] + [Document(f"d{i}", f"{i} " * 40) for i in range(30)]
    _, valid, test = split_documents(documents, 0.1, rng())
    assert [name.split("[")[0] for name, _ in valid + test] == ["novel", "novel"]


def test_documents_too_long_for_the_share_are_cut() -> None:
    documents = [Document(f"d{i}", f"line {i}\n" * 500) for i in range(12)]
    _, valid, test = split_documents(documents, 0.05, rng())
    assert len(valid) == len(test) == 12


def test_copies_are_cut_alike() -> None:
    text = "".join(f"line {i}\n" for i in range(500))
    split = split_documents([Document("a", text), Document("b", text)], 0.1, rng())
    assert [a.text == b.text for a, b in split] == [True, True, True]


def test_a_text_too_short_says_how_much_is_expected() -> None:
    assert error_of(split_documents, [Document("a", "x " * 100)], 0.05, rng()) == (
        "200 characters of text are too few to hold out the fraction 0.05 of them for validation and for test; "
        "expected 1000 or more"
    )
    assert [len(part) for part in parts("x " * 500, 0.05)] == [900, 50, 50]
    assert error_of(split_documents, [Document(f"d{i}", f"{i}" * 300) for i in range(5)], 0.05, rng()) == (
        "5 documents of which the longest has 300 characters are too few or too short to hold out the fraction 0.05; "
        "expected more of them, or one of 1000 characters or more"
    )
    assert error_of(split_documents, [], 0.05, rng()).startswith("0 characters of text are too few")


@pytest.mark.parametrize("held_out", [0, -0.1, 0.41, math.nan])
def test_the_fraction_is_checked(held_out: float) -> None:
    expected = f"the fraction held out is {held_out}; expected more than 0 and at most 0.4"
    assert error_of(split_documents, [Document("a", "x " * 1000)], held_out, rng()) == expected


def test_a_side_of_nothing_but_white_space_is_named() -> None:
    expected = "the text for validation has nothing but white space; expected words"
    assert error_of(split_documents, [Document("a", "x " * 500 + "\n" * 500)], 0.1, rng()) == expected


def test_what_is_held_out_is_not_trained_on() -> None:
    trained = [Document("a", "one"), Document("b", "two")]
    check_apart(trained, [Document("c", "three")])
    expected = "c is held out, but b, with the same text, is trained on"
    assert error_of(check_apart, trained, [Document("d", "four"), Document("c", "two")]) == expected
