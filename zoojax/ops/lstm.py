"""Recurrent cells over all time steps, the LSTM with its gradient by hand. No twin: torch's own."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from zoojax.mixed_precision import add_bias, full_dtype, operands
from zoojax.ops.dispatch import with_fast_gradient

State = tuple[Array, ...]
"""State of one layer: (hidden,), or (hidden, cell) of an LSTM, each (batch, hidden_dim)."""

Step = Callable[[State, Array, Array], State]
"""One time step: the state, what the input and what the hidden state contribute to the gates."""


def run_steps(
    step: Step, x: Array, state: State, kernel: Array, bias: Array, *, dtype: Any = None
) -> tuple[Array, State]:
    """Run a recurrent cell over all time steps: the plain formula, for any cell.

    Args:
        step: one time step, such as ``zoojax.models.cells.gru_step``.
        x: (time, batch, gates * hidden_dim), what the inputs contribute to the gates.
        state: before the first time step, rounded to ``dtype``.
        kernel: (hidden_dim, gates * hidden_dim), of the hidden state.
        bias: (gates * hidden_dim,), of the hidden state.
        dtype: dtype of the matrix products and of the state that is passed on; None uses the
            dtype of ``x``. In a step, gates are computed in float32 at least.

    Returns:
        (time, batch, hidden_dim), the hidden state after each step, and the last state.
    """
    full = full_dtype(x)

    def one(state: State, x: Array) -> tuple[State, Array]:
        # Rounded in here, so that gradients are summed over the steps in float32.
        hidden, rounded = operands(dtype, state[0], kernel)
        h = add_bias(hidden @ rounded, bias).astype(full)
        state = step(tuple(operands(full, *state)), x.astype(full), h)
        state = tuple(operands(dtype, *state))
        return state, state[0]

    state, outputs = jax.lax.scan(one, state, x)
    return outputs, state


def lstm_reference(
    step: Step, x: Array, state: State, kernel: Array, bias: Array, *, dtype: Any = None
) -> tuple[Array, State]:
    """Run an LSTM over all time steps: the plain formula. Arguments are those of ``lstm``."""
    return run_steps(step, x, state, kernel, bias, dtype=dtype)


def lstm(
    step: Step, x: Array, state: State, kernel: Array, bias: Array, *, dtype: Any = None
) -> tuple[Array, State]:
    """Run an LSTM over all time steps.

    XLA's own gradient is correct but slow on a CPU. Here everything that does not depend on
    another time step (the gates, their slopes, the weight gradient) is computed for all steps at
    once; what remains in the loop is a linear recurrence. Reverse-mode differentiation only.

    Args:
        step: ``zoojax.models.cells.lstm_step``; this function computes nothing else.
        x: (time, batch, 4 * hidden_dim), what the inputs contribute to the gates.
        state: (hidden, cell) before the first time step, rounded to ``dtype``.
        kernel: (hidden_dim, 4 * hidden_dim), of the hidden state.
        bias: (4 * hidden_dim,), of the hidden state.
        dtype: dtype of the matrix products and of the state that is passed on; None uses the
            dtype of ``x``.

    Returns:
        (time, batch, hidden_dim), the hidden state after each step, and the last state.
    """
    full = full_dtype(x)

    def gates(x: Array, hidden: Array, kernel: Array, bias: Array) -> list[Array]:
        hidden, kernel = operands(dtype, hidden, kernel)
        return lstm_gates(x.astype(full) + add_bias(hidden @ kernel, bias).astype(full))

    def forward(
        x: Array, state: State, kernel: Array, bias: Array
    ) -> tuple[tuple[Array, State], State]:
        def one(state: State, x: Array) -> tuple[State, State]:
            hidden, cell = state
            i, f, g, o = gates(x, hidden, kernel, bias)
            cell = f * cell.astype(full) + i * g
            state = tuple(operands(dtype, o * jnp.tanh(cell), cell))
            return state, state

        last, after = jax.lax.scan(one, state, x)
        return (after[0], last), after

    def backward(arrays: Any, after: State, grads: tuple[Array, State]) -> tuple[Any, ...]:
        x, first, kernel, bias = arrays
        hidden, cell = (
            jnp.concatenate([start[None], rest[:-1]])
            for start, rest in zip(first, after, strict=True)
        )
        i, f, g, o = gates(x, hidden, kernel, bias)
        cell, activated = cell.astype(full), jnp.tanh(after[1].astype(full))
        to_cell = o * (1 - activated**2)  # from the gradient of the hidden state
        slopes = (  # times the gradient of the cell; the last, times that of the hidden state
            i * (1 - i) * g,
            f * (1 - f) * cell,
            i * (1 - g**2),
            o * (1 - o) * activated,
        )
        (back,) = operands(dtype, kernel.T)
        back = jax.lax.optimization_barrier(back)  # otherwise it is transposed at every step

        def one(grads: Any, at: Any) -> tuple[State, Array]:
            grad_output, to_cell, slopes, f = at
            grad_hidden = grads[0] + grad_output
            grad_cell = grads[1] + grad_hidden * to_cell
            *cells, hidden = slopes
            grad = jnp.concatenate([*(grad_cell * s for s in cells), grad_hidden * hidden], axis=-1)
            (rounded,) = operands(dtype, grad)
            return ((rounded @ back).astype(full), grad_cell * f), grad

        grad_outputs, grad_last = grads
        at = (grad_outputs.astype(full), to_cell, slopes, f)
        grad_first, grad = jax.lax.scan(one, tuple(operands(full, *grad_last)), at, reverse=True)
        hidden, rounded = (a.reshape(-1, a.shape[-1]) for a in operands(dtype, hidden, grad))
        grad_kernel = (rounded.T @ hidden).T.astype(kernel.dtype)  # faster than hidden.T @ rounded
        grad_first = tuple(operands(dtype, *grad_first))
        return grad.astype(x.dtype), grad_first, grad_kernel, grad.sum((0, 1))

    reference = functools.partial(lstm_reference, step, dtype=dtype)
    return with_fast_gradient(reference, forward, backward)(x, state, kernel, bias)


def lstm_gates(x: Array) -> list[Array]:
    """Return the gates i, f, g, o: the sigmoid of three, the tanh of the cell candidate g.

    sigmoid(x) is (1 + tanh(x / 2)) / 2, so one tanh computes all four.

    Args:
        x: (..., 4 * hidden_dim) float, the gates before their activation.
    """
    scale = jnp.repeat(jnp.array([0.5, 0.5, 1, 0.5], x.dtype), x.shape[-1] // 4)
    i, f, g, o = jnp.split(jnp.tanh(x * scale), 4, axis=-1)
    return [(1 + i) / 2, (1 + f) / 2, g, (1 + o) / 2]
