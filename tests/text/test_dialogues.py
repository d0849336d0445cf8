import gzip
from pathlib import Path

import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.text.dialogues import Mark, answers_path, read_dialogues, read_marks, split_dialogues

TEXT = "Hello.\nHi.\n\nHow are you?\nFine.\nGood.\n"
DIALOGUES = [["Hello.", "Hi."], ["How are you?", "Fine.", "Good."]]


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_blank_lines_part_dialogues_however_many_there_are(tmp_path: Path) -> None:
    for text in TEXT, "\n\n" + TEXT.replace("\n\n", "\n \n\t\n\n") + "\n\n", TEXT.replace("\n", "\r\n"), TEXT[:-1]:
        assert read_dialogues(write(tmp_path / "talk.txt", text)) == DIALOGUES


def test_gzipped_files_byte_order_marks_and_spaces_change_nothing(tmp_path: Path) -> None:
    content = ("\ufeff" + TEXT.replace("Hi.", "  Hi. ")).encode()
    assert read_dialogues(write(tmp_path / "talk.txt.gz", gzip.compress(content))) == DIALOGUES


def test_characters_that_are_composed_and_those_that_are_not_are_the_same(tmp_path: Path) -> None:
    assert read_dialogues(write(tmp_path / "talk.txt", "Cafe\u0301?\nSi\u0301.\n")) == [["Café?", "Sí."]]


BAD = {
    "empty": (b"", "talk.txt: empty file"),
    "blank": (b"\n \n\n", "talk.txt: no dialogues in it"),
    "alone": (b"a\nb\n\nc\n\nd\ne\n", "talk.txt:4: a dialogue of one utterance, 'c'; expected two or more"),
    "alone at the end": (b"a\nb\n\nc", "talk.txt:4: a dialogue of one utterance"),
    "one endless line": (b"word " * 100_000, "talk.txt:1: a dialogue of one utterance, 'word "),
    "not UTF-8": (b"a\nb\xff\n", "talk.txt:2: byte 0xff at offset 3 is not UTF-8"),
    "UTF-16": ("a\nb\n".encode("utf-16"), "UTF-16"),
    "binary": (b"a\n\0\0\1b\n", "talk.txt:2: a character of code 0; expected text"),
    "damaged": (gzip.compress(TEXT.encode())[:-9], "talk.txt: damaged or cut short"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_wrong_with_a_file_is_one_short_line_with_its_place(kind: str, tmp_path: Path) -> None:
    content, expected = BAD[kind]
    path = write(tmp_path / "talk.txt", content)
    with pytest.raises(InputError) as caught:
        read_dialogues(path)
    message = str(caught.value)
    assert message.startswith(str(path)) and expected in message
    assert "\n" not in message and len(message) < len(str(path)) + 200


def test_a_missing_file_is_said_with_its_neighbour(tmp_path: Path) -> None:
    write(tmp_path / "talk.txt", TEXT)
    with pytest.raises(InputError, match=r"tolk.txt: no such file \(did you mean 'talk.txt'\?\)"):
        read_dialogues(tmp_path / "tolk.txt")


def test_answers_lie_beside_their_dialogues() -> None:
    for name, expected in {
        "a/talk.txt": "a/talk.answers.tsv",
        "a/talk.txt.gz": "a/talk.answers.tsv",
        "a/talk": "a/talk.answers.tsv",
        "a.b/talk.two.txt": "a.b/talk.two.answers.tsv",
    }.items():
        assert answers_path(name) == Path(expected)


def test_marks_count_from_1_in_the_file_and_from_0_in_python(tmp_path: Path) -> None:
    path = write(tmp_path / "talk.answers.tsv", "2\t3\trecall\tGood.\tFine!\tGood.\n\n1\t2\topen\tHi.\n")
    assert read_marks(path, DIALOGUES, "talk.txt") == [
        Mark(1, 2, "recall", ["Good.", "Fine!"]),
        Mark(0, 1, "open", ["Hi."]),
    ]


BAD_MARKS = {
    "1\t2\topen": "expected DIALOGUE TAB UTTERANCE TAB KIND TAB ANSWER",
    "1\t2\topen\t\tHi.": "expected DIALOGUE TAB UTTERANCE TAB KIND TAB ANSWER",
    "1 2 open Hi.": "expected DIALOGUE TAB UTTERANCE TAB KIND TAB ANSWER",
    "1\t2\topem\tHi.": "the kind is 'opem' (did you mean 'open'?)",
    "3\t2\topen\tHi.": "the dialogue is '3'; expected a number from 1 to 2, as talk.txt has them",
    "0\t2\topen\tHi.": "the dialogue is '0'",
    "-1\t2\topen\tHi.": "the dialogue is '-1'",
    "1\t1\topen\tHello.": "the utterance is '1'; expected a number from 2 to 2, as dialogue 1 of talk.txt has them",
    "1\tx\topen\tHi.": "the utterance is 'x'",
    "1\t2\topen\tHo.": "'Hi.', utterance 2 of dialogue 1 of talk.txt, is not among the answers that fit there",
}


@pytest.mark.parametrize("line", BAD_MARKS)
def test_a_mark_that_does_not_go_with_the_dialogues_is_named_with_its_line(line: str, tmp_path: Path) -> None:
    path = write(tmp_path / "talk.answers.tsv", f"1\t2\topen\tHi.\n{line}\n")
    with pytest.raises(InputError) as caught:
        read_marks(path, DIALOGUES, "talk.txt")
    assert str(caught.value).startswith(f"{path}:2: ") and BAD_MARKS[line] in str(caught.value)


def many(count: int) -> list[list[str]]:
    return [["What number?", f"{n}."] for n in range(count)]


def test_no_dialogue_stands_on_two_sides_of_a_split_and_none_is_lost(rng: np.random.Generator) -> None:
    dialogues = [*many(200), *many(100)]
    train, valid, test = split_dialogues(dialogues, 0.1, rng)
    sides = [{tuple(dialogue) for dialogue in side} for side in (train, valid, test)]
    assert [len(side) for side in sides] == [160, 20, 20]
    assert len(set.union(*sides)) == 200
    assert sorted([*train, *valid, *test]) == sorted(dialogues)
    assert train == [dialogue for dialogue in dialogues if tuple(dialogue) in sides[0]]


def test_a_split_depends_on_its_source_of_randomness_alone() -> None:
    first, again, other = (split_dialogues(many(50), 0.1, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_too_few_dialogues_are_not_split(rng: np.random.Generator) -> None:
    with pytest.raises(InputError, match=r"9 distinct dialogues are too few .*; expected 10 or more, with blank lines"):
        split_dialogues(many(9) * 5, 0.1, rng)
    for share in 0.0, 0.5, float("nan"):
        with pytest.raises(InputError, match="the fraction held out is"):
            split_dialogues(many(50), share, rng)
