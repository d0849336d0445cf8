"""A dialogue as it is written down: its turns, and which answers would fit at each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from phrases.parts import Draw

RECALL, OPEN = "recall", "open"
HOW_OFTEN = (0, 1, 1, 1, 2, 2, 2)  # the subject changes, drawn evenly from these
ECHOED = 0.6

Exchanges = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Turn:
    """What is said. `kind` is RECALL, OPEN, or "" for a turn of which not all that would fit is known."""

    text: str
    kind: str = ""
    fitting: tuple[str, ...] = ()


@dataclass
class Script:
    """The turns of a dialogue as a scene writes them; two people speak by turns.

    The texts that are given to a turn are all its possible ones, of which one is drawn.
    """

    d: Draw
    turns: list[Turn] = field(default_factory=list)

    def says(self, *texts: str) -> None:
        """Brings up something, or asks."""
        self.turns.append(Turn(finish(self.d.one(texts))))

    def answers(self, *texts: str) -> None:
        """Any of these fits, whatever was said before the question."""
        self._mark(OPEN, texts)

    def recalls(self, *texts: str) -> None:
        """Any of these fits, and nothing else: they repeat what was said turns ago."""
        self._mark(RECALL, texts)

    def talks(self, exchanges: Exchanges, echo: str) -> None:
        """Changes the subject, once or twice or not at all; the first time perhaps after an `echo` of what was said."""
        left = list(exchanges)
        for number in range(self.d.one(HOW_OFTEN)):
            question = self.d.one(left)
            left.remove(question)
            self.says(f"{echo} {question}" if number == 0 and self.d.chance(ECHOED) else question)
            self.answers(*exchanges[question])

    def _mark(self, kind: str, texts: Sequence[str]) -> None:
        fitting = tuple(map(finish, texts))
        self.turns.append(Turn(self.d.one(fitting), kind, fitting))


def finish(text: str) -> str:
    """A capital at the start."""
    return text[0].upper() + text[1:]


def a(noun: str) -> str:
    """The noun with its article."""
    return f"{'an' if noun[0] in 'aeio' or noun.startswith('um') else 'a'} {noun}"
