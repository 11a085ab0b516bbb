# %% [markdown]
# # 3 Models as objects, models as functions
#
# This is what the project is about. An **object** holds its numbers and
# changes them. A **function** is given its numbers and returns new
# ones. Here one network is written both ways. Then come the other two
# corners of the square: torch used with functions, and Flax, JAX's
# library of layers, used with objects. All four are trained on the same
# data, to the same losses.
#
# You will learn
#
# - what `class`, `__init__`, `super`, `self` and `forward` do, and what
#   `init` and `apply` do instead;
# - what state is, and where it lives in each design;
# - that the design is your choice, whichever library you use.
#
# Time: 75 minutes. Read notebook 2 first.

# %%
# Installs what is missing, as on a hosted notebook: from the checkout
# that this file is in, or else by name.
import subprocess
import sys
from pathlib import Path

try:
    import zoojax.training
    import zootorch.training
except ImportError:
    folders = [Path.cwd(), *Path.cwd().parents]
    found = [each for each in folders if (each / "zoojax").is_dir()]
    package = f"{found[0] if found else 'zooparity'}[jax,torch]"
    pip = [sys.executable, "-m", "pip", "install", "-q", package]
    done = subprocess.run(
        pip, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr) from None

# %%
import itertools

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
import torch
from flax import nnx
from torch.func import functional_call, grad_and_value

import zoojax
import zootorch
from zoojax.common import figures
from zoojax.common.teaching.exercises import check
from zoojax.common.teaching.source_view import SideBySide

# These models are small: a second thread waits more than it works.
torch.set_num_threads(1)

# In float64, so that rounding cannot hide a difference.
jax.config.update("jax_enable_x64", True)

# %% [markdown]
# ## Two ways to write a network
#
# On one side the description. `__call__` says what is done with an
# input; the numbers are asked for inside of each layer, and `apply`
# hands them in. On the other side the object. `__init__` makes the
# layers, and with them their numbers; `forward` uses them.

# %%
SideBySide(zoojax.MLP, zootorch.MLP)

# %% [markdown]
# The object, line by line:
#
# - `class MLP(nn.Module)`: an MLP is a kind of `nn.Module`, and
#   inherits all that a module can do.
# - `__init__` runs when somebody writes `MLP(config)`. `self` is the
#   object that is being made.
# - `super().__init__()` lets `nn.Module` set itself up first. Without
#   it there is no place to keep layers in.
# - `self.block = ...` keeps the layers *in the object*. There torch
#   finds all their numbers: `model.parameters()`.
# - `forward` is what runs when somebody writes `model(x)`. It is not
#   given any weights: `self` has them.
#
# The other side begins with `class MLP(nn.Module)` as well, but its
# `nn` is `flax.linen`. There a class is a way to write a function down:
# `MLP(config)` holds the configuration and no numbers, and
# `@nn.compact` lets `__call__` name each layer where it is used. `init`
# makes the numbers, and returns them. (`num_layers` counts hidden
# layers beyond the first.)

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
# ## What is state, and where does it live?
#
# State is what one call leaves behind for the next. Here are the first
# two layers, once inside the object, once in your hands. (A kernel is a
# weight transposed, and only torch counts batches.)

# %%
print("in the object:")
for name, value in model.state_dict().items():
    if name.startswith(("block.0.", "block.1.")):
        print(f"  {name:30} {tuple(value.shape)}")
print("in your hands:")
for path, value in jax.tree_util.tree_leaves_with_path(variables):
    name = jax.tree_util.keystr(path, simple=True, separator="/")
    if "block_0" in name or "block_1" in name:
        print(f"  {name:30} {value.shape}")

# %% [markdown]
# The object remembers a mode, and in train mode a call changes the
# object without a word. The function cannot change anything. You say at
# each call whether you train, and the new running mean of a BatchNorm
# comes back beside the outputs:

# %%
norm = "block.1.running_mean"
before = model.state_dict()[norm].clone()
model.train()
model(torch.tensor(x))
after = model.state_dict()[norm]
print("the call changed the object:   ", not torch.equal(before, after))

given = variables["batch_stats"]["block_1"]["mean"].copy()
_, changed = described.apply(
    variables, x, train=True, mutable=["batch_stats"]
)
still = variables["batch_stats"]["block_1"]["mean"]
returned = changed["batch_stats"]["block_1"]["mean"]
print(
    "the call changed the variables:", not np.array_equal(given, still)
)
print(
    "what it returned has changed:  ",
    not np.array_equal(given, returned),
)
same = np.allclose(returned, model.state_dict()[norm])
print("both have the same new mean:   ", same)

# %% [markdown]
# Run that cell again, and the last line says False. Why? The object has
# moved on, and the variables have not.

# %% [markdown]
# ## One task, four designs
#
# The task: predict two numbers from eight, with 64 samples and 60 steps
# of gradient descent. Each of the four designs is one function below,
# and all start from the same weights.

# %%
NUM_STEPS, RATE = 60, 0.05
generator = np.random.default_rng(1)
inputs = generator.normal(size=(64, 8))
targets = np.stack(
    [np.sin(inputs[:, 0]), inputs[:, 1] * inputs[:, 2]], axis=1
)

# %% [markdown]
# **Torch with objects.** The model holds parameters, each parameter
# holds its gradient, and the optimiser changes the parameters.


# %%
def torch_objects():
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
    return losses


# %% [markdown]
# **JAX with functions.** The loss is a function of the parameters.
# `value_and_grad` makes a second function of it, which returns the loss
# and its gradient. A step returns new parameters and new statistics.


# %%
def jax_functions():
    def loss_of(params, stats):
        variables = {"params": params, "batch_stats": stats}
        outputs, changed = described.apply(
            variables, inputs, train=True, mutable=["batch_stats"]
        )
        loss = ((outputs - targets) ** 2).mean()
        return loss, changed["batch_stats"]

    @jax.jit
    def step(params, stats):
        gradient_of = jax.value_and_grad(loss_of, has_aux=True)
        (loss, stats), grads = gradient_of(params, stats)
        params = jax.tree.map(lambda p, g: p - RATE * g, params, grads)
        return params, stats, loss

    variables = zoojax.init(jax.random.key(7), described, inputs)
    params, stats = variables["params"], variables["batch_stats"]
    losses = []
    for _ in range(NUM_STEPS):
        params, stats, loss = step(params, stats)
        losses.append(loss.item())
    return losses


# %% [markdown]
# **Torch with functions.** `functional_call` runs a module with numbers
# from outside, and `torch.func` has `grad` and `vmap` as JAX has them.
# The object has become a description.


# %%
def torch_functions():
    module = zootorch.MLP(config, zootorch.Generator(7)).double()
    x, y = torch.tensor(inputs), torch.tensor(targets)

    def loss_of(params, buffers):
        outputs = functional_call(module, {**params, **buffers}, (x,))
        return ((outputs - y) ** 2).mean()

    params = {name: p.detach() for name, p in module.named_parameters()}
    buffers = {name: b.clone() for name, b in module.named_buffers()}
    losses = []
    for _ in range(NUM_STEPS):
        grads, loss = grad_and_value(loss_of)(params, buffers)
        params = {
            name: params[name] - RATE * grads[name] for name in params
        }
        losses.append(loss.item())
    return losses


# %% [markdown]
# One thing is still not pure: in train mode, a BatchNorm of torch
# writes its running statistics into the `buffers` that it was given.
#
# **JAX with objects.** Flax NNX writes models as torch does: layers
# hold their numbers, and an optimiser changes the model. (optax has the
# optimisers of JAX.) Inside, `nnx.value_and_grad` takes the object
# apart into a function and a state, and puts it together again.


# %%
class Network(nnx.Module):
    def __init__(self, config, rngs):
        kind = {"param_dtype": jnp.float64, "rngs": rngs}
        hidden = [config.hidden_dim] * (config.num_layers + 1)
        pairs = itertools.pairwise([config.input_dim, *hidden])
        self.linears = nnx.List(
            nnx.Linear(*pair, **kind) for pair in pairs
        )
        # As torch computes it.
        exact = {"epsilon": 1e-5, "use_fast_variance": False}
        self.norms = nnx.List(
            nnx.BatchNorm(num, **exact, **kind) for num in hidden
        )
        self.last = nnx.Linear(hidden[-1], config.output_dim, **kind)

    def __call__(self, x):
        for linear, norm in zip(self.linears, self.norms, strict=True):
            x = nnx.relu(norm(linear(x)))
        return self.last(x)


def jax_objects():
    model = Network(config, nnx.Rngs(0))
    start_like_the_others(model)
    optimizer = nnx.Optimizer(model, optax.sgd(RATE), wrt=nnx.Param)

    def loss_of(model):
        return ((model(inputs) - targets) ** 2).mean()

    @nnx.jit
    def step(model, optimizer):
        loss, grads = nnx.value_and_grad(loss_of)(model)
        optimizer.update(model, grads)
        return loss

    return [step(model, optimizer).item() for _ in range(NUM_STEPS)]


# %% [markdown]
# NNX draws other weights, so they are replaced by those of the others.
# It also keeps running statistics in float32, whatever the parameters
# are.


# %%
def start_like_the_others(model):
    variables = zoojax.init(jax.random.key(7), described, inputs)
    layers = [*model.linears, model.last]
    for place, linear in enumerate(layers):
        start = variables["params"][f"block_{4 * place}"]
        linear.kernel[...] = start["kernel"]
        linear.bias[...] = start["bias"]
    for norm in model.norms:
        norm.mean = nnx.BatchStat(jnp.float64(norm.mean[...]))
        norm.var = nnx.BatchStat(jnp.float64(norm.var[...]))


# %% [markdown]
# ## Four designs, one loss curve
#
# All four, two and two. What do the two of a pair have in common? With
# objects:

# %%
SideBySide(torch_objects, jax_objects)

# %% [markdown]
# With functions:

# %%
SideBySide(torch_functions, jax_functions)

# %%
designs = {
    "torch, objects": torch_objects,
    "JAX, functions": jax_functions,
    "torch, functions": torch_functions,
    "JAX, objects": jax_objects,
}
curves = {name: np.array(run()) for name, run in designs.items()}
reference = curves["torch, objects"]

figure, (left, right) = plt.subplots(
    1, 2, figsize=(8, 2.8), layout="constrained"
)
print("                 last loss        largest relative difference")
for index, (name, losses) in enumerate(curves.items()):
    differences = np.abs(losses / reference - 1)
    print(f"{name:16} {losses[-1]:.13f}  {differences.max():.1e}")
    assert differences.max() < 1e-12
    style = {**figures.style.line_style(index), "label": name}
    left.plot(losses, **style)
    right.semilogy(np.maximum(differences, 1e-17), **style)
left.set(xlabel="step", ylabel="loss", title="four curves, as one")
right.axhline(1e-12, color="black", linewidth=1, label="allowed")
right.set(xlabel="step", ylabel="relative difference")
right.set_title("compared with torch, objects")
figures.style.legend_beside(right)
plt.show()

# %% [markdown]
# (A difference of 0 is drawn at 1e-17.) Objects or functions is not a
# question of the library: both can do both. And it is not a question of
# the numbers: they are the same, to rounding. It is a question of who
# holds the state.
#
# | | holds the state | a step | asks of you |
# |---|---|---|---|
# | torch, objects | the model and the optimiser | changes them | `zero_grad`, `train()`, `eval()` |
# | JAX, functions | you | returns a new one | to hand each new state on, and to say `train=True` |
# | torch, functions | you | returns a new one | to hand it on, and to watch buffers and the mode |
# | JAX, objects | the model and the optimiser | changes them | `train()`, `eval()`, and to say what is differentiated |

# %% [markdown]
# What a function buys, in either library: a gradient *for each sample*.
# `vmap` maps the gradient of one sample over all of them. `(None, 0,
# 0)` says: the same parameters for all, sample by sample of `x` and
# `y`. It has to be eval mode: in train mode a BatchNorm mixes samples,
# and no sample has a gradient of its own.

# %%
module = zootorch.MLP(config, zootorch.Generator(7)).double().eval()
params = {name: p.detach() for name, p in module.named_parameters()}


def loss_of_one(params, x, y):
    outputs = functional_call(module, params, (x[None],))
    return ((outputs - y[None]) ** 2).mean()


of_each = torch.func.vmap(torch.func.grad(loss_of_one), (None, 0, 0))
grads = of_each(params, torch.tensor(inputs), torch.tensor(targets))
print("torch:", tuple(grads["block.0.weight"].shape))


def jax_loss_of_one(params, x, y):
    outputs = described.apply({**variables, "params": params}, x[None])
    return ((outputs - y[None]) ** 2).mean()


of_each = jax.vmap(jax.grad(jax_loss_of_one), (None, 0, 0))
jax_grads = of_each(variables["params"], inputs, targets)
print("JAX:  ", jax_grads["block_0"]["kernel"].shape)
transposed = np.swapaxes(jax_grads["block_0"]["kernel"], 1, 2)
print("equal:", np.allclose(grads["block.0.weight"], transposed))

# %% [markdown]
# ## Exercises
#
# **3.1** How many trainable numbers are there in Linear(10 to 16),
# BatchNorm, ReLU, Linear(16 to 4)?

# %%
# TODO: weights and biases of both, and what the BatchNorm learns.
### BEGIN SOLUTION
num_parameters = 10 * 16 + 16 + 2 * 16 + 16 * 4 + 4
### END SOLUTION

check("number of parameters", num_parameters)

# %% [markdown]
# **3.2** What is each of these to a module of torch: a `"parameter"`, a
# `"buffer"` or `"neither"`?

# %%
# TODO: gradients train a parameter; a buffer is state, but not trained.
### BEGIN SOLUTION
weight = "parameter"
scale = "parameter"
running = "buffer"
rate = "neither"
hidden = "neither"
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
# **3.4** This object keeps the count and the mean of the numbers it has
# seen. Write its pure twin: it takes a state (a dictionary with
# `"count"` and `"mean"`) and a number, and returns the new state.


# %%
class RunningMean:
    def __init__(self):
        self.count, self.mean = 0, 0.0

    def update(self, x):
        self.count += 1
        self.mean += (x - self.mean) / self.count


# %%
def update(state, x):
    # TODO: compute both, and return a new dictionary; leave the old
    #   one alone.
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
# - `init` and `apply` show in their arguments what `__init__`, `self`
#   and `forward` keep to themselves.
# - State is what changes from call to call. Ask of each number: who
#   holds it, and who may change it?
# - The design decides how a program reads, not what it computes: four
#   designs, one curve.
