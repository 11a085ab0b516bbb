# %% [markdown]
# # 6 Shapes and colours: a CNN from end to end
#
# From a configuration to a network that names the shape in a picture,
# and one that names its colour: data, split, standardising,
# architecture, training, a look inside, and where it fails. Each step
# in both designs, with the same numbers.

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
import tempfile

import jax
import matplotlib.pyplot as plt
import numpy as np
import torch

import zoojax
import zoojax.models
import zootorch
import zootorch.models
from zoojax import Batch, CNNConfig, ShapesConfig, TrainConfig
from zoojax.spec import figures
from zoojax.spec.exercises import check
from zoojax.spec.side_by_side import SideBySide

# %% [markdown]
# ## Pictures and labels

# %%
config = ShapesConfig(
    image_height=32,
    image_width=32,
    min_size=12,
    max_size=28,
    shades=False,
)
data = zoojax.simulate_shapes(jax.random.key(7), config, num_each=100)
images, shapes, colors = map(
    np.asarray, (data.images, data.shape, data.color)
)
shape_names, color_names = (
    config.class_names("shape"),
    config.class_names("color"),
)
print(images.shape, images.dtype, shape_names, color_names)

shown = np.arange(0, len(images), 151)[:16]
titles = [
    f"{color_names[colors[i]]} {shape_names[shapes[i]]}" for i in shown
]
figures.sample_images(images[shown], titles)

# %% [markdown]
# ## Split before you look
#
# Stratified: each part has the same share of each class. The two
# backends deal the same samples.

# %%
fractions = (0.7, 0.15, 0.15)
parts = zoojax.split_indices(
    jax.random.key(7), len(images), fractions, labels=shapes
)
same = zootorch.split_indices(
    zootorch.Generator(7),
    len(images),
    fractions,
    labels=torch.tensor(shapes),
)
for name, part, other in zip(
    ("train", "validation", "test"), parts, same, strict=True
):
    equal = np.array_equal(part, other.numpy())
    print(
        f"{name:10} {len(part):5} pictures, each shape {np.bincount(shapes[part])}, equal: {equal}"
    )

# %% [markdown]
# ## Standardised inputs
#
# A picture is stored as bytes. A network gets numbers around 0: divided
# by 255, less a mean, over a standard deviation, channel by channel.
# `fit` and `predict` do this for pictures of bytes.

# %%
standardised = np.asarray(zoojax.standardise(images[:200]))
for name, values in (
    ("bytes", images[:200]),
    ("standardised", standardised),
):
    mean, spread = (
        values.mean((0, 1, 2)).round(2),
        values.std((0, 1, 2)).round(2),
    )
    print(
        f"{name:13} mean of each channel {mean}, standard deviation {spread}"
    )

# %% [markdown]
# ## The architecture
#
# Convolutions with BatchNorm and pooling make a picture smaller and
# deeper; of each channel the head keeps the maximum, wherever it is,
# and linear blocks follow. Left what is done, right what is there.

# %%
SideBySide(zoojax.CNN.__call__, zootorch.CNN)

# %%
blocks = {
    "num_cnn_channels": 16,
    "num_cnn_layers": 1,
    "conv_activation": "relu",
    "head": "max",
}
architecture = CNNConfig(
    num_classes=4, height=32, width=32, dropout=0.1, **blocks
)
described = zoojax.CNN(architecture)
module = zootorch.CNN(architecture, zootorch.Generator(3))

layers = zoojax.models.layer_shapes(described)
assert layers == zootorch.models.layer_shapes(module)
for name, shape in layers.items():
    print(f"{name:16} {shape}")

# %% [markdown]
# Each block halves height and width. Pictures of torch have their
# channels first, (3, 32, 32), and those of Flax last, (32, 32, 3). The
# data sets hold them channels last; zootorch's CNN turns them itself.

# %% [markdown]
# ## Train it, twice

# %%
settings = TrainConfig(
    seed=3, num_epochs=10, batch_size=20, learning_rate=3e-3
)
train, validation, test = (
    Batch(images[part], shapes[part]) for part in parts
)

variables = zoojax.init(
    jax.random.key(3), described, zoojax.standardise(train.inputs[:1])
)
state, by_function = zoojax.fit(
    described, variables, train, config=settings, validation=validation
)


def to_torch(batch):
    return Batch(*map(torch.tensor, batch))


trainer = zootorch.Trainer(module, settings)
by_object = trainer.fit(
    to_torch(train), validation=to_torch(validation)
)

figures.loss_curves({"zoojax": by_function, "zootorch": by_object})

# %%
found = zoojax.evaluate(described, state.variables, test)
also = zootorch.evaluate(module, to_torch(test))
print(
    f"zoojax:   {found.accuracy:.1%} of {len(test.targets)} test pictures are right"
)
print(f"zootorch: {also.accuracy:.1%}")
differently = np.sum(
    np.asarray(found.predictions) != np.asarray(also.predictions)
)
print("pictures that the two call differently:", int(differently))

# %% [markdown]
# In float32 the two part by a rounding at each step, as one program
# does on two machines, and training makes much of little; what they
# learn is as good. In float64 the tests of this project hold such runs
# together to twelve digits, for a thousand steps.

# %% [markdown]
# ## Colour is easier
#
# The same network with another label. A colour is there in every pixel
# of a shape, and a shape only in all of them together.

# %%
of_colors = zoojax.CNN(
    CNNConfig(num_classes=6, height=32, width=32, dropout=0.1, **blocks)
)
by_color = [Batch(images[part], colors[part]) for part in parts]
start = zoojax.init(
    jax.random.key(3), of_colors, zoojax.standardise(images[:1])
)
color_state, color_history = zoojax.fit(
    of_colors,
    start,
    by_color[0],
    config=settings,
    validation=by_color[1],
)
color_found = zoojax.evaluate(
    of_colors, color_state.variables, by_color[2]
)
print(
    f"colour: {color_found.accuracy:.1%}, shape: {found.accuracy:.1%}"
)

# %% [markdown]
# ## A look inside
#
# What does the first layer make of a picture? In torch a hook is hung
# on a layer and called whenever the layer is. A function has nowhere to
# hang it: Flax hands all intermediate values out when it is asked to.

# %%
picture = test.inputs[:1]

seen = {}
hook = module.conv_block[0].register_forward_hook(
    lambda _, __, output: seen.update(conv=output)
)
module.eval()(zootorch.standardise(torch.tensor(picture)))
hook.remove()

_, handed_out = described.apply(
    state.variables,
    zoojax.standardise(picture),
    capture_intermediates=True,
    mutable="intermediates",
)
maps = np.asarray(
    handed_out["intermediates"]["conv_block_0"]["__call__"][0]
)[0]
print(
    "zoojax:", maps.shape, " zootorch:", tuple(seen["conv"].shape[1:])
)

figure, panels = plt.subplots(
    2, 5, figsize=(9, 3.8), layout="constrained"
)
panels[0, 0].imshow(picture[0])
panels[0, 0].set_title("picture", fontsize=9)
for panel, channel in zip(panels.ravel()[1:], range(9), strict=True):
    panel.imshow(maps[..., channel], cmap="gray")
    panel.set_title(f"channel {channel}", fontsize=9)
for panel in panels.ravel():
    panel.set_axis_off()
plt.show()

# %% [markdown]
# ## Where does it fail?
#
# The simulation has kept what each picture was made from, so we can
# ask: is it the small ones?

# %%
sizes = np.asarray(data.size)[parts[2]]
right = found.predictions == test.targets
edges = np.arange(12, 28, 3)
group = np.digitize(sizes, edges) - 1
rates = [right[group == place].mean() for place in range(len(edges))]
labels = [f"{edge} to {min(edge + 2, 28)}" for edge in edges]
figure, panel = plt.subplots(figsize=(7, 2.8), layout="constrained")
panel.bar(labels, rates, color="tab:blue")
panel.axhline(1 / 4, color="black", linestyle="--", label="guessing")
panel.set(
    xlabel="size of the shape (pixels)",
    ylabel="part that is right",
    ylim=(0, 1),
)
figures.style.legend_beside(panel)
plt.show()

# %% [markdown]
# ## Hand it over
#
# Weights that one backend saved, the other loads: same names in the
# file, same axes.

# %%
with tempfile.TemporaryDirectory() as folder:
    zoojax.save_pretrained(folder, described, state.variables)
    loaded = zootorch.load_pretrained(folder)
outputs = zootorch.predict(loaded, torch.tensor(test.inputs))
expected = zoojax.predict(described, state.variables, test.inputs)
print(
    "largest difference of the outputs:",
    np.abs(outputs.numpy() - np.asarray(expected)).max(),
)

# %% [markdown]
# ## Exercises
#
# **6.1** Turn a batch of pictures with channels last (batch, height,
# width, channels) into one with channels first.


# %%
def channels_first(images):
    # TODO: np.transpose(images, order of the old axes). A reshape would mix pixels up.
    ### BEGIN SOLUTION
    return np.transpose(images, (0, 3, 1, 2))
    ### END SOLUTION


check("channels first", channels_first)

# %% [markdown]
# **6.2** Pictures of 64 by 64 go through three blocks: a convolution
# with kernel 3, stride 1 and padding 1, then a pool of 2. There are 16
# channels. How many features has the flattened result?

# %%
# TODO: which of the two changes height and width, and how?
### BEGIN SOLUTION
num_features = 16 * 8 * 8
### END SOLUTION

check("flattened features", num_features)

# %% [markdown]
# **6.3** How many trainable numbers has a convolution with kernel 3,
# from 3 channels to 16, with its bias?

# %%
# TODO: each of 16 kernels looks at a square of pixels in every input channel.
### BEGIN SOLUTION
in_convolution = 16 * (3 * 3 * 3 + 1)
### END SOLUTION

check("parameters of a convolution", in_convolution)

# %% [markdown]
# **6.4** A mirrored triangle is a triangle still: mirror a batch
# (batch, height, width, channels) left to right.


# %%
def mirrored(images):
    # TODO: [::-1] turns an axis around. Which one?
    ### BEGIN SOLUTION
    return images[:, :, ::-1]
    ### END SOLUTION


check("mirrored pictures", mirrored)

# %% [markdown]
# **6.5** Where does it fail? `right` (samples,) says which predictions
# are right, `group` (samples,) to which of `num_groups` each sample
# belongs. Return the accuracy of each group.


# %%
def accuracy_of_each(right, group, num_groups):
    # TODO: the mean of right over the samples of a group, for each.
    ### BEGIN SOLUTION
    return np.array(
        [right[group == place].mean() for place in range(num_groups)]
    )
    ### END SOLUTION


check("accuracy of each group", accuracy_of_each)

# %% [markdown]
# ## What to take away
#
# - The job is the same in both: data, split, standardise, describe,
#   train, judge.
# - Know where the channels are. Nothing fails when they are elsewhere:
#   it only learns badly.
# - Keep the factors of a simulation: they say where a network fails,
#   and so what to do.
