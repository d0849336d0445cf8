"""The default translator beside the same model in PyTorch: speed, memory, and whether both compute the same.

    python benchmarks/compare_translation.py [--rounds N] [--peer-python PATH]

Each measurement is a process of its own, the two sides in turn; the figures are medians over the rounds. Prints a
Markdown table. Exit status 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import machine
import numpy as np
from prepare_translation import settings

ROUNDS = 5
TORCH = "torch==2.13.0"
SIDES = "translation.py", "translation_torch.py"


class Row(NamedTuple):
    """A line of the table: both sides' figures, and what is asked of them."""

    what: str
    ours: str
    peer: str
    compared: str
    target: str = ""
    reached: bool = True


def in_turn(pythons: Sequence[str | Path], workload: Path, measurement: str, rounds: int) -> list[list[dict[str, Any]]]:
    """[ours, the peer's], each with a result for every round."""
    results: list[list[dict[str, Any]]] = [[], []]
    for _ in range(rounds):
        for side, (python, program) in enumerate(zip(pythons, SIDES, strict=True)):
            results[side].append(machine.measure(python, program, workload, measurement))
    return results


def ratio(what: str, key: str, results: list[list[dict[str, Any]]], least: float = 0.0, most: float = np.inf) -> Row:
    """Ours over the peer's, by the medians; in brackets the lowest and the highest of a round."""
    ours, peer = ([result[key] for result in side] for side in results)
    compared = median(ours) / median(peer)
    by_round = [a / b for a, b in zip(ours, peer, strict=True)]
    target = f"≥ {least:g}x" if least else f"≤ {most:g}x" if most < np.inf else ""
    shown = f"{compared:.2f}x ({min(by_round):.2f} to {max(by_round):.2f})"
    return Row(what, f"{median(ours):,.0f}", f"{median(peer):,.0f}", shown, target, least <= compared <= most)


def compare(peer_python: str | Path, rounds: int) -> tuple[list[Row], list[dict[str, str]]]:
    """The rows of the table, and both sides' versions."""
    pythons = sys.executable, peer_python
    with tempfile.TemporaryDirectory() as folder:
        workload = Path(folder) / "workload.npz"
        machine.run(sys.executable, "prepare_translation.py", workload)
        curves = [side[0] for side in in_turn(pythons, workload, "loss-curve", 1)]
        trained = in_turn(pythons, workload, "train", rounds)
        decoded = in_turn(pythons, workload, "decode", rounds)

    losses, peer_losses = (np.array(side["losses"]) for side in curves)
    apart = float(np.abs(losses - peer_losses).max())
    translations, peer_translations = (side[0]["translations"] for side in decoded)
    same = sum(a == b for a, b in zip(translations, peer_translations, strict=True)) / len(translations)
    rows = [
        ratio("training, target tokens/s", "tokens_per_second", trained, least=1.4),
        ratio("training, peak memory of the process, MB", "peak_megabytes", trained, most=0.7),
        ratio("greedy decoding in batches of 64, sentences/s", "sentences_per_second", decoded, least=2),
        ratio("greedy decoding of one at a time, sentences/s", "sentences_per_second_alone", decoded),
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
    peer_python = options.peer_python or machine.environment("torch", [TORCH, f"numpy=={np.__version__}"])
    with machine.watched():
        return report(peer_python, options.rounds)


def report(peer_python: str | Path, rounds: int) -> int:
    rows, versions = compare(peer_python, rounds)
    print("| | seqrl | PyTorch | | target | |\n|---|---:|---:|---:|---:|---|")
    for row in rows:
        verdict = "" if not row.target else "reached" if row.reached else "MISSED"
        print("|", " | ".join([*row[:5], verdict]), "|")
    used = settings()
    print(f"\nMedians of {rounds} rounds, seed {used.seed}.", end=" ")
    print("; ".join(", ".join(f"{name} {version}" for name, version in side.items()) for side in versions) + ".")
    return int(not all(row.reached for row in rows))


if __name__ == "__main__":
    sys.exit(main())
