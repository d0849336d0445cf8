"""Word, character and byte-pair tokenizers that give back the text they were given.

A thin face over the `tokenizers` library. What makes the word and BPE tokenizers lossless is where the spaces go: a
word carries the space before it, so that "Ça va ?" is " Ça", " va", " ?" and "Yes?" is " Yes", "?". For a word to be
the same token wherever it stands, a space is put before it where writing has none: at the start of a sentence or a
line, and after an elision, a hyphen, an opening quote or bracket ("l'ami" is " l'", " ami"). Decoding takes that space
out again: it knows the place by the same pattern, which looks only at what the insertion leaves as it was. A line end
is a token of its own, and so is each space of an indentation but the last.
"""

import json
import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import tokenizers as library
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, trainers

from seqrl import files
from seqrl.errors import InputError, choose
from seqrl.text.specials import BOS, EOS, PAD, SPECIALS, UNKNOWN
from seqrl.text.unspaced import UNSPACED

# With its parallelism the library warns, or hangs, in a program that forks later. The user's own setting stands.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

__all__ = ["BOS", "EOS", "PAD", "SPECIALS", "UNKNOWN", "Tokenizer"]

UNKNOWN_MARK = "⁇"
SPACE_MARK = "▁"
FORMAT = "seqrl-tokenizer-1"
BPE_VOCABULARY_SIZE = 8000

NO_BREAK = "\u00a0\u202f"  # French has them inside « » and before ? ! : ;
LETTER = rf"[[\p{{L}}\p{{M}}]&&[^{UNSPACED}]]"
DIGIT = rf"[\p{{N}}&&[^{UNSPACED}]]"
WORD_START = rf"[[\p{{L}}\p{{M}}\p{{N}}{UNKNOWN_MARK}]&&[^{UNSPACED}]]"
VOWEL = f"[aeiouhyàâäéèêëîïôöùûüœæAEIOUHYÀÂÄÉÈÊËÎÏÔÖÙÛÜŒÆ{UNKNOWN_MARK}]"

# French l' d' qu' s', Italian dell' un': an apostrophe after a letter and before a vowel. Not: the dogs' ears.
ELISION = r"(?<=[\p{L}&&[^sS]]['’]|[^\p{L}\p{M}\p{N}][sS]['’])"
# A hyphen in a word, an opening quote or bracket, a line end, a no-break space, a character of a script without spaces.
BEFORE_JOINED_WORD = rf"""(?:(?<=[\p{{L}}\p{{M}}\p{{N}}]-)|(?<= ["'“„‘(\[¿¡])|(?<=[\n{NO_BREAK}{UNSPACED}]))"""
NOT_CONTRACTED = rf"(?i:n['’]t)(?!{LETTER}|{DIGIT})"
CLITIC = rf"(?i:['’](?:s|m|d|t|re|ve|ll))(?!{LETTER}|{DIGIT})"
WORDS = [
    rf" ?{LETTER}+['’]{ELISION}(?= +{VOWEL})",  # l' of l'ami
    rf" ?{LETTER}+?(?={NOT_CONTRACTED})",  # do of don't
    NOT_CONTRACTED,
    CLITIC,
    rf" ?{LETTER}+(?:(?!{CLITIC})['’]{LETTER}+)*",  # ami, o'clock
    rf" ?{DIGIT}+",
    r" ?\.{2,}",
    rf" ?«[{NO_BREAK}]",
    rf"[^\S\n]?[^\s{UNSPACED}]",  # punctuation
    r"\s",
]
PIECES = {
    "word": [rf"[{UNSPACED}]", *WORDS],
    "char": [r"[\s\S]"],
    "bpe": [rf"[[\p{{L}}\p{{M}}\p{{N}}]&&[{UNSPACED}]]+", rf"[{UNSPACED}]", *WORDS],  # it merges inside these
}


class Tokenizer:
    """Text to token ids and back; made by `train`, `from_json` or `load`.

    Ids 0 to 3 are PAD, UNKNOWN, BOS and EOS in every tokenizer. Text is brought to Unicode's NFC first; word and bpe
    drop white space at its ends. Then `decode(encode(s)) == s` as long as every word or character is known.
    """

    def __init__(self, kind: str, backend: library.Tokenizer) -> None:
        self.kind = kind
        self._backend = backend
        vocabulary = backend.get_vocab()
        self._names = sorted(vocabulary, key=vocabulary.__getitem__)
        self._inside = library.Tokenizer.from_str(backend.to_str())  # for a text that something stands before
        self._inside.normalizer = _normalizer(kind, start=False)

    @classmethod
    def train(
        cls, kind: str, sentences: Iterable[str], vocabulary_size: int | None = None, minimum_count: int = 1
    ) -> Self:
        """Build a vocabulary from `sentences`; the same sentences give the same ids in every process.

        kind: "word", "char" (each character is a token) or "bpe" (pieces of words; Sennrich et al. 2016).
        vocabulary_size: at most so many tokens, counting the four special ones; the most frequent stay. None keeps
            all words or characters, and makes at most 8000 pieces.
        minimum_count: words or characters met less often are unknown; pairs met less often, or once, don't merge.
        Raises InputError for an unknown kind, a size without room for a token, or sentences without text.
        """
        backend = _untrained(kind)
        if vocabulary_size is not None and vocabulary_size <= len(SPECIALS):
            raise InputError(
                f"vocabulary size is {vocabulary_size}; expected more than the {len(SPECIALS)} special tokens"
            )
        trainer: trainers.Trainer
        if kind == "bpe":
            size = vocabulary_size or BPE_VOCABULARY_SIZE
            trainer = trainers.BpeTrainer(
                vocab_size=size,
                limit_alphabet=size - len(SPECIALS),
                min_frequency=max(2, minimum_count),
                special_tokens=SPECIALS,
                show_progress=False,
            )
        else:
            trainer = trainers.WordLevelTrainer(
                vocab_size=vocabulary_size or sys.maxsize,
                min_frequency=minimum_count,
                special_tokens=SPECIALS,
                show_progress=False,
            )
        backend.train_from_iterator(map(_text, sentences), trainer)
        if backend.get_vocab_size() == len(SPECIALS):
            raise InputError(f"no vocabulary: the sentences are empty, or nothing in them occurs {minimum_count} times")
        # The trainer also registers the special tokens to be found in text, where "<eos>" is five characters.
        content = json.loads(backend.to_str()) | {"added_tokens": []}
        return cls(kind, library.Tokenizer.from_str(json.dumps(content)))

    def __len__(self) -> int:
        return len(self._names)

    def encode(self, sentence: str) -> list[int]:
        """The ids of a sentence, without BOS and EOS."""
        return self.encode_batch([sentence])[0]

    def encode_batch(self, sentences: Sequence[str]) -> list[list[int]]:
        """The ids of each sentence. Raises InputError for a string that is not valid Unicode."""
        checked = [_text(sentence) for sentence in sentences]
        return [encoding.ids for encoding in self._backend.encode_batch_fast(checked)]

    def encode_text(self, text: str) -> npt.NDArray[np.int32]:
        """The ids of a long text, in little memory: those of `encode`, block by block.

        Raises InputError for a text that is not valid Unicode, or one of words without end.
        """
        text = unicodedata.normalize("NFC", _text(text))
        if self.kind == "char":
            return self._encode_characters(text)
        text = text.strip()
        parts = blocks(text if STARTS_UNSPACED.match(text) else f" {text}" if text else "")
        ids = [np.empty(0, np.int32)]
        for part in parts:
            if len(part) > ENDLESS:
                raise InputError(
                    f"{len(part):,} characters without a space or a line end, from {part[:20]!r} on; expected words, "
                    "or a char tokenizer"
                )
            ids.append(np.array(self._inside.encode_batch_fast([part])[0].ids, np.int32))
        return np.concatenate(ids)

    def _encode_characters(self, text: str) -> npt.NDArray[np.int32]:
        """Looked up by code point, which is many times faster than the library."""
        ids = np.empty(len(text), np.int32)
        for start in range(0, len(text), BLOCK):
            codes = np.frombuffer(text[start : start + BLOCK].encode("utf-32-le"), "<u4")
            ids[start : start + BLOCK] = self._id_of_code[codes]
        return ids

    @cached_property
    def _id_of_code(self) -> npt.NDArray[np.int32]:
        id_of_code = np.full(sys.maxunicode + 1, UNKNOWN, np.int32)
        for i, name in enumerate(self._names[len(SPECIALS) :], start=len(SPECIALS)):
            id_of_code[ord(name)] = i
        return id_of_code

    def unknown(self, text: str) -> list[str]:
        """What of a text is unknown, each once: words or characters, as they stand in it."""
        text = unicodedata.normalize("NFC", _text(text))
        encoding = self._backend.encode(text)
        pieces, end = [], 0
        for id, (start, stop) in zip(encoding.ids, encoding.offsets, strict=True):
            if id == UNKNOWN:
                piece = text[max(start, end) : stop]  # a space that was put in counts as the character before it
                pieces.append(piece.strip() or piece)
            end = stop
        return [piece for piece in dict.fromkeys(pieces) if piece]  # nothing is left of a space put in alone

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids. PAD, BOS and EOS leave no trace, UNKNOWN shows as '⁇'."""
        unknown = f" {UNKNOWN_MARK}" if self.kind == "word" else UNKNOWN_MARK
        shown = [unknown if i == UNKNOWN else self._names[i] for i in ids if i not in (PAD, BOS, EOS)]
        text: str = self._backend.decoder.decode(shown)
        return text

    def decode_batch(self, batch: Iterable[Iterable[int]]) -> list[str]:
        return [self.decode(ids) for ids in batch]

    def token(self, id: int) -> str:
        """The name of an id, for people: spaces show as '▁', UNKNOWN as '⁇'."""
        return UNKNOWN_MARK if id == UNKNOWN else self._names[id].replace(" ", SPACE_MARK)

    def tokens(self, sentence: str) -> list[str]:
        """A label for each id of `encode(sentence)`, as for the axis of a picture; words come without their space."""
        if self.kind == "word":
            return [self.token(i).strip(SPACE_MARK + NO_BREAK) or SPACE_MARK for i in self.encode(sentence)]
        return [self.token(i) for i in self.encode(sentence)]

    def words(self) -> list[str]:
        """The names of all ids without the spaces that they carry, for looking words up elsewhere."""
        return [name.strip(" " + NO_BREAK) for name in self._names]

    def to_json(self) -> str:
        content = {"format": FORMAT, "kind": self.kind, "tokenizer": json.loads(self._backend.to_str())}
        return json.dumps(content, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str, where: str = "tokenizer") -> Self:
        """The tokenizer that `to_json` wrote. Raises InputError, which begins with `where`, for anything else."""
        try:
            content = json.loads(text)
        except json.JSONDecodeError as e:
            raise InputError(f"{where}: damaged tokenizer, or none at all (line {e.lineno}: {e.msg})") from None
        if not isinstance(content, dict) or content.get("format") != FORMAT or content.get("kind") not in PIECES:
            raise InputError(f'{where}: not a tokenizer of seqrl; expected JSON with "format": "{FORMAT}"')
        try:
            tokenizer = cls(content["kind"], library.Tokenizer.from_str(json.dumps(content["tokenizer"])))
        except Exception as error:  # the library raises plain Exception
            raise InputError(f"{where}: damaged tokenizer ({error!r})") from None
        if tokenizer._names[: len(SPECIALS)] != SPECIALS:
            raise InputError(f"{where}: damaged tokenizer; expected ids 0 to 3 to be {', '.join(SPECIALS)}")
        return tokenizer

    def save(self, path: str | Path) -> None:
        """Write `to_json` to a file, beside it first and then renamed: a half-written file is never seen."""
        files.write(path, self.to_json())

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """The tokenizer of a file that `save` wrote. Raises InputError, which names the file, for anything else."""
        try:
            text = Path(path).read_text(encoding="utf-8")
        except OSError as error:
            raise InputError(f"{path}: can't read the tokenizer: {error.strerror}") from error
        except UnicodeDecodeError:
            raise InputError(f"{path}: not a tokenizer of seqrl; expected JSON in UTF-8") from None
        return cls.from_json(text, where=str(path))


def _untrained(kind: str) -> library.Tokenizer:
    """The tokenizer of a kind with an empty vocabulary."""
    pieces = choose("tokenizer", kind, PIECES)
    unknown = SPECIALS[UNKNOWN]
    backend = library.Tokenizer(
        models.BPE(unk_token=unknown) if kind == "bpe" else models.WordLevel(vocab={}, unk_token=unknown)
    )
    backend.pre_tokenizer = pre_tokenizers.Split(Regex("|".join(pieces)), behavior="isolated")
    backend.normalizer = _normalizer(kind)
    backend.decoder = decoders.Fuse()
    if kind != "char":
        backend.decoder = decoders.Sequence(
            [
                decoders.Fuse(),
                decoders.Replace(Regex(_joined(" ")), ""),
                decoders.Replace(Regex(_opened(" ")), ""),
                decoders.Strip(" ", left=1, right=0),
            ]
        )
    return backend


def _normalizer(kind: str, start: bool = True) -> normalizers.Normalizer:
    """What is done to a text first; without `start`, to a part of one that begins inside it."""
    if kind == "char":
        return normalizers.NFC()
    at_start = [normalizers.Strip(), normalizers.Replace(Regex(rf"\A(?=[^{UNSPACED}])"), " ")]
    return normalizers.Sequence(
        [
            normalizers.NFC(),
            *(at_start if start else []),
            normalizers.Replace(Regex(_opened("")), " "),
            normalizers.Replace(Regex(_joined("")), " "),
        ]
    )


BLOCK = 50_000  # characters, about, that are tokenized at once
ENDLESS = 2_000_000  # characters of a block without a place where it could end
STARTS_UNSPACED = re.compile(f"[{UNSPACED}]")
# Where a text can be cut without another tokenization: neither pieces nor joined words reach across.
STOP = "、。，．！？：；」』）၊။។"  # no mark of a vowel, which is part of a word
CUT = re.compile(rf"(?=\n)|(?<=[^\W_{UNSPACED}])(?= )|(?<=[{UNSPACED}])(?= [{UNSPACED}])|(?<=[{STOP}])(?=[{UNSPACED}])")


def blocks(text: str) -> Iterator[str]:
    """The text in parts of BLOCK characters or a little more, cut where no token reaches across."""
    start = 0
    while start < len(text):
        place = CUT.search(text, start + BLOCK)
        stop = place.start() if place else len(text)
        yield text[start:stop]
        start = stop


def _opened(space: str) -> str:
    """The same before a quote or bracket that opens a line, so that it is the token that it is inside a line."""
    return rf"""(?<=\n){space}(?= *["'“„‘(\[¿¡])"""


def _joined(space: str) -> str:
    """The places in a text where a word is written without a space, and `space` stands there instead."""
    return rf"{ELISION}{space}(?= *{VOWEL})|{BEFORE_JOINED_WORD}{space}(?= *{WORD_START})"


def _text(sentence: str) -> str:
    try:
        sentence.encode()
    except UnicodeEncodeError:  # a lone surrogate, as in an argument that was not UTF-8
        raise InputError(f"not a sentence of valid Unicode text: {sentence!r}") from None
    return sentence
