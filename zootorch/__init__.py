"""Shapes, sinusoids and the networks that learn them as objects: modules, data sets, trainers.

State stays inside and changes. ``zoojax`` does the same job with pure functions, under the
same names.
"""

from zoojax.common.lazy import attach

# What is public, and where it lives, is in __init__.pyi.
__getattr__, __dir__, __all__ = attach(__name__, __file__)
