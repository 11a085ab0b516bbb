"""Layers that Flax lacks or has in another form, as small Linen modules.

A module here is a description: parameters come in, results and new running statistics go
out, and nothing stays behind.
"""

from zoojax.layers.activation import ACTIVATIONS, Activation, activation_gradient
from zoojax.layers.block import norm_activation_pool
from zoojax.layers.dropout import Dropout
from zoojax.layers.linear import Conv2d, Dense
from zoojax.layers.norm import BatchNorm, LayerNorm
from zoojax.layers.pooling import AvgPool2d, Head, MaxPool2d
from zoojax.types import Variables

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "AvgPool2d",
    "BatchNorm",
    "Conv2d",
    "Dense",
    "Dropout",
    "Head",
    "LayerNorm",
    "MaxPool2d",
    "Variables",
    "activation_gradient",
    "norm_activation_pool",
]
