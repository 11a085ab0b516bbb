# %% [markdown]
# # 2 Layers
#
# What one layer does, by hand and in both packages. A layer of torch is
# an **object** that holds its weights. A layer of `zoojax` is a
# **description**: its weights come in as an argument.
#
# You will learn
#
# - what a convolution computes, and how large its output is;
# - what pooling keeps, and what an activation lets through backwards;
# - which numbers batch norm and layer norm average over;
# - where a layer's state lives in either design.
#
# Time: 60 minutes. Read notebook 1 first, or know what a key is.

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

import zoojax.layers
import zoojax.random
import zootorch.layers
from zoojax.common import figures
from zoojax.common.teaching.exercises import check, layers
from zoojax.common.teaching.source_view import SideBySide
from zoojax.spec.config.models import cnn_layer_shapes

# %% [markdown]
# ## A convolution by hand
#
# To find one output pixel, lay the kernel over a window of the picture,
# multiply number by number, and add everything up. Here are a window of
# 3 by 3 pixels and a kernel.

# %%
patch, kernel = layers.PATCH, layers.KERNEL
figure, panels = plt.subplots(
    1, 2, figsize=(5, 2.6), layout="constrained"
)
named = {"window": patch, "kernel": kernel}
for panel, (name, values) in zip(panels, named.items(), strict=True):
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
# Both packages find the same number. Look at where the weights are. The
# description of zoojax has none: `apply` is given them. The object of
# torch keeps them in `layer.weight`. The axes differ as well: channels
# come last in zoojax, as in Flax, and first in torch.

# %%
description = zoojax.layers.Conv2d(features=1, kernel_size=3)
params = {
    "kernel": jnp.float32(kernel)[:, :, None, None],
    "bias": jnp.zeros(1),
}
picture = jnp.float32(patch)[None, :, :, None]
out = description.apply({"params": params}, picture)
print(picture.shape, "zoojax: (batch, rows, columns, channels)")

layer = torch.nn.Conv2d(in_channels=1, out_channels=1, kernel_size=3)
with torch.no_grad():
    layer.weight[:] = torch.tensor(kernel)
    layer.bias[:] = 0
window = torch.tensor(patch, dtype=torch.float32)[None, None]
twin = layer(window)
print(tuple(window.shape), "torch: (batch, channels, rows, columns)")
print("same number:", out.item() == twin.item())

# %% [markdown]
# Slide the kernel over a whole picture and its answers make a new
# picture. Which kernel gives what? A network learns its kernels; these
# three are written by hand.

# %%
smooth = np.ones((5, 5)) / 25
to_the_right = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8
kernels = {
    "mean of 5 by 5": smooth,
    "brighter to the right": to_the_right,
    "brighter below": to_the_right.T,
}
config = zoojax.ShapesConfig(
    64, 64, 30, 50, shapes=("triangle",), shades=True
)
data = zoojax.simulate_shapes(jax.random.key(5), config, num_each=1)
image = jnp.float32(data.images[:1]) / 255
gray = image.mean(-1, keepdims=True)

figure, panels = plt.subplots(
    1, 4, figsize=(8, 2.3), layout="constrained"
)
panels[0].imshow(gray[0, ..., 0], cmap="gray")
panels[0].set_title("the picture, in gray", fontsize=10)
for panel, (name, weights) in zip(
    panels[1:], kernels.items(), strict=True
):
    conv = zoojax.layers.Conv2d(features=1, kernel_size=len(weights))
    params = {
        "kernel": jnp.float32(weights)[:, :, None, None],
        "bias": jnp.zeros(1),
    }
    out = conv.apply({"params": params}, gray)[0, ..., 0]
    limit = abs(out).max()
    low = 0 if weights is smooth else -limit  # no edge is in mid-gray
    panel.imshow(out, cmap="gray", vmin=low, vmax=limit)
    panel.set_title(name, fontsize=10)
for panel in panels:
    panel.set(xticks=[], yticks=[])
plt.show()

# %% [markdown]
# The first one wipes most of the noise away, and blurs the edges. The
# other two find edges, each of one direction: white where it gets
# brighter, black where it gets darker. Noise has edges, too.

# %% [markdown]
# ## How large is the output?
#
# **Padding** is how many zeros are put around the picture at each edge.
# **Stride** is how many pixels the window moves from one place to the
# next. **Dilation** is how far apart the kernel's numbers lie; 1 means
# side by side. Then, along each axis:
#
# $$\text{out} = \left\lfloor \frac{\text{in} + 2 \cdot \text{padding}
# - \text{dilation} \cdot (\text{kernel} - 1) - 1}{\text{stride}}
# \right\rfloor + 1$$
#
# The brackets mean: round down.
#
# **2.2** A column is missing from this table: the output size of each
# row. Compute it: a list of five numbers, from the top row to the last.

# %%
columns = ("size", "kernel_size", "stride", "padding", "dilation")
print(("{:>12}" * 5).format(*columns))
for layer in layers.LAYERS:
    row = {"stride": 1, "padding": 0, "dilation": 1, **layer}
    print(("{:12}" * 5).format(*(row[name] for name in columns)))

# %%
# TODO: five whole numbers, in a list.
### BEGIN SOLUTION
from zoojax.spec.conv import conv_output_size

sizes = [conv_output_size(**layer) for layer in layers.LAYERS]
### END SOLUTION

check("output sizes", sizes)

# %% [markdown]
# The same arithmetic, layer by layer, gives the size of every array in
# a CNN before any array is made, and says where a picture becomes too
# small:

# %%
print(f"{'layer':16} {'kind':12} (channels, rows, columns)")
for name, kind, shape in cnn_layer_shapes(zoojax.CNNConfig()):
    print(f"{name:16} {kind:12} {shape}")

# %%
try:
    cnn_layer_shapes(zoojax.CNNConfig(height=3, width=3))
except ValueError as error:
    print(error)
else:
    raise AssertionError("3 by 3 pixels should be too few")

# %% [markdown]
# ## Pooling
#
# A pool makes a picture smaller. Of each window it keeps the largest
# number, or the mean. The windows do not overlap: here the stride is 4,
# as the window is.

# %%
pooled = {
    "as it is": image,
    "largest of 4 by 4": zoojax.layers.MaxPool2d(4).apply({}, image),
    "mean of 4 by 4": zoojax.layers.AvgPool2d(4).apply({}, image),
}
figure, panels = plt.subplots(
    1, 3, figsize=(7, 2.6), layout="constrained"
)
for panel, (name, values) in zip(panels, pooled.items(), strict=True):
    panel.imshow(values[0])
    size = f"{values.shape[1]} x {values.shape[2]}"
    panel.set(title=f"{name}: {size}", xticks=[], yticks=[])
plt.show()

# %% [markdown]
# Nearly every window of noise has something bright in each color, so
# the max pool makes it nearly white: it tells *that* something bright
# was there. An average pool tells *how much* of it there was.
#
# **2.3** Pool `layers.PIXELS` by hand: take the largest number of each
# window of 2 by 2, with stride 2.

# %%
print(layers.PIXELS)

# %%
# TODO: two rows of two numbers, as a list of lists or an array.
### BEGIN SOLUTION
largest = [[8, 7], [6, 9]]
### END SOLUTION

check("max pool", largest)

# %% [markdown]
# ## Activations and their gradients
#
# Left: what a layer hands on. Right: the factor by which the gradient
# is multiplied on its way back to the layers before. Where the factor
# is 0, they learn nothing.

# %%
grid = np.linspace(-4, 4, 401)
kinds = {
    "relu": "ReLU",
    "leaky_relu": "LeakyReLU",
    "elu": "ELU",
    "gelu": "GELU",
}
values, slopes = {}, {}
for kind, name in kinds.items():
    values[name] = np.asarray(zoojax.layers.ACTIVATIONS[kind](grid))
    slopes[name] = np.asarray(
        zoojax.layers.activation_gradient(kind, grid)
    )
figures.activations(grid, values, slopes)

# %%
points = torch.tensor(grid, dtype=torch.float32)
for kind, name in kinds.items():
    theirs = zootorch.layers.activation_gradient(kind, points).numpy()
    difference = np.abs(slopes[name] - theirs).max()
    print(f"{name:10} zoojax and zootorch differ by {difference:.1e}")

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
# Both subtract a mean and divide by a standard deviation. Then each
# feature is multiplied by a scale, and a shift is added; both are
# learned, and begin as 1 and 0. The two differ in *which* numbers go
# into mean and deviation. Below, boxes with the same letter share them.

# %%
groups = {
    "batch norm: one feature,\nall samples": np.tile(
        np.arange(6), (4, 1)
    ),
    "layer norm: one sample,\nall features": np.tile(
        np.arange(4)[:, None], (1, 6)
    ),
}
figure, panels = plt.subplots(
    1, 2, figsize=(7.5, 3), layout="constrained"
)
for panel, (name, group) in zip(panels, groups.items(), strict=True):
    panel.imshow(group, cmap="Set2", vmin=0, vmax=7)
    panel.set(title=name, xlabel="feature", ylabel="sample")
    panel.set(xticks=range(6), yticks=range(4))
    for (row, column), each in np.ndenumerate(group):
        letter = "ABCDEF"[each]
        panel.text(column, row, letter, ha="center", va="center")
plt.show()

# %% [markdown]
# So layer norm gives a sample the same result alone or in company, and
# batch norm does not. To evaluate, batch norm therefore uses running
# averages that it gathered while it was trained. These are state, and
# the two designs keep it in different places.

# %%
x = np.float32(
    [
        [1.0, 2.0, 6.0],
        [3.0, 2.5, 1.0],
        [5.0, 9.0, 2.0],
        [7.0, -2.0, 4.0],
    ]
)
norm = torch.nn.BatchNorm1d(3)
norm(torch.tensor(x))
print("the object changed itself: ", norm.running_mean.numpy())

norm = zoojax.layers.BatchNorm()
variables = norm.init(jax.random.key(0), x, train=False)
_, changed = norm.apply(
    variables, x, train=True, mutable=["batch_stats"]
)
print("the function was given:    ", variables["batch_stats"]["mean"])
print("and returned:              ", changed["batch_stats"]["mean"])

# %% [markdown]
# The means of the batch are 4, 2.875 and 3.25: one call moves the
# running mean a tenth of the way there.

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
# Training sets a part of the numbers to 0, a different part at each
# step, so that no number can be relied on alone. The object has a
# generator that moves; the function is given a key. To evaluate, both
# do nothing: the object because `eval()` set its mode, the function
# because it is given no key.

# %% [markdown]
# **2.6** Write dropout. `kept` is an array that says which numbers of
# `x` stay; `rate` is the part that is dropped on average, over all
# masks. The mean of what comes out must be that of `x`, on average over
# all masks. Return an array as long as `x`.


# %%
def drop(x, kept, rate):
    # TODO: what is dropped becomes 0. What does the rest become?
    ### BEGIN SOLUTION
    return np.where(kept, x / (1 - rate), 0)
    ### END SOLUTION


check("dropout", drop)

# %% [markdown]
# This is how the packages do it:

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
ones = jnp.ones((1, 12))
key = zoojax.random.stream(zoojax.random.root_key(0), "dropout")
for step in range(2):
    step_key = jax.random.fold_in(key, step)
    dropped = dropout.apply({}, ones, key=step_key)
    print(f"function, step {step}: ", dropped[0])
print("function, no key: ", dropout.apply({}, ones, key=None)[0])

# %% [markdown]
# The same masks: the object's counter stands for the step.

# %% [markdown]
# ## What to take away
#
# - A convolution is a sum of products in a window. The size of its
#   output can be computed beforehand.
# - Where an activation's gradient is 0, the layers before it learn
#   nothing.
# - Batch norm averages along the batch and has state; layer norm
#   averages along a sample and has none.
# - Where a layer has state, the object keeps it, and the function hands
#   it back.
