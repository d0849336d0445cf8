"""The matrix products of a recurrent layer's training step and nothing else, by NumPy: what no such step can save.

`blas`: BLAS splits each product over two threads. `rows`: two threads take half of the rows of each, or of the rows of
a weight's gradient, and never wait for each other. The shorter one is the bound.
"""

from functools import partial
from typing import Any

import machine
import numpy as np
from recurrent_workload import GATES, Array, Shape, data, main, seconds

from seqrl.kernels import threads


def measure(cell: str, shape: Shape) -> tuple[dict[str, Any], dict[str, Array]]:
    N, T, D, H = shape
    G = GATES[cell] * H
    x, hs, _, parameters = data(cell, shape)
    weight_ih, weight_hh = parameters["weight_ih"], parameters["weight_hh"]
    weight_ih_t, weight_hh_t = np.ascontiguousarray(weight_ih.T), np.ascontiguousarray(weight_hh.T)
    dgates = np.random.default_rng(0).standard_normal((T, N, G), np.float32)
    gates, hidden = np.empty((T, N, G), np.float32), np.empty((N, G), np.float32)
    dx, dh = np.empty((T, N, D), np.float32), np.empty((N, H), np.float32)
    dweight_ih, dweight_hh = np.empty((D, G), np.float32), np.empty((H, G), np.float32)

    def products(part: int, parts: int) -> None:
        def of(size: int) -> slice:
            return slice(size * part // parts, size * (part + 1) // parts)

        flat = of(T * N)
        some = of(N)
        np.matmul(x.reshape(-1, D)[flat], weight_ih, out=gates.reshape(-1, G)[flat])
        for t in range(T):
            np.matmul(hs[t, some], weight_hh, out=hidden[some])
        for t in range(T):
            np.matmul(dgates[t, some], weight_hh_t, out=dh[some])
        np.matmul(hs.reshape(-1, H).T[of(H)], dgates.reshape(-1, G), out=dweight_hh[of(H)])
        np.matmul(x.reshape(-1, D).T[of(D)], dgates.reshape(-1, G), out=dweight_ih[of(D)])
        np.matmul(dgates.reshape(-1, G)[flat], weight_ih_t, out=dx.reshape(-1, D)[flat])

    def halves() -> None:
        threads.run([partial(products, part, machine.THREADS) for part in range(machine.THREADS)])

    return {"blas": seconds(lambda: products(0, 1)), "rows": seconds(halves)}, {}


if __name__ == "__main__":
    machine.two_cores()
    main(measure, {"NumPy": np.__version__})
