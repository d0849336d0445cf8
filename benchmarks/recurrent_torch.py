"""A peer in the benchmark of the recurrent layers, PyTorch; `recurrent_workload.py` says what is measured.

Each figure is that of the fastest way: nn.LSTM with oneDNN and without, a single step also by nn.LSTMCell.
"""

import platform
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from machine import THREADS
from recurrent_workload import Shape, carried, data, main, seconds
from torch import nn

LAYERS: dict[str, tuple[Any, Any]] = {
    "lstm": (nn.LSTM, nn.LSTMCell),
    "gru": (nn.GRU, nn.GRUCell),
    "rnn": (nn.RNN, nn.RNNCell),
}


def measure(cell: str, shape: Shape) -> tuple[dict[str, Any], dict[str, Any]]:
    D, H = shape.D, shape.H
    x, dy, states, values = data(cell, shape)
    parameters = {name: torch.from_numpy(value) for name, value in values.items()}
    x, dy = torch.from_numpy(x).requires_grad_(), torch.from_numpy(dy)
    state = tuple(torch.from_numpy(part)[None].requires_grad_() for part in states)
    layer, single = (kind(D, H) for kind in LAYERS[cell])
    with torch.no_grad():
        for module, suffix in (layer, "_l0"), (single, ""):
            weight_ih, weight_hh, bias_ih, bias_hh = (
                getattr(module, name + suffix) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            weight_ih.copy_(parameters["weight_ih"].T)
            weight_hh.copy_(parameters["weight_hh"].T)
            bias_ih.copy_(parameters["bias"])
            bias_hh.zero_()
            if cell == "gru":
                bias_hh[2 * H :] = parameters["bias_hn"]
            else:
                bias_hh.requires_grad = False  # its gradient is that of bias_ih
    inputs = [x, *state, *layer.parameters()]

    def whole(state: Any) -> Any:
        return state if cell == "lstm" else state[0]

    def train() -> Any:
        for tensor in inputs:
            tensor.grad = None
        y, _ = layer(x, whole(state))
        y.backward(dy)
        return y

    y = train()
    computed = {"y": y, "x": x.grad, "weight_ih": layer.weight_ih_l0.grad.T, "weight_hh": layer.weight_hh_l0.grad.T}
    computed["bias"] = layer.bias_ih_l0.grad
    if cell == "gru":
        computed["bias_hn"] = layer.bias_hh_l0.grad[2 * H :]
    computed |= {name: part.grad[0] for name, part in zip("hc", state, strict=False)}
    computed = {name: array.detach().numpy().copy() for name, array in computed.items()}

    backends = [True, False] if cell == "lstm" else [True]  # the others know one way

    def fastest(call: Callable[[], object]) -> float:
        times = []
        for enabled in backends:
            torch.backends.mkldnn.enabled = enabled
            times.append(seconds(call))
        torch.backends.mkldnn.enabled = True
        return min(times)

    figures = {"training": fastest(train)}
    with torch.inference_mode():
        x_1, x_t = x[:1].clone(), x[0].clone()
        first = whole(tuple(part.detach() for part in state))
        figures["forward"] = fastest(lambda: layer(x, first))
        figures["step"] = min(
            fastest(carried(lambda state: layer(x_1, state)[1], first)),
            seconds(carried(lambda state: single(x_t, state), whole(tuple(part.detach()[0] for part in state)))),
        )
    return figures, computed


if __name__ == "__main__":
    torch.set_num_threads(THREADS)
    main(measure, {"Python": platform.python_version(), "PyTorch": torch.__version__, "NumPy": np.__version__})
