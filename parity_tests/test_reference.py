"""The workshop's own models: weights, outputs, gradients and ten Adam steps it computed."""

import functools
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from builders import idle_parameters
from safetensors.numpy import load_file
from tolerances import check, relative

import zoojax
import zootorch
from zoojax import weights as jax_weights
from zoojax.optimizers import adam
from zootorch import weights as torch_weights

FOLDER = Path(__file__).parent / "reference"
NAMES = pytest.mark.parametrize("name", ["cnn_small", "cnn_rect", "cnn_stride"])


class Reference:
    """One model of the workshop: where it is, and what it gave."""

    def __init__(self, name):
        self.folder = FOLDER / name
        self.io = dict(np.load(self.folder / "io.npz"))
        self.grads = {k.removeprefix("grad/"): v for k, v in self.io.items() if "grad/" in k}
        self.after10 = {
            k.removeprefix("after10/"): v for k, v in self.io.items() if "after10/" in k
        }

    def without_dropout(self, config):
        options = json.loads((self.folder / "config.json").read_text())
        return type(config)(**{**options, "dropout": 0.0})


class JaxSide:
    """The reference in zoojax: pictures channels last, a state passed along."""

    def __init__(self, reference):
        model, variables = zoojax.load_pretrained(reference.folder)
        self.model = zoojax.CNN(reference.without_dropout(model.config))
        self.images = jnp.asarray(reference.io["input"].transpose(0, 2, 3, 1))
        self.labels = jnp.asarray(reference.io["labels"])
        self.variables = variables
        self.opt_state = adam(1e-3).init(variables["params"])

    def eval_output(self):
        return jax.jit(self.model.apply)(self.variables, self.images)

    @functools.partial(jax.jit, static_argnums=0)
    def gradient(self, variables):
        def loss_of(params):
            logits, updated = self.model.apply(
                {**variables, "params": params}, self.images, train=True, mutable=["batch_stats"]
            )
            return zoojax.cross_entropy(logits, self.labels), updated["batch_stats"]

        return jax.value_and_grad(loss_of, has_aux=True)(variables["params"])

    def named_grads(self):
        return jax_weights.to_arrays(self.model, {"params": self.gradient(self.variables)[1]})

    def step(self):
        (loss, stats), grads = self.gradient(self.variables)
        updates, self.opt_state = adam(1e-3).update(grads, self.opt_state)
        params = optax.apply_updates(self.variables["params"], updates)
        self.variables = {"params": params, "batch_stats": stats}
        return float(loss)

    def arrays(self):
        return jax_weights.to_arrays(self.model, self.variables)


class TorchSide:
    """The reference in zootorch: pictures channels first, a model that changes."""

    def __init__(self, reference):
        loaded = zootorch.CNN.from_pretrained(reference.folder)
        self.model = zootorch.CNN(reference.without_dropout(loaded.config))
        self.model.load_state_dict(loaded.state_dict())
        self.images = torch.from_numpy(reference.io["input"])
        self.labels = torch.from_numpy(reference.io["labels"])
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3)

    def eval_output(self):
        return self.model.eval()(self.images).detach()

    def backward(self):
        self.optimizer.zero_grad()
        loss = zootorch.cross_entropy(self.model.train()(self.images), self.labels)
        loss.backward()
        return loss.item()

    def named_grads(self):
        self.backward()
        return {name: p.grad.numpy() for name, p in self.model.named_parameters()}

    def step(self):
        loss = self.backward()
        self.optimizer.step()
        return loss

    def arrays(self):
        return torch_weights.to_arrays(self.model)


SIDES = pytest.mark.parametrize("side_type", [JaxSide, TorchSide])


@NAMES
@SIDES
def test_eval_output_is_the_workshops(name, side_type):
    reference = Reference(name)
    output = side_type(reference).eval_output()
    check("reference, eval output", relative(output, reference.io["eval_output"]))


@NAMES
@SIDES
def test_gradients_are_the_workshops(name, side_type):
    reference = Reference(name)
    side = side_type(reference)
    grads = side.named_grads()
    assert set(grads) == set(reference.grads)
    largest = max(np.abs(grad).max() for grad in reference.grads.values())
    idle = idle_parameters(side.model.config)
    for key, expected in reference.grads.items():
        if key in idle:
            # Zero on paper: what either side has is rounding, small beside real gradients.
            check("reference, gradients", np.abs(grads[key]).max() / largest)
        else:
            check("reference, gradients", relative(grads[key], expected))


@NAMES
@SIDES
def test_ten_adam_steps_are_the_workshops(name, side_type):
    reference = Reference(name)
    side = side_type(reference)
    losses = np.array([side.step() for _ in range(10)])
    expected = reference.io["losses_adam_lr1e-3_no_dropout"]
    check("reference, ten Adam steps, losses", np.abs(losses / expected - 1).max())
    arrays = side.arrays()
    for key, running in reference.after10.items():
        if key.endswith("running_mean"):
            # It holds the idle bias, which noise moves by up to 1e-3 a step.
            distance = np.abs(arrays[key] - running).max()
            check("reference, ten Adam steps, running means", distance)
        else:
            check("reference, ten Adam steps, running statistics", relative(arrays[key], running))
    output = relative(side.eval_output(), reference.io["eval_output_after10"])
    check("reference, ten Adam steps, eval output", output)


@SIDES
def test_a_perturbed_weight_is_seen(side_type):
    reference = Reference("cnn_small")
    side = side_type(reference)
    before = np.asarray(side.eval_output())
    side.step()
    assert relative(side.eval_output(), before) > 0.01


def test_the_reference_files_are_the_workshops_names():
    arrays = load_file(FOLDER / "cnn_small" / "model.safetensors")
    assert "conv_block.0.weight" in arrays
    assert "output_block.bias" in arrays
