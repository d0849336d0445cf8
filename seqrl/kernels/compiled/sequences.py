"""Recurrent loops and attention. Rows are independent through time, so threads take some each."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from seqrl.kernels.blas import one_thread
from seqrl.kernels.compiled.products import WORTH_PACKING, multiply_add, pack
from seqrl.kernels.compiled.support import gemm, in_parallel, jit, sigmoid_row, tanh, tanh_row
from seqrl.parameter import Array, Integers


class Packed(NamedTuple):
    """Recurrent weights, and the same as the steps of a sequence read them, in blocks of columns."""

    weight_hh: Array
    blocks: Sequence[Array]


def packed(weight_hh: Array, splits: Sequence[int] = ()) -> Packed:
    return Packed(weight_hh, [pack(block, False) for block in _blocks(weight_hh, splits)])


def _blocks(weight_hh: Array, splits: Sequence[int]) -> Sequence[Array]:
    return np.split(weight_hh, splits, axis=1) if splits else [weight_hh]


def _check_weights(weight_hh: Array, H: int, columns: int, dtype: np.dtype[np.floating]) -> None:
    """Beyond the end of weights that were packed of another layer a product would read on."""
    if weight_hh.shape != (H, columns) or weight_hh.dtype != dtype:
        raise ValueError(
            f"the weights packed are {weight_hh.shape} of {weight_hh.dtype}; expected ({H}, {columns}) of {dtype}"
        )


def _packed(weight_hh: Array | Packed, gates: Array, hs: Array, splits: Sequence[int] = ()) -> Packed:
    T = len(gates)
    if isinstance(weight_hh, Packed):
        _check_weights(weight_hh.weight_hh, hs.shape[2], gates.shape[2], gates.dtype)
        return weight_hh
    if T >= WORTH_PACKING:
        return packed(weight_hh, splits)
    return _unpacked(weight_hh, splits)


def _unpacked(weight_hh: Array, splits: Sequence[int]) -> Packed:
    return Packed(weight_hh, [np.empty(0, weight_hh.dtype)] * (len(splits) + 1))


def _packed_back(weight_hh: Array, T: int, splits: Sequence[int] = ()) -> Packed:
    """The transpose, for the way back."""
    if T < WORTH_PACKING:
        return _unpacked(weight_hh, splits)
    return Packed(weight_hh, [pack(block, True) for block in _blocks(weight_hh, splits)])


@cache
def _nothing(dtype: np.dtype[np.floating]) -> tuple[Array, Array, Array]:
    """Empty arrays of one, two and three axes."""
    empty = np.empty(0, dtype)
    return empty, empty.reshape(0, 0), empty.reshape(0, 0, 0)


def _packed_input(given: tuple[Array, Array, Array] | None, gates: Array) -> tuple[Array, ...]:
    """(x, W_ih, the same packed, b), empty where the gates are there already."""
    vector, matrix, sequence = _nothing(gates.dtype)
    if given is None:
        return sequence, matrix, vector, vector
    x, weight_ih, bias = given
    return np.ascontiguousarray(x), weight_ih, pack(weight_ih, False) if len(x) >= WORTH_PACKING else vector, bias


def _packed_wanted(wanted: tuple[Array, Array] | None, dgates: Array) -> tuple[Array, ...]:
    """(W_ih, its transpose packed, dx), empty where dx is not wanted."""
    vector, matrix, sequence = _nothing(dgates.dtype)
    if wanted is None:
        return matrix, vector, sequence
    weight_ih, dx = wanted
    return weight_ih, pack(weight_ih, True) if len(dx) >= WORTH_PACKING else vector, dx


@jit
def _take_input(start, stop, t, given, gates):
    x, weight_ih, packed, bias = given
    if x.size:
        for n in range(start, stop):
            gates[t, n] = bias
        multiply_add(x[t, start:stop], weight_ih, False, packed, gates[t, start:stop])


@jit
def _give_back(start, stop, t, wanted, dgates):
    weight_ih, packed, dx = wanted
    if dx.size:
        dx[t, start:stop] = 0
        multiply_add(dgates[t, start:stop], weight_ih, True, packed, dx[t, start:stop])


def _over_rows(kernel: Callable[..., object], T: int, N: int, weights: Packed, *arguments: Any) -> None:
    work = 2.0 * T * N * weights.weight_hh.size
    if weights.blocks[0].size:
        in_parallel(kernel, N, work, *arguments)
    else:
        with one_thread():
            in_parallel(kernel, N, work, *arguments)


@jit
def _rnn_forward(start, stop, gates, weight_hh, packed, hs, lengths, reverse, rectified, given):
    T = gates.shape[0]
    for s in range(T):
        t = T - 1 - s if reverse else s
        before, after = (t + 1, t) if reverse else (t, t + 1)
        _take_input(start, stop, t, given, gates)
        multiply_add(hs[before, start:stop], weight_hh, False, packed, gates[t, start:stop])
        for n in range(start, stop):
            if t >= lengths[n]:
                hs[after, n] = hs[before, n]
                continue
            h, z = hs[after, n], gates[t, n]
            if rectified:
                for j in range(z.size):
                    h[j] = z[j] if (z[j] > 0) | (z[j] != z[j]) else z.dtype.type(0)
            else:
                for j in range(z.size):
                    h[j] = tanh(z[j])


def rnn_forward(
    gates: Array,
    weight_hh: Array | Packed,
    hs: Array,
    lengths: Integers,
    reverse: bool,
    rectified: bool,
    given: tuple[Array, Array, Array] | None = None,
) -> None:
    T, N, _ = gates.shape
    weights = _packed(weight_hh, gates, hs)
    arrays = (gates, weights.weight_hh, *weights.blocks, hs, lengths, reverse, rectified)
    _over_rows(_rnn_forward, T, N, weights, *arrays, _packed_input(given, gates))


@jit
def _rnn_backward(start, stop, dy, dh, weight_hh, packed, hs, lengths, reverse, rectified, dgates, wanted):
    T = dy.shape[0]
    for s in range(T):
        t = s if reverse else T - 1 - s
        after = t if reverse else t + 1
        for n in range(start, stop):
            d = dgates[t, n]
            if t >= lengths[n]:
                d[:] = 0
                continue
            h, dh_n, dy_n = hs[after, n], dh[n], dy[t, n]
            for j in range(h.size):
                d[j] = dh_n[j] + dy_n[j]
            if rectified:
                for j in range(h.size):
                    d[j] = d[j] if h[j] > 0 else d.dtype.type(0)
            else:
                for j in range(h.size):
                    d[j] = d[j] - d[j] * h[j] * h[j]
            dh_n[:] = 0
        multiply_add(dgates[t, start:stop], weight_hh, True, packed, dh[start:stop])
        _give_back(start, stop, t, wanted, dgates)


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
    T, N, _ = dy.shape
    dgates = np.empty_like(dy)
    weights = _packed_back(weight_hh, T)
    arrays = (dy, dh, weights.weight_hh, *weights.blocks, hs, lengths, reverse, rectified, dgates)
    _over_rows(_rnn_backward, T, N, weights, *arrays, _packed_wanted(wanted, dgates))
    return dgates


@jit
def _lstm_forward(start, stop, gates, weight_hh, packed, peephole, hs, cs, lengths, reverse, given):
    T, H = gates.shape[0], weight_hh.shape[0]
    peeps = peephole.shape[0] > 0
    for s in range(T):
        t = T - 1 - s if reverse else s
        before, after = (t + 1, t) if reverse else (t, t + 1)
        _take_input(start, stop, t, given, gates)
        multiply_add(hs[before, start:stop], weight_hh, False, packed, gates[t, start:stop])
        for n in range(start, stop):
            if t >= lengths[n]:
                hs[after, n] = hs[before, n]
                cs[after, n] = cs[before, n]
                continue
            z, c, c_before, h = gates[t, n], cs[after, n], cs[before, n], hs[after, n]
            i, f, g, o = z[:H], z[H : 2 * H], z[2 * H : 3 * H], z[3 * H :]
            if peeps:
                for j in range(H):
                    i[j] += peephole[0, j] * c_before[j]
                    f[j] += peephole[1, j] * c_before[j]
            sigmoid_row(z[: 2 * H])
            tanh_row(g)
            for j in range(H):
                c[j] = f[j] * c_before[j] + i[j] * g[j]
            if peeps:
                for j in range(H):
                    o[j] += peephole[2, j] * c[j]
            sigmoid_row(o)
            for j in range(H):
                h[j] = o[j] * tanh(c[j])


def lstm_forward(
    gates: Array,
    weight_hh: Array | Packed,
    peephole: Array,
    hs: Array,
    cs: Array,
    lengths: Integers,
    reverse: bool,
    given: tuple[Array, Array, Array] | None = None,
) -> None:
    T, N, _ = gates.shape
    weights = _packed(weight_hh, gates, hs)
    arrays = (gates, weights.weight_hh, *weights.blocks, peephole, hs, cs, lengths, reverse)
    _over_rows(_lstm_forward, T, N, weights, *arrays, _packed_input(given, gates))


@jit
def _lstm_backward(start, stop, dy, dh, dc, gates, weight_hh, packed, peephole, cs, lengths, reverse, dgates, wanted):
    T, H = gates.shape[0], weight_hh.shape[0]
    peeps = peephole.shape[0] > 0
    tanh_c = np.empty(H, dy.dtype)
    for s in range(T):
        t = s if reverse else T - 1 - s
        before, after = (t + 1, t) if reverse else (t, t + 1)
        for n in range(start, stop):
            d = dgates[t, n]
            if t >= lengths[n]:
                d[:] = 0
                continue
            z, c, c_before = gates[t, n], cs[after, n], cs[before, n]
            i, f, g, o = z[:H], z[H : 2 * H], z[2 * H : 3 * H], z[3 * H :]
            di, df, dg, do = d[:H], d[H : 2 * H], d[2 * H : 3 * H], d[3 * H :]
            dh_n, dc_n, dy_n = dh[n], dc[n], dy[t, n]
            for j in range(H):
                tanh_c[j] = tanh(c[j])
            for j in range(H):
                dh_n[j] += dy_n[j]
                do[j] = dh_n[j] * tanh_c[j] * (o[j] - o[j] * o[j])
            for j in range(H):
                dh_o = dh_n[j] * o[j]
                dc_n[j] += dh_o - dh_o * tanh_c[j] * tanh_c[j]
            if peeps:
                for j in range(H):
                    dc_n[j] += do[j] * peephole[2, j]
            for j in range(H):
                di[j] = dc_n[j] * g[j] * (i[j] - i[j] * i[j])
            for j in range(H):
                dg[j] = dc_n[j] * (i[j] - i[j] * g[j] * g[j])
            for j in range(H):
                df[j] = dc_n[j] * c_before[j] * (f[j] - f[j] * f[j])
                dc_n[j] *= f[j]
            if peeps:
                for j in range(H):
                    dc_n[j] += di[j] * peephole[0, j] + df[j] * peephole[1, j]
            dh_n[:] = 0
        multiply_add(dgates[t, start:stop], weight_hh, True, packed, dh[start:stop])
        _give_back(start, stop, t, wanted, dgates)


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
    T, N, _ = dy.shape
    dgates = np.empty_like(gates)
    weights = _packed_back(weight_hh, T)
    arrays = (dy, dh, dc, gates, weights.weight_hh, *weights.blocks, peephole, cs, lengths, reverse, dgates)
    _over_rows(_lstm_backward, T, N, weights, *arrays, _packed_wanted(wanted, dgates))
    return dgates


@jit
def _gru_forward(
    start, stop, gates, weight_hh, packed_rz, packed_n, bias_hn, hs, memory, lengths, reverse, reset_after, given
):
    T, H = gates.shape[0], weight_hh.shape[0]
    weight_rz, weight_n = weight_hh[:, : 2 * H], weight_hh[:, 2 * H :]
    for s in range(T):
        t = T - 1 - s if reverse else s
        before, after = (t + 1, t) if reverse else (t, t + 1)
        _take_input(start, stop, t, given, gates)
        h_before = hs[before, start:stop]
        multiply_add(h_before, weight_rz, False, packed_rz, gates[t, start:stop, : 2 * H])
        if reset_after:
            for n in range(start, stop):
                memory[t, n] = bias_hn
            multiply_add(h_before, weight_n, False, packed_n, memory[t, start:stop])
        for n in range(start, stop):
            sigmoid_row(gates[t, n, : 2 * H])
            reset, candidate, m, h = gates[t, n, :H], gates[t, n, 2 * H :], memory[t, n], hs[before, n]
            if reset_after:
                for j in range(H):
                    candidate[j] += reset[j] * m[j]
            else:
                for j in range(H):
                    m[j] = reset[j] * h[j]
        if not reset_after:
            multiply_add(memory[t, start:stop], weight_n, False, packed_n, gates[t, start:stop, 2 * H :])
        for n in range(start, stop):
            if t >= lengths[n]:
                hs[after, n] = hs[before, n]
                continue
            update, candidate = gates[t, n, H : 2 * H], gates[t, n, 2 * H :]
            h, h_old = hs[after, n], hs[before, n]
            tanh_row(candidate)
            for j in range(H):
                h[j] = candidate[j] + update[j] * (h_old[j] - candidate[j])


def gru_forward(
    gates: Array,
    weight_hh: Array | Packed,
    bias_hn: Array,
    hs: Array,
    memory: Array,
    lengths: Integers,
    reverse: bool,
    reset_after: bool,
    given: tuple[Array, Array, Array] | None = None,
) -> None:
    T, N, columns = gates.shape
    weights = _packed(weight_hh, gates, hs, (2 * columns // 3,))
    arrays = (gates, weights.weight_hh, *weights.blocks, bias_hn, hs, memory, lengths, reverse, reset_after)
    _over_rows(_gru_forward, T, N, weights, *arrays, _packed_input(given, gates))


@jit
def _gru_backward(
    start,
    stop,
    dy,
    dh,
    gates,
    weight_hh,
    packed_rz,
    packed_n,
    hs,
    memory,
    lengths,
    reverse,
    reset_after,
    dgates,
    dproduct,
    wanted,
):
    T, H = gates.shape[0], weight_hh.shape[0]
    weight_rz, weight_n = weight_hh[:, : 2 * H], weight_hh[:, 2 * H :]
    dmemory = np.zeros((stop - start, H), dy.dtype)
    for s in range(T):
        t = s if reverse else T - 1 - s
        before = t + 1 if reverse else t
        for n in range(start, stop):
            d, dm = dgates[t, n], dproduct[t, n]
            if t >= lengths[n]:
                d[:] = 0
                dm[:] = 0
                continue
            z, m, h_before, dh_n, dy_n = gates[t, n], memory[t, n], hs[before, n], dh[n], dy[t, n]
            reset, update, candidate = z[:H], z[H : 2 * H], z[2 * H :]
            d_reset, d_update, d_candidate = d[:H], d[H : 2 * H], d[2 * H :]
            for j in range(H):
                dh_n[j] += dy_n[j]
            for j in range(H):
                d_update[j] = dh_n[j] * (h_before[j] - candidate[j]) * (update[j] - update[j] * update[j])
            for j in range(H):
                d_candidate[j] = (dh_n[j] - dh_n[j] * update[j]) * (1 - candidate[j] * candidate[j])
                dh_n[j] *= update[j]
            if reset_after:
                for j in range(H):
                    d_reset[j] = d_candidate[j] * m[j] * (reset[j] - reset[j] * reset[j])
                for j in range(H):
                    dm[j] = d_candidate[j] * reset[j]
            else:
                dm[:] = d_candidate
        if reset_after:
            multiply_add(dproduct[t, start:stop], weight_n, True, packed_n, dh[start:stop])
        else:
            dmemory[:] = 0
            multiply_add(dproduct[t, start:stop], weight_n, True, packed_n, dmemory)
            for n in range(start, stop):
                if t < lengths[n]:
                    dm, reset, h_before, dh_n = dmemory[n - start], gates[t, n, :H], hs[before, n], dh[n]
                    d_reset = dgates[t, n, :H]
                    for j in range(H):
                        d_reset[j] = dm[j] * h_before[j] * (reset[j] - reset[j] * reset[j])
                    for j in range(H):
                        dh_n[j] += dm[j] * reset[j]
        multiply_add(dgates[t, start:stop, : 2 * H], weight_rz, True, packed_rz, dh[start:stop])
        _give_back(start, stop, t, wanted, dgates)


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
    T, N, columns = gates.shape
    dgates, dproduct = np.empty_like(gates), np.empty_like(memory)
    weights = _packed_back(weight_hh, T, (2 * columns // 3,))
    arrays = (
        dy,
        dh,
        gates,
        weights.weight_hh,
        *weights.blocks,
        hs,
        memory,
        lengths,
        reverse,
        reset_after,
        dgates,
        dproduct,
    )
    _over_rows(_gru_backward, T, N, weights, *arrays, _packed_wanted(wanted, dgates))
    return dgates, dproduct


@jit
def _dot_attention_forward(start, stop, query, keys, memory, lengths, scale, context, weights):
    (T, N, A), (S, _, H), size = query.shape, memory.shape, query.itemsize
    for n in range(start, stop):
        w, L = weights[n], lengths[n]
        q_at, k_at, m_at = query[0, n].ctypes.data, keys[0, n].ctypes.data, memory[0, n].ctypes.data
        gemm(False, True, T, S, A, scale, q_at, N * A, k_at, N * A, 0.0, w.ctypes.data, S, size)
        for t in range(T):
            highest, total = w[t, 0], 0.0
            for s in range(1, L):
                highest = max(highest, w[t, s])
            for s in range(L):
                w[t, s] = np.exp(w[t, s] - highest)
                total += w[t, s]
            for s in range(L):
                w[t, s] /= total
            w[t, L:] = 0
        gemm(False, False, T, H, S, 1.0, w.ctypes.data, S, m_at, N * H, 0.0, context[0, n].ctypes.data, N * H, size)


def dot_attention_forward(
    query: Array, keys: Array, memory: Array, lengths: Integers, scale: float
) -> tuple[Array, Array]:
    (T, N, A), (S, _, H) = query.shape, memory.shape
    if not (T and S and A and H):
        return np.zeros((T, N, H), query.dtype), np.zeros((N, T, S), query.dtype)
    query, keys, memory = map(np.ascontiguousarray, (query, keys, memory))
    context, weights = np.empty((T, N, H), query.dtype), np.empty((N, T, S), query.dtype)
    with one_thread():
        arrays = (query, keys, memory, lengths, float(scale), context, weights)
        in_parallel(_dot_attention_forward, N, 2.0 * T * S * N * (A + H), *arrays)
    return context, weights


@jit
def _dot_attention_backward(start, stop, dcontext, query, keys, memory, weights, scale, dquery, dkeys, dmemory):
    (T, N, A), (S, _, H), size = query.shape, memory.shape, query.itemsize
    d = np.empty((T, S), query.dtype)  # of the weights, then of the scores
    for n in range(start, stop):
        w, d_at, w_at, dc_at = weights[n], d.ctypes.data, weights[n].ctypes.data, dcontext[0, n].ctypes.data
        gemm(False, True, T, S, H, 1.0, dc_at, N * H, memory[0, n].ctypes.data, N * H, 0.0, d_at, S, size)
        for t in range(T):
            mean = 0.0
            for s in range(S):
                mean += w[t, s] * d[t, s]
            for s in range(S):
                d[t, s] = w[t, s] * (d[t, s] - mean)
        q_at, k_at = query[0, n].ctypes.data, keys[0, n].ctypes.data
        dq_at, dk_at, dm_at = dquery[0, n].ctypes.data, dkeys[0, n].ctypes.data, dmemory[0, n].ctypes.data
        gemm(False, False, T, A, S, scale, d_at, S, k_at, N * A, 0.0, dq_at, N * A, size)
        gemm(True, False, S, A, T, scale, d_at, S, q_at, N * A, 0.0, dk_at, N * A, size)
        gemm(True, False, S, H, T, 1.0, w_at, S, dc_at, N * H, 0.0, dm_at, N * H, size)


def dot_attention_backward(
    dcontext: Array, query: Array, keys: Array, memory: Array, weights: Array, scale: float
) -> tuple[Array, Array, Array]:
    (T, N, A), (S, _, H) = query.shape, memory.shape
    if not (T and S and A and H):
        return np.zeros_like(query), np.zeros_like(keys), np.zeros_like(memory)
    dcontext, query, keys, memory = map(np.ascontiguousarray, (dcontext, query, keys, memory))
    dquery, dkeys, dmemory = np.empty_like(query), np.empty_like(keys), np.empty_like(memory)
    with one_thread():
        arrays = (dcontext, query, keys, memory, weights, float(scale), dquery, dkeys, dmemory)
        in_parallel(_dot_attention_backward, N, 4.0 * T * S * N * (A + H), *arrays)
    return dquery, dkeys, dmemory
