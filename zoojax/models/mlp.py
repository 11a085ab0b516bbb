"""The multilayer perceptron as a function of parameters and samples."""

from flax import linen as nn
from jax import Array
from jax.typing import DTypeLike

from zoojax.layers import Activation, BatchNorm, Dense, Dropout
from zoojax.spec.checks import check_input
from zoojax.spec.config import MLPConfig


class MLP(nn.Module):
    """Linear-BatchNorm-activation-Dropout blocks, then a Linear.

    The module holds its configuration and no numbers: ``zoojax.init`` makes variables, and
    ``model.apply(variables, inputs)`` computes with them. Modules are named as the layers in
    weight files, with ``_`` for ``.``.

    Args:
        config: the architecture.
        dtype: dtype of matrix products (``zoojax.mixed_precision``); None uses that of the inputs.
    """

    config: MLPConfig
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(self, inputs: Array, *, train: bool = False, key: Array | None = None) -> Array:
        """Predict.

        Args:
            inputs: (batch, input_dim) float.
            train: whether BatchNorm uses the batch's statistics and updates the running
                ones, which ``apply(..., mutable=["batch_stats"])`` then returns.
            key: the step's dropout key; None drops nothing.

        Returns:
            (batch, output_dim) float.

        Raises:
            ValueError: when the inputs have another number of features.
        """
        config = self.config
        check_input(inputs.shape, (config.input_dim,))
        x = inputs
        for block in range(config.num_layers + 1):
            linear, norm, active, drop = (f"block_{4 * block + i}" for i in range(4))
            x = Dense(config.hidden_dim, self.dtype, name=linear)(x)
            x = BatchNorm(name=norm)(x, train=train)
            x = Activation(config.activation, name=active)(x)
            x = Dropout(config.dropout, layer=block, name=drop)(x, key=key)
        return Dense(config.output_dim, self.dtype, name=f"block_{4 * config.num_layers + 4}")(x)
