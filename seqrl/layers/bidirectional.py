"""A sequence read from both ends."""

from __future__ import annotations

import numpy as np

from seqrl.layer import Backward, Layer
from seqrl.layers.recurrent import Recurrent, ScanBackward, State, parts
from seqrl.parameter import Array, Integers


class Bidirectional(Layer):
    """y_t = [f_t, b_t], one layer reading forwards and one backwards from each row's own last real step.

    x: (T, N, D) -> y: (T, N, H_f + H_b); the state is (that of `ahead`, that of `back`).
    Schuster and Paliwal 1997.
    """

    def __init__(self, ahead: Recurrent, back: Recurrent) -> None:
        self.ahead = ahead
        self.back = back

    def scan(
        self, x: Array, state: State = None, lengths: Integers | None = None
    ) -> tuple[tuple[Array, State], ScanBackward]:
        ahead_state, back_state = parts(state, 2)
        (f, f_final), f_backward = self.ahead.scan(x, ahead_state, lengths)
        (b, b_final), b_backward = self.back.scan(x, back_state, lengths, reverse=True)
        H = f.shape[-1]

        def backward(dy: Array | None, dstate: State = None) -> tuple[Array, State]:
            f_dstate, b_dstate = parts(dstate, 2)
            df, db = (None, None) if dy is None else (dy[..., :H], dy[..., H:])
            dx, f_dinitial = f_backward(df, f_dstate)
            dx_back, b_dinitial = b_backward(db, b_dstate)
            dx += dx_back
            return dx, (f_dinitial, b_dinitial)

        return (np.concatenate([f, b], axis=-1), (f_final, b_final)), backward

    def forward(self, x: Array) -> tuple[Array, Backward]:
        (y, _), scan_backward = self.scan(x)
        return y, lambda dy: scan_backward(dy)[0]
