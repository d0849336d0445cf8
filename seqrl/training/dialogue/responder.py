"""A trained dialogue model: what was said in, an answer out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqrl.errors import InputError
from seqrl.models.responding import respond, respond_by_sampling
from seqrl.models.sampling import check_sampling
from seqrl.models.vhred import VHRED
from seqrl.text.specials import UNKNOWN
from seqrl.text.tokenizers import Tokenizer
from seqrl.training import checkpoint, runs
from seqrl.training.dialogue.settings import DialogueSettings
from seqrl.training.dialogue.task import Model

TOKENIZER = "dialogue.tokenizer.json"
BATCH_SIZE = 64


class Responder:
    """A dialogue model with its tokenizer.

    A context is the utterances of two people by turns; the last `max_utterances` of them are read.
    """

    def __init__(self, model: Model, tokenizer: Tokenizer, max_length: int, max_utterances: int) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.max_utterances = max_utterances

    @property
    def variational(self) -> bool:
        """Whether the model draws a latent variable for each answer."""
        return isinstance(self.model, VHRED)

    def respond(
        self,
        context: Sequence[str],
        *,
        rng: np.random.Generator | None = None,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
    ) -> str:
        """An answer: the most probable words, or drawn with `rng`.

        With an `rng`, a VHRED draws its latent variable, and at a temperature other than 0 the words are drawn as
        `seqrl.models.sampling` has it; the default is 0 for a VHRED and 1 for others.
        Raises InputError for a context in which nothing is known to the model, and for options out of range.
        """
        if rng is None:
            check_sampling(temperature or 0.0, top_k, top_p)
            if temperature or top_k is not None or top_p is not None:
                raise InputError("words are drawn with a source of randomness; expected an rng")
            self._check(context)
            return self.respond_all([context])[0]
        self._check(context)
        return self.draw_all([context], rng, temperature, top_k, top_p)[0]

    def candidates(
        self,
        context: Sequence[str],
        count: int,
        seed: int = 0,
        *,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
    ) -> list[str]:
        """`count` answers to one context, drawn as `respond` draws one; some may be the same."""
        if count < 1 or seed < 0:
            raise InputError(f"the count is {count} and the seed {seed}; expected 1 or more, and 0 or more")
        self._check(context)
        return self.draw_all([context] * count, np.random.default_rng(seed), temperature, top_k, top_p)

    def respond_all(self, contexts: Sequence[Sequence[str]]) -> list[str]:
        """The most probable answer to each context, known words or not; a VHRED takes the prior's mean."""
        answers = []
        for start in range(0, len(contexts), BATCH_SIZE):
            ids = self._read(contexts[start : start + BATCH_SIZE])
            answers += self.tokenizer.decode_batch(respond(self.model, ids, self.max_length))
        return answers

    def draw_all(
        self,
        contexts: Sequence[Sequence[str]],
        rng: np.random.Generator,
        temperature: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
    ) -> list[str]:
        """An answer to each context, known words or not, drawn as `respond` draws one."""
        temperature = (0.0 if self.variational else 1.0) if temperature is None else temperature
        ids = self._read(contexts)
        drawn = respond_by_sampling(self.model, ids, self.max_length, rng, temperature, top_k, top_p)
        return self.tokenizer.decode_batch(drawn)

    def _read(self, contexts: Sequence[Sequence[str]]) -> list[list[list[int]]]:
        return [self.tokenizer.encode_batch(context[-self.max_utterances :]) for context in contexts]

    def _check(self, context: Sequence[str]) -> None:
        if problem := self.problem(context):
            raise InputError(problem)

    def problem(self, context: Sequence[str]) -> str | None:
        """Why a context can't be answered, or None."""
        if not context:
            return "nothing was said; expected an utterance or more"
        for number, utterance in enumerate(context, start=1):
            if not utterance.strip():
                return f"utterance {number} is empty"
        if not any(self._known(utterance) for utterance in context):
            said = repr(context[-1]) if len(context) == 1 else f"all of {len(context)} utterances"
            return f"{said}: none of the words is known to the model"
        return None

    def _known(self, utterance: str) -> bool:
        ids = self.tokenizer.encode(utterance)
        return any(i != UNKNOWN and any(c.isalnum() for c in self.tokenizer.token(i)) for i in ids)

    def unknown_words(self, utterance: str) -> list[str]:
        """The words of an utterance that the model does not know, or not all of."""
        words = list(dict.fromkeys(re.findall(r"\w+(?:['’-]\w+)*", utterance)))
        return [word for word, ids in zip(words, self.tokenizer.encode_batch(words), strict=True) if UNKNOWN in ids]


def load_run(folder: Path, config: runs.Config, own: Sequence[Any] = ()) -> Responder:
    """The best model of a dialogue run; `runs.load` comes here. It has nothing of one's own."""
    settings = runs.settings_from(DialogueSettings, config.settings, str(folder / runs.CONFIG))
    path = runs.best_checkpoint(folder)
    tokenizer = Tokenizer.load(folder / TOKENIZER)
    rng = np.random.default_rng(0)  # the weights that it draws are replaced
    model = settings.make(len(tokenizer), rng, rng)
    checkpoint.load_model(path, checkpoint.read(path), model)
    return Responder(model, tokenizer, settings.length_limit, settings.max_utterances)
