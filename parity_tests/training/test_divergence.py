"""A run whose loss is no longer finite stops, and says where and why."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
import torch

import zoojax
import zootorch
from parity_tests.helpers.builders import SMALL_CNN, small_dataset, train_config, twins
from zoojax.spec.layout import layout
from zoojax.spec.records import NonFiniteLossError

# Steps of this size overflow float32 squares within a few updates.
DIVERGING = train_config(learning_rate=1e30)
PARAMETERS = {leaf.name for leaf in layout(SMALL_CNN) if leaf.path[0] == "params"}


def fit_jax(config):
    model, variables, _ = twins(SMALL_CNN)
    zoojax.fit(model, variables, small_dataset()[0], config=config)


def fit_torch(config):
    _, _, twin = twins(SMALL_CNN)
    zootorch.Trainer(twin, config).fit(small_dataset()[1])


@pytest.mark.parametrize("fit", [fit_jax, fit_torch])
def test_a_run_that_diverges_says_step_loss_and_gradients(fit):
    with pytest.raises(NonFiniteLossError) as caught:
        fit(DIVERGING)
    error = caught.value
    assert 0 < error.step < 10
    assert not np.isfinite(error.loss)
    assert set(error.largest_gradients) == PARAMETERS
    for part in (f"at step {error.step}", str(error.loss), "conv_block.0.weight"):
        assert part in str(error)


@pytest.mark.parametrize("fit", [fit_jax, fit_torch])
def test_a_run_that_does_not_diverge_goes_on(fit):
    fit(dataclasses.replace(DIVERGING, learning_rate=1e-3, num_epochs=1))


def test_the_first_step_that_is_not_finite_is_named():
    """Weights that overflow at once: the step is 0 and the gradients are those of that step."""
    model, variables, twin = twins(SMALL_CNN)
    kernel = variables["params"]["output_block"]["kernel"]
    variables["params"]["output_block"]["kernel"] = jnp.full_like(kernel, jnp.inf)
    with torch.no_grad():
        twin.output_block.weight.fill_(torch.inf)
    arrays, tensors = small_dataset()
    for fit in (
        lambda: zoojax.fit(model, variables, arrays, config=train_config()),
        lambda: zootorch.Trainer(twin, train_config()).fit(tensors),
    ):
        with pytest.raises(NonFiniteLossError) as caught:
            fit()
        assert caught.value.step == 0
        assert np.isnan(caught.value.largest_gradients["output_block.weight"])
