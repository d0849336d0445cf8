"""The compiled kernels beside the readable ones, and what only compiled ones can get wrong."""

import inspect
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from seqrl import kernels
from seqrl.certify.kernel_cases import KERNELS, REFERENCE, TOLERANCE, differences
from seqrl.kernels.reference.support import sigmoid
from seqrl.layers.recurrent import GRU, LSTM, RNN

Generator = np.random.Generator
Kernels = dict[str, Callable[..., Any]]


@pytest.fixture(scope="module")
def compiled() -> Kernels:
    pytest.importorskip("numba")
    from seqrl.kernels.blas import blas

    if blas is None:
        pytest.skip("NumPy's BLAS can't be called here, so there are no compiled kernels")
    return kernels.load("compiled")


# ---- both implementations ------------------------------------------------------------------------------------


def test_both_implementations_have_the_same_kernels_and_all_are_compared(compiled: Kernels) -> None:
    assert REFERENCE.keys() == compiled.keys() == KERNELS.keys()
    for name in KERNELS:
        assert hasattr(kernels, name), name
        ours, theirs = (list(inspect.signature(of[name]).parameters) for of in (REFERENCE, compiled))
        assert ours == theirs, name


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(("name", "k"), [(name, k) for name, cases in KERNELS.items() for k in range(len(cases))])
def test_compiled_is_reference(
    name: str, k: int, threads: int, dtype: str, compiled: Kernels, monkeypatch: pytest.MonkeyPatch, rng: Generator
) -> None:
    """Small work stays on the calling thread; large work is split, unevenly, over three."""
    large = threads > 1
    submitted = []

    class Recording(ThreadPoolExecutor):
        def submit(self, *args: Any, **kwargs: Any) -> Any:
            submitted.append(args)
            return super().submit(*args, **kwargs)

    arguments = KERNELS[name][k](rng, dtype, large)
    with Recording(2) as pool:
        monkeypatch.setattr("seqrl.kernels.threads.COUNT", 3)
        monkeypatch.setattr("seqrl.kernels.compiled.support.WORTH_SPLITTING", 1e6)
        monkeypatch.setattr("seqrl.kernels.threads._pool", pool)
        found = differences(name, arguments, compiled[name])
    assert [str(d) for d in found if not d.error <= TOLERANCE[dtype]] == []
    alone = "affine_backward", "add_rows", "draw_targets", "dropout", "generate", "learn_windows", "relu_backward"
    by_numpy = name in ("affine", "turn_back") and k > 0
    of_agents = REFERENCE[name].__module__.endswith(("policy_gradients", "q_learning"))
    assert bool(submitted) == (large and name not in alone and not by_numpy and not of_agents)


@pytest.mark.parametrize("shape", [(4, 5), (4, 1), (3, 2), (5, 2)])
def test_products_of_shapes_that_do_not_fit_are_refused(shape: tuple[int, int], compiled: Kernels) -> None:
    """The BLAS behind them would write past the end."""
    x, dy, weight, bias = (np.ones(s, np.float32) for s in ((4, 3), shape, (3, 2), (2,)))
    with pytest.raises(ValueError, match="shapes"):
        compiled["add_product"](weight, x, dy)
    with pytest.raises(ValueError, match="shapes"):
        compiled["affine_backward"](weight, bias, x, dy)
    with pytest.raises(ValueError, match="shapes"):
        compiled["affine"](dy, weight, bias)
    assert np.all(weight == 1) and np.all(bias == 1)


# ---- numbers at the edge -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_compiled_tanh_and_sigmoid_over_the_whole_range(dtype: str, compiled: Kernels) -> None:
    x = np.concatenate([np.linspace(-12, 12, 20_001), [-np.inf, -1e30, -1e-30, 0, 1e-30, 1e30, np.inf]]).astype(dtype)
    wide = x.astype(np.float64)
    from seqrl.kernels.compiled.support import sigmoid_row, tanh_row

    for row, exact in ((tanh_row, np.tanh(wide)), (sigmoid_row, sigmoid(wide))):
        y = x.copy()
        row(y)
        np.testing.assert_allclose(y, exact, rtol=0, atol=3e-7 if dtype == "float32" else 1e-15)
        assert np.abs(y).max() <= 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cell", [RNN, LSTM, GRU])
def test_a_nan_stays_a_nan_and_stays_in_its_row(cell: Any, dtype: str, rng: Generator) -> None:
    layer = cell(3, 40, rng=rng).astype(dtype)
    x = rng.normal(size=(4, 3, 3)).astype(dtype)
    expected, _ = layer.forward(x)
    x[1, 2] = np.nan
    y, backward = layer.forward(x)
    assert np.isnan(y[1:, 2]).all()
    np.testing.assert_array_equal(y[:, :2], expected[:, :2])
    np.testing.assert_array_equal(y[0], expected[0])
    dx = backward(np.ones_like(y))
    assert np.isnan(dx[1, 2]).all()
    assert np.isfinite(dx[:, :2]).all()


def test_a_nan_stays_a_nan_in_a_rectified_network(rng: Generator) -> None:
    layer = RNN(3, 40, rng=rng, nonlinearity="relu")
    x = np.ones((2, 1, 3), np.float32)
    x[0] = np.nan
    assert np.isnan(layer(x)).all()


def test_minus_infinity_is_rectified_to_zero(rng: Generator) -> None:
    layer = RNN(3, 40, rng=rng, nonlinearity="relu")
    layer.bias.value[...] = -np.inf
    y, backward = layer.forward(np.zeros((1, 1, 3), np.float32))
    assert not y.any()
    assert not backward(np.ones_like(y)).any()


@pytest.mark.parametrize("cell", [RNN, LSTM, GRU])
def test_saturated_gates_are_finite_and_so_are_their_gradients(cell: Any, rng: Generator) -> None:
    layer = cell(3, 8, rng=rng)
    y, backward = layer.forward(1e4 * rng.normal(size=(5, 2, 3)).astype(np.float32))
    assert np.isfinite(y).all()
    assert np.isfinite(backward(np.ones_like(y))).all()


def test_masked_logits_cost_nothing(rng: Generator) -> None:
    logits = np.array([[1.0, 2.0, -np.inf]], np.float32)
    total = kernels.softmax_cross_entropy(logits, np.array([1]), 0.0, 1.0)
    assert total == pytest.approx(np.log(1 + np.exp(-1)), rel=1e-6)
    np.testing.assert_allclose(logits, [[0.2689414, -0.2689414, 0]], atol=1e-7)


# ---- threads and processes -----------------------------------------------------------------------------------


def passes(seed: int) -> list[Any]:
    rng = np.random.default_rng(seed)
    layer = (LSTM, GRU, RNN)[seed % 3](48, 64, rng=rng)
    x = rng.normal(size=(12, 24, 48)).astype(np.float32)
    found = []
    for _ in range(5):
        layer.zero_grad()
        (y, _), backward = layer.scan(x, None, rng.integers(0, 13, 24))
        dx, _ = backward(np.ones_like(y))
        found += [y, dx, layer.weight_hh.grad.copy()]
    return found


def test_kernels_called_from_many_threads_give_what_one_thread_gives() -> None:
    expected = [passes(seed) for seed in range(6)]
    with ThreadPoolExecutor(6) as pool:
        actual = list(pool.map(passes, range(6)))
    for one, other in zip(expected, actual, strict=True):
        for a, e in zip(one, other, strict=True):
            np.testing.assert_allclose(a, e, rtol=1e-4, atol=1e-4)


def test_the_blas_has_as_many_threads_afterwards_as_before(compiled: Kernels) -> None:
    from seqrl.kernels.blas import blas

    assert blas is not None
    before = blas.get_threads()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(passes, range(4)))
    assert blas.get_threads() == before


def run_python(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_computes_on() -> None:
    """Threads don't outlive a fork: a pool that the child inherits would wait for ever."""
    done = run_python(
        """
        import os
        import numpy as np
        from seqrl.layers.recurrent import LSTM

        layer = LSTM(48, 64, rng=np.random.default_rng(0))
        x = np.ones((12, 24, 48), np.float32)
        y = layer(x)
        child = os.fork()
        if child == 0:
            os._exit(0 if np.allclose(layer(x), y, atol=1e-5) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert np.allclose(layer(x), y, atol=1e-5)
        """
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_forked_while_another_thread_is_inside_a_kernel_computes_on() -> None:
    """It inherits the count of threads inside, and perhaps the lock that guards it."""
    done = run_python(
        """
        import os, threading
        import numpy as np
        from seqrl import kernels
        from seqrl.layers.recurrent import LSTM

        if kernels.implementation == "reference":
            raise SystemExit
        from seqrl.kernels.blas import blas, one_thread, _lock

        layer, x = LSTM(48, 64, rng=np.random.default_rng(0)), np.ones((12, 24, 48), np.float32)
        y, threads = layer(x), blas.get_threads()
        blas.set_threads(2)
        inside, leave = threading.Event(), threading.Event()

        def stay() -> None:
            with one_thread(), _lock:
                inside.set()
                leave.wait()

        other = threading.Thread(target=stay)
        other.start()
        inside.wait()
        child = os.fork()
        if child == 0:
            right = np.allclose(layer(x), y, atol=1e-5)
            os._exit(0 if right and blas.get_threads() == 2 else 1)
        leave.set()
        other.join()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        """,
        PYTHONWARNINGS="ignore::DeprecationWarning",
    )
    assert (done.returncode, done.stderr) == (0, "")


# ---- which one runs ------------------------------------------------------------------------------------------


def test_the_readable_kernels_can_be_asked_for() -> None:
    done = run_python("import seqrl.kernels; print(seqrl.kernels.implementation)", SEQRL_KERNELS="reference")
    assert done.stdout.strip() == "reference"


def test_an_unknown_choice_is_refused() -> None:
    done = run_python("import seqrl.kernels", SEQRL_KERNELS="fast")
    assert "SEQRL_KERNELS is 'fast'; expected compiled or reference" in done.stderr


def test_without_numba_the_readable_kernels_run() -> None:
    done = run_python(
        """
        import importlib.util
        find = importlib.util.find_spec
        importlib.util.find_spec = lambda name, *rest: None if name == "numba" else find(name, *rest)
        import seqrl.kernels, sys
        print(seqrl.kernels.implementation, "numba" in sys.modules)
        """,
        SEQRL_KERNELS="compiled",
    )
    assert done.stdout.split() == ["reference", "False"]


def test_without_a_folder_for_compiled_kernels_it_says_what_to_do(compiled: Kernels) -> None:
    done = run_python(
        """
        import numba
        def fail(function):
            raise RuntimeError(f"cannot cache function {function.__name__!r}: no locator available")
        numba.njit = lambda **options: fail
        try:
            import seqrl.kernels
        except ValueError as error:
            print(error)
        """,
        SEQRL_KERNELS="compiled",
    )
    assert "NUMBA_CACHE_DIR" in done.stdout
