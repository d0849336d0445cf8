"""What `pip install .` brings, in megabytes (10^6 bytes), without pip itself.

    python benchmarks/install_size.py

Installs this checkout into throw-away environments, alone and with the extra `fast`, and prints a Markdown table of
what lies in each. Exit status 1 when a limit is broken.
"""

import subprocess
import sys
import tempfile
import venv
from importlib.metadata import Distribution, distributions
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
LIMITS = {"": 160, "[fast]": 380}


def install(extra: str, environment: Path) -> Path:
    """Install the checkout with `extra` into a new environment. Returns the folder of its packages."""
    venv.create(environment, with_pip=True)
    command = [environment / "bin/python", "-m", "pip", "install", "--quiet", f"{CHECKOUT}{extra}"]
    subprocess.run(command, check=True)
    [packages] = environment.glob("lib/*/site-packages")
    return packages


def megabytes(distribution: Distribution) -> float:
    paths = (Path(str(file.locate())) for file in distribution.files or [])
    return sum(path.stat().st_size for path in paths if path.exists()) / 1e6


def measure(extra: str) -> dict[str, float]:
    """Megabytes of every distribution that the checkout with `extra` brings, the largest first."""
    with tempfile.TemporaryDirectory() as folder:
        packages = install(extra, Path(folder))
        sizes = {found.name: megabytes(found) for found in distributions(path=[str(packages)])}
    brought = {name: size for name, size in sizes.items() if name not in ("pip", "setuptools")}
    return dict(sorted(brought.items(), key=lambda item: -item[1]))


def main() -> int:
    broken = False
    for extra, limit in LIMITS.items():
        sizes = measure(extra)
        total = sum(sizes.values())
        broken |= total >= limit
        print(f"\n| pip install .{extra} | MB |\n|---|---:|")
        print("\n".join(f"| {name} | {size:.1f} |" for name, size in sizes.items()))
        print(f"| **total** (limit {limit}) | **{total:.1f}** |")
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
