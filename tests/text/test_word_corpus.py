import gzip
import json
import os
import subprocess
import sys
import textwrap
import tracemalloc
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqrl.errors import InputError
from seqrl.text import word_corpus as module
from seqrl.text.blocks import text_blocks
from seqrl.text.word_corpus import Vocabulary, WordCorpus, read_word_corpus
from seqrl.text.words import words as split_words

Write = Callable[..., Path]
Read = Callable[..., WordCorpus]

TEXT = "The cat sat.\nThe dog sat!\n\nA cat; the end\n"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: str | bytes, name: str = "novel.txt") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read(*paths: str | Path, **options: object) -> WordCorpus:
        return read_word_corpus(paths, **{"cache": tmp_path / "cache", "min_count": 1, "verbose": False, **options})

    return read


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that corpora were made in, and not only read from."""
    folders: list[Path] = []
    make = module._make
    monkeypatch.setattr(module, "_make", lambda folder, *rest: (folders.append(folder), make(folder, *rest)))
    return folders


def sentences(corpus: WordCorpus) -> list[str]:
    words = [*corpus.vocabulary.words, "|"]
    return " ".join(words[id] for id in corpus.ids).removesuffix(" |").split(" | ")


def error_of(function: Callable[..., object], *args: object, **options: object) -> str:
    with pytest.raises(InputError) as error:
        function(*args, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


# Words and ids


def test_words_are_ordered_by_count_and_then_by_themselves(write: Write, read: Read) -> None:
    corpus = read(write(TEXT))
    assert list(corpus.vocabulary.words) == ["the", "cat", "sat", "a", "dog", "end"]
    assert corpus.vocabulary.counts.tolist() == [3, 2, 2, 1, 1, 1]
    assert corpus.vocabulary.counts.dtype == np.int64
    assert corpus.vocabulary.index == {"the": 0, "cat": 1, "sat": 2, "a": 3, "dog": 4, "end": 5}
    assert len(corpus.vocabulary) == 6


def test_each_line_is_a_sentence_and_none_is_empty(write: Write, read: Read) -> None:
    corpus = read(write("\n\n" + TEXT + "\n...\n\nlast"), write("more", "more.txt"))
    assert sentences(corpus) == ["the cat sat", "the dog sat", "a cat the end", "last", "more"]
    assert corpus.ids[-1] == -1
    assert corpus.words == corpus.raw_words == 12


def test_words_below_the_minimum_count_are_dropped(write: Write, read: Read) -> None:
    corpus = read(write(TEXT + "dog\nend\nrare"), min_count=2)
    assert sentences(corpus) == ["the cat sat", "the dog sat", "cat the end", "dog", "end"]
    assert (corpus.words, corpus.raw_words) == (11, 13)
    assert corpus.vocabulary.counts.sum() == corpus.words


def test_the_vocabulary_can_be_limited(write: Write, read: Read) -> None:
    corpus = read(write(TEXT), max_vocabulary=2)
    assert list(corpus.vocabulary.words) == ["the", "cat"]
    assert sentences(corpus) == ["the cat", "the", "cat the"]


def test_tokens_between_white_space_are_kept_as_they_are(write: Write, read: Read) -> None:
    corpus = read(write("The cat_1 sat.\r\n\u3000Don’t, the\tend.\n"), splitting="whitespace")
    assert sentences(corpus) == ["The cat_1 sat.", "Don’t, the end."]


def test_ids_are_a_map_of_a_file_that_can_only_be_read(write: Write, read: Read) -> None:
    ids = read(write(TEXT)).ids
    assert isinstance(ids, np.memmap) and ids.dtype == np.int32 and not ids.flags.writeable


def test_without_files_the_documentation_is_read_by_paragraphs(read: Read, made: list[Path]) -> None:
    corpus = read(min_count=5)
    assert corpus.words > 500_000 and 4_000 < len(corpus.vocabulary) < 20_000
    first, second, *_ = sentences(corpus._replace(ids=corpus.ids[:100]))
    assert first == "the assert statement"
    assert second.startswith("assert statements are a convenient way to insert debugging")
    assert list(corpus.files) == ["the documentation of Python"]
    assert read(min_count=5).files == corpus.files and len(made) == 1


def test_of_wordnet_the_glosses_are_read(write: Write, read: Read) -> None:
    header = "  1 This software and database is being provided to you, the LICENSEE, by  \n"
    data = header + '00001740 03 n 01 thing 0 000 | separate; self-contained; "a thing"; "things"  \n'
    expected = ["separate self contained", "a thing", "things"]
    assert sentences(read(write(data, "data.noun"))) == expected
    assert sentences(read(write(gzip.compress(data.encode()), "data.noun.gz"))) == expected


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    texts=st.lists(st.text(st.sampled_from("abé '\n-"), min_size=1), min_size=1, max_size=3),
    min_count=st.integers(1, 3),
    size=st.integers(64, 100),
)
def test_ids_are_what_counting_all_at_once_gives(
    texts: list[str], min_count: int, size: int, tmp_path_factory: pytest.TempPathFactory, monkeypatch
) -> None:
    folder = tmp_path_factory.mktemp("corpus")
    texts = [f"a b a b a b\n{text}" for text in texts]
    for number, text in enumerate(texts):
        (folder / f"{number}").write_text(text, encoding="utf-8", newline="")
    monkeypatch.setattr(module, "text_blocks", partial(text_blocks, size=size))
    corpus = read_word_corpus(sorted(folder.iterdir()), cache=folder / "cache", min_count=min_count, verbose=False)

    lines = [split_words(line) for text in texts for line in text.split("\n")]
    counts = Counter(word for line in lines for word in line)
    kept = {word: count for word, count in counts.items() if count >= min_count}
    assert dict(zip(corpus.vocabulary.words, corpus.vocabulary.counts, strict=True)) == kept
    assert sentences(corpus) == [" ".join(k) for line in lines if (k := [word for word in line if word in kept])]
    assert corpus.raw_words == counts.total() and corpus.words == sum(kept.values())


def test_a_gzipped_file_gives_the_same(write: Write, read: Read) -> None:
    plain, zipped = read(write(TEXT)), read(write(gzip.compress(TEXT.encode()), "novel.txt.gz"))
    assert sentences(plain) == sentences(zipped)
    assert list(plain.files.values()) == list(zipped.files.values())


# Memory


def test_memory_does_not_grow_with_the_text(tmp_path: Path, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "text_blocks", partial(text_blocks, size=1 << 15))
    peaks = []
    for repeats in 2, 10:
        path = tmp_path / f"{repeats}.txt"
        path.write_bytes(b"".join(b"word%d is here\n" % (i % 1000) for i in range(6_000)) * repeats)
        tracemalloc.start()
        read(path)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert path.stat().st_size > 25 * (1 << 15)
    assert peaks[1] < 1.05 * peaks[0]


def test_of_too_many_different_words_the_rare_are_forgotten(
    write: Write, read: Read, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "MAXIMUM_COUNTED", 500)
    monkeypatch.setattr(module, "text_blocks", partial(text_blocks, size=1 << 10))
    text = "".join(f"often rare{i}\n" for i in range(1500)) + "end once more"
    corpus = read(write(text), verbose=True)
    assert corpus.raw_words == 3003
    assert corpus.vocabulary.words[0] == "often" and corpus.vocabulary.counts[0] == 1500
    assert 1 < len(corpus.vocabulary) <= 500
    assert "once" in corpus.vocabulary.index and "rare0" not in corpus.vocabulary.index
    assert np.count_nonzero(corpus.ids == 0) == 1500
    assert "more than 500 different words: those that occurred" in capsys.readouterr().err


def test_words_that_are_all_forgotten(write: Write, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAXIMUM_COUNTED", 2)
    path = write("a b c d e\n")
    assert error_of(read, path) == f"no word occurs 1 times or more in {path}; expected words that recur"


# The cache


def test_the_same_files_are_not_read_again(write: Write, read: Read, made: list[Path]) -> None:
    path = write(TEXT)
    first, second = read(path), read(path)
    assert len(made) == 1
    assert np.array_equal(first.ids, second.ids) and list(first.vocabulary.words) == list(second.vocabulary.words)
    assert (first.words, first.raw_words, first.files) == (second.words, second.raw_words, second.files)
    assert np.array_equal(first.vocabulary.counts, second.vocabulary.counts)


@pytest.mark.parametrize("options", [{"min_count": 2}, {"splitting": "whitespace"}, {"max_vocabulary": 2}])
def test_other_settings_are_another_corpus(
    write: Write, read: Read, made: list[Path], options: dict[str, object]
) -> None:
    path = write(TEXT)
    assert not np.array_equal(read(path).ids, read(path, **options).ids)
    assert len(set(made)) == 2


def test_a_changed_file_is_read_again(write: Write, read: Read, made: list[Path]) -> None:
    path = write("one two")
    os.utime(path, ns=(0, 0))
    first = read(path)
    write("one six")
    os.utime(path, ns=(0, 1))
    second = read(path)
    assert "six" in second.vocabulary.index and len(made) == 2
    assert first.files != second.files


def test_a_file_touched_has_the_same_digest(write: Write, read: Read) -> None:
    path = write(TEXT)
    first = read(path)
    os.utime(path, ns=(0, 0))
    assert read(path).files == first.files


def test_files_in_another_order_are_another_corpus(write: Write, read: Read, made: list[Path]) -> None:
    a, b = write("one two", "a.txt"), write("two one one", "b.txt")
    assert sentences(read(a, b)) == ["one two", "two one one"]
    assert sentences(read(b, a)) == ["two one one", "one two"]
    assert len(set(made)) == 2


def test_files_are_named_as_they_were_given(write: Write, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(TEXT)
    monkeypatch.chdir(path.parent)
    assert read(path).files.keys() == {str(path)}
    assert read("novel.txt").files == {"novel.txt": read(path).files[str(path)]}


@pytest.mark.parametrize("name", [module.IDS, module.VOCABULARY, module.DESCRIPTION])
@pytest.mark.parametrize("damage", ["missing", "cut", "changed", "empty"])
def test_a_damaged_copy_is_made_again(write: Write, read: Read, made: list[Path], name: str, damage: str) -> None:
    path = write(TEXT)
    expected = sentences(read(path))
    file = made[0] / name
    content = file.read_bytes()
    match damage:
        case "missing":
            file.unlink()
        case "cut":
            file.write_bytes(content[:-4])
        case "changed":
            file.write_bytes(bytes([content[0] ^ 1]) + content[1:])
        case "empty":
            file.write_bytes(b"")
    assert sentences(read(path)) == expected and len(made) == 2
    assert file.read_bytes() == content


@pytest.mark.parametrize("content", ["[]", "{}", "null", '{"crc32": []}', '{"crc32": {"ids.int32": 0}}', "\\"])
def test_a_description_of_another_shape_is_made_again(write: Write, read: Read, made: list[Path], content: str) -> None:
    path = write(TEXT)
    expected = sentences(read(path))
    (made[0] / module.DESCRIPTION).write_text(content)
    assert sentences(read(path)) == expected
    assert json.loads((made[0] / module.DESCRIPTION).read_text())["words"] == 10


def test_what_is_open_stays_whole_when_the_copy_is_made_again(write: Write, read: Read, made: list[Path]) -> None:
    path = write(TEXT)
    corpus = read(path)
    before = corpus.ids.tolist()
    (made[0] / module.DESCRIPTION).unlink()
    read(path)
    assert corpus.ids.tolist() == before


def test_an_error_leaves_nothing_behind(write: Write, read: Read, tmp_path: Path) -> None:
    error_of(read, write("..."))
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_file_that_changes_while_it_is_read_is_refused(
    write: Write, read: Read, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = write(TEXT)
    count = module._count
    monkeypatch.setattr(module, "_count", lambda *args: (count(*args), write(TEXT + "more"))[0])
    assert error_of(read, path) == f"{path}: changed while it was read; expected a file that stays the same"
    assert not list((tmp_path / "cache").glob(f"*/{module.DESCRIPTION}"))


def test_two_processes_make_a_corpus_once(write: Write, tmp_path: Path) -> None:
    path = write("the same words again and again\n" * 100_000)
    program = textwrap.dedent("""
        import sys
        from seqrl.text import word_corpus
        make = word_corpus._make
        word_corpus._make = lambda *args: (print("made"), make(*args))
        corpus = word_corpus.read_word_corpus([sys.argv[1]], cache=sys.argv[2], verbose=False)
        print(corpus.words)
    """)
    command = [sys.executable, "-c", program, str(path), str(tmp_path / "cache")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = sorted(process.communicate(timeout=60)[0].split() for process in processes)
    assert outputs == [["600000"], ["made", "600000"]]


# What is refused


def test_a_file_without_words_is_named(write: Write, read: Read) -> None:
    path, good = write("... !\n\n", "dots.txt"), write(TEXT)
    assert error_of(read, good, path) == f"{path}: no words in it; expected text"
    empty = write("", "empty.txt")
    assert error_of(read, empty) == f"{empty}: no words in it; expected text"


def test_words_below_the_minimum_count_all_of_them(write: Write, read: Read) -> None:
    path = write(TEXT)
    assert error_of(read, path, min_count=5) == (
        f"no word occurs 5 times or more in {path}; "
        "expected a minimum count of at most 3, that of the most frequent, 'the'"
    )


def test_a_file_given_twice(write: Write, read: Read, tmp_path: Path) -> None:
    path = write(TEXT)
    again = tmp_path / "." / ".." / tmp_path.name / "novel.txt"
    assert error_of(read, path, again) == f"{again}: given twice; expected each file once"


def test_what_is_no_file(write: Write, read: Read, tmp_path: Path) -> None:
    write(TEXT)
    assert error_of(read, tmp_path) == f"{tmp_path}: a folder; expected a file"
    assert error_of(read, tmp_path / "novell.txt").endswith("no such file (did you mean 'novel.txt'?)")
    os.mkfifo(tmp_path / "pipe")
    assert error_of(read, tmp_path / "pipe").startswith(f"{tmp_path / 'pipe'}: can't be read twice")


def test_what_is_no_text(write: Write, read: Read) -> None:
    path = write(b"one\ntwo \xff", "binary")
    assert error_of(read, path) == f"{path}:2: byte 0xff at offset 8 is not UTF-8"


def test_settings_that_make_no_sense(write: Write, read: Read) -> None:
    path = write(TEXT)
    assert error_of(read, path, min_count=0) == "the minimum count is 0; expected 1 or more"
    assert error_of(read, path, max_vocabulary=0) == "the vocabulary is limited to 0 words; expected 1 or more"
    assert error_of(read, path, splitting="word") == (
        "splitting is 'word' (did you mean 'words'?); expected one of words, whitespace"
    )


def test_a_cache_that_is_a_file(write: Write, read: Read, tmp_path: Path) -> None:
    path = write(TEXT)
    assert "can't be written" in error_of(read, path, cache=path)


def test_a_vocabulary_is_made_of_words_and_counts() -> None:
    vocabulary = Vocabulary(["a", "b"], [2, 1])
    assert vocabulary.index["b"] == 1 and len(vocabulary) == 2 and vocabulary.counts.dtype == np.int64
