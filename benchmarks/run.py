"""Run the benchmarks and write what they print into benchmarks/RESULTS.md, each into a section of its own.

    python benchmarks/run.py [--all] [--peer-python PATH] [--jax-python PATH] [--gensim-python PATH]
        [--sb3-python PATH] [--wordnet FOLDER] [NAME ...]

Without names: all but the slow ones. Each is a program that can also be run by itself. Exit status 1 when one of them
missed a target.
"""

import argparse
import datetime
import os
import re
import subprocess
import sys
from typing import NamedTuple

import machine

RESULTS = machine.CHECKOUT / "benchmarks/RESULTS.md"
HEAD = """\
# Results

What `make benchmark` measured last; each section says when, on what and by which command. Ratios of two sides that
ran in turn on one machine mean more than the figures themselves.
"""


class Benchmark(NamedTuple):
    title: str
    program: str
    slow: bool = False
    beside_peer: bool = False
    beside_jax: bool = False
    beside_gensim: bool = False
    beside_sb3: bool = False


BENCHMARKS = {
    "translation": Benchmark("Translation beside PyTorch", "compare_translation.py", beside_peer=True),
    "convolution": Benchmark("Convolution beside PyTorch", "compare_convolution.py", beside_peer=True),
    "core": Benchmark("Optimizers and a small net beside PyTorch", "compare_core.py", beside_peer=True),
    "recurrent": Benchmark(
        "Recurrent layers beside PyTorch and JAX", "compare_recurrent.py", beside_peer=True, beside_jax=True
    ),
    "language": Benchmark("Language models beside PyTorch", "compare_language.py", beside_peer=True),
    "word2vec": Benchmark("Word embeddings beside gensim", "compare_word2vec.py", slow=True, beside_gensim=True),
    "agents": Benchmark("Agents beside PyTorch and Stable-Baselines3", "compare_agent_speed.py", beside_sb3=True),
    "learning": Benchmark("What agents learn", "agent_learning.py", slow=True),
    "import": Benchmark("Import time", "import_time.py"),
    "install": Benchmark("Size of an install", "install_size.py"),
    "images": Benchmark("Accuracy on images", "image_accuracy.py"),
    "accuracy": Benchmark("Accuracy", "accuracy.py", slow=True),
}


def run(benchmark: Benchmark, arguments: list[str]) -> tuple[str, bool]:
    """The section for RESULTS.md, and whether all targets were reached; the output is also shown as it comes."""
    command = ["benchmarks/" + benchmark.program, *arguments]
    lines = []
    with subprocess.Popen(
        [sys.executable, *command], cwd=machine.CHECKOUT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    if process.returncode not in (0, 1) or not lines:
        sys.exit(f"{benchmark.program} failed")
    today = datetime.datetime.now(datetime.UTC).date()
    shown = " ".join(["python", "benchmarks/" + benchmark.program])
    section = f"## {benchmark.title}\n\n`{shown}`, {today}, {machine.describe()}.\n\n{''.join(lines).strip()}\n"
    return section, process.returncode == 0


def write(section: str) -> None:
    """Put a section into RESULTS.md in place of the one with its title, or at the end."""
    text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else HEAD
    head, *sections = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    title = section.splitlines()[0]
    titles = [old.splitlines()[0] for old in sections]
    if title in titles:
        sections[titles.index(title)] = section
    else:
        sections.append(section)
    beside = RESULTS.with_name(RESULTS.name + ".part")
    beside.write_text("\n\n".join(part.strip() for part in [head, *sections]) + "\n", encoding="utf-8")
    os.replace(beside, RESULTS)


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the benchmarks and write RESULTS.md.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--all", action="store_true", help="the slow ones too")
    parser.add_argument("--peer-python", help="a Python with PyTorch and NumPy (default: an environment made for it)")
    parser.add_argument("--jax-python", help="a Python with JAX and NumPy (default: an environment made for it)")
    parser.add_argument("--gensim-python", help="a Python with gensim (default: an environment made for it)")
    parser.add_argument("--sb3-python", help="a Python with Stable-Baselines3 (default: an environment made for it)")
    parser.add_argument("--wordnet", help="folder with WordNet's data files (default: /usr/share/wordnet)")
    options = parser.parse_args()
    for name in options.names:
        if name not in BENCHMARKS:
            parser.error(f"no benchmark '{name}'; there are {', '.join(BENCHMARKS)}")
    names = options.names or [name for name, b in BENCHMARKS.items() if options.all or not b.slow]
    reached = True
    for name in names:
        benchmark = BENCHMARKS[name]
        print(f"\n## {benchmark.title}\n", flush=True)
        peer = ["--peer-python", options.peer_python] if benchmark.beside_peer and options.peer_python else []
        if benchmark.beside_jax and options.jax_python:
            peer += ["--jax-python", options.jax_python]
        if benchmark.beside_gensim and options.gensim_python:
            peer += ["--gensim-python", options.gensim_python]
        if benchmark.beside_sb3 and options.sb3_python:
            peer += ["--peer-python", options.sb3_python]
        if benchmark.beside_gensim and options.wordnet:
            peer += ["--wordnet", options.wordnet]
        section, good = run(benchmark, peer)
        write(section)
        reached &= good
    print(f"\nWritten to {RESULTS.relative_to(machine.CHECKOUT)}")
    return int(not reached)


if __name__ == "__main__":
    sys.exit(main())
