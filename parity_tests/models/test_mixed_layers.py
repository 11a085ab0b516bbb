"""Layers in bfloat16: against exact results rounded once, and each backend against the other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from parity_tests.tolerances import ALLOWED, check, relative
from zoojax import layers
from zoojax.models.rnn import RecurrentLayer
from zoojax.spec.config import RNNConfig
from zootorch import RNN
from zootorch import layers as torch_layers

NAME = "bfloat16, layers on their own: outputs, gradients"
ADDED_UP = "bfloat16, convolutions by torch on a CPU without it: gradients"
PART = "bfloat16, layers on their own: part of the outputs that differ"
RECURRENT = "bfloat16, recurrent layers on their own: outputs, gradients"
TORCH_NAMES = {"kernel": "weight", "scale": "weight", "bias": "bias"}
HAS_BFLOAT16 = torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
BATCH = 24


class Trained(layers.BatchNorm):
    """A BatchNorm in train mode, whose running statistics are left aside."""

    def __call__(self, x):
        return super().__call__(x, train=True)


PICTURES, FEATURES = (BATCH, 12, 13, 6), (BATCH, 50)
OF_NORM = {"scale": (6,), "bias": (6,)}
# Of each layer: zoojax, zootorch, shapes of inputs and parameters.
LAYERS = {
    "convolution": (
        layers.Conv2d(4, 3, padding=1, dtype="bfloat16"),
        lambda: torch_layers.Conv2d(6, 4, 3, padding=1),
        PICTURES,
        {"kernel": (3, 3, 6, 4), "bias": (4,)},
    ),
    "strided convolution": (
        layers.Conv2d(4, 5, stride=2, dilation=2, dtype="bfloat16"),
        lambda: torch_layers.Conv2d(6, 4, 5, stride=2, dilation=2),
        PICTURES,
        {"kernel": (5, 5, 6, 4), "bias": (4,)},
    ),
    "linear": (
        layers.Dense(30, "bfloat16"),
        lambda: torch.nn.Linear(50, 30),
        FEATURES,
        {"kernel": (50, 30), "bias": (30,)},
    ),
    "batch norm of pictures": (Trained(), lambda: torch.nn.BatchNorm2d(6), PICTURES, OF_NORM),
    "batch norm": (
        Trained(),
        lambda: torch.nn.BatchNorm1d(50),
        FEATURES,
        {"scale": (50,), "bias": (50,)},
    ),
    "max pool": (layers.MaxPool2d(3), lambda: torch_layers.MaxPool2d(3), PICTURES, {}),
    "average pool": (layers.AvgPool2d(3), lambda: torch_layers.AvgPool2d(3), PICTURES, {}),
    **{
        f"{kind} head": (
            layers.Head(kind),
            lambda kind=kind: torch_layers.Head(kind),
            (*PICTURES[:3], 1) if kind == "flatten" else PICTURES,
            {},
        )
        for kind in ("flatten", "max", "average")
    },
    **{
        kind: (layers.Activation(kind), torch_layers.ACTIVATIONS[kind], FEATURES, {})
        for kind in layers.ACTIVATIONS
    },
}
CONVOLUTIONS = ("convolution", "strided convolution")


def rounded(array):
    """Return numbers rounded to bfloat16, to the even one where two are as near, as float64."""
    words = np.asarray(array, np.float32).view(np.uint32)
    words = words + 0x7FFF + ((words >> 16) & 1)
    return (words & 0xFFFF0000).astype(np.uint32).view(np.float32).astype(np.float64)


def drawn(seed, *shape):
    return rounded(0.3 + np.random.default_rng(seed).normal(size=shape))


def arguments(name):
    """Return inputs as bfloat16 holds them, and float32 parameters."""
    _, _, shape, shapes = LAYERS[name]
    params = {n: np.random.default_rng(5).normal(size=s) / 7 for n, s in shapes.items()}
    return drawn(1, *shape), {n: array.astype(np.float32) for n, array in params.items()}


def jax_pass(layer, x, params, dtype=jnp.bfloat16):
    """Return outputs and gradients of a zoojax layer given inputs of a dtype, as float64."""

    def run(params, x):
        variables = {"params": params}
        if isinstance(layer, Trained):
            zero = jnp.zeros(x.shape[-1], params["scale"].dtype)
            variables["batch_stats"] = {"mean": zero, "var": zero + 1}
        return layer.apply(variables, x, mutable=["batch_stats"])[0]

    @jax.jit
    def both(params, x):
        outputs, pull = jax.vjp(run, params, x)
        grads, inputs = pull(jnp.asarray(drawn(9, *outputs.shape), outputs.dtype))
        return {"outputs": outputs, "inputs": inputs, **grads}

    results = both(jax.tree.map(jnp.asarray, params), jnp.asarray(x, dtype))
    assert results["inputs"].dtype == dtype
    assert all(results[name].dtype == params[name].dtype for name in params)
    return {name: np.asarray(array, np.float64) for name, array in results.items()}


def exact_pass(name, x, params):
    """Return what float64 gives for the same inputs and, of products, the rounded parameters."""
    layer = LAYERS[name][0]
    if hasattr(layer, "dtype"):
        layer, params = layer.clone(dtype=None), jax.tree.map(rounded, params)
    with jax.enable_x64(True):
        return jax_pass(layer, x, jax.tree.map(np.float64, params), jnp.float64)


def to_torch(array, axes=(0, 3, 1, 2)):
    """Return a tensor; of four axes the channels move to where torch has them."""
    return torch.tensor(array.transpose(axes) if array.ndim == 4 else array.T)


def torch_pass(layer, x, params):
    """Return outputs and gradients of a zootorch layer under autocast, in zoojax's axes."""
    weights = {TORCH_NAMES[name]: to_torch(params[name], (3, 2, 0, 1)) for name in params}
    layer.load_state_dict(weights, strict=False)
    is_picture = x.ndim == 4
    # As zootorch gets them: channels first by name, last in memory.
    inputs = torch.tensor(x).permute(0, 3, 1, 2) if is_picture else torch.tensor(x)
    inputs = inputs.bfloat16().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        outputs = layer(inputs)
    assert outputs.dtype == torch.bfloat16
    assert all(parameter.dtype == torch.float32 for parameter in layer.parameters())

    def back(tensor, axes=(0, 2, 3, 1)):
        array = tensor.detach().double().numpy()
        return array.transpose(axes) if array.ndim == 4 else array

    slopes = drawn(9, *back(outputs).shape)
    outputs.backward((to_torch(slopes) if slopes.ndim == 4 else torch.tensor(slopes)).bfloat16())
    grads = {name: back(getattr(layer, TORCH_NAMES[name]).grad, (2, 3, 1, 0)) for name in params}
    grads = {name: grad.T if grad.ndim == 2 else grad for name, grad in grads.items()}
    return {"outputs": back(outputs), "inputs": back(inputs.grad), **grads}


def part_that_differs(first, second):
    return np.mean(first != second)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_rounds_once_and_in_both_backends_alike(name):
    x, params = arguments(name)
    ours = jax_pass(LAYERS[name][0], x, params)
    theirs = torch_pass(LAYERS[name][1](), x, params)
    exact = exact_pass(name, x, params)
    for array in exact:
        is_added_up = name in CONVOLUTIONS and array != "outputs" and not HAS_BFLOAT16
        of_torch = ADDED_UP if is_added_up else NAME
        check(NAME, relative(ours[array], exact[array]))
        check(of_torch, relative(theirs[array], exact[array]))
        check(of_torch, relative(ours[array], theirs[array]))
    # On a GPU, zoojax rounds a product before its bias is added, and once more.
    for results in (ours, theirs) if jax.default_backend() == "cpu" else (theirs,):
        check(PART, part_that_differs(results["outputs"], rounded(exact["outputs"])))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("linear", {"dtype": None}),
        ("convolution", {"dilation": 2, "padding": 2}),
        ("batch norm", {"epsilon": 1e-2}),
        ("gelu", {"kind": "elu"}),
    ],
)
def test_another_layer_is_seen(name, options):
    x, params = arguments(name)
    exact = rounded(exact_pass(name, x, params)["outputs"])
    outputs = jax_pass(LAYERS[name][0].clone(**options), x, params)["outputs"]
    assert part_that_differs(outputs, exact) > 5 * ALLOWED[PART]


def test_what_is_rounded_too_often_is_seen():
    """An elu that rounds each of its steps, and a dropout that rounds 0.8."""
    x, _ = arguments("elu")
    exact = rounded(exact_pass("elu", x, {})["outputs"])
    stepwise = jnp.asarray(x, jnp.bfloat16)
    stepwise = jnp.where(stepwise > 0, stepwise, jnp.exp(stepwise) - 1)
    assert part_that_differs(np.asarray(stepwise, np.float64), exact) > 5 * ALLOWED[PART]
    kept = np.asarray(jnp.asarray(x, jnp.bfloat16) / 0.8, np.float64)
    assert part_that_differs(kept, rounded(x / 0.8)) > 5 * ALLOWED[PART]


def test_dropout_scales_in_float32():
    x = jnp.asarray(drawn(1, 64, 40), jnp.bfloat16)
    layer = layers.Dropout(0.2, layer=0)
    ours = np.asarray(jax.jit(layer.apply)({}, x, key=jax.random.key(3)), np.float64)
    kept = ours != 0
    assert 0.7 < kept.mean() < 0.9
    exact = np.where(kept, rounded(np.asarray(x, np.float64) / 0.8), 0)
    assert part_that_differs(ours, exact) <= ALLOWED[PART]


def test_sums_do_not_stop_at_256():
    """In bfloat16 256 + 1 is 256."""
    num = 5000
    x = jnp.ones((num, 1), jnp.bfloat16)
    params = {"kernel": jnp.ones((1, 1)), "bias": jnp.zeros(1)}

    def total(params):
        return layers.Dense(1, "bfloat16").apply({"params": params}, x).astype(jnp.float32).sum()

    grads = jax.grad(total)(params)
    assert grads["bias"].item() == pytest.approx(num, rel=1 / 256)
    assert grads["kernel"].item() == pytest.approx(num, rel=1 / 256)
    pictures = x.reshape(1, 50, 100, 1)
    assert layers.Head("average").apply({}, pictures).item() == 1
    variables = layers.BatchNorm().init(jax.random.key(0), pictures, train=False)
    assert {array.dtype for array in jax.tree.leaves(variables)} == {jnp.dtype("float32")}
    shifted = pictures + jnp.asarray(np.resize([0, 2], (1, 50, 100, 1)), jnp.bfloat16)
    _, updated = layers.BatchNorm().apply(variables, shifted, train=True, mutable=["batch_stats"])
    assert updated["batch_stats"]["mean"].item() == pytest.approx(0.1 * 2)
    assert updated["batch_stats"]["var"].item() == pytest.approx(0.9 + 0.1 * num / (num - 1))


NAMES = {
    "kernel_ih": "weight_ih_l0",
    "kernel_hh": "weight_hh_l0",
    "bias_ih": "bias_ih_l0",
    "bias_hh": "bias_hh_l0",
}


def recurrent_passes(cell, dtype=jnp.bfloat16):
    """Return outputs, last state and gradients of 7 steps in both backends; torch in bfloat16."""
    config = RNNConfig(input_size=5, hidden_dim=6, cell=cell)
    twin = RNN(config)
    weights = {name: getattr(twin.rnn, other) for name, other in NAMES.items()}
    params = {name: jnp.asarray(weight.detach().numpy().T) for name, weight in weights.items()}
    x, slopes = (drawn(seed, 8, 7, size) for seed, size in ((1, 5), (9, 6)))
    before = [drawn(seed, 8, 6) for seed in ((2, 3) if cell == "lstm" else (2,))]

    @jax.jit
    def both(params, x, before):
        layer = RecurrentLayer(config, dtype)
        (outputs, last), pull = jax.vjp(lambda p: layer.apply({"params": p}, x, before), params)
        (grads,) = pull((jnp.asarray(slopes, outputs.dtype), jax.tree.map(jnp.ones_like, last)))
        return {"outputs": outputs, "last": jnp.stack(last), **grads}

    ours = both(params, *jax.tree.map(jnp.float32, (x, before)))
    with torch.autocast("cpu", torch.bfloat16):
        parts = [torch.tensor(part[None]).float() for part in before]
        outputs, *last = twin._run_layer(0, torch.tensor(x).float(), parts)
    last = torch.cat(last)
    ((outputs * torch.tensor(slopes).bfloat16()).sum() + last.sum()).backward()
    grads = {name: weight.grad.t() for name, weight in weights.items()}
    return ours, {"outputs": outputs.detach(), "last": last.detach(), **grads}


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_recurrent_layer_and_its_state_are_bfloat16_in_both(cell):
    ours, theirs = recurrent_passes(cell)
    exact, _ = recurrent_passes(cell, None)
    for name, array in theirs.items():
        kind = "float32" if name in NAMES else "bfloat16"
        assert str(ours[name].dtype) == str(array.dtype).removeprefix("torch.") == kind
        check(RECURRENT, relative(ours[name], array.float()))
        for results in (ours[name], array.float()):
            check(RECURRENT, relative(results, exact[name]))
    assert relative(ours["outputs"], exact["outputs"]) > 1e-3


def test_a_state_of_another_cell_is_seen():
    (_, rnn), (_, gru) = (recurrent_passes(cell) for cell in ("rnn", "gru"))
    assert relative(rnn["last"].float(), gru["last"].float()) > ALLOWED[RECURRENT]
