"""Arguments for every kernel, on which its compiled form is compared with the readable one."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from itertools import pairwise, product
from typing import Any

import numpy as np

from seqrl import kernels
from seqrl.certify.differences import Differences, compare
from seqrl.gradient_check import DIFFERENCES, numerical_gradient
from seqrl.layers.recurrent import CELLS

Generator = np.random.Generator
REFERENCE = kernels.load("reference")
TOLERANCE = {"float32": 2e-5, "float64": 1e-12}

# ---- arguments: (rng, dtype, large enough to be split over threads) -> by name, more than one kernel takes ---


def recurrent(rng: Generator, dtype: str, large: bool, blocks: int, fused: bool) -> dict[str, Any]:
    """fused: the kernels make the gates of the input, and the gradient of the input."""
    T, N, H, D = (9, 9, 96, 17) if large else (4, 3, 5, 2)
    lengths = rng.integers(0, T + 1, N)
    lengths[:2] = T, 1

    def normal(*shape: int) -> Any:
        return rng.normal(0, 0.5, shape).astype(dtype)

    return {
        "gates": normal(T, N, blocks * H),
        "memory": normal(T, N, H),
        "dy": normal(T, N, H),
        "dh": normal(N, H),
        "dc": normal(N, H),
        "weight_hh": normal(H, blocks * H) * np.asarray(H**-0.5, dtype),
        "bias_hn": normal(H),
        "hs": normal(T + 1, N, H),
        "cs": normal(T + 1, N, H),
        "lengths": lengths,
        "given": (normal(T, N, D), normal(D, blocks * H), normal(blocks * H)) if fused else None,
        "wanted": (normal(D, blocks * H), normal(T, N, D)) if fused else None,
    }


def rnn(fused: bool = False, **options: Any) -> Callable[..., dict[str, Any]]:
    return lambda rng, dtype, large: recurrent(rng, dtype, large, 1, fused) | options


def lstm(peephole: bool, fused: bool = False, **options: Any) -> Callable[..., dict[str, Any]]:
    def arguments(rng: Generator, dtype: str, large: bool) -> dict[str, Any]:
        made = recurrent(rng, dtype, large, 4, fused)
        H = made["dh"].shape[1]
        return made | {"peephole": rng.normal(size=(3 if peephole else 0, H)).astype(dtype)} | options

    return arguments


def gru(fused: bool = False, **options: Any) -> Callable[..., dict[str, Any]]:
    return lambda rng, dtype, large: recurrent(rng, dtype, large, 3, fused) | options


def generation(
    cell: str, with_table: bool = True, temperature: float = 1.0, top_k: int = 9, top_p: float = 1.0
) -> Callable[..., dict[str, Any]]:
    """Two layers over 9 tokens, of which 0 is never drawn and 1 ends a row; `draws` decide in float64."""

    def arguments(rng: Generator, dtype: str, large: bool) -> dict[str, Any]:
        N, V, E, H, steps = (17, 9, 4, 37, 12) if large else (2, 9, 4, 5, 6)
        kind = cell.removesuffix("-peephole").removesuffix("-original")
        G = {"lstm": 4, "gru": 3}.get(kind, 1)
        extra = {"lstm-peephole": (3, H), "lstm": (0, H), "gru": (H,)}.get(cell, (0,))

        def normal(*shape: int) -> Any:
            return rng.normal(0, 0.5, shape).astype(dtype)

        scale = np.asarray(H**-0.5, dtype)  # or rounding grows from step to step
        layers = [(normal(D, G * H), normal(G * H), scale * normal(H, G * H), normal(*extra)) for D in (E, H)]
        embedding = normal(V, E)
        table = embedding @ layers[0][0] + layers[0][1] if with_table else normal(0, 0)
        return {
            "cell": kind,
            "embedding": embedding,
            "table": table,
            "layers": layers,
            "state": [(normal(N, H), normal(N, H)) if kind == "lstm" else normal(N, H) for _ in layers],
            "output": 4 * normal(H, V),
            "output_bias": normal(V),
            "tokens": rng.integers(0, V, N),
            "draws": rng.random((steps, N)),
            "temperature": temperature,
            "top_k": top_k,
            "top_p": top_p,
            "never": np.array([0]),
            "end": 1,
        }

    return arguments


def cross_entropy(smoothing: float) -> Callable[..., dict[str, Any]]:
    def arguments(rng: Generator, dtype: str, large: bool) -> dict[str, Any]:
        R, V = (70, 1000) if large else (5, 7)
        logits = rng.normal(0, 8, (R, V)).astype(dtype)
        return {"logits": logits, "target": rng.integers(0, V, R), "smoothing": smoothing, "scale": 1 / R}

    return arguments


def attention(scale: float) -> Callable[..., dict[str, Any]]:
    def arguments(rng: Generator, dtype: str, large: bool) -> dict[str, Any]:
        T, S, N, A, H = (12, 11, 70, 40, 48) if large else (2, 3, 4, 5, 6)
        lengths = rng.integers(0, S + 1, N)
        lengths[:3] = S, 1, 0
        shapes = {"query": (T, N, A), "keys": (S, N, A), "memory": (S, N, H), "dcontext": (T, N, H)}
        made: dict[str, Any] = {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()}
        weights = rng.random((N, T, S)) * (np.arange(S) < lengths[:, None])[:, None]
        return made | {"lengths": lengths, "scale": scale, "weights": weights.astype(dtype)}

    return arguments


def dropout(rng: Generator, dtype: str, large: bool) -> dict[str, Any]:
    shape = (30, 40, 50) if large else (2, 3, 4)
    return {
        "x": rng.normal(size=shape).astype(dtype),
        "draws": rng.integers(0, 65536, shape, np.uint16),
        "dropped": 20000,
    }


def rectified(rng: Generator, dtype: str, large: bool) -> dict[str, Any]:
    shape = (30, 40, 50) if large else (2, 3, 4)
    return {"dy": rng.normal(size=shape).astype(dtype), "y": np.maximum(rng.normal(size=shape), 0).astype(dtype)}


def affine(rng: Generator, dtype: str, large: bool) -> dict[str, Any]:
    R, D, H = (300, 70, 90) if large else (5, 3, 4)
    shapes = {"x": (R, D), "weight": (D, H), "bias": (H,), "dy": (R, H), "dweight": (D, H), "dbias": (H,)}
    return {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()}


def one_row(rng: Generator, dtype: str, large: bool) -> dict[str, Any]:
    return {name: a[:1] if name in ("x", "dy") else a for name, a in affine(rng, dtype, large).items()}


def turned(rng: Generator, dtype: str, large: bool) -> dict[str, Any]:
    """Not laid out row by row."""
    return {name: np.asfortranarray(a) for name, a in affine(rng, dtype, large).items()}


def networks(**options: Any) -> Callable[..., dict[str, Any]]:
    """Three agents of two networks each, with what nobody may touch in between."""

    def arguments(rng: Generator, dtype: str, large: bool) -> dict[str, Any]:
        B, wide = (300, 90) if large else (5, 20)
        rows, P, hidden, outputs = [], 2, 1, 1
        for sizes in (5, 9, 1), (5, wide, 3, 13):
            source = -1
            for k, (n_in, n_out) in enumerate(pairwise(sizes), start=2):
                last = k == len(sizes)
                rows.append([n_in, n_out, P, P + n_in * n_out + 3, source, outputs if last else hidden])
                P += n_in * n_out + n_out + 4
                source = hidden
                hidden, outputs = (hidden, outputs + n_out + 1) if last else (hidden + n_out + 1, outputs)
        shapes = {"x": (3, B, 5), "values": (3, P), "grads": (3, P), "dy": (3, B, outputs)}
        made: dict[str, Any] = {name: (0.3 * rng.normal(size=shape)).astype(dtype) for name, shape in shapes.items()}
        made |= {"hidden": np.zeros((3, B, hidden), dtype), "y": np.zeros((3, B, outputs), dtype)}
        made |= {"table": np.array(rows), "dx": np.empty_like(made["x"]), "rectified": False} | options
        if not made.pop("with_dx", True):
            made["dx"] = made["dx"][:0]
        REFERENCE["mlp_forward"](*(made[name] for name in ("x", "values", "table", "rectified", "hidden", "y")))
        return made

    return arguments


def add_product(rng: Generator, dtype: str, large: bool) -> dict[str, Any]:
    R, D, H = (300, 70, 90) if large else (5, 3, 4)
    shapes = {"total": (D, H), "x": (R, D), "dy": (R, H)}
    return {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()}


def add_rows(rng: Generator, dtype: str, large: bool) -> dict[str, Any]:
    V, E, K = (500, 64, 3000) if large else (4, 3, 9)
    table, values = (rng.normal(size=(rows, E)).astype(dtype) for rows in (V, K))
    return {"table": table, "ids": rng.integers(0, V, K), "values": values}


def images(k: tuple[int, int], stride: tuple[int, int], pads: tuple[int, int, int, int], **options: Any) -> Any:
    """Images and the weights of a convolution."""

    def arguments(rng: Generator, dtype: str, large: bool) -> dict[str, Any]:
        N, C, F, height, width = (90, 6, 7, 40, 41) if large else (2, 2, 3, 7, 6)

        def outputs(pads: tuple[int, int, int, int]) -> tuple[int, int]:
            high, wide = height + pads[0] + pads[1], width + pads[2] + pads[3]
            return (high - k[0]) // stride[0] + 1, (wide - k[1]) // stride[1] + 1

        shapes: dict[str, tuple[int, ...]] = {
            "x": (N, C, height, width),
            "weight": (F, C, *k),
            "bias": (F,),
            "dy": (N, F, *outputs(pads)),
            "dweight": (F, C, *k),
            "dbias": (F,),
        }
        made: dict[str, Any] = {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()}
        return made | {"stride": stride, "pads": pads} | options

    return arguments


def pool(size: tuple[int, int], stride: tuple[int, int]) -> Callable[..., dict[str, Any]]:
    def arguments(rng: Generator, dtype: str, large: bool) -> dict[str, Any]:
        N, C, height, width = (90, 7, 40, 41) if large else (2, 3, 7, 6)
        x = rng.integers(-3, 3, (N, C, height, width)).astype(dtype)  # of which many are equal
        y = REFERENCE["max_pool_forward"](x, size, stride)
        dy = rng.normal(size=y.shape).astype(dtype)
        return {"x": x, "y": y, "dy": dy, "size": size, "stride": stride, "height": height, "width": width}

    return arguments


def vectors(**options: Any) -> Callable[..., dict[str, Any]]:
    def arguments(rng: Generator, dtype: str, large: bool) -> dict[str, Any]:
        P = 60_001 if large else 7
        made = {name: rng.normal(size=P).astype(dtype) for name in ("value", "grad", "part", "velocity", "first")}
        if options.get("momentum") == 0:
            made["velocity"] = np.zeros(0, dtype)
        made |= {name: rng.random(P).astype(dtype) for name in ("second", "squares", "moves")}
        return made | {"clip": 1.5, "lr": 0.01, "nesterov": False, "weight_decay": 0.1, "eps": 1e-6} | options

    return arguments


def text(cbow: bool, tree: bool) -> Callable[..., dict[str, Any]]:
    """Words with windows and targets: some others for each place, or ways of several lengths for each word."""

    def arguments(rng: Generator, dtype: str, large: bool) -> dict[str, Any]:
        n, V, D, longest = (300, 20, 144, 21) if large else (20, 6, 16, 9)
        ids = rng.integers(-1, V, n).astype(np.int32)
        ends = np.cumsum(rng.integers(0 if large else 1, longest, V if tree else n))
        paths = ids if tree else np.arange(n)
        rows = rng.integers(0, V, ends[-1])
        tables = {name: rng.normal(0, 0.3, (V, D)).astype(dtype) for name in ("words", "outputs")}
        return {
            "ids": ids,
            "reach": rng.integers(1, 6, n).astype(np.uint16),
            "first": np.concatenate([[0], ends])[paths],
            "last": ends[paths],
            "targets": np.where(rng.random(len(rows)) < 0.4, rows, ~rows).astype(np.int32),
            **tables,
            "learning_rate": 0.05,
            "cbow": cbow,
        }

    return arguments


def drawn(rng: Generator, dtype: str, large: bool) -> dict[str, Any]:
    n, V, K = (5000, 1000, 20) if large else (200, 3, 4)
    return {
        "ids": rng.integers(0, V, n).astype(np.int32),
        "draws": rng.integers(0, 2**64, (n, K), np.uint64),
        "chances": rng.integers(0, 2**32 + 1, V, np.uint64),
        "others": rng.integers(0, V, V).astype(np.int32),
    }


def drawn_in_vain(rng: Generator, dtype: str, large: bool) -> dict[str, Any]:
    """The first word is nearly all of the text."""
    made = drawn(rng, dtype, large)
    return made | {"chances": np.full_like(made["chances"], 2**20), "others": np.zeros_like(made["others"])}


def discrete(A: int, entropy: float = 0.0) -> Callable[..., dict[str, Any]]:
    """Rows of a categorical policy. In some the last action can't be taken."""

    def arguments(rng: Generator, dtype: str, large: bool) -> dict[str, Any]:
        B = 301 if large else 7
        logits = rng.normal(0, 3, (B, A)).astype(dtype)
        if A > 1:
            logits[::3, -1] = -1e30
        actions, draws = rng.integers(0, max(A - 1, 1), B), rng.random(B)
        log_prob = REFERENCE["categorical_log_prob"](logits, actions)
        return {"logits": logits, "actions": actions, "draws": draws} | constants(rng, log_prob, entropy)

    return arguments


def continuous(A: int, entropy: float = 0.0) -> Callable[..., dict[str, Any]]:
    """Rows of a Gaussian policy."""

    def arguments(rng: Generator, dtype: str, large: bool) -> dict[str, Any]:
        B = 301 if large else 7
        outputs = np.concatenate([rng.normal(size=(B, A)), rng.uniform(-0.5, 0.5, (B, A))], axis=1).astype(dtype)
        actions = rng.normal(size=(B, A)).astype(dtype)
        log_prob = REFERENCE["gaussian_log_prob"](outputs, actions)
        return {"outputs": outputs, "actions": actions} | constants(rng, log_prob, entropy)

    return arguments


def constants(rng: Generator, log_prob: Any, entropy: float) -> dict[str, Any]:
    """Ratios on either side of both bounds, and 1; numbers of both signs."""
    B, dtype = log_prob.size, log_prob.dtype
    dlog_prob, dentropy, advantages = rng.normal(size=(3, B)).astype(dtype)
    return {
        "dlog_prob": dlog_prob,
        "dentropy": dentropy[: B if entropy else 0],
        "advantages": advantages,
        "old_log_prob": log_prob - np.resize([0.0, 0.1, -0.1, 0.3, -0.3], B).astype(dtype),
        "clip": 0.2,
        "entropy": entropy,
    }


def values(clip: float) -> Callable[..., dict[str, Any]]:
    """Beside what they were: moved by more and by less than 0.2, towards the returns and away from them."""

    def arguments(rng: Generator, dtype: str, large: bool) -> dict[str, Any]:
        old_values, returns = rng.normal(size=(2, 301 if large else 7)).astype(dtype)
        moves = np.resize([0.0, 0.1, -0.1, 0.3, -0.3], old_values.size).astype(dtype)
        return {"values": old_values + moves, "returns": returns, "old_values": old_values, "clip": clip}

    return arguments


def transitions(**options: Any) -> Callable[..., dict[str, Any]]:
    """Values on either side of Huber's edge, some of them equal."""

    def arguments(rng: Generator, dtype: str, large: bool) -> dict[str, Any]:
        B, A = (301, 7) if large else (6, 3)
        q, next_q, chooser = rng.integers(-3, 4, (3, B, A)).astype(dtype)
        made = {"q": q, "next_q": next_q, "chooser": chooser, "action": rng.integers(0, A, B), "reward": rng.random(B)}
        made |= {"discount": rng.random(B), "target": rng.normal(0, 3, B).astype(dtype), "dq": np.empty_like(q)}
        return made | {"weight": rng.random(B).astype(dtype), "squared": False} | options

    return arguments


def rewards(*columns: int) -> Callable[..., dict[str, Any]]:
    """Time first; some rows pass nothing on."""

    def arguments(rng: Generator, dtype: str, large: bool) -> dict[str, Any]:
        shape = (301 if large else 7, *columns)
        decay = 0.9 * (rng.random(shape) < 0.8)
        return {"x": rng.normal(size=shape).astype(dtype), "decay": decay.astype(dtype)}

    return arguments


def window_gradients(cbow: bool) -> Differences:
    """What `learn_windows` takes off the tables in one window, by the learning rate, beside central differences.

    In CBOW each of the window's three words takes what is the mean's.
    """
    rng = np.random.default_rng(0)
    ids, targets = np.array([3, 1, -1, 2, 0, 2, 4, -1], np.int32), np.array([2, ~0, ~5, 4, ~0, ~2], np.int32)
    first = np.where(np.arange(len(ids)) == 4, 0, len(targets))  # only in the middle of the second sentence
    tables = {name: rng.normal(0, 0.5, (6, 16)) for name in ("words", "outputs")}

    def learn(learning_rate: float) -> tuple[dict[str, Any], float]:
        after = {name: table.copy() for name, table in tables.items()}
        reach, last = np.full(len(ids), 2, np.uint16), np.full(len(ids), len(targets))
        arguments = {"ids": ids, "reach": reach, "first": first, "last": last, "targets": targets, **after}
        return after, kernels.learn_windows(**arguments, learning_rate=learning_rate, cbow=cbow)[0]

    after, _ = learn(1.0)
    found = []
    for name, table in tables.items():
        numerical = numerical_gradient(lambda: learn(0.0)[1], table)
        times = 3 if cbow and name == "words" else 1
        found.append(compare(f"the gradient of {name}", table - after[name], times * numerical, DIFFERENCES))
    return found


CONVOLUTIONS = [
    images(k, stride, pads, with_dx=with_dx)
    for k, stride, pads in (
        ((3, 3), (1, 1), (1, 1, 1, 1)),
        ((3, 2), (2, 1), (0, 0, 0, 1)),
        ((4, 5), (3, 2), (2, 1, 3, 5)),
        ((1, 1), (1, 1), (0, 0, 0, 0)),
    )
    for with_dx in (True, False)
]
POOLS = [pool(size, stride) for size, stride in (((2, 2), (2, 2)), ((3, 2), (2, 1)), ((2, 2), (3, 3)))]
moments = {"step": 3, "beta1": 0.8, "beta2": 0.99}
RNNS = [rnn(fused, reverse=r, rectified=rectified) for fused, r, rectified in product((False, True), repeat=3)]
LSTMS = [lstm(peephole, fused, reverse=r) for peephole, fused, r in product((False, True), repeat=3)]
GRUS = [gru(fused, reverse=r, reset_after=after) for fused, r, after in product((False, True), repeat=3)]
CATEGORICAL, GAUSSIAN = [discrete(A) for A in (1, 2, 9)], [continuous(A) for A in (1, 3)]

KERNELS: dict[str, list[Callable[[Generator, str, bool], dict[str, Any]]]] = {
    "rnn_forward": RNNS,
    "rnn_backward": RNNS,
    "packed": [],  # weights for the forward kernels, which give the same with them
    "lstm_forward": LSTMS,
    "lstm_backward": LSTMS,
    "gru_forward": GRUS,
    "gru_backward": GRUS,
    "generate": [
        *(generation(cell) for cell in CELLS),
        generation("lstm", with_table=False, temperature=0.5, top_k=3),
        generation("gru", temperature=2.0, top_p=0.7),
        generation("gru", temperature=2.0, top_k=5, top_p=0.5),
        generation("rnn", temperature=0.0),
    ],
    "softmax_cross_entropy": [cross_entropy(0.0), cross_entropy(0.1)],
    "dot_attention_forward": [attention(1.0), attention(0.3)],
    "dot_attention_backward": [attention(1.0), attention(0.3)],
    "dropout": [dropout],
    "relu_backward": [rectified],
    "affine": [affine, one_row, turned],
    "turn_back": [affine, one_row, turned],
    "affine_backward": [affine, one_row, turned],
    "add_product": [add_product],
    "add_rows": [add_rows],
    "mlp_forward": [networks(), networks(rectified=True)],
    "mlp_backward": [networks(rectified=r, with_dx=with_dx) for r, with_dx in product((False, True), repeat=2)],
    "learn_windows": [text(cbow, tree) for cbow, tree in product((False, True), repeat=2)],
    "draw_targets": [drawn, drawn_in_vain],
    "conv2d_forward": CONVOLUTIONS[::2],
    "conv2d_backward": CONVOLUTIONS,
    "max_pool_forward": POOLS,
    "max_pool_backward": POOLS,
    "average_pool_forward": POOLS,
    "average_pool_backward": POOLS,
    "categorical_sample": CATEGORICAL,
    "categorical_log_prob": CATEGORICAL,
    "categorical_entropy": CATEGORICAL,
    "categorical_gradient": [*CATEGORICAL, *(discrete(A, entropy=0.1) for A in (1, 2, 9))],
    "categorical_clipped_loss": [*CATEGORICAL, *(discrete(A, entropy=0.1) for A in (1, 2, 9))],
    "gaussian_log_prob": GAUSSIAN,
    "gaussian_gradient": [*GAUSSIAN, *(continuous(A, entropy=0.1) for A in (1, 3))],
    "gaussian_clipped_loss": [*GAUSSIAN, *(continuous(A, entropy=0.1) for A in (1, 3))],
    "clipped_squared_error": [values(0.2), values(np.inf)],
    "decayed_sums": [rewards(), rewards(3), rewards(2, 3)],
    "q_learning_target": [transitions()],
    "q_learning_loss": [
        transitions(),
        transitions(squared=True),
        lambda rng, dtype, large: transitions(weight=np.empty(0, dtype))(rng, dtype, large),
    ],
    "take_gradient": [vectors()],
    "sgd_update": [
        vectors(momentum=0.9),
        vectors(momentum=0.9, nesterov=True),
        vectors(momentum=0.9, weight_decay=0.0),
        vectors(momentum=0.0, clip=np.inf),
    ],
    "adagrad_update": [vectors(), vectors(weight_decay=0.0, clip=np.inf)],
    "rmsprop_update": [vectors(alpha=0.9), vectors(alpha=0.9, weight_decay=0.0, clip=np.inf)],
    "adadelta_update": [vectors(rho=0.9), vectors(rho=0.9, weight_decay=0.0, clip=np.inf)],
    "adam_update": [
        vectors(**moments, decoupled=False),
        vectors(**moments, decoupled=True),
        vectors(**moments, weight_decay=0.0, decoupled=False, clip=np.inf),
        vectors(**moments | {"beta1": 0.0}, weight_decay=0.0, decoupled=False),
    ],
}
# Steps beyond a row's length don't count: there these arrays may hold anything.
TIME_MAJOR = {"gates", "hidden_n"}


def differences(name: str, arguments: dict[str, Any], compiled: Callable[..., Any]) -> Differences:
    """What a compiled kernel returns and leaves in its arguments, beside the readable one."""
    wanted = inspect.signature(REFERENCE[name]).parameters
    expected, actual = ({p: copy.deepcopy(arguments[p]) for p in wanted} for _ in range(2))
    expected_returned, returned = REFERENCE[name](**expected), compiled(**actual)
    real: Any = ...
    if "gates" in arguments:
        real = np.arange(len(arguments["gates"]))[:, None] < arguments["lengths"]
    found: Differences = []
    for parameter, value in expected.items():
        where = real if parameter in TIME_MAJOR else ...
        for ours, array in zip(_as_tuple(actual[parameter]), _as_tuple(value), strict=True):
            if isinstance(array, np.ndarray):
                found.append(compare(f"{name}: {parameter}", ours[where], array[where], "in the readable one"))
    pairs = zip(_as_tuple(returned), _as_tuple(expected_returned), strict=True)
    return found + [compare(f"{name}: what is returned", *pair, "in the readable one") for pair in pairs]


def _as_tuple(returned: Any) -> tuple[Any, ...]:
    return returned if isinstance(returned, tuple) else () if returned is None else (returned,)
