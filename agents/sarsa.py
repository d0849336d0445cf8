"""SARSA: the values of what the agent does, its exploring included (Sutton and Barto 2018, sections 6.4 and 6.6).

SARSA             q(s, a) += alpha (r + gamma q(s', a') - q(s, a)),  a' the action taken next
expected SARSA    q(s, a) += alpha (r + gamma sum_a' pi(a'|s') q(s', a') - q(s, a)),  pi the epsilon-greedy policy

The expectation leaves out the chance of a', and so allows larger steps (van Seijen et al. 2009). Both come to the
optimum only as epsilon goes to 0.

Nothing follows where the episode terminated. Where it was only cut short, what would have followed counts.
"""

from __future__ import annotations

from .agent import AgentState
from .tabular import Tabular


class Sarsa(Tabular):
    name = "sarsa"

    def build(self) -> None:
        super().build()
        self._next: list[int | None] = [None] * self.environments.count  # what was chosen already, by environment

    def choose(self, environment: int, state: int) -> int:
        chosen = self._next[environment]
        return super().choose(environment, state) if chosen is None else chosen

    def update(
        self, environment: int, state: int, action: int, reward: float, next_state: int, terminated: bool, over: bool
    ) -> None:
        q = self.tables[0]
        self._next[environment] = None
        target = reward
        if not terminated:
            next_action = self.choose(environment, next_state)
            target += self.settings.gamma * q[next_state][next_action]
            if not over:
                self._next[environment] = next_action
        q[state][action] += self.step_size(state, action) * (target - q[state][action])

    def state(self) -> AgentState:
        arrays, numbers = super().state()
        return AgentState(arrays, {**numbers, "next": list(self._next)})

    def load_state(self, state: AgentState) -> None:
        super().load_state(state)
        # Where new episodes began in place of those that were saved, what was chosen is for other states.
        self._next = list(state.numbers["next"]) if self.environments.resumable else [None] * self.environments.count


class ExpectedSarsa(Tabular):
    name = "expected_sarsa"

    def update(
        self, environment: int, state: int, action: int, reward: float, next_state: int, terminated: bool, over: bool
    ) -> None:
        q = self.tables[0]
        target = reward
        if not terminated:
            values = q[next_state]
            expected = self.epsilon * sum(values) / len(values) + (1 - self.epsilon) * max(values)
            target += self.settings.gamma * expected
        q[state][action] += self.step_size(state, action) * (target - q[state][action])
