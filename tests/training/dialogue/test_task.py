import math
from typing import Any

import numpy as np
import pytest

from seqrl.losses import softmax_cross_entropy
from seqrl.models.hred import HRED, DialogueBatch, HREDConfig, pad_dialogues
from seqrl.models.last_utterance import LastUtterance
from seqrl.models.responding import respond
from seqrl.models.seq2seq import Seq2SeqConfig
from seqrl.models.vhred import VHRED, VHREDConfig
from seqrl.optimizers import Adam
from seqrl.parameter import Integers
from seqrl.text.specials import EOS
from seqrl.training.dialogue.task import Answers, DialogueTask, VariationalTask, bound, mean_loss
from seqrl.training.loop import Training
from seqrl.training.parallel import Replicas

Generator = np.random.Generator
V = 9


class Listed:
    """Dialogues of ids with EOS."""

    def __init__(self, dialogues: list[list[list[int]]]) -> None:
        self.dialogues = dialogues
        self.sizes: Integers = np.array([(max(map(len, d)), len(d)) for d in dialogues])

    def batch(self, rows: Any) -> DialogueBatch:
        return pad_dialogues([self.dialogues[row] for row in rows])


@pytest.fixture
def data(rng: Generator) -> Listed:
    counts = [rng.integers(0, 5, rng.integers(2, 6)) for _ in range(20)]
    return Listed([[[*rng.integers(4, V, int(n)).tolist(), EOS] for n in count] for count in counts])


def model(kind: str, **options: Any) -> Any:
    rng, dropout_rng = np.random.default_rng(1), np.random.default_rng(2)
    sizes = {"embedding": 3, "hidden": 4, **options}
    if kind == "seq2seq":
        return LastUtterance(Seq2SeqConfig(V, V, **sizes), rng=rng, dropout_rng=dropout_rng)
    if kind == "hred":
        return HRED(HREDConfig(V, context=5, **sizes), rng=rng, dropout_rng=dropout_rng)
    return VHRED(VHREDConfig(V, context=5, latent=3, **sizes), rng=rng, dropout_rng=dropout_rng)


def task(made: Any, data: Listed, threads: int = 2, **options: Any) -> DialogueTask:
    replicas = Replicas(made, Adam(made.parameters()).packed, threads)
    common: dict[str, Any] = {"replicas": replicas, "batch_size": 7, **options}
    if isinstance(made, VHRED):
        return VariationalTask(data, data, **{"annealing": 10, "free_bits": 0.05, **common})
    return DialogueTask(data, data, **common)


every_kind = pytest.mark.parametrize("kind", ["seq2seq", "hred", "vhred"])


def test_an_epoch_has_every_dialogue_once(data: Listed) -> None:
    made = task(model("hred"), data)
    batches = made.plan(np.random.default_rng(0))
    assert len(batches) == made.steps_per_epoch == 3
    assert sorted(np.concatenate(batches)) == list(range(20))


@every_kind
def test_two_threads_learn_what_one_does(kind: str, data: Listed) -> None:
    """Free bits, too: they are of the mean over the whole batch. z has no noise, which the replicas draw apart."""

    class Silent:
        def standard_normal(self, shape: tuple[int, ...]) -> Any:
            return np.zeros(shape)

    found = []
    for threads in 1, 2:
        made = model(kind)
        learner = task(made, data, threads)
        for replica in learner.replicas.models:
            if kind == "vhred":
                replica.sample.rng = Silent()
        loss, units = learner.learn(np.arange(7))
        found.append((loss, units, learner.replicas.packed.grad.copy()))
    (loss, units, grad), (loss_2, units_2, grad_2) = found
    assert units == units_2 == data.batch(range(7)).target_tokens
    assert loss == pytest.approx(loss_2, rel=1e-6)
    assert np.abs(grad).max() > 1e-3
    np.testing.assert_allclose(grad_2, grad, atol=1e-6)


@every_kind
def test_the_score_is_the_mean_over_tokens_whatever_the_batches(kind: str, data: Listed) -> None:
    made = model(kind)
    score, metrics = task(made, data).evaluate()
    total, tokens = 0.0, 0
    for row in range(20):
        batch = data.batch([row])
        targets = batch.pairs().real_rows()[1]
        if kind == "vhred":  # the noise of one draw differs by batch: what does not is the KL
            total += float(made(batch)[1].sum())
        else:
            total += softmax_cross_entropy(made(batch), targets, count=1)[0]
        tokens += len(targets)
    if kind == "vhred":
        pairs = sum(len(d) - 1 for d in data.dialogues)
        assert metrics["valid_kl"] == pytest.approx(total / pairs, rel=1e-5)
        assert score == metrics["valid_bound"]
        assert score == pytest.approx(metrics["valid_reconstruction"] + total / tokens, rel=1e-5)
        assert metrics["valid_perplexity_bound"] == math.exp(score)
        assert not {"valid_loss", "valid_perplexity"} & metrics.keys(), "a bound under the name of what it bounds"
    else:
        assert score == metrics["valid_loss"] == pytest.approx(total / tokens, rel=1e-5)
        assert metrics["valid_perplexity"] == math.exp(score)


@every_kind
def test_evaluation_changes_neither_the_model_nor_randomness(kind: str, data: Listed) -> None:
    made = task(model(kind, dropout=0.4), data)
    before = made.model.state_dict()
    states = [generator.bit_generator.state for generator in made.generators().values()]
    assert made.evaluate() == made.evaluate()
    assert [generator.bit_generator.state for generator in made.generators().values()] == states
    for name, value in made.model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    assert not any(parameter.grad.any() for _, parameter in made.model.parameters())


@every_kind
def test_exact_match_is_the_share_of_answers_that_fit(kind: str, data: Listed) -> None:
    made = model(kind)
    contexts = [[[4, 5]], [[6], [7, 8]], [[5], [5], [4]]]
    given = respond(made, contexts, 4)
    fitting = [[given[0]], [[4, 4, 4, 4, 4]], [[8, 8], given[2]]]
    learner = task(made, data, answers=Answers(contexts, fitting))
    learner.answers = Answers(contexts, [[ids[:4] for ids in of] for of in fitting])
    limit = 2 + max(len(ids) for of in learner.answers.fitting for ids in of)
    right = sum(ids in of for ids, of in zip(respond(made, contexts, limit), learner.answers.fitting, strict=True))
    assert learner.evaluate()[1]["valid_exact_match"] == right / 3


def test_the_weight_of_the_kl_rises_step_by_step_to_one(data: Listed) -> None:
    learner = task(model("vhred"), data, annealing=4)
    assert isinstance(learner, VariationalTask)
    weights = []
    for _ in range(6):
        weights.append(learner.kl_weight)
        learner.updated(0.0, 1)
    assert weights == [0.25, 0.5, 0.75, 1, 1, 1]
    assert learner.gathered()["step"] == 6


@every_kind
def test_resuming_a_checkpoint_goes_on_to_the_same_bits(kind: str, data: Listed, tmp_path: Any) -> None:
    """The KL's weight, z and dropped words among them."""

    def training(folder: Any, epochs: int) -> Training:
        made = model(kind, dropout=0.3)
        optimizer = Adam(made.parameters(), 0.01)
        replicas = Replicas(made, optimizer.packed, 2)
        options: dict[str, Any] = {"replicas": replicas, "batch_size": 7}
        learner = (
            VariationalTask(data, data, annealing=10, free_bits=0.05, **options)
            if kind == "vhred"
            else DialogueTask(data, data, **options)
        )
        order = np.random.default_rng(5)
        return Training(learner, made, optimizer, None, folder, order=order, epochs=epochs, patience=9, verbose=False)

    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    a = training(whole, 3)
    a.run()
    training(parts, 1).run()
    b = training(parts, 3)
    b.run()
    for name, value in a.model.state_dict().items():
        np.testing.assert_array_equal(b.model.state_dict()[name], value, err_msg=name)


def test_the_loss_of_a_model_that_knows_nothing_is_log_of_the_vocabulary(data: Listed) -> None:
    for kind in "hred", "vhred":
        made = model(kind)
        for _, parameter in made.parameters():
            parameter.value[...] = 0
        loss = mean_loss(made, data) if kind == "hred" else bound(made, data).per_token
        assert loss == pytest.approx(np.log(V), rel=1e-5)
