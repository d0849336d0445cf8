"""Seeds: where the streams of random numbers of environments come from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqrl.errors import InputError

Seed = int | np.random.SeedSequence


def seed_sequences(seed: Seed | Sequence[Seed], count: int) -> list[np.random.SeedSequence]:
    """One for each environment. Those of one seed are its children, counted from 0, whatever was spawned before."""
    if isinstance(seed, Sequence):
        if len(seed) != count:
            raise InputError(f"{len(seed)} seeds for {count} environments")
        return [one if isinstance(one, np.random.SeedSequence) else np.random.SeedSequence(one) for one in seed]
    parent = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    return [child(parent, i) for i in range(count)]


def child(parent: np.random.SeedSequence, *path: int) -> np.random.SeedSequence:
    """A stream below `parent`. Unlike `spawn` it is the same at every call."""
    return np.random.SeedSequence(parent.entropy, spawn_key=(*parent.spawn_key, *path))


def others(seeds: list[np.random.SeedSequence], calls: int) -> list[np.random.SeedSequence]:
    """Streams for episodes that begin anew after `calls` steps."""
    return [child(seed, 1 + calls) for seed in seeds]


def as_number(seed: np.random.SeedSequence) -> int:
    """As a seed of 31 bits, which every simulator takes."""
    return int(seed.generate_state(1)[0] >> 1)
