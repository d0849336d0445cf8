import gzip
import json
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from seqrl.errors import InputError
from seqrl.interop import word2vec
from seqrl.interop.word2vec import read_word2vec, write_word2vec
from seqrl.text.embeddings import Embeddings

RECORDED = Path(__file__).with_name("gensim_references")
FORMATS = ["a.txt", "a.bin", "a.txt.gz", "a.bin.gz"]

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: str | bytes, name: str = "vectors") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture
def drinks() -> Embeddings:
    return Embeddings(["tea", "café", "日本茶"], [[1, 0, -0.5], [0.1, 1e-20, 3e20], [2, 3, 4]])


def error_of(function: Callable[..., object], *args: Any) -> str:
    with pytest.raises(InputError) as error:
        function(*args)
    assert "\n" not in str(error.value)
    return str(error.value)


def check(found: Embeddings, words: list[str], vectors: Any) -> None:
    assert found.words == words
    np.testing.assert_array_equal(found.vectors, np.float32(vectors))
    assert found.counts is None


def binary(*entries: tuple[str, list[float]], end: bytes = b"", header: str = "") -> bytes:
    """A binary file; `end` comes after each vector."""
    header = header or f"{len(entries)} {len(entries[0][1])}"
    rows = [word.encode() + b" " + struct.pack(f"<{len(vector)}f", *vector) + end for word, vector in entries]
    return header.encode() + b"\n" + b"".join(rows)


# Files by hand


def test_text_is_written_as_the_format_says(tmp_path: Path, drinks: Embeddings) -> None:
    write_word2vec(drinks, tmp_path / "a")
    lines = (tmp_path / "a").read_text(encoding="utf-8").split("\n")
    assert lines == ["3 3", "tea 1 0 -0.5", "café 0.100000001 9.99999968e-21 3.00000006e+20", "日本茶 2 3 4", ""]


def test_binary_is_written_as_the_format_says(tmp_path: Path) -> None:
    write_word2vec(Embeddings(["tea", "né"], [[1, 2], [0.5, -1]]), tmp_path / "a", binary=True)
    floats = b"\0\0\x80\x3f\0\0\0\x40", b"\0\0\0\x3f\0\0\x80\xbf"
    assert (tmp_path / "a").read_bytes() == b"2 2\ntea " + floats[0] + b"n\xc3\xa9 " + floats[1]


@pytest.mark.parametrize(
    "content",
    [
        "2 3\ntea 1 -2.5 3e-1\ncafé .5 0 4\n",
        "2 3\ntea 1 -2.5 3e-1 \ncafé .5 0 4 \n",  # as the original tool ends lines
        "2 3\ntea 1 -2.5 3e-1\ncafé .5 0 4",
        "2 3\r\ntea 1 -2.5 3e-1\r\ncafé .5 0 4\r\n",
        " 2\t3 \ntea 1  -2.5\t3e-1\ncafé +.5 0 4\n\n \n",
        "tea 1 -2.5 3e-1\ncafé .5 0 4\n",  # as GloVe writes
        "tea 1 -2.5 3e-1\ncafé .5 0 4\n\n",
        binary(("tea", [1, -2.5, 0.3]), ("café", [0.5, 0, 4])),
        binary(("tea", [1, -2.5, 0.3]), ("café", [0.5, 0, 4]), end=b"\n"),  # as the original tool writes
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_files_are_read_as_the_tools_write_them(write: Write, content: str | bytes, zipped: bool) -> None:
    content = content.encode() if isinstance(content, str) else content
    path = write(gzip.compress(content) if zipped else content)
    check(read_word2vec(path), ["tea", "café"], [[1, -2.5, 0.3], [0.5, 0, 4]])
    check(read_word2vec(path, limit=1), ["tea"], [[1, -2.5, 0.3]])
    check(read_word2vec(path, limit=5), ["tea", "café"], [[1, -2.5, 0.3], [0.5, 0, 4]])


def test_words_may_look_like_anything_but_white_space(write: Write) -> None:
    words = ["3", "-", "1e5", "#", '"', "10\u00a0km", "\u3000", "nan", "</s>", "\u2028", "\ufeff"]
    lines = "".join(f"{word} {k} {-k}\n" for k, word in enumerate(words))
    check(read_word2vec(write(f"{len(words)} 2\n{lines}")), words, [[k, -k] for k in range(len(words))])


def test_vectors_that_look_like_text_are_read_as_numbers(write: Write) -> None:
    """Line ends, spaces and digits are bytes of floats too."""
    awkward = [struct.unpack("<f", bytes)[0] for bytes in (b"\n\n\n\n", b"    ", b"1 2 ", b"1\n2 ", b"0\n a", b"1 1\n")]
    content = binary(("tea", awkward), ("milk", awkward[::-1]), ("water", awkward))
    check(read_word2vec(write(content)), ["tea", "milk", "water"], [awkward, awkward[::-1], awkward])


def test_what_lies_beyond_the_limit_is_not_read(write: Write) -> None:
    assert read_word2vec(write("9 2\ntea 1 2\nmilk 3 4\ndamaged"), limit=2).words == ["tea", "milk"]
    assert read_word2vec(write(binary(("tea", [1]), ("milk", [2]), header="9 1") + b"\0"), limit=2).words == [
        "tea",
        "milk",
    ]
    problem = "limit of read_word2vec is 0; expected a whole number of 1 or more"
    assert error_of(read_word2vec, write("1 1\na 1\n"), 0) == problem


@pytest.mark.parametrize("is_binary", [False, True])
def test_a_word_that_was_cut_inside_a_character_is_read_if_asked(write: Write, is_binary: bool) -> None:
    content = binary(("tea", [1, 2]), ("日本!", [3, 4])) if is_binary else "2 2\ntea 1 2\n日本! 3 4\n".encode()
    path = write(content.replace("本!".encode(), "本".encode()[:2]))
    where = ": byte 16" if is_binary else ":3"
    assert error_of(read_word2vec, path).startswith(f"{path}{where}: the word '\\xe6\\x97\\xa5\\xe6\\x9c' is not UTF-8")
    check(read_word2vec(path, errors="ignore"), ["tea", "日"], [[1, 2], [3, 4]])
    check(read_word2vec(path, errors="replace"), ["tea", "日\ufffd"], [[1, 2], [3, 4]])


# Round trips


@st.composite
def writable(draw: st.DrawFn) -> Embeddings:
    """Words without white space and control characters of ASCII, any size but 1, numbers of every magnitude."""
    letters = st.characters(min_codepoint=0x21, exclude_characters="\x7f", exclude_categories=["Cs"])
    words = draw(st.lists(st.text(letters, min_size=1, max_size=4), min_size=1, max_size=8, unique=True))
    numbers = st.floats(width=32, min_value=-(2.0**125), max_value=2.0**125)
    return Embeddings(words, draw(hnp.arrays(np.float32, (len(words), draw(st.integers(2, 5))), elements=numbers)))


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=60)
@given(embeddings=writable())
def test_what_is_written_is_read_again_to_the_bit(
    tmp_path_factory: pytest.TempPathFactory, name: str, embeddings: Embeddings
) -> None:
    path = tmp_path_factory.getbasetemp() / name
    write_word2vec(embeddings, path, binary=".bin" in name)
    assert (path.read_bytes()[:2] == b"\x1f\x8b") == name.endswith(".gz")
    found = read_word2vec(path)
    assert found.words == embeddings.words
    assert found.vectors.tobytes() == embeddings.vectors.tobytes()


@pytest.mark.parametrize("name", FORMATS)
def test_blocks_may_end_anywhere(
    tmp_path: Path, drinks: Embeddings, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_word2vec(drinks, tmp_path / name, binary=".bin" in name)
    for block in range(1, 80):
        monkeypatch.setattr(word2vec, "BLOCK", block)
        check(read_word2vec(tmp_path / name), drinks.words, drinks.vectors)
        check(read_word2vec(tmp_path / name, limit=2), drinks.words[:2], drinks.vectors[:2])


def test_the_same_embeddings_make_the_same_zipped_file(tmp_path: Path, drinks: Embeddings) -> None:
    write_word2vec(drinks, tmp_path / "a.gz")
    write_word2vec(drinks, tmp_path / "b.gz")
    content = (tmp_path / "a.gz").read_bytes()
    assert content == (tmp_path / "b.gz").read_bytes()
    assert content[3] == 0 and content[4:8] == bytes(4)  # neither its name nor the time is in it


@pytest.mark.parametrize("is_binary", [False, True])
def test_memory_is_that_of_the_table(tmp_path: Path, is_binary: bool, rng: np.random.Generator) -> None:
    vectors = rng.normal(size=(5_000, 1_000)).astype(np.float32)  # 20 MB
    write_word2vec(Embeddings([f"word{k}" for k in range(5_000)], vectors), tmp_path / "a", is_binary)
    tracemalloc.start()
    try:
        found = read_word2vec(tmp_path / "a")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(found.vectors, vectors)
    assert peak < 1.5 * vectors.nbytes  # and some blocks of lines


# gensim


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    return json.loads((RECORDED / "answers.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["vectors.txt", "vectors.bin", "no_header.txt"])
def test_files_of_gensim_are_read_to_the_bit(answers: dict[str, Any], name: str) -> None:
    check(read_word2vec(RECORDED / name), answers["words"], answers["vectors"])


def test_a_binary_file_is_byte_for_byte_that_of_gensim(tmp_path: Path) -> None:
    write_word2vec(read_word2vec(RECORDED / "vectors.txt"), tmp_path / "a", binary=True)
    assert (tmp_path / "a").read_bytes() == (RECORDED / "vectors.bin").read_bytes()


def test_gensim_finds_the_same_words_nearest_and_in_analogies(answers: dict[str, Any]) -> None:
    embeddings = read_word2vec(RECORDED / "vectors.bin")
    questions = [(embeddings.nearest(word, 5), expected) for word, expected in answers["nearest"].items()]
    questions += [(embeddings.analogy(*words, 5), expected) for words, expected in answers["analogies"]]
    for found, expected in questions:
        assert [word for word, _ in found] == [word for word, _ in expected]
        np.testing.assert_allclose([cosine for _, cosine in found], [cosine for _, cosine in expected], atol=1e-6)


@pytest.mark.parametrize("name", FORMATS)
def test_gensim_opens_our_files_and_we_open_its(tmp_path: Path, name: str, rng: np.random.Generator) -> None:
    keyed_vectors = pytest.importorskip("gensim.models").KeyedVectors
    is_binary = ".bin" in name
    words = [*json.loads((RECORDED / "answers.json").read_text(encoding="utf-8"))["words"], *map(str, range(10, 2000))]
    ours = Embeddings(words, rng.normal(size=(len(words), 30)))
    write_word2vec(ours, tmp_path / name, binary=is_binary)
    opened = keyed_vectors.load_word2vec_format(str(tmp_path / name), binary=is_binary)
    assert opened.index_to_key == words
    np.testing.assert_array_equal(opened.vectors, ours.vectors)

    opened.save_word2vec_format(str(tmp_path / f"theirs.{name}"), binary=is_binary)
    check(read_word2vec(tmp_path / f"theirs.{name}"), words, ours.vectors)


# What can't be written


@pytest.mark.parametrize("word", ["New York", "", "a\tb", "a\r", "\x1c", "\0", "b\ud800"])
@pytest.mark.parametrize("is_binary", [False, True])
def test_a_word_without_a_place_in_the_format_is_refused(tmp_path: Path, word: str, is_binary: bool) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"before")
    problem = error_of(write_word2vec, Embeddings(["tea", word], np.eye(2)), path, is_binary)
    assert problem.startswith(f"{path}: can't be written, the word {word!r} has no place in the format")
    assert path.read_bytes() == b"before"


def test_a_place_that_can_not_be_written_is_named(tmp_path: Path, drinks: Embeddings) -> None:
    for name in FORMATS:
        path = tmp_path / "nowhere" / name
        assert error_of(write_word2vec, drinks, path) == f"{path}: can't be written: No such file or directory"


# Damaged files


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", ": empty file"),
        ("\n1 2 3\n", ":1: begins with ''; expected the number of words and the size of a vector, such as '10000 100'"),
        ("Dear diary\n", ":1: begins with 'Dear diary'; expected the number of words"),
        ("ten 100\n", ":1: begins with 'ten 100'; expected the number of words"),
        ("10 -3\n", ":1: begins with '10 -3'; expected the number of words"),
        ("tea 1 2 x\nmilk 1 2 3\n", ":1: begins with 'tea 1 2 x'; expected the number of words"),
        ("0 3\n", ":1: 0 words of 3 numbers; expected one or more of each"),
        ("3 0\ntea\n", ":1: 3 words of 0 numbers; expected one or more of each"),
        (
            "999999999999999999 999999999999999999\ntea 1\n",
            ":1: 999999999999999999 words of 999999999999999999 numbers",
        ),
        ("2 3\ntea 1 2 3\n", ":3: the file ends after 1 words; its first line says 2"),
        ("2 3\ntea 1 2 3\n\n\n", ":3: an empty line; expected a word and 3 numbers"),
        ("1 3\ntea 1 2 3\n\nmilk 1 2 3\n", ":4: more lines than the 1 words of the first line"),
        ("2 3\ntea 1 2 3\nmilk 1 2", ":3: 2 columns after 'milk'; expected 3 numbers"),
        ("2 3\ntea 1 2 3\nmilk\n", ":3: 0 columns after 'milk'; expected 3 numbers"),
        ("2 3\ntea 1 2 3\nmilk 1 2 3 4\n", ":3: 4 columns after 'milk'; expected 3 numbers"),
        ("2 3\ntea 1 2 3 4\nmilk 1 2\n", ":2: 4 columns after 'tea'; expected 3 numbers"),
        ("2 3\ntea 1 2 3\nNew York 1 2 3\n", ":3: 4 columns after 'New'; expected 3 numbers"),
        ("2 3\ntea 1 2 3\nmilk 1 two 3\n", ":3: 'two' after 'milk'; expected finite numbers"),
        ("2 3\ntea 1 2 3\nmilk 1 2.3.4 5\n", ":3: '2.3.4' after 'milk'; expected finite numbers"),
        ("2 3\ntea 1 2 3\nmilk 1 nan 5\n", ":3: 'nan' after 'milk'; expected finite numbers"),
        ("2 3\ntea 1 2 3\nmilk 1 2 -inf\n", ":3: '-inf' after 'milk'; expected finite numbers"),
        ("2 3\ntea 1 2 3\nmilk 1 2 1e39\n", ":3: '1e39' after 'milk'; expected finite numbers"),
        ("2 3\ntea 1 2 3\nmilk 1 2 3e38\n", ": the vector of 'milk' has numbers that are not finite, or too large"),
        ("2 3\ntea 1 2 3\nmilk 1 2\r3 4\n", ":3: 4 columns after 'milk'; expected 3 numbers"),
        ("2 3\ntea 1 2 3\nmilk 1\r2 3\n", ":3: '1\\r2 3' after 'milk'; expected finite numbers"),
        ("2 3\ntea 1 2 3\n 1 2 3\n", ":3: begins with ''; expected a word"),
        ("2 3\ntea 1 2 3\ntea 1 2 3\n", ":3: 'tea' a second time, it is word 1 too"),
        ("tea 1 2 3\nmilk 1 2 3\ntea 1 2 3\n", ":3: 'tea' a second time, it is word 1 too"),
        ("tea 1 2 3\nmilk 1 2\n", ":2: 2 columns after 'milk'; expected 3 numbers"),
        (b"2 3\ntea 1 2 3\nm\xfcsli 1 2 3\n", ":3: the word 'm\\xfcsli' is not UTF-8"),
        (b"2 3\ntea 1 2 3\nmilk 1 \xfc 3\n", ":3: '\\xfc' after 'milk'; expected finite numbers"),
        (b"2 3\ntea 1 2 3\nmilk 1 2\xa03 4\n", ":3: '2\\xa03' after 'milk'; expected finite numbers"),
        (b"2 3\ntea 1 2 3\nmilk 1 2\xa03\n", ":3: 2 columns after 'milk'; expected 3 numbers"),
        (b"2 3\ntea 1 2 3\nmilk \x1c\n", ":3: 1 columns after 'milk'; expected 3 numbers"),
        (b"2 3\ntea 1 2 3\nmi\x1flk 1 2 3\n", ":3: begins with 'mi\\x1flk'; expected a word"),
        (b"\x80\x04\x95", ": a pickle, which can run any code as it is opened; write the vectors from gensim with"),
        (b"\xba\x16O/\x0c\0", ":1: begins with '\ufffd\\x16O/\\x0c\\x00'; expected the number of words"),
        # Binary: the header takes 4 bytes, each word 4 + 8.
        (binary(("tea", [1, 2]), ("pie", [3, 4]), header="3 2"), ": cut short at byte 28, after 2 words; its first"),
        (binary(("tea", [1, 2]), ("pie", [3, 4]))[:-1], ": cut short at byte 27, after 1 words; its first line says 2"),
        (binary(("tea", [1, 2]), ("pie", [3, 4]))[:18], ": cut short at byte 18, after 1 words; its first line says 2"),
        (binary(("tea", [1, 2]), ("pie", [3, 4]), header="1 2"), ": byte 16: goes on after the 1 words of the first"),
        (binary(("tea", [1, 2]), ("pie", [3, 4])) + b"\n\n!", ": byte 28: goes on after the 2 words of the first"),
        (binary(("tea", [1, 2]), ("tea", [3, 4])), ": byte 16: 'tea' a second time, it is word 1 too"),
        (
            binary(("tea", [1, 2]), ("pie", [3, np.nan])),
            ": byte 16: numbers in the vector of 'pie' that are not finite",
        ),
        (
            binary(("tea", [-np.inf, 2]), ("pie", [3, 1])),
            ": byte 4: numbers in the vector of 'tea' that are not finite",
        ),
        (
            binary(("tea", [1, 2]), ("pie", [3, 4]), header="2 1"),
            ": byte 12: begins with '\\x00\\x00\\x00@pie'; expected",
        ),
        (binary(("tea", [1, 2]), ("", [3, 4])), ": byte 16: begins with ''; expected a word"),
        (binary(("tea", [1, 2]), ("p\ne", [3, 4])), ": byte 16: begins with 'p\\ne'; expected a word"),
        (binary(("tea", [1, 2])).replace(b"1", b"2") + b"\xfc 12345678", ": byte 16: the word '\\xfc' is not UTF-8"),
        (binary(("tea", [1, 2])).replace(b"1", b"2") + b"x" * 10_000, ": byte 16: no word that ends within 10,000"),
    ],
)
def test_damage_is_named_by_line_or_byte(write: Write, content: str | bytes, problem: str) -> None:
    path = write(content)
    assert error_of(read_word2vec, path).startswith(f"{path}{problem}")


def test_a_line_far_into_the_file_is_counted(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word2vec, "BLOCK", 100)
    lines = [f"w{k} {k} 2 3" for k in range(1000)]
    for number, line in (300, "w298 1 2 x"), (700, "w698 1 2"), (999, "w0 1 2 3"):
        damaged = [*lines[: number - 2], line, *lines[number - 1 :]]
        for header, shift in ("1000 3\n", 0), ("", 1):
            path = write(header + "\n".join(damaged) + "\n")
            assert error_of(read_word2vec, path).startswith(f"{path}:{number - shift}: ")


def test_a_line_without_end_is_not_read_whole(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word2vec, "BLOCK", 1000)
    monkeypatch.setattr(word2vec, "LONGEST_LINE", 5000)
    path = write("2 2\ntea 1 2\n" + "x" * 10_000)
    assert error_of(read_word2vec, path) == f"{path}:3: a line of more than 5,000 bytes"


def test_a_zipped_file_cut_short_is_named(tmp_path: Path, drinks: Embeddings) -> None:
    path = tmp_path / "a.gz"
    write_word2vec(drinks, path)
    path.write_bytes(path.read_bytes()[:-12])
    assert error_of(read_word2vec, path).startswith(f"{path}: damaged or cut short (")


@settings(max_examples=400)
@given(is_binary=st.booleans(), data=st.data(), byte=st.integers(0, 255), cut=st.booleans())
def test_any_damage_is_an_input_error_or_other_embeddings(
    tmp_path_factory: pytest.TempPathFactory, is_binary: bool, data: st.DataObject, byte: int, cut: bool
) -> None:
    content = b"3 2\n" + (b"tea 1 0.5\ncaf\xc3\xa9 -2 3e-2\nx 0 7\n")
    if is_binary:
        content = binary(("tea", [1, 0.5]), ("café", [-2, 0.03]), ("x", [0, 7]))
    place = data.draw(st.integers(0, len(content) - 1))
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(content[:place] if cut else content[:place] + bytes([byte]) + content[place + 1 :])
    assume(not cut or is_binary or place < len(content) - 2)  # what lacks nothing but the last digit is whole
    try:
        found = read_word2vec(path)
    except InputError as error:
        assert str(error).startswith(f"{path}:") and "\n" not in str(error)
    else:
        assert not cut and len(found) <= 3 and np.isfinite(found.vectors).all()
