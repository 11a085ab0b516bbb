# %% [markdown]
# # 9 Where functions pay off, and where objects do
#
# Both designs compute the same. They differ in what is easy. A function
# without state can be compiled, mapped over a batch of models, and
# differentiated again; an object can be opened, watched and rebuilt
# while it lives. Each gain is shown with its price, and with how the
# other design does it.

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
import time

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import torch

import zoojax
import zoojax.epochs
import zootorch
from zoojax import Batch, MLPConfig, SinusoidsConfig, TrainConfig
from zoojax.spec.exercises import check
from zoojax.spec.side_by_side import SideBySide

# %% [markdown]
# # Functions
#
# ## `jit`: one program of many operations
#
# Python calls each operation on its own. `jax.jit` runs the function
# once with placeholders, writes down what it does, and compiles that:
# operations are fused, and Python is out of the way.


# %%
def many_small_steps(x):
    for _ in range(100):
        x = jnp.sin(x) * 0.9 + 0.1
    return x


def seconds(function, *arguments, repeats=5):
    function(*arguments)  # the first call compiles
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        jax.block_until_ready(function(*arguments))
        times.append(time.perf_counter() - begin)
    return float(np.median(times))


x = jnp.linspace(0, 1, 1000)
plain, compiled = (
    seconds(many_small_steps, x),
    seconds(jax.jit(many_small_steps), x),
)
print(
    f"200 operations and more: {1e3 * plain:.2f} ms, compiled {1e3 * compiled:.2f} ms"
)

# %% [markdown]
# The price: what is not an argument is seen once, when the function is
# compiled. A `print` speaks once, and a global is frozen:

# %%
factor = 2.0


@jax.jit
def scaled(x):
    print("Python runs: this is written while it compiles")
    return factor * x


print(scaled(jnp.ones(2)))
factor = 100.0
print(scaled(jnp.ones(2)), "is still twice the input")

# %% [markdown]
# So give what changes as an argument. That is what "pure" asks for, and
# why `apply` takes parameters.

# %% [markdown]
# ## A whole epoch as one program
#
# An MLP on waves takes a fraction of a millisecond a step: less than
# Python takes to call it. zoojax makes all steps of an epoch in one
# compiled loop, and can, since a step is a function from state to
# state. A Trainer loops in Python.

# %%
SideBySide(zoojax.epochs.steps_in_loop, zootorch.Trainer._run_epoch)

# %%
waves = zoojax.simulate_sinusoids(
    SinusoidsConfig(noise=0.1), num_each=5, key=jax.random.key(1)
)
inputs, targets = map(np.asarray, zoojax.windows(waves.waves, 50, 1))
train, test = (
    Batch(inputs[part], targets[part])
    for part in (slice(0, None, 2), slice(1, None, 2))
)
torch_train = Batch(
    torch.tensor(train.inputs), torch.tensor(train.targets)
)

network = MLPConfig(hidden_dim=32, num_layers=1, dropout=0.0)
model = zoojax.MLP(network)
settings = TrainConfig(
    seed=3, num_epochs=6, learning_rate=3e-3, loss="mean_squared_error"
)


def by_function():
    variables = zoojax.init(jax.random.key(3), model, train.inputs[:1])
    return zoojax.fit(model, variables, train, config=settings)[1]


def by_object():
    module = zootorch.MLP(network, zootorch.Generator(3))
    return zootorch.Trainer(module, settings).fit(torch_train)


for name, run in (
    ("zoojax, epoch compiled", by_function),
    ("zootorch, loop in Python", by_object),
):
    run()
    begin = time.perf_counter()
    history = run()
    taken = time.perf_counter() - begin
    rate = settings.num_epochs * len(train.targets) / taken
    print(
        f"{name:26} {rate:9,.0f} samples a second, last loss {history.step_losses[-1]:.6f}"
    )

# %% [markdown]
# These are times of the machine that made this page; careful ones are
# in `benchmarks/README.md`.

# %% [markdown]
# ## `vmap`: many models at once
#
# `vmap` makes of a function of one thing a function of many. Mapped
# over *parameters* it trains an ensemble: eight networks of eight seeds
# in one program. In torch `torch.func` does the same with an object
# that it has turned into a function first; zootorch does so inside
# `EnsembleTrainer`.

# %%
NUM_MEMBERS = 8


def one_program():
    variables = zoojax.init_ensemble(
        3, model, train.inputs[:1], num_members=NUM_MEMBERS
    )
    return zoojax.fit_ensemble(model, variables, train, config=settings)


def one_after_another():
    for seed in range(3, 3 + NUM_MEMBERS):
        variables = zoojax.init(
            jax.random.key(seed), model, train.inputs[:1]
        )
        config = TrainConfig(
            seed=seed,
            num_epochs=6,
            learning_rate=3e-3,
            loss="mean_squared_error",
        )
        zoojax.fit(model, variables, train, config=config)


for name, run in (
    ("one program", one_program),
    ("one after another", one_after_another),
):
    run()
    begin = time.perf_counter()
    run()
    print(
        f"{NUM_MEMBERS} networks, {name:18} {time.perf_counter() - begin:.2f} s"
    )

# %% [markdown]
# Their mean is better than they are on average: that is a theorem for
# squared errors, and here is by how much.

# %%
variables, histories = one_program()
members = np.asarray(
    zoojax.predict_members(model, variables, test.inputs)
)[..., 0]
errors = ((members - test.targets[:, 0]) ** 2).mean(1)
ensemble = ((members.mean(0) - test.targets[:, 0]) ** 2).mean()
print("mean squared error of each: ", errors.round(4))
print(
    f"their mean {errors.mean():.4f}, error of the mean prediction {ensemble:.4f}"
)

# %% [markdown]
# ## Differentiate what you like
#
# A gradient is a function of a function. Of one sample, mapped over
# all: which samples pull hardest?

# %%
one = jax.tree.map(lambda leaf: leaf[0], variables)


def loss_of_one(params, x, y):
    outputs = model.apply({**one, "params": params}, x[None])
    return ((outputs - y) ** 2).sum()


per_sample = jax.vmap(jax.grad(loss_of_one), in_axes=(None, 0, 0))
gradients = per_sample(one["params"], train.inputs, train.targets)
squares = [
    np.asarray((leaf**2).reshape(len(leaf), -1).sum(1))
    for leaf in jax.tree.leaves(gradients)
]
norms = np.sqrt(sum(squares))

figure, panel = plt.subplots(figsize=(7, 2.6), layout="constrained")
panel.hist(np.log10(norms + 1e-12), bins=40, color="tab:blue")
panel.set(
    xlabel="log10 of the norm of a sample's gradient", ylabel="samples"
)
plt.show()

# %% [markdown]
# # Objects
#
# ## Hooks: watch without touching
#
# What do the layers of a model give? A hook hangs on a layer and is
# called whenever the layer is. The code of the model stays as it is.

# %%
module = zootorch.MLP(network, zootorch.Generator(3)).eval()
dead = {}


def note(name):
    def hook(layer, inputs, output):
        dead[name] = float((output == 0).float().mean())

    return hook


hooks = [
    layer.register_forward_hook(note(name))
    for name, layer in module.named_modules()
    if isinstance(layer, torch.nn.ReLU)
]
module(torch_train.inputs)
for hook in hooks:
    hook.remove()
print("part of the outputs that is 0, after each ReLU:")
for name, part in dead.items():
    print(f"  {name:10} {part:.1%}")

# %% [markdown]
# The price: somebody may have hung a hook that you do not know of;
# remove yours. A function has nowhere to hang one. Flax asks the
# description to hand out what is in between, and returns it:

# %%
start = zoojax.init(jax.random.key(3), model, train.inputs[:1])
_, handed_out = model.apply(
    start,
    train.inputs,
    capture_intermediates=True,
    mutable="intermediates",
)
for name, found in handed_out["intermediates"].items():
    if name.replace("_", ".") in dead:
        (output,) = found["__call__"]
        print(f"  {name:10} {np.mean(np.asarray(output) == 0):.1%}")

# %% [markdown]
# ## Surgery: change a layer of a living model
#
# A trained model is to say three numbers, and not one. Give it another
# last layer, and all else stays.

# %%
last = [
    name
    for name, layer in module.named_modules()
    if isinstance(layer, torch.nn.Linear)
][-1]
parent, _, child = last.rpartition(".")
old = module.get_submodule(last)
setattr(
    module.get_submodule(parent),
    child,
    torch.nn.Linear(old.in_features, 3),
)
print(
    f"{last}: {old.out_features} output before,",
    tuple(module(torch_train.inputs[:2]).shape),
    "now",
)

# %% [markdown]
# The price: `module.config` still says one output, and a file saved
# from it will be refused. In the function a model of three outputs is
# another description, and its parameters are a dictionary that you put
# together of old ones and new ones:

# %%
of_three = zoojax.MLP(
    MLPConfig(hidden_dim=32, num_layers=1, dropout=0.0, output_dim=3)
)
fresh = zoojax.init(jax.random.key(9), of_three, train.inputs[:1])
name = last.replace(".", "_")
params = {**start["params"], name: fresh["params"][name]}
print(
    of_three.apply({**start, "params": params}, train.inputs[:2]).shape,
    "and",
    of_three.config,
)

# %% [markdown]
# ## Subclasses: change what a model does
#
# A class of our own has all that the other has, and does one thing
# otherwise. Here: noise on the inputs while it trains.


# %%
class NoisyMLP(zootorch.MLP):
    def forward(self, inputs):
        if self.training:
            inputs = inputs + 0.5 * torch.randn_like(inputs)
        return super().forward(inputs)


noisy = NoisyMLP(network, zootorch.Generator(3))
twice = torch_train.inputs[:4]
print(
    "train mode, two calls alike:",
    torch.equal(noisy(twice), noisy(twice)),
)
noisy.eval()
print(
    "eval mode, two calls alike: ",
    torch.equal(noisy(twice), noisy(twice)),
)

# %% [markdown]
# The price: to know what `forward` does, read all its ancestors. With
# functions it is one more function around the other, and it has to ask
# for a key:


# %%
def noisy_apply(variables, inputs, key):
    return model.apply(
        variables, inputs + 0.5 * jax.random.normal(key, inputs.shape)
    )


print(noisy_apply(start, train.inputs[:2], jax.random.key(0)).ravel())

# %% [markdown]
# ## Side by side
#
# | | functions | objects |
# |---|---|---|
# | compile a whole epoch | a loop over a pure step compiles | the loop stays in Python |
# | many models at once | `vmap` over parameters | take the state out first (`functional_call`) |
# | gradients of gradients, of each sample | `grad`, `vmap`, in any order | `torch.func` |
# | look inside | ask for intermediates, they are returned | a hook, from outside, at any time |
# | change a layer | new description, new dictionary | assign it |
# | step through with a debugger | not inside `jit` | anywhere |
# | what goes wrong | a frozen global, a dropped new state | a stale mode, a forgotten hook |

# %% [markdown]
# ## Exercises
#
# **9.1** `predict(weights, x)` takes one sample. `xs` holds samples
# along axis 1, (features, samples). With which `in_axes` does
# `jax.vmap(predict, in_axes)(weights, xs)` take all samples with the
# same weights?

# %%
# TODO: a pair, for weights and for xs. None: the same for all.
### BEGIN SOLUTION
in_axes = (None, 1)
### END SOLUTION

check("in_axes", in_axes)

# %% [markdown]
# **9.2** `jax.lax.scan(step, carry, xs)` calls `step(carry, x)` for
# each x; it returns a new carry and something to keep. Write the step
# of a running average: 0.9 of the old carry and 0.1 of x, and keep each
# new average.


# %%
def step(carry, x):
    # TODO: return a pair: what goes on, and what is kept.
    ### BEGIN SOLUTION
    new = 0.9 * carry + 0.1 * x
    return new, new
    ### END SOLUTION


check("step of a scan", step)

# %% [markdown]
# **9.3** Each of these is compiled with `jax.jit` and called ten times.
# Does it do "the same as without jit", "what it should only once", or
# does it use "an old value"?
#
# - A appends x to a list outside: `seen.append(x); return x`
# - B uses a global number that is changed after the first call: `return
#   rate * x`
# - C draws noise with NumPy: `return x + np.random.normal()`
# - D uses its arguments alone: `return w @ x`

# %%
# TODO: what is not an argument is looked at when it compiles.
### BEGIN SOLUTION
a, b, c, d = (
    "what it should only once",
    "an old value",
    "an old value",
    "the same as without jit",
)
### END SOLUTION

check("under jit", {"A": a, "B": b, "C": c, "D": d})

# %% [markdown]
# **9.4** What a hook sees, as a function: `layers` is a list of
# functions. Run `x` through all of them, one after another, and return
# a list of what each gave.


# %%
def outputs_of(layers, x):
    # TODO: a loop. Each layer is given what the one before gave.
    ### BEGIN SOLUTION
    outputs = []
    for layer in layers:
        x = layer(x)
        outputs.append(x)
    return outputs
    ### END SOLUTION


check("outputs of each layer", outputs_of)

# %% [markdown]
# **9.5** Surgery on a dictionary: return parameters with `"head"`
# replaced by `head` and all else as it was. The dictionary that is
# given stays as it is.


# %%
def with_new_head(params, head):
    # TODO: a new dictionary of the old one and one entry.
    ### BEGIN SOLUTION
    return {**params, "head": head}
    ### END SOLUTION


check("new head", with_new_head)

# %% [markdown]
# ## What to take away
#
# - Functions: what has no hidden state can be compiled, mapped and
#   differentiated as a whole.
# - Objects: what keeps its parts can be opened, watched and changed
#   while it lives.
# - Each can do what the other does, at a price. Know the price, and
#   choose by the job.
