"""What the default translator and the two textbook tasks reach on held-out data, trained by the command a user has.

    python benchmarks/accuracy.py

The addition task is that of Saitoh, "Deep Learning from Scratch 2", section 7.4: three digits and three digits, 45,000
training examples, LSTM 128, embedding 16, input reversed, decoder peeky, 25 epochs. A thousand of the examples are not
trained on here but choose the best epoch. Prints a Markdown table. Exit status 1 when a target is missed.
"""

import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import machine


class Task(NamedTuple):
    options: str  # of scripts/train_translation.py
    targets: dict[str, float]  # least exact match by test


TASKS = {
    "English to French, as in the demo": Task("--max-minutes 3", {"random": 0.98, "compositional": 0.90}),
    "dates, with attention": Task(
        "--pairs data/dates/train.tsv --valid data/dates/valid.tsv --test data/dates/test.tsv "
        "--tokenizer char --dropout 0 --epochs 5",
        {"test": 0.999},
    ),
    "addition, reversed and peeky": Task(
        "--pairs data/addition/train.tsv --test data/addition/test.tsv --tokenizer char "
        "--no-bidirectional --attention none --reverse-source --peeky --hidden 128 --embedding 16 --dropout 0 "
        "--epochs 25 --patience 25",
        {"test": 0.976},
    ),
}


def train(options: str) -> dict[str, Any]:
    """results.json of a run with these options."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        command = [sys.executable, "scripts/train_translation.py", "--out", str(run), *shlex.split(options)]
        subprocess.run(command, check=True, cwd=machine.CHECKOUT, stdout=subprocess.DEVNULL)
        results: dict[str, Any] = json.loads((run / "results.json").read_text())
    return results


def main() -> int:
    machine.two_cores()
    missed = False
    commands = []
    print("| | test | exact match | target | | training |\n|---|---|---:|---:|---|---:|", flush=True)
    for name, task in TASKS.items():
        results = train(task.options)
        commands.append(f"python scripts/train_translation.py {task.options}")
        for test, target in task.targets.items():
            scores = results[test]
            reached = scores["exact_match"] >= target
            missed |= not reached
            print(
                f"| {name} | {test}, {scores['sentences']:,} | {100 * scores['exact_match']:.2f} % "
                f"| ≥ {100 * target:.1f} % | {'reached' if reached else 'MISSED'} "
                f"| {results['train_seconds']:.0f} s |",
                flush=True,
            )
    listed = "\n".join(commands)
    print(f"\nSeed 0. In the order of the table:\n\n```\n{listed}\n```")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
