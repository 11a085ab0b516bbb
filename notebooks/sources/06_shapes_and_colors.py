# %% [markdown]
# # 6 Shapes and colors: a CNN from end to end
#
# From a configuration to a network that names the shape in a picture,
# and one that names its color: data, split, standardising,
# architecture, training, a look inside, and where it fails. Data, split
# and training come in both designs, from the same numbers.
#
# You will learn
#
# - the order of steps from data to a judged network;
# - where the channels are, in either library;
# - how to look inside a network, and how to find out where it fails.
#
# Time: 75 minutes. Read notebooks 2 and 4 first.

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
import matplotlib.pyplot as plt
import numpy as np
import torch

import zoojax
import zoojax.models
import zootorch
import zootorch.models
from zoojax import Batch, CNNConfig, ShapesConfig, TrainConfig
from zoojax.common import figures
from zoojax.common.teaching.exercises import check
from zoojax.common.teaching.source_view import SideBySide

# These models are small: a second thread waits more than it works.
torch.set_num_threads(1)

# %% [markdown]
# ## Pictures and labels

# %%
config = ShapesConfig(32, 32, min_size=12, max_size=28, shades=False)
data = zoojax.simulate_shapes(jax.random.key(7), config, num_each=100)
images = np.asarray(data.images)
shapes, colors = np.asarray(data.shape), np.asarray(data.color)
shape_names = config.class_names("shape")
color_names = config.class_names("color")
print("pictures:", images.shape, images.dtype)
print("shapes:  ", *shape_names)
print("colors:  ", *color_names)

shown = np.arange(0, len(images), 151)[:12]
named = [
    f"{color_names[colors[i]]} {shape_names[shapes[i]]}" for i in shown
]
figures.sample_images(images[shown], named, columns=6)

# %% [markdown]
# ## Split before you learn
#
# Training, validation and test set are split before anything is learned
# or chosen. (The pictures above were shown to you, not to a network.)
# The split is stratified: each part has the same share of each class.
# Both backends deal the same pictures.

# %%
fractions = (0.7, 0.15, 0.15)
num = len(images)
parts = zoojax.split_indices(
    jax.random.key(7), num, fractions, labels=shapes
)
also = zootorch.split_indices(
    zootorch.Generator(7), num, fractions, labels=torch.tensor(shapes)
)
for name, part in zip(
    ("train", "validation", "test"), parts, strict=True
):
    counts = np.bincount(shapes[part])
    print(f"{name:10} {len(part):5} pictures, of each shape {counts}")
print("equal:", all(map(np.array_equal, parts, also)))

# %% [markdown]
# ## Standardised inputs
#
# A picture is stored as bytes, and a network wants numbers around 0.
# `standardise` divides by 255, subtracts a mean and divides by a
# standard deviation, channel by channel. Both are those of ImageNet, a
# large set of photographs, and the same for every data set. So here the
# result is only near 0 and 1, and that is enough. `fit` and `predict`
# do this for you when they are given bytes.

# %%
some = images[parts[0][:200]]
standardised = np.asarray(zoojax.standardise(some))
both = {"bytes": some, "standardised": standardised}
for name, values in both.items():
    mean, spread = values.mean((0, 1, 2)), values.std((0, 1, 2))
    print(f"{name:13} mean of each channel      {mean.round(2)}")
    print(f"{'':13} their standard deviations {spread.round(2)}")

# %% [markdown]
# ## The architecture
#
# Convolutions with BatchNorm and pooling make a picture smaller and
# deeper. Of each channel the head keeps the largest number, wherever it
# is. Linear blocks follow.

# %%
SideBySide(zoojax.CNN.__call__, zootorch.CNN)

# %%
blocks = {
    "height": 32,
    "width": 32,
    "num_cnn_channels": 16,
    "num_cnn_layers": 1,
    "conv_activation": "relu",
    "head": "max",
    "dropout": 0.1,
}
architecture = CNNConfig(num_classes=4, **blocks)
described = zoojax.CNN(architecture)
module = zootorch.CNN(architecture, zootorch.Generator(3))

layers = zoojax.models.layer_shapes(described)
assert layers == zootorch.models.layer_shapes(module)
for name, shape in layers.items():
    print(f"{name:16} {shape}")

# %% [markdown]
# (Both list shapes in torch's order, without the batch. The numbers 0,
# 1, 2 of a block are convolution, BatchNorm and pool; the activation
# before the pool has no line.)
#
# **Where the channels are.** Torch has them first, (3, 32, 32), and
# Flax last, (32, 32, 3). The data sets have them last, in both
# packages; `zootorch.standardise` moves them to the front.

# %%
print("zoojax:  ", zoojax.standardise(images[:1]).shape)
picture = torch.tensor(images[:1])
print("zootorch:", tuple(zootorch.standardise(picture).shape))

# %% [markdown]
# ## Train it, twice
#
# `one_cycle` raises the learning rate at first and lowers it to nearly
# 0 at the end, so that the last steps are small.

# %%
recipe = {
    "seed": 3,
    "batch_size": 20,
    "learning_rate": 0.01,
    "schedule": "one_cycle",
}
settings = TrainConfig(num_epochs=12, **recipe)
train, validation, test = (
    Batch(images[part], shapes[part]) for part in parts
)

example = zoojax.standardise(train.inputs[:1])
variables = zoojax.init(jax.random.key(3), described, example)
state, by_function = zoojax.fit(
    described, variables, train, config=settings, validation=validation
)


def to_torch(batch):
    return Batch(*map(torch.tensor, batch))


# Made anew: an object that has been trained would go on.
module = zootorch.CNN(architecture, zootorch.Generator(3))
trainer = zootorch.Trainer(module, settings)
by_object = trainer.fit(
    to_torch(train), validation=to_torch(validation)
)

figures.loss_curves({"zoojax": by_function, "zootorch": by_object})

# %%
found = zoojax.evaluate(described, state.variables, test)
also = zootorch.evaluate(module, to_torch(test))
print(f"{len(test.targets)} test pictures, of which are right:")
print(f"zoojax:   {found.accuracy:.1%}")
print(f"zootorch: {also.accuracy:.1%}")
others = np.asarray(found.predictions) != np.asarray(also.predictions)
print("called differently by the two:", int(others.sum()))

# %% [markdown]
# In float32 the two part by one rounding a step, as one program does on
# two machines, and training makes much of little: after a hundred steps
# the losses differ by up to a tenth, and later ones by more. In the end
# what they learn is as good. To see that it is nothing but rounding,
# the first epoch once more, in float64:

# %%
precise = TrainConfig(num_epochs=1, dtype="float64", **recipe)
with jax.enable_x64(True):
    _, first = zoojax.fit(described, variables, train, config=precise)
module_64 = zootorch.CNN(architecture, zootorch.Generator(3))
second = zootorch.Trainer(module_64, precise).fit(to_torch(train))
ratios = np.array(first.step_losses) / second.step_losses
print(f"{len(ratios)} steps, largest relative difference", end=" ")
print(f"{np.abs(ratios - 1).max():.1e}")

# %% [markdown]
# ## Color is easier
#
# The same network with other labels, and half the training. A color is
# in every pixel of a shape; a shape is in all of them together.

# %%
of_colors = zoojax.CNN(CNNConfig(num_classes=6, **blocks))
train_c, validation_c, test_c = (
    Batch(images[part], colors[part]) for part in parts
)
start = zoojax.init(jax.random.key(3), of_colors, example)
shorter = TrainConfig(num_epochs=6, **recipe)
color_state, _ = zoojax.fit(
    of_colors, start, train_c, config=shorter, validation=validation_c
)
by_color = zoojax.evaluate(of_colors, color_state.variables, test_c)
print(f"shape: {found.accuracy:.1%} after 12 epochs")
print(f"color: {by_color.accuracy:.1%} after 6 epochs")

# %% [markdown]
# ## A look inside
#
# What does the first layer make of a picture? In torch a hook is hung
# on a layer, and called whenever the layer is. A function has nowhere
# to hang a hook: when asked, Flax returns all values in between.

# %%
picture = test.inputs[:1]

seen = {}
hook = module.conv_block[0].register_forward_hook(
    lambda layer, inputs, output: seen.update(output=output)
)
module.eval()(zootorch.standardise(torch.tensor(picture)))
hook.remove()

_, returned = described.apply(
    state.variables,
    zoojax.standardise(picture),
    capture_intermediates=True,
    mutable="intermediates",
)
(maps,) = returned["intermediates"]["conv_block_0"]["__call__"]
maps = np.asarray(maps)[0]
print("zoojax:  ", maps.shape)
print("zootorch:", tuple(seen["output"].shape[1:]))

figure, panels = plt.subplots(
    2, 6, figsize=(8, 3), layout="constrained"
)
panels[0, 0].imshow(picture[0])
panels[0, 0].set_title("picture", fontsize=9)
for channel, panel in enumerate(panels.ravel()[1:]):
    panel.imshow(maps[..., channel], cmap="gray")
    panel.set_title(f"channel {channel}", fontsize=9)
for panel in panels.ravel():
    panel.set_axis_off()
plt.show()

# %% [markdown]
# These are the first channels of the zoojax network. Inside the shape
# all is flat, since a kernel sees one color wherever it is. Some
# channels light up along one side of it: they have become edge
# detectors.

# %% [markdown]
# ## Where does it fail?
#
# The simulation kept what each picture was made from, so we can ask:
# does it fail with small shapes?

# %%
sizes = np.asarray(data.size)[parts[2]]
wrong = np.asarray(found.predictions) != test.targets
edges = np.arange(12, 28, 3)
group = np.digitize(sizes, edges) - 1
pictures = np.bincount(group)
mistakes = np.bincount(group[wrong], minlength=len(edges))
ranges = [f"{edge} to {edge + 2}" for edge in edges]
ranges[-1] = f"{edges[-1]} and 28"

figure, panel = plt.subplots(figsize=(7, 2.6), layout="constrained")
bars = panel.bar(ranges, mistakes / pictures, color=figures.style.BLUE)
counts = zip(mistakes, pictures, strict=True)
panel.bar_label(bars, [f"{num} of {total}" for num, total in counts])
panel.set(xlabel="size of the shape (pixels)", ylabel="error rate")
panel.margins(y=0.15)
plt.show()

# %% [markdown]
# Most of the few mistakes are among the smallest shapes. So simulate
# more small ones, or train longer on them. But so few mistakes are also
# a matter of chance, and the other network makes other ones. Notebook 7
# says how much chance there is.

# %% [markdown]
# ## Hand it over
#
# What one backend saved, the other loads: the file has one set of names
# and one order of axes.

# %%
with tempfile.TemporaryDirectory() as folder:
    zoojax.save_pretrained(folder, described, state.variables)
    loaded = zootorch.load_pretrained(folder)
outputs = zootorch.predict(loaded, torch.tensor(test.inputs)).numpy()
expected = zoojax.predict(described, state.variables, test.inputs)
difference = np.abs(outputs - expected).max() / np.abs(expected).max()
print(f"largest relative difference of the outputs: {difference:.1e}")

# %% [markdown]
# ## Exercises
#
# **6.1** Turn a batch of pictures with channels last (batch, height,
# width, channels) into one with channels first.


# %%
def channels_first(images):
    # TODO: np.transpose(images, order of the old axes).
    #   A reshape would mix the pixels up.
    ### BEGIN SOLUTION
    return np.transpose(images, (0, 3, 1, 2))
    ### END SOLUTION


check("channels first", channels_first)

# %% [markdown]
# **6.2** Pictures of 64 by 64 go through three blocks, each with 16
# output channels: a convolution with kernel 3, stride 1 and padding 1,
# then a pool of 2. How many features does the flattened result have?

# %%
# TODO: which of the two changes height and width, and how?
### BEGIN SOLUTION
num_features = 16 * 8 * 8
### END SOLUTION

check("flattened features", num_features)

# %% [markdown]
# **6.3** How many trainable numbers does a convolution with a kernel of
# 3 by 3 have, from 3 channels to 16, with its bias?

# %%
# TODO: count one kernel with its bias. How many kernels are there?
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
# are right, `group` (samples,) to which of `num_groups` groups each
# sample belongs. Groups are numbered from 0, and none is empty. Return
# the accuracy of each group.


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
# - The job is the same in both designs: data, split, standardise,
#   describe, train, judge.
# - Know where the channels are. A wrong transpose raises an error; a
#   wrong reshape does not: the network only learns badly.
# - Keep the factors of a simulation. They say where a network fails,
#   and so what to do about it.
