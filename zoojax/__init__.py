"""Shapes, sinusoids and the networks that learn them as pure functions: JAX, Flax, optax.

State goes in and comes out; nothing is remembered. ``zootorch`` does the same job with
objects, under the same names.
"""

from zoojax.common.lazy import attach

# What is public, and where it lives, is in __init__.pyi.
__getattr__, __dir__, __all__ = attach(__name__, __file__)
