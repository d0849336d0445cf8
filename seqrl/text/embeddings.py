"""Word embeddings: a vocabulary and a vector for each of its words, to ask and to keep."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors
from safetensors import SafetensorError

from seqrl import tensors
from seqrl.errors import InputError, check_sizes
from seqrl.parameter import Array, Integers
from seqrl.text.lines import opened
from seqrl.text.spelling import nearest_spellings

METADATA = {"seqrl": json.dumps({"format": "seqrl-embeddings-1"})}
LONGEST = 1e38  # a longer vector has no float32 product with one of unit length


class Embeddings:
    """Words and their vectors.

        embeddings = Embeddings(["tea", "milk"], [[1, 0], [0.6, 0.8]])
        embeddings["milk"]                    # [0.6, 0.8]
        embeddings.similarity("tea", "milk")  # 0.6

    words (V), each once; vectors (V, D), kept as float32 and not copied if they are; counts (V,): how often each word
    occurred in the text, where that is known. Arrays are read-only here: nothing may change them from outside either.
    Raises InputError for a word that is repeated or has a line end in it, for numbers that are not finite, and for a
    vector longer than 1e38.
    """

    def __init__(self, words: Sequence[str], vectors: npt.ArrayLike, counts: npt.ArrayLike | None = None) -> None:
        self.words = list(words)
        with np.errstate(over="ignore"):  # what is too large for float32 is refused below
            self.vectors: Array = _read_only(np.asarray(vectors, np.float32))
        self.counts: Integers | None = None if counts is None else _read_only(np.asarray(counts, np.int64))
        self.index = {word: row for row, word in enumerate(self.words)}
        self._check()
        # In float64 without a copy, where no square of a finite number is too large.
        self._norms = np.sqrt(np.einsum("vd,vd->v", self.vectors, self.vectors, dtype=np.float64))
        if not (fits := self._norms <= LONGEST).all():  # a comparison with NaN is false
            word = self.words[int(np.argmin(fits))]
            raise InputError(f"the vector of '{word}' has numbers that are not finite, or too large")

    def _check(self) -> None:
        V = len(self.words)
        if self.vectors.ndim != 2 or self.vectors.shape[0] != V or not self.vectors.size:
            raise InputError(f"{V} words and vectors of shape {self.vectors.shape}; expected a vector for each word")
        if self.counts is not None and self.counts.shape != (V,):
            raise InputError(f"{V} words and counts of shape {self.counts.shape}; expected a count for each word")
        if len(self.index) < V:  # `index` then has the place of the last
            word = next(word for row, word in enumerate(self.words) if self.index[word] != row)
            raise InputError(f"the word '{word}' is given twice; expected each word once")
        if any("\n" in word for word in self.words):
            word = next(word for word in self.words if "\n" in word)
            raise InputError(f"the word {word!r} has a line end in it")

    def __len__(self) -> int:
        return len(self.words)

    def __iter__(self) -> Iterator[str]:
        return iter(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self.index

    def __getitem__(self, word: str) -> Array:
        """The vector (D,) of a word. Raises InputError as `row` does."""
        return self.vectors[self.row(word)]

    def __repr__(self) -> str:
        return f"Embeddings({len(self):,} words, {self.size} numbers each)"

    @property
    def size(self) -> int:
        """The numbers D of a vector."""
        return self.vectors.shape[1]

    def row(self, word: str) -> int:
        """Where a word stands. Raises InputError with the nearest spellings for a word that is not there."""
        row = self.index.get(word)
        if row is None:
            raise InputError(f"unknown word '{word}'{self._hint(word)}; the vocabulary has {len(self):,} words")
        return row

    def _hint(self, word: str) -> str:
        close = [f"'{known}'" for known in nearest_spellings(word, self.index)]
        if not close:
            return ""
        listed = " or ".join([", ".join(close[:-1]), close[-1]] if len(close) > 1 else close)
        return f" (did you mean {listed}?)"

    @cached_property
    def unit(self) -> Array:
        """The vectors (V, D) divided by their lengths, made once; a vector of zeros stays as it is."""
        unit = np.empty_like(self.vectors)
        np.divide(self.vectors, self._lengths[:, None], out=unit, casting="same_kind")
        return _read_only(unit)

    @cached_property
    def _lengths(self) -> npt.NDArray[np.float64]:
        """The norms, 1 instead of 0."""
        return np.where(self._norms > 0, self._norms, 1.0)

    def similarity(self, a: str, b: str) -> float:
        """The cosine of the angle between the vectors of two words, -1 to 1; 0 where one is all zeros."""
        return float(self._direction(self.row(a)) @ self._direction(self.row(b)))

    def nearest(self, word: str | npt.ArrayLike, count: int = 10) -> list[tuple[str, float]]:
        """The `count` words of the largest cosine similarity, and it, largest first; fewer where there are no more.

        Of equally similar words the one that stands first in the vocabulary comes first. Instead of a word it can be a
        vector (D,), to which the words are compared; a word is not its own neighbour.
        Raises InputError for an unknown word or a vector of another size.
        """
        if isinstance(word, str):
            row = self.row(word)
            return self._nearest(self._direction(row), count, without={row})
        vector = np.asarray(word, np.float64)
        if vector.shape != (self.size,) or not np.isfinite(vector).all():
            raise InputError(f"a vector of shape {vector.shape}; expected a word, or {self.size} finite numbers")
        return self._nearest(vector / (np.linalg.norm(vector) or 1.0), count, without=set())

    def analogy(self, a: str, b: str, c: str, count: int = 1) -> list[tuple[str, float]]:
        """a is to b as c is to what: ("man", "king", "woman") asks for what is to "woman" as "king" is to "man".

        The `count` words d other than the three of the largest cosine similarity to b - a + c, all of unit length
        (3CosAdd), and that cosine. https://aclanthology.org/W14-1618 (Levy & Goldberg 2014, section 3)
        """
        rows = [self.row(word) for word in (a, b, c)]
        vector = self._direction(rows[1]) - self._direction(rows[0]) + self._direction(rows[2])
        return self._nearest(vector / (np.linalg.norm(vector) or 1.0), count, without=set(rows))

    def _direction(self, row: int) -> npt.NDArray[np.float64]:
        return self.vectors[row] / self._lengths[row]

    def _nearest(self, unit: npt.NDArray[np.float64], count: int, without: set[int]) -> list[tuple[str, float]]:
        check_sizes("the nearest words", count=count)
        V, D = self.vectors.shape
        enough = min(count + len(without), V)
        similarity = self.vectors @ unit.astype(np.float32) / self._lengths
        # The last digits of a float32 product depend on where a row stands and on the machine: what is near the limit
        # or above is computed again in float64 and ordered by 12 decimals, so that ties are ties everywhere.
        limit = np.partition(similarity, V - enough)[V - enough] - 2 * D * np.finfo(np.float32).eps
        rows = np.flatnonzero(similarity >= limit)
        rows = rows[~np.isin(rows, list(without))]
        exact = (self.vectors[rows] * unit).sum(axis=1) / self._lengths[rows]
        best = np.argsort(-exact.round(12), kind="stable")[:count]
        return [(self.words[row], float(cosine)) for row, cosine in zip(rows[best], exact[best], strict=True)]

    def save(self, path: str | Path) -> None:
        """Write a safetensors file: vectors (V, D), counts (V,), and words in UTF-8, each of which ends with \\n.

        The vectors are written from where they are. Raises InputError when the file can't be written.
        """
        try:
            words = "".join(word + "\n" for word in self.words).encode()
        except UnicodeEncodeError as error:
            raise InputError(f"{path}: can't be written: {error.object[error.start]!r} in a word is no text") from None
        arrays: dict[str, npt.NDArray[Any]] = {"vectors": self.vectors, "words": np.frombuffer(words, np.uint8)}
        if self.counts is not None:
            arrays["counts"] = self.counts
        tensors.write(path, arrays, METADATA)

    @classmethod
    def load(cls, path: str | Path) -> Embeddings:
        """Read what `save` wrote. Raises InputError that names the file and what is wrong with it."""
        with opened(path):  # says what is wrong with a path
            pass
        try:
            with safetensors.safe_open(path, framework="numpy") as stored:
                metadata = stored.metadata()
                shapes = {name: tuple(stored.get_slice(name).get_shape()) for name in stored.keys()}  # noqa: SIM118
        except SafetensorError as error:
            raise InputError(f"{path}: not a safetensors file, or cut short ({error})") from None
        if metadata != METADATA:
            raise InputError(f"{path}: a safetensors file, but not of embeddings as this version of seqrl writes them")
        types = {"vectors": np.float32, "words": np.uint8, "counts": np.int64}
        if missing := {"vectors", "words"} - shapes.keys():
            raise InputError(f"{path}: damaged, it has no {' and no '.join(sorted(missing))}")
        arrays: dict[str, Any] = {name: np.empty(shapes[name], types[name]) for name in types if name in shapes}
        tensors.read_into(path, arrays)
        try:
            words = arrays["words"].tobytes().decode().split("\n")
            if words.pop():
                raise InputError("the last word has no line end")
            return cls(words, arrays["vectors"], arrays.get("counts"))
        except ValueError as error:
            raise InputError(f"{path}: damaged ({error})") from None


def read_embeddings(path: str | Path) -> Embeddings:
    """The embeddings of a run (its folder), of a file that `Embeddings.save` wrote, or of one of word2vec or GloVe.

    They are told apart by what they hold. Raises InputError for anything else, and what is damaged.
    """
    if Path(path).is_dir():
        found = import_module("seqrl.training.runs").load(path)  # late, since it stands above
        if not isinstance(found, Embeddings):
            raise InputError(f"{path}: a run that has trained no embeddings; expected one of train_embeddings")
        return found
    with opened(path) as stream:
        start = stream.peek(9)[:9]
    if start[8:] == b"{" and int.from_bytes(start[:8], "little") < tensors.LONGEST_HEADER:
        return Embeddings.load(path)
    return import_module("seqrl.interop.word2vec").read_word2vec(path)


def _read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view
