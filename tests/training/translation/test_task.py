import numpy as np
import pytest

from seqrl.losses import softmax_cross_entropy
from seqrl.optimizers import Adam
from seqrl.text.corpora import Pair
from seqrl.training.parallel import Replicas
from seqrl.training.translation.corpus import tokenize
from seqrl.training.translation.task import TranslationTask, with_references
from seqrl.training.translation.translator import Translator


@pytest.fixture
def task(translator: Translator, pairs: list[Pair]) -> TranslationTask:
    examples, _ = tokenize(pairs, translator.source, translator.target, 12)
    packed = Adam(translator.model.parameters()).packed
    replicas = Replicas(translator.model, packed, 2)
    return TranslationTask(translator, examples, examples, pairs, replicas=replicas, batch_size=7, label_smoothing=0.1)


def test_an_epoch_has_every_pair_once(task: TranslationTask, pairs: list[Pair]) -> None:
    batches = task.plan(np.random.default_rng(0))
    assert len(batches) == task.steps_per_epoch
    assert sorted(np.concatenate(batches)) == list(range(len(pairs)))
    again = task.plan(np.random.default_rng(0))
    assert all(np.array_equal(a, b) for a, b in zip(batches, again, strict=True))


def test_validation_loss_is_the_mean_over_tokens_one_sentence_at_a_time(
    task: TranslationTask, pairs: list[Pair]
) -> None:
    score, metrics = task.evaluate()
    total, tokens = 0.0, 0
    for i in range(len(pairs)):
        batch = task.valid.batch(np.array([i]))
        _, targets = batch.real_rows()
        loss, _ = softmax_cross_entropy(task.translator.model(batch), targets)
        total += loss * len(targets)
        tokens += len(targets)
    assert tokens == sum(len(target) + 1 for _, target in pairs)
    assert score == pytest.approx(total / tokens, rel=1e-5)
    assert metrics["valid_loss"] == score
    assert metrics["valid_perplexity"] == np.exp(score)


def test_evaluation_changes_neither_the_model_nor_randomness(task: TranslationTask) -> None:
    before = task.translator.model.state_dict()
    states = [generator.bit_generator.state for generator in task.generators().values()]
    first = task.evaluate()
    assert task.evaluate() == first
    assert [generator.bit_generator.state for generator in task.generators().values()] == states
    assert task.translator.model.dropout.p == 0.4
    for name, value in task.translator.model.state_dict().items():
        assert np.array_equal(value, before[name])
    assert all((parameter.grad == 0).all() for _, parameter in task.translator.model.parameters())


def test_exact_match_counts_sources_once_with_any_of_their_translations(
    task: TranslationTask, pairs: list[Pair]
) -> None:
    task.sample = with_references(pairs)
    translations = task.translator.translate([source for source, _ in pairs])
    assert task.evaluate()[1]["valid_exact_match"] == 0
    both = [pairs[0], (pairs[0][0], translations[0]), pairs[1], pairs[2], (pairs[2][0], "0" * 11)]
    task.sample = with_references(both)
    assert task.evaluate()[1]["valid_exact_match"] == pytest.approx(1 / 3)


def test_references_are_gathered_by_source_in_order() -> None:
    pairs = [("a", "1"), ("b", "2"), ("a", "3"), ("c", "4")]
    assert with_references(pairs) == (["a", "b", "c"], [["1", "3"], ["2"], ["4"]])
    assert with_references(pairs, 2) == (["a", "b"], [["1", "3"], ["2"]])
