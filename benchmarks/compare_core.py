"""Optimizers' updates and the step of a small net, beside PyTorch.

    python benchmarks/compare_core.py [--rounds N] [--peer-python PATH]

PyTorch does it fused, with foreach and in a loop over the tensors, updates also with all parameters in one tensor; the
fastest of them counts. Each measurement is a process of its own, the sides in turn; the figures are medians over the
rounds. Prints a Markdown table. Exit status 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import machine
import numpy as np
from comparing import Result, Row, in_turn, ratio, table, torch_python, versions
from core_workload import BATCH, LAYERS

ROUNDS = 5
WAYS = "fused", "foreach", "loop"
TENSORS = "sixteen", "one"
LEAST = {"Adam": 2.0}  # times as fast as PyTorch; every other rule: 1


def fastest(key: str, peers: dict[str, Sequence[Result]]) -> str:
    """The peer that has most of `key`, by the medians."""
    speeds = {name: median(result[key] for result in side) for name, side in peers.items() if key in side[0]}
    return max(speeds, key=speeds.__getitem__)


def updates(peer_python: str | Path, rounds: int) -> list[Row]:
    ways = [(way, tensors) for way in WAYS for tensors in TENSORS]
    sides = [(peer_python, "core_torch.py", "updates", *way) for way in ways]
    ours, *others = in_turn([(sys.executable, "core.py", "updates"), *sides], rounds)
    names = [f"{way}, {tensors} tensor{'s' * (tensors != 'one')}" for way, tensors in ways]
    peers = dict(zip(names, others, strict=True))
    rows = []
    for rule in ours[0]:
        if rule != "versions":
            best = fastest(rule, peers)
            what = f"{rule}: updates of 1 million parameters/s (PyTorch {best})"
            rows.append(ratio(what, rule, ours, peers[best], least=LEAST.get(rule, 1.0)))
    return rows


def dense(peer_python: str | Path, rounds: int) -> tuple[list[Row], list[dict[str, str]]]:
    """The rows, and both sides' versions."""
    sides = [(peer_python, "core_torch.py", "dense", way) for way in WAYS]
    ours, *others = in_turn([(sys.executable, "core.py", "dense"), *sides], rounds)
    peers = dict(zip(WAYS, others, strict=True))
    best = fastest("steps_per_second", peers)
    losses, peer_losses = (np.array(side[0]["losses"]) for side in (ours, peers[best]))
    apart = float(np.abs(losses - peer_losses).max())
    net = f"dense net {'-'.join(map(str, LAYERS))}"
    rows = [
        ratio(
            f"{net}: training steps/s in batches of {BATCH} (PyTorch {best})",
            "steps_per_second",
            ours,
            peers[best],
            least=4.0,
        ),
        Row(
            f"{net}: mean loss of the last epoch; largest difference in any",
            f"{losses[-1]:.5f}",
            f"{peer_losses[-1]:.5f}",
            f"{apart:.1e}",
            "≤ 1e-3",
            apart <= 1e-3,
        ),
    ]
    return rows, [ours[0]["versions"], peers[best][0]["versions"]]


def main() -> int:
    parser = argparse.ArgumentParser(description="Optimizers' updates and the step of a small net, beside PyTorch.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"of all sides in turn (default: {ROUNDS})")
    parser.add_argument("--peer-python", help="a Python with PyTorch and NumPy (default: an environment made for it)")
    options = parser.parse_args()
    machine.two_cores()
    peer_python = torch_python(options.peer_python)
    with machine.watched():
        rows, sides = dense(peer_python, options.rounds)
        reached = table([*rows, *updates(peer_python, options.rounds)], "PyTorch")
        print(
            f"\nMedians of {options.rounds} rounds. seqrl's updates also sum up the norm of the gradient and refuse one"
        )
        print(f"that is not finite. {versions(*sides)}")
    return int(not reached)


if __name__ == "__main__":
    sys.exit(main())
