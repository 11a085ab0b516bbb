"""Which formula runs where: on a CPU a fast one, elsewhere the plain one. No twin: torch decides.

Each operation of this room has a plain formula, its ``*_reference``, and a forward and a backward
pass written by hand, which were measured to be faster on a CPU. A GPU takes the plain formula.
"""

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

# A part of the key of JAX's cache: a function that was compiled before is compiled once more.
_plain_only = jax.make_user_context(default_value=False)


Result = TypeVar("Result")
Kept = TypeVar("Kept")


def references() -> contextlib.AbstractContextManager[None]:
    """Return a context in which every device takes the plain formulas.

    For FLOP counts, for forward-mode derivatives, which the fast formulas do not have, and to
    find out whether a fast formula is to blame.

    Example:
        >>> with references():
        ...     y = max_pool(jnp.ones((1, 4, 4, 1)), Window(2, 2))
    """
    context: contextlib.AbstractContextManager[None] = _plain_only(True)
    return context


def with_fast_gradient(
    reference: Callable[..., Result],
    forward: Callable[..., tuple[Result, Kept]],
    backward: Callable[[Any, Kept, Any], tuple[Any, ...]],
) -> Callable[..., Result]:
    """Return a function that equals ``reference`` and is faster on a CPU.

    Args:
        reference: the plain formula, a function of arrays.
        forward: takes the same arrays; returns what ``reference`` returns, and what
            ``backward`` needs beside the arrays.
        backward: takes the arrays as a tuple, what ``forward`` kept, and the gradient of the
            result; returns the gradient of each array.

    Returns:
        a function with reverse-mode derivatives only.
    """
    if _plain_only.value:
        return reference

    def forward_elsewhere(*arrays: Any) -> tuple[Result, Any]:
        # Both branches must return the same arrays; nothing reads these zeros, so XLA drops them.
        _, kept = jax.eval_shape(forward, *arrays)
        return reference(*arrays), jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), kept)

    def backward_elsewhere(arrays: Any, kept: Any, grad: Any) -> tuple[Any, ...]:
        del kept
        gradients: tuple[Any, ...] = jax.vjp(reference, *arrays)[1](grad)
        return gradients

    def run_forward(*arrays: Any) -> tuple[Result, Any]:
        result, kept = jax.lax.platform_dependent(*arrays, cpu=forward, default=forward_elsewhere)
        return result, (arrays, kept)

    def run_backward(saved: tuple[Any, Kept], grad: Any) -> Any:
        return jax.lax.platform_dependent(*saved, grad, cpu=backward, default=backward_elsewhere)

    function = jax.custom_vjp(lambda *arrays: run_forward(*arrays)[0])
    function.defvjp(run_forward, run_backward)
    return function


def on_cpu(
    reference: Callable[..., Result], fast: Callable[..., Result], *, differentiable: bool = True
) -> Callable[..., Result]:
    """Return a function that computes ``fast`` on a CPU and ``reference`` elsewhere.

    Args:
        reference: the plain formula, a function of arrays.
        fast: another formula of the same values.
        differentiable: whether the gradient is that of the formula taken; without, the function
            has none, and stands inside a forward or backward pass written by hand.
    """
    if differentiable:
        return with_fast_gradient(
            reference,
            lambda *arrays: (fast(*arrays), ()),
            lambda arrays, _, grad: jax.vjp(fast, *arrays)[1](grad),
        )
    if _plain_only.value:
        return reference
    return lambda *arrays: jax.lax.platform_dependent(*arrays, cpu=fast, default=reference)
