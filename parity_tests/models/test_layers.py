"""Layers on their own: both backends against NumPy's loops, closed forms and each other."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from parity_tests.helpers.builders import check_refused, few_examples
from parity_tests.tolerances import check, relative
from zoojax import layers
from zoojax.spec.conv import conv_output_size
from zootorch import layers as torch_layers

NAME = "float64, layers on their own: outputs, gradients"
TORCH_NAMES = {"kernel": "weight", "scale": "weight", "bias": "bias"}
SEEDS = st.integers(0, 2**32 - 1)


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def cotangent(shape):
    """Return the weights of the sum of outputs whose gradients are compared."""
    return normal(9, *shape)


def windows_by_hand(kind, x, params, kernel_size, stride, padding, dilation=1):
    """Return outputs and gradients of a pool or a convolution, window by window."""
    stride = stride or kernel_size
    sizes = (
        conv_output_size(n, kernel_size, stride=stride, padding=padding, dilation=dilation)
        for n in x.shape[1:3]
    )
    edges, fill = (padding, padding), -1e9 if kind == "MaxPool2d" else 0
    padded = np.pad(x, [(0, 0), edges, edges, (0, 0)], constant_values=fill)
    bias = params.get("bias", np.zeros(x.shape[3]))
    outputs = np.zeros((len(x), *sizes, len(bias)))
    slopes, inputs = cotangent(outputs.shape), np.zeros_like(padded)
    grads = {name: np.zeros_like(array) for name, array in params.items()}
    steps = dilation * np.arange(kernel_size)
    for place in np.ndindex(outputs.shape):
        image, row, column, channel = place
        cells = (image, *np.ix_(row * stride + steps, column * stride + steps))
        if kind == "Conv2d":
            weights = params["kernel"][..., channel]
            grads["kernel"][..., channel] += padded[cells] * slopes[place]
            grads["bias"][channel] += slopes[place]
        else:
            cells = (*cells, channel)
            weights = np.full((kernel_size, kernel_size), 1 / kernel_size**2)
        if kind == "MaxPool2d":
            weights = np.zeros_like(weights)
            weights.flat[padded[cells].argmax()] = 1  # argmax is the first of equals
        outputs[place] = (padded[cells] * weights).sum() + bias[channel]
        inputs[cells] += weights * slopes[place]
    bottom, right = (padding + n for n in x.shape[1:3])
    return {"outputs": outputs, "inputs": inputs[:, padding:bottom, padding:right], **grads}


def normed_by_hand(_, x, params, epsilon):
    """Return outputs and gradients of a LayerNorm, sample by sample, from its Jacobian."""
    num, slopes, samples = x.shape[-1], cotangent(x.shape), tuple(range(x.ndim - 1))
    inputs, normed = np.zeros_like(x), np.zeros_like(x)
    for sample in np.ndindex(x.shape[:-1]):
        centred = x[sample] - math.fsum(x[sample]) / num
        deviation = math.sqrt(math.fsum(centred**2) / num + epsilon)
        normed[sample] = centred / deviation
        jacobian = np.eye(num) - 1 / num - np.outer(normed[sample], normed[sample]) / num
        inputs[sample] = jacobian @ (params["scale"] * slopes[sample]) / deviation
    grads = {"scale": (slopes * normed).sum(samples), "bias": slopes.sum(samples)}
    return {"outputs": normed * params["scale"] + params["bias"], "inputs": inputs, **grads}


def jax_pass(layer, x, params):
    """Return outputs and gradients of a zoojax layer, in float64."""

    @jax.jit
    def both(params, x):
        outputs, pull = jax.vjp(lambda params, x: layer.apply({"params": params}, x), params, x)
        grads, inputs = pull(jnp.asarray(cotangent(outputs.shape)))
        return {"outputs": outputs, "inputs": inputs, **grads}

    with jax.enable_x64(True):
        return jax.tree.map(np.asarray, both(params, x))


def to_torch(array, axes=(0, 3, 1, 2)):
    """Return a tensor; of four axes the channels move to where torch has them."""
    return torch.tensor(array.transpose(axes) if array.ndim == 4 else array)


def from_torch(tensor, axes=(0, 2, 3, 1)):
    array = tensor.detach().numpy()
    return array.transpose(axes) if array.ndim == 4 else array


def torch_pass(layer, x, params):
    """Return outputs and gradients of a zootorch layer, in float64 and in zoojax's axes."""
    weights = {TORCH_NAMES[name]: to_torch(params[name], (3, 2, 0, 1)) for name in params}
    layer.double().load_state_dict(weights)
    inputs = to_torch(x).requires_grad_()
    outputs = layer(inputs)
    outputs.backward(to_torch(cotangent(from_torch(outputs).shape)))
    grads = {name: getattr(layer, TORCH_NAMES[name]).grad for name in params}
    grads = {name: from_torch(grad, (2, 3, 1, 0)) for name, grad in grads.items()}
    return {"outputs": from_torch(outputs), "inputs": from_torch(inputs.grad), **grads}


def distance(first, second):
    """Return the largest difference of outputs and gradients; their shapes must agree."""
    assert set(first) == set(second)
    return max(relative(first[name], second[name]) for name in first)


def build(kind, channels, *options):
    """Return a layer in both backends, and parameters; a convolution makes three features."""
    layer, twin = getattr(layers, kind), getattr(torch_layers, kind)
    if kind == "Conv2d":
        params = {"kernel": normal(1, *options[:1] * 2, channels, 3), "bias": normal(2, 3)}
        return layer(3, *options), twin(channels, 3, *options), params
    if kind == "LayerNorm":
        params = {"scale": normal(1, channels), "bias": normal(2, channels)}
        return layer(*options), twin(channels, *options), params
    return layer(*options), twin(*options), {}


def check_layer(kind, x, options, by_hand):
    """Compare both backends with the numbers made by hand, and with one another."""
    layer, twin, params = build(kind, x.shape[-1], *options)
    expected = by_hand(kind, x, params, *options)
    ours, theirs = jax_pass(layer, x, params), torch_pass(twin, x, params)
    for first, second in ((ours, expected), (theirs, expected), (ours, theirs)):
        check(NAME, distance(first, second))


@st.composite
def windows(draw, kind):
    """Return the options of a pool or convolution, and a shape of pictures that it takes."""
    kernel_size = draw(st.integers(1, 4))
    dilation = 1 if kind == "AvgPool2d" else draw(st.integers(1, 3))
    stride = draw(st.integers(1, 3) if kind == "Conv2d" else st.sampled_from((None, 1, 2, 3)))
    padding = draw(st.integers(0, 3 if kind == "Conv2d" else kernel_size // 2))
    # In pictures smaller than the dilation a window of a pool may lie in the padding alone,
    # where torch's gradient writes outside its memory.
    smallest = max(dilation * (kernel_size - 1) + 1 - 2 * padding, dilation)
    sides = st.integers(smallest, smallest + 6)
    shape = draw(st.tuples(st.integers(1, 2), sides, sides, st.integers(1, 3)))
    return (kernel_size, stride, padding, dilation)[: 3 if kind == "AvgPool2d" else 4], shape


@pytest.mark.parametrize("kind", ["MaxPool2d", "AvgPool2d", "Conv2d"])
@few_examples(20)
@given(data=st.data(), seed=SEEDS)
def test_pools_and_convolutions(kind, data, seed):
    options, shape = data.draw(windows(kind))
    x = normal(seed, *shape)
    # Of rounded values many are equal.
    check_layer(kind, x.round() if kind == "MaxPool2d" else x, options, windows_by_hand)


# Outputs of two features are close to -1 and 1 whatever the inputs are: the gradient is the
# little that is left where large terms cancel. With a few more that is still likely.
FEATURES = st.integers(5, 9)
SAMPLES = st.tuples(FEATURES) | st.tuples(st.integers(1, 4), st.integers(1, 4), FEATURES)


@few_examples(20)
@given(SAMPLES, st.sampled_from((1e-5, 1e-2)), SEEDS)
def test_layer_norm(shape, epsilon, seed):
    check_layer("LayerNorm", 2 + normal(seed, *shape), (epsilon,), normed_by_hand)


class LastOfEquals(torch.nn.MaxPool2d):
    def forward(self, x):
        return super().forward(x.flip((2, 3))).flip((2, 3))


@pytest.mark.parametrize(
    ("kind", "options", "other"),
    [
        ("MaxPool2d", (3, 2, 1), torch.nn.MaxPool2d(2, 2)),
        ("MaxPool2d", (2, 1, 1, 2), torch.nn.MaxPool2d(3, 1, 1)),
        ("MaxPool2d", (2,), LastOfEquals(2)),
        ("MaxPool2d", (2, 1), LastOfEquals(2, 1)),
        ("AvgPool2d", (3, 2, 1), torch.nn.AvgPool2d(2, 2)),
        ("AvgPool2d", (3, 2, 1), torch.nn.AvgPool2d(3, 2, 1, count_include_pad=False)),
        ("Conv2d", (3, 1, 2, 2), torch.nn.Conv2d(2, 3, 3, padding=1)),
        ("LayerNorm", (), torch.nn.LayerNorm(5, eps=1e-2)),
    ],
)
def test_other_options_give_other_results(kind, options, other):
    x = normal(3, 8, 5) if kind == "LayerNorm" else normal(3, 2, 8, 8, 2).round()
    layer, twin, params = build(kind, x.shape[-1], *options)
    ours = jax_pass(layer, x, params)
    check(NAME, distance(ours, torch_pass(twin, x, params)))
    assert distance(ours, torch_pass(other, x, params)) > 1e-3


NINE = np.arange(1.0, 10).reshape(1, 3, 3, 1)
PATCH = np.array([[5.0, 2, 6], [4, 3, 4], [3, 9, 2]]).reshape(1, 3, 3, 1)
KERNEL = np.array([[-1.0, 0, 1], [2, 1, 2], [1, -2, 0]]).reshape(3, 3, 1, 1)
PARAMS = {
    "Conv2d": {"kernel": KERNEL * [1, 2, 3], "bias": np.array([0.0, 0, 1])},
    "LayerNorm": {"scale": np.array([1.0, 4]), "bias": np.array([0.0, 1])},
}


@pytest.mark.parametrize(
    ("kind", "options", "x", "expected"),
    [
        ("MaxPool2d", (2,), NINE, [[5]]),
        ("MaxPool2d", (2, 1), NINE, [[5, 6], [8, 9]]),
        ("MaxPool2d", (3, 2, 1), -NINE, [[-1, -2], [-4, -5]]),
        ("MaxPool2d", (2, None, 0, 2), NINE, [[9]]),
        ("AvgPool2d", (2, 1), NINE, [[3, 4], [6, 7]]),
        ("AvgPool2d", (3, 2, 1), 9 * NINE, [[12, 16], [24, 28]]),
        ("Conv2d", (3,), PATCH, [5, 10, 16]),
        ("LayerNorm", (3,), np.array([[1.0, 3], [5, 5]]), [[-0.5, 3], [0, 1]]),
        # E[x^2] - E[x]^2 would have no digit left.
        ("LayerNorm", (3,), np.array([[1e8 + 1, 1e8 + 3]]), [[-0.5, 3]]),
    ],
)
def test_values_worked_by_hand(kind, options, x, expected):
    layer, twin, _ = build(kind, x.shape[-1], *options)
    params = PARAMS.get(kind, {})
    for results in (jax_pass(layer, x, params), torch_pass(twin, x, params)):
        np.testing.assert_allclose(results["outputs"].squeeze(), np.squeeze(expected), rtol=1e-15)


def test_a_max_pool_lets_nan_through_and_gives_padding_no_gradient():
    for place in np.ndindex(2, 2):
        x = jnp.ones((1, 2, 2, 1)).at[0, *place].set(jnp.nan)
        assert jnp.isnan(layers.MaxPool2d(2, 1).apply({}, x)).all()
    pool = layers.MaxPool2d(2, 1, 1, 4)  # its one window has its corners around the picture
    value, grad = jax.value_and_grad(lambda x: pool.apply({}, x).sum())(jnp.ones((1, 3, 3, 1)))
    assert value == -jnp.inf
    assert not grad.any()


def probability(x):
    return (1 + math.erf(x / math.sqrt(2))) / 2


def gelu_slope(x):
    return probability(x) + x * math.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


CLOSED_FORMS = {  # value, slope, slope at 0
    "none": (lambda x: x, lambda x: 1, 1),
    "relu": (lambda x: max(x, 0), lambda x: x > 0, 0),
    "leaky_relu": (lambda x: max(x, 0.01 * x), lambda x: 1 if x > 0 else 0.01, 0.01),
    "elu": (lambda x: x if x > 0 else math.expm1(x), lambda x: min(1, math.exp(x)), 1),
    "gelu": (lambda x: x * probability(x), gelu_slope, 0.5),
}


@pytest.mark.parametrize("kind", CLOSED_FORMS)
@pytest.mark.parametrize("x", [np.linspace(-4, 4, 65).reshape(5, 13), np.zeros(()), np.zeros(0)])
def test_activations_and_their_gradients(x64, kind, x):
    *formulas, at_zero = CLOSED_FORMS[kind]
    expected = [np.vectorize(f, otypes=[float])(x) for f in formulas]
    assert (expected[1][x == 0] == at_zero).all()
    ours = layers.Activation(kind).apply({}, x), layers.activation_gradient(kind, x)
    twin, tensor = torch_layers.ACTIVATIONS[kind](), torch.tensor(x)
    theirs = twin(tensor), torch_layers.activation_gradient(kind, tensor)
    for first, second in zip((*ours, *theirs, *ours), (*expected, *expected, *theirs), strict=True):
        check(NAME, relative(first, second))


def test_activations_that_cannot_be():
    for kind, x, message in (
        ("tanh", np.zeros(2), "kind must be one of none, relu, leaky_relu, elu, gelu, got 'tanh'"),
        ("relu", np.zeros(2, np.int32), "inputs must be floats, got int32"),
    ):
        check_refused(
            message,
            lambda kind=kind, x=x: layers.activation_gradient(kind, x),
            lambda kind=kind, x=x: torch_layers.activation_gradient(kind, torch.tensor(x)),
        )


PICTURE = np.zeros((1, 5, 5, 1), np.float32)
PICTURES = "inputs must be floats of shape (batch, height, width, channels), got "


@pytest.mark.parametrize(
    ("kind", "options", "x", "message"),
    [
        ("MaxPool2d", (0,), PICTURE, "kernel_size must be an integer >= 1, got 0"),
        ("AvgPool2d", (2, 0), PICTURE, "stride must be an integer >= 1, got 0"),
        ("Conv2d", (2, 1, -1), PICTURE, "padding must be an integer >= 0, got -1"),
        ("MaxPool2d", (2, 1, 0, 0), PICTURE, "dilation must be an integer >= 1, got 0"),
        ("MaxPool2d", (3, 1, 2, 2), PICTURE, "at most half of kernel_size 3, so 1, got 2"),
        ("AvgPool2d", (2, 1, 2), PICTURE, "at most half of kernel_size 2, so 1, got 2"),
        ("AvgPool2d", (6,), PICTURE, "reaches over 6 pixels, but the input of size 5 with"),
        ("Conv2d", (3, 1, 0, 3), PICTURE, "with dilation 3 reaches over 7 pixels, but the"),
        ("MaxPool2d", (2,), PICTURE[0, 0], PICTURES + "float32 of shape (5, 1)"),
        ("Conv2d", (2,), PICTURE.astype(int), PICTURES + "int"),
        ("LayerNorm", (), PICTURE[0, 0].astype(int), "inputs must be floats of shape (..., feat"),
    ],
)
def test_layers_that_cannot_be(kind, options, x, message):
    layer, twin, params = build(kind, 1, *options)
    check_refused(message, lambda: layer.apply({"params": params}, x))
    with pytest.raises((RuntimeError, IndexError)):
        twin(to_torch(x))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("kind", "options"), [("Conv2d", (3,)), ("LayerNorm", ())])
def test_initial_parameters_are_drawn_as_in_torch(x64, kind, options, dtype):
    layer, twin, _ = build(kind, 50, *options)
    outputs, variables = layer.init_with_output(jax.random.key(0), jnp.zeros((1, 5, 5, 50), dtype))
    assert outputs.dtype == dtype
    bound = 1 / math.sqrt(3 * 3 * 50)
    for name, ours in variables["params"].items():
        theirs = getattr(twin, TORCH_NAMES[name])
        assert (ours.dtype, ours.size) == (dtype, theirs.numel())
        if kind == "LayerNorm":
            assert ours.tolist() == theirs.tolist()
        else:
            assert abs(ours).max() <= bound
    if kind == "Conv2d":
        kernel = variables["params"]["kernel"]
        assert kernel.std() == pytest.approx(bound / math.sqrt(3), rel=0.05)
