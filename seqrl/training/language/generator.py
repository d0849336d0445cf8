"""A trained language model: it writes text, and says how probable a text is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqrl.errors import InputError
from seqrl.layers.recurrent import State
from seqrl.models.language_model import LanguageModel
from seqrl.models.sampling import check_sampling
from seqrl.models.seq2seq import pick_state
from seqrl.parameter import Integers
from seqrl.text.documents import Document
from seqrl.text.specials import BOS, EOS, PAD, UNKNOWN
from seqrl.text.tokenizers import Tokenizer
from seqrl.training import checkpoint, runs
from seqrl.training.language.corpus import tokenize
from seqrl.training.language.likelihood import Likelihood, likelihood
from seqrl.training.language.settings import LanguageSettings

TOKENIZER = "text.tokenizer.json"
TEMPERATURE = 0.8
LENGTH = 500  # tokens
BLOCK = 500  # tokens after which Ctrl-C is heard


class TextGenerator:
    """A language model with its tokenizer."""

    def __init__(self, model: LanguageModel, tokenizer: Tokenizer) -> None:
        self.model = model
        self.tokenizer = tokenizer

    def generate(
        self,
        prompt: str = "",
        length: int = LENGTH,
        *,
        temperature: float = TEMPERATURE,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int = 0,
    ) -> str:
        """The prompt and how it goes on: `length` tokens, or fewer where the model ends the document.

        Without a prompt it is a document from its start. temperature, top_k and top_p are those of
        `seqrl.models.sampling`; the same seed gives the same text. What the prompt has that the model does not know
        (see `unknown`) is read as an unknown word, or left out by a model of characters.
        Raises InputError for a prompt of which nothing is known, and for options out of range.
        """
        [text] = self.generate_many(prompt, 1, length, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed)
        return text

    def generate_many(
        self,
        prompt: str,
        count: int,
        length: int = LENGTH,
        *,
        temperature: float = TEMPERATURE,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int = 0,
    ) -> list[str]:
        """`count` texts that begin with the prompt, written side by side."""
        check_sampling(temperature, top_k, top_p)
        for what, value, least in ("count", count, 1), ("length", length, 1), ("seed", seed, 0):
            if value < least:
                raise InputError(f"the {what} is {value}; expected {least} or more")
        if problem := self.problem(prompt):
            raise InputError(f"the prompt {prompt!r}: {problem}")
        rng = np.random.default_rng(seed)
        read = self.tokenizer.encode(prompt)
        if self.tokenizer.kind == "char":
            read = [i for i in read if i != UNKNOWN]
        written = self._write(read, count, length, rng, temperature, top_k, top_p)
        return [self._text(prompt, read, ids) for ids in written]

    def _write(
        self,
        prompt: list[int],
        count: int,
        length: int,
        rng: np.random.Generator,
        temperature: float,
        top_k: int | None,
        top_p: float | None,
    ) -> list[list[int]]:
        model = self.model
        before = np.array([EOS, *prompt])
        state: State = None
        if prompt:
            _, state = model.read(before[:-1, None])
            state = pick_state(state, np.zeros(count, np.intp))
        ids = np.repeat(before[-1:], count)
        prepared = model.prepare(length * count)
        written: list[Integers] = []
        ended = np.zeros(count, bool)
        while length and not ended.all():
            draws = rng.random((min(length, BLOCK), count))
            block, state = model.write(
                ids, state, draws, prepared, temperature=temperature, top_k=top_k, top_p=top_p, never=NEVER, end=EOS
            )
            written.append(block)
            ended |= (block == EOS).any(axis=0)
            ids, length = block[-1], length - len(block)
        return [_until_end(row) for row in np.concatenate(written).T.tolist()]

    def _text(self, prompt: str, read: list[int], written: list[int]) -> str:
        """The prompt as it was given, not as it was read, and what was written behind it."""
        head, whole = self.tokenizer.decode(read), self.tokenizer.decode([*read, *written])
        if not whole.startswith(head):
            return whole
        return (prompt if self.tokenizer.kind == "char" else prompt.strip()) + whole[len(head) :]

    def problem(self, prompt: str) -> str | None:
        """Why a text can't be written on from this prompt, or None."""
        ids = self.tokenizer.encode(prompt)
        known = any(i != UNKNOWN and self.tokenizer.decode([i]).strip() for i in ids)
        if UNKNOWN in ids and not known:
            return f"nothing in it is known to the model: {_listed(self.unknown(prompt))}"
        return None

    def unknown(self, text: str) -> list[str]:
        """The characters or words of a text that the model does not know."""
        return self.tokenizer.unknown(text)

    def perplexity(self, text: str) -> float:
        """exp of the mean negative log-likelihood of the tokens of a document, its end included."""
        return self.likelihood(text).perplexity

    def likelihood(self, text: str) -> Likelihood:
        """How probable a text is as a document. Raises InputError for an empty one."""
        if not text.strip():
            raise InputError("the text is empty; expected a text to find the perplexity of")
        return likelihood(self.model, tokenize([Document("the text", text)], self.tokenizer), whole=True)


NEVER = [PAD, UNKNOWN, BOS]  # in a text


def _until_end(ids: list[int]) -> list[int]:
    return ids[: ids.index(EOS)] if EOS in ids else ids


def _listed(pieces: list[str]) -> str:
    """As Python writes them, so that what can't be seen is seen."""
    return ", ".join(map(repr, pieces[:10])) + (", ..." if len(pieces) > 10 else "")


def load_run(folder: Path, config: runs.Config, own: Sequence[Any] = ()) -> TextGenerator:
    """The best model of a language model's run; `runs.load` comes here. It has nothing of one's own."""
    settings = runs.settings_from(LanguageSettings, config.settings, str(folder / runs.CONFIG))
    path = runs.best_checkpoint(folder)
    tokenizer = Tokenizer.load(folder / TOKENIZER)
    rng = np.random.default_rng(0)  # the weights that it draws are replaced
    model = LanguageModel(settings.model(len(tokenizer)), rng=rng, dropout_rng=rng)
    checkpoint.load_model(path, checkpoint.read(path), model)
    return TextGenerator(model, tokenizer)
