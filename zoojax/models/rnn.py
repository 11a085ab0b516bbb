"""Recurrent networks as functions of parameters, sequences and a state that is passed on."""

import jax.numpy as jnp
from flax import linen as nn
from jax import Array
from jax.typing import DTypeLike

from zoojax.layers import Dense, Dropout
from zoojax.mixed_precision import add_bias, full_dtype, operands
from zoojax.models.cells import STEPS, State
from zoojax.ops import lstm, run_steps
from zoojax.spec.checks import check_input, check_state
from zoojax.spec.config import RNNConfig


class RecurrentLayer(nn.Module):
    """One recurrent layer, run over all time steps.

    Parity: two biases as in torch, where Flax has one: Adam moves both, so that one alone would
    learn half as fast.

    Args:
        config: the architecture.
        dtype: dtype of matrix products and of the state that is passed on; None uses that of
            ``x``. In a step, gates are computed in float32 at least.
    """

    config: RNNConfig
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(self, x: Array, state: State) -> tuple[Array, State]:
        """Run.

        Args:
            x: (batch, time, features) float.
            state: before the first time step.

        Returns:
            (batch, time, hidden_dim), the hidden state after each step, and the last state.
        """
        full = full_dtype(x)
        hidden, rows = self.config.hidden_dim, self.config.num_gates * self.config.hidden_dim

        def weight(name: str, *shape: int) -> Array:
            return self.param(name, nn.initializers.zeros, shape, full)

        kernel_hh, bias_hh = weight("kernel_hh", hidden, rows), weight("bias_hh", rows)
        # What the inputs contribute is one product for all steps; only the rest is sequential.
        kernel_ih, bias_ih = weight("kernel_ih", x.shape[-1], rows), weight("bias_ih", rows)
        x, kernel_ih = operands(self.dtype, x.swapaxes(0, 1), kernel_ih)
        x = add_bias(x @ kernel_ih, bias_ih)

        cell = self.config.cell
        run = lstm if cell == "lstm" else run_steps  # lstm equals run_steps, with a faster gradient
        state = tuple(operands(self.dtype, *state))
        outputs, state = run(STEPS[cell], x, state, kernel_hh, bias_hh, dtype=self.dtype)
        return outputs.swapaxes(0, 1), state


class RNN(nn.Module):
    """Recurrent layers with dropout between them, then a Linear on the last time step.

    The module holds its configuration and no numbers, and no state either: what one call
    returns is what the next is given.

    Args:
        config: the architecture.
        dtype: dtype of matrix products (``zoojax.mixed_precision``); None uses that of the inputs.
    """

    config: RNNConfig
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(
        self,
        inputs: Array,
        state: Array | State | None = None,
        *,
        train: bool = False,
        key: Array | None = None,
    ) -> tuple[Array, Array | State]:
        """Predict from sequences.

        Args:
            inputs: (batch, time, input_size) float.
            state: hidden state before the first step, (num_layers, batch, hidden_dim); of an
                lstm (hidden, cell), each of that shape. Zero unless given.
            train: ignored; all models have this argument.
            key: the step's dropout key; None drops nothing.

        Returns:
            (batch, output_size) float, and the state after the last step.

        Raises:
            ValueError: when inputs or state have another shape.
        """
        del train
        config = self.config
        check_input(inputs.shape, ("time", config.input_size))
        if state is None:
            zero = jnp.zeros((config.num_layers, len(inputs), config.hidden_dim), inputs.dtype)
            state = (zero, zero) if config.cell == "lstm" else zero
        parts = state if isinstance(state, (tuple, list)) else (state,)
        check_state([part.shape for part in parts], config, len(inputs))
        x, last = inputs, []
        for layer in range(config.num_layers):
            before = tuple(part[layer] for part in parts)
            x, after = RecurrentLayer(config, self.dtype, name=f"rnn_l{layer}")(x, before)
            last.append(after)
            if layer < config.num_layers - 1:
                x = Dropout(config.dropout, layer=layer, name=f"dropout_{layer}")(x, key=key)
        outputs = Dense(config.output_size, self.dtype, name="fc")(x[:, -1])
        merged = tuple(jnp.stack(part) for part in zip(*last, strict=True))
        return outputs, merged if config.cell == "lstm" else merged[0]
