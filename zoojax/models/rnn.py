"""Recurrent networks as functions of parameters, sequences and a state that is passed on."""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import Array
from jax.typing import DTypeLike

from zoojax.layers import Dense, Dropout
from zoojax.mixed_precision import add_bias, full_dtype, operands
from zoojax.models.cells import STEPS, Parts
from zoojax.ops.lstm import lstm
from zoojax.spec.checks import check_input, check_state
from zoojax.spec.config import RNNConfig


class RecurrentLayer(nn.Module):
    """One recurrent layer, run over all time steps.

    Parity: two biases as in torch, where Flax has one: Adam moves both, so one would learn
    at half the rate.

    Args:
        config: the architecture.
        dtype: what products are computed in, and of what the state is that is passed on; None
            for that of ``x``. In a step, gates are computed in float32 at least.
    """

    config: RNNConfig
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(self, x: Array, parts: Parts) -> tuple[Array, Parts]:
        """Run.

        Args:
            x: (batch, time, features) float.
            parts: the state before the first time step.

        Returns:
            (batch, time, hidden_dim), the hidden state after each step, and the last state.
        """
        full = full_dtype(x)
        hidden, rows = self.config.hidden_dim, self.config.num_gates * self.config.hidden_dim

        def weight(name: str, *shape: int) -> Array:
            return self.param(name, nn.initializers.zeros, shape, full)

        kernel_hh, bias_hh = weight("kernel_hh", hidden, rows), weight("bias_hh", rows)
        # What the inputs contribute is one product for all steps; only the rest must wait.
        kernel_ih, bias_ih = weight("kernel_ih", x.shape[-1], rows), weight("bias_ih", rows)
        x, kernel_ih = operands(self.dtype, x.swapaxes(0, 1), kernel_ih)
        x = add_bias(x @ kernel_ih, bias_ih)

        parts = tuple(operands(self.dtype, *parts))
        if self.config.cell == "lstm":
            outputs, parts = lstm(x, parts, kernel_hh, bias_hh, dtype=self.dtype)
            return outputs.swapaxes(0, 1), parts

        def recurrent(hidden: Array) -> Array:
            # Rounded in here, so that gradients are summed over the steps in float32.
            hidden, kernel = operands(self.dtype, hidden, kernel_hh)
            return add_bias(hidden @ kernel, bias_hh).astype(full)

        def step(parts: Parts, x: Array) -> tuple[Parts, Array]:
            parts = tuple(operands(full, *parts))
            parts = STEPS[self.config.cell](parts, x.astype(full), recurrent)
            parts = tuple(operands(self.dtype, *parts))
            return parts, parts[0]

        parts, outputs = jax.lax.scan(step, parts, x)
        return outputs.swapaxes(0, 1), parts


class RNN(nn.Module):
    """Recurrent layers with dropout between them, then a Linear on the last time step.

    The module holds its configuration and no numbers, and no state either: what one call
    returns is what the next is given.

    Args:
        config: the architecture.
        dtype: what products are computed in (``zoojax.mixed_precision``); None for the inputs'.
    """

    config: RNNConfig
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(
        self,
        inputs: Array,
        state: Array | Parts | None = None,
        *,
        train: bool = False,
        key: Array | None = None,
    ) -> tuple[Array, Array | Parts]:
        """Predict from sequences.

        Args:
            inputs: (batch, time, input_size) float.
            state: hidden state before the first step, (num_layers, batch, hidden_dim); of an
                lstm (hidden, cell), each of that shape. Zero unless given.
            train: makes no difference here; models share it.
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
