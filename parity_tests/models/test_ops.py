"""Fast operations and gradients written by hand, against the plain formulas and JAX's gradients."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen

import zoojax
import zoojax.weights
import zootorch
import zootorch.weights
from parity_tests.helpers.builders import (
    SMALL_CNN,
    frozen_parameters,
    idle_parameters,
    small_dataset,
    train_config,
    twin_trainers,
    twins,
    variants,
)
from parity_tests.tolerances import check, relative
from zoojax.models.cells import lstm_step
from zoojax.ops import (
    Window,
    avg_pool,
    batch_norm,
    conv2d,
    lstm,
    max_pool,
    norm_max_pool,
    references,
    sum_over_batch,
)
from zoojax.ops.batch_sum import CHUNK, sum_over_batch_reference
from zoojax.ops.conv import conv2d_reference, num_pixels_at_once
from zoojax.ops.lstm import lstm_reference
from zoojax.ops.norm import batch_norm_reference, norm_max_pool_reference
from zoojax.ops.pooling import avg_pool_reference, max_pool_reference
from zoojax.spec.config import CNNConfig, RNNConfig

EACH_OP = {
    "convolution": (
        functools.partial(conv2d, stride=1, padding=1, dilation=1),
        functools.partial(conv2d_reference, stride=1, padding=1, dilation=1),
        [(19, 8, 12, 3), (3, 3, 3, 16)],
    ),
    "strided convolution": (
        functools.partial(conv2d, stride=2, padding=2, dilation=1),
        functools.partial(conv2d_reference, stride=2, padding=2, dilation=1),
        [(9, 9, 15, 3), (5, 5, 3, 8)],
    ),
    **{
        f"{name}, {window}": (
            functools.partial(ours, window=window),
            functools.partial(plain, window=window),
            [(3, 9, 11, 2)],
        )
        for window in (Window(2, 2), Window(3, 3), Window(3, 2, 1), Window(3, 1, 1))
        for name, ours, plain in (
            ("max pool", max_pool, max_pool_reference),
            ("mean pool", avg_pool, avg_pool_reference),
        )
    },
    "norm": (
        lambda *x: batch_norm(*x, 1e-5)[0],
        lambda *x: batch_norm_reference(*x, 1e-5)[0],
        [(9, 5, 4, 3), (3,), (3,)],
    ),
    "norm and max pool": (
        lambda *x: norm_max_pool(*x, 1e-5, 2)[0],
        lambda *x: norm_max_pool_reference(*x, 1e-5, 2)[0],
        [(19, 6, 7, 3), (3,), (3,)],
    ),
    "lstm": (
        lambda x, h, c, kernel, bias: lstm(lstm_step, x, (h, c), kernel, bias)[0],
        lambda x, h, c, kernel, bias: lstm_reference(lstm_step, x, (h, c), kernel, bias)[0],
        [(6, 3, 20), (3, 5), (3, 5), (5, 20), (20,)],
    ),
}
"""Each operation, its plain formula, and the shapes of its arrays."""

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


CONVOLUTIONS = {
    # stride, dilation, padding, kernel size, channels, features, width
    "padded": (1, 1, 1, 3, 2, 4, 11),
    "strided": (2, 1, 0, 3, 2, 4, 11),
    "dilated": (1, 2, 3, 3, 2, 4, 11),
    "four pixels at once": (1, 1, 1, 3, 3, 16, 12),
    "two of six pixels at once": (1, 1, 1, 3, 3, 16, 6),
    "pixels at once, strided": (2, 1, 2, 5, 3, 8, 15),
    "of 16 channels two at once": (1, 1, 1, 3, 16, 16, 8),
    "all pixels at once": (1, 1, 1, 3, 1, 1, 8),
    "more padding than the kernel has": (1, 1, 3, 3, 2, 4, 8),
}


@pytest.mark.parametrize("batch", variants([1, 8, 19], quick=(19,)))
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution(name, batch):
    stride, dilation, padding, size, channels, features, width = CONVOLUTIONS[name]

    def ours(x, kernel):
        return conv2d(x, kernel, stride=stride, padding=padding, dilation=dilation)

    def plain(x, kernel):
        return jax.lax.conv_general_dilated(
            x,
            kernel,
            window_strides=(stride, stride),
            padding=[(padding, padding)] * 2,
            rhs_dilation=(dilation, dilation),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )

    x, kernel = normal(batch, 9, width, channels), normal(size, size, channels, features)
    assert_same_gradients(ours, plain, x, kernel)


def test_as_many_pixels_at_once_as_fill_the_columns():
    def num(channels, features, width, **options):
        spacing = {"stride": 1, "padding": 1, "dilation": 1} | options
        return num_pixels_at_once((8, 9, width, channels), (3, 3, channels, features), **spacing)

    assert num(3, 16, 224) == 4
    assert num(3, 32, 224) == 2
    assert num(3, 64, 224) == num(3, 65, 224) == 1
    assert num(16, 16, 224) == 2
    assert num(3, 16, 223) == 1
    assert num(3, 16, 222) == 2
    assert num(3, 16, 224, stride=2) == 4
    assert num(3, 16, 224, dilation=2, padding=2) == 1


@pytest.mark.parametrize("batch", [1, CHUNK, 2 * CHUNK + 3])
def test_a_sum_over_a_batch_is_one_whatever_its_parts(batch):
    x, y = (jnp.arange(batch * 6.0).reshape(batch, 6) + shift for shift in (0, 1))
    totals = sum_over_batch(lambda x, y: {"sum": x.sum(0), "product": x.T @ y}, x, y)
    np.testing.assert_array_equal(totals["sum"], x.sum(0))
    np.testing.assert_array_equal(totals["product"], x.T @ y)


def test_a_sum_over_a_batch_of_bfloat16_is_float32():
    ones = jnp.ones(1000, jnp.bfloat16)
    total = sum_over_batch(jnp.sum, ones)
    assert total.dtype == jnp.float32
    assert total == 1000  # in bfloat16 it would stop at 256


@pytest.mark.parametrize("name", EACH_OP)
def test_an_operation_equals_its_plain_formula(name):
    ours, plain, shapes = EACH_OP[name]
    # Rounded, so that windows have equal values, of which the first takes the gradient.
    assert_same_gradients(ours, plain, *(np.round(2 * normal(*shape)) for shape in shapes))


def test_a_sum_over_a_batch_equals_its_plain_formula():
    x = jnp.asarray(normal(2 * CHUNK + 3, 6))
    found = sum_over_batch(lambda x: x.T @ x, x)
    expected = sum_over_batch_reference(lambda x: x.T @ x, x)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("name", EACH_OP)
def test_references_are_what_is_traced_when_asked_for(name):
    """By the program, not its values: these are the same in any case."""
    ours, plain, shapes = EACH_OP[name]
    arrays = [jnp.asarray(normal(*shape)) for shape in shapes]

    def program(function):
        return str(jax.make_jaxpr(function)(*arrays))

    fast = program(ours)
    with references():
        assert program(ours) == program(plain)
    assert program(ours) == fast != program(plain)


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
@pytest.mark.parametrize("name", ["cnn", "lstm"])
def test_a_step_of_plain_formulas_is_the_same_step(x64, name, dtype):
    """What a GPU computes, and what FLOPs are counted of."""
    model_config = {"cnn": SMALL_CNN, "lstm": RNNConfig(hidden_dim=4, cell="lstm")}[name]
    options = {"dtype": "float64"} if dtype == "float64" else {"compute_dtype": dtype}
    loss = "cross_entropy" if name == "cnn" else "mean_squared_error"
    state, _ = twin_trainers(model_config, train_config(loss=loss, **options))
    batch = zoojax.take(small_dataset()[0], np.arange(16))
    if name == "lstm":
        batch = zoojax.Batch(normal(16, 6, 1), normal(16, 1))
    step = jax.jit(zoojax.train_step)  # donates nothing: the state is used twice
    program, (fast, _) = step.lower(state, batch).as_text(), step(state, batch)
    with references():
        assert step.lower(state, batch).as_text() != program
        plain, _ = step(state, batch)
    ours, theirs = (zoojax.weights.to_arrays(each.model, each.variables) for each in (fast, plain))
    for key in set(ours) - idle_parameters(model_config):
        if dtype == "float64":
            check(NAME, relative(ours[key], theirs[key]))
        else:  # Adam's first step has the size of the learning rate, whatever the gradient's is
            assert np.abs(ours[key] - theirs[key]).max() < 2.1e-3


def test_a_gpu_takes_the_plain_formulas():
    """By the program that JAX hands to the compiler of each platform."""

    def outputs(x, kernel):
        y = conv2d(x, kernel, stride=1, padding=1, dilation=1)
        return norm_max_pool(y, jnp.ones(16), jnp.ones(16), 1e-5, 2)[0].sum()

    arrays = jnp.ones((9, 8, 8, 3)), jnp.ones((3, 3, 3, 16))
    traced = jax.jit(jax.grad(outputs, argnums=(0, 1))).trace(*arrays)
    of_cpu, of_gpu = (
        traced.lower(lowering_platforms=(platform,)).as_text() for platform in ("cpu", "cuda")
    )
    # The gradient of a max pool, and convolutions of three channels with 16 features.
    for plain in ("select_and_scatter", "tensor<3x3x3x16xf32>) -> tensor<9x8x8x16xf32>"):
        assert plain in of_gpu
        assert plain not in of_cpu


def other_than_a_cpu(*arrays, cpu, default):
    """Choose as ``jax.lax.platform_dependent`` does on a GPU."""
    assert cpu is not default
    return default(*arrays)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_gpu_computes_the_same_in_its_own_way(dtype, monkeypatch):
    x = jnp.asarray(3 + normal(9, 8, 8, 3), dtype)
    kernel = jnp.asarray(normal(3, 3, 3, 16), dtype)

    def outputs(x, kernel):
        y = conv2d(x, kernel, stride=1, padding=1, dilation=1)
        return norm_max_pool(y, jnp.ones(16), jnp.ones(16), 1e-5, 2)

    def all_of_them():
        (y, *statistics), pull = jax.vjp(outputs, x, kernel)
        zeros = [jnp.zeros_like(each) for each in statistics]
        return y, *statistics, *pull((jnp.ones_like(y), *zeros))

    expected = all_of_them()
    monkeypatch.setattr(jax.lax, "platform_dependent", other_than_a_cpu)
    found = all_of_them()
    for number, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        assert ours.dtype == theirs.dtype
        first, second = (np.asarray(each, np.float64) for each in (ours, theirs))
        # Means and variances are sums in float32 in any case.
        exact = dtype == "float32" or number in (1, 2)
        allowed = 1e-5 if exact else 0.05
        np.testing.assert_allclose(first, second, rtol=0, atol=allowed * max(1, abs(second).max()))


def test_nan_is_seen_in_a_sum_over_a_batch():
    for place in (0, 5, 19):
        x = jnp.ones((20, 3)).at[place, 1].set(jnp.nan)
        total = sum_over_batch(lambda x: x.sum(0), x)
        assert jnp.isnan(total[1])


SIZES = pytest.mark.parametrize("size", variants([1, 2, 3], quick=(2,)))


@SIZES
def test_max_pool(size):
    assert_same_gradients(
        lambda x: max_pool(x, Window(size, size)),
        lambda x: linen.max_pool(x, (size, size), (size, size)),
        normal(3, 7, 9, 2),
    )


def test_of_equal_values_the_first_takes_the_gradient_of_a_max_pool():
    x = jnp.array([[0.0, 5.0, 1.0], [5.0, 5.0, 9.0]]).reshape(1, 2, 3, 1)
    grad = jax.grad(lambda x: max_pool(x, Window(2, 2)).sum())(x)
    assert grad[0, :, :, 0].tolist() == [[0, 1, 0], [0, 0, 0]]


@pytest.mark.parametrize("place", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_a_max_pool_lets_nan_through(place):
    x = jnp.ones((1, 2, 2, 1)).at[0, *place, 0].set(jnp.nan)
    assert jnp.isnan(max_pool(x, Window(2, 2))).all()


@pytest.mark.parametrize("shape", [(6, 3), (2, 5, 4, 3)])
def test_batch_norm(shape):
    def plain(x, scale, bias):
        axes = tuple(range(x.ndim - 1))
        return (x - x.mean(axes)) / jnp.sqrt(x.var(axes) + 1e-5) * scale + bias

    def ours(x, scale, bias):
        return batch_norm(x, scale, bias, 1e-5)[0]

    assert_same_gradients(ours, plain, 3 + normal(*shape), normal(3), normal(3))


def test_batch_norm_returns_mean_and_biased_variance():
    x = jnp.array([[1.0], [2.0], [6.0]])
    _, mean, var = batch_norm(x, jnp.ones(1), jnp.zeros(1), 1e-5)
    assert mean.item() == pytest.approx(3)
    assert var.item() == pytest.approx(14 / 3)


@pytest.mark.parametrize("scale", [[1.5, 0.5, 2.0], [-1.5, 0.5, -2.0], [0.0, 1.0, -1.0]])
@SIZES
def test_batch_norm_and_max_pool_at_once(size, scale):
    def ours(x, scale, bias):
        return norm_max_pool(x, scale, bias, 1e-5, size)[0]

    def apart(x, scale, bias):
        return max_pool(batch_norm(x, scale, bias, 1e-5)[0], Window(size, size))

    # Rounded, so that windows have equal values, of which the first takes the gradient.
    x = np.round(3 + 2 * normal(11, 7, 9, 3))
    assert_same_gradients(ours, apart, x, np.array(scale), normal(3))


def test_batch_norm_and_max_pool_at_once_return_the_statistics_of_all_pixels():
    x = jnp.asarray(normal(9, 5, 7, 3))
    ones, zeros = jnp.ones(3), jnp.zeros(3)
    _, *found = norm_max_pool(x, ones, zeros, 1e-5, 2)
    _, *expected = batch_norm(x, ones, zeros, 1e-5)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize(
    "activation", variants(["none", "relu", "leaky_relu", "elu", "gelu"], quick=("none", "gelu"))
)
def test_a_cnn_in_training_pools_as_if_after_the_activation(activation):
    """As in torch, also where a BatchNorm turns its numbers around."""
    sizes = {"height": 13, "width": 12, "num_cnn_channels": 4, "hidden_dim": 5}
    config = CNNConfig(**sizes, num_cnn_layers=0, dropout=0.0, conv_activation=activation)
    images = normal(6, 13, 12, 3)
    theirs = zootorch.CNN(config).double()
    with torch.no_grad():
        theirs.conv_block[1].weight.copy_(torch.tensor([1.0, -1.0, 0.5, -2.0]))
    arrays = zootorch.weights.to_arrays(theirs)
    outputs = theirs.train()(torch.from_numpy(images).permute(0, 3, 1, 2))
    (outputs**2).sum().backward()
    with jax.enable_x64(True):
        ours = zoojax.CNN(config)
        variables = zoojax.weights.from_arrays(ours, arrays)

        def loss(params):
            variables_ = {**variables, "params": params}
            outputs, _ = ours.apply(
                variables_, jnp.asarray(images), train=True, mutable=["batch_stats"]
            )
            return (outputs**2).sum(), outputs

        (_, found), grads = jax.value_and_grad(loss, has_aux=True)(variables["params"])
        grads = zoojax.weights.to_arrays(ours, {"params": grads})
    check(NAME, relative(found, outputs.detach().numpy()))
    for name, parameter in theirs.named_parameters():
        expected = parameter.grad.numpy()
        if name in frozen_parameters(config):
            assert not expected.any()
            assert not grads[name].any()
        elif name in idle_parameters(config):  # zero on paper
            assert np.abs(expected).max() < 1e-12
            assert np.abs(grads[name]).max() < 1e-12
        else:
            check(NAME, relative(grads[name], expected))


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_biases_of_convolutions_have_the_same_values_after_training(x64, optimizer):
    """With weight decay, which moves them in both alike; with none they keep their values."""
    config = train_config(dtype="float64", optimizer=optimizer, weight_decay=0.1, num_epochs=2)
    arrays, tensors = small_dataset(num_each=2)
    model, variables, twin = twins(SMALL_CNN, dtype="float64")
    start = zoojax.weights.to_arrays(model, variables)
    state, _ = zoojax.fit(model, variables, arrays, config=config)
    zootorch.Trainer(twin, config).fit(tensors)
    ours = zoojax.weights.to_arrays(model, state.variables)
    theirs = zootorch.weights.to_arrays(twin)
    for name in frozen_parameters(SMALL_CNN):
        check(
            "float64, ten steps: moments, statistics, weights", relative(ours[name], theirs[name])
        )
        assert relative(ours[name], start[name]) > 1e-4
    still = dataclasses.replace(config, weight_decay=0.0)
    state, _ = zoojax.fit(model, variables, arrays, config=still)
    for name in frozen_parameters(SMALL_CNN):
        kept = zoojax.weights.to_arrays(model, state.variables)[name]
        np.testing.assert_array_equal(kept, start[name])


def test_where_no_statistics_are_of_the_batch_a_bias_has_its_gradient():
    config = CNNConfig(height=8, width=8, num_cnn_channels=4, dropout=0.0)
    images = normal(3, 8, 8, 3).astype(np.float32)
    theirs = zootorch.CNN(config).eval()
    (theirs(torch.from_numpy(images).permute(0, 3, 1, 2)) ** 2).sum().backward()
    ours = zoojax.CNN(config)
    variables = zoojax.weights.from_arrays(ours, zootorch.weights.to_arrays(theirs))

    def loss(params):
        return (ours.apply({**variables, "params": params}, images) ** 2).sum()

    grads = zoojax.weights.to_arrays(ours, {"params": jax.grad(loss)(variables["params"])})
    for block in (0, 3):
        expected = theirs.conv_block[block].bias.grad.numpy()
        assert np.abs(expected).max() > 0
        np.testing.assert_allclose(grads[f"conv_block.{block}.bias"], expected, rtol=1e-3)


@pytest.mark.parametrize("num_steps", variants([1, 6], quick=(6,)))
def test_lstm(num_steps):
    def ours(x, hidden, cell, kernel, bias):
        outputs, last = lstm(lstm_step, x, (hidden, cell), kernel, bias)
        return jnp.concatenate([outputs, jnp.stack(last)])

    def plain(x, hidden, cell, kernel, bias):
        outputs = []
        for each in x:
            enter, forget, candidate, leave = jnp.split(each + hidden @ kernel + bias, 4, axis=-1)
            cell = jax.nn.sigmoid(forget) * cell + jax.nn.sigmoid(enter) * jnp.tanh(candidate)
            hidden = jax.nn.sigmoid(leave) * jnp.tanh(cell)
            outputs.append(hidden)
        return jnp.stack([*outputs, hidden, cell])

    state = normal(2, 3, 5)
    assert_same_gradients(ours, plain, normal(num_steps, 3, 20), *state, normal(5, 20), normal(20))
