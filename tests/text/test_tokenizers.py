import json
import os
import subprocess
import sys
import unicodedata

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from seqrl.errors import InputError
from seqrl.text import tokenizers
from seqrl.text.tokenizers import BOS, EOS, PAD, SPECIALS, UNKNOWN, Tokenizer

KINDS = ["word", "char", "bpe"]

SENTENCES = [
    "Ça va ?",
    "L'ami d'une amie n'a qu'un arbre, aujourd'hui.",
    "L’été s’en va : qu’est-ce que c’est ?",
    "Est-ce que tu l'as vu, Jean-Paul ? « Oui »",
    "«\u202fNon\u202f», dit-il\u00a0; il y a 20\u202fans\u202f!",
    "\"Hello, (dear) John\", he said: 'it isn't 3.5 o'clock'...",
    "I can't, won't, I'll, she'd've and the dogs' ears; DON'T",
    "Dell'amico e un'altra",
    "¿Estás aquí? ¡Sí!",
    "a - b -c d- e --f -- l' ami",
    "私はTomです。６月１８日「え？」",
    "ไปไหน มา",
    "한국어 문장입니다.",
    "👩‍👩‍👧 x² 10:30",
    "def f(x):\n    return 'x'\n\n  # two  spaces  \nl'ami\r\n(one)\n\t\"two\"",
    "私は\n Tomです。\nไปไหน\n\nมา",
]

# Pieces on which the rules for spaces act, so that random joins of them reach every rule and their combinations.
FRAGMENTS = ["a", "l", "s", "qu", "é", "I", "n't", "'", "’", "-", '"', "(", ")", "«", "»", "¿", "?", ".", "..", "7"]
FRAGMENTS += [
    " ",
    " ",
    "\n",
    "\u00a0",
    "\u202f",
    "\t",
    "私",
    "、",
    "カ",
    "８",
    "ม",
    "า",
    "▁",
    "⁇",
    "<pad>",
    "\ue000",
    "e\u0301",
]

# Python strips U+001C to U+001F, which to Unicode are not white space.
ANY_TEXT = st.text(st.characters(exclude_characters="\x1c\x1d\x1e\x1f", exclude_categories=["Cs"]), max_size=12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sentence", SENTENCES)
def test_known_text_survives_encoding_and_decoding(kind: str, sentence: str) -> None:
    tokenizer = Tokenizer.train(kind, SENTENCES)
    assert tokenizer.decode(tokenizer.encode(sentence)) == sentence
    assert UNKNOWN not in tokenizer.encode(sentence)


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=12).map("".join) | ANY_TEXT)
def test_any_text_survives_encoding_and_decoding(kind: str, text: str) -> None:
    sentence = unicodedata.normalize("NFC", text)
    assume(sentence.strip())
    tokenizer = Tokenizer.train(kind, [sentence])
    assert tokenizer.decode(tokenizer.encode(sentence)) == (sentence if kind == "char" else sentence.strip())


ENDS = ["\n", "  ", "word", "。"]
MARKED = ["ဂဲဂ", "ကိဂ", "၊", "ที่", "មាន", "។"]  # words with marks that are no letters, and stops
LINES = st.lists(st.sampled_from([*FRAGMENTS, *ENDS, *MARKED]), min_size=1, max_size=40).map("".join)


@pytest.mark.parametrize("kind", KINDS)
@given(text=LINES | ANY_TEXT, size=st.integers(0, 6))
def test_a_long_text_has_the_ids_of_the_whole_wherever_it_is_cut(kind: str, text: str, size: int) -> None:
    sentence = unicodedata.normalize("NFC", text)
    assume(sentence.strip())
    tokenizer = Tokenizer.train(kind, [sentence])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokenizers, "BLOCK", max(size, 1))
        assert tokenizer.encode_text(text).tolist() == tokenizer.encode(text)
        if kind != "char":
            assert "".join(tokenizers.blocks(text)) == text


def test_characters_are_looked_up_as_the_library_does() -> None:
    tokenizer = Tokenizer.train("char", ["a\U0010ffff\0é<"])
    text = "\U0010ffffe\u0301b<eos>\0a\U0010fffe"
    assert tokenizer.encode_text(text).tolist() == tokenizer.encode(text)
    assert tokenizer.encode_text(text).dtype == np.int32
    assert tokenizer.encode_text(text).tolist().count(UNKNOWN) == 6  # b, eos> and the last


def test_no_word_is_cut_behind_the_mark_of_a_vowel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizers, "BLOCK", 3)
    tokenizer = Tokenizer.train("bpe", ["ဂဲဂ"] * 3)
    assert tokenizer.encode_text("ဂဲဂဂဲဂ၊ဂဲဂ").tolist() == tokenizer.encode("ဂဲဂဂဲဂ၊ဂဲဂ")
    assert list(tokenizers.blocks("ဂဲဂဂဲဂ၊ဂဲဂ")) == ["ဂဲဂဂဲဂ၊", "ဂဲဂ"]


def test_a_word_is_the_same_token_at_the_start_of_a_line() -> None:
    tokenizer = Tokenizer.train("word", ["one two\none\n    two"])
    assert tokenizer.tokens("one two\none\n    two") == ["one", "two", "\n", "one", "\n", "▁", "▁", "▁", "▁", "two"]


def test_a_text_of_one_endless_word_is_refused_by_words_and_taken_by_characters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tokenizers, "BLOCK", 10)
    monkeypatch.setattr(tokenizers, "ENDLESS", 30)
    for kind in KINDS:
        tokenizer = Tokenizer.train(kind, ["ab ab"])
        assert len(tokenizer.encode_text(" ab" * 30)) == (89 + 1 if kind == "char" else 30)
        if kind == "char":
            assert len(tokenizer.encode_text("ab" * 30)) == 60
        else:
            with pytest.raises(InputError, match="61 characters without a space or a line end, from ' abab"):
                tokenizer.encode_text("ab" * 30)


def test_what_is_unknown_is_named_as_it_stands_in_the_text() -> None:
    text = "l'ami (bleu) de la\nmaison"
    assert Tokenizer.train("word", [text]).unknown("l'été (bleu) de Zoé, de\nZoé") == ["été", "Zoé", ","]
    assert Tokenizer.train("char", [text]).unknown("maisX\t Xe\u0301") == ["X", "\t", "é"]
    assert Tokenizer.train("bpe", [text]).unknown("maisX") == ["X"]
    assert Tokenizer.train("bpe", ["昔々"]).unknown("Xa") == ["X", "a"]  # nor is the space that is put before it known
    for kind in KINDS:
        assert Tokenizer.train(kind, [text]).unknown(text) == []


def test_the_ids_of_no_text_are_none() -> None:
    for kind in KINDS:
        assert Tokenizer.train(kind, ["ab"]).encode_text("").tolist() == []


@pytest.mark.parametrize(
    ("sentence", "tokens"),
    [
        ("Ça va ?", ["Ça", "va", "?"]),
        ("Ça va\u202f?", ["Ça", "va", "?"]),
        ("Qu'un ami d'Yves l'y voie", ["Qu'", "un", "ami", "d'", "Yves", "l'", "y", "voie"]),
        ("S'il s’en va", ["S'", "il", "s’", "en", "va"]),
        ("I don't, he isn't", ["I", "do", "n't", ",", "he", "is", "n't"]),
        ("I'm at John's, they've won", ["I", "'m", "at", "John", "'s", ",", "they", "'ve", "won"]),
        ("the dogs' ears at ten o'clock", ["the", "dogs", "'", "ears", "at", "ten", "o'clock"]),
        ("vas-tu", ["vas", "-", "tu"]),
        ("Oh... (well)", ["Oh", "...", "(", "well", ")"]),
        ("私はTomです。", ["私", "は", "Tom", "で", "す", "。"]),
        ("ไปมา", ["ไ", "ป", "ม", "า"]),
    ],
)
def test_words_are_cut_where_a_reader_would(sentence: str, tokens: list[str]) -> None:
    assert Tokenizer.train("word", [sentence]).tokens(sentence) == tokens


def test_a_word_is_one_token_wherever_it_stands() -> None:
    places = [
        "ami",
        "un ami",
        "l'ami",
        "grand-ami",
        "(ami)",
        '"ami"',
        "« ami »",
        "«\u202fami\u202f»",
        "は ami",
        "はami",
    ]
    tokenizer = Tokenizer.train("word", places)
    ami = tokenizer.encode("ami")
    assert len(ami) == 1
    encoded = [tokenizer.encode(place) for place in places if place != "は ami"]
    assert [ids.count(ami[0]) for ids in encoded] == [1] * len(encoded)


def test_space_before_a_question_mark_is_kept_apart_from_none() -> None:
    tokenizer = Tokenizer.train("word", ["Oui ?", "Yes?"])
    assert tokenizer.encode("Oui ?")[-1] != tokenizer.encode("Oui?")[-1]
    assert tokenizer.decode(tokenizer.encode("Oui? Yes ?")) == "Oui? Yes ?"


@pytest.mark.parametrize("kind", KINDS)
def test_special_ids_are_fixed_and_never_made_from_text(kind: str) -> None:
    text = " ".join(SPECIALS)
    tokenizer = Tokenizer.train(kind, [text] * 5)
    assert (PAD, UNKNOWN, BOS, EOS) == (0, 1, 2, 3)
    assert [tokenizer.token(i) for i in (PAD, UNKNOWN, BOS, EOS)] == ["<pad>", "⁇", "<bos>", "<eos>"]
    assert min(tokenizer.encode(text)) > EOS
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("kind", KINDS)
def test_decoding_drops_padding_and_ends_and_shows_what_is_unknown(kind: str) -> None:
    tokenizer = Tokenizer.train(kind, ["I see l'"])
    ids = [BOS, *tokenizer.encode("I"), EOS, PAD, PAD]
    assert tokenizer.decode(ids) == "I"
    assert tokenizer.decode([PAD, EOS]) == ""
    assert tokenizer.decode_batch([ids, []]) == ["I", ""]
    assert tokenizer.encode("Ж")[-1] == UNKNOWN
    assert tokenizer.decode(tokenizer.encode("I Ж")) == "I ⁇"


def test_unknown_words_keep_their_place_in_the_text() -> None:
    tokenizer = Tokenizer.train("word", ["I see l'as, you"])
    assert tokenizer.decode(tokenizer.encode("I hear l'oiseau, you")) == "I ⁇ l'⁇, you"
    assert tokenizer.tokens("I hear you") == ["I", "⁇", "you"]


@pytest.mark.parametrize("kind", KINDS)
def test_empty_sentence_has_no_ids(kind: str) -> None:
    tokenizer = Tokenizer.train(kind, ["a b"])
    assert tokenizer.encode("") == []
    assert tokenizer.encode_batch(["", "a"])[0] == []
    assert tokenizer.encode_batch([]) == []


@pytest.mark.parametrize("kind", KINDS)
def test_composed_and_decomposed_letters_are_the_same_text(kind: str) -> None:
    tokenizer = Tokenizer.train(kind, ["été"])
    assert tokenizer.encode("e\u0301te\u0301") == tokenizer.encode("été")
    assert UNKNOWN not in tokenizer.encode("été")


def test_char_tokens_are_single_characters_and_spaces_count() -> None:
    tokenizer = Tokenizer.train("char", [" a  b "])
    assert tokenizer.tokens(" a  b ") == ["▁", "a", "▁", "▁", "b", "▁"]
    assert tokenizer.decode(tokenizer.encode(" a  b ")) == " a  b "
    assert len(tokenizer) == 4 + 3


def test_bpe_makes_pieces_that_words_share() -> None:
    tokenizer = Tokenizer.train("bpe", ["low lower lowest slow slower"] * 10, vocabulary_size=15)
    # 4 special tokens, 8 characters, then the most frequent pairs: lo or ow (50), low (50), " low" (30).
    assert len(tokenizer) == 15
    assert tokenizer.tokens("lower") == ["▁low", "e", "r"]
    assert tokenizer.decode(tokenizer.encode("slowest lows")) == "slowest lows"


def test_bpe_does_not_merge_what_occurs_once() -> None:
    assert Tokenizer.train("bpe", ["abc"]).tokens("abc") == ["▁", "a", "b", "c"]
    assert Tokenizer.train("bpe", ["abc abc"]).tokens("abc") == ["▁abc"]
    assert Tokenizer.train("bpe", ["abc abc"], minimum_count=3).tokens("abc") == ["▁", "a", "b", "c"]


def test_the_most_frequent_words_stay_and_ties_go_by_text() -> None:
    sentences = ["b a c", "c b", "c"]
    full = Tokenizer.train("word", sentences)
    assert [full.token(i) for i in range(4, len(full))] == ["▁c", "▁b", "▁a"]
    capped = Tokenizer.train("word", sentences, vocabulary_size=6)
    assert [capped.token(i) for i in range(4, len(capped))] == ["▁c", "▁b"]
    assert len(Tokenizer.train("word", sentences, minimum_count=3)) == 5
    tied = Tokenizer.train("word", ["z y x w"])
    assert [tied.token(i) for i in range(4, 8)] == ["▁w", "▁x", "▁y", "▁z"]


@pytest.mark.parametrize("kind", KINDS)
def test_vocabulary_size_is_never_exceeded(kind: str) -> None:
    assert len(Tokenizer.train(kind, SENTENCES, vocabulary_size=30)) == 30


def test_training_does_not_depend_on_the_hash_seed() -> None:
    program = (
        "import sys, hashlib; from seqrl.text.tokenizers import Tokenizer; s = sys.argv[1:]\n"
        "print([hashlib.sha256(Tokenizer.train(k, s).to_json().encode()).hexdigest() for k in ('word', 'char', 'bpe')])"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program, *SENTENCES],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1
    assert printed.pop().count(b"'") == 6


def test_a_process_that_forks_after_encoding_is_not_warned() -> None:
    program = (
        "import os; from seqrl.text.tokenizers import Tokenizer\n"
        "t = Tokenizer.train('word', ['a b'] * 5000); t.encode_batch(['a b'] * 5000)\n"
        "child = os.fork()\n"
        "assert t.encode('a b') == [4, 5]\n"
        "if child: assert os.waitpid(child, 0)[1] == 0\n"
    )
    env = {k: v for k, v in os.environ.items() if k != "TOKENIZERS_PARALLELISM"}
    env |= {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], env=env, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_tokenizer_loads_as_the_same(kind: str, tmp_path) -> None:
    tokenizer = Tokenizer.train(kind, SENTENCES)
    tokenizer.save(tmp_path / "tokenizer.json")
    loaded = Tokenizer.load(tmp_path / "tokenizer.json")
    assert loaded.kind == kind
    assert loaded.to_json() == tokenizer.to_json()
    assert loaded.encode_batch(SENTENCES) == tokenizer.encode_batch(SENTENCES)
    assert loaded.decode(loaded.encode(SENTENCES[1])) == SENTENCES[1]
    assert [p.name for p in tmp_path.iterdir()] == ["tokenizer.json"]


def test_a_save_that_fails_leaves_the_earlier_file(tmp_path, monkeypatch) -> None:
    path = tmp_path / "tokenizer.json"
    Tokenizer.train("word", ["a"]).save(path)
    before = path.read_bytes()

    def full_disk(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(InputError, match=r"tokenizer\.json: can't be written: No space left"):
        Tokenizer.train("word", ["b"]).save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["tokenizer.json"]


def damaged(text: str) -> list[bytes]:
    content = json.loads(text)
    other_specials = json.loads(text)
    other_specials["tokenizer"]["model"]["vocab"] = {"<s>": 0, "<unknown>": 1, "a": 2}
    return [
        b"",
        text[: len(text) // 2].encode(),
        b"\xff\xfe",
        b"[1, 2]",
        b'{"model": {}}',
        json.dumps(content | {"kind": "syllable"}).encode(),
        json.dumps(content | {"tokenizer": {"model": 3}}).encode(),
        json.dumps({k: v for k, v in content.items() if k != "tokenizer"}).encode(),
        json.dumps(other_specials).encode(),
    ]


@pytest.mark.parametrize("case", range(9))
def test_a_damaged_or_foreign_file_is_named(case: int, tmp_path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(damaged(Tokenizer.train("word", ["a"]).to_json())[case])
    with pytest.raises(InputError) as error:
        Tokenizer.load(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path) -> None:
    with pytest.raises(InputError, match=r"none\.json: can't read the tokenizer: No such file"):
        Tokenizer.load(tmp_path / "none.json")


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match=r"tokenizer is 'wrod' \(did you mean 'word'\?\); expected one of word, char"):
        Tokenizer.train("wrod", ["a"])
    with pytest.raises(InputError, match="vocabulary size is 4"):
        Tokenizer.train("word", ["a"], vocabulary_size=4)
    with pytest.raises(InputError, match="sentences are empty"):
        Tokenizer.train("word", ["", " "])
    with pytest.raises(InputError, match="occurs 2 times"):
        Tokenizer.train("word", ["a b"], minimum_count=2)
    with pytest.raises(InputError, match=r"not a sentence of valid Unicode text: 'a\\udc80'"):
        Tokenizer.train("word", ["a", "a\udc80"])
    with pytest.raises(InputError, match=r"not a sentence of valid Unicode text: 'a\\udc80'"):
        Tokenizer.train("word", ["a"]).encode_batch(["a", "a\udc80"])


@pytest.mark.parametrize("kind", ["word", "bpe"])
def test_a_quote_that_opens_a_line_is_the_quote_that_opens_a_text(kind: str) -> None:
    text = 'He came.\n"Yes," he said.\n  (No.)\n "Yes" [no]\n[no]'
    tokenizer = Tokenizer.train(kind, [text])
    assert tokenizer.unknown('"Yes') == []
    assert tokenizer.decode(tokenizer.encode(text)) == text
    if kind == "word":
        assert tokenizer.encode('"Yes')[:2] == tokenizer.encode(text)[4:6]


def test_words_are_named_by_id_without_the_space_that_they_carry() -> None:
    tokenizer = Tokenizer.train("word", ["L'ami a dit\u00a0: «\u202foui\u202f», Oui"])
    words = tokenizer.words()
    assert len(words) == len(tokenizer)
    assert words[: len(SPECIALS)] == SPECIALS
    assert [words[i] for i in tokenizer.encode("L'ami dit oui, Oui")] == ["L'", "ami", "dit", "oui", ",", "Oui"]
    assert words[tokenizer.encode("a dit\u00a0:")[-1]] == ":"
