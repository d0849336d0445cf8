"""Word vectors by prediction: one pass of stochastic gradient descent over a piece of text.

Every place i of the text has a window, the words around it, and targets: rows of a second table, each with a label that
is 1 or 0. What is predicted is each label from the window's words (skip-gram), or from their mean (CBOW):

    p = sigmoid(h . u),    loss = -log(p) for label 1, -log(1 - p) for label 0

with a window's word (or mean) h and a target's row u. The targets are the word itself and random others (negative
sampling, Mikolov et al. 2013b, eq. 4) or the nodes on the word's way through a Huffman tree (hierarchical softmax,
eq. 3; Morin and Bengio 2005). All words of a window share the targets of its middle, so that a window is three products
of small matrices (Ji et al. 2016).

Rows move against the gradient by themselves, in CBOW those of the words against the gradient by their mean: as in the
original program, it is not divided by the number of words, which would make their steps some six times shorter than
those of the targets.

In skip-gram the middle is predicted from the words around it, not the other way round as in the paper: over a text
those are the same pairs in another order.
"""

import numpy as np
import numpy.typing as npt

from seqrl.kernels.reference.support import sigmoid
from seqrl.parameter import Array, Integers

Ids = npt.NDArray[np.int32]
Bits = npt.NDArray[np.uint64]

DRAWS = 1000


def learn_windows(
    ids: Ids,
    reach: npt.NDArray[np.uint16],
    first: Integers,
    last: Integers,
    targets: Ids,
    words: Array,
    outputs: Array,
    learning_rate: float,
    cbow: bool,
) -> tuple[float, int]:
    """Go through a piece of text, changing `words` (V, D) and `outputs` (rows, D); (sum of losses, how many).

    ids (n,): words; -1 between sentences, which no window crosses.
    reach (n,): how many places the window of each place reaches to both sides.
    first, last (n,): its targets are targets[first[i]:last[i]], a row t with label 1, or ~t with label 0.
    D is a multiple of 16.
    """
    total, count = 0.0, 0
    for i in np.flatnonzero(ids >= 0):
        window = _window(ids, int(i), int(reach[i]))
        if not window:
            continue
        chosen = targets[first[i] : last[i]]
        labels, rows = chosen >= 0, np.where(chosen >= 0, chosen, ~chosen)
        x, u = words[window], outputs[rows]
        h = x.mean(axis=0, keepdims=True) if cbow else x
        p = sigmoid(h @ u.T)
        dscore = p - labels  # of the loss by h . u
        np.add.at(outputs, rows, -learning_rate * (dscore.T @ h))
        dh = -learning_rate * (dscore @ u)
        np.add.at(words, window, dh)
        total -= np.log(np.maximum(np.where(labels, p, 1 - p), 1e-7)).sum(dtype=np.float64)
        count += p.size
    return float(total), count


def _window(ids: Ids, i: int, reach: int) -> list[int]:
    """The words around place i, up to the ends of its sentence."""
    left, right = i, i
    while left > 0 and i - left < reach and ids[left - 1] >= 0:
        left -= 1
    while right < len(ids) - 1 and right - i < reach and ids[right + 1] >= 0:
        right += 1
    return [*ids[left:i].tolist(), *ids[i + 1 : right + 1].tolist()]


def draw_targets(ids: Ids, draws: Bits, chances: Bits, others: Ids) -> Ids:
    """(n, 1 + K): each word, and K others with label 0, as `learn_windows` takes them.

    draws (n, K): random 64 bits. The others are drawn by Walker's alias method (1977): a place of `chances` (V,), which
    stays with its own word or goes to that of `others` (V,). Where that is the word itself it is drawn again, and after
    DRAWS times in vain, as for a word that is nearly all of the text, the next word is taken.
    """
    V, K = len(chances), draws.shape[1]
    targets = np.empty((len(ids), 1 + K), np.int32)
    targets[:, 0] = ids
    for k in range(K):
        bits = draws[:, k].copy()
        again: npt.NDArray[np.bool_] = np.ones(len(ids), bool)
        for _ in range(DRAWS):
            places = ((bits >> np.uint64(32)) * np.uint64(V)) >> np.uint64(32)
            stay = (bits & np.uint64(0xFFFFFFFF)) < chances[places]
            drawn = np.where(stay, places.astype(np.int32), others[places])
            targets[again, 1 + k] = ~drawn[again]
            again &= drawn == ids
            if not again.any():
                break
            bits = bits * np.uint64(0x5851F42D4C957F2D) + np.uint64(0x14057B7EF767814F)  # Knuth's MMIX
        targets[again, 1 + k] = ~((ids[again] + 1) % V)
    return targets
