"""Talk with a trained dialogue model: on the terminal, or one answer to the utterances given."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import tyro

import seqrl
from seqrl.errors import InputError
from seqrl.models.sampling import check_sampling
from seqrl.training import command
from seqrl.training.dialogue.responder import Responder

NEW, QUIT = "/new", "/quit"
HELP = f"Say something. An empty line or {NEW} begins a new dialogue; {QUIT} or Ctrl-D ends."


@dataclass(frozen=True)
class Options:
    run: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Folder that scripts/train_dialogue.py wrote."""
    say: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[UTTERANCE ...]")] = ()
    """What was said so far, by turns, for one answer; without any, lines are read and answered one by one."""
    temperature: float | None = None
    """Draw the words: below 1 more predictable, above 1 more daring (default: always the most probable word)."""
    top_k: int | None = None
    """Draw from the k most probable words only."""
    top_p: float | None = None
    """Draw from the smallest set of most probable words that has this share of the probability."""
    draws: int = 1
    """How many answers to show; the first one stays in the dialogue."""
    seed: int | None = None
    """Of what is drawn: words, and the latent variable of a vhred (default: another one each time)."""

    def check(self) -> None:
        check_sampling(1.0 if self.temperature is None else self.temperature, self.top_k, self.top_p)
        if self.draws < 1:
            raise InputError(f"--draws is {self.draws}; expected 1 or more")
        if self.seed is not None and self.seed < 0:
            raise InputError(f"--seed is {self.seed}; expected 0 or more")

    @property
    def words_drawn(self) -> bool:
        return bool(self.temperature) or self.top_k is not None or self.top_p is not None


class Chat:
    """A dialogue under way."""

    def __init__(self, responder: Responder, options: Options) -> None:
        if options.draws > 1 and not responder.variational and not options.words_drawn:
            raise InputError(
                "--draws of a model without a latent variable needs words that are drawn; expected --temperature, "
                "--top-k or --top-p as well"
            )
        self.responder = responder
        self.options = options
        self.rng = np.random.default_rng(options.seed)
        self.said: list[str] = []

    def answers(self) -> list[str]:
        """Of as many as asked for, those that differ, in the order in which they were drawn."""
        options, responder = self.options, self.responder
        if not responder.variational and not options.words_drawn:
            return [responder.respond(self.said)]
        temperature = (1.0 if options.words_drawn else 0.0) if options.temperature is None else options.temperature
        drawn = [
            responder.respond(
                self.said, rng=self.rng, temperature=temperature, top_k=options.top_k, top_p=options.top_p
            )
            for _ in range(options.draws)
        ]
        return list(dict.fromkeys(drawn))


def talk(options: Options) -> int:
    options.check()
    responder = seqrl.load(options.run)
    if not isinstance(responder, Responder):
        raise InputError(f"{options.run}: not the run of a dialogue model; expected one of train_dialogue.py")
    chat = Chat(responder, options)
    if options.say:
        chat.said = [text.strip() for text in options.say]
        if problem := responder.problem(chat.said):
            raise InputError(problem)
        for number, text in enumerate(chat.said, start=1):
            name_unknown(responder, text, f"utterance {number}: ")
        print("\n".join(chat.answers()))
        return 0
    for line in lines():
        if line in ("", NEW):
            if chat.said and sys.stdin.isatty():
                print("(a new dialogue)")
            chat.said = []
        elif line == QUIT:
            break
        elif line.startswith("/"):
            print(f"no such command: {line}; {HELP}", file=sys.stderr)
        elif problem := responder.problem([*chat.said, line]):
            print(problem, file=sys.stderr)
        else:
            name_unknown(responder, line)
            chat.said.append(line)
            answers = chat.answers()
            chat.said.append(answers[0])
            print("\n".join(answers), flush=True)
    return 0


def lines() -> Iterator[str]:
    """What is typed after a prompt, or the lines of standard input."""
    if sys.stdin.isatty():
        print(HELP)
        while True:
            try:
                yield input("> ").strip()
            except EOFError:
                print()
                return
    for number, line in enumerate(sys.stdin.buffer, start=1):
        try:
            yield line.decode().strip()
        except UnicodeDecodeError as error:
            raise InputError(f"standard input:{number}: byte 0x{line[error.start]:02x} is not UTF-8") from None


def name_unknown(responder: Responder, text: str, where: str = "") -> None:
    if unknown := responder.unknown_words(text):
        print(f"{where}unknown to the model: {', '.join(unknown)}", file=sys.stderr)


def main(arguments: list[str] | None = None) -> int:
    return command.run(talk, Options, arguments)


if __name__ == "__main__":
    sys.exit(main())
