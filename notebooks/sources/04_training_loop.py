# %% [markdown]
# # 4 The training loop
#
# Five lines train a network in torch, and their order matters. In JAX
# the same five thoughts are one function. We read both line by line,
# put lines in the wrong order to see what happens, and learn to tell
# from its curves what is wrong with a run.
#
# You will learn
#
# - what each line of a step does, as an object and as a function;
# - what goes wrong without any error;
# - how to diagnose a loss that does not fall, gradients that vanish or
#   explode, and a network that learns by heart;
# - what has to be saved, so that a run can be stopped and go on.
#
# Time: 90 minutes. Read notebook 3 first.

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
import tempfile

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
import torch

import zoojax
import zootorch
from zoojax import (
    Batch,
    Checkpoints,
    MLPConfig,
    NonFiniteLossError,
    SinusoidsConfig,
    TrainConfig,
)
from zoojax.common import figures
from zoojax.common.teaching.exercises import check, loops, runs
from zoojax.common.teaching.source_view import SideBySide

# These models are small: a second thread waits more than it works.
torch.set_num_threads(1)
# JAX computes in float32 unless it is told that float64 is wanted.
jax.config.update("jax_enable_x64", True)

# %% [markdown]
# ## One step, taken apart
#
# A line is to be fitted to 20 points. It has two weights: a slope and
# an offset. First with objects. Watch `weights.grad`:

# %%
x, y = torch.tensor(loops.LINE_X), torch.tensor(loops.LINE_Y)
weights = torch.zeros(2, dtype=torch.float64, requires_grad=True)
optimizer = torch.optim.SGD([weights], lr=loops.RATE)


def loss_now():
    return ((weights[0] * x + weights[1] - y) ** 2).mean()


print("at first:      ", weights.grad)
loss_now().backward()
print("backward:      ", weights.grad)
loss_now().backward()
print("backward again:", weights.grad)
optimizer.zero_grad()
print("zero_grad:     ", weights.grad)
loss_now().backward()
print("backward:      ", weights.grad)
optimizer.step()
print("step: weights: ", weights.detach())

# %% [markdown]
# The second `backward` has added to the first.
#
# Now with functions. A gradient is a value that is returned. Nothing is
# added up, nothing has to be cleared, and the old weights stay as they
# are. The optimiser of optax has no memory of its own either: its state
# goes in, and the new one comes out.

# %%
start = jnp.zeros(2)
optimizer = optax.sgd(loops.RATE)
opt_state = optimizer.init(start)


def loss_of(weights):
    line = weights[0] * loops.LINE_X + weights[1]
    return ((line - loops.LINE_Y) ** 2).mean()


loss, grads = jax.value_and_grad(loss_of)(start)
print("value_and_grad:      ", loss, grads)
print("value_and_grad again:", *jax.value_and_grad(loss_of)(start))
updates, opt_state = optimizer.update(grads, opt_state)
print("update:              ", updates)
new = optax.apply_updates(start, updates)
print("apply_updates:       ", new, "while the old are", start)

# %% [markdown]
# Both loops, from beginning to end:


# %%
def with_objects():
    weights = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([weights], lr=loops.RATE)
    for _ in range(100):
        optimizer.zero_grad()
        loss = ((weights[0] * x + weights[1] - y) ** 2).mean()
        loss.backward()
        optimizer.step()
    return weights.detach().numpy(), loss.item()


def with_functions():
    weights = jnp.zeros(2)
    optimizer = optax.sgd(loops.RATE)
    opt_state = optimizer.init(weights)
    for _ in range(100):
        loss, grads = jax.value_and_grad(loss_of)(weights)
        updates, opt_state = optimizer.update(grads, opt_state)
        weights = optax.apply_updates(weights, updates)
    return weights, loss.item()


SideBySide(with_functions, with_objects)

# %%
for run in (with_functions, with_objects):
    (slope, offset), last = run()
    print(
        f"{run.__name__:14} slope {slope:.6f} offset {offset:.6f}",
        end=" ",
    )
    print(f"last loss {last:.6f}")

figure, panel = plt.subplots(figsize=(6, 2.6), layout="constrained")
panel.plot(loops.LINE_X, loops.LINE_Y, "o", label="points")
panel.plot(
    loops.LINE_X, slope * loops.LINE_X + offset, label="the line"
)
panel.set(xlabel="x", ylabel="y")
figures.style.legend_beside(panel)
plt.show()

# %% [markdown]
# ## The step of the packages
#
# It does the same for any model, with what a real program needs
# besides. Find these in both:
#
# | | function | object |
# |---|---|---|
# | old gradients | there are none | `zero_grad()` clears them |
# | outputs | `model.apply({"params": params, ...})` | `self.model(inputs)` |
# | loss | returned by `loss_and_stats` | `loss_of(...)(outputs, targets)` |
# | gradients | returned by `value_and_grad` | `backward()` writes them into each `p.grad` |
# | update | `update` returns a direction, and `p - rate * d` is new | `step()` changes each `p` |
# | statistics | come back with the loss | are changed by `self.model(inputs)` |
# | new state | is returned; the old one's memory is given up | is where the old one was |

# %%
SideBySide(zoojax.train_step, zootorch.Trainer.step)

# %% [markdown]
# ## The same run in both
#
# The task: from 49 points of a wave, predict the fiftieth. Every wave
# is another one: a copy of it in the training data would make the
# validation worthless.

# %%
waves = zoojax.simulate_sinusoids(
    SinusoidsConfig(phases=tuple(range(8))), num_each=1
).waves
inputs, targets = map(np.asarray, zoojax.windows(waves, 50, 1))
order = np.random.default_rng(0).permutation(len(inputs))
train = Batch(inputs[order[:600]], targets[order[:600]])
validation = Batch(inputs[order[600:]], targets[order[600:]])

architecture = MLPConfig(hidden_dim=32, num_layers=1, dropout=0.1)
settings = {"seed": 3, "loss": "mean_squared_error"}


def run_functions(config, checkpoints=None):
    model = zoojax.MLP(architecture)
    key = jax.random.key(config.seed)
    variables = zoojax.init(key, model, train.inputs[:1])
    _, history = zoojax.fit(
        model,
        variables,
        train,
        config=config,
        validation=validation,
        checkpoints=checkpoints,
    )
    return history


def run_objects(config, checkpoints=None):
    model = zootorch.MLP(architecture, zootorch.Generator(config.seed))
    trainer = zootorch.Trainer(model, config)
    return trainer.fit(
        Batch(*map(torch.tensor, train)),
        validation=Batch(*map(torch.tensor, validation)),
        checkpoints=checkpoints,
    )


config = TrainConfig(num_epochs=12, learning_rate=3e-3, **settings)
by_function, by_object = run_functions(config), run_objects(config)
figures.loss_curves({"zoojax": by_function, "zootorch": by_object})

# %% [markdown]
# The two runs lie on each other: the losses of their steps differ by
# about a millionth, in float32. The validation loss is the lower one,
# since dropout is on only in training.

# %% [markdown]
# ## What happens when the order is wrong
#
# The line again, with torch: three loops, of which two have a mistake.
# Neither raises an error.


# %%
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
    style = figures.style.line_style(index)
    panel.plot(fit_line(lines), label=name, **style)
panel.set(xlabel="step", ylabel="loss", ylim=(0, 5))
figures.style.legend_beside(panel)
plt.show()

# %% [markdown]
# If it is forgotten, the gradients of all steps add up, like momentum
# without any friction: the line swings back and forth. Called too late,
# `zero_grad` clears what `step` needs, and nothing moves. **Neither can
# happen to the function**, where gradients are a value that is used
# once. It has a mistake of its own: the new state is not handed on.

# %%
losses = []
weights = jnp.zeros(2)
for _ in range(5):
    loss, grads = jax.value_and_grad(loss_of)(weights)
    new_weights = weights - loops.RATE * grads  # and who looks at them?
    losses.append(round(float(loss), 4))
print(losses)

# %% [markdown]
# ## A loss that does not fall
#
# The same network, with three step sizes (learning rates):

# %%
figure, panel = plt.subplots(figsize=(8, 3), layout="constrained")
for index, rate in enumerate((1e-6, 3e-3, 3.0)):
    config = TrainConfig(num_epochs=6, learning_rate=rate, **settings)
    style = figures.style.line_style(index)
    losses = run_functions(config).step_losses
    panel.semilogy(losses, label=f"step size {rate:g}", **style)
panel.set(xlabel="step", ylabel="loss")
figures.style.legend_beside(panel)
plt.show()

# %% [markdown]
# Too small: nothing seems to happen. Too large: the loss jumps to more
# than a thousand times what it was, falls again, and ends no better
# than where it started. (These are steps of Adam, whose length hardly
# depends on the gradient.) Much too large, here with plain SGD: it is
# not a number any more. Then both packages stop, and say where it
# happened and what the gradients were.

# %%
config = TrainConfig(learning_rate=1e30, optimizer="sgd", **settings)
try:
    run_functions(config)
except NonFiniteLossError as error:
    print(error)
else:
    raise AssertionError("that step size should have been too large")

# %% [markdown]
# Look for the cause in this order: are inputs and targets what you
# think (plot them)? Is the step size right (try a tenth, and ten
# times)? Do gradients reach the first layer (below)? Can the network
# learn ten samples by heart? If it cannot do that, something is broken.

# %% [markdown]
# ## Optimisers
#
# SGD steps along the gradient. Momentum adds up past gradients, each
# weighing 0.9 of the next: steps grow up to ten times as long. RMSprop
# divides each gradient by the root of a running mean of its squares.
# Adam has a running mean of the gradients as well; these two are its
# **moments**. AdamW also shrinks the weights a little at each step.
#
# Each has torch's definition in both packages. In float64, so that
# rounding cannot grow, one run in each is the same run.

# %%
choices = {
    "SGD": {"optimizer": "sgd", "learning_rate": 0.03},
    "SGD with momentum": {
        "optimizer": "sgd",
        "momentum": 0.9,
        "learning_rate": 0.03,
    },
    "RMSprop": {"optimizer": "rmsprop", "learning_rate": 3e-3},
    "Adam": {"optimizer": "adam", "learning_rate": 3e-3},
    "AdamW": {
        "optimizer": "adamw",
        "learning_rate": 3e-3,
        "weight_decay": 0.01,
    },
}
figure, panel = plt.subplots(figsize=(8, 3), layout="constrained")
for index, (name, choice) in enumerate(choices.items()):
    config = TrainConfig(
        num_epochs=8, dtype="float64", **choice, **settings
    )
    first, second = run_functions(config), run_objects(config)
    style = figures.style.line_style(index)
    epochs = range(1, 9)
    panel.semilogy(epochs, first.validation_losses, label=name, **style)
    panel.semilogy(epochs, second.validation_losses, ".", color="black")
    assert np.allclose(
        first.step_losses, second.step_losses, rtol=1e-12
    )
panel.plot([], [], ".", color="black", label="the same, in zootorch")
panel.set(xlabel="epoch", ylabel="validation loss")
figures.style.legend_beside(panel)
plt.show()

# %% [markdown]
# ## Gradients that vanish or explode
#
# On its way back through a layer, a gradient is multiplied by the
# weights of the layer and by the slope of its activation. Through 30
# layers that makes 30 such products. If each is a bit under 1, nothing
# is left; if each is a bit over 1, nothing can hold it. Three networks
# without normalisation, before any training:


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

    return [float(jnp.abs(g).max()) for g in jax.grad(loss)(weights)]


networks = {
    "sigmoid": (jax.nn.sigmoid, 1.0),
    "tanh": (jnp.tanh, 1.0),
    "tanh, weights\n6 times as large": (jnp.tanh, 6.0),
}
figure, panel = plt.subplots(figsize=(8, 3), layout="constrained")
for index, (name, network) in enumerate(networks.items()):
    style = figures.style.line_style(index)
    sizes = gradient_sizes(*network)
    panel.semilogy(range(1, 31), sizes, label=name, **style)
panel.set(xlabel="layer, from the input", ylabel="largest gradient")
figures.style.legend_beside(panel)
plt.show()

# %% [markdown]
# The slope of a sigmoid is a quarter at most. Towards the input the
# gradient vanishes, and the first layers learn nothing. With large
# weights it explodes. What helps: activations with a slope near 1,
# initial weights of the right size, normalisation, and, against
# exploding, clipping. Both packages write the largest gradient of each
# layer down, once an epoch, and name the layers where it vanishes or
# explodes. (Here none does. Blocks 0, 4 and 8 are Linear, 1 and 5
# BatchNorm.)

# %%
figures.training_curves(by_object, problems=by_object.gradient_problems)

# %% [markdown]
# ## The gap between training and validation
#
# A large network, only 40 training samples, and noise on their targets:
# at first it learns what waves are like, and then the noise, by heart.
# The training loss falls to 0, and the validation loss rises.

# %%
generator = np.random.default_rng(5)
noise = generator.normal(0, 0.5, (40, 1)).astype(np.float32)
few = Batch(train.inputs[:40], train.targets[:40] + noise)
large = zoojax.MLP(MLPConfig(hidden_dim=128, num_layers=1, dropout=0.0))
start = zoojax.init(jax.random.key(0), large, few.inputs[:1])
config = TrainConfig(
    num_epochs=150, batch_size=40, learning_rate=2e-3, **settings
)
_, overfitted = zoojax.fit(
    large, start, few, config=config, validation=validation
)

figure, panel = plt.subplots(figsize=(8, 3), layout="constrained")
curves = {
    "training": overfitted.train_losses,
    "validation": overfitted.validation_losses,
}
for index, (name, losses) in enumerate(curves.items()):
    style = figures.style.line_style(index)
    panel.plot(range(1, 151), losses, label=name, **style)
panel.axvline(
    overfitted.best_epoch,
    color="black",
    linewidth=1,
    label="best epoch",
)
panel.set(xlabel="epoch", ylabel="loss", ylim=(0, 2.5))
figures.style.legend_beside(panel)
plt.show()

# %% [markdown]
# `TrainConfig(patience=10, keep_best=True)` stops when the validation
# loss has not fallen for ten epochs, and keeps the best weights.

# %% [markdown]
# ## Stop, and go on
#
# A long run is stopped by a power cut, or by a cluster that needs the
# machine. To go on as if nothing had happened, weights are not enough.
# A checkpoint also holds the optimiser's state, the place in the epoch,
# the learning rate's schedule, the state of every generator, and the
# losses so far. The function's state is one value; the object has its
# state in five places (model, optimiser, schedule, and the generators
# of the order and of dropout).


# %%
class PowerCut(Checkpoints):
    def save(self, checkpoint):
        super().save(checkpoint)
        if checkpoint.log.num_steps >= 100:  # the power fails
            raise KeyboardInterrupt


config = TrainConfig(num_epochs=12, learning_rate=3e-3, **settings)
with tempfile.TemporaryDirectory() as folder:
    try:
        run_functions(config, PowerCut(folder, every_steps=50))
    except KeyboardInterrupt:
        print("stopped")
    resumed = run_functions(config, Checkpoints(folder, resume=True))
same = np.array_equal(resumed.step_losses, by_function.step_losses)
print("resumed; same losses as if it had not been stopped:", same)

# %% [markdown]
# Bit for bit. And since both designs agree on what state there is, one
# can go on where the other was stopped:

# %%
with tempfile.TemporaryDirectory() as folder:
    try:
        run_functions(config, PowerCut(folder, every_steps=50))
    except KeyboardInterrupt:
        print("zoojax stopped at step 100")
    resumed = run_objects(config, Checkpoints(folder, resume=True))
difference = np.abs(
    np.array(resumed.step_losses) / by_function.step_losses - 1
).max()
print(
    f"zootorch ended it; largest relative difference {difference:.0e}"
)

# %% [markdown]
# On the command line, `zoo train --out run --resume` starts a run, or
# goes on with it. As a job on a cluster (here with Slurm) that line may
# be run again and again until it is through:
#
# ```
# sbatch --gres=gpu:1 --time=1:00:00 --requeue --wrap \
#     "zoo train --backend jax --model lstm --out run --resume"
# ```

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
# **4.2** Fit the line with torch, and without an optimiser: take each
# step by hand. Slope and offset start at 0, and `loops.NUM_STEPS` steps
# of size `loops.RATE` are made. The loss is the mean squared error;
# write each down before its step.


# %%
def torch_losses(x, y):
    weights = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    losses = []
    # TODO: a loop with losses.append(loss.item()). Inside of
    #   torch.no_grad() change weights; then clear weights.grad.
    ### BEGIN SOLUTION
    for _ in range(loops.NUM_STEPS):
        loss = ((weights[0] * x + weights[1] - y) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            weights -= loops.RATE * weights.grad
        weights.grad = None
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
    # TODO: a function of weights that returns the loss; then a loop of
    #   three lines.
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
# arrays. Where the norm of all their numbers together is larger than
# `largest`, make all of them smaller by one factor, so that the norm is
# `largest`. Return a list again, each array in the shape it had.


# %%
def clip(gradients, largest):
    # TODO: the norm is the square root of the sum of all squares.
    #   Return a list.
    ### BEGIN SOLUTION
    norm = np.sqrt(sum((each**2).sum() for each in gradients))
    return [each * min(1, largest / norm) for each in gradients]
    ### END SOLUTION


check("clipping", clip)

# %% [markdown]
# **4.5** What, if anything, is wrong with each of these four runs?
# Choose from `runs.PROBLEMS`.

# %%
print(*runs.PROBLEMS, sep="\n")
figure, panels = plt.subplots(
    1, 4, figsize=(9, 2.3), layout="constrained", sharey=True
)
for panel, (name, losses) in zip(
    panels, runs.losses().items(), strict=True
):
    for index, kind in enumerate(("training", "validation")):
        style = figures.style.line_style(index)
        panel.plot(losses[index], label=kind, **style)
    panel.set(title=name, xlabel="epoch")
panels[0].set_ylabel("loss")
figures.style.legend_beside(panels[-1])
plt.show()

# %%
# TODO: for each, one of the four lines above, as a string.
### BEGIN SOLUTION
a = "overfits"
b = "learning rate too large"
c = "healthy"
d = "learning rate too small"
### END SOLUTION

check("diagnosis", {"A": a, "B": b, "C": c, "D": d})

# %% [markdown]
# **4.6** To be able to go on after a stop, what has to be saved, and
# what can be made again from the configuration and the seed? Say
# `"save"` or `"make again"`.

# %%
# TODO: what has changed since the first step?
### BEGIN SOLUTION
weights = "save"
moments = "save"
num_steps = "save"
pictures = "make again"
dropout_masks = "make again"
statistics = "save"
### END SOLUTION
answer = {
    "weights": weights,
    "moments of Adam": moments,
    "number of steps made": num_steps,
    "simulated pictures": pictures,
    "dropout masks, each of a key and its step": dropout_masks,
    "running statistics of a BatchNorm": statistics,
}

check("what to save", answer)

# %% [markdown]
# ## What to take away
#
# - In the object a gradient is a place that has to be cleared; in the
#   function it is a value.
# - The wrong order raises no error. Look at the loss.
# - Compare training with validation, and look at the gradients layer by
#   layer, before you change the model.
# - State is what has to be saved. Whoever knows it can stop and go on.
