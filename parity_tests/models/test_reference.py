"""The workshop's own models: weights, outputs, gradients and ten Adam steps it computed."""

import functools
import json
import shutil
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from safetensors.numpy import load_file

import zoojax
import zootorch
from parity_tests.helpers.builders import first, frozen_parameters, idle_parameters, model_types
from parity_tests.tolerances import check, relative
from zoojax import weights as jax_weights
from zoojax.common.storage import files
from zoojax.optimizers import scale_by_adam
from zootorch import weights as torch_weights

ADAM = optax.chain(scale_by_adam(), optax.scale(-1e-3))
FOLDER = Path(__file__).parents[1] / "reference"
NAMES = pytest.mark.parametrize(
    "name", ["cnn_small", "cnn_rect", "cnn_stride", "mlp", "rnn", "lstm"]
)


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

    def loss(self, package):
        return package.cross_entropy if "labels" in self.io else package.mean_squared_error

    def targets(self):
        return self.io["labels" if "labels" in self.io else "targets"]


class JaxSide:
    """The reference in zoojax: pictures channels last, a state passed along.

    Sides of one reference are equal, so that JAX compiles their functions once.
    """

    def __init__(self, reference):
        self.folder = reference.folder
        model, variables = zoojax.load_pretrained(reference.folder)
        self.model = type(model)(reference.without_dropout(model.config))
        inputs = reference.io["input"]
        self.inputs = jnp.asarray(inputs.transpose(0, 2, 3, 1) if inputs.ndim == 4 else inputs)
        self.targets, self.loss = jnp.asarray(reference.targets()), reference.loss(zoojax)
        self.variables = {"batch_stats": {}, **variables}
        self.opt_state = ADAM.init(variables["params"])

    def __eq__(self, other):
        return self.folder == other.folder

    def __hash__(self):
        return hash(self.folder)

    @functools.partial(jax.jit, static_argnums=0)
    def forward(self, variables):
        return first(self.model.apply(variables, self.inputs))

    def eval_output(self):
        return self.forward(self.variables)

    @functools.partial(jax.jit, static_argnums=0)
    def gradient(self, variables):
        def loss_of(params):
            outputs, updated = self.model.apply(
                {**variables, "params": params}, self.inputs, train=True, mutable=["batch_stats"]
            )
            return self.loss(first(outputs), self.targets), updated.get("batch_stats", {})

        return jax.value_and_grad(loss_of, has_aux=True)(variables["params"])

    def named_grads(self):
        return jax_weights.to_arrays(self.model, {"params": self.gradient(self.variables)[1]})

    def step(self):
        (loss, stats), grads = self.gradient(self.variables)
        updates, self.opt_state = ADAM.update(grads, self.opt_state)
        params = optax.apply_updates(self.variables["params"], updates)
        self.variables = {"params": params, "batch_stats": stats}
        return float(loss)

    def arrays(self):
        return jax_weights.to_arrays(self.model, self.variables)


class TorchSide:
    """The reference in zootorch: pictures channels first, a model that changes."""

    def __init__(self, reference):
        _, config = files.load_weights(reference.folder)
        model_type = model_types(config)[1]
        self.model = model_type(reference.without_dropout(config))
        # Strict: the model stands in for the workshop's.
        self.model.load_state_dict(model_type.from_pretrained(reference.folder).state_dict())
        self.inputs = torch.from_numpy(reference.io["input"])
        self.targets, self.loss = torch.from_numpy(reference.targets()), reference.loss(zootorch)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3)

    def eval_output(self):
        return first(self.model.eval()(self.inputs)).detach()

    def backward(self):
        self.optimizer.zero_grad()
        loss = self.loss(first(self.model.train()(self.inputs)), self.targets)
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


def of_model(name, what):
    """Return the name of a tolerance; of cnn_small it is one of cnn."""
    return f"{name.partition('_')[0]}: {what}"


@NAMES
@SIDES
def test_eval_output_is_the_workshops(name, side_type):
    reference = Reference(name)
    output = side_type(reference).eval_output()
    check(of_model(name, "workshop's outputs"), relative(output, reference.io["eval_output"]))


@NAMES
@SIDES
def test_gradients_are_the_workshops(name, side_type):
    reference = Reference(name)
    side = side_type(reference)
    grads = side.named_grads()
    assert set(grads) == set(reference.grads)
    largest = max(np.abs(grad).max() for grad in reference.grads.values())
    idle = idle_parameters(side.model.config) | frozen_parameters(side.model.config)
    for key, expected in reference.grads.items():
        if key in idle:
            # Zero on paper: what either side has is rounding, small beside real gradients.
            check(of_model(name, "workshop's gradients"), np.abs(grads[key]).max() / largest)
        else:
            check(of_model(name, "workshop's gradients"), relative(grads[key], expected))


@NAMES
@SIDES
def test_ten_adam_steps_are_the_workshops(name, side_type):
    reference = Reference(name)
    side = side_type(reference)
    losses = np.array([side.step() for _ in range(10)])
    expected = reference.io["losses_adam_lr1e-3_no_dropout"]
    check(of_model(name, "workshop's ten Adam steps"), np.abs(losses / expected - 1).max())
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


@NAMES
def test_the_workshops_state_dict_loads_as_it_is(name):
    arrays = load_file(FOLDER / name / "model.safetensors")
    _, config = files.load_weights(FOLDER / name)
    model = model_types(config)[1](config)
    model.load_state_dict({key: torch.from_numpy(array) for key, array in arrays.items()})


@pytest.mark.parametrize("name", ["rnn", "lstm"])
def test_a_configuration_without_its_cell_is_told_by_the_weights(name, tmp_path):
    shutil.copytree(FOLDER / name, tmp_path, dirs_exist_ok=True)
    options = json.loads((tmp_path / "config.json").read_text())
    assert options.pop("cell") == name
    (tmp_path / "config.json").write_text(json.dumps(options))
    assert zoojax.load_pretrained(tmp_path)[0].config.cell == name
    assert zootorch.RNN.from_pretrained(tmp_path).config.cell == name


def test_a_model_of_another_kind_is_refused():
    with pytest.raises(ValueError, match=r"config.json describes an MLP, not an RNN"):
        zootorch.RNN.from_pretrained(FOLDER / "mlp")


def test_the_reference_files_are_the_workshops_names():
    arrays = load_file(FOLDER / "cnn_small" / "model.safetensors")
    assert "conv_block.0.weight" in arrays
    assert "output_block.bias" in arrays
