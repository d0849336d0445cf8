"""A trained translator: sentences in, sentences out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from seqrl.errors import InputError
from seqrl.models.decoding import Hypothesis, beam_search, greedy
from seqrl.models.seq2seq import Batch, Seq2Seq
from seqrl.parameter import Array, Integers
from seqrl.text.batching import pad
from seqrl.text.specials import EOS, UNKNOWN
from seqrl.text.tokenizers import SPACE_MARK, Tokenizer
from seqrl.training import checkpoint, runs
from seqrl.training.translation.settings import TranslationSettings

SOURCE_TOKENIZER, TARGET_TOKENIZER = "source.tokenizer.json", "target.tokenizer.json"
BATCH_SIZE = 128

R = TypeVar("R")


class Attention(NamedTuple):
    """Where a translator looked: weights[t, s] is how much source token s counted for target token t.

    The last row is the end of the sentence.
    """

    source: list[str]
    target: list[str]
    weights: Array


class Translator:
    """A sequence-to-sequence model with the tokenizers of both its languages."""

    def __init__(self, model: Seq2Seq, source: Tokenizer, target: Tokenizer, max_length: int) -> None:
        self.model = model
        self.source = source
        self.target = target
        self.max_length = max_length

    def translate(self, sentences: Sequence[str], beam: int = 1) -> list[str]:
        """Their translations, by greedy search or with the best of `beam` hypotheses.

        Raises InputError for a sentence without words, or without a word that the model knows.
        """
        if beam == 1:
            ids = self._search(sentences, self._greedy, BATCH_SIZE)
            return self.target.decode_batch(ids)
        return [best[0][0] for best in self.nbest(sentences, beam)]

    def nbest(self, sentences: Sequence[str], beam: int) -> list[list[tuple[str, float]]]:
        """For each sentence up to `beam` translations, best first, with log-probability / number of tokens."""
        if beam < 1:
            raise InputError(f"beam is {beam}; expected 1 or more")

        def search(ids: Integers, lengths: Integers) -> list[list[Hypothesis]]:
            return beam_search(self.model, ids, lengths, self.max_length, beam)

        found = self._search(sentences, search, max(1, BATCH_SIZE // beam))
        return [[(self.target.decode(ids), score) for ids, score in hypotheses] for hypotheses in found]

    def attention(self, sentence: str) -> Attention:
        """The weights of the greedy translation. Raises InputError for a model without attention."""
        (ids,) = self._search([sentence], self._greedy, 1)
        source = self.source.encode(sentence)
        lengths = np.array([len(source)]), np.array([len(ids) + 1])
        batch = Batch(np.array([source]), lengths[0], np.array([[*ids, EOS]]), lengths[1])
        weights = self.model.attention_weights(batch)[0]
        if self.model.config.reverse_source:
            weights = weights[:, ::-1]
        labels = [self.target.token(i).strip(SPACE_MARK) or SPACE_MARK for i in [*ids, EOS]]
        return Attention(self.source.tokens(sentence), labels, weights)

    def problem(self, sentence: str) -> str | None:
        """Why a sentence can't be translated, or None."""
        if not any(c.isalnum() for c in sentence):
            return "no words in it" if sentence.strip() else "it is empty"
        ids = self.source.encode(sentence)
        if not any(i != UNKNOWN and any(c.isalnum() for c in self.source.token(i)) for i in ids):
            return "none of its words is known to the model"
        return None

    def unknown_words(self, sentence: str) -> list[str]:
        """The words of a sentence that the model does not know, or not all of."""
        words = re.findall(r"\w+(?:['’-]\w+)*", sentence)
        return [word for word, ids in zip(words, self.source.encode_batch(words), strict=True) if UNKNOWN in ids]

    def decode_ids(self, sources: Sequence[Sequence[int]], limit: int) -> list[list[int]]:
        """Greedy translations of token ids in batches by length, of at most `limit` tokens; any ids are taken."""
        return self._by_length(sources, lambda ids, lengths: greedy(self.model, ids, lengths, limit), BATCH_SIZE)

    def _greedy(self, ids: Integers, lengths: Integers) -> list[list[int]]:
        return greedy(self.model, ids, lengths, self.max_length)

    def _search(
        self, sentences: Sequence[str], search: Callable[[Integers, Integers], list[R]], batch_size: int
    ) -> list[R]:
        for number, sentence in enumerate(sentences, start=1):
            if problem := self.problem(sentence):
                raise InputError(f"sentence {number}: {problem}: {sentence!r}")
        return self._by_length(self.source.encode_batch(sentences), search, batch_size)

    def _by_length(
        self, sources: Sequence[Sequence[int]], search: Callable[[Integers, Integers], list[R]], batch_size: int
    ) -> list[R]:
        """Search in batches of like lengths, with the results in the order of the sources."""
        order = sorted(range(len(sources)), key=lambda i: len(sources[i]))
        found: dict[int, R] = {}
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            found.update(zip(rows, search(*pad([sources[i] for i in rows])), strict=True))
        return [found[i] for i in range(len(sources))]


def load_run(folder: Path, config: runs.Config, own: Sequence[Any] = ()) -> Translator:
    """The best model of a translation run; `runs.load` comes here. It has nothing of one's own."""
    settings = runs.settings_from(TranslationSettings, config.settings, str(folder / runs.CONFIG))
    path = runs.best_checkpoint(folder)
    source, target = Tokenizer.load(folder / SOURCE_TOKENIZER), Tokenizer.load(folder / TARGET_TOKENIZER)
    rng = np.random.default_rng(0)  # the weights that it draws are replaced
    model = Seq2Seq(settings.model(len(source), len(target)), rng=rng, dropout_rng=rng)
    checkpoint.load_model(path, checkpoint.read(path), model)
    return Translator(model, source, target, settings.length_limit)
