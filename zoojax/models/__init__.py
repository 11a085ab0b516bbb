"""The architectures, one a file, and the cells that the recurrent ones are made of."""

from zoojax.models.build import MODELS, Network, layer_shapes, load_pretrained, model_of
from zoojax.models.cnn import CNN
from zoojax.models.mlp import MLP
from zoojax.models.rnn import RNN

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
