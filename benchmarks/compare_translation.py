"""The default translator beside the same model in PyTorch: speed, memory, and whether both compute the same.

    python benchmarks/compare_translation.py [--rounds N] [--peer-python PATH]

Each measurement is a process of its own, the two sides in turn; the figures are medians over the rounds. Prints a
Markdown table. Exit status 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import machine
import numpy as np
from comparing import Result, Row, in_turn, ratio, table, torch_python, versions
from prepare_translation import settings

ROUNDS = 5
PROGRAMS = "translation.py", "translation_torch.py"


def compare(peer_python: str | Path, rounds: int) -> tuple[list[Row], list[dict[str, str]]]:
    """The rows of the table, and both sides' versions."""
    with tempfile.TemporaryDirectory() as folder:
        workload = Path(folder) / "workload.npz"
        machine.run(sys.executable, "prepare_translation.py", workload)

        def measure(measurement: str, rounds: int) -> list[list[Result]]:
            pythons = sys.executable, peer_python
            sides = [
                (python, program, workload, measurement) for python, program in zip(pythons, PROGRAMS, strict=True)
            ]
            return in_turn(sides, rounds)

        curves = [side[0] for side in measure("loss-curve", 1)]
        trained = measure("train", rounds)
        decoded = measure("decode", rounds)

    losses, peer_losses = (np.array(side["losses"]) for side in curves)
    apart = float(np.abs(losses - peer_losses).max())
    translations, peer_translations = (side[0]["translations"] for side in decoded)
    same = sum(a == b for a, b in zip(translations, peer_translations, strict=True)) / len(translations)
    rows = [
        ratio("training, target tokens/s", "tokens_per_second", *trained, least=1.4),
        ratio("training, peak memory of the process, MB", "peak_megabytes", *trained, most=0.7),
        ratio("greedy decoding in batches of 64, sentences/s", "sentences_per_second", *decoded, least=2),
        ratio("greedy decoding of one at a time, sentences/s", "sentences_per_second_alone", *decoded),
        Row(
            f"loss after {len(losses)} steps from the same weights; largest difference at any of them",
            f"{losses[-1]:.6f}",
            f"{peer_losses[-1]:.6f}",
            f"{apart:.1e}",
            "≤ 1e-3",
            apart <= 1e-3,
        ),
        Row("sentences that both translate alike", "", "", f"{100 * same:.2f} %", "≥ 99.9 %", same >= 0.999),
    ]
    return rows, [side["versions"] for side in curves]


def main() -> int:
    parser = argparse.ArgumentParser(description="The default translator beside the same model in PyTorch.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"of both sides in turn (default: {ROUNDS})")
    parser.add_argument("--peer-python", help="a Python with PyTorch and NumPy (default: an environment made for it)")
    options = parser.parse_args()
    machine.two_cores()
    with machine.watched():
        rows, sides = compare(torch_python(options.peer_python), options.rounds)
        reached = table(rows, "PyTorch")
        print(f"\nMedians of {options.rounds} rounds, seed {settings().seed}. {versions(*sides)}")
    return int(not reached)


if __name__ == "__main__":
    sys.exit(main())
