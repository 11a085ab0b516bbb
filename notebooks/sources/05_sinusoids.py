# %% [markdown]
# # 5 Sinusoids: networks that read a sequence
#
# A wave is a row of points, and the task is to say what comes next. An
# MLP sees all points at once; a recurrent network reads them one after
# another and keeps a state. We train an MLP, an RNN, an LSTM and a GRU
# on the same waves, in both designs, look at what they predict, and at
# how far back each of them looks.

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
import zoojax.models
import zoojax.rnn
import zootorch
import zootorch.models
from zoojax import (
    Batch,
    MLPConfig,
    RNNConfig,
    SinusoidsConfig,
    TrainConfig,
)
from zoojax.spec import figures
from zoojax.spec.exercises import check
from zoojax.spec.side_by_side import SideBySide

# %% [markdown]
# ## The waves
#
# $$y = \text{amplitude} \cdot \sin(x + \text{phase}) + \text{shift}$$
#
# A data set is every combination of four lists. The function returns
# all waves; the object answers `dataset[5]`.

# %%
config = SinusoidsConfig(frequencies=(0.5, 1.0, 2.0, 4.0), noise=0.05)
waves = zoojax.simulate_sinusoids(
    config, num_each=4, key=jax.random.key(7)
)
dataset = zootorch.SinusoidsDataset(config, num_each=4, seed=7)
print("waves:", waves.waves.shape, waves.waves.dtype)
print(
    "largest difference:",
    np.abs(
        np.asarray(waves.waves) - dataset.arrays().waves.numpy()
    ).max(),
)

figure, panel = plt.subplots(figsize=(8, 2.8), layout="constrained")
for index, place in enumerate((0, 25, 50, 315)):
    label = f"amplitude {waves.amplitude[place]:g}, {waves.frequency[place]:g} periods"
    panel.plot(
        waves.waves[place],
        label=label,
        **figures.style.line_style(index),
    )
panel.set(xlabel="time step", ylabel="value")
figures.style.legend_beside(panel)
plt.show()

# %% [markdown]
# ## What is given, and what is asked for
#
# `windows` cuts each wave: all points but the last are the input, the
# last is the target.

# %%
inputs, targets = map(
    np.asarray, zoojax.windows(waves.waves, config.length, 1)
)
parts = zoojax.split_indices(
    jax.random.key(7), len(inputs), (0.75, 0.25)
)
train, validation = (
    Batch(inputs[part], targets[part]) for part in parts
)
print(
    "train:",
    train.inputs.shape,
    train.targets.shape,
    "validation:",
    validation.inputs.shape,
)

# %% [markdown]
# To an MLP these are 49 features in no order: shuffle them all in the
# same way, and it learns as well. A recurrent network reads (batch,
# time, features), here one feature a step.

# %%
as_sequences = train.inputs[..., None]
print(
    "for the MLP:",
    train.inputs.shape,
    " for an RNN:",
    as_sequences.shape,
)

# %% [markdown]
# ## A state that is passed on
#
# At each step a recurrent layer makes a new state from the old one and
# the next point:
#
# $$h_t = \tanh(x_t W + b + h_{t-1} U + c)$$
#
# The same weights at every step. In JAX this is `lax.scan` over a
# function of (state, point); in torch it is inside `nn.RNN`. The state
# is handed out in both: it belongs to a sequence, and not to the
# network.

# %%
SideBySide(zoojax.RNN, zootorch.RNN)

# %% [markdown]
# So a sequence can be read in two parts, where the state after the
# first is given to the second:

# %%
rnn = RNNConfig(hidden_dim=8, cell="lstm")
described = zoojax.RNN(rnn)
variables = zoojax.init(jax.random.key(3), described, as_sequences[:1])
whole, _ = described.apply(variables, as_sequences[:2])
_, state = described.apply(variables, as_sequences[:2, :44])
rest, _ = described.apply(variables, as_sequences[:2, 44:], state)
print("in one go, in two parts, without the state:")
print(
    whole.ravel(),
    rest.ravel(),
    described.apply(variables, as_sequences[:2, 44:])[0].ravel(),
)

# %% [markdown]
# And a sequence may be of any length. An MLP has a weight for each
# place:

# %%
print(
    "RNN, 20 points:",
    described.apply(variables, as_sequences[:2, :20])[0].shape,
)
network = zoojax.MLP(MLPConfig())
try:
    network.apply(
        zoojax.init(jax.random.key(0), network, train.inputs[:1]),
        train.inputs[:2, :20],
    )
except ValueError as error:
    print("MLP, 20 points:", error)

# %% [markdown]
# ## Four networks, two designs, one loss curve each
#
# All are trained for twelve epochs, in both backends, from the same
# seed.

# %%
networks = {
    "mlp": MLPConfig(hidden_dim=32, num_layers=1, dropout=0.0),
    "rnn": RNNConfig(hidden_dim=16, cell="rnn", dropout=0.0),
    "lstm": RNNConfig(hidden_dim=16, cell="lstm", dropout=0.0),
    "gru": RNNConfig(hidden_dim=16, cell="gru", dropout=0.0),
}
settings = TrainConfig(
    seed=3,
    num_epochs=12,
    batch_size=32,
    learning_rate=0.01,
    loss="mean_squared_error",
)


def shaped(batch, name):
    return (
        batch
        if name == "mlp"
        else Batch(batch.inputs[..., None], batch.targets)
    )


def to_torch(batch):
    return Batch(*map(torch.tensor, batch))


trained, by_function, by_object = {}, {}, {}
for name, each in networks.items():
    data, held_out = shaped(train, name), shaped(validation, name)

    model = zoojax.models.model_of(each)
    variables = zoojax.init(jax.random.key(3), model, data.inputs[:1])
    state, by_function[name] = zoojax.fit(
        model, variables, data, config=settings, validation=held_out
    )
    trained[name] = (model, state.variables)

    module = zootorch.models.model_of(each, zootorch.Generator(3))
    trainer = zootorch.Trainer(module, settings)
    by_object[name] = trainer.fit(
        to_torch(data), validation=to_torch(held_out)
    )

# %%
figure, (left, right) = plt.subplots(
    1, 2, figsize=(10, 3), layout="constrained"
)
for index, name in enumerate(networks):
    look = figures.style.line_style(index)
    left.semilogy(
        by_function[name].validation_losses, label=name, **look
    )
    left.semilogy(
        by_object[name].validation_losses,
        ".",
        color="black",
        markersize=3,
    )
    first, second = (
        np.array(each[name].step_losses)
        for each in (by_function, by_object)
    )
    so_far = np.maximum.accumulate(abs(first / second - 1))
    right.semilogy(np.maximum(so_far, 1e-9), label=name, **look)
left.set(
    xlabel="epoch",
    ylabel="mean squared error",
    title="validation; dots: zootorch",
)
right.set(
    xlabel="step",
    ylabel="largest so far",
    title="relative difference of the losses, float32",
)
figures.style.legend_beside(right)
plt.show()

# %% [markdown]
# The differences start where one rounding is, and grow: training
# multiplies every rounding. In float64 the same curves agree to twelve
# digits. How good are the four on waves that they have not seen?

# %%
predictions = {}
print("network  parameters      R²   mean absolute error")
for name, (model, variables) in trained.items():
    held_out = shaped(validation, name)
    predictions[name] = np.asarray(
        zoojax.predict(model, variables, held_out.inputs)
    )
    count = sum(
        leaf.size for leaf in jax.tree.leaves(variables["params"])
    )
    pair = (held_out.targets[:, 0], predictions[name][:, 0])
    print(
        f"{name:8} {count:10,} {zoojax.r2(*pair):7.3f} {zoojax.mae(*pair):10.3f}"
    )

# %%
figures.predicted_vs_true(
    validation.targets, predictions["lstm"], title="LSTM"
)

# %%
figures.forecasts(
    validation.inputs[:6],
    validation.targets[:6],
    predictions["lstm"][:6],
)

# %% [markdown]
# ## Further ahead: feed a prediction back
#
# A network that says the next point can say a hundred: append what it
# says, drop the first point, ask again. Its errors are fed back as
# well, and none of these four holds the wave: what is a small error
# after one step is not after fifty.


# %%
def continued(name, start, num_steps):
    model, variables = trained[name]
    window, said = start, []
    for _ in range(num_steps):
        given = window if name == "mlp" else window[..., None]
        following = zoojax.predict(model, variables, given)
        said.append(following)
        window = jnp.concatenate([window[:, 1:], following], axis=1)
    return np.concatenate(said, axis=1)


wave = int(
    np.flatnonzero(
        np.asarray(waves.frequency)[np.asarray(parts[1])] == 2.0
    )[0]
)
figure, panel = plt.subplots(figsize=(9, 3), layout="constrained")
panel.plot(validation.inputs[wave], color="black", label="given")
for index, name in enumerate(networks):
    ahead = continued(name, validation.inputs[wave : wave + 1], 50)[0]
    panel.plot(
        np.arange(49, 99),
        ahead,
        label=name,
        **figures.style.line_style(index),
    )
panel.set(xlabel="time step", ylabel="value")
figures.style.legend_beside(panel)
plt.show()

# %% [markdown]
# ## How far back does it look?
#
# The gradient of the prediction by each point that was read says how
# much that point counts. Before any training, through 49 products with
# one matrix, next to nothing is left of the first points: these
# gradients vanish, in the plain RNN the fastest. The gates of an LSTM
# and a GRU can let something pass, but at the start they are half open.
# What training makes of it is another matter:


# %%
def gradient_by_point(model, variables):
    return jax.grad(lambda x: model.apply(variables, x)[0].sum())(
        as_sequences
    )


figure, panels = plt.subplots(
    1, 2, figsize=(10, 3), layout="constrained", sharey=True
)
for index, name in enumerate(("rnn", "lstm", "gru")):
    model, after = trained[name]
    before = zoojax.init(jax.random.key(3), model, as_sequences[:1])
    for panel, variables in zip(panels, (before, after), strict=True):
        size = np.abs(gradient_by_point(model, variables)).mean((0, 2))
        panel.semilogy(
            np.arange(49),
            size,
            label=name,
            **figures.style.line_style(index),
        )
panels[0].set(
    xlabel="time step",
    ylabel="mean absolute gradient",
    title="before training",
)
panels[1].set(xlabel="time step", title="after training")
figures.style.legend_beside(panels[1])
plt.show()

# %% [markdown]
# All three look farther back than before. That an LSTM can remember for
# long does not mean that it does: these waves can be told from their
# last points and a few more, and it learns to look there. The plain RNN
# looks back the farthest here, and is no better for it.

# %% [markdown]
# ## Exercises
#
# **5.1** Simulate a wave: `length` points, x from 0 to 2 pi
# `frequency`, both ends included.


# %%
def wave_of(amplitude, frequency, phase, shift, length):
    # TODO: np.linspace(start, end, number of points), then the formula above.
    ### BEGIN SOLUTION
    x = np.linspace(0, 2 * np.pi * frequency, length)
    return amplitude * np.sin(x + phase) + shift
    ### END SOLUTION


check("a wave", wave_of)

# %% [markdown]
# **5.2** 20 waves of 50 points, the last three to be predicted. Which
# shapes have the inputs of an MLP, the inputs of an RNN, and the
# targets?

# %%
# TODO: three tuples. A shape has the batch first.
### BEGIN SOLUTION
for_mlp, for_rnn, wanted_shape = (20, 47), (20, 47, 1), (20, 3)
### END SOLUTION

check(
    "shapes of windows",
    {"mlp": for_mlp, "rnn": for_rnn, "targets": wanted_shape},
)

# %% [markdown]
# **5.3** One step of a recurrent layer, by the formula above: `x`
# (batch, inputs), `h` (batch, hidden), `weights` with `"W"` (inputs,
# hidden), `"U"` (hidden, hidden), `"b"` and `"c"`. Return the new
# state.


# %%
def rnn_step(weights, h, x):
    # TODO: one line with np.tanh and two products @.
    ### BEGIN SOLUTION
    return np.tanh(
        x @ weights["W"]
        + weights["b"]
        + h @ weights["U"]
        + weights["c"]
    )
    ### END SOLUTION


check("step of an RNN", rnn_step)

# %% [markdown]
# **5.4** Run it over a sequence `xs` (time, batch, inputs) from the
# state `h`. Return the states after each step, (time, batch, hidden).
# `step(weights, h, x)` makes one step.


# %%
def run(step, weights, h, xs):
    # TODO: a loop that keeps each state, and hands it to the next step.
    ### BEGIN SOLUTION
    states = []
    for x in xs:
        h = step(weights, h, x)
        states.append(h)
    return np.stack(states)
    ### END SOLUTION


check("a whole sequence", run)

# %% [markdown]
# **5.5** How many trainable numbers has an LSTM layer as above, with
# one input feature and 16 hidden features? It has four gates (input,
# forget, cell, output), each with W, U and two biases.

# %%
# TODO: count one gate, and multiply.
### BEGIN SOLUTION
num_in_lstm = 4 * (1 * 16 + 16 * 16 + 16 + 16)
### END SOLUTION

check("parameters of an LSTM", num_in_lstm)

# %% [markdown]
# ## What to take away
#
# - A recurrent network reads any length with one set of weights; an MLP
#   has a weight for each place.
# - The state is a value: who reads a sequence in pieces has to pass it
#   on, in either design.
# - Look at the gradient by the input before you say that a network
#   remembers.
