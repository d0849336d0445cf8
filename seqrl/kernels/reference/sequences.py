"""Recurrent loops and attention in NumPy. Shapes: T time, N batch, H hidden.

The recurrent loops. `forward` receives in `gates` the input's share x W_ih + b of every step, or makes it of what is
`given`, (x, W_ih, b), and leaves there what the backward pass needs. `hs` (T+1, N, H) holds the states between the
steps: with `reverse` false step t reads hs[t] and writes hs[t+1] and the initial state is hs[0]; with `reverse` true
step t reads hs[t+1] and writes hs[t], last step first, and the initial state is hs[T]. A step at or
beyond `lengths[n]` hands the state on unchanged. `backward` receives the gradient `dy` (T, N, H)
of the states that the steps wrote and in `dh` (N, H) the gradient of the final state; it leaves in `dh`
the gradient of the initial state, in the array dx of what is `wanted`, (W_ih, dx), that of x, and returns the
gradient of the input's share.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from seqrl.kernels.reference.support import sigmoid
from seqrl.parameter import Array, Integers


def _steps(T: int, reverse: bool) -> Iterator[tuple[int, int, int]]:
    """(t, index of the state before, index of the state after) in the order of computation."""
    for t in reversed(range(T)) if reverse else range(T):
        yield (t, t + 1, t) if reverse else (t, t, t + 1)


def _steps_back(T: int, reverse: bool) -> list[tuple[int, int, int]]:
    return list(_steps(T, reverse))[::-1]


def _take_input(t: int, given: tuple[Array, Array, Array] | None, gates: Array) -> None:
    """gates_t = x_t W_ih + b of a given (x, W_ih, b)."""
    if given is not None:
        x, weight_ih, bias = given
        gates[t] = x[t] @ weight_ih + bias


def _give_back(t: int, wanted: tuple[Array, Array] | None, dgates: Array) -> None:
    """dx_t = dgates_t W_ih^T for a wanted (W_ih, dx)."""
    if wanted is not None:
        weight_ih, dx = wanted
        dx[t] = dgates[t] @ weight_ih.T


def packed(weight_hh: Array, splits: Sequence[int] = ()) -> Array:
    """Recurrent weights for many calls of a forward kernel; `splits`: columns where blocks begin that are multiplied
    apart, which only the compiled kernels need to know."""
    return weight_hh


def rnn_forward(
    gates: Array,
    weight_hh: Array,
    hs: Array,
    lengths: Integers,
    reverse: bool,
    rectified: bool,
    given: tuple[Array, Array, Array] | None = None,
) -> None:
    """h' = tanh(x W_ih + b + h W_hh), or ReLU instead of tanh when `rectified`. gates: (T, N, H)."""
    for t, before, after in _steps(len(gates), reverse):
        _take_input(t, given, gates)
        gates[t] += hs[before] @ weight_hh
        h = np.maximum(gates[t], 0) if rectified else np.tanh(gates[t])
        hs[after] = np.where((t < lengths)[:, None], h, hs[before])


def rnn_backward(
    dy: Array,
    dh: Array,
    weight_hh: Array,
    hs: Array,
    lengths: Integers,
    reverse: bool,
    rectified: bool,
    wanted: tuple[Array, Array] | None = None,
) -> Array:
    dgates = np.empty_like(dy)
    for t, _, after in _steps_back(len(dy), reverse):
        real = (t < lengths)[:, None]
        h = hs[after]
        slope = (h > 0).astype(h.dtype) if rectified else 1 - h * h
        dgates[t] = np.where(real, (dh + dy[t]) * slope, 0)
        dh[...] = np.where(real, 0, dh) + dgates[t] @ weight_hh.T
        _give_back(t, wanted, dgates)
    return dgates


def lstm_forward(
    gates: Array,
    weight_hh: Array,
    peephole: Array,
    hs: Array,
    cs: Array,
    lengths: Integers,
    reverse: bool,
    given: tuple[Array, Array, Array] | None = None,
) -> None:
    """The long short-term memory (Hochreiter and Schmidhuber 1997; forget gate, peepholes: Gers et al. 2000).

    i = sigmoid(x W_i + h U_i + p_i * c)     f = sigmoid(x W_f + h U_f + p_f * c)
    g = tanh(x W_g + h U_g)                  c' = f * c + i * g
    o = sigmoid(x W_o + h U_o + p_o * c')    h' = o * tanh(c')

    gates: (T, N, 4H) in the order i, f, g, o, left activated; weight_hh: (H, 4H);
    peephole: (3, H) in the order i, f, o, or (0, H) for none; cs: (T+1, N, H) like hs.
    """
    H = weight_hh.shape[0]
    for t, before, after in _steps(len(gates), reverse):
        _take_input(t, given, gates)
        gates[t] += hs[before] @ weight_hh
        i, f, g, o = (gates[t, :, k * H : (k + 1) * H] for k in range(4))
        if len(peephole):
            i += peephole[0] * cs[before]
            f += peephole[1] * cs[before]
        i[...], f[...], g[...] = sigmoid(i), sigmoid(f), np.tanh(g)
        c = f * cs[before] + i * g
        if len(peephole):
            o += peephole[2] * c
        o[...] = sigmoid(o)
        real = (t < lengths)[:, None]
        cs[after] = np.where(real, c, cs[before])
        hs[after] = np.where(real, o * np.tanh(c), hs[before])


def lstm_backward(
    dy: Array,
    dh: Array,
    dc: Array,
    gates: Array,
    weight_hh: Array,
    peephole: Array,
    cs: Array,
    lengths: Integers,
    reverse: bool,
    wanted: tuple[Array, Array] | None = None,
) -> Array:
    """Also takes in `dc` the gradient of the final cell state and leaves there that of the initial one."""
    H = weight_hh.shape[0]
    dgates = np.empty_like(gates)
    for t, before, after in _steps_back(len(gates), reverse):
        i, f, g, o = (gates[t, :, k * H : (k + 1) * H] for k in range(4))
        real = (t < lengths)[:, None]
        tanh_c = np.tanh(cs[after])
        dh_t = dh + dy[t]
        do = dh_t * tanh_c * o * (1 - o)
        dc_t = dc + dh_t * o * (1 - tanh_c * tanh_c)
        if len(peephole):
            dc_t += do * peephole[2]
        di = dc_t * g * i * (1 - i)
        df = dc_t * cs[before] * f * (1 - f)
        dg = dc_t * i * (1 - g * g)
        dgates[t] = np.where(real, np.concatenate([di, df, dg, do], axis=1), 0)
        dc_before = dc_t * f
        if len(peephole):
            dc_before += di * peephole[0] + df * peephole[1]
        dc[...] = np.where(real, dc_before, dc)
        dh[...] = np.where(real, 0, dh) + dgates[t] @ weight_hh.T
        _give_back(t, wanted, dgates)
    return dgates


def gru_forward(
    gates: Array,
    weight_hh: Array,
    bias_hn: Array,
    hs: Array,
    memory: Array,
    lengths: Integers,
    reverse: bool,
    reset_after: bool,
    given: tuple[Array, Array, Array] | None = None,
) -> None:
    """The gated recurrent unit, in PyTorch's variant when `reset_after`, or else in the original one (Cho et al. 2014).

    r = sigmoid(x W_r + h U_r)    z = sigmoid(x W_z + h U_z)    h' = (1 - z) * n + z * h

    n = tanh(x W_n + r * m)    with m = h U_n + b_hn, reset after the product
    n = tanh(x W_n + m U_n)    with m = r * h, reset before it

    gates: (T, N, 3H) in the order r, z, n, left activated; weight_hh: (H, 3H); memory: (T, N, H), written: m.
    """
    H = weight_hh.shape[0]
    U_rz, U_n = weight_hh[:, : 2 * H], weight_hh[:, 2 * H :]
    for t, before, after in _steps(len(gates), reverse):
        _take_input(t, given, gates)
        r, z, n = (gates[t, :, k * H : (k + 1) * H] for k in range(3))
        gates[t, :, : 2 * H] += hs[before] @ U_rz
        r[...], z[...] = sigmoid(r), sigmoid(z)
        if reset_after:
            memory[t] = hs[before] @ U_n + bias_hn
            n += r * memory[t]
        else:
            memory[t] = r * hs[before]
            n += memory[t] @ U_n
        n[...] = np.tanh(n)
        hs[after] = np.where((t < lengths)[:, None], (1 - z) * n + z * hs[before], hs[before])


def gru_backward(
    dy: Array,
    dh: Array,
    gates: Array,
    weight_hh: Array,
    hs: Array,
    memory: Array,
    lengths: Integers,
    reverse: bool,
    reset_after: bool,
    wanted: tuple[Array, Array] | None = None,
) -> tuple[Array, Array]:
    """Returns the gradients of the input's share and of the product with U_n, h U_n or m U_n, (T, N, H)."""
    H = weight_hh.shape[0]
    U_rz, U_n = weight_hh[:, : 2 * H], weight_hh[:, 2 * H :]
    dgates, dproduct = np.zeros_like(gates), np.zeros_like(memory)
    for t, before, _ in _steps_back(len(gates), reverse):
        r, z, n = (gates[t, :, k * H : (k + 1) * H] for k in range(3))
        real = (t < lengths)[:, None]
        dh_t = dh + dy[t]
        dz = dh_t * (hs[before] - n) * z * (1 - z)
        dn = np.where(real, dh_t * (1 - z) * (1 - n * n), 0)
        dproduct[t] = dn * r if reset_after else dn
        through_n = dproduct[t] @ U_n.T
        if reset_after:
            dr = dn * memory[t] * r * (1 - r)
        else:
            dr = through_n * hs[before] * r * (1 - r)
            through_n *= r
        dgates[t] = np.where(real, np.concatenate([dr, dz, dn], axis=1), 0)
        dh[...] = np.where(real, dh_t * z, dh) + through_n + dgates[t, :, : 2 * H] @ U_rz.T
        _give_back(t, wanted, dgates)
    return dgates, dproduct


def dot_attention_forward(
    query: Array, keys: Array, memory: Array, lengths: Integers, scale: float
) -> tuple[Array, Array]:
    """weights_ts = softmax_s(scale * query_t . keys_s) over s < length, context_t = sum_s weights_ts memory_s.

    query: (T, N, A), keys: (S, N, A), memory: (S, N, H) -> context: (T, N, H), weights: (N, T, S). A row of
    length 0 has weights and context of zero.
    """
    S = len(keys)
    q, k, m = (x.transpose(1, 0, 2) for x in (query, keys, memory))
    real = (np.arange(S) < lengths[:, None])[:, None, :]
    scores = np.where(real, scale * (q @ k.transpose(0, 2, 1)), -np.inf)
    highest = scores.max(axis=-1, keepdims=True, initial=np.finfo(scores.dtype).min)
    weights = np.exp(scores - highest)
    total = weights.sum(axis=-1, keepdims=True)
    weights /= np.where(total == 0, 1, total)
    return np.ascontiguousarray((weights @ m).transpose(1, 0, 2)), weights


def dot_attention_backward(
    dcontext: Array, query: Array, keys: Array, memory: Array, weights: Array, scale: float
) -> tuple[Array, Array, Array]:
    """The gradients of query, keys and memory."""
    dc, q, k, m = (x.transpose(1, 0, 2) for x in (dcontext, query, keys, memory))
    dweights = dc @ m.transpose(0, 2, 1)
    dscores = scale * weights * (dweights - (dweights * weights).sum(axis=-1, keepdims=True))
    gradients = dscores @ k, dscores.transpose(0, 2, 1) @ q, weights.transpose(0, 2, 1) @ dc
    dquery, dkeys, dmemory = (np.ascontiguousarray(d.transpose(1, 0, 2)) for d in gradients)
    return dquery, dkeys, dmemory
