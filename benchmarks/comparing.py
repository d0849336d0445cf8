"""What benchmarks beside a peer share: both sides in turn, medians, a Markdown table with targets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import machine
import numpy as np

TORCH = "torch==2.13.0"
JAX = "jax==0.10.2"
GENSIM = "gensim==4.4.0"
SB3 = "stable-baselines3==2.9.2"

Result = dict[str, Any]


class Row(NamedTuple):
    """A line of the table: both sides' figures, and what is asked of them."""

    what: str
    ours: str
    peer: str
    compared: str
    target: str = ""
    reached: bool = True


def torch_python(given: str | None) -> str | Path:
    """A Python with PyTorch and NumPy: the given one, or an environment made for it."""
    return given or machine.environment("torch", [TORCH, f"numpy=={np.__version__}"])


def jax_python(given: str | None) -> str | Path:
    """A Python with JAX and NumPy: the given one, or an environment made for it."""
    return given or machine.environment("jax", [JAX, f"numpy=={np.__version__}"])


def gensim_python(given: str | None) -> str | Path:
    """A Python with gensim: the given one, or an environment made for it."""
    return given or machine.environment("gensim", [GENSIM, f"numpy=={np.__version__}"])


def sb3_python(given: str | None) -> str | Path:
    """A Python with Stable-Baselines3 and PyTorch: the given one, or an environment made for it."""
    return given or machine.environment("sb3", [SB3, TORCH, f"numpy=={np.__version__}"])


def in_turn(sides: Sequence[Sequence[str | Path]], rounds: int) -> list[list[Result]]:
    """What each side printed in every round; a side is a Python, a program and its arguments."""
    results: list[list[Result]] = [[] for _ in sides]
    for _ in range(rounds):
        for result, (python, program, *arguments) in zip(results, sides, strict=True):
            result.append(machine.measure(python, str(program), *arguments))
    return results


def ratio(
    what: str,
    key: str,
    ours: Sequence[Result],
    peer: Sequence[Result],
    *,
    least: float = 0.0,
    most: float = np.inf,
    digits: int = 0,
) -> Row:
    """Ours over the peer's, by the medians; in brackets the lowest and the highest of a round."""
    a, b = ([result[key] for result in side] for side in (ours, peer))
    compared = median(a) / median(b)
    by_round = [x / y for x, y in zip(a, b, strict=True)]
    target = f"≥ {least:g}x" if least else f"≤ {most:g}x" if most < np.inf else ""
    shown = f"{compared:.2f}x ({min(by_round):.2f} to {max(by_round):.2f})"
    figures = [f"{median(side):,.{digits}f}" for side in (a, b)]
    return Row(what, *figures, shown, target, least <= compared <= most)


def table(rows: Sequence[Row], peer: str) -> bool:
    """Print the rows; whether all targets are reached."""
    print(f"| | seqrl | {peer} | | target | |\n|---|---:|---:|---:|---:|---|")
    for row in rows:
        verdict = "" if not row.target else "reached" if row.reached else "MISSED"
        print("|", " | ".join([*row[:5], verdict]), "|")
    return all(row.reached for row in rows)


def versions(*sides: dict[str, str]) -> str:
    return "; ".join(", ".join(f"{name} {version}" for name, version in side.items()) for side in sides) + "."
