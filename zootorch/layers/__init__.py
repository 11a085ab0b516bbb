"""Small layers that torch lacks or has in another form; the others have torch's own names.

A module here is an object: it keeps its parameters, its running statistics and the generator
of its dropout masks, and changes them while it is used.
"""

from torch.nn import AvgPool2d, LayerNorm, MaxPool2d

from zootorch.layers.activation import ACTIVATIONS, activation_gradient
from zootorch.layers.dropout import Dropout, seed_dropout
from zootorch.layers.linear import Conv2d
from zootorch.layers.pooling import Head

__all__ = [
    "ACTIVATIONS",
    "AvgPool2d",
    "Conv2d",
    "Dropout",
    "Head",
    "LayerNorm",
    "MaxPool2d",
    "activation_gradient",
    "seed_dropout",
]
