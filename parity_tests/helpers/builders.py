"""Models, batches and trained states that several test files need."""

import json
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from hypothesis import HealthCheck, Phase, reject, settings
from hypothesis import strategies as st

import zoojax
import zootorch
from parity_tests.tolerances import relative
from zoojax import weights as jax_weights
from zoojax.spec.config import CNNConfig, MLPConfig, RNNConfig, ShapesConfig, TrainConfig
from zoojax.spec.records import Batch
from zootorch import weights as torch_weights

SMALL_DATA = ShapesConfig(image_height=32, image_width=32, min_size=8, max_size=16)
SMALL_CNN = CNNConfig(height=32, width=32, num_cnn_channels=8, num_cnn_layers=1, num_layers=1)


def small_dataset(num_each=5, seed=5, target="shape"):
    """Return the same labelled pictures for both backends: NumPy arrays, and tensors."""
    drawn = zootorch.ShapesDataset(SMALL_DATA, num_each, seed).arrays()
    dataset = Batch(drawn.images, getattr(drawn, target))
    return Batch(*(field.numpy() for field in dataset)), dataset


def example_shape(config, num_steps=6):
    """Return the shape of one sample as zoojax takes it."""
    if isinstance(config, MLPConfig):
        return (config.input_dim,)
    if isinstance(config, RNNConfig):
        return (num_steps, config.input_size)
    return (config.height, config.width, config.num_input_channels)


def model_types(config):
    """Return the classes of zoojax and zootorch that a configuration is of."""
    name = type(config).__name__.removesuffix("Config")
    return getattr(zoojax, name), getattr(zootorch, name)


def twins(config, *, seed=5, dtype="float32"):
    """Return a zoojax model with its variables, and the zootorch model, from one seed."""
    jax_type, torch_type = model_types(config)
    model = jax_type(config)
    example = jnp.zeros((1, *example_shape(config)), dtype)
    variables = zoojax.init(jax.random.key(seed), model, example)
    twin = torch_type(config, zootorch.Generator(seed)).to(getattr(torch, dtype))
    return model, variables, twin


def first(outputs):
    """Return predictions alone where a recurrent model gives its state as well."""
    return outputs[0] if isinstance(outputs, tuple) else outputs


def twin_trainers(config, train_config):
    """Return a zoojax state and a zootorch trainer before their first step."""
    model, variables, twin = twins(config, seed=train_config.seed, dtype=train_config.dtype)
    return zoojax.create_state(model, variables, train_config), zootorch.Trainer(twin, train_config)


def jax_arrays(state):
    """Return weights, statistics and Adam's moments of a zoojax state, by name in files."""
    to_arrays = jax_weights.to_arrays
    return {
        "weights": to_arrays(state.model, state.variables),
        "mu": to_arrays(state.model, {"params": optax.tree.get(state.opt_state, "mu")}),
        "nu": to_arrays(state.model, {"params": optax.tree.get(state.opt_state, "nu")}),
    }


def torch_arrays(trainer):
    """Return weights, statistics and Adam's moments of a zootorch trainer, by name in files."""
    moments = {}
    for name, parameter in trainer.model.named_parameters():
        moments[name] = trainer.optimizer.state[parameter]
    return {
        "weights": torch_weights.to_arrays(trainer.model),
        "mu": {name: each["exp_avg"].numpy() for name, each in moments.items()},
        "nu": {name: each["exp_avg_sq"].numpy() for name, each in moments.items()},
    }


def idle_parameters(config):
    """Return the names of parameters on which the training loss does not depend.

    A BatchNorm subtracts the mean of each channel. So the bias of the linear layer before it has
    gradient zero on paper; and so has the bias of an earlier BatchNorm, when only pools and
    layers that turn a constant into a constant are in between: the last convolution's always (a
    linear layer follows), the others' when nothing is padded. With an activation in between it
    does not. In practice the gradient is rounding noise, which Adam turns into steps of full
    size and any sign: harmless to the loss, but such parameters, and the running means that
    contain them, cannot be compared in float32.

    Biases of convolutions are not among them: see ``frozen_parameters``.
    """
    if isinstance(config, RNNConfig):
        return set()
    if isinstance(config, MLPConfig):
        return {f"block.{4 * block}.bias" for block in range(config.num_layers + 1)}
    blocks = range(config.num_cnn_layers + 2)
    names = {f"linear_block.{4 * block}.bias" for block in range(config.num_layers + 1)}
    if config.conv_activation == "none":
        unpadded = blocks if config.padding == 0 else blocks[-1:]
        names |= {f"conv_block.{3 * block + 1}.bias" for block in unpadded}
    return names


def frozen_parameters(config):
    """Return the names of parameters whose gradient is exactly zero in training, in both backends.

    These are the biases of convolutions, which the BatchNorm after them subtracts again: they keep
    their initial values, up to weight decay. In the workshop they take steps of rounding noise.
    """
    if not isinstance(config, CNNConfig):
        return set()
    return {f"conv_block.{3 * block}.bias" for block in range(config.num_cnn_layers + 2)}


def train_config(**options):
    """Return a training configuration for the small data: seed 5 unless given."""
    return TrainConfig(**{"seed": 5, "batch_size": 16, **options})


@st.composite
def cnn_configs(draw, **fixed):
    """Return any small CNN that is possible; ``fixed`` options as given."""
    options = {
        "num_classes": st.integers(1, 9),
        "height": st.integers(8, 60),
        "width": st.integers(8, 60),
        "num_input_channels": st.integers(1, 4),
        "num_cnn_channels": st.integers(1, 6),
        "num_cnn_layers": st.integers(0, 2),
        "hidden_dim": st.integers(1, 9),
        "num_layers": st.integers(0, 2),
        "kernel_size": st.integers(1, 5),
        "stride": st.integers(1, 2),
        "padding": st.integers(0, 3),
        "pooling": st.integers(1, 3),
        "dilation": st.integers(1, 3),
        "conv_activation": st.sampled_from(("none", "relu", "gelu")),
        "linear_activation": st.sampled_from(("relu", "leaky_relu", "elu")),
        "head": st.sampled_from(("flatten", "max", "average")),
    }
    try:
        return CNNConfig(**draw(st.fixed_dictionaries(options)) | fixed)
    except ValueError:
        reject()


def variants(names, *, slow=(), quick=None):
    """Return parameters of a test; all that are ``slow``, or not ``quick``, are marked as slow."""
    slow = set(slow) if quick is None else set(names) - set(quick)
    return [pytest.param(name, marks=[pytest.mark.slow] if name in slow else []) for name in names]


def few_examples(num):
    """Return settings for tests that compile a model an example, and so search for no smaller.

    Args:
        num: of examples; where a profile has fewer than "compiled", a part of them, at least 2.
    """
    usual = settings.get_profile("compiled").max_examples
    return settings(
        max_examples=max(2, num * settings.default.max_examples // usual),
        deadline=None,
        phases=(Phase.reuse, Phase.generate),
        suppress_health_check=[HealthCheck.filter_too_much],
    )


def check_refused(message, *calls):
    """Assert that every call raises a ``ValueError`` that says ``message``, and the same one."""
    said = set()
    for call in calls:
        with pytest.raises(ValueError, match=re.escape(message)) as caught:
            call()
        said.add(str(caught.value))
    assert len(said) == 1


def score_difference(ours, theirs, scale=None):
    """Return the largest relative difference of numbers, lists and mappings of them.

    The names must be the same in the same order. Where only one is NaN the difference is
    infinite. Correlations have a scale of 1: one near 0 says nothing of the rounding in it.
    """
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        scales = {"r2": 1.0, "pearson_r": 1.0}
        return max(score_difference(ours[k], v, scales.get(k, scale)) for k, v in theirs.items())
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    assert ours.shape == theirs.shape
    if (np.isnan(ours) != np.isnan(theirs)).any():
        return np.inf
    ours, theirs = np.nan_to_num(ours), np.nan_to_num(theirs)
    return relative(ours, theirs) if scale is None else np.abs(ours - theirs).max() / scale


def flip(content, place):
    """Return bytes of which one has its last bit changed."""
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


DAMAGES = {
    "first byte": lambda content: flip(content, 0),
    "byte in the middle": lambda content: flip(content, len(content) // 2),
    "last byte": lambda content: flip(content, len(content) - 1),
    "truncated": lambda content: content[:-1],
    "extended": lambda content: content + b"\n",
    "emptied": lambda content: b"",
}
"""What can happen to a file on disk."""


def change_card(path, *keys, value):
    """Change what a data set's card says under ``keys``, one inside the other."""
    card = part = json.loads(path.read_text())
    *outer, last = keys
    for key in outer:
        part = part[key]
    part[last] = value
    path.write_text(json.dumps(card))


def assert_dataset_refused(load, path, *parts, error=ValueError):
    """Assert that loading a data set raises an error that names a file of it and says ``parts``.

    Args:
        load: function of the data set's folder.
        path: of the file.
        parts: what the error must say as well.
        error: type of the error.
    """
    with pytest.raises(error) as caught:
        load(path.parent)
    for part in (str(path), *parts):
        assert part in str(caught.value)
