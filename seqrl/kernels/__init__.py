"""The hot loops behind one list of names: NumPy to read, Numba to run where it is installed.

Layers call `kernels.lstm_forward` and never ask which one runs. Without the extra `fast` (Numba), where NumPy's BLAS
can't be called from compiled code, or with SEQRL_KERNELS=reference in the environment, it is the NumPy one.
`kernels.implementation` says which.
"""

import importlib
import importlib.util
import inspect
import os
from collections.abc import Callable
from typing import Any

from seqrl.errors import InputError

PARTS = "sequences", "generation", "rows", "updates", "images", "word_vectors", "mlp", "policy_gradients", "q_learning"


def _choose() -> str:
    choice = os.environ.get("SEQRL_KERNELS", "compiled")
    if choice not in ("compiled", "reference"):
        raise InputError(f"SEQRL_KERNELS is '{choice}'; expected compiled or reference")
    if choice == "reference" or importlib.util.find_spec("numba") is None:
        return "reference"
    from seqrl.kernels.blas import blas

    return "compiled" if blas is not None else "reference"


def load(implementation: str) -> dict[str, Callable[..., Any]]:
    """Every kernel of "reference" or "compiled", by name. Raises InputError where Numba has nowhere to keep them."""
    try:
        modules = [importlib.import_module(f"seqrl.kernels.{implementation}.{part}") for part in PARTS]
    except RuntimeError as error:
        if "cannot cache function" not in str(error):
            raise
        raise InputError(
            "Numba can write compiled kernels nowhere; expected a folder for them in NUMBA_CACHE_DIR, "
            "or SEQRL_KERNELS=reference"
        ) from None
    return {
        name: member
        for module in modules
        for name, member in vars(module).items()
        if inspect.isfunction(member) and member.__module__ == module.__name__ and not name.startswith("_")
    }


implementation = _choose()
description = f"{implementation} kernels"  # as the first lines of training say it
if importlib.util.find_spec("numba") is None:
    description += ', which are slow: pip install "seqrl[fast]" compiles them'
_kernels = load(implementation)

packed = _kernels["packed"]
rnn_forward = _kernels["rnn_forward"]
rnn_backward = _kernels["rnn_backward"]
lstm_forward = _kernels["lstm_forward"]
lstm_backward = _kernels["lstm_backward"]
gru_forward = _kernels["gru_forward"]
gru_backward = _kernels["gru_backward"]
generate = _kernels["generate"]
softmax_cross_entropy = _kernels["softmax_cross_entropy"]
dot_attention_forward = _kernels["dot_attention_forward"]
dot_attention_backward = _kernels["dot_attention_backward"]
dropout = _kernels["dropout"]
relu_backward = _kernels["relu_backward"]
affine = _kernels["affine"]
turn_back = _kernels["turn_back"]
affine_backward = _kernels["affine_backward"]
add_product = _kernels["add_product"]
add_rows = _kernels["add_rows"]
take_gradient = _kernels["take_gradient"]
sgd_update = _kernels["sgd_update"]
adagrad_update = _kernels["adagrad_update"]
rmsprop_update = _kernels["rmsprop_update"]
adadelta_update = _kernels["adadelta_update"]
adam_update = _kernels["adam_update"]
conv2d_forward = _kernels["conv2d_forward"]
conv2d_backward = _kernels["conv2d_backward"]
max_pool_forward = _kernels["max_pool_forward"]
max_pool_backward = _kernels["max_pool_backward"]
average_pool_forward = _kernels["average_pool_forward"]
average_pool_backward = _kernels["average_pool_backward"]
learn_windows = _kernels["learn_windows"]
draw_targets = _kernels["draw_targets"]
categorical_sample = _kernels["categorical_sample"]
categorical_log_prob = _kernels["categorical_log_prob"]
categorical_entropy = _kernels["categorical_entropy"]
categorical_gradient = _kernels["categorical_gradient"]
categorical_clipped_loss = _kernels["categorical_clipped_loss"]
gaussian_log_prob = _kernels["gaussian_log_prob"]
gaussian_gradient = _kernels["gaussian_gradient"]
gaussian_clipped_loss = _kernels["gaussian_clipped_loss"]
clipped_squared_error = _kernels["clipped_squared_error"]
decayed_sums = _kernels["decayed_sums"]
mlp_forward = _kernels["mlp_forward"]
mlp_backward = _kernels["mlp_backward"]
q_learning_target = _kernels["q_learning_target"]
q_learning_loss = _kernels["q_learning_loss"]
