# %% [markdown]
# # 2 Layers
#
# What one layer does, by hand and in both packages: convolution,
# pooling, activation, normalisation, dropout. A layer of `zootorch` is
# an object that holds its weights; one of `zoojax` is a description,
# and its weights come in as an argument.

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

import zoojax.layers
import zoojax.random
import zootorch.layers
from zoojax.spec import figures
from zoojax.spec.conv import cnn_layer_shapes, conv_output_size
from zoojax.spec.exercises import check, layers
from zoojax.spec.side_by_side import SideBySide

# %% [markdown]
# ## A convolution by hand
#
# One output pixel is a window of the picture times the kernel, number
# by number, added up. Here is a window of 3 by 3 pixels, and a kernel.

# %%
patch, kernel = layers.PATCH, layers.KERNEL
figure, panels = plt.subplots(
    1, 2, figsize=(5, 2.6), layout="constrained"
)
for panel, (name, values) in zip(
    panels, {"window": patch, "kernel": kernel}.items(), strict=True
):
    panel.imshow(values, cmap="RdBu", vmin=-16, vmax=16)
    panel.set(title=name, xticks=[], yticks=[])
    for (row, column), value in np.ndenumerate(values):
        panel.text(
            column, row, value, ha="center", va="center", fontsize=14
        )
plt.show()

# %% [markdown]
# **2.1** What is the output pixel?

# %%
# TODO: multiply number by number, then add up.
### BEGIN SOLUTION
pixel = (patch * kernel).sum()
### END SOLUTION

check("hand convolution", pixel)

# %% [markdown]
# Both packages find the same number. Note where the weights are: the
# description `conv` of zoojax has none, `apply` is given them; the
# object of torch keeps them in `conv.weight`. The axes differ as well:
# channels come last in JAX, first in torch.

# %%
conv = zoojax.layers.Conv2d(features=1, kernel_size=3)
params = {
    "kernel": jnp.float32(kernel)[:, :, None, None],
    "bias": jnp.zeros(1),
}
out = conv.apply(
    {"params": params}, jnp.float32(patch)[None, :, :, None]
)
print("zoojax  ", out.shape, "is (batch, rows, columns, channels)")

conv = torch.nn.Conv2d(in_channels=1, out_channels=1, kernel_size=3)
with torch.no_grad():
    conv.weight[:] = torch.tensor(kernel)
    conv.bias[:] = 0
twin = conv(torch.tensor(patch, dtype=torch.float32)[None, None])
print(
    "zootorch", tuple(twin.shape), "is (batch, channels, rows, columns)"
)
print("same number:", float(out.item()) == float(twin.item()))

# %% [markdown]
# ## How large is what comes out
#
# Along an axis, with all divisions rounded down:
#
# $$\text{out} = \left\lfloor \frac{\text{in} + 2 \cdot \text{padding} - \text{dilation} \cdot
# (\text{kernel} - 1) - 1}{\text{stride}} \right\rfloor + 1$$
#
# **2.2** Fill the last column of this table, from the top.

# %%
print(
    f"{'in':>4} {'kernel':>7} {'stride':>7} {'padding':>8} {'dilation':>9}"
)
for layer in layers.LAYERS:
    row = {"stride": 1, "padding": 0, "dilation": 1, **layer}
    print(
        f"{row['size']:4} {row['kernel_size']:7} {row['stride']:7} {row['padding']:8} "
        f"{row['dilation']:9}"
    )

# %%
# TODO: five whole numbers, in a list.
### BEGIN SOLUTION
sizes = [conv_output_size(**layer) for layer in layers.LAYERS]
### END SOLUTION

check("output sizes", sizes)

# %% [markdown]
# The same arithmetic, layer by layer, gives the size of every array in
# a CNN before one is made, and says where a picture becomes too small:

# %%
config = zoojax.CNNConfig(height=64, width=64)
for name, kind, shape in cnn_layer_shapes(config):
    print(f"{name:16} {kind:12} {shape}")

# %%
try:
    cnn_layer_shapes(zoojax.CNNConfig(height=16, width=16))
except ValueError as error:
    print(error)

# %% [markdown]
# ## Pooling
#
# A pool makes a picture smaller: of each window it keeps the largest
# number, or the mean.

# %%
data = zoojax.simulate_shapes(
    jax.random.key(1),
    zoojax.ShapesConfig(64, 64, 30, 50, shapes=("triangle",)),
    num_each=1,
)
image = jnp.float32(data.images[:1]) / 255
pooled = {
    "as it is": image,
    "largest of 4 by 4": zoojax.layers.MaxPool2d(4).apply({}, image),
    "mean of 4 by 4": zoojax.layers.AvgPool2d(4).apply({}, image),
}
figure, panels = plt.subplots(
    1, 3, figsize=(8, 2.8), layout="constrained"
)
for panel, (name, values) in zip(panels, pooled.items(), strict=True):
    panel.imshow(np.asarray(values[0]))
    panel.set(
        title=f"{name}: {values.shape[1]} x {values.shape[2]}",
        xticks=[],
        yticks=[],
    )
plt.show()

# %% [markdown]
# Of noise the maximum is bright everywhere: a max pool keeps that
# something was there, an average how much of it there was.
#
# **2.3** Pool `layers.PIXELS` by hand: the largest of each window of 2
# by 2, with stride 2.

# %%
print(layers.PIXELS)

# %%
# TODO: two rows of two numbers, as a list of lists or an array.
### BEGIN SOLUTION
largest = [[8, 7], [6, 9]]
### END SOLUTION

check("max pool", largest)

# %% [markdown]
# ## Activations, and their gradients
#
# Left: what a layer hands on. Right: what it lets through to the layers
# before it when the loss is traced back. Where a gradient is 0, nothing
# in front of it learns.

# %%
x = np.linspace(-4, 4, 401)
kinds = {
    "relu": "ReLU",
    "leaky_relu": "LeakyReLU",
    "elu": "ELU",
    "gelu": "GELU",
}
values = {
    name: np.asarray(zoojax.layers.ACTIVATIONS[kind](x))
    for kind, name in kinds.items()
}
slopes = {
    name: np.asarray(zoojax.layers.activation_gradient(kind, x))
    for kind, name in kinds.items()
}
figures.activations(x, values, slopes)

# %%
for kind, name in kinds.items():
    theirs = zootorch.layers.activation_gradient(
        kind, torch.tensor(x, dtype=torch.float32)
    )
    difference = np.abs(slopes[name] - theirs.numpy()).max()
    print(f"{name:10} largest difference of the two: {difference:.1e}")

# %% [markdown]
# **2.4** Write the gradient of LeakyReLU, which is x above 0 and 0.01 x
# below, for an array `x`. (At 0 itself take the slope below it, as
# torch does.)


# %%
def gradient(x):
    # TODO: the slope of x, and the slope of 0.01 x; np.where chooses.
    ### BEGIN SOLUTION
    return np.where(x > 0, 1.0, 0.01)
    ### END SOLUTION


check("gradient of LeakyReLU", gradient)

# %% [markdown]
# ## Normalisation: batch or layer
#
# Both take a mean away and divide by a standard deviation. They differ
# in *which* numbers they take them of. Numbers of one color here share
# a mean and a standard deviation.

# %%
figure, panels = plt.subplots(
    1, 2, figsize=(8, 2.8), layout="constrained"
)
groups = {
    "batch norm: one feature of all samples": np.tile(
        np.arange(6), (4, 1)
    ),
    "layer norm: all features of one sample": np.tile(
        np.arange(4)[:, None], (1, 6)
    ),
}
for panel, (name, group) in zip(panels, groups.items(), strict=True):
    panel.imshow(group, cmap="Set2", vmin=0, vmax=7)
    panel.set(
        title=name,
        xlabel="feature",
        ylabel="sample",
        xticks=range(6),
        yticks=range(4),
    )
    for (row, column), each in np.ndenumerate(group):
        panel.text(
            column, row, "ABCDEF"[each], ha="center", va="center"
        )
plt.show()

# %% [markdown]
# So a layer norm gives a sample the same result alone or in company,
# and a batch norm does not. In evaluation a batch norm uses running
# statistics instead, which it gathered in training: they are state, and
# the two designs keep it in different places.

# %%
x = np.array(
    [
        [1.0, 2.0, 6.0],
        [3.0, 2.5, 1.0],
        [5.0, 9.0, 2.0],
        [7.0, -2.0, 4.0],
    ],
    np.float32,
)

norm = torch.nn.BatchNorm1d(3)
norm(torch.tensor(x))
print("the object has changed itself:  ", norm.running_mean.numpy())

norm = zoojax.layers.BatchNorm()
variables = norm.init(jax.random.key(0), x, train=True)
variables = {
    **variables,
    "batch_stats": {"mean": jnp.zeros(3), "var": jnp.ones(3)},
}
_, changed = norm.apply(
    variables, x, train=True, mutable=["batch_stats"]
)
print(
    "the function returns the change:", changed["batch_stats"]["mean"]
)

# %% [markdown]
# **2.5** Normalise `x` (4 samples, 3 features) both ways, with NumPy:
# `batch_normed, layer_normed`, each of mean 0 and standard deviation 1.

# %%
# TODO: mean and std of an axis; keepdims=True lets them fit x again.
### BEGIN SOLUTION
batch_normed = (x - x.mean(0)) / x.std(0)
layer_normed = (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)
### END SOLUTION

check("normalisation", (batch_normed, layer_normed))

# %% [markdown]
# ## Dropout
#
# In training a part of the numbers is set to 0, another part each time.
# The object has a generator that moves; the function is given a key. In
# evaluation both do nothing.

# %%
SideBySide(
    zoojax.layers.Dropout.__call__, zootorch.layers.Dropout.forward
)

# %%
ones = torch.ones(1, 12)
dropout = zootorch.layers.Dropout(rate=0.5, layer=0)
print("object, first call: ", dropout(ones).numpy()[0])
print("object, second call:", dropout(ones).numpy()[0])
print("object, eval mode:  ", dropout.eval()(ones).numpy()[0])

# %%
dropout = zoojax.layers.Dropout(rate=0.5, layer=0)
key = zoojax.random.stream(zoojax.random.root_key(0), "dropout")
for step in range(2):
    step_key = jax.random.fold_in(key, step)
    print(
        "function, step",
        step,
        dropout.apply({}, jnp.ones((1, 12)), key=step_key)[0],
    )
print(
    "function, no key",
    dropout.apply({}, jnp.ones((1, 12)), key=None)[0],
)

# %% [markdown]
# **2.6** Write dropout. `kept` says what stays, `rate` is the part that
# is dropped on average. The mean of what comes out must be that of `x`,
# on average over all masks.


# %%
def drop(x, kept, rate):
    # TODO: what is dropped becomes 0. What does the rest become?
    ### BEGIN SOLUTION
    return np.where(kept, x / (1 - rate), 0)
    ### END SOLUTION


check("dropout", drop)

# %% [markdown]
# ## What to take away
#
# - A convolution is a sum of products in a window; how large its output
#   is can be told beforehand.
# - An activation's gradient decides what learns.
# - Batch norm looks along the batch and has state; layer norm looks
#   along a sample and has none.
# - Wherever a layer has state, the object keeps it and the function
#   hands it back.
