# %% [markdown]
# # 9 Where functions pay off, and where objects do
#
# Both designs compute the same. They differ in what is easy. A function
# without state can be compiled, mapped over many models, and
# differentiated again. An object can be opened, watched and rebuilt
# while it lives. Each gain has its price, and the other design its own
# way to the same.
#
# You will learn
#
# - what `jit` does, and what it freezes;
# - to train many models in one program;
# - to watch a model with hooks, and to change a part of it;
# - which design to choose for which job.
#
# Time: 75 minutes. Read notebooks 3 and 4 first.

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
import copy
import dataclasses
import time

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import torch

import zoojax
import zoojax.compiled_loop
import zootorch
from zoojax import Batch, MLPConfig, SinusoidsConfig, TrainConfig
from zoojax.common import figures
from zoojax.common.teaching.exercises import check
from zoojax.common.teaching.source_view import SideBySide

# These models are small: a second thread waits more than it works.
torch.set_num_threads(1)

# %% [markdown]
# # Functions
#
# ## `jit`: many operations, one program
#
# Python calls one operation after another. `jax.jit` runs a function
# once with placeholders, writes down what it does, and compiles that.
# Operations are fused, and Python is out of the way.


# %%
def many_small_steps(x):
    for _ in range(100):
        x = jnp.sin(x) * 0.9 + 0.1
    return x


def milliseconds(function, x, repeats=5):
    function(x)  # the first call compiles
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        # JAX returns before it has finished: wait.
        jax.block_until_ready(function(x))
        times.append(1e3 * (time.perf_counter() - begin))
    return np.median(times)


x = jnp.linspace(0, 1, 1000)
print(f"300 operations: {milliseconds(many_small_steps, x):.2f} ms")
compiled = jax.jit(many_small_steps)
print(f"one program:    {milliseconds(compiled, x):.2f} ms")

# %% [markdown]
# **The price.** What is not an argument is looked at only while the
# function is compiled. So a `print` speaks once, and a global is
# frozen:

# %%
factor = 2.0


@jax.jit
def scaled(x):
    print("Python runs, because this is being compiled")
    return factor * x


print(scaled(jnp.ones(2)))
factor = 100.0
print(scaled(jnp.ones(2)), "is still twice the input")
print(scaled(jnp.ones(3)), "has another shape: compiled anew")

# %% [markdown]
# Each new shape is compiled anew, and then the new factor counts. Nor
# can Python's `if` look at a value: while a function is compiled, there
# is none. What may change has to be an argument. That is what "pure"
# asks for, and why `apply` is given the parameters.
#
# torch has `torch.compile`, which compiles a function or a module. For
# models as small as these it did not help (`benchmarks/README.md`).

# %% [markdown]
# ## A whole epoch as one program
#
# A step of a small MLP takes a fraction of a millisecond, less than
# Python takes to call it. Since a step is a function from state to
# state, `zoojax` can make all steps of an epoch in one compiled loop. A
# `Trainer` loops in Python. Look for `fori_loop` in the first and `for
# batch in batches` in the second; the rest keeps losses and saves
# checkpoints.

# %%
SideBySide(
    zoojax.compiled_loop.steps_in_loop, zootorch.Trainer._run_epoch
)

# %%
waves = zoojax.simulate_sinusoids(
    SinusoidsConfig(noise=0.1), num_each=5, key=jax.random.key(1)
).waves
inputs, targets = map(np.asarray, zoojax.windows(waves, 50, 1))
train = Batch(inputs[::2], targets[::2])
test = Batch(inputs[1::2], targets[1::2])
torch_train = Batch(*map(torch.tensor, train))

network = MLPConfig(hidden_dim=32, num_layers=1, dropout=0.0)
settings = TrainConfig(
    seed=3, num_epochs=6, learning_rate=3e-3, loss="mean_squared_error"
)
described = zoojax.MLP(network)


def by_function():
    key = jax.random.key(3)
    variables = zoojax.init(key, described, train.inputs[:1])
    state, history = zoojax.fit(
        described, variables, train, config=settings
    )
    return state.variables, history


def by_object():
    module = zootorch.MLP(network, zootorch.Generator(3))
    history = zootorch.Trainer(module, settings).fit(torch_train)
    return module, history


def timed(run):
    run()  # the first call compiles
    begin = time.perf_counter()
    result = run()
    return time.perf_counter() - begin, result


seconds, (trained, history) = timed(by_function)
num = settings.num_epochs * len(train.targets)
print(f"zoojax:   {num / seconds:9,.0f} waves a second,", end=" ")
print(f"last loss {history.step_losses[-1]:.6f}")

seconds, (module, history) = timed(by_object)
print(f"zootorch: {num / seconds:9,.0f} waves a second,", end=" ")
print(f"last loss {history.step_losses[-1]:.6f}")

# %% [markdown]
# Not all of it is the loop: each step of `zoojax` is compiled, too,
# while torch calls its operations one by one. (These are times of the
# machine that made this page; careful ones are in
# `benchmarks/README.md`. And the last batch has 8 waves, from which
# BatchNorm takes its statistics: in eval mode the error is far smaller,
# see below.)
#
# **The price.** Nothing can look in while the loop runs: no `print`, no
# debugger. To stop in its middle, and to save a checkpoint there, it
# has to be cut in two.

# %% [markdown]
# ## `vmap`: many models at once
#
# `vmap` turns a function of one thing into a function of many. Mapped
# over *parameters*, it trains an ensemble: eight networks of eight
# seeds, in one program. In torch, `torch.func` does the same once the
# state has been taken out of the object; `zootorch.EnsembleTrainer`
# does so inside.

# %%
NUM_MEMBERS = 8


def one_program():
    variables = zoojax.init_ensemble(
        3, described, train.inputs[:1], num_members=NUM_MEMBERS
    )
    return zoojax.fit_ensemble(
        described, variables, train, config=settings
    )


def one_program_of_torch():
    models = zootorch.init_ensemble(3, network, num_members=NUM_MEMBERS)
    zootorch.EnsembleTrainer(models, settings).fit(torch_train)


def each_alone():
    for seed in range(3, 3 + NUM_MEMBERS):
        own = dataclasses.replace(settings, seed=seed)
        key = jax.random.key(seed)
        variables = zoojax.init(key, described, train.inputs[:1])
        zoojax.fit(described, variables, train, config=own)


def each_alone_of_torch():
    for seed in range(3, 3 + NUM_MEMBERS):
        own = dataclasses.replace(settings, seed=seed)
        model = zootorch.MLP(network, zootorch.Generator(seed))
        zootorch.Trainer(model, own).fit(torch_train)


print(f"{NUM_MEMBERS} networks")
for name, run in (
    ("zoojax, one after another", each_alone),
    ("zoojax, one program", one_program),
    ("zootorch, one after another", each_alone_of_torch),
    ("zootorch, one program", one_program_of_torch),
):
    print(f"{name:28} {timed(run)[0]:.2f} s")

# %% [markdown]
# **The price.** All members are in memory at once, and all have one
# architecture.
#
# The mean of their predictions is better than they are on average. For
# squared errors that is a theorem; here is by how much.

# %%
variables, histories = one_program()
members = zoojax.predict_members(described, variables, test.inputs)
members = np.asarray(members)[..., 0]
errors = ((members - test.targets[:, 0]) ** 2).mean(1)
ensemble = ((members.mean(0) - test.targets[:, 0]) ** 2).mean()
print("mean squared error of each:", *(f"{e:.3f}" for e in errors))
print(f"on average:                 {errors.mean():.3f}")
print(f"of the mean prediction:     {ensemble:.3f}")

# %% [markdown]
# ## Differentiate what you like
#
# `grad` takes a function and returns a function, so it can be mapped
# like any other. How hard does each sample pull at the weights?
# `in_axes` says along which axis each argument is taken apart; `None`:
# all get the same.

# %%
one = jax.tree.map(lambda leaf: leaf[0], variables)


def loss_of_one(params, x, y):
    outputs = described.apply({**one, "params": params}, x[None])
    return ((outputs - y) ** 2).sum()


of_each = jax.vmap(jax.grad(loss_of_one), in_axes=(None, 0, 0))
grads = of_each(one["params"], train.inputs, train.targets)
squares = [
    (leaf**2).reshape(len(leaf), -1) for leaf in jax.tree.leaves(grads)
]
norms = np.sqrt(sum(np.asarray(each).sum(1) for each in squares))

figure, panel = plt.subplots(figsize=(7, 2.4), layout="constrained")
bins = np.geomspace(norms[norms > 0].min(), norms.max(), 40)
panel.hist(norms, bins=bins, color=figures.style.BLUE)
panel.set_xscale("log")
panel.set(xlabel="norm of a sample's gradient", ylabel="samples")
plt.show()

# %% [markdown]
# Most pull with a norm of about 1, a few with ten times that: these
# decide where a step goes.

# %% [markdown]
# # Objects
#
# ## Hooks: watch without touching
#
# What do the layers of a model give? A hook is hung on a layer, and
# called whenever the layer is. The code of the model stays as it is.

# %%
module.eval()
zeros = {}


def note(name):
    def hook(layer, inputs, output):
        zeros[name] = (output == 0).float().mean().item()

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
for name, part in zeros.items():
    print(f"  {name:10} {part:.1%}")

# %% [markdown]
# **The price.** Somebody may have hung a hook that you do not know of.
# Remove yours. A pure function has nowhere to hang one: Flax is asked
# for the values in between, and returns them.

# %%
_, returned = described.apply(
    trained,
    train.inputs,
    capture_intermediates=True,
    mutable="intermediates",
)
for name, each in returned["intermediates"].items():
    if name.replace("_", ".") in zeros:
        (output,) = each["__call__"]
        print(f"  {name:10} {np.mean(np.asarray(output) == 0):.1%}")

# %% [markdown]
# ## Surgery: change a layer of a living model
#
# The model was trained to predict one number, and is now to predict
# three. It is given another last layer, and all others stay.

# %%
sample = torch_train.inputs[:2]
changed = copy.deepcopy(module)
print("before:", tuple(changed(sample).shape))
old = changed.block[8]
changed.block[8] = torch.nn.Linear(old.in_features, 3)
print("after: ", tuple(changed(sample).shape))

# %% [markdown]
# **The price.** `changed.config` still says one output, and a file that
# is saved from this model is refused when it is read. With functions, a
# model of three outputs is another description, and its parameters are
# a dictionary, put together of old and new ones:

# %%
wider = MLPConfig(
    hidden_dim=32, num_layers=1, dropout=0.0, output_dim=3
)
of_three = zoojax.MLP(wider)
fresh = zoojax.init(jax.random.key(9), of_three, train.inputs[:1])
params = {**trained["params"], "block_8": fresh["params"]["block_8"]}
outputs = of_three.apply(
    {**trained, "params": params}, train.inputs[:2]
)
print(outputs.shape, "and the configuration says", wider.output_dim)

# %% [markdown]
# ## Subclasses: change what a model does
#
# A class of your own inherits everything from another, and does one
# thing differently. Here: noise on the inputs, while it is trained.


# %%
class NoisyMLP(zootorch.MLP):
    def forward(self, inputs):
        if self.training:
            inputs = inputs + 0.5 * torch.randn_like(inputs)
        return super().forward(inputs)


noisy = NoisyMLP(network, zootorch.Generator(3))
few = torch_train.inputs[:4]
same = torch.equal(noisy(few), noisy(few))
print("train mode, two calls give the same:", same)
noisy.eval()
same = torch.equal(noisy(few), noisy(few))
print("eval mode, two calls give the same: ", same)

# %% [markdown]
# **The price.** To know what `forward` does, you have to read all its
# ancestors. (And this noise comes from torch's global generator, which
# notebook 1 warns of.) With functions, it is one function around
# another, and it has to be given a key:


# %%
def noisy_apply(variables, inputs, key):
    noise = 0.5 * jax.random.normal(key, inputs.shape)
    return described.apply(variables, inputs + noise)


for seed in (0, 0, 1):
    key = jax.random.key(seed)
    outputs = noisy_apply(trained, train.inputs[:3], key)
    print(f"key {seed}:", outputs.ravel())

# %% [markdown]
# # Both
#
# ## Which to choose
#
# | | functions | objects |
# |---|---|---|
# | compile a whole epoch | a loop over a pure step compiles | the loop stays in Python; `torch.compile` for a step |
# | many models at once | `vmap` over parameters | take the state out first (`functional_call`) |
# | gradients of each sample, or of gradients | `grad` and `vmap`, in any order | `torch.func` |
# | look inside | ask, and the values are returned | a hook, from outside, at any time |
# | change a layer | a new description, a new dictionary | assign it |
# | step through with a debugger | not inside of `jit` | anywhere |
# | what goes wrong | a frozen global, a new state that is dropped | the wrong mode, a forgotten hook |

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
# **9.3** Each of these is compiled with `jax.jit`, and called ten
# times. Compare calls two to ten with those without `jit`. Is all `"as
# without jit"`; is something missing, since `"only the first call did
# it"`; or is there `"an old value in the result"`?
#
# - A counts its calls: `calls.append(1); return x`
# - B uses a global number that is changed after the first call: `return
#   rate * x`
# - C adds noise of NumPy to what it returns: `return x +
#   np.random.normal()`
# - D uses its arguments and nothing else: `return w @ x`

# %%
# TODO: what is not an argument is looked at while it is compiled.
### BEGIN SOLUTION
a = "only the first call did it"
b = "an old value in the result"
c = "an old value in the result"
d = "as without jit"
### END SOLUTION

check("under jit", {"A": a, "B": b, "C": c, "D": d})

# %% [markdown]
# **9.4** What a hook sees, as a function: `layers` is a list of
# functions. Run `x` through all of them, one after another, and return
# a list of what each gave (not of what went in).


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
