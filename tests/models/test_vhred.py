from typing import Any

import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.gradient_check import check_gradients, numerical_gradient
from seqrl.losses import softmax_cross_entropy
from seqrl.models.decoding import greedy_from
from seqrl.models.hred import DialogueBatch, pad_dialogues
from seqrl.models.vhred import VHRED, Bound, VHREDConfig, kl_loss
from seqrl.optimizers import Adam
from seqrl.text.specials import EOS

Generator = np.random.Generator
V = 9


def model(**options: Any) -> VHRED:
    config = VHREDConfig(V, **{"embedding": 3, "hidden": 4, "context": 5, "latent": 3, **options})
    return VHRED(config, rng=np.random.default_rng(1), dropout_rng=np.random.default_rng(2))


def randomised(vhred: VHRED, scale: float = 0.5) -> VHRED:
    vhred, rng = vhred.astype(np.float64), np.random.default_rng(3)
    for _, parameter in vhred.parameters():
        parameter.value[...] = rng.normal(0, scale, parameter.shape)
    return vhred


def dialogue(rng: Generator, *words: int) -> list[list[int]]:
    """Utterances of so many words, and EOS."""
    return [[*rng.integers(4, V, count).tolist(), EOS] for count in words]


def dialogues(rng: Generator) -> DialogueBatch:
    """Of several lengths; one has nothing to predict."""
    return pad_dialogues([dialogue(rng, *words) for words in [(2, 0, 4), (1,), (3, 1, 1, 2), (0, 3)]])


class Given:
    """A generator that gives each pair the same noise, whichever batch it is in."""

    def __init__(self, noise: Any) -> None:
        self.noise = noise

    def standard_normal(self, shape: tuple[int, ...]) -> Any:
        return np.broadcast_to(self.noise, shape)


OPTIONS: dict[str, dict[str, Any]] = {
    "gru, not tied": {"tied": False},
    "lstm, two layers": {"cell": "lstm", "layers": 2},
    "one way, dropout": {"cell": "rnn", "bidirectional": False, "dropout": 0.3, "word_dropout": 0.5},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_gradients(options: dict[str, Any], rng: Generator) -> None:
    """Of the logits and of the KL; z has the same noise at every evaluation."""
    for batch in (dialogues(rng), pad_dialogues([dialogue(rng, 0, 0)])):
        vhred = model(**{"embedding": 2, "context": 3, "latent": 2, **options})
        assert check_gradients(vhred, batch).keys() == dict(vhred.parameters()).keys()


def test_the_gradient_of_the_objective(rng: Generator) -> None:
    """The loss, the weighted KL and the free bits together, as training has them; no dimension is at its kink."""
    vhred, batch = randomised(model(embedding=2, context=3, latent=2)), dialogues(rng)
    targets, state = batch.pairs().real_rows()[1], vhred.dropout_rng.bit_generator.state
    free = float(np.sort(vhred(batch)[1].mean(axis=0))[:2].mean())  # between the two

    def objective() -> tuple[float, Any]:
        vhred.dropout_rng.bit_generator.state = state
        (logits, kl), backward = vhred.forward(batch)
        loss, dlogits = softmax_cross_entropy(logits, targets)
        penalty, dkl = kl_loss(kl, len(targets), 0.7, free)
        return loss + penalty, lambda: backward(dlogits, dkl)

    objective()[1]()
    for name, parameter in vhred.parameters():
        expected = numerical_gradient(lambda: objective()[0], parameter.value)
        np.testing.assert_allclose(parameter.grad, expected, rtol=1e-5, atol=1e-8, err_msg=name)


def test_a_padded_batch_is_its_dialogues_alone(rng: Generator) -> None:
    together, alone, batch = randomised(model()), randomised(model()), dialogues(rng)
    for vhred in together, alone:
        vhred.sample.rng = Given(np.array([0.5, -1.0, 2.0]))  # type: ignore[assignment]
    (logits, kl), backward = together.forward(batch)
    dlogits, dkl = rng.normal(size=logits.shape), rng.normal(size=kl.shape)
    backward(dlogits, dkl)
    pairs, owners = batch.pairs(), batch.answered() % 4
    real = np.arange(pairs.target.shape[1])[:, None] < pairs.target_lengths
    owners_of_tokens = np.broadcast_to(owners, real.shape)[real]
    for n, one in enumerate(batch.split(4)):
        tokens, its = owners_of_tokens == n, owners == n
        (logits_n, kl_n), backward_n = alone.forward(one)
        np.testing.assert_allclose(logits_n, logits[tokens], rtol=1e-11)
        np.testing.assert_allclose(kl_n, kl[its], rtol=1e-11)
        backward_n(dlogits[tokens], dkl[its])
    for (name, a), (_, b) in zip(together.parameters(), alone.parameters(), strict=True):
        np.testing.assert_allclose(a.grad, b.grad, rtol=1e-9, atol=1e-12, err_msg=name)


def test_what_stands_in_the_padding_does_not_count(rng: Generator) -> None:
    vhred, batch = randomised(model()), dialogues(rng)
    filled = np.where(np.arange(batch.ids.shape[2]) < batch.lengths[:, :, None], batch.ids, 7)
    for expected, found in zip(vhred(batch), vhred(batch._replace(ids=filled)), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_inference_is_training_with_the_mean_for_z(rng: Generator) -> None:
    vhred, batch = randomised(model()), dialogues(rng)
    state = vhred.dropout_rng.bit_generator.state
    expected = vhred(batch)
    assert vhred.dropout_rng.bit_generator.state == state
    vhred.sample.rng = Given(np.zeros(3))  # type: ignore[assignment]
    for a, b in zip(vhred.forward(batch)[0], expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_the_posterior_sees_the_answer_and_the_prior_does_not(rng: Generator) -> None:
    vhred = randomised(model())
    texts = dialogue(rng, 2, 3)
    answered = [texts[0], dialogue(rng, 5)[0]]
    (a, b) = (vhred._gaussians(pad_dialogues([given])) for given in (texts, answered))
    np.testing.assert_array_equal(a[2], b[2])
    assert not np.allclose(a[1], b[1])


def test_z_reaches_every_step_of_the_decoder(rng: Generator) -> None:
    """Nor is it taken up by the initial state alone: with that one's weights at zero z is still seen."""
    vhred, texts = randomised(model()), dialogue(rng, 2, 3)
    vhred.initial.weight.value[...] = 0
    outputs = []
    for noise in (0.0, 1.0):
        vhred.sample.rng = Given(np.full(3, noise))  # type: ignore[assignment]
        outputs.append(vhred.forward(pad_dialogues([texts]))[0][0])
    assert (np.abs(outputs[0] - outputs[1]).max(axis=1) > 1e-3).all()


# ---- the objective -------------------------------------------------------------------------------------------


def test_the_kl_adds_to_the_loss_a_token_what_the_bound_says(rng: Generator) -> None:
    kl = rng.random((6, 3))
    assert kl_loss(kl, 20)[0] == pytest.approx(kl.sum() / 20)
    assert kl_loss(kl, 20, 0.25)[0] == pytest.approx(0.25 * kl.sum() / 20)
    np.testing.assert_allclose(kl_loss(kl, 20, 0.25)[1], 0.25 / 20)


def test_free_bits_are_of_each_dimension_on_the_mean_of_the_batch() -> None:
    """Kingma et al. 2016: one utterance may lie below, if the mean is above; each dimension counts for itself."""
    kl = np.array([[0.0, 0.1], [1.0, 0.2], [0.5, 0.0]])  # means 0.5 and 0.1
    value, gradient = kl_loss(kl, 10, 1.0, 0.3)
    assert value == pytest.approx(3 * (0.5 + 0.3) / 10)
    np.testing.assert_allclose(gradient, [[0.1, 0], [0.1, 0], [0.1, 0]])


def test_at_its_kink_the_slope_of_the_free_bits_goes_from_none_to_the_whole() -> None:
    for mean, slope in (0.25 - 1e-6, 0), (0.25, 0), (0.25 + 1e-6, 0.1):
        value, gradient = kl_loss(np.full((4, 1), mean), 10, 1.0, 0.25)
        assert value == pytest.approx(4 * max(mean, 0.25) / 10, rel=1e-12)
        np.testing.assert_allclose(gradient, slope)


def test_no_pairs_have_no_kl() -> None:
    value, gradient = kl_loss(np.zeros((0, 3)), 0)
    assert value == 0
    assert gradient.shape == (0, 3)


# ---- the bound -----------------------------------------------------------------------------------------------


def test_the_bound_lies_below_the_likelihood_and_nears_it_with_weighted_draws(rng: Generator) -> None:
    """log p(w | c) by importance sampling over z (Burda et al. 2016), on a dialogue of one pair."""
    vhred, batch = randomised(model(latent=2), 0.3), pad_dialogues([dialogue(rng, 2, 3)])
    vhred.posterior.layers[-1].bias.value[2:] += (
        1  # wider than the prior, or few of the draws would have all the weight
    )
    draws = [vhred.bound(batch, rng) for _ in range(1000)]
    bound = -np.mean([draw.per_token * draw.tokens for draw in draws])
    contexts, q, p = vhred._gaussians(batch)
    K, Z = 4000, 2
    z = q[:, :Z] + np.exp(0.5 * q[:, Z:]) * rng.standard_normal((K, Z))

    def log_density(x: Any) -> Any:
        return (-0.5 * (np.log(2 * np.pi) + x[:, Z:] + (z - x[:, :Z]) ** 2 / np.exp(x[:, Z:]))).sum(axis=1)

    pairs = batch.pairs()
    targets = pairs.real_rows()[1]
    log_p = np.empty(K)
    for k in range(K):
        logits = vhred.logits(np.concatenate([contexts, z[k : k + 1]], axis=1), pairs)
        log_p[k] = -softmax_cross_entropy(logits, targets, count=1)[0]
    weights = log_p + log_density(p) - log_density(q)
    likelihood = np.log(np.exp(weights).mean())
    error = np.exp(weights - likelihood).std() / np.sqrt(K)
    print(error, likelihood - bound)
    assert error < 0.02
    assert bound < likelihood - 5 * error
    assert bound == pytest.approx(weights.mean(), abs=0.05)  # the bound is the mean of the logarithm


def test_bounds_of_batches_add_up(rng: Generator) -> None:
    a, b = (Bound(2.0 * k, 4 * k, np.full((k, 2), 0.5 * k), np.full((k, 2), float(k))) for k in (1, 2))
    both = Bound.of([a, b])
    assert both.tokens == 12
    assert both.per_token == pytest.approx((2 + 4 + 1 + 4) / 12)
    assert both.kl.shape == both.moved.shape == (3, 2)


def test_a_unit_is_active_where_the_posterior_leaves_the_prior_differently_for_different_answers(
    rng: Generator,
) -> None:
    noise = rng.normal(size=200)
    moved = np.stack([noise, 0.05 * noise, np.full(200, 3.0), 0.2 * noise], axis=1)
    assert Bound(1.0, 1, np.ones((200, 4)), moved).active_units == 2  # the third always moves, and says nothing


def test_a_collapsed_posterior_has_no_active_units_though_the_prior_follows_the_context(rng: Generator) -> None:
    vhred, batch = randomised(model()), dialogues(rng)
    C = vhred.config.context
    for of_posterior, of_prior in zip(vhred.posterior.layers, vhred.prior.layers, strict=True):
        for (name, a), (_, b) in zip(of_posterior.parameters(), of_prior.parameters(), strict=True):
            a.value[...] = 0
            (a.value[:C] if name == "weight" else a.value)[...] = b.value
    found = vhred.bound(batch, rng)
    assert np.ptp(vhred._gaussians(batch)[1][:, 0]) > 0.05
    np.testing.assert_allclose(found.kl, 0, atol=1e-12)
    assert found.active_units == 0


def test_the_bound_is_the_same_for_the_same_noise(rng: Generator) -> None:
    vhred, batch = randomised(model()), dialogues(rng)
    a, b, c = (vhred.bound(batch, np.random.default_rng(seed)).per_token for seed in (1, 1, 2))
    assert a == b != c


# ---- answers -------------------------------------------------------------------------------------------------


def test_draws_from_the_prior_change_the_answer_and_its_mean_does_not(rng: Generator) -> None:
    vhred = randomised(model(hidden=6), 1.2)
    vhred.prior.layers[-1].bias.value[3:] = 4  # wide
    batch = pad_dialogues([dialogue(rng, 2, 3)] * 30)
    drawn = greedy_from(vhred, vhred.encode(batch, rng), 6, 30)
    assert len({tuple(ids) for ids in drawn}) > 3
    sure = greedy_from(vhred, vhred.encode(batch), 6, 30)
    assert len({tuple(ids) for ids in sure}) == 1
    again = greedy_from(vhred, vhred.encode(batch, np.random.default_rng(5)), 6, 30)
    assert again == greedy_from(vhred, vhred.encode(batch, np.random.default_rng(5)), 6, 30)


def two_answers(rng: Generator, count: int) -> DialogueBatch:
    """To 4 one answers with two 5s or two 6s, to 7 with two 7s or two 8s, as often the one as the other."""
    asked = rng.choice([4, 7], count)
    said = np.where(asked == 4, rng.choice([5, 6], count), rng.choice([7, 8], count))
    return pad_dialogues([[[int(a), EOS], [int(b), int(b), EOS]] for a, b in zip(asked, said, strict=True)])


def test_it_learns_with_z_in_use_to_give_all_fitting_answers_to_one_context(rng: Generator) -> None:
    vhred = model(embedding=8, hidden=16, context=16, latent=2, word_dropout=0.5)
    optimizer = Adam(vhred.parameters(), 0.01)
    for step in range(500):
        batch = two_answers(rng, 16)
        (logits, kl), backward = vhred.forward(batch)
        targets = batch.pairs().real_rows()[1]
        _, dlogits = softmax_cross_entropy(logits, targets)
        backward(dlogits, kl_loss(kl, len(targets), min(1.0, step / 200), 0.1)[1])
        optimizer.step()
    found = vhred.bound(two_answers(rng, 400), rng)
    assert found.active_units > 0
    assert found.kl.sum(axis=1).mean() > 0.4  # log 2 says which of the two it is
    assert np.log(2) / 3 < found.per_token < 0.75 * np.log(4) / 3  # the best there is; without the context
    for asked, fitting in (4, [[5, 5], [6, 6]]), (7, [[7, 7], [8, 8]]):
        answers = greedy_from(vhred, vhred.encode(pad_dialogues([[[asked, EOS]]] * 100), rng), 5, 100)
        counts = [answers.count(answer) for answer in fitting]
        assert min(counts) > 20, "one answer only: z is not in use"
        assert sum(counts) > 90, "answers that don't fit"


def test_without_latent_dimensions_it_is_refused() -> None:
    with pytest.raises(InputError, match="latent of VHRED is 0; expected a whole number of 1 or more"):
        model(latent=0)
