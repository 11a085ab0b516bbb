"""Data sets as folders: samples, all that decided them, and a card that vouches for both."""

from zoojax.common.storage.datasets.card import CARD, Card
from zoojax.common.storage.datasets.shapes import load_shapes, save_shapes
from zoojax.common.storage.datasets.sinusoids import load_sinusoids, save_sinusoids

__all__ = ["CARD", "Card", "load_shapes", "load_sinusoids", "save_shapes", "save_sinusoids"]
