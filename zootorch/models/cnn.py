"""The convolutional classifier as an object that holds its parameters."""

from pathlib import Path

from torch import Tensor, nn

from zoojax.spec.checks import check_input
from zoojax.spec.config import CNNConfig
from zootorch import random, weights
from zootorch.layers import ACTIVATIONS, Conv2d, Dropout, Head


class CNN(nn.Module):
    """(Conv, BatchNorm, activation, MaxPool) blocks, one with AvgPool, then linear blocks.

    The module makes and holds its own numbers; ``model(images)`` computes with them and, in
    train mode, changes the running statistics. Modules are named as in the workshop.

    Args:
        config: the architecture.
        generator: where initial weights are drawn from; ``Generator(0)`` unless given.
    """

    def __init__(self, config: CNNConfig, generator: random.Generator | None = None) -> None:
        super().__init__()
        self.config = config
        convs: list[nn.Module] = []
        channels = config.num_cnn_channels
        num_blocks = config.num_cnn_layers + 2
        for block in range(num_blocks):
            convs.append(
                Conv2d(
                    channels if block else config.num_input_channels,
                    channels,
                    kernel_size=config.kernel_size,
                    stride=config.stride,
                    padding=config.padding,
                    dilation=config.dilation,
                    freeze_bias=True,  # BatchNorm subtracts it again
                )
            )
            convs.append(nn.BatchNorm2d(channels))
            pool_type = nn.MaxPool2d if block < num_blocks - 1 else nn.AvgPool2d
            convs.append(pool_type(config.pooling))
        self.conv_block = nn.Sequential(*convs)
        self.conv_activation = ACTIVATIONS[config.conv_activation]()

        self.head = Head(config.head)
        features = weights.num_features(config)

        linears: list[nn.Module] = []
        for block in range(config.num_layers + 1):
            linears.append(nn.Linear(config.hidden_dim if block else features, config.hidden_dim))
            linears.append(nn.BatchNorm1d(config.hidden_dim))
            linears.append(ACTIVATIONS[config.linear_activation]())
            linears.append(Dropout(config.dropout, layer=block))
        self.linear_block = nn.Sequential(*linears)
        self.output_block = nn.Linear(config.hidden_dim, config.num_classes)
        weights.reset_parameters(self, generator or random.Generator(0))

    def forward(self, images: Tensor) -> Tensor:
        """Classify images.

        Args:
            images: (batch, num_input_channels, height, width) float, standardised.

        Returns:
            (batch, num_classes) logits.

        Raises:
            ValueError: when the images do not have the configured size.
        """
        config = self.config
        check_input(images.shape, (config.num_input_channels, config.height, config.width))
        x = images
        for block in range(config.num_cnn_layers + 2):
            conv, norm, pool = (self.conv_block[3 * block + i] for i in range(3))
            # Not a member of conv_block, where the activation would shift the names in files.
            x = pool(self.conv_activation(norm(conv(x))))
        logits: Tensor = self.output_block(self.linear_block(self.head(x)))
        return logits

    def save_pretrained(self, folder: str | Path) -> None:
        """Write ``model.safetensors`` and ``config.json`` into ``folder``."""
        weights.save_pretrained(folder, self)

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> "CNN":
        """Load a model that either backend, or the workshop, wrote; it is in eval mode."""
        return weights.load_pretrained(folder, cls)
