"""A language model as a layer of arrays, so that its states are certified with its logits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from seqrl.errors import InputError
from seqrl.layer import Layer
from seqrl.models.language_model import LanguageModel
from seqrl.parameter import Array, Integers


class LogitsAndStates(Layer):
    """ids (T, N), initial states (K, N, H) -> logits (T, N, V) and the final states under them, (T + K, N, V).

    K counts the arrays of a state, two for each LSTM; every layer has H units, and V is H. No steps are refused: there
    would be an output of the states alone.
    """

    def __init__(self, model: LanguageModel) -> None:
        self.model = model

    def forward(self, ids: Integers, states: Array) -> tuple[Array, Callable[[Array], Array]]:  # type: ignore[override]
        if not len(ids):
            raise InputError("no steps")
        (logits, final), backward = self.model.forward(ids, self._nested(states))

        def backward_both(dy: Array) -> Array:
            T = len(ids)
            return np.stack(list(_leaves(backward(dy[:T], self._nested(dy[T:])))))

        return np.concatenate([logits, np.stack(list(_leaves(final)))]), backward_both

    def __call__(self, ids: Integers, states: Array) -> Array:  # type: ignore[override]
        logits, final = self.model(ids, self._nested(states))
        return np.concatenate([logits, np.stack(list(_leaves(final)))])

    def generators(self) -> Iterator[tuple[str, np.random.Generator]]:
        """None that is not drawn from."""
        return super().generators() if self.model.dropout.p else iter(())

    def _nested(self, states: Array) -> Any:
        following = iter(states)

        def fill(like: Any) -> Any:
            return tuple(map(fill, like)) if isinstance(like, tuple) else next(following)

        return fill(self.model.zero_state(1))


def _leaves(state: Any) -> Iterator[Array]:
    if isinstance(state, tuple):
        for part in state:
            yield from _leaves(part)
    else:
        yield state
