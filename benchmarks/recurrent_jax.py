"""A peer in the benchmark of the recurrent layers, JAX; `recurrent_workload.py` says what is measured.

The layers are written as JAX's users do, with lax.scan; the product with the input stands before it, for all steps at
once. Everything is compiled before it is measured.
"""

import os
import platform
from typing import Any

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp
from recurrent_workload import Shape, carried, data, main, seconds

Arrays = dict[str, jax.Array]
State = tuple[jax.Array, ...]


def lstm(parameters: Arrays, z: jax.Array, state: State) -> State:
    h, c = state
    i, f, g, o = jnp.split(z + h @ parameters["weight_hh"], 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def gru(parameters: Arrays, z: jax.Array, state: State) -> State:
    [h] = state
    r, u, n = jnp.split(z, 3, axis=-1)
    r_hidden, u_hidden, n_hidden = jnp.split(h @ parameters["weight_hh"], 3, axis=-1)
    r, u = jax.nn.sigmoid(r + r_hidden), jax.nn.sigmoid(u + u_hidden)
    n = jnp.tanh(n + r * (n_hidden + parameters["bias_hn"]))
    return (n + u * (h - n),)


def rnn(parameters: Arrays, z: jax.Array, state: State) -> State:
    [h] = state
    return (jnp.tanh(z + h @ parameters["weight_hh"]),)


ADVANCE = {"lstm": lstm, "gru": gru, "rnn": rnn}


def measure(cell: str, shape: Shape) -> tuple[dict[str, Any], dict[str, Any]]:
    advance = ADVANCE[cell]
    x, dy, state, parameters = jax.tree.map(jnp.asarray, data(cell, shape))

    def project(parameters: Arrays, x: jax.Array) -> jax.Array:
        return x @ parameters["weight_ih"] + parameters["bias"]

    @jax.jit
    def forward(parameters: Arrays, x: jax.Array, state: State) -> tuple[jax.Array, State]:
        def body(state: State, z: jax.Array) -> tuple[State, jax.Array]:
            state = advance(parameters, z, state)
            return state, state[0]

        state, y = lax.scan(body, state, project(parameters, x))
        return y, state

    @jax.jit
    def train(parameters: Arrays, x: jax.Array, state: State, dy: jax.Array) -> Any:
        y, backward = jax.vjp(lambda *inputs: forward(*inputs)[0], parameters, x, state)
        return y, *backward(dy)

    @jax.jit
    def step(parameters: Arrays, x_t: jax.Array, state: State) -> State:
        return advance(parameters, project(parameters, x_t), state)

    y, dparameters, dx, dstate = train(parameters, x, state, dy)
    computed = {"y": y, "x": dx} | dparameters | dict(zip("hc", dstate, strict=False))
    x_t = x[0]
    figures = {
        "training": seconds(lambda: jax.block_until_ready(train(parameters, x, state, dy))),
        "forward": seconds(lambda: jax.block_until_ready(forward(parameters, x, state))),
        "step": seconds(carried(lambda state: jax.block_until_ready(step(parameters, x_t, state)), state)),
    }
    return figures, {name: np.asarray(array) for name, array in computed.items()}


if __name__ == "__main__":
    assert jax.default_backend() == "cpu", os.environ.get("JAX_PLATFORMS")
    main(measure, {"Python": platform.python_version(), "JAX": jax.__version__, "NumPy": np.__version__})
