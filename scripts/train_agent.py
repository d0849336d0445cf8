"""Train an agent, or one for each of several seeds: train_agent.py dqn CartPole-v1 --seeds 5.

`train_agent.py ALGORITHM ENV --help` lists the settings of that algorithm too, as they are tuned for ENV.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from seqrl.agents import ALGORITHMS, report
from seqrl.agents import runs as agent_runs
from seqrl.agents.agent import resolve_settings
from seqrl.agents.learning import Learning
from seqrl.agents.many import learn_all
from seqrl.agents.options import read as read_options
from seqrl.agents.settings import tuned_steps
from seqrl.errors import InputError
from seqrl.training import command, runs

STEPS = 100_000


@dataclass(frozen=True)
class Options:
    algorithm: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="ALGORITHM")] = ""
    """How to learn, such as q_learning, dqn, reinforce, ppo; an unknown one is answered with all there are."""
    environment: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="ENV")] = ""
    """Gymnasium's id, such as CartPole-v1; "module:id" imports the module that registers it."""
    steps: int | None = None
    """Steps to learn from, with --resume how many they become (default: as tuned for ENV, else 100,000)."""
    seed: int = 0
    """Of all that is random; with --seeds the first of them."""
    seeds: int = 1
    """Train so many agents, of this seed and those that follow, as many at a time as there are cores."""
    envs: int | None = None
    """Environments side by side (default: as tuned for ENV)."""
    options: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE ...")] = ()
    """Of the environment, for gymnasium.make: is_slippery=false map_name=8x8. A value is JSON, or else a text."""
    out: str | None = None
    """Folder for the run (default: runs/ALGORITHM-ENV)."""
    resume: str | None = None
    """Continue the run in this folder with its own settings; only --steps and --max-minutes may be given with it."""
    overwrite: bool = False
    """Replace the run that --out holds."""
    max_minutes: float | None = None
    """Stop after so many minutes, each seed for itself."""


def train(options: Options) -> int:
    if options.max_minutes is not None and not options.max_minutes > 0:
        raise InputError(f"--max-minutes is {options.max_minutes}; expected more than 0")
    if options.resume:
        if options != type(options)(resume=options.resume, steps=options.steps, max_minutes=options.max_minutes):
            raise InputError(
                "--resume continues a run with its own settings; only --steps and --max-minutes may be given with it"
            )
        return learn(Path(options.resume), agent_runs.read(Path(options.resume)), options)
    given = read_options(options.options)  # first: it may have taken up the two that are looked for now
    if not options.algorithm:
        raise InputError(f"no ALGORITHM is given; expected one of {', '.join(ALGORITHMS)}")
    if not options.environment:
        raise InputError("no ENV is given; expected an environment's id, such as CartPole-v1")
    settings = run_settings(options, given)
    name = options.environment.rpartition(":")[2].replace("/", "-")
    return learn(Path(options.out or f"runs/{options.algorithm}-{name}"), settings, options)


def run_settings(options: Options, given: dict[str, Any]) -> agent_runs.RunSettings:
    algorithm, environment = options.algorithm, options.environment
    if algorithm not in ALGORITHMS and environment in ALGORITHMS:
        raise InputError(
            f"the algorithm is '{algorithm}'; expected it before the environment: {environment} {algorithm}"
        )
    kind = agent_runs.algorithm_named(algorithm)
    settings: Any = getattr(options, "settings", None)
    if options.envs is not None:
        settings = settings or resolve_settings(kind, environment, None, {})
        if not hasattr(settings, "environments"):
            raise InputError(f"--envs is {options.envs}; {algorithm} learns in one environment")
        settings = dataclasses.replace(settings, environments=options.envs)
    steps = options.steps if options.steps is not None else tuned_steps(algorithm, environment, STEPS)
    return agent_runs.run_settings(
        algorithm,
        environment,
        steps=steps,
        seed=options.seed,
        seeds=options.seeds,
        settings=settings,
        options=given,
    )


def learn(folder: Path, settings: agent_runs.RunSettings, options: Options) -> int:
    """Begin or resume, learn, report."""
    with runs.locked(folder):
        if options.resume:
            settings = resumed(folder, settings, options.steps)
        else:
            replaces = (folder / runs.CONFIG).exists()
            agent_runs.begin(settings, folder, options.overwrite)
            if replaces:
                print(f"Replaced the run in {folder}")
        ended = learn_one(folder, options) if settings.seeds == 1 else learn_seeds(folder, settings, options)
    if ended == "interrupted":
        print(f"To continue: {command.resuming(folder)}")
        return command.INTERRUPTED
    return 0


def resumed(folder: Path, settings: agent_runs.RunSettings, steps: int | None) -> agent_runs.RunSettings:
    """The settings of a run that goes on, and that many steps long, where they are given."""
    if steps is None or steps == settings.steps:
        print(f"Continuing {folder}")
        return settings
    longer = agent_runs.lengthen(folder, steps)
    schedules = ", ".join(agent_runs.schedules(longer))
    note = f"; what begins anew over what is left: {schedules}" if schedules else ""
    print(f"Continuing {folder}, of now {steps:,} steps instead of {settings.steps:,}{note}")
    return longer


def learn_one(folder: Path, options: Options) -> str:
    learning = Learning(folder, max_minutes=options.max_minutes)
    print(report.summary(learning.settings, learning.agent), flush=True)
    ended = learning.run()
    if ended == "interrupted":
        print(f"Stopped at step {learning.agent.steps:,}.")
    else:
        print(report.finish(learning, folder, ended))
    return ended


def learn_seeds(folder: Path, settings: agent_runs.RunSettings, options: Options) -> str:
    agent_runs.complete(settings, folder)
    agent = settings.make()
    print(f"{report.summary(settings, agent)}; {settings.seeds} seeds", flush=True)
    agent.close()
    ended = learn_all(agent_runs.singles(folder), report.work, max_minutes=options.max_minutes)
    if "interrupted" in ended:
        return "interrupted"
    print(report.finish_seeds(folder, ended))
    return "finished"


def options_for(arguments: Sequence[str]) -> type[Options]:
    """The options of an algorithm: those of all and, where the command line begins with its name, its settings."""
    named = [argument for argument in arguments[:2] if not argument.startswith("-")]
    if not named or named[0] not in ALGORITHMS:
        return Options
    kind = ALGORITHMS[named[0]]
    defaults = resolve_settings(kind, named[1] if len(named) > 1 else None, None, {})
    field = ("settings", kind.Settings, dataclasses.field(default_factory=lambda: defaults))
    made = dataclasses.make_dataclass("Options", [field], bases=(Options,), frozen=True)
    made.__module__ = __name__  # whose docstring is the help
    return made


def main(arguments: list[str] | None = None) -> int:
    return command.run(train, options_for(sys.argv[1:] if arguments is None else arguments), arguments)


if __name__ == "__main__":
    sys.path.append(os.getcwd())  # "module:id" may name a module of one's own
    sys.exit(main())
