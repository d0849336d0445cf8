"""Pairs of sentences as a task for the training loop, and how good their translations are."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seqrl.losses import softmax_cross_entropy
from seqrl.models.seq2seq import Batch, Seq2Seq
from seqrl.text.batching import batches_by_length
from seqrl.text.corpora import Pair
from seqrl.text.evaluation import exact_match, perplexity
from seqrl.text.tokenizers import Tokenizer
from seqrl.training.loop import Task
from seqrl.training.parallel import Replicas
from seqrl.training.translation.corpus import Examples
from seqrl.training.translation.translator import Translator

VALIDATION_PAIRS = 2000  # for the loss after an epoch, at most
VALIDATION_SENTENCES = 500  # translated after an epoch, at most
EVALUATION_BATCH = 128


class TranslationTask(Task):
    """Pairs of sentences as a task for the training loop; the score is the validation loss."""

    unit = "target tokens"

    def __init__(
        self,
        translator: Translator,
        train: Examples,
        valid: Examples,
        valid_pairs: list[Pair],
        *,
        replicas: Replicas[Seq2Seq],
        batch_size: int,
        label_smoothing: float,
    ) -> None:
        self.translator = translator
        self.replicas = replicas
        self.train = train
        self.valid = valid
        self.sample = with_references(valid_pairs, VALIDATION_SENTENCES)
        self.batch_size = batch_size
        self.label_smoothing = label_smoothing
        self.steps_per_epoch = -(-len(train.target) // batch_size)
        self._lengths = train.lengths

    def plan(self, rng: np.random.Generator) -> list[npt.NDArray[np.int64]]:
        return batches_by_length(self._lengths, self.batch_size, rng)

    def learn(self, rows: npt.NDArray[np.int64]) -> tuple[float, int]:
        batch = self.train.batch(rows)
        parts = zip(self.replicas.models, batch.split(len(self.replicas.models)), strict=False)
        losses = self.replicas.run([partial(self._learn_part, *part, batch.target_tokens) for part in parts])
        return sum(losses), batch.target_tokens

    def _learn_part(self, model: Seq2Seq, part: Batch, batch_tokens: int) -> float:
        logits, backward = model.forward(part)
        _, targets = part.real_rows()
        loss, dlogits = softmax_cross_entropy(
            logits, targets, label_smoothing=self.label_smoothing, count=batch_tokens, overwrite=True
        )
        backward(dlogits)
        return loss

    def generators(self) -> dict[str, np.random.Generator]:
        return self.replicas.generators()

    def evaluate(self) -> tuple[float, dict[str, float]]:
        loss = self._validation_loss()
        hypotheses = translate_any(self.translator, self.sample.sources, self.sample.longest(self.translator.target))
        return loss, {
            "valid_loss": loss,
            "valid_perplexity": perplexity(loss, 1),
            "valid_exact_match": exact_match(hypotheses, self.sample.references),
        }

    def _validation_loss(self) -> float:
        """Mean over all target tokens, without dropout and label smoothing."""
        total, tokens = 0.0, 0
        order = np.argsort(self.valid.target.lengths[:VALIDATION_PAIRS], kind="stable")
        for start in range(0, len(order), EVALUATION_BATCH):
            batch = self.valid.batch(order[start : start + EVALUATION_BATCH])
            _, targets = batch.real_rows()
            loss, _ = softmax_cross_entropy(self.translator.model(batch), targets, overwrite=True)
            total += loss * len(targets)
            tokens += len(targets)
        return total / tokens


class Referenced(NamedTuple):
    """Distinct sources, with all their translations."""

    sources: list[str]
    references: list[list[str]]

    def longest(self, target: Tokenizer) -> int:
        """Enough tokens for any of the references and EOS."""
        return 1 + max(len(ids) for references in self.references for ids in target.encode_batch(references))


def with_references(pairs: list[Pair], at_most: int | None = None) -> Referenced:
    grouped: dict[str, list[str]] = {}
    for source, target in pairs:
        grouped.setdefault(source, []).append(target)
    return Referenced(list(grouped)[:at_most], list(grouped.values())[:at_most])


def translate_any(translator: Translator, sources: list[str], limit: int) -> list[str]:
    """Greedy translations of whatever stands in a test file, sentences of unknown words too."""
    ids = translator.source.encode_batch(sources)
    return translator.target.decode_batch(translator.decode_ids(ids, limit))
