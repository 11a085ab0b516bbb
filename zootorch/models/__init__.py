"""The architectures, one a file, and the cells that the recurrent ones are made of."""

from zootorch.models.build import MODELS, Network, layer_shapes, load_pretrained, model_of
from zootorch.models.cnn import CNN
from zootorch.models.mlp import MLP
from zootorch.models.rnn import RNN

__all__ = [
    "CNN",
    "MLP",
    "MODELS",
    "RNN",
    "Network",
    "layer_shapes",
    "load_pretrained",
    "model_of",
]
