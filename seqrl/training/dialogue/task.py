"""Dialogues as a task for the training loop: every utterance from the second on is to be predicted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from seqrl.kernels import threads
from seqrl.losses import softmax_cross_entropy
from seqrl.models.hred import HRED, DialogueBatch
from seqrl.models.last_utterance import LastUtterance
from seqrl.models.responding import Dialogue, respond
from seqrl.models.vhred import VHRED, Bound, kl_loss
from seqrl.parameter import Array, Integers
from seqrl.text.batching import batches_by_length
from seqrl.text.evaluation import perplexity
from seqrl.training.loop import Task
from seqrl.training.parallel import Replicas

EVALUATION_BATCH = 64
NOISE = 0  # seeds the draws of z in validation, the same after every epoch: bounds then differ by the weights alone

Model = LastUtterance | HRED | VHRED


class Dialogues(Protocol):
    """Tokenized dialogues."""

    @property
    def sizes(self) -> Integers:
        """(n, 2): of each dialogue the tokens of its longest utterance, and its utterances."""

    def batch(self, rows: npt.NDArray[np.int64], /) -> DialogueBatch:
        """Some of them."""


class Answers(NamedTuple):
    """Dialogues up to where the answer follows from them, and all the answers that fit, as ids without EOS."""

    contexts: Sequence[Dialogue]
    fitting: Sequence[list[list[int]]]

    def exact_match(self, model: Model) -> float:
        """The share that the model's greedy answer fits; a VHRED takes the prior's mean for z."""
        limit = 2 + max(len(ids) for fitting in self.fitting for ids in fitting)
        right = 0
        for start in range(0, len(self.contexts), EVALUATION_BATCH):
            rows = slice(start, start + EVALUATION_BATCH)
            given = respond(model, self.contexts[rows], limit)
            right += sum(ids in fitting for ids, fitting in zip(given, self.fitting[rows], strict=True))
        return right / len(self.contexts)


class DialogueTask(Task):
    """For HRED, and for the sequence-to-sequence model of the last utterance; the score is the validation loss.

    answers: what the exact match is measured on, where the corpus knows.
    """

    unit = "target tokens"

    def __init__(
        self,
        train: Dialogues,
        valid: Dialogues,
        *,
        replicas: Replicas[Any],
        batch_size: int,
        answers: Answers | None = None,
    ) -> None:
        self.replicas = replicas
        self.train = train
        self.valid = valid
        self.batch_size = batch_size
        self.answers = answers
        self.steps_per_epoch = -(-len(train.sizes) // batch_size)

    @property
    def model(self) -> Any:
        return self.replicas.models[0]

    def plan(self, rng: np.random.Generator) -> list[npt.NDArray[np.int64]]:
        return batches_by_length(self.train.sizes, self.batch_size, rng)

    def learn(self, rows: npt.NDArray[np.int64]) -> tuple[float, int]:
        batch = self.train.batch(rows)
        parts = zip(self.replicas.models, batch.split(len(self.replicas.models)), strict=False)
        losses = self.replicas.run([partial(self._learn_part, *part, batch.target_tokens) for part in parts])
        return sum(losses), batch.target_tokens

    def _learn_part(self, model: Any, part: DialogueBatch, batch_tokens: int) -> float:
        logits, backward = model.forward(part)
        _, targets = part.pairs().real_rows()
        loss, dlogits = softmax_cross_entropy(logits, targets, count=batch_tokens, overwrite=True)
        backward(dlogits)
        return loss

    def generators(self) -> dict[str, np.random.Generator]:
        return self.replicas.generators()

    def evaluate(self) -> tuple[float, dict[str, float]]:
        loss = mean_loss(self.model, self.valid)
        return loss, {"valid_loss": loss, "valid_perplexity": perplexity(loss, 1), **self._exact_match()}

    def _exact_match(self) -> dict[str, float]:
        return {} if self.answers is None else {"valid_exact_match": self.answers.exact_match(self.model)}


class VariationalTask(DialogueTask):
    """For VHRED; the score is the negative bound a token, whatever weight the KL has in training.

    annealing: steps over which that weight rises in a straight line to 1 (Bowman et al. 2016, section 3.1).
    free_bits: nats that every dimension of z may spend without a cost, see `vhred.kl_loss`.
    """

    def __init__(
        self,
        train: Dialogues,
        valid: Dialogues,
        *,
        replicas: Replicas[VHRED],
        batch_size: int,
        answers: Answers | None = None,
        annealing: int,
        free_bits: float,
    ) -> None:
        super().__init__(train, valid, replicas=replicas, batch_size=batch_size, answers=answers)
        self.annealing = annealing
        self.free_bits = free_bits
        self.step = np.zeros(1)

    @property
    def kl_weight(self) -> float:
        """Of the step to come."""
        return min(1.0, (float(self.step[0]) + 1) / max(self.annealing, 1))

    def learn(self, rows: npt.NDArray[np.int64]) -> tuple[float, int]:
        """The parts go forward, and then back: the free bits are of the mean over the whole batch."""
        batch = self.train.batch(rows)
        tokens, parts = batch.target_tokens, batch.split(len(self.replicas.models))
        models = self.replicas.models
        ahead = threads.run([partial(_forward, *pair, tokens) for pair in zip(models, parts, strict=False)])
        kl, dkl = kl_loss(np.concatenate([part.kl for part in ahead]), tokens, self.kl_weight, self.free_bits)
        ends = np.cumsum([len(part.kl) for part in ahead])[:-1]
        pairs = zip(ahead, np.split(dkl, ends), strict=True)
        self.replicas.run([partial(part.backward, part.dlogits, dkl_part) for part, dkl_part in pairs])
        return sum(part.loss for part in ahead) + kl, tokens

    def updated(self, loss: float, units: float) -> None:
        self.step += 1

    def gathered(self) -> Mapping[str, Array]:
        return {"step": self.step}

    def evaluate(self) -> tuple[float, dict[str, float]]:
        found = bound(self.model, self.valid)
        return found.per_token, {
            "valid_bound": found.per_token,
            "valid_perplexity_bound": perplexity(found.per_token, 1),
            "valid_reconstruction": found.reconstruction / found.tokens,
            "valid_kl": float(found.kl.sum(axis=1).mean()),
            "valid_active_units": found.active_units,
            "kl_weight": self.kl_weight,
            **self._exact_match(),
        }


class _Ahead(NamedTuple):
    """A part of a batch after going forward."""

    loss: float
    kl: Array
    dlogits: Array
    backward: Callable[[Array, Array], None]


def _forward(model: VHRED, part: DialogueBatch, batch_tokens: int) -> _Ahead:
    (logits, kl), backward = model.forward(part)
    _, targets = part.pairs().real_rows()
    loss, dlogits = softmax_cross_entropy(logits, targets, count=batch_tokens, overwrite=True)
    return _Ahead(loss, kl, dlogits, backward)


def mean_loss(model: LastUtterance | HRED, dialogues: Dialogues) -> float:
    """Negative log-likelihood a token over all tokens that are predicted, without dropout, in nats."""
    total, tokens = 0.0, 0
    for batch in _batches(dialogues):
        _, targets = batch.pairs().real_rows()
        loss, _ = softmax_cross_entropy(model(batch), targets, count=1, overwrite=True)
        total += loss
        tokens += len(targets)
    return total / tokens


def bound(model: VHRED, dialogues: Dialogues) -> Bound:
    """The bound on all tokens that are predicted, without dropout, with one draw of z for each utterance."""
    rng = np.random.default_rng(NOISE)
    return Bound.of([model.bound(batch, rng) for batch in _batches(dialogues)])


def _batches(dialogues: Dialogues) -> list[DialogueBatch]:
    """All of them, those of like sizes together."""
    order = np.lexsort(dialogues.sizes.T)
    starts = range(0, len(order), EVALUATION_BATCH)
    return [dialogues.batch(order[start : start + EVALUATION_BATCH]) for start in starts]
