"""The multilayer perceptron as an object that holds its parameters."""

from pathlib import Path

from torch import Tensor, nn

from zoojax.spec.checks import check_input
from zoojax.spec.config import MLPConfig
from zootorch import random, weights
from zootorch.layers import ACTIVATIONS, Dropout


class MLP(nn.Module):
    """Linear-BatchNorm-activation-Dropout blocks, then a Linear.

    The module makes and holds its own numbers; ``model(inputs)`` computes with them and, in
    train mode, changes the running statistics. Modules are named as in the workshop.

    Args:
        config: the architecture.
        generator: where initial weights are drawn from; ``Generator(0)`` unless given.
    """

    def __init__(self, config: MLPConfig, generator: random.Generator | None = None) -> None:
        super().__init__()
        self.config = config
        layers: list[nn.Module] = []
        for block in range(config.num_layers + 1):
            features = config.hidden_dim if block else config.input_dim
            layers.append(nn.Linear(features, config.hidden_dim))
            layers.append(nn.BatchNorm1d(config.hidden_dim))
            layers.append(ACTIVATIONS[config.activation]())
            layers.append(Dropout(config.dropout, layer=block))
        layers.append(nn.Linear(config.hidden_dim, config.output_dim))
        self.block = nn.Sequential(*layers)
        weights.reset_parameters(self, generator or random.Generator(0))

    def forward(self, inputs: Tensor) -> Tensor:
        """Predict.

        Args:
            inputs: (batch, input_dim) float.

        Returns:
            (batch, output_dim) float.

        Raises:
            ValueError: when the inputs have another number of features.
        """
        check_input(inputs.shape, (self.config.input_dim,))
        outputs: Tensor = self.block(inputs)
        return outputs

    def save_pretrained(self, folder: str | Path) -> None:
        """Write ``model.safetensors`` and ``config.json`` into ``folder``."""
        weights.save_pretrained(folder, self)

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> "MLP":
        """Load a model that either backend, or the workshop, wrote; it is in eval mode."""
        return weights.load_pretrained(folder, cls)
