"""The model of blackjack against sums by hand, the textbook's optimal policy, and the environment itself."""

import gymnasium
import numpy as np
import pytest

from seqrl.agents.dynamic_programming import Model, expected_return, policy_evaluation, policy_iteration
from seqrl.agents.worlds import blackjack
from seqrl.agents.worlds.blackjack import HIT, STICK


@pytest.fixture(scope="module")
def model() -> Model:
    return blackjack.model()


def test_the_dealers_scores_are_a_distribution() -> None:
    for dealer in blackjack.CARDS:
        for card in blackjack.CARDS:
            scores = dict(blackjack.dealer_scores(dealer + card, 1 in (dealer, card)))
            assert sum(scores.values()) == pytest.approx(1)
            assert set(scores) <= {0, 17, 18, 19, 20, 21}
    assert dict(blackjack.dealer_scores(16, False)) == pytest.approx(
        {0: 8 / 13, **dict.fromkeys(range(17, 22), 1 / 13)}
    )
    assert dict(blackjack.dealer_scores(7, True)) == {17: 1.0}  # an ace and a 6: soft 17 stands


def test_what_a_card_does_to_a_hand() -> None:
    hard_12 = blackjack.hit(12, 5, usable=False)
    assert sum(p for p, _, reward, terminated in hard_12 if terminated and reward == -1) == pytest.approx(4 / 13)
    nexts = {next_state: p for p, next_state, _, _ in blackjack.hit(10, 5, usable=False)}
    assert nexts[blackjack.state(21, 5, True)] == pytest.approx(1 / 13)  # an ace counts 11
    soft_13 = blackjack.hit(13, 5, usable=True)
    assert not any(terminated for _, _, _, terminated in soft_13)
    assert {s: p for p, s, _, _ in soft_13}[blackjack.state(13, 5, False)] == pytest.approx(4 / 13)


def test_a_natural_wins_unless_the_dealer_has_one_too() -> None:
    def mean(outcomes: list[blackjack.Outcome]) -> float:
        return sum(p * reward for p, _, reward, _ in outcomes)

    assert mean(blackjack.stick(21, 5, first_two=True)) == pytest.approx(1)
    assert mean(blackjack.stick(21, 10, first_two=True)) == pytest.approx(12 / 13)
    assert mean(blackjack.stick(21, 1, first_two=True)) == pytest.approx(9 / 13)
    assert mean(blackjack.stick(21, 1)) < 9 / 13  # drawn, it is no more than another 21


def test_an_episode_begins_with_two_cards(model: Model) -> None:
    assert model.start.sum() == pytest.approx(1)
    naturals = sum(model.start[blackjack.natural(dealer)] for dealer in blackjack.CARDS)
    assert naturals == pytest.approx(2 * 4 / 169)
    assert model.start[[blackjack.state(21, dealer, True) for dealer in blackjack.CARDS]].sum() == 0


def test_the_optimal_policy_is_that_of_figure_5_2(model: Model) -> None:
    policy = policy_iteration(model).policy[: blackjack.OBSERVATIONS].reshape(blackjack.SHAPE)
    hits = policy[12:22, 1:11] == HIT
    assert (np.diff(hits.astype(int), axis=0) <= 0).all()  # who sticks on a sum sticks on a higher one
    sticks_from = 12 + hits.sum(axis=0)  # (10, 2), by the dealer's card from the ace on, and usable ace
    assert sticks_from[:, 0].tolist() == [17, 13, 13, 12, 12, 12, 17, 17, 17, 17]
    assert sticks_from[:, 1].tolist() == [19, 18, 18, 18, 18, 18, 18, 18, 19, 19]  # the notch at the ace too


def test_the_environment_pays_what_the_model_says(model: Model) -> None:
    """Every action in every state it meets, at random: means of what followed within four standard errors."""
    env = gymnasium.make("Blackjack-v1").unwrapped
    rng = np.random.default_rng(0)
    random = np.full((len(model.start), 2), 0.5)
    values = policy_evaluation(model, random)
    returns: list[float] = []
    sums, counts = np.zeros(len(values)), np.zeros(len(values))
    env.reset(seed=0)
    for _ in range(4000):
        (total, dealer, ace), _ = env.reset()
        states = [blackjack.natural(dealer) if total == 21 else blackjack.state(total, dealer, ace)]
        while True:
            (total, dealer, ace), reward, terminated, _, _ = env.step(int(rng.integers(2)))
            if terminated:
                break
            states.append(blackjack.state(total, dealer, ace))
        returns.append(float(reward))
        sums[states] += float(reward)
        counts[states] += 1
    often = counts >= 30
    scores = (sums[often] / counts[often] - values[often]) * np.sqrt(
        counts[often]
    )  # a return has a variance of 1 at most
    assert often.sum() > 50
    assert np.abs(scores).max() < 4
    assert 0.3 < np.mean(scores**2) < 1.2
    assert abs(np.mean(returns) - expected_return(model, random)) < 4 / np.sqrt(len(returns))


def test_a_soft_21_is_a_natural_as_often_as_it_comes_up(model: Model) -> None:
    """Who sticks at once with 21 has a natural; who draws to it has not: the mean lies between."""
    policy = np.full(len(model.start), HIT)
    policy[[blackjack.state(total, d, ace) for total in (20, 21) for d in blackjack.CARDS for ace in (False, True)]] = (
        STICK
    )
    policy[blackjack.OBSERVATIONS :] = STICK
    values = policy_evaluation(model, policy)
    seen = blackjack.by_observation(model, policy, values)
    drawn, natural = values[blackjack.state(21, 10, True)], values[blackjack.natural(10)]
    assert drawn < seen[21, 10, 1] < natural
    assert seen[20, 10, 0] == values[blackjack.state(20, 10, False)]
