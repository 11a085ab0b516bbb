"""Gradients written by hand, against those that JAX derives of the plain formulas."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen
from tolerances import check, relative

from zoojax import gradients

NAME = "float64, gradients by hand against JAX's own"


def assert_same_gradients(ours, plain, *arrays):
    """Compare values and gradients, each array on its own scale, in float64."""
    with jax.enable_x64(True):
        arrays = [jnp.asarray(array, jnp.float64) for array in arrays]
        (value, pull), (expected, plain_pull) = (jax.vjp(f, *arrays) for f in (ours, plain))
        assert value.shape == expected.shape
        grad = jnp.asarray(np.random.default_rng(1).normal(size=value.shape))
        pairs = [(value, expected), *zip(pull(grad), plain_pull(grad), strict=True)]
    for first, second in pairs:
        check(NAME, relative(first, second))


def normal(*shape):
    return np.random.default_rng(len(shape)).normal(size=shape)


@pytest.mark.parametrize("batch", [1, 8, 19])
@pytest.mark.parametrize(("stride", "dilation", "padding"), [(1, 1, 1), (2, 1, 0), (1, 2, 3)])
def test_convolution(batch, stride, dilation, padding):
    options = {
        "window_strides": (stride, stride),
        "padding": [(padding, padding)] * 2,
        "rhs_dilation": (dilation, dilation),
        "dimension_numbers": ("NHWC", "HWIO", "NHWC"),
    }

    def ours(x, kernel):
        return gradients.conv_general_dilated(x, kernel, **options)

    def plain(x, kernel):
        return jax.lax.conv_general_dilated(x, kernel, **options)

    assert_same_gradients(ours, plain, normal(batch, 9, 11, 2), normal(3, 3, 2, 4))


@pytest.mark.parametrize("size", [1, 2, 3])
def test_max_pool(size):
    assert_same_gradients(
        lambda x: gradients.max_pool(x, size),
        lambda x: linen.max_pool(x, (size, size), (size, size)),
        normal(3, 7, 9, 2),
    )


def test_of_equal_values_the_first_takes_the_gradient_of_a_max_pool():
    x = jnp.array([[0.0, 5.0, 1.0], [5.0, 5.0, 9.0]]).reshape(1, 2, 3, 1)
    grad = jax.grad(lambda x: gradients.max_pool(x, 2).sum())(x)
    assert grad[0, :, :, 0].tolist() == [[0, 1, 0], [0, 0, 0]]


@pytest.mark.parametrize("place", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_a_max_pool_lets_nan_through(place):
    x = jnp.ones((1, 2, 2, 1)).at[0, *place, 0].set(jnp.nan)
    assert jnp.isnan(gradients.max_pool(x, 2)).all()


@pytest.mark.parametrize("shape", [(6, 3), (2, 5, 4, 3)])
def test_batch_norm(shape):
    def plain(x, scale, bias):
        axes = tuple(range(x.ndim - 1))
        return (x - x.mean(axes)) / jnp.sqrt(x.var(axes) + 1e-5) * scale + bias

    def ours(x, scale, bias):
        return gradients.batch_norm(x, scale, bias, 1e-5)[0]

    assert_same_gradients(ours, plain, 3 + normal(*shape), normal(3), normal(3))


def test_batch_norm_returns_mean_and_biased_variance():
    x = jnp.array([[1.0], [2.0], [6.0]])
    _, mean, var = gradients.batch_norm(x, jnp.ones(1), jnp.zeros(1), 1e-5)
    assert mean.item() == pytest.approx(3)
    assert var.item() == pytest.approx(14 / 3)
