"""Seconds that imports take, in fresh processes.

    python benchmarks/import_time.py

Prints a Markdown table of medians. Exit status 1 when a limit is broken.
"""

import subprocess
import sys
from statistics import median

import machine

ROUNDS = 15
LIMITS = {
    "import seqrl": 0.2,
    "import seqrl; seqrl.load": None,  # with all that a translator needs
    "import numpy": None,
}
TIMED = "import time; start = time.perf_counter()\n{}\nprint(time.perf_counter() - start)"


def seconds(statement: str) -> float:
    """Of one statement, Python's own start not counted."""
    command = [sys.executable, "-c", TIMED.format(statement)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def report() -> int:
    broken = False
    print("| | s | limit | |\n|---|---:|---:|---|")
    for statement, limit in LIMITS.items():
        seconds(statement)  # the files are in memory then, and compiled
        took = median(seconds(statement) for _ in range(ROUNDS))
        verdict = "" if limit is None else "reached" if took < limit else "MISSED"
        broken |= verdict == "MISSED"
        print(f"| `{statement}` | {took:.3f} | {limit or ''} | {verdict} |")
    print(f"\nMedians of {ROUNDS} fresh processes.")
    return int(broken)


if __name__ == "__main__":
    machine.two_cores()
    with machine.watched():
        status = report()
    sys.exit(status)
