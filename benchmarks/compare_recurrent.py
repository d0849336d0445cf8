"""A layer's training step, forward pass and single step beside PyTorch and JAX, and beside its matrix products alone.

    python benchmarks/compare_recurrent.py [--only CELL] [--shape K] [--rounds N]
                                           [--peer-python PATH] [--jax-python PATH]

Each measurement is a process of its own, the sides in turn; the figures are medians over the rounds. Prints a Markdown
table for each cell. Exit status 1 when a target is missed, or when two sides don't compute the same.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import machine
import numpy as np
from comparing import Result, in_turn, jax_python, torch_python, versions
from recurrent_workload import GATES, SHAPES, Shape

ROUNDS = 3
SIDES = "seqrl", "PyTorch", "JAX", "products"
APART = 1e-4  # at most, of the norm of any gradient
LARGE = 200  # from this H on a step may take
OVER_PRODUCTS = 1.25  # times as long as its products
LEAST = {("lstm", SHAPES[0]): 8.0, ("lstm", SHAPES[1]): 1.4}  # times as fast as PyTorch in training; the others: 1
MEASUREMENTS = {"training": "training step", "forward": "forward", "step": "single step"}


def measure(
    cell: str, shape: Shape, pythons: Sequence[str | Path], rounds: int
) -> tuple[dict[str, list[Result]], float]:
    """What each side measured in every round, and how far apart they are in what they computed."""
    programs = "recurrent.py", "recurrent_torch.py", "recurrent_jax.py", "recurrent_products.py"
    numbers = ",".join(map(str, shape))
    sides = [(python, program, cell, numbers) for python, program in zip(pythons, programs, strict=True)]
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{side}.npz" for side in SIDES]
        first = in_turn([(*side, file) for side, file in zip(sides, files, strict=True)], 1)
        ours, *peers, _ = (dict(np.load(file)) for file in files)
    apart = max(
        float(np.linalg.norm(ours[name] - peer[name]) / np.linalg.norm(peer[name])) for peer in peers for name in ours
    )
    others = in_turn(sides, rounds - 1)
    return {side: a + b for side, a, b in zip(SIDES, first, others, strict=True)}, apart


class Comparison:
    """A table, and whether all targets in it are reached."""

    def __init__(self, cell: str) -> None:
        self.cell = cell
        self.reached = True
        print(f"\n### {cell.upper()}, times in ms\n")
        print("| N, T, D, H | | seqrl | PyTorch | | target | | JAX | | target | | products alone | | target | |")
        print("|---|---|---:|---:|---:|---:|---|---:|---:|---:|---|---:|---:|---:|---|")

    def add(self, shape: Shape, results: dict[str, list[Result]]) -> None:
        for key, name in MEASUREMENTS.items():
            seqrl, torch, jax = ([result[key] for result in results[side]] for side in ("seqrl", "PyTorch", "JAX"))
            least = LEAST.get((self.cell, shape), 1.0) if key == "training" else 0.0
            cells = [", ".join(map(str, shape)), name, milliseconds(seqrl)]
            cells += [milliseconds(torch), *self.compared(torch, seqrl, least=least)]
            cells += [milliseconds(jax), *self.compared(jax, seqrl, least=1.0 if key == "training" else 0.0)]
            if key == "training":
                ways = {way: [result[way] for result in results["products"]] for way in ("blas", "rows")}
                best = min(ways, key=lambda way: median(ways[way]))
                most = OVER_PRODUCTS if shape.H >= LARGE else np.inf
                cells += [f"{milliseconds(ways[best])} ({best})", *self.compared(seqrl, ways[best], most=most)]
            else:
                cells += [""] * 4
            print("|", " | ".join(cells), "|", flush=True)

    def compared(
        self, a: Sequence[float], b: Sequence[float], *, least: float = 0.0, most: float = np.inf
    ) -> list[str]:
        """a / b by the medians, in brackets the lowest and the highest of a round; the target; the verdict."""
        ratio = median(a) / median(b)
        by_round = [x / y for x, y in zip(a, b, strict=True)]
        shown = f"{ratio:.2f}x ({min(by_round):.2f} to {max(by_round):.2f})"
        if not least and most == np.inf:
            return [shown, "", ""]
        good = least <= ratio <= most
        self.reached &= good
        return [shown, f"≥ {least:g}x" if least else f"≤ {most:g}x", "reached" if good else "MISSED"]


def milliseconds(seconds: Sequence[float]) -> str:
    return f"{1000 * median(seconds):.3g}"


def main() -> int:
    parser = argparse.ArgumentParser(description="A recurrent layer beside PyTorch, JAX and its matrix products.")
    parser.add_argument("--only", choices=GATES, help="one cell")
    parser.add_argument("--shape", type=int, choices=range(len(SHAPES)), help=f"one of {[*map(tuple, SHAPES)]}")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"of all sides in turn (default: {ROUNDS})")
    parser.add_argument("--peer-python", help="a Python with PyTorch and NumPy (default: an environment made for it)")
    parser.add_argument("--jax-python", help="a Python with JAX and NumPy (default: an environment made for it)")
    options = parser.parse_args()
    machine.two_cores()
    pythons = [sys.executable, torch_python(options.peer_python), jax_python(options.jax_python), sys.executable]
    reached = True
    furthest = 0.0
    with machine.watched():
        for cell in [options.only] if options.only else GATES:
            comparison = Comparison(cell)
            for shape in SHAPES if options.shape is None else [SHAPES[options.shape]]:
                results, apart = measure(cell, shape, pythons, options.rounds)
                comparison.add(shape, results)
                furthest = max(furthest, apart)
            reached &= comparison.reached
        same = furthest <= APART
        print(f"\nOutputs and gradients of all sides: at most {furthest:.1e} of their norms apart", end=" ")
        print(f"(target: ≤ {APART:g}, {'reached' if same else 'MISSED'}).")
        print(f"Medians of {options.rounds} rounds. {versions(*(results[side][0]['versions'] for side in SIDES[:3]))}")
    return int(not (reached and same))


if __name__ == "__main__":
    sys.exit(main())
