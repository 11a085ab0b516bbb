"""The convolutional classifier as a function of parameters and images."""

from flax import linen as nn
from jax import Array
from jax.typing import DTypeLike

from zoojax.layers import (
    Activation,
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Dense,
    Dropout,
    Head,
    MaxPool2d,
    norm_activation_pool,
)
from zoojax.spec.checks import check_input
from zoojax.spec.config import CNNConfig


class CNN(nn.Module):
    """(Conv, BatchNorm, activation, MaxPool) blocks, one with AvgPool, then linear blocks.

    The module holds its configuration and no numbers: ``zoojax.init`` makes variables, and
    ``model.apply(variables, images)`` computes with them. Modules are named as the layers in
    weight files, with ``_`` for ``.``.

    Args:
        config: the architecture.
        dtype: dtype of matrix products (``zoojax.mixed_precision``); None uses that of the inputs.
    """

    config: CNNConfig
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(self, images: Array, *, train: bool = False, key: Array | None = None) -> Array:
        """Classify images.

        Args:
            images: (batch, height, width, num_input_channels) float, standardised.
            train: whether BatchNorm uses the batch's statistics and updates the running
                ones, which ``apply(..., mutable=["batch_stats"])`` then returns.
            key: the step's dropout key; None drops nothing.

        Returns:
            (batch, num_classes) logits.

        Raises:
            ValueError: when the images do not have the configured size.
        """
        config = self.config
        check_input(images.shape, (config.height, config.width, config.num_input_channels))
        x = images
        num_blocks = config.num_cnn_layers + 2
        for block in range(num_blocks):
            conv, norm, pool = (f"conv_block_{3 * block + i}" for i in range(3))
            x = Conv2d(
                config.num_cnn_channels,
                config.kernel_size,
                config.stride,
                config.padding,
                config.dilation,
                dtype=self.dtype,
                freeze_bias=train,  # BatchNorm subtracts it again; the twin looks at its own mode
                name=conv,
            )(x)
            pool_type = MaxPool2d if block < num_blocks - 1 else AvgPool2d
            # Parity: the twin writes pool(activation(norm(x))), and this gives the same.
            x = norm_activation_pool(
                x,
                BatchNorm(name=norm),
                Activation(config.conv_activation),
                pool_type(config.pooling, name=pool),
                train=train,
            )

        x = Head(config.head, name="head")(x)

        for block in range(config.num_layers + 1):
            linear, norm, active, drop = (f"linear_block_{4 * block + i}" for i in range(4))
            x = Dense(config.hidden_dim, self.dtype, name=linear)(x)
            x = BatchNorm(name=norm)(x, train=train)
            x = Activation(config.linear_activation, name=active)(x)
            x = Dropout(config.dropout, layer=block, name=drop)(x, key=key)
        return Dense(config.num_classes, self.dtype, name="output_block")(x)
