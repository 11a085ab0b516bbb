"""An LSTM over all time steps, its gradient written by hand. No twin: torch has it built in.

XLA derives this gradient by itself and it is right, but on a CPU the whole takes longer: it reads
and writes each gate of each time step apart, and adds to the weights' gradient at every one. Here
all that need not wait for another time step is made for all of them at once: the gates anew, how
each changes the state, and the weights' gradient. What is left in the loop is linear.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from zoojax.mixed_precision import add_bias, full_dtype, operands

State = tuple[Array, ...]
"""Of one layer: (hidden, cell), each (batch, hidden_dim)."""


def lstm_gates(x: Array) -> list[Array]:
    """Return input, forget, cell and output gate.

    sigmoid(x) is (1 + tanh(x / 2)) / 2, so one tanh makes all four.

    Args:
        x: (..., 4 hidden_dim) float, the gates before their activation.
    """
    scale = jnp.repeat(jnp.array([0.5, 0.5, 1, 0.5], x.dtype), x.shape[-1] // 4)
    enter, forget, candidate, leave = jnp.split(jnp.tanh(x * scale), 4, axis=-1)
    return [(1 + enter) / 2, (1 + forget) / 2, candidate, (1 + leave) / 2]


def lstm_step(cell: Array, gates: Array) -> tuple[Array, Array]:
    """Make one time step: Hochreiter and Schmidhuber, 1997, with forget gate.

    Args:
        cell: (batch, hidden_dim).
        gates: (batch, 4 hidden_dim), before their activation: what the input and the hidden
            state contribute.

    Returns:
        the new hidden state and the new cell.
    """
    enter, forget, candidate, leave = lstm_gates(gates)
    cell = forget * cell + enter * candidate
    return leave * jnp.tanh(cell), cell


def lstm(
    x: Array, state: State, kernel: Array, bias: Array, *, dtype: Any = None
) -> tuple[Array, State]:
    """Make all time steps of a layer. It has a gradient, but no forward-mode derivative.

    Args:
        x: (time, batch, 4 hidden_dim), what the inputs contribute to the gates.
        state: before the first time step, rounded to ``dtype``.
        kernel: (hidden_dim, 4 hidden_dim), of the hidden state.
        bias: (4 hidden_dim,), of the hidden state.
        dtype: what products are computed in, and of what the state is that is passed on; None
            for that of ``x``.

    Returns:
        (time, batch, hidden_dim), the hidden state after each step, and the last state.
    """
    full = full_dtype(x)

    def gates(x: Array, hidden: Array, kernel: Array, bias: Array) -> Array:
        hidden, kernel = operands(dtype, hidden, kernel)
        return x.astype(full) + add_bias(hidden @ kernel, bias).astype(full)

    def forward(x: Array, state: State, kernel: Array, bias: Array) -> tuple[Any, Any]:
        def step(state: State, x: Array) -> tuple[State, State]:
            hidden, cell = state
            new = lstm_step(cell.astype(full), gates(x, hidden, kernel, bias))
            state = tuple(operands(dtype, *new))
            return state, state

        last, after = jax.lax.scan(step, state, x)
        return (after[0], last), (x, state, after, kernel, bias)

    def backward(saved: tuple[Any, ...], grads: tuple[Array, State]) -> tuple[Any, ...]:
        x, first, after, kernel, bias = saved
        hidden, cell = (
            jnp.concatenate([one[None], rest[:-1]]) for one, rest in zip(first, after, strict=True)
        )
        enter, forget, candidate, leave = lstm_gates(gates(x, hidden, kernel, bias))
        cell, activated = cell.astype(full), jnp.tanh(after[1].astype(full))
        to_cell = leave * (1 - activated**2)  # of the hidden state's gradient
        slopes = (  # of the gates: of the cell's gradient, the last of the hidden state's
            enter * (1 - enter) * candidate,
            forget * (1 - forget) * cell,
            enter * (1 - candidate**2),
            leave * (1 - leave) * activated,
        )
        (back,) = operands(dtype, kernel.T)
        back = jax.lax.optimization_barrier(back)  # else it is turned at every step

        def step(grads: Any, at: Any) -> tuple[State, Array]:
            grad_output, to_cell, slopes, forget = at
            grad_hidden = grads[0] + grad_output
            grad_cell = grads[1] + grad_hidden * to_cell
            *cells, hidden = slopes
            grad = jnp.concatenate([*(grad_cell * s for s in cells), grad_hidden * hidden], axis=-1)
            (rounded,) = operands(dtype, grad)
            return ((rounded @ back).astype(full), grad_cell * forget), grad

        grad_outputs, grad_last = grads
        at = (grad_outputs.astype(full), to_cell, slopes, forget)
        grad_first, grad = jax.lax.scan(step, tuple(operands(full, *grad_last)), at, reverse=True)
        hidden, rounded = (a.reshape(-1, a.shape[-1]) for a in operands(dtype, hidden, grad))
        grad_kernel = (rounded.T @ hidden).T.astype(kernel.dtype)  # faster than hidden.T @ rounded
        grad_first = tuple(operands(dtype, *grad_first))
        return grad.astype(x.dtype), grad_first, grad_kernel, grad.sum((0, 1))

    differentiable = jax.custom_vjp(lambda *args: forward(*args)[0])
    differentiable.defvjp(forward, backward)
    return differentiable(x, state, kernel, bias)
