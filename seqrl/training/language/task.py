"""Text as a task for the training loop: truncated backpropagation through time over a carried state."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from seqrl.layers.recurrent import State
from seqrl.losses import softmax_cross_entropy
from seqrl.models.language_model import LanguageModel
from seqrl.parameter import Array, Integers
from seqrl.training.language.corpus import Chunk, Tokens, chunk_count, chunks
from seqrl.training.language.likelihood import likelihood
from seqrl.training.loop import Task
from seqrl.training.parallel import Replicas


class LanguageTask(Task):
    """The documents of an epoch in random order, in streams; the score is the validation loss.

    A gradient goes back through the steps of one chunk, the state goes on to the next (Williams and Peng 1990); it is
    zero at the start of an epoch.
    """

    unit = "tokens"

    def __init__(
        self, train: Tokens, valid: Tokens, *, replicas: Replicas[LanguageModel], batch_size: int, bptt: int
    ) -> None:
        self.train = train
        self.valid = valid
        self.replicas = replicas
        self.batch_size = batch_size
        self.bptt = bptt
        self.steps_per_epoch = chunk_count(train, batch_size, bptt)
        self.state = self.model.zero_state(batch_size)
        self._leaves = list(_leaves(self.state))

    @property
    def model(self) -> LanguageModel:
        return self.replicas.models[0]

    def plan(self, rng: np.random.Generator) -> list[Chunk]:
        return chunks(self.train, rng.permutation(len(self.train.edges) - 1), self.batch_size, self.bptt)

    def learn(self, chunk: Chunk) -> tuple[float, int]:
        if chunk.first:
            for leaf in self._leaves:
                leaf[...] = 0
        count = chunk.inputs.size
        parts = zip(self.replicas.models, chunk.split(len(self.replicas.models)), strict=False)
        losses = self.replicas.run([partial(self._learn_part, model, *part, count) for model, part in parts])
        return sum(losses), count

    def _learn_part(
        self, model: LanguageModel, streams: slice, inputs: Integers, targets: Integers, count: int
    ) -> float:
        (logits, final), backward = model.forward(inputs, _rows(self.state, streams))
        loss, dlogits = softmax_cross_entropy(logits, targets, count=count, overwrite=True)
        backward(dlogits)
        for leaf, after in zip(self._leaves, _leaves(final), strict=True):
            leaf[streams] = after
        return loss

    def generators(self) -> dict[str, np.random.Generator]:
        return self.replicas.generators()

    def gathered(self) -> dict[str, Array]:
        """The carried state."""
        return {f"state.{k}": leaf for k, leaf in enumerate(self._leaves)}

    def evaluate(self) -> tuple[float, dict[str, float]]:
        found = likelihood(self.model, self.valid)
        return found.mean, {
            "valid_loss": found.mean,
            "valid_perplexity": found.perplexity,
            "valid_bits_per_character": found.bits_per_character,
        }


def _leaves(state: State) -> Any:
    if isinstance(state, tuple):
        for part in state:
            yield from _leaves(part)
    else:
        yield state


def _rows(state: State, where: slice) -> State:
    return tuple(_rows(part, where) for part in state) if isinstance(state, tuple) else state[where]
