import copy
import math

import numpy as np
import pytest

from seqrl.losses import softmax_cross_entropy
from seqrl.optimizers import Adam
from seqrl.text.documents import Document
from seqrl.training.language.corpus import tokenize
from seqrl.training.language.generator import TextGenerator
from seqrl.training.language.task import LanguageTask
from seqrl.training.parallel import Replicas

N, T = 5, 7


def task_of(generator: TextGenerator, documents: list[Document], replicas: int = 2) -> LanguageTask:
    tokens = tokenize(documents, generator.tokenizer)
    packed = Adam(generator.model.parameters()).packed
    return LanguageTask(tokens, tokens, replicas=Replicas(generator.model, packed, replicas), batch_size=N, bptt=T)


def test_an_epoch_has_every_document_in_an_order_of_its_own(
    generator: TextGenerator, documents: list[Document]
) -> None:
    task = task_of(generator, documents)
    plans = [task.plan(np.random.default_rng(seed)) for seed in (0, 0, 1)]
    texts = ["".join(map(str, np.concatenate([c.targets for c in plan]).T.ravel())) for plan in plans]
    assert texts[0] == texts[1] != texts[2]
    assert all(len(plan) == task.steps_per_epoch for plan in plans)


def test_steps_carry_the_state_and_have_the_gradient_of_their_chunk_alone(
    generator: TextGenerator, documents: list[Document]
) -> None:
    """Two replicas give what one model gives on the whole chunk from the state before it."""
    generator.model.dropout.p = 0.0
    task, alone = task_of(generator, documents), copy.deepcopy(generator.model)
    state = alone.zero_state(N)
    for chunk in task.plan(np.random.default_rng(0))[:3]:
        for _, parameter in [*task.model.parameters(), *alone.parameters()]:
            parameter.grad[...] = 0
        loss, units = task.learn(chunk)
        (logits, state), backward = alone.forward(chunk.inputs.astype(np.int64), state)
        expected, dlogits = softmax_cross_entropy(logits, chunk.targets.astype(np.int64))
        backward(dlogits)
        assert units == chunk.inputs.size
        assert loss == pytest.approx(expected, rel=1e-5)
        for (name, a), (_, b) in zip(task.model.parameters(), alone.parameters(), strict=True):
            np.testing.assert_allclose(a.grad, b.grad, rtol=1e-3, atol=1e-5, err_msg=name)
        carried = list(task.gathered().values())
        np.testing.assert_allclose(carried[0], state[0][0], atol=1e-5)
        np.testing.assert_allclose(carried[3], state[1][1], atol=1e-5)
        assert np.abs(carried[0]).max() > 0.1


def test_an_epoch_begins_with_a_state_of_zero(generator: TextGenerator, documents: list[Document]) -> None:
    generator.model.dropout.p = 0.0
    task = task_of(generator, documents)
    first, second, *_ = task.plan(np.random.default_rng(0))
    losses = [task.learn(chunk)[0] for chunk in (first, second, second, first)]
    assert losses[3] == losses[0]
    assert losses[2] != losses[1]


def test_what_is_gathered_is_the_state_that_steps_go_on_from(
    generator: TextGenerator, documents: list[Document]
) -> None:
    generator.model.dropout.p = 0.0
    task = task_of(generator, documents)
    first, second, third, *_ = task.plan(np.random.default_rng(0))
    task.learn(first)
    kept = {name: array.copy() for name, array in task.gathered().items()}
    expected, _ = task.learn(second)
    task.learn(third)
    for name, array in task.gathered().items():
        array[...] = kept[name]
    assert task.learn(second)[0] == expected


def test_the_score_is_the_mean_loss_and_perplexity_its_exponential(
    generator: TextGenerator, documents: list[Document]
) -> None:
    task = task_of(generator, documents)
    score, metrics = task.evaluate()
    assert metrics["valid_loss"] == score
    assert metrics["valid_perplexity"] == pytest.approx(math.exp(score))
    assert metrics["valid_bits_per_character"] == pytest.approx(score / math.log(2))  # a token is a character here
    carried = [array.copy() for array in task.gathered().values()]
    assert task.evaluate() == (score, metrics)
    assert all((a == b).all() for a, b in zip(carried, task.gathered().values(), strict=True))
