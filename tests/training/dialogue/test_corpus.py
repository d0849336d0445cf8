import gzip
from pathlib import Path

import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.text.dialogues import Mark
from seqrl.text.specials import EOS
from seqrl.text.tokenizers import Tokenizer
from seqrl.training.dialogue.corpus import Held, answers, check_not_empty, files, read_corpus, tokenize


@pytest.fixture
def tokenizer() -> Tokenizer:
    return Tokenizer.train("char", ["abcdefgh"])


def test_held_out_files_of_several_are_one_set_with_their_marks(talk: Path, rng: np.random.Generator) -> None:
    paths = [str(talk / "valid.txt"), str(talk / "test.txt")]
    corpus = read_corpus([str(talk / "train.txt")], paths[:1], paths, rng)
    assert [len(corpus.train), len(corpus.valid.dialogues), len(corpus.test.dialogues)] == [24, 3, 6]
    assert [len(corpus.valid.marks), len(corpus.test.marks)] == [6, 12]
    for held in corpus.valid, corpus.test:
        for mark in held.marks:
            assert held.dialogues[mark.dialogue][mark.utterance] in mark.fitting
            assert held.context(mark) == held.dialogues[mark.dialogue][: mark.utterance]


@pytest.mark.parametrize("given", ["none", "valid", "test"])
def test_what_has_no_file_is_split_off_and_not_trained_on(given: str, talk: Path, rng: np.random.Generator) -> None:
    own = [str(talk / "valid.txt")]
    corpus = read_corpus(
        [str(talk / "train.txt")], own if given == "valid" else [], own if given == "test" else [], rng
    )
    taken = [*corpus.valid.dialogues, *corpus.test.dialogues]
    assert len(corpus.train) == (22 if given == "none" else 23)
    assert corpus.valid.dialogues and corpus.test.dialogues
    assert not {tuple(d) for d in corpus.train} & {tuple(d) for d in taken}


def test_files_are_all_that_is_read(talk: Path, tmp_path: Path) -> None:
    zipped = tmp_path / "more.txt.gz"
    zipped.write_bytes(gzip.compress(b"a\nb\n"))
    found = files(["train.txt"], [str(talk / "test.txt"), str(zipped)])
    assert found == ["train.txt", str(talk / "test.txt"), str(zipped), str(talk / "test.answers.tsv")]


def test_every_utterance_ends_with_eos_and_keeps_its_place(tokenizer: Tokenizer) -> None:
    examples, left_out = tokenize([["ab", "c", "def"], ["h", "g"]], tokenizer, 10, 10)
    assert left_out == 0
    assert [[tokenizer.decode(ids) for ids in dialogue] for dialogue in examples.dialogues] == [
        ["ab", "c", "def"],
        ["h", "g"],
    ]
    assert all(ids[-1] == EOS and EOS not in ids[:-1] for dialogue in examples.dialogues for ids in dialogue)
    assert examples.sizes.tolist() == [[4, 3], [2, 2]]
    batch = examples.batch(np.array([1, 0]))
    assert batch.utterances.tolist() == [2, 3]
    assert batch.lengths.tolist() == [[2, 2, 0], [3, 2, 4]]


def test_a_dialogue_ends_before_a_long_utterance_and_another_begins_after_it(tokenizer: Tokenizer) -> None:
    dialogue = ["a", "b", "cccc", "d", "eeee", "f", "g", "h"]
    examples, left_out = tokenize([dialogue], tokenizer, 4, 10)
    assert [[tokenizer.decode(ids) for ids in d] for d in examples.dialogues] == [["a", "b"], ["f", "g", "h"]]
    assert left_out == 3  # and so is one that stands alone
    assert tokenize([["ccc", "d"]], tokenizer, 4, 10)[1] == 0  # EOS is the fourth


def test_long_dialogues_are_cut(tokenizer: Tokenizer) -> None:
    examples, left_out = tokenize([list("abcdefg")], tokenizer, 4, 3)
    assert [[tokenizer.decode(ids) for ids in d] for d in examples.dialogues] == [list("abc"), list("def")]
    assert left_out == 1


def test_no_dialogue_left_is_said() -> None:
    examples, _ = tokenize([["cccc", "d"]], Tokenizer.train("char", ["cd"]), 2, 10)
    assert examples.sizes.shape == (0, 2)
    with pytest.raises(InputError, match="no test dialogue has two utterances in a row of at most 2 tokens"):
        check_not_empty("test", examples, 2)


def test_answers_that_depend_on_the_context_are_those_that_are_measured(tokenizer: Tokenizer) -> None:
    held = Held([["ab", "c", "d", "e"]], [Mark(0, 1, "open", ["c", "d"]), Mark(0, 3, "recall", ["e", "ff"])])
    found = answers(held, tokenizer)
    assert found is not None
    assert found.contexts == [tokenizer.encode_batch(["ab", "c", "d"])]
    assert found.fitting == [tokenizer.encode_batch(["e", "ff"])]
    assert answers(Held(held.dialogues, held.marks[:1]), tokenizer) is None
