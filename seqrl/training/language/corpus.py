"""The text of a language model's run: read, split, tokenized, and laid out in streams."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seqrl.errors import InputError
from seqrl.parameter import Integers
from seqrl.text.documents import Document, check_apart, documentation, read_documents, split_documents
from seqrl.text.specials import EOS, UNKNOWN
from seqrl.text.tokenizers import Tokenizer

HELD_OUT = 0.05  # of the text, for validation and for test each

Ids = npt.NDArray[np.int32]


class Corpus(NamedTuple):
    """Documents by what they are for."""

    train: list[Document]
    valid: list[Document]
    test: list[Document]


def read_corpus(texts: Sequence[str], valid: Sequence[str], test: Sequence[str], rng: np.random.Generator) -> Corpus:
    """Read the documents, by default the documentation; what has no file of its own is split off them.

    Raises InputError for files that can't be read, a text too short to hold some out, and a file for validation or test
    that is trained on as well.
    """
    if not texts and (valid or test):
        raise InputError("--valid and --test go with a text; expected TEXT ... before them")
    train = read_documents(texts) if texts else documentation()
    held_valid = read_documents(valid) if valid else []
    held_test = read_documents(test) if test else []
    check_apart(train, held_valid + held_test)
    if not (valid and test):
        rest, own_valid, own_test = split_documents(train, HELD_OUT, rng)
        # Where only one of the two is to be held out, the other's share goes back to where the documents came from.
        back = (own_valid if valid else []) + (own_test if test else [])
        train = rest + back
        held_valid, held_test = held_valid or own_valid, held_test or own_test
    return Corpus(train, held_valid, held_test)


def digest(documents: Sequence[Document]) -> str:
    """SHA-256 of documents that no file holds."""
    sha = hashlib.sha256()
    for name, text in documents:
        sha.update(f"{name}\0{text}\0".encode())
    return sha.hexdigest()


class Tokens(NamedTuple):
    """Tokenized documents end to end, each with its EOS; `edges` (documents + 1,) are where they begin and end."""

    ids: Ids
    edges: Integers
    characters: int  # of the text, the end of a document counting as one

    @property
    def unknown_share(self) -> float:
        return float((self.ids == UNKNOWN).mean())

    def documents(self) -> list[Ids]:
        return [self.ids[start:stop] for start, stop in pairwise(self.edges)]


def tokenize(documents: Sequence[Document], tokenizer: Tokenizer) -> Tokens:
    """Whole documents, without the white space at their ends, so that line ends inside are tokens like any other.

    Raises InputError, which names the document, for one that can't be tokenized.
    """
    parts: list[Ids] = []
    characters = 0
    for name, text in documents:
        try:
            ids = tokenizer.encode_text(text.strip())
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
        parts.append(np.append(ids, np.int32(EOS)))
        characters += len(unicodedata.normalize("NFC", text.strip())) + 1
    edges = np.cumsum([0, *(part.size for part in parts)])
    return Tokens(np.concatenate([np.empty(0, np.int32), *parts]), edges, characters)


class Chunk(NamedTuple):
    """Some steps of N streams of text, time-major; the state is carried from one chunk to the next."""

    inputs: Ids  # (T, N)
    targets: Ids  # (T, N), the token after each
    first: bool  # whether the state before it is zero

    def split(self, parts: int) -> list[tuple[slice, Integers, Integers]]:
        """(which, their inputs, their targets) of at most `parts` groups of neighbouring streams, none empty."""
        N = self.inputs.shape[1]
        edges = [N * part // parts for part in range(parts + 1)]
        groups = [slice(start, stop) for start, stop in pairwise(edges) if start < stop]

        def of(ids: Ids, group: slice) -> Integers:
            return ids[:, group].astype(np.int64, order="C")

        return [(group, of(self.inputs, group), of(self.targets, group)) for group in groups]


def chunks(tokens: Tokens, order: Integers, N: int, T: int) -> list[Chunk]:
    """The documents in this order as one text, cut into N streams of equal length, and these into chunks of T steps.

    An EOS stands before the text, as one stands after every document. What is left over when all streams have the same
    length, less than N tokens, is not read; the last chunk may be shorter than T.
    """
    documents = tokens.documents()
    text = np.concatenate([np.array([EOS], np.int32), *(documents[i] for i in order)])
    length = (text.size - 1) // N
    inputs = text[: N * length].reshape(N, length).T
    targets = text[1 : N * length + 1].reshape(N, length).T
    return [Chunk(inputs[t : t + T], targets[t : t + T], t == 0) for t in range(0, length, T)]


def chunk_count(tokens: Tokens, N: int, T: int) -> int:
    """How many chunks `chunks` gives. Raises InputError for a text too short to fill one."""
    if tokens.ids.size < N * T:
        raise InputError(
            f"the training text has {tokens.ids.size:,} tokens, fewer than one batch of {N} streams of {T}; expected "
            "a longer text, or a smaller --batch-size or --bptt"
        )
    return -(-(tokens.ids.size // N) // T)
