"""A small convolutional net trained beside the same net in PyTorch, at three sizes of images.

    python benchmarks/compare_convolution.py [--rounds N] [--peer-python PATH]

PyTorch trains it in both of its memory layouts, and the faster one counts. Each measurement is a process of its own,
the sides in turn; the figures are medians over the rounds. Prints a Markdown table. Exit status 1 on a missed target.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import median

import machine
import numpy as np
from comparing import Row, in_turn, ratio, table, torch_python, versions
from convolution_workload import BATCH, SIZES

ROUNDS = 5
LAYOUTS = "contiguous", "channels-last"


def compare(name: str, peer_python: str | Path, rounds: int) -> tuple[list[Row], list[dict[str, str]]]:
    """The rows of one size, and both sides' versions."""
    peers = [(peer_python, "convolution_torch.py", name, layout) for layout in LAYOUTS]
    ours, *layouts = in_turn([(sys.executable, "convolution.py", name), *peers], rounds)
    speeds = [median(result["images_per_second"] for result in layout) for layout in layouts]
    best = layouts[int(np.argmax(speeds))]
    losses, peer_losses = (np.array(side[0]["losses"]) for side in (ours, best))
    apart = float(np.abs(losses - peer_losses).max())
    size = SIZES[name]
    shape = f"{name} ({size.channels} x {size.pixels} x {size.pixels})"
    rows = [
        ratio(f"{shape}, images/s, PyTorch {layout}", "images_per_second", ours, side, least=1.0 if side is best else 0)
        for layout, side in zip(LAYOUTS, layouts, strict=True)
    ]
    rows += [
        ratio(f"{shape}, peak memory of the process, MB", "peak_megabytes", ours, best, most=1.0),
        Row(
            f"{shape}, mean loss of the last epoch; largest difference in any",
            f"{losses[-1]:.5f}",
            f"{peer_losses[-1]:.5f}",
            f"{apart:.1e}",
            "≤ 1e-3",
            apart <= 1e-3,
        ),
    ]
    return rows, [ours[0]["versions"], best[0]["versions"]]


def main() -> int:
    parser = argparse.ArgumentParser(description="A small convolutional net beside the same net in PyTorch.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"of all sides in turn (default: {ROUNDS})")
    parser.add_argument("--peer-python", help="a Python with PyTorch and NumPy (default: an environment made for it)")
    options = parser.parse_args()
    machine.two_cores()
    peer_python = torch_python(options.peer_python)
    with machine.watched():
        rows: list[Row] = []
        for name in SIZES:
            more, sides = compare(name, peer_python, options.rounds)
            rows += more
        reached = table(rows, "PyTorch")
        print(
            f"\nBatches of {BATCH}, Adam (PyTorch's fused one). Medians of {options.rounds} rounds. {versions(*sides)}"
        )
    return int(not reached)


if __name__ == "__main__":
    sys.exit(main())
