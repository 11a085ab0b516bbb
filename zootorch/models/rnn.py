"""Recurrent networks as objects that hold their parameters; their state is passed on."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from zoojax.spec.checks import check_input, check_state
from zoojax.spec.config import RNNConfig
from zootorch import random, weights
from zootorch.layers import Dropout

LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}

# What those modules call to run a layer over all time steps.
RUNS: dict[str, Callable[..., tuple[Tensor, ...]]] = {
    "rnn": torch.rnn_tanh,
    "lstm": torch.lstm,
    "gru": torch.gru,
}


class RNN(nn.Module):
    """Recurrent layers with dropout between them, then a Linear on the last time step.

    The module makes and holds its own numbers. The state is not one of them: what one call
    returns is what the next is given. Modules are named as in the workshop.

    Args:
        config: the architecture.
        generator: where initial weights are drawn from; ``Generator(0)`` unless given.
    """

    def __init__(self, config: RNNConfig, generator: random.Generator | None = None) -> None:
        super().__init__()
        self.config = config
        sizes = (config.input_size, config.hidden_dim, config.num_layers)
        self.rnn = LAYERS[config.cell](*sizes, batch_first=True)
        drops = (Dropout(config.dropout, layer) for layer in range(config.num_layers - 1))
        self.dropouts = nn.ModuleList(drops)
        self.fc = nn.Linear(config.hidden_dim, config.output_size)
        weights.reset_parameters(self, generator or random.Generator(0))

    def forward(
        self, inputs: Tensor, state: Tensor | tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor | tuple[Tensor, ...]]:
        """Predict from sequences.

        Args:
            inputs: (batch, time, input_size) float.
            state: hidden state before the first step, (num_layers, batch, hidden_dim); of an
                lstm (hidden, cell), each of that shape. Zero unless given.

        Returns:
            (batch, output_size) float, and the state after the last step.

        Raises:
            ValueError: when inputs or state have another shape.
        """
        config = self.config
        check_input(inputs.shape, ("time", config.input_size))
        if state is None:
            zero = inputs.new_zeros(config.num_layers, len(inputs), config.hidden_dim)
            state = (zero, zero) if config.cell == "lstm" else zero
        parts = state if isinstance(state, (tuple, list)) else (state,)
        check_state([part.shape for part in parts], config, len(inputs))
        x, last = inputs, []
        for layer in range(config.num_layers):
            before = [part[layer : layer + 1] for part in parts]
            x, *after = self._run_layer(layer, x, before)
            last.append(after)
            if layer < config.num_layers - 1:
                x = self.dropouts[layer](x)
        outputs = self.fc(x[:, -1])
        merged = tuple(torch.cat(part) for part in zip(*last, strict=True))
        return outputs, merged if config.cell == "lstm" else merged[0]

    def _run_layer(self, layer: int, x: Tensor, parts: list[Tensor]) -> tuple[Tensor, ...]:
        """Run one layer over all time steps.

        Parity: layer by layer, since the dropout between layers that ``nn.RNN`` has built in
        draws from a global generator. And where autocast asks for bfloat16, all that a layer is
        given is rounded here: autocast itself makes float16 of it on a GPU, which overflows, and
        leaves the state of a gru in float32 on a CPU.
        """
        weight, device = self.rnn.all_weights[layer], x.device.type
        if not (torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)):
            outputs: tuple[Tensor, ...] = self._call(x, parts, weight)
            return outputs
        dtype = torch.get_autocast_dtype(device)
        parts, weight = ([each.to(dtype) for each in tensors] for tensors in (parts, weight))
        with torch.autocast(device, enabled=False):
            rounded: tuple[Tensor, ...] = self._call(x.to(dtype), parts, weight)
            return rounded

    # As torch does with nn.LSTM, whose training it cannot compile on a CPU. The decorator has no
    # types.
    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def _call(self, x: Tensor, parts: list[Tensor], weight: list[Tensor]) -> tuple[Tensor, ...]:
        hx = tuple(parts) if self.config.cell == "lstm" else parts[0]
        options = {"has_biases": True, "num_layers": 1, "dropout": 0.0, "train": self.training}
        return RUNS[self.config.cell](
            x, hx, weight, **options, bidirectional=False, batch_first=True
        )

    def save_pretrained(self, folder: str | Path) -> None:
        """Write ``model.safetensors`` and ``config.json`` into ``folder``."""
        weights.save_pretrained(folder, self)

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> "RNN":
        """Load a model that either backend, or the workshop, wrote; it is in eval mode."""
        return weights.load_pretrained(folder, cls)
