from pathlib import Path

import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.text.documents import Document
from seqrl.text.specials import EOS, UNKNOWN
from seqrl.text.tokenizers import Tokenizer
from seqrl.training.language.corpus import chunk_count, chunks, digest, read_corpus, tokenize


def written(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("kind", ["char", "word", "bpe"])
def test_documents_come_back_from_their_tokens_line_by_line(kind: str) -> None:
    texts = ["def f(x):\n    return x\n\n\nl'ami  (two  spaces)", "one\ntwo\n  three"]
    tokens = tokenize([Document("a", f"  {texts[0]}\n\n"), Document("b", texts[1])], tokenizer_of(kind, texts))
    assert [tokenizer_of(kind, texts).decode(ids) for ids in tokens.documents()] == texts
    assert all(ids[-1] == EOS and EOS not in ids[:-1] for ids in tokens.documents())
    assert tokens.characters == sum(len(text) + 1 for text in texts)


def tokenizer_of(kind: str, texts: list[str]) -> Tokenizer:
    return Tokenizer.train(kind, texts)


def test_characters_are_counted_as_the_tokenizer_sees_them() -> None:
    decomposed = "e\u0301te\u0301"
    tokens = tokenize([Document("a", decomposed)], Tokenizer.train("char", [decomposed]))
    assert tokens.characters == tokens.ids.size == 4


def test_the_share_of_unknown_words_is_of_all_tokens() -> None:
    tokens = tokenize([Document("a", "one two six")], Tokenizer.train("word", ["one two"]))
    assert tokens.ids.tolist().count(UNKNOWN) == 1
    assert tokens.unknown_share == 0.25  # of three words and the end


def test_a_document_that_no_tokenizer_takes_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqrl.text.tokenizers.ENDLESS", 20)
    with pytest.raises(InputError, match=r"dna\.txt: .* characters without a space or a line end"):
        tokenize([Document("dna.txt", "acgt" * 20)], Tokenizer.train("word", ["acgt"]))


def test_chunks_are_the_text_in_streams_each_token_the_target_of_the_one_before() -> None:
    texts = ["abcdefg", "hijk", "lmnopqrstuv"]
    tokenizer = Tokenizer.train("char", texts)
    tokens = tokenize([Document(text, text) for text in texts], tokenizer)
    order = np.array([2, 0, 1])
    N, T = 3, 3
    made = chunks(tokens, order, N, T)
    assert len(made) == chunk_count(tokens, N, T) == 3
    assert [chunk.first for chunk in made] == [True, False, False]
    assert [len(chunk.inputs) for chunk in made] == [3, 3, 2]  # the tail is learned too
    inputs, targets = (np.concatenate([chunk[k] for chunk in made]).T for k in (0, 1))
    text = [EOS, *(i for k in order for i in [*tokenizer.encode(texts[k]), EOS])]
    assert targets.ravel().tolist() == text[1 : 1 + targets.size]  # one stream goes on where the one before ended
    assert inputs.ravel().tolist() == text[: inputs.size]
    assert tokens.ids.size - targets.size < N


def test_a_chunk_splits_into_groups_of_streams() -> None:
    tokens = tokenize([Document("a", "abcdefghijklmnopqrstuvw")], Tokenizer.train("char", ["abcdefghijklmnopqrstuvw"]))
    [chunk, *_] = chunks(tokens, np.array([0]), 5, 4)
    groups = chunk.split(2)
    assert [(group.start, group.stop) for group, _, _ in groups] == [(0, 2), (2, 5)]
    for group, inputs, targets in groups:
        assert (inputs == chunk.inputs[:, group]).all() and (targets == chunk.targets[:, group]).all()
        assert inputs.flags.c_contiguous and inputs.dtype == np.int64
    assert len(chunk.split(9)) == 5


def test_a_text_too_short_for_one_batch_is_refused_with_both_sizes() -> None:
    tokens = tokenize([Document("a", "x" * 98)], Tokenizer.train("char", ["x"]))
    assert chunk_count(tokens, 9, 11) == 1
    with pytest.raises(InputError, match="99 tokens, fewer than one batch of 10 streams of 10"):
        chunk_count(tokens, 10, 10)


def test_what_has_no_file_of_its_own_is_held_out_and_nothing_is_lost(tmp_path: Path) -> None:
    lines = [f"line number {k}\n" for k in range(400)]
    text, other = written(tmp_path / "text", "".join(lines)), written(tmp_path / "other", "something else\n")
    rng = np.random.default_rng

    def texts(documents: list[Document]) -> str:
        return "".join(document.text for document in documents)

    train, valid, test = read_corpus([text], [], [], rng(0))
    assert sorted("".join(map(texts, (train, valid, test))).splitlines(keepends=True)) == sorted(lines)
    assert texts(valid) and texts(test)
    train, valid, test = read_corpus([text], [other], [], rng(0))
    assert texts(valid) == "something else\n"
    assert sorted((texts(train) + texts(test)).splitlines(keepends=True)) == sorted(lines)
    train, valid, test = read_corpus([text], [other], [other], rng(0))
    assert texts(train) == "".join(lines)


def test_held_out_files_without_a_text_are_refused(tmp_path: Path) -> None:
    for valid, test in (["a"], []), ([], ["a"]):
        with pytest.raises(InputError, match="--valid and --test go with a text"):
            read_corpus([], valid, test, np.random.default_rng(0))


def test_digests_tell_documents_apart() -> None:
    one = digest([Document("a", "b"), Document("c", "d")])
    assert one == digest([Document("a", "b"), Document("c", "d")])
    assert len({one, digest([Document("a", "b")]), digest([Document("a", "bc"), Document("", "d")])}) == 3
