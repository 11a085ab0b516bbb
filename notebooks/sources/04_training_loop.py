# %% [markdown]
# # 4 The training loop
#
# Five lines train a network in torch, and their order matters. In JAX
# the same five thoughts are one function. We read both line by line,
# put lines in the wrong order to see what happens, and learn to tell
# from a curve what is wrong with a run.

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
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import torch

import zoojax
import zootorch
from zoojax import (
    Batch,
    MLPConfig,
    NonFiniteLossError,
    SinusoidsConfig,
    TrainConfig,
)
from zoojax.spec import figures
from zoojax.spec.exercises import check, loops
from zoojax.spec.side_by_side import SideBySide

# %% [markdown]
# ## One step
#
# Both are taken from the packages. Read them in this order:
#
# | | function | object |
# |---|---|---|
# | old gradients | there are none | `zero_grad()` clears them |
# | outputs | `model.apply(params, inputs)` | `self.model(inputs)` |
# | loss | returned by `loss_and_stats` | `loss_of(...)(outputs, targets)` |
# | gradients | `value_and_grad` returns them | `loss.backward()` writes them into `p.grad` |
# | update | `new = p - rate * direction` | `optimizer.step()` changes every `p` |
# | new state | is returned | is where it was |

# %%
SideBySide(zoojax.train_step, zootorch.Trainer.step)

# %% [markdown]
# ## The same loop in both
#
# Waves: from 49 points predict the fiftieth.

# %%
waves = zoojax.simulate_sinusoids(SinusoidsConfig(), num_each=2)
inputs, targets = zoojax.windows(waves.waves, 50, 1)
order = np.random.default_rng(0).permutation(len(inputs))
train = Batch(
    *(np.asarray(each)[order[:600]] for each in (inputs, targets))
)
validation = Batch(
    *(np.asarray(each)[order[600:]] for each in (inputs, targets))
)

model_config = MLPConfig(hidden_dim=32, num_layers=1, dropout=0.1)
config = TrainConfig(
    seed=3, num_epochs=12, learning_rate=3e-3, loss="mean_squared_error"
)

model = zoojax.MLP(model_config)
variables = zoojax.init(jax.random.key(3), model, train.inputs[:1])
state, by_function = zoojax.fit(
    model, variables, train, config=config, validation=validation
)

module = zootorch.MLP(model_config, zootorch.Generator(3))
trainer = zootorch.Trainer(module, config)


def to_torch(batch):
    return Batch(*map(torch.tensor, batch))


by_object = trainer.fit(
    to_torch(train), validation=to_torch(validation)
)

figures.loss_curves({"zoojax": by_function, "zootorch": by_object})

# %% [markdown]
# ## What happens when the order is wrong
#
# A line is fitted to 20 points, with torch. Three loops, of which two
# have a mistake that raises no error.

# %%
x = torch.tensor(loops.LINE_X)
y = torch.tensor(loops.LINE_Y)


def fit_line(lines):
    weights = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([weights], lr=loops.RATE)
    losses = []
    for _ in range(40):
        for line in lines:
            if line == "zero_grad":
                optimizer.zero_grad()
            elif line == "forward":
                loss = ((weights[0] * x + weights[1] - y) ** 2).mean()
                losses.append(loss.item())
            elif line == "backward":
                loss.backward()
            elif line == "step":
                optimizer.step()
    return losses


loops_in_order = {
    "right": ("zero_grad", "forward", "backward", "step"),
    "zero_grad forgotten": ("forward", "backward", "step"),
    "zero_grad before step": (
        "forward",
        "backward",
        "zero_grad",
        "step",
    ),
}
figure, panel = plt.subplots(figsize=(8, 3), layout="constrained")
for index, (name, lines) in enumerate(loops_in_order.items()):
    panel.plot(
        fit_line(lines), label=name, **figures.style.line_style(index)
    )
panel.set(xlabel="step", ylabel="loss", ylim=(0, 12))
figures.style.legend_beside(panel)
plt.show()

# %% [markdown]
# Forgotten, the gradients of all steps add up, as if the line had
# momentum that nothing stops: it swings. Called too late, `zero_grad`
# clears what `step` needs, and nothing moves. **Neither can happen in
# the function**, where gradients are a value that the step uses and
# drops. It has a mistake of its own: to forget to hand the new state
# on.

# %%
jax_losses = []
weights = jnp.zeros(2)


def loss_of(weights):
    return (
        (weights[0] * loops.LINE_X + weights[1] - loops.LINE_Y) ** 2
    ).mean()


for _ in range(5):
    loss, gradient = jax.value_and_grad(loss_of)(weights)
    new_weights = (
        weights - loops.RATE * gradient
    )  # and nobody looks at new_weights
    jax_losses.append(round(float(loss), 4))
print(jax_losses)

# %% [markdown]
# ## A loss that does not fall
#
# Three runs of the same network with three step sizes.

# %%
histories = {}
for rate in (1e-6, 3e-3, 3.0):
    changed = TrainConfig(
        seed=3,
        num_epochs=6,
        learning_rate=rate,
        loss="mean_squared_error",
    )
    _, histories[f"step size {rate:g}"] = zoojax.fit(
        model, variables, train, config=changed
    )
figure, panel = plt.subplots(figsize=(8, 3), layout="constrained")
for index, (name, history) in enumerate(histories.items()):
    panel.semilogy(
        history.step_losses,
        label=name,
        **figures.style.line_style(index),
    )
panel.set(xlabel="step", ylabel="loss")
figures.style.legend_beside(panel)
plt.show()

# %% [markdown]
# Too small: nothing happens. Too large: the loss jumps and stays high.
# Much too large: it is no number any more, and both packages stop and
# say where, and what the gradients were:

# %%
wide = MLPConfig(hidden_dim=32, num_layers=1, dropout=0.0)
too_large = TrainConfig(
    seed=3,
    learning_rate=1e30,
    loss="mean_squared_error",
    optimizer="sgd",
)
try:
    network = zoojax.MLP(wide)
    start = zoojax.init(jax.random.key(3), network, train.inputs[:1])
    zoojax.fit(network, start, train, config=too_large)
except NonFiniteLossError as error:
    print(error)

# %% [markdown]
# ## Gradients that vanish or explode
#
# Backward through a layer is a product with its weights and with the
# slope of its activation. Through 30 layers it is 30 such products: a
# bit under 1 each time and nothing is left, a bit over and nothing can
# hold it. Three networks without normalisation, at their start:


# %%
def gradient_sizes(activation, scale, num_layers=30, width=64):
    keys = jax.random.split(jax.random.key(0), num_layers + 1)
    weights = [
        scale * jax.random.normal(key, (width, width)) / width**0.5
        for key in keys[:-1]
    ]

    def loss(weights):
        x = jax.random.normal(keys[-1], (32, width))
        for weight in weights:
            x = activation(x @ weight)
        return (x**2).mean()

    return [
        float(jnp.abs(each).max()) for each in jax.grad(loss)(weights)
    ]


figure, panel = plt.subplots(figsize=(8, 3), layout="constrained")
networks = {
    "sigmoid": (jax.nn.sigmoid, 1.0),
    "tanh": (jnp.tanh, 1.0),
    "tanh, weights 6 times as large": (jnp.tanh, 6.0),
}
for index, (name, network) in enumerate(networks.items()):
    sizes = gradient_sizes(*network)
    panel.semilogy(
        range(1, 31),
        sizes,
        label=name,
        **figures.style.line_style(index),
    )
panel.set(xlabel="layer, from the input", ylabel="largest gradient")
figures.style.legend_beside(panel)
plt.show()

# %% [markdown]
# A sigmoid's slope is a quarter at most: towards the input the gradient
# vanishes, and the first layers learn nothing. With large weights it
# explodes. Activations with a slope near 1, initial weights of the
# right size, normalisation and clipping are the cures. Both packages
# record the largest gradient of each layer at each epoch, and name
# those that vanish or explode:

# %%
figures.training_curves(by_object, problems=by_object.gradient_problems)

# %% [markdown]
# ## The gap between training and validation
#
# A large network, 40 training samples, labels with noise: it learns the
# noise by heart.

# %%
generator = np.random.default_rng(5)
few = Batch(
    train.inputs[:40],
    train.targets[:40] + generator.normal(0, 0.5, (40, 1)).astype("f"),
)
large = zoojax.MLP(MLPConfig(hidden_dim=128, num_layers=1, dropout=0.0))
start = zoojax.init(jax.random.key(0), large, few.inputs[:1])
long_run = TrainConfig(
    num_epochs=150,
    batch_size=20,
    learning_rate=2e-3,
    loss="mean_squared_error",
)
_, overfitted = zoojax.fit(
    large, start, few, config=long_run, validation=validation
)

figure, panel = plt.subplots(figsize=(8, 3), layout="constrained")
panel.semilogy(
    overfitted.train_losses,
    label="training",
    **figures.style.line_style(0),
)
panel.semilogy(
    overfitted.validation_losses,
    label="validation",
    **figures.style.line_style(1),
)
panel.axvline(
    overfitted.best_epoch,
    color="black",
    linewidth=1,
    label="best validation loss",
)
panel.set(xlabel="epoch", ylabel="loss")
figures.style.legend_beside(panel)
plt.show()

# %% [markdown]
# `TrainConfig(patience=..., keep_best=True)` stops there and keeps
# those weights.

# %% [markdown]
# ## Exercises
#
# **4.1** Put these in an order that trains: step, loss, zero_grad,
# backward, forward. (There is more than one.)

# %%
# TODO: a list of the five words.
### BEGIN SOLUTION
order = ["zero_grad", "forward", "loss", "backward", "step"]
### END SOLUTION

check("order of steps", order)

# %% [markdown]
# **4.2** Fit the line with torch: slope and offset start at 0,
# `loops.NUM_STEPS` steps of plain gradient descent of step size
# `loops.RATE`, the loss is the mean squared error. Write down each loss
# before its step.


# %%
def torch_losses(x, y):
    weights = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([weights], lr=loops.RATE)
    losses = []
    # TODO: a loop of five lines, and losses.append(loss.item()).
    ### BEGIN SOLUTION
    for _ in range(loops.NUM_STEPS):
        optimizer.zero_grad()
        loss = ((weights[0] * x + weights[1] - y) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    ### END SOLUTION
    return losses


check("loop in torch", torch_losses(x, y))

# %% [markdown]
# **4.3** The same in JAX: `jax.value_and_grad(function)(weights)`
# returns the loss and its gradient.


# %%
def jax_losses(x, y):
    weights = jnp.zeros(2)
    losses = []
    # TODO: a function of weights that returns the loss; then a loop of three lines.
    ### BEGIN SOLUTION
    value_and_grad = jax.value_and_grad(
        lambda w: ((w[0] * x + w[1] - y) ** 2).mean()
    )
    for _ in range(loops.NUM_STEPS):
        loss, gradient = value_and_grad(weights)
        weights = weights - loops.RATE * gradient
        losses.append(float(loss))
    ### END SOLUTION
    return losses


check("loop in JAX", jax_losses(loops.LINE_X, loops.LINE_Y))

# %% [markdown]
# **4.4** Clip gradients by their global norm: `gradients` is a list of
# arrays. Where the norm of all their numbers together is over
# `largest`, make all of them smaller by one factor, so that it is
# `largest`.


# %%
def clip(gradients, largest):
    # TODO: the norm is the square root of the sum of all squares. Return a list.
    ### BEGIN SOLUTION
    norm = np.sqrt(sum((each**2).sum() for each in gradients))
    return [each * min(1, largest / norm) for each in gradients]
    ### END SOLUTION


check("clipping", clip)

# %% [markdown]
# **4.5** What is wrong with each of these runs? Say one of
# `loops.PROBLEMS`.

# %%
print(loops.PROBLEMS)
figure, panels = plt.subplots(
    1, 4, figsize=(11, 2.5), layout="constrained", sharey=True
)
for panel, (name, (training, validating)) in zip(
    panels, loops.runs().items(), strict=True
):
    panel.plot(
        training, label="training", **figures.style.line_style(0)
    )
    panel.plot(
        validating, label="validation", **figures.style.line_style(1)
    )
    panel.set(title=name, xlabel="epoch")
panels[0].set_ylabel("loss")
figures.style.legend_beside(panels[-1])
plt.show()

# %%
# TODO: a word for each.
### BEGIN SOLUTION
a, b, c, d = (
    "overfits",
    "learning rate too large",
    "healthy",
    "learning rate too small",
)
### END SOLUTION

check("diagnosis", {"A": a, "B": b, "C": c, "D": d})

# %% [markdown]
# ## What to take away
#
# - In the object, a gradient is a place that must be cleared; in the
#   function it is a value.
# - Wrong order raises no error. Look at the loss.
# - Compare training with validation, and look at gradients layer by
#   layer, before you change the model.
