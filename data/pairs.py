"""Reading and writing pairs, one `source<TAB>target` a line, UTF-8."""

import os
from collections.abc import Iterable
from pathlib import Path

Pair = tuple[str, str]


def write_pairs(path: Path, pairs: Iterable[Pair]) -> None:
    """Write the file beside its place and rename it, so that a half-written one is never seen."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".tmp")
    beside.write_bytes("".join(f"{source}\t{target}\n" for source, target in pairs).encode())
    os.replace(beside, path)


def read_pairs(path: Path) -> list[Pair]:
    """The pairs of a file written by `write_pairs`."""
    pairs = []
    for line in path.read_bytes().decode().splitlines():
        source, target = line.split("\t")
        pairs.append((source, target))
    return pairs
