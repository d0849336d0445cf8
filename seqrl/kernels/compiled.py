"""The hot loops compiled with Numba; `reference.py` says what each computes.

Rows of a batch are independent through time, so a recurrent loop is split over threads by rows, each with a
one-thread BLAS. Inner loops run over one row and few arrays: LLVM can't prove that many arrays don't overlap, and would
not vectorise. They index from 0, because an index that might be negative costs a test each, and the vectors. Helpers
stand in this file because Numba's cache doesn't notice changes elsewhere.
"""

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import llvmlite.binding
import numba
import numpy as np
import numpy.typing as npt
from numba import types
from numba.extending import overload

from seqrl.kernels import threads
from seqrl.kernels.blas import blas, one_thread
from seqrl.kernels.reference import Integers
from seqrl.parameter import Array

if blas is None:
    raise ImportError("NumPy's BLAS can't be called from compiled kernels on this machine")

jit = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
jit_sums = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz"})


# ---- BLAS ----------------------------------------------------------------------------------------------------


def _external_gemm(name: str, address: int, real: types.Type) -> types.ExternalFunction:
    llvmlite.binding.add_symbol(name, address)
    # Integers are passed as 64 bits to 32-bit builds too: the calling conventions ignore the upper half.
    flag, size, pointer = types.int32, types.int64, types.intp
    signature = types.void(flag, flag, flag, size, size, size, real, pointer, size, pointer, size, real, pointer, size)
    return types.ExternalFunction(name, signature)


_sgemm = _external_gemm("seqrl_sgemm", blas.sgemm, types.float32)
_dgemm = _external_gemm("seqrl_dgemm", blas.dgemm, types.float64)
_ROW_MAJOR, _PLAIN, _TRANSPOSED = 101, 111, 112


@jit
def _gemm(transpose_a, transpose_b, m, n, k, alpha, a_at, lda, b_at, ldb, beta, c_at, ldc, itemsize):
    """c = alpha op(a) op(b) + beta c, row-major; op(a) (m, k), op(b) (k, n), c (m, n), each with its row length."""
    ta = _TRANSPOSED if transpose_a else _PLAIN
    tb = _TRANSPOSED if transpose_b else _PLAIN
    if itemsize == 4:
        _sgemm(_ROW_MAJOR, ta, tb, m, n, k, alpha, a_at, lda, b_at, ldb, beta, c_at, ldc)
    else:
        _dgemm(_ROW_MAJOR, ta, tb, m, n, k, alpha, a_at, lda, b_at, ldb, beta, c_at, ldc)


@jit
def _add_product(a, b, c):
    """c += a @ b, all contiguous."""
    (m, k), n = a.shape, b.shape[1]
    _gemm(False, False, m, n, k, 1.0, a.ctypes.data, k, b.ctypes.data, n, 1.0, c.ctypes.data, n, c.itemsize)


# ---- threads -------------------------------------------------------------------------------------------------

WORTH_SPLITTING = 3e7


def _in_parallel(kernel: Callable[..., object], size: int, work: float, *arguments: object) -> None:
    """Call kernel(start, stop, *arguments) over the parts of range(size), in threads when `work` (in
    floating-point operations) pays for starting them: waking a thread costs about 0.1 ms."""
    parts = min(threads.COUNT, size) if work > WORTH_SPLITTING and not threads.inside() else 1
    edges = [size * part // parts for part in range(parts + 1)] if size else [0, 0]
    threads.run([partial(kernel, start, stop, *arguments) for start, stop in pairwise(edges)])


def _over_rows(kernel: Callable[..., object], T: int, N: int, weight_hh: Array, *arguments: object) -> None:
    with one_thread():
        _in_parallel(kernel, N, 2.0 * T * N * weight_hh.size, *arguments)


# ---- activations ---------------------------------------------------------------------------------------------


def _tanh(x):
    """tanh; in float32 a rational approximation that vectorises, absolute error below 3e-7.

    Its coefficients are those of Eigen's `generic_fast_tanh_float` (degrees 13 and 6, clamped at 7.905).
    """


@overload(_tanh, inline="always")
def _tanh_for(x):
    if x != types.float32:
        return lambda x: math.tanh(x)

    def rational(x):
        x = np.float32(7.90531110763549805) if x > np.float32(7.90531110763549805) else x
        x = np.float32(-7.90531110763549805) if x < np.float32(-7.90531110763549805) else x
        s = x * x
        p = np.float32(-2.76076847742355e-16)
        p = p * s + np.float32(2.00018790482477e-13)
        p = p * s + np.float32(-8.60467152213735e-11)
        p = p * s + np.float32(5.12229709037114e-08)
        p = p * s + np.float32(1.48572235717979e-05)
        p = p * s + np.float32(6.37261928875436e-04)
        p = p * s + np.float32(4.89352455891786e-03)
        q = np.float32(1.19825839466702e-06)
        q = q * s + np.float32(1.18534705686654e-04)
        q = q * s + np.float32(2.26843463243900e-03)
        q = q * s + np.float32(4.89352518554385e-03)
        return x * p / q

    return rational


def _half(x):
    """One half in the type of x, so that float32 arithmetic stays float32."""


@overload(_half, inline="always")
def _half_for(x):
    if x == types.float32:
        return lambda x: np.float32(0.5)
    return lambda x: 0.5


@jit
def _tanh_row(x):
    for j in range(x.size):
        x[j] = _tanh(x[j])


@jit
def _sigmoid_row(x):
    for j in range(x.size):
        half = _half(x[j])
        x[j] = half * _tanh(half * x[j]) + half


# ---- recurrent loops -----------------------------------------------------------------------------------------


@jit
def _rnn_forward(start, stop, gates, weight_hh, hs, lengths, reverse, rectified):
    T = gates.shape[0]
    for s in range(T):
        t = T - 1 - s if reverse else s
        before, after = (t + 1, t) if reverse else (t, t + 1)
        _add_product(hs[before, start:stop], weight_hh, gates[t, start:stop])
        for n in range(start, stop):
            if t >= lengths[n]:
                hs[after, n] = hs[before, n]
                continue
            h, z = hs[after, n], gates[t, n]
            if rectified:
                for j in range(z.size):
                    h[j] = z[j] if z[j] > 0 else 0 * z[j]
            else:
                for j in range(z.size):
                    h[j] = _tanh(z[j])


def rnn_forward(gates: Array, weight_hh: Array, hs: Array, lengths: Integers, reverse: bool, rectified: bool) -> None:
    T, N, _ = gates.shape
    _over_rows(_rnn_forward, T, N, weight_hh, gates, weight_hh, hs, lengths, reverse, rectified)


@jit
def _rnn_backward(start, stop, dy, dh, weight_t, hs, lengths, reverse, rectified, dgates):
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
                    d[j] = d[j] if h[j] > 0 else 0 * d[j]
            else:
                for j in range(h.size):
                    d[j] = d[j] - d[j] * h[j] * h[j]
            dh_n[:] = 0
        _add_product(dgates[t, start:stop], weight_t, dh[start:stop])


def rnn_backward(
    dy: Array, dh: Array, weight_hh: Array, hs: Array, lengths: Integers, reverse: bool, rectified: bool
) -> Array:
    T, N, _ = dy.shape
    dgates = np.empty_like(dy)
    weight_t = np.ascontiguousarray(weight_hh.T)  # a product with a transposed view is slower at every step
    _over_rows(_rnn_backward, T, N, weight_t, dy, dh, weight_t, hs, lengths, reverse, rectified, dgates)
    return dgates


@jit
def _lstm_forward(start, stop, gates, weight_hh, peephole, hs, cs, lengths, reverse):
    T, H = gates.shape[0], weight_hh.shape[0]
    peeps = peephole.shape[0] > 0
    for s in range(T):
        t = T - 1 - s if reverse else s
        before, after = (t + 1, t) if reverse else (t, t + 1)
        _add_product(hs[before, start:stop], weight_hh, gates[t, start:stop])
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
            _sigmoid_row(z[: 2 * H])
            _tanh_row(g)
            for j in range(H):
                c[j] = f[j] * c_before[j] + i[j] * g[j]
            if peeps:
                for j in range(H):
                    o[j] += peephole[2, j] * c[j]
            _sigmoid_row(o)
            for j in range(H):
                h[j] = o[j] * _tanh(c[j])


def lstm_forward(
    gates: Array, weight_hh: Array, peephole: Array, hs: Array, cs: Array, lengths: Integers, reverse: bool
) -> None:
    T, N, _ = gates.shape
    _over_rows(_lstm_forward, T, N, weight_hh, gates, weight_hh, peephole, hs, cs, lengths, reverse)


@jit
def _lstm_backward(start, stop, dy, dh, dc, gates, weight_t, peephole, cs, lengths, reverse, dgates):
    T, H = gates.shape[0], weight_t.shape[1]
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
                tanh_c[j] = _tanh(c[j])
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
        _add_product(dgates[t, start:stop], weight_t, dh[start:stop])


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
) -> Array:
    T, N, _ = dy.shape
    dgates = np.empty_like(gates)
    weight_t = np.ascontiguousarray(weight_hh.T)
    arrays = (dy, dh, dc, gates, weight_t, peephole, cs, lengths, reverse, dgates)
    _over_rows(_lstm_backward, T, N, weight_hh, *arrays)
    return dgates


@jit
def _gru_forward(start, stop, gates, weight_hh, bias_hn, hs, hidden_n, lengths, reverse):
    T, H = gates.shape[0], weight_hh.shape[0]
    hidden = np.empty((stop - start, 3 * H), gates.dtype)
    for s in range(T):
        t = T - 1 - s if reverse else s
        before, after = (t + 1, t) if reverse else (t, t + 1)
        hidden[:] = 0
        _add_product(hs[before, start:stop], weight_hh, hidden)
        for n in range(start, stop):
            z, m, u = gates[t, n], hidden_n[t, n], hidden[n - start]
            h, h_before = hs[after, n], hs[before, n]
            reset, update, candidate, u_n = z[:H], z[H : 2 * H], z[2 * H :], u[2 * H :]
            for j in range(2 * H):
                z[j] += u[j]
            _sigmoid_row(z[: 2 * H])
            for j in range(H):
                m[j] = u_n[j] + bias_hn[j]
            for j in range(H):
                candidate[j] = _tanh(candidate[j] + reset[j] * m[j])
            if t >= lengths[n]:
                h[:] = h_before
                continue
            for j in range(H):
                h[j] = candidate[j] + update[j] * (h_before[j] - candidate[j])


def gru_forward(
    gates: Array, weight_hh: Array, bias_hn: Array, hs: Array, hidden_n: Array, lengths: Integers, reverse: bool
) -> None:
    T, N, _ = gates.shape
    _over_rows(_gru_forward, T, N, weight_hh, gates, weight_hh, bias_hn, hs, hidden_n, lengths, reverse)


@jit
def _gru_backward(start, stop, dy, dh, gates, weight_t, hs, hidden_n, lengths, reverse, dgates, dhidden):
    T, H = gates.shape[0], weight_t.shape[1]
    for s in range(T):
        t = s if reverse else T - 1 - s
        before = t + 1 if reverse else t
        for n in range(start, stop):
            d, d_hidden = dgates[t, n], dhidden[t, n]
            if t >= lengths[n]:
                d[:] = 0
                d_hidden[:] = 0
                continue
            z, m, h_before, dh_n, dy_n = gates[t, n], hidden_n[t, n], hs[before, n], dh[n], dy[t, n]
            reset, update, candidate = z[:H], z[H : 2 * H], z[2 * H :]
            d_reset, d_update, d_candidate = d[:H], d[H : 2 * H], d[2 * H :]
            for j in range(H):
                dh_n[j] += dy_n[j]
            for j in range(H):
                d_update[j] = dh_n[j] * (h_before[j] - candidate[j]) * (update[j] - update[j] * update[j])
            for j in range(H):
                d_candidate[j] = (dh_n[j] - dh_n[j] * update[j]) * (1 - candidate[j] * candidate[j])
                dh_n[j] *= update[j]
            for j in range(H):
                d_reset[j] = d_candidate[j] * m[j] * (reset[j] - reset[j] * reset[j])
            d_hidden[: 2 * H] = d[: 2 * H]
            d_hidden_n = d_hidden[2 * H :]
            for j in range(H):
                d_hidden_n[j] = d_candidate[j] * reset[j]
        _add_product(dhidden[t, start:stop], weight_t, dh[start:stop])


def gru_backward(
    dy: Array,
    dh: Array,
    gates: Array,
    weight_hh: Array,
    hs: Array,
    hidden_n: Array,
    lengths: Integers,
    reverse: bool,
) -> tuple[Array, Array]:
    T, N, _ = dy.shape
    dgates, dhidden = np.empty_like(gates), np.empty_like(gates)
    weight_t = np.ascontiguousarray(weight_hh.T)
    arrays = (dy, dh, gates, weight_t, hs, hidden_n, lengths, reverse, dgates, dhidden)
    _over_rows(_gru_backward, T, N, weight_hh, *arrays)
    return dgates, dhidden


# ---- loss, embedding, optimizers -----------------------------------------------------------------------------


@jit_sums
def _exp_row(x, exponents, powers):
    """x <- exp(x) for x <= 0, and the sum. In float32 as 2^k exp(r), |r| <= ln 2 / 2, which vectorises.

    `exponents` and `powers` are one scratch array of int32, seen as int32 and as float32.
    """
    total = 0.0
    if x.itemsize == 8:
        for j in range(x.size):
            x[j] = math.exp(x[j])
            total += x[j]
        return total
    for j in range(x.size):
        v = x[j] if x[j] > np.float32(-87) or x[j] != x[j] else np.float32(-87)
        k = np.floor(v * np.float32(1.44269504) + np.float32(0.5))
        r = v - k * np.float32(0.693359375) + k * np.float32(2.12194440e-4)
        exponents[j] = (np.int32(k) + np.int32(127)) << np.int32(23)
        p = np.float32(1 / 720)
        p = p * r + np.float32(1 / 120)
        p = p * r + np.float32(1 / 24)
        p = p * r + np.float32(1 / 6)
        p = p * r + np.float32(0.5)
        p = p * r + np.float32(1)
        x[j] = p * r + np.float32(1)
    for j in range(x.size):
        x[j] *= powers[j]
    for j in range(x.size):
        total += x[j]
    return total


@jit_sums
def _softmax_cross_entropy(start, stop, logits, highest, target, smoothing, scale, losses):
    V = logits.shape[1]
    exponents = np.empty(V, np.int32)
    powers = exponents.view(np.float32)
    for r in range(start, stop):
        row, c, top = logits[r], target[r], highest[r]
        spread = 0.0
        if smoothing > 0:
            for j in range(V):
                spread += row[j] - top
        at_target = row[c] - top
        for j in range(V):
            row[j] -= top
        total = _exp_row(row, exponents, powers)
        log_z = math.log(total)
        losses[r] = (1 - smoothing) * (log_z - at_target) + smoothing * (log_z - spread / V)
        factor = row.dtype.type(scale / total)
        off = row.dtype.type(scale * smoothing / V)
        for j in range(V):
            row[j] = row[j] * factor - off
        row[c] -= scale * (1 - smoothing)


def softmax_cross_entropy(logits: Array, target: Integers, smoothing: float, scale: float) -> float:
    R, _ = logits.shape
    losses = np.empty(R)
    highest = logits.max(axis=1)
    arrays = (logits, highest, target, float(smoothing), float(scale), losses)
    _in_parallel(_softmax_cross_entropy, R, 20.0 * logits.size, *arrays)
    return float(losses.sum())


@jit
def _dot_attention_forward(start, stop, query, keys, memory, lengths, scale, context, weights):
    (T, N, A), (S, _, H), size = query.shape, memory.shape, query.itemsize
    for n in range(start, stop):
        w, L = weights[n], lengths[n]
        q_at, k_at, m_at = query[0, n].ctypes.data, keys[0, n].ctypes.data, memory[0, n].ctypes.data
        _gemm(False, True, T, S, A, scale, q_at, N * A, k_at, N * A, 0.0, w.ctypes.data, S, size)
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
        _gemm(False, False, T, H, S, 1.0, w.ctypes.data, S, m_at, N * H, 0.0, context[0, n].ctypes.data, N * H, size)


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
        _in_parallel(_dot_attention_forward, N, 2.0 * T * S * N * (A + H), *arrays)
    return context, weights


@jit
def _dot_attention_backward(start, stop, dcontext, query, keys, memory, weights, scale, dquery, dkeys, dmemory):
    (T, N, A), (S, _, H), size = query.shape, memory.shape, query.itemsize
    d = np.empty((T, S), query.dtype)  # of the weights, then of the scores
    for n in range(start, stop):
        w, d_at, w_at, dc_at = weights[n], d.ctypes.data, weights[n].ctypes.data, dcontext[0, n].ctypes.data
        _gemm(False, True, T, S, H, 1.0, dc_at, N * H, memory[0, n].ctypes.data, N * H, 0.0, d_at, S, size)
        for t in range(T):
            mean = 0.0
            for s in range(S):
                mean += w[t, s] * d[t, s]
            for s in range(S):
                d[t, s] = w[t, s] * (d[t, s] - mean)
        q_at, k_at = query[0, n].ctypes.data, keys[0, n].ctypes.data
        dq_at, dk_at, dm_at = dquery[0, n].ctypes.data, dkeys[0, n].ctypes.data, dmemory[0, n].ctypes.data
        _gemm(False, False, T, A, S, scale, d_at, S, k_at, N * A, 0.0, dq_at, N * A, size)
        _gemm(True, False, S, A, T, scale, d_at, S, q_at, N * A, 0.0, dk_at, N * A, size)
        _gemm(True, False, S, H, T, 1.0, w_at, S, dc_at, N * H, 0.0, dm_at, N * H, size)


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
        _in_parallel(_dot_attention_backward, N, 4.0 * T * S * N * (A + H), *arrays)
    return dquery, dkeys, dmemory


@jit
def _dropout(x, draws, dropped, scale, y):
    for j in range(x.size):
        y[j] = x[j] * scale if draws[j] >= dropped else x[j] * 0


def dropout(x: Array, draws: npt.NDArray[np.uint16], dropped: int) -> Array:
    y = np.empty_like(x)
    scale = x.dtype.type(65536 / (65536 - dropped))
    _dropout(x.reshape(-1), draws.reshape(-1), np.uint16(dropped), scale, y.reshape(-1))
    return y


@jit
def _add_product_of_rows(total, x, dy):
    (R, D), H = x.shape, dy.shape[1]
    at = x.ctypes.data, dy.ctypes.data, total.ctypes.data
    _gemm(True, False, D, H, R, 1.0, at[0], D, at[1], H, 1.0, at[2], H, total.itemsize)


def add_product(total: Array, x: Array, dy: Array) -> None:
    if not total.flags.c_contiguous:  # a copy would take the sum
        total += x.T @ dy
    elif total.size and len(x):
        x, dy = (np.ascontiguousarray(a, total.dtype) for a in (x, dy))
        if x.shape[1:] + dy.shape[1:] != total.shape or len(x) != len(dy):
            raise ValueError(f"shapes {x.shape} and {dy.shape} don't give {total.shape}")
        _add_product_of_rows(total, x, dy)


@jit
def _add_rows(table, ids, values):
    for k in range(ids.size):
        row, value = table[ids[k]], values[k]
        for j in range(row.size):
            row[j] += value[j]


def add_rows(table: Array, ids: Integers, values: Array) -> None:
    _add_rows(table, ids, values)


@jit
def _take_gradient(start, stop, grad, part):
    grad, part = grad[start:stop], part[start:stop]
    for p in range(grad.size):
        grad[p] += part[p]
        part[p] = 0


def take_gradient(grad: Array, part: Array) -> None:
    _in_parallel(_take_gradient, grad.size, 20.0 * grad.size, grad, part)


@jit
def _sgd_update(start, stop, value, grad, velocity, scale, lr, momentum, weight_decay):
    value, grad, velocity = value[start:stop], grad[start:stop], velocity[start:stop]
    for p in range(grad.size):
        g = scale * grad[p] + weight_decay * value[p]
        if velocity.size:
            g += momentum * velocity[p]
            velocity[p] = g
        value[p] -= lr * g
        grad[p] = 0


def sgd_update(
    value: Array, grad: Array, velocity: Array, scale: float, lr: float, momentum: float, weight_decay: float
) -> None:
    real = value.dtype.type
    numbers = (real(scale), real(lr), real(momentum), real(weight_decay))
    _in_parallel(_sgd_update, value.size, 20.0 * value.size, value, grad, velocity, *numbers)


@jit
def _adam_update(start, stop, value, grad, first, second, scale, rate, b1, rest1, b2, rest2, root, eps, decay, shrink):
    value, grad, first, second = value[start:stop], grad[start:stop], first[start:stop], second[start:stop]
    for p in range(grad.size):
        g = scale * grad[p] + decay * value[p]
        m = b1 * first[p] + rest1 * g
        v = b2 * second[p] + rest2 * g * g
        first[p] = m
        second[p] = v
        value[p] = value[p] * shrink - rate * m / (np.sqrt(v) * root + eps)
        grad[p] = 0


def adam_update(
    value: Array,
    grad: Array,
    first: Array,
    second: Array,
    scale: float,
    step: int,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool,
) -> None:
    rate, root = lr / (1 - beta1**step), 1 / math.sqrt(1 - beta2**step)
    decay, shrink = (0.0, 1 - lr * weight_decay) if decoupled else (weight_decay, 1.0)
    moments = (beta1, 1 - beta1, beta2, 1 - beta2)
    numbers = map(value.dtype.type, (scale, rate, *moments, root, eps, decay, shrink))
    _in_parallel(_adam_update, value.size, 20.0 * value.size, value, grad, first, second, *numbers)
