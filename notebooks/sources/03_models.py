# %% [markdown]
# # 3 Models as objects, models as functions
#
# This is what the project is about. An **object** holds its numbers and
# changes them. A **function** is given its numbers and returns others.
# Here one network is written in both ways; then come the other two
# corners of the square, torch used as functions and Flax used as
# objects; and all four are trained on the same data, to the same
# losses.

# %%
# Installs what is missing, as on a hosted notebook: from the checkout
# that this file is in, or else by name.
import importlib.util
import subprocess
import sys
from pathlib import Path

if importlib.util.find_spec("zoojax") is None:
    folders = [Path.cwd(), *Path.cwd().parents]
    found = [each for each in folders if (each / "zoojax").is_dir()]
    package = f"{found[0] if found else 'zooparity'}[jax,torch]"
    pip = [sys.executable, "-m", "pip", "install", "-q", package]
    subprocess.run(pip, check=True)
    importlib.invalidate_caches()

# %%
import itertools

import jax

jax.config.update(
    "jax_enable_x64", True
)  # float64, so that rounding cannot hide a difference

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
import torch
from flax import nnx

import zoojax
import zootorch
from zoojax.spec import figures
from zoojax.spec.exercises import check
from zoojax.spec.side_by_side import SideBySide

# %% [markdown]
# ## Two ways to write a network
#
# Left the description: `__call__` says what is done with an input, and
# the numbers come from `self.param` in each layer, which asks `apply`
# for them. Right the object: `__init__` makes layers, and with them
# their numbers; `forward` uses them.

# %%
SideBySide(zoojax.MLP, zootorch.MLP)

# %% [markdown]
# Line by line, in the object:
#
# - `class MLP(nn.Module)`: what is written here is a kind of
#   `nn.Module`, and inherits what that can do.
# - `__init__` runs when somebody writes `MLP(config)`. `self` is the
#   object being made.
# - `super().__init__()` lets `nn.Module` prepare first: without it
#   there is no place to keep layers in.
# - `self.block = ...` keeps the layers *in the object*; torch finds
#   their numbers there, all of them, in `model.parameters()`.
# - `forward` is what `model(x)` calls. It needs no numbers as
#   arguments: `self` has them.
#
# In the function there is nothing to prepare: `MLP(config)` holds the
# configuration alone.

# %%
config = zoojax.MLPConfig(
    input_dim=8, hidden_dim=16, num_layers=1, output_dim=2, dropout=0.0
)
x = np.random.default_rng(0).normal(size=(5, 8))

model = zootorch.MLP(config, zootorch.Generator(7)).double().eval()
print("object:  ", model(torch.tensor(x))[0].detach().numpy())

described = zoojax.MLP(config)
variables = zoojax.init(jax.random.key(7), described, jnp.asarray(x))
print("function:", described.apply(variables, x)[0])

# %% [markdown]
# ## What is state, and where it lives

# %%
print("in the object:")
for name, value in list(model.state_dict().items())[:7]:
    print(f"  {name:28} {tuple(value.shape)}")
print("in your hands:")
for path, value in jax.tree_util.tree_leaves_with_path(variables)[:6]:
    print(f"  {jax.tree_util.keystr(path):46} {value.shape}")

# %% [markdown]
# The function cannot change anything, and needs not be told whether it
# is training: you say so at each call, and a BatchNorm's new running
# mean comes back beside the outputs. The object remembers a mode, and
# changes without a word when it is called in train mode:

# %%
norm = "block.1.running_mean"
before = model.state_dict()[norm].clone()
model.train()
model(torch.tensor(x))
print(
    "object changed by a call:    ",
    not torch.equal(before, model.state_dict()[norm]),
)

outputs, changed = described.apply(
    variables, x, train=True, mutable=["batch_stats"]
)
mean = variables["batch_stats"]["block_1"]["mean"]
print("variables changed by a call: ", bool((mean != 0).any()))
print(
    "what came back is the change:",
    bool((changed["batch_stats"]["block_1"]["mean"] != 0).any()),
)

# %% [markdown]
# ## Four designs, one loss curve
#
# A regression on eight features, 64 samples, 60 steps of gradient
# descent. All four start from the same numbers.

# %%
NUM_STEPS, RATE = 60, 0.05
generator = np.random.default_rng(1)
inputs = generator.normal(size=(64, 8))
targets = np.stack(
    [np.sin(inputs[:, 0]), inputs[:, 1] * inputs[:, 2]], axis=1
)
curves = {}

# %% [markdown]
# **Objects in torch.** The model holds parameters, each parameter holds
# its gradient, the optimiser changes the parameters.

# %%
model = zootorch.MLP(config, zootorch.Generator(7)).double()
optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
x, y = torch.tensor(inputs), torch.tensor(targets)

losses = []
for _ in range(NUM_STEPS):
    optimizer.zero_grad()
    loss = ((model(x) - y) ** 2).mean()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
curves["torch, objects"] = losses

# %% [markdown]
# **Functions in JAX.** The loss is a function of the parameters,
# `value_and_grad` makes another function of it, and a step returns new
# parameters.

# %%
described = zoojax.MLP(config)


def loss_of(params, batch_stats, x, y):
    outputs, changed = described.apply(
        {"params": params, "batch_stats": batch_stats},
        x,
        train=True,
        mutable=["batch_stats"],
    )
    return ((outputs - y) ** 2).mean(), changed["batch_stats"]


@jax.jit
def step(params, batch_stats, x, y):
    (loss, batch_stats), grads = jax.value_and_grad(
        loss_of, has_aux=True
    )(params, batch_stats, x, y)
    params = jax.tree.map(lambda p, g: p - RATE * g, params, grads)
    return params, batch_stats, loss


variables = zoojax.init(
    jax.random.key(7), described, jnp.asarray(inputs)
)
params, batch_stats = variables["params"], variables["batch_stats"]
losses = []
for _ in range(NUM_STEPS):
    params, batch_stats, loss = step(
        params, batch_stats, inputs, targets
    )
    losses.append(loss.item())
curves["JAX, functions"] = losses

# %% [markdown]
# **Functions in torch.** `functional_call` runs an object with numbers
# from outside; `torch.func` has `grad` and `vmap` as JAX has them. The
# object has become a description.

# %%
from torch.func import functional_call, grad_and_value

description = zootorch.MLP(config, zootorch.Generator(7)).double()


def torch_loss(params, buffers, x, y):
    return (
        (functional_call(description, {**params, **buffers}, (x,)) - y)
        ** 2
    ).mean()


params = {
    name: each.detach().clone()
    for name, each in description.named_parameters()
}
buffers = {
    name: each.clone() for name, each in description.named_buffers()
}
losses = []
for _ in range(NUM_STEPS):
    grads, loss = grad_and_value(torch_loss)(params, buffers, x, y)
    params = {
        name: each - RATE * grads[name] for name, each in params.items()
    }
    losses.append(loss.item())
curves["torch, functions"] = losses

# %% [markdown]
# One thing stays impure: a BatchNorm of torch writes its running
# statistics into the `buffers` that it is given. And `vmap` gives a
# gradient for each sample, here of a model in eval mode:

# %%
description.eval()
one_sample = torch.func.grad(
    lambda p, x, y: torch_loss(p, buffers, x[None], y[None])
)
each = torch.func.vmap(one_sample, in_dims=(None, 0, 0))(params, x, y)
print(
    {name: tuple(value.shape) for name, value in list(each.items())[:3]}
)

# %% [markdown]
# **Objects in JAX.** Flax NNX writes models as torch does: layers hold
# their numbers, an optimiser changes the model. Underneath,
# `nnx.value_and_grad` takes the object apart into functions and state,
# and puts it together again.


# %%
class Network(nnx.Module):
    def __init__(self, config, rngs):
        kind = {"param_dtype": jnp.float64, "rngs": rngs}
        features = [config.input_dim] + [config.hidden_dim] * (
            config.num_layers + 1
        )
        self.linears = nnx.List(
            nnx.Linear(a, b, **kind)
            for a, b in itertools.pairwise(features)
        )
        self.norms = nnx.List(
            nnx.BatchNorm(
                b, epsilon=1e-5, use_fast_variance=False, **kind
            )
            for b in features[1:]
        )
        self.last = nnx.Linear(features[-1], config.output_dim, **kind)

    def __call__(self, x):
        for linear, norm in zip(self.linears, self.norms, strict=True):
            x = nnx.relu(norm(linear(x)))
        return self.last(x)


network = Network(config, nnx.Rngs(0))
start = variables["params"]  # the same numbers as the others
for place, linear in enumerate([*network.linears, network.last]):
    linear.kernel[...] = start[f"block_{4 * place}"]["kernel"]
    linear.bias[...] = start[f"block_{4 * place}"]["bias"]
for norm in (
    network.norms
):  # NNX makes running statistics float32, whatever the parameters are
    norm.mean, norm.var = (
        nnx.BatchStat(jnp.float64(each[...]))
        for each in (norm.mean, norm.var)
    )

# %%
optimizer = nnx.Optimizer(network, optax.sgd(RATE), wrt=nnx.Param)


@nnx.jit
def nnx_step(network, optimizer, x, y):
    loss, grads = nnx.value_and_grad(
        lambda network: ((network(x) - y) ** 2).mean()
    )(network)
    optimizer.update(network, grads)
    return loss


losses = [
    nnx_step(
        network, optimizer, jnp.asarray(inputs), jnp.asarray(targets)
    ).item()
    for _ in range(NUM_STEPS)
]
curves["JAX, objects (NNX)"] = losses

# %%
figure, (left, right) = plt.subplots(
    1, 2, figsize=(10, 3.2), layout="constrained"
)
reference = np.array(curves["torch, objects"])
for index, (name, losses) in enumerate(curves.items()):
    style = {**figures.style.line_style(index), "label": name}
    left.plot(losses, **style)
    right.semilogy(
        np.maximum(np.abs(losses / reference - 1), 1e-17), **style
    )
left.set(
    xlabel="step",
    ylabel="loss",
    title="four curves, on top of each other",
)
right.axhline(1e-12, color="black", linewidth=1)
right.set(
    xlabel="step",
    ylabel="relative difference",
    title="from torch, objects",
)
figures.style.legend_beside(right)
plt.show()

# %%
for name, losses in curves.items():
    difference = np.abs(losses / reference - 1).max()
    assert difference < 1e-12
    print(
        f"{name:20} last loss {losses[-1]:.12f}, largest relative difference {difference:.1e}"
    )

# %% [markdown]
# Objects against functions is no question of the library, and none of
# the numbers: each library can do both. It is a question of who holds
# the state.
#
# | | holds the state | a step | asks of you |
# |---|---|---|---|
# | torch, objects | the model and the optimiser | changes them | `zero_grad`, `train()`, `eval()` |
# | JAX, functions | you | returns new ones | hand each new state on |
# | torch, functions | you | returns new ones | hand on, and watch buffers |
# | JAX, objects | the model and the optimiser | changes them | say what is differentiated |

# %% [markdown]
# ## Exercises
#
# **3.1** How many trainable numbers has Linear(10 to 16), BatchNorm,
# ReLU, Linear(16 to 3)?

# %%
# TODO: weights and biases of both, and what the BatchNorm learns.
### BEGIN SOLUTION
num_parameters = 10 * 16 + 16 + 2 * 16 + 16 * 3 + 3
### END SOLUTION

check("number of parameters", num_parameters)

# %% [markdown]
# **3.2** To an object of torch, what are these: "parameter", "buffer"
# or "neither"?

# %%
# TODO: a parameter is trained by gradients; a buffer is state that is not.
### BEGIN SOLUTION
weight, scale, running, rate, hidden = (
    "parameter",
    "parameter",
    "buffer",
    "neither",
    "neither",
)
### END SOLUTION
kinds = {
    "weight of a Linear": weight,
    "scale of a BatchNorm": scale,
    "running mean of a BatchNorm": running,
    "learning rate": rate,
    "number of hidden features": hidden,
}

check("kinds of state", kinds)

# %% [markdown]
# **3.3** Write a network as a function of its parameters: Linear, ReLU,
# Linear. `params` has `"w1"` (inputs, hidden), `"b1"`, `"w2"` and
# `"b2"`.


# %%
def apply(params, x):
    # TODO: x @ w + b is a Linear; np.maximum(., 0) is a ReLU.
    ### BEGIN SOLUTION
    hidden = np.maximum(x @ params["w1"] + params["b1"], 0)
    return hidden @ params["w2"] + params["b2"]
    ### END SOLUTION


check("network as a function", apply)

# %% [markdown]
# **3.4** This object keeps count and mean of the numbers that it has
# seen. Write its pure twin: it takes a state, a dictionary of `"count"`
# and `"mean"`, with a number, and returns the new state.


# %%
class RunningMean:
    def __init__(self):
        self.count, self.mean = 0, 0.0

    def update(self, x):
        self.count += 1
        self.mean += (x - self.mean) / self.count


# %%
def update(state, x):
    # TODO: compute both, and return a new dictionary; leave the old one alone.
    ### BEGIN SOLUTION
    count = state["count"] + 1
    return {
        "count": count,
        "mean": state["mean"] + (x - state["mean"]) / count,
    }
    ### END SOLUTION


check("running mean", update)

# %% [markdown]
# ## What to take away
#
# - `init` and `apply` say in their arguments what `__init__`, `self`
#   and `forward` keep to themselves.
# - State is what changes between two calls. Ask of each number: who
#   holds it, and who may change it?
# - The design changes how a program reads, and not what it computes:
#   four designs, one curve.
