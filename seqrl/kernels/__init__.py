"""The hot loops behind one list of names: NumPy to read, Numba to run where it is installed.

Layers call `kernels.lstm_forward` and never ask which one runs. Without the extra `fast` (Numba), where NumPy's BLAS
can't be called from compiled code, or with SEQRL_KERNELS=reference in the environment, it is the NumPy one.
`kernels.implementation` says which.
"""

import importlib.util
import os
from types import ModuleType

from seqrl.errors import InputError
from seqrl.kernels import reference


def _implementation() -> ModuleType:
    choice = os.environ.get("SEQRL_KERNELS", "compiled")
    if choice not in ("compiled", "reference"):
        raise InputError(f"SEQRL_KERNELS is '{choice}'; expected compiled or reference")
    if choice == "reference" or importlib.util.find_spec("numba") is None:
        return reference
    from seqrl.kernels.blas import blas

    if blas is None:
        return reference
    from seqrl.kernels import compiled

    return compiled


_chosen = _implementation()
implementation = _chosen.__name__.rpartition(".")[2]

rnn_forward = _chosen.rnn_forward
rnn_backward = _chosen.rnn_backward
lstm_forward = _chosen.lstm_forward
lstm_backward = _chosen.lstm_backward
gru_forward = _chosen.gru_forward
gru_backward = _chosen.gru_backward
softmax_cross_entropy = _chosen.softmax_cross_entropy
dot_attention_forward = _chosen.dot_attention_forward
dot_attention_backward = _chosen.dot_attention_backward
dropout = _chosen.dropout
add_product = _chosen.add_product
add_rows = _chosen.add_rows
take_gradient = _chosen.take_gradient
sgd_update = _chosen.sgd_update
adam_update = _chosen.adam_update
