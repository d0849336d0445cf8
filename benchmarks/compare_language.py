"""Language models trained and generating text beside the same models in PyTorch.

    python benchmarks/compare_language.py [--rounds N] [--peer-python PATH]

Each measurement is a process of its own, the two sides in turn; the figures are medians over the rounds. Prints a
Markdown table. Exit status 1 when a target is missed.

Where perplexities differ by more than 1e-6, it comes of PyTorch's clipping: it sums up the squares of a gradient of
millions of numbers in float32. The same model in float64 clips as seqrl does.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import machine
import numpy as np
from comparing import Row, in_turn, ratio, table, torch_python, versions
from language_workload import MODELS, STEPS, Model

ROUNDS = 3
LEAST = {"words-200": 1.2, "words-650": 1.0, "characters": 1.7}  # times as fast as PyTorch in training
GENERATOR = "characters"


def described(name: str, model: Model) -> str:
    layers = "1 LSTM" if model.layers == 1 else f"{model.layers} LSTMs"
    kind = name.partition("-")[0]
    return f"{kind}, {layers} of {model.hidden}, {model.batch} x {model.length}, {model.vocabulary:,} symbols"


def compare(peer_python: str | Path, rounds: int) -> tuple[list[Row], list[dict[str, str]]]:
    """The rows of the table, and both sides' versions."""
    sides = (sys.executable, "language.py"), (peer_python, "language_torch.py")
    rows = []
    for name, model in MODELS.items():
        ours, peer = in_turn([(*side, "train", name) for side in sides], rounds)
        what = described(name, model)
        rows.append(ratio(f"{what}: tokens/s in training", "tokens_per_second", ours, peer, least=LEAST[name]))
        curve, peer_curve = (np.array(side[0]["perplexities"]) for side in (ours, peer))
        apart = float(np.abs(curve / peer_curve - 1).max())
        rows.append(
            Row(
                f"{what}: perplexity of the step {STEPS}; largest relative difference at any",
                f"{curve[-1]:.3f}",
                f"{peer_curve[-1]:.3f}",
                f"{apart:.1e}",
                "≤ 1e-3",
                apart <= 1e-3,
            )
        )
    ours, peer = in_turn([(*side, "generate", GENERATOR) for side in sides], rounds)
    what = f"generation by the model of {GENERATOR}, one at a time, symbols/s"
    rows.append(ratio(what, "symbols_per_second", ours, peer, least=5.0))
    return rows, [ours[0]["versions"], peer[0]["versions"]]


def main() -> int:
    parser = argparse.ArgumentParser(description="Language models beside the same models in PyTorch.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"of both sides in turn (default: {ROUNDS})")
    parser.add_argument("--peer-python", help="a Python with PyTorch and NumPy (default: an environment made for it)")
    options = parser.parse_args()
    machine.two_cores()
    with machine.watched():
        rows, sides = compare(torch_python(options.peer_python), options.rounds)
        reached = table(rows, "PyTorch")
        print(f"\nMedians of {options.rounds} rounds. {versions(*sides)}")
    return int(not reached)


if __name__ == "__main__":
    sys.exit(main())
