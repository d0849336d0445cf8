"""Words of a vocabulary that have near neighbours: what there is to show of embeddings of any text."""

from __future__ import annotations

import numpy as np

from seqrl.text.embeddings import Embeddings

FREQUENT = 1000


def neighbourhoods(embeddings: Embeddings, groups: int = 6, size: int = 8) -> dict[str, list[str]]:
    """Up to `groups` words, each with its nearest to make `size` words, no word in two groups.

    They are those whose neighbours are nearest on average among the first 1,000 words of the vocabulary (the most
    frequent, where it is sorted so); numbers name no group. Fewer come back where the vocabulary is small.
    """
    size = min(size, len(embeddings))
    first = embeddings.vectors[:FREQUENT].astype(np.float64)
    unit = first / np.maximum(np.linalg.norm(first, axis=1, keepdims=True), 1e-30)
    similarity = unit @ unit.T
    nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :size]
    closeness = np.take_along_axis(similarity, nearest, axis=1).mean(axis=1)
    found: dict[str, list[str]] = {}
    taken: set[int] = set()
    for row in np.argsort(-closeness, kind="stable"):
        group = [int(row), *(int(other) for other in nearest[row] if other != row)][:size]
        word = embeddings.words[row]
        if len(found) < groups and word.isalpha() and taken.isdisjoint(group):
            taken.update(group)
            found[word] = [embeddings.words[other] for other in group]
    return found
