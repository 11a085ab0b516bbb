# %% [markdown]
# # 5 Sinusoids: networks that read a sequence
#
# A wave is a row of points, and the task is to say what comes next. An
# MLP sees all points at once. A recurrent network reads one after
# another, and keeps a state. We train an MLP, an RNN, an LSTM and a GRU
# on the same waves, in both designs; look at what they predict; and
# measure how far back each of them looks.
#
# You will learn
#
# - what a recurrent layer computes, and what the gates of an LSTM and a
#   GRU are for;
# - who holds the state between two steps, and between two calls;
# - how to judge predictions of numbers, and predictions of predictions.
#
# Time: 75 minutes. Read notebook 4 first.

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
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import torch

import zoojax
import zoojax.models
import zoojax.models.rnn
import zoojax.ops.lstm
import zootorch
import zootorch.models
from zoojax import (
    Batch,
    MLPConfig,
    RNNConfig,
    SinusoidsConfig,
    TrainConfig,
)
from zoojax.common import figures
from zoojax.common.teaching.exercises import check
from zoojax.common.teaching.source_view import SideBySide

# These models are small: a second thread waits more than it works.
torch.set_num_threads(1)

# %% [markdown]
# ## The waves
#
# $$y = \text{amplitude} \cdot \sin(x + \text{phase}) + \text{shift}$$
#
# where $x$ runs from 0 to $2 \pi \cdot \text{frequency}$: the frequency
# is the number of periods in a wave. A data set has every combination
# of four lists (amplitudes, frequencies, phases, shifts), here with a
# bit of noise. The function returns all waves; the object answers
# `dataset[5]`.

# %%
config = SinusoidsConfig(frequencies=(0.5, 1.0, 2.0, 4.0), noise=0.05)
waves = zoojax.simulate_sinusoids(
    config, num_each=4, key=jax.random.key(7)
)
dataset = zootorch.SinusoidsDataset(config, num_each=4, seed=7)
difference = np.abs(waves.waves - dataset.arrays().waves.numpy())
print("waves:", waves.waves.shape, waves.waves.dtype)
print("largest difference:", difference.max())

figure, panel = plt.subplots(figsize=(8, 2.8), layout="constrained")
for index, place in enumerate((0, 25, 50, 315)):
    amplitude, periods = waves.amplitude[place], waves.frequency[place]
    label = f"amplitude {amplitude:g}, {periods:g} periods"
    style = figures.style.line_style(index)
    panel.plot(waves.waves[place], label=label, **style)
panel.set(xlabel="time step", ylabel="value")
figures.style.legend_beside(panel)
plt.show()

# %% [markdown]
# ## What is given, and what is asked for
#
# `windows` cuts each wave in two: the last point is the target, and all
# points before it are the input.

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
print("train:     ", train.inputs.shape, train.targets.shape)
print("validation:", validation.inputs.shape, validation.targets.shape)

# %% [markdown]
# To an MLP these are 49 features in no order: shuffle the columns of
# all waves alike, and it learns just as well. A recurrent network reads
# (batch, time, features), here with one feature a step.

# %%
as_sequences = train.inputs[..., None]
print("for an MLP: ", train.inputs.shape)
print("for an RNN: ", as_sequences.shape)

# %% [markdown]
# ## A state that is passed on
#
# At each step a recurrent layer makes a new state of the old one and
# the next point:
#
# $$h_t = \tanh(x_t W + b + h_{t-1} U + c)$$
#
# The weights are the same at every step. In JAX this is `lax.scan` over
# a function of a state and a point, inside `RecurrentLayer`; in torch
# it is the loop of `nn.RNN`, called by `_run_layer`. Both designs hand
# the state out: it belongs to a sequence, not to the network.

# %%
SideBySide(zoojax.RNN.__call__, zootorch.RNN.forward)

# %% [markdown]
# So a sequence can be read in two parts, when the state after the first
# is given to the second:

# %%
described = zoojax.RNN(RNNConfig(hidden_dim=8, cell="lstm"))
weights = zoojax.init(jax.random.key(3), described, as_sequences[:1])
two = as_sequences[:2]
whole, _ = described.apply(weights, two)
_, state = described.apply(weights, two[:, :44])
rest, _ = described.apply(weights, two[:, 44:], state)
forgotten, _ = described.apply(weights, two[:, 44:])
print("in one go:        ", whole.ravel())
print("in two parts:     ", rest.ravel())
print("without the state:", forgotten.ravel())

# %% [markdown]
# And a sequence may have any length, where an MLP has a weight for each
# place:

# %%
short = described.apply(weights, two[:, :20])[0]
print("RNN, 20 points:", short.shape)
network = zoojax.MLP(MLPConfig())
start = zoojax.init(jax.random.key(0), network, train.inputs[:1])
try:
    network.apply(start, train.inputs[:2, :20])
except ValueError as error:
    print("MLP, 20 points:", error)

# %% [markdown]
# ## Gates
#
# A plain RNN writes its whole state anew at every step. An LSTM and a
# GRU have **gates**: numbers from 0 to 1, made of the input and the old
# state, that decide how much is kept, let in and let out. The
# **candidate** is what could be written: a tanh of the input and the
# old state. An LSTM has a cell beside the hidden state $h$, an input
# gate $i$, a forget gate $f$, a cell candidate $g$ and an output gate
# $o$:
#
# $$\text{cell}_t = f \cdot \text{cell}_{t-1} + i \cdot g, \qquad
# h_t = o \cdot \tanh(\text{cell}_t)$$
#
# With a forget gate of 1 and an input gate of 0 a cell stays as it is,
# however many steps go by, and so does its gradient. In a GRU one gate,
# the update gate $z$, decides about both: what is not kept is new.
#
# $$h_t = z \cdot h_{t-1} + (1 - z) \cdot n$$
#
# Here is one step of each, as zoojax has it. `x` is $x_t W + b$,
# computed for all steps at once, and `h` is $h_{t-1} U + c$. The GRU
# has a second gate, the reset gate $r$: how much of the old state the
# candidate $n$ sees.

# %%
SideBySide(
    zoojax.models.cells.rnn_step,
    zoojax.models.cells.lstm_step,
    zoojax.models.cells.gru_step,
)

# %% [markdown]
# ## Four networks, two designs
#
# Each network is trained from one seed in both backends.

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
    if name == "mlp":
        return batch
    return Batch(batch.inputs[..., None], batch.targets)


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
    1, 2, figsize=(9, 3), layout="constrained"
)
epochs = range(1, settings.num_epochs + 1)
for index, name in enumerate(networks):
    style = figures.style.line_style(index)
    first, second = by_function[name], by_object[name]
    left.semilogy(epochs, first.validation_losses, label=name, **style)
    left.semilogy(epochs, second.validation_losses, ".", color="black")
    ratios = np.array(first.step_losses) / second.step_losses
    so_far = np.maximum.accumulate(np.abs(ratios - 1))
    right.semilogy(np.maximum(so_far, 1e-9), label=name, **style)
left.set(xlabel="epoch", ylabel="mean squared error")
left.set_title("validation; dots: zootorch", fontsize=10)
right.set(xlabel="step", ylabel="relative difference of step losses")
right.set_title("zoojax and zootorch, largest so far", fontsize=10)
right.plot([], [], ".", color="black", label="zootorch")
figures.style.legend_beside(right)
plt.show()

# %% [markdown]
# The two designs start one rounding apart, and training multiplies
# every rounding; these runs are in float32. (In float64 they agree to
# twelve digits at their end; the tests of this project check that.)
#
# How good are the four on waves that they have not been trained on? R²
# is the part of the variance that is predicted: 1 is perfect, 0 is as
# good as always saying the mean. It is easily high here, so the first
# row is a rule without any network: a straight line through the last
# two points.
#
# (Nearly all of these waves have a sister in the training set, with the
# same four numbers and other noise. That is easier than a wave of a new
# kind. A test should say which of the two it is.)

# %%
predictions = {}
print("network  parameters      R²   mean absolute error")
line = 2 * validation.inputs[:, -1] - validation.inputs[:, -2]
pair = (validation.targets[:, 0], line)
r2, error = zoojax.r2(*pair), zoojax.mae(*pair)
print(f"{'line':8} {0:10,} {r2:7.3f} {error:10.3f}")
for name, (model, variables) in trained.items():
    held_out = shaped(validation, name)
    said = zoojax.predict(model, variables, held_out.inputs)
    predictions[name] = np.asarray(said)
    leaves = jax.tree.leaves(variables["params"])
    count = sum(leaf.size for leaf in leaves)
    pair = (held_out.targets[:, 0], predictions[name][:, 0])
    r2, error = zoojax.r2(*pair), zoojax.mae(*pair)
    print(f"{name:8} {count:10,} {r2:7.3f} {error:10.3f}")

# %%
figures.predicted_vs_true(
    validation.targets, predictions["lstm"], title="LSTM"
)

# %%
figures.forecasts(
    validation.inputs[::60],
    validation.targets[::60],
    predictions["lstm"][::60],
)

# %% [markdown]
# ## Further ahead: feed a prediction back
#
# A network that predicts one point can predict many: append its
# prediction, drop the first point, and ask again. But its errors are
# fed back as well: what is a small error after one step need not be
# small after fifty.


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


frequency = np.asarray(waves.frequency)[np.asarray(parts[1])]
wave = int(np.flatnonzero(frequency == 2.0)[0])
start = validation.inputs[wave : wave + 1]
figure, panel = plt.subplots(figsize=(8, 3), layout="constrained")
panel.plot(start[0], color="black", label="given")
# Two periods in 49 steps: it goes on as it began.
truth = np.arange(49, 98), start[0]
panel.plot(*truth, color="gray", label="true")
for index, name in enumerate(networks):
    style = figures.style.line_style(index)
    ahead = continued(name, start, 50)[0]
    panel.plot(np.arange(49, 99), ahead, label=name, **style)
panel.set(xlabel="time step", ylabel="value")
figures.style.legend_beside(panel)
plt.show()

# %% [markdown]
# The three recurrent networks lose the wave. The MLP keeps its period,
# and loses the height and the middle. All four were good at one step;
# that says little about fifty.

# %% [markdown]
# ## How far back does it look?
#
# Differentiate the prediction by each point that was read: the gradient
# says how much that point counts. Before training, the early points
# hardly count. The gradient of the first point goes back through 48
# steps, and each makes it smaller: in the plain RNN the matrix U and
# the slope of tanh; in the other two mostly a gate, and gates start
# near a half. In the plain RNN it is the smallest. And after training?


# %%
def gradient_by_point(model, variables):
    def total(x):
        return model.apply(variables, x)[0].sum()

    return np.abs(jax.grad(total)(as_sequences)).mean((0, 2))


figure, panels = plt.subplots(
    1, 2, figsize=(9, 3), layout="constrained", sharey=True
)
for index, name in enumerate(("rnn", "lstm", "gru")):
    model, after = trained[name]
    before = zoojax.init(jax.random.key(3), model, as_sequences[:1])
    style = figures.style.line_style(index)
    for panel, variables in zip(panels, (before, after), strict=True):
        sizes = gradient_by_point(model, variables)
        panel.semilogy(np.arange(49), sizes, label=name, **style)
panels[0].set(xlabel="time step", ylabel="mean absolute gradient")
panels[0].set_title("before training", fontsize=10)
panels[1].set(xlabel="time step")
panels[1].set_title("after training", fontsize=10)
figures.style.legend_beside(panels[1])
plt.show()

# %% [markdown]
# All three have learned to look farther back. But that an LSTM *can*
# remember for long does not mean that it does: much of a wave can be
# told from its last few points, and it has learned to look there first.
# Over most of the wave the plain RNN looks back the farthest, and it
# predicts the worst.

# %% [markdown]
# ## Exercises
#
# **5.1** Simulate a wave: `length` points, x from 0 to 2 pi
# `frequency`, both ends included.


# %%
def wave_of(amplitude, frequency, phase, shift, length):
    # TODO: x by np.linspace(start, end, number of points),
    #   then the formula above.
    ### BEGIN SOLUTION
    x = np.linspace(0, 2 * np.pi * frequency, length)
    return amplitude * np.sin(x + phase) + shift
    ### END SOLUTION


check("a wave", wave_of)

# %% [markdown]
# **5.2** 20 waves of 50 points; the last three points of each are to be
# predicted from the others. What are the shapes of an MLP's inputs, of
# an RNN's inputs, and of the targets?

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
# **5.3** One step of a recurrent layer, by the formula above. `x` is
# (batch, inputs) and `h` is (batch, hidden); `weights` has `"W"`
# (inputs, hidden), `"U"` (hidden, hidden), `"b"` and `"c"` (hidden,).
# Return the new state alone.


# %%
def rnn_step(weights, h, x):
    # TODO: one expression with np.tanh and two products @.
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
# **5.4** Run such a step over a sequence `xs` (time, batch, inputs)
# from the state `h`. Return the states after each step, (time, batch,
# hidden). `step(weights, h, x)` makes one step.


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
# **5.5** How many trainable numbers does one LSTM layer have, with 3
# input features and 8 hidden features, and without any output layer? It
# has four parts (i, f, g and o), each with W, U and
# two biases.

# %%
# TODO: count one of the four, and multiply.
### BEGIN SOLUTION
num_in_lstm = 4 * (3 * 8 + 8 * 8 + 8 + 8)
### END SOLUTION

check("parameters of an LSTM", num_in_lstm)

# %% [markdown]
# ## What to take away
#
# - A recurrent network reads any length with one set of weights; an MLP
#   has a weight for each place.
# - The state is a value. Whoever reads a sequence in pieces has to pass
#   it on, in either design.
# - Gates decide what is kept. Whether a network uses them to remember,
#   its gradients tell.
