import gzip
import io
import tarfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqrl.errors import InputError
from seqrl.text.blocks import text_blocks
from seqrl.text.words import SPLITTINGS

text = st.text(st.sampled_from("abé東\U00020000 \n\t\r'"), min_size=1)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("blocks") / "novel.txt"


def blocks_of(place: Path, content: bytes, size: int) -> list[str]:
    place.write_bytes(content)
    return list(text_blocks(place, size=size))


def error_of(place: Path, content: bytes, size: int = 8) -> str:
    with pytest.raises(InputError) as error:
        blocks_of(place, content, size)
    assert "\n" not in str(error.value)
    return str(error.value).removeprefix(f"{place}")


@given(text, st.integers(4, 40), st.booleans())
def test_the_blocks_are_the_whole_text(place: Path, text: str, size: int, zipped: bool) -> None:
    content = text.encode()
    assert "".join(blocks_of(place, gzip.compress(content) if zipped else content, size)) == text


@given(st.lists(st.text(st.sampled_from("abé東'"), max_size=5)), st.sampled_from(" \n\t"), st.integers(16, 40))
def test_no_word_is_cut(place: Path, words: list[str], space: str, size: int) -> None:
    text = space.join(words)  # words of at most 15 bytes
    for split in SPLITTINGS.values():
        assert [word for block in blocks_of(place, text.encode(), size) for word in split(block)] == split(text)


def test_a_block_ends_behind_a_line_end_where_it_has_one(place: Path) -> None:
    assert blocks_of(place, b"one\ntwo three four\nfive", 10) == ["one\n", "two three four\n", "five"]


def test_text_without_white_space_is_cut_all_the_same(place: Path) -> None:
    assert {len(block) for block in blocks_of(place, "東".encode() * 1000, 30)} <= set(range(1, 21))


@pytest.mark.parametrize("content", [b"a " * 4_000_000, b"a" * 8_000_000, b"a\n" * 4_000_000])
def test_memory_is_that_of_a_few_blocks(place: Path, content: bytes) -> None:
    place.write_bytes(content)
    del content
    tracemalloc.start()
    for _ in text_blocks(place, size=1 << 16):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * (1 << 16)


@pytest.mark.parametrize("zipped", [False, True])
def test_progress_adds_up_to_the_size_of_the_file(place: Path, zipped: bool) -> None:
    content = b"".join(b"%d\n" % i for i in range(100_000))
    place.write_bytes(gzip.compress(content) if zipped else content)
    parts: list[int] = []
    for _ in text_blocks(place, parts.append, size=1 << 16):
        pass
    assert sum(parts) == place.stat().st_size and len(parts) > 5 and min(parts) >= 0


def test_a_byte_order_mark_is_no_text(place: Path) -> None:
    assert blocks_of(place, "\ufeffone two".encode(), 8) == ["one ", "two"]


def test_of_wordnet_only_the_glosses_are_text(place: Path) -> None:
    header = b"  1 This software and database is being provided to you, the LICENSEE, by  \n"
    lines = b'%08d 03 n 01 thing 0 000 | a thing; "things"\n'
    content = header + b"".join(lines % i for i in range(100))
    assert "".join(blocks_of(place, content, 200)) == 'a thing\n"things"\n' * 100
    assert "".join(blocks_of(place, content.replace(b"  1", b" 1", 1), 200)) == content.decode().replace("  1", " 1", 1)


def test_what_is_no_text_is_refused_with_its_place(place: Path) -> None:
    assert error_of(place, b"one\ntwo\nth\xffree") == ":3: byte 0xff at offset 10 is not UTF-8"
    assert error_of(place, gzip.compress(b"one\ntwo\nth\xffree")) == ":3: byte 0xff at offset 10 is not UTF-8"
    assert error_of(place, b"one\ntwo\nth\0ree") == ":3: a NUL byte at offset 10; expected text in UTF-8"
    assert error_of(place, b"one\ntwo " + "é".encode()[:1]) == ":2: byte 0xc3 at offset 8 is not UTF-8"
    assert error_of(place, "one".encode("utf-16")).endswith("(it looks like UTF-16)")
    assert error_of(place, "one".encode("utf-16-le")).endswith("(it looks like UTF-16)")
    assert error_of(place, gzip.compress(b"one " * 1000)[:-9]).startswith(": damaged or cut short")


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_tar_archive_is_refused(place: Path, mode: str) -> None:
    with tarfile.open(place, mode) as archive:
        archive.addfile(tarfile.TarInfo("novel.txt"), io.BytesIO())
    assert error_of(place, place.read_bytes()) == ": a tar archive; expected a text file"
