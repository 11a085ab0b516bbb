"""``jax.jit`` that keeps the signature of a function. No twin: torch runs eagerly here.

``jax.jit`` alone hides the parameters and the result from editors and type checkers.
"""

from collections.abc import Callable, Sequence
from typing import ParamSpec, Protocol, TypeVar

import jax

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Jitted(Protocol[P, R_co]):
    """A compiled function. It takes and returns what the original function does."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Run the function. JAX compiles it once for each set of shapes and dtypes."""

    def lower(self, *args: P.args, **kwargs: P.kwargs) -> jax.stages.Lowered:
        """Return the program for these shapes and dtypes, before XLA compiles it."""


def jit(
    *, static_argnames: str | Sequence[str] = (), donate_argnames: str | Sequence[str] = ()
) -> Callable[[Callable[P, R]], Jitted[P, R]]:
    """Return a decorator that compiles a function with ``jax.jit``, whose options have these names.

    Args:
        static_argnames: names of the parameters that JAX compiles in; each new value compiles
            anew.
        donate_argnames: names of the parameters whose memory JAX reuses for the results; these
            arguments cannot be used again.
    """

    def decorate(function: Callable[P, R]) -> Jitted[P, R]:
        return jax.jit(function, static_argnames=static_argnames, donate_argnames=donate_argnames)

    return decorate
