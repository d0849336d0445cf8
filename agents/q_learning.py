"""Q-learning: the values of acting best, learned while acting otherwise.

Watkins 1989; van Hasselt 2010; Sutton and Barto 2018, sections 6.5 and 6.7.

Q-learning           q(s, a) += alpha (r + gamma max_a' q(s', a') - q(s, a))
double Q-learning    q1(s, a) += alpha (r + gamma q2(s', argmax_a' q1(s', a')) - q1(s, a)), or with q1 and q2 changed
                     round, by the toss of a coin

The largest of noisy estimates lies above the largest of the true values, and Q-learning learns from it. In double
Q-learning one table chooses and the other, with noise of its own, says what that is worth.

Nothing follows where the episode terminated. Where it was only cut short, what would have followed counts.
"""

from __future__ import annotations

from .exploration import best_action
from .tabular import Tabular


class QLearning(Tabular):
    name = "q_learning"

    def update(
        self, environment: int, state: int, action: int, reward: float, next_state: int, terminated: bool, over: bool
    ) -> None:
        q = self.tables[0]
        target = reward if terminated else reward + self.settings.gamma * max(q[next_state])
        q[state][action] += self.step_size(state, action) * (target - q[state][action])


class DoubleQLearning(Tabular):
    name = "double_q_learning"
    number_of_tables = 2

    def update(
        self, environment: int, state: int, action: int, reward: float, next_state: int, terminated: bool, over: bool
    ) -> None:
        rng = self.streams.learning
        learns = int(rng.random() < 0.5)
        q, other = self.tables[learns], self.tables[1 - learns]
        target = reward
        if not terminated:
            target += self.settings.gamma * other[next_state][best_action(q[next_state], rng)]
        q[state][action] += self.step_size(state, action, learns) * (target - q[state][action])

    def values(self, state: int) -> list[float]:
        return [(one + two) / 2 for one, two in zip(self.tables[0][state], self.tables[1][state], strict=True)]
