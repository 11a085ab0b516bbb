"""Output sizes: the arithmetic against the formula, torch, Flax and both models."""

import math
from pathlib import Path

import jax
import numpy as np
import pytest
import safetensors.numpy
import torch
from flax import linen
from hypothesis import given, settings
from hypothesis import strategies as st

import zoojax.models
import zootorch.models
from parity_tests.helpers.builders import cnn_configs, few_examples
from zoojax.common.storage.files import load_weights
from zoojax.spec.config import CNNConfig
from zoojax.spec.config.models import cnn_layer_shapes
from zoojax.spec.conv import conv_output_size
from zoojax.spec.layout import num_parameters

REFERENCE = Path(__file__).parents[1] / "reference"

SPACINGS = st.fixed_dictionaries(
    {
        "kernel_size": st.integers(1, 7),
        "stride": st.integers(1, 4),
        "padding": st.integers(0, 4),
        "dilation": st.integers(1, 3),
    }
)


def size_of(size, spacing):
    options = dict(spacing)
    return conv_output_size(size, options.pop("kernel_size"), **options)


def fits(size, spacing):
    reach = spacing["dilation"] * (spacing["kernel_size"] - 1) + 1
    return reach <= size + 2 * spacing["padding"]


def torch_conv(spacing):
    return torch.nn.Conv2d(1, 1, **spacing, device="meta")


def torch_sizes(layer, height, width):
    return tuple(layer(torch.empty(1, 1, height, width, device="meta")).shape[2:])


def flax_sizes(layer, height, width):
    picture = jax.ShapeDtypeStruct((1, height, width, 1), np.float32)
    output, _ = jax.eval_shape(lambda x: layer.init_with_output(jax.random.key(0), x), picture)
    return output.shape[1:3]


@settings(max_examples=200, deadline=None)
@given(size=st.integers(1, 300), spacing=SPACINGS)
def test_a_size_is_that_of_the_formula(size, spacing):
    kernel, stride, padding, dilation = (
        spacing[name] for name in ("kernel_size", "stride", "padding", "dilation")
    )
    if not fits(size, spacing):
        with pytest.raises(ValueError, match=f"input of size {size} with padding {padding} has"):
            size_of(size, spacing)
        return
    formula = math.floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1)
    assert size_of(size, spacing) == formula


@settings(max_examples=60, deadline=None)
@given(height=st.integers(1, 40), width=st.integers(1, 40), spacing=SPACINGS)
def test_a_size_is_that_of_a_convolution(height, width, spacing):
    if not (fits(height, spacing) and fits(width, spacing)):
        with pytest.raises(RuntimeError, match="Kernel size can't be greater"):
            torch_sizes(torch_conv(spacing), height, width)
        return
    expected = (size_of(height, spacing), size_of(width, spacing))
    assert torch_sizes(torch_conv(spacing), height, width) == expected
    conv = linen.Conv(
        1,
        (spacing["kernel_size"],) * 2,
        strides=spacing["stride"],
        padding=spacing["padding"],
        kernel_dilation=spacing["dilation"],
    )
    assert flax_sizes(conv, height, width) == expected


@settings(max_examples=60, deadline=None)
@given(height=st.integers(6, 40), width=st.integers(6, 40), pooling=st.integers(1, 6))
def test_a_size_is_that_of_a_pool(height, width, pooling):
    expected = tuple(conv_output_size(n, pooling, stride=pooling) for n in (height, width))
    for layer in (torch.nn.MaxPool2d, torch.nn.AvgPool2d):
        assert torch_sizes(layer(pooling), height, width) == expected
    for layer in (zoojax.models.cnn.MaxPool2d, zoojax.models.cnn.AvgPool2d):
        assert flax_sizes(layer(pooling), height, width) == expected
    picture = np.zeros((1, height, width, 1), np.float32)
    window = (pooling, pooling)
    pooled = jax.eval_shape(lambda x: linen.max_pool(x, window, strides=window), picture)
    assert pooled.shape[1:3] == expected


PATCH = np.array([[5, 2, 6], [4, 3, 4], [3, 9, 2]], np.float32)
KERNEL = np.array([[-1, 0, 1], [2, 1, 2], [1, -2, 0]], np.float32)


def flax_convolve(patch, kernel):
    conv = linen.Conv(1, (3, 3), padding=0, use_bias=False)
    params = {"kernel": kernel[:, :, None, None]}
    return conv.apply({"params": params}, patch[None, :, :, None])


def torch_convolve(patch, kernel):
    conv = torch.nn.Conv2d(1, 1, 3, bias=False)
    conv.weight.data = torch.from_numpy(kernel)[None, None]
    return conv(torch.from_numpy(patch)[None, None]).detach()


@pytest.mark.parametrize("convolve", [flax_convolve, torch_convolve])
def test_the_convolution_worked_by_hand_gives_five(convolve):
    assert (PATCH * KERNEL).sum() == 5
    result = np.asarray(convolve(PATCH, KERNEL))
    assert result.shape == (1, 1, 1, 1)
    assert result.item() == 5
    # A convolution in the mathematician's sense, its kernel turned around, would give 22.
    assert np.asarray(convolve(PATCH, KERNEL[::-1, ::-1].copy())).item() == 22


@few_examples(15)
@given(config=cnn_configs())
def test_the_table_of_layers_is_what_both_models_produce(config):
    rows = cnn_layer_shapes(config)
    expected = {row.name: row.shape for row in rows}
    assert len(expected) == len(rows)
    assert zoojax.models.layer_shapes(zoojax.CNN(config)) == expected
    assert zootorch.models.layer_shapes(zootorch.CNN(config)) == expected


@pytest.mark.parametrize("option", ["height", "width", "num_cnn_channels", "hidden_dim"])
def test_another_configuration_has_another_table(option):
    config = CNNConfig(height=21, width=33)
    other = CNNConfig(**{"height": 21, "width": 33, option: 50})
    model = zootorch.models.layer_shapes(zootorch.CNN(other))
    assert model != {row.name: row.shape for row in cnn_layer_shapes(config)}


@pytest.mark.parametrize(
    ("name", "sizes", "features"),
    [
        ("cnn_small", [(32, 32), (16, 16), (16, 16), (8, 8), (8, 8), (4, 4)], 128),
        ("cnn_rect", [(40, 28), (20, 14), (20, 14), (10, 7)], 560),
        ("cnn_stride", [(23, 23), (11, 11), (6, 6), (3, 3)], 72),
    ],
)
def test_the_workshops_models_have_their_known_sizes(name, sizes, features):
    _, config = load_weights(REFERENCE / name)
    shapes = {row.name: row.shape for row in cnn_layer_shapes(config)}
    found = [shapes[f"conv_block.{i}"] for i in range(3 * len(sizes) // 2) if i % 3 != 1]
    assert found == [(8, *size) for size in sizes]
    assert shapes["head"] == (features,)
    weights = safetensors.numpy.load_file(REFERENCE / name / "model.safetensors")
    assert weights["linear_block.0.weight"].shape == (16, features)
    assert shapes["output_block"] == (config.num_classes,)


def test_the_published_model_has_its_number_of_parameters():
    config = CNNConfig(num_cnn_channels=16, num_cnn_layers=3, hidden_dim=16, num_layers=1)
    assert num_parameters(config) == 22_852
    model = zootorch.CNN(config)
    assert sum(parameter.numel() for parameter in model.parameters()) == 22_852
