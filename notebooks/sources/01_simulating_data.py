# %% [markdown]
# # 1 Simulating data
#
# A network learns from examples, and a simulation makes as many as we
# like, with every answer known. This notebook makes pictures of colored
# shapes twice: with **pure functions** of a key (`zoojax`) and with an
# **object** that knows its seed (`zootorch`). Both make the same
# pixels, bit for bit.
#
# You will learn
#
# - what a pure function of a key is, and what a generator with hidden
#   state is;
# - what a picture is made from, and why a simulation keeps that;
# - why seeds matter, and what goes wrong when a key is used twice.
#
# Time: 45 minutes. You need Python, and arrays of NumPy.

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
import csv
import json
import tempfile
from pathlib import Path

import jax
import matplotlib.pyplot as plt
import numpy as np
import torch

import zoojax
import zoojax.random
import zootorch
from zoojax import ShapesConfig
from zoojax.common import figures
from zoojax.common.storage import datasets
from zoojax.common.teaching.exercises import check
from zoojax.common.teaching.source_view import SideBySide

# %% [markdown]
# ## The same pictures from a function and from an object
#
# `ShapesConfig` says what there is to draw. The function takes it with
# a key, and returns all pictures as arrays. The object takes it with a
# seed, and renders a picture when it is asked for one. (By chance there
# are 64 pictures of 64 by 64: 2 of each of 32 kinds.)

# %%
config = ShapesConfig(64, 64, min_size=16, max_size=48, shades=True)

key = jax.random.key(7)
by_function = zoojax.simulate_shapes(key, config, num_each=2)

by_object = zootorch.ShapesDataset(config, num_each=2, seed=7)
rendered = by_object.arrays()

print("(pictures, rows, columns, channels):", by_function.images.shape)
print("numbers:", by_function.images.dtype)
same = np.array_equal(by_function.images, rendered.images)
print("same pixels:", same)

# %%
shown = np.arange(0, 60, 5)
colors = np.array(config.class_names("color"))[by_function.color]
shapes = np.array(config.class_names("shape"))[by_function.shape]
figures.sample_images(
    np.asarray(by_function.images)[shown],
    [f"{colors[i]} {shapes[i]}" for i in shown],
    columns=6,
)

# %% [markdown]
# ## Two designs
#
# The function decides what *one* picture shows: it takes a key and the
# picture's number, and keeps nothing. `jax.vmap` makes of it a function
# for many pictures at once. The object does its work when it is made:
# `sample_scenes` does what `sample_scene` does, for all pictures; they
# are kept in `self`, and rendered on demand. Both sources below come
# from the packages themselves.

# %%
SideBySide(zoojax.data.shapes.sample_scene, zootorch.ShapesDataset)

# %% [markdown]
# ## Factors: what a picture was made from
#
# A simulation knows more than the label. Every factor is kept: size,
# place, color, how far the color is moved from the pure one
# (`magnitude`), and which way a triangle points (`upside_down`,
# `sideways`). Shape and color are numbers here: their places in
# `config.class_names`. Later the factors tell *where* a classifier
# fails.

# %%
factors = by_function._asdict()
del factors["images"], factors["rgb"]
for i in (0, 40, 63):
    print(f"picture {i}:")
    print(
        ", ".join(f"{name} {each[i]}" for name, each in factors.items())
    )

# %%
many = zoojax.simulate_shapes(jax.random.key(0), config, num_each=40)
figure, panels = plt.subplots(
    1, 3, figsize=(8, 2.4), sharey=True, layout="constrained"
)
for panel, name in zip(
    panels, ("size", "left", "magnitude"), strict=True
):
    values = np.asarray(getattr(many, name))
    edges = np.arange(values.min(), values.max() + 2) - 0.5
    panel.hist(values, bins=edges, color=figures.style.BLUE)
    panel.set_xlabel(
        name if name == "magnitude" else f"{name} (pixels)"
    )
panels[0].set_ylabel("pictures")
plt.show()

# %% [markdown]
# Size and magnitude are uniform: every value is equally likely. `left`
# is not, although each shape is equally likely to stand in any place
# where it fits. `left` is where the shape begins: a shape of 48 pixels
# can begin only at 0 to 16, a shape of 16 pixels at 0 to 48. So small
# values are more frequent. **A factor can be uniform given another one,
# and still not be uniform.**

# %% [markdown]
# ## State, hidden and open
#
# torch's generator is an object with hidden state: it remembers how
# much it has given away. Ask twice, and you get two answers. Let
# somebody else ask first, and you get yet another one: every number has
# moved up by one.

# %%
torch.manual_seed(0)
first, second = torch.rand(3), torch.rand(3)
print("first call:          ", first.numpy())
print("second call:         ", second.numpy())

torch.manual_seed(0)
torch.rand(1)  # somebody asks before us
print("after another's call:", torch.rand(3).numpy())

# %% [markdown]
# A key of JAX is a value, like a number. The same key gives the same
# answer, however often and whenever you ask. For another answer you
# need another key; `split` and `fold_in` make new keys of old ones.

# %%
key = jax.random.key(0)
print("first call: ", jax.random.uniform(key, 3))
print("second call:", jax.random.uniform(key, 3))

left, right = jax.random.split(key)
print("left key:   ", jax.random.uniform(left, 3))
print("right key:  ", jax.random.uniform(right, 3))

# %% [markdown]
# So a key that is used twice gives the same numbers twice: two pictures
# with the same noise, two layers with the same weights. **Use each key
# once.**
#
# One can be built from the other. `zootorch.Generator` is an object
# with state, and its state is a key and a counter. Each draw uses
# `fold_in(key, count)` and moves the counter. What it draws are
# **words**, whole numbers from 0 to 2³² - 1. In `zoojax` the caller
# holds the counter, and the words are the same.

# %%
SideBySide(zoojax.random.words, zootorch.Generator)

# %%
generator = zootorch.Generator(7)  # the state is in here
for _ in range(2):
    print("object:  ", generator.words(4).tolist())

root = zoojax.random.root_key(7)  # the state is the number you count
for count in range(2):
    key = jax.random.fold_in(root, count)
    print("function:", zoojax.random.words(key, 4).tolist())

# %% [markdown]
# What picture number 5 shows depends on the configuration, the seed and
# the number 5, and on nothing else, in both packages. So it does not
# matter how many pictures there are, who asked before, or how many
# workers load them.

# %%
fewer = zootorch.ShapesDataset(config, num_each=1, seed=7)
same = np.array_equal(fewer[5].images, by_object[5].images)
print("picture 5 of 32, picture 5 of 64, same pixels:", same)

# %% [markdown]
# ## Why seeds matter
#
# A result with one seed is one draw. How much do 30 pictures tell about
# the mean size of a shape?

# %%
means = []
for seed in range(40):
    key = jax.random.key(seed)
    drawn = zoojax.simulate_shapes(key, config, num_each=1)
    means.append(np.asarray(drawn.size)[:30].mean())
truth = (config.min_size + config.max_size) / 2

figure, panel = plt.subplots(figsize=(7, 2.4), layout="constrained")
panel.plot(means, "o", color=figures.style.BLUE, label="30 pictures")
panel.axhline(truth, color="black", linestyle="--", label="truth")
panel.set(xlabel="seed", ylabel="mean size (pixels)")
figures.style.legend_beside(panel)
plt.show()

# %% [markdown]
# The truth is 32 pixels. One seed says 27, another 34, and neither is
# wrong: that is what 30 pictures can tell. Whoever picks a seed by its
# result reports luck. Report the mean and the spread of several.

# %% [markdown]
# ## A data set in a folder
#
# Pictures that are handed on need their story: which configuration,
# which seed, which version made them, what each one shows. `zoo
# simulate` writes such a folder, and this does the same:

# %%
with tempfile.TemporaryDirectory() as parent:
    folder = Path(parent) / "shapes"
    card = datasets.Card(config, num_each=2, seed=7, version="mine")
    datasets.save_shapes(folder, [by_function], card)
    for path in sorted(folder.iterdir()):
        print(f"{path.name:18} {path.stat().st_size:8,} bytes")
    with (folder / "latents.csv").open() as table:
        row = next(csv.DictReader(table))
    written = json.loads((folder / "card.json").read_text())
    again, _ = datasets.load_shapes(folder)
    same = np.array_equal(again.images, rendered.images)
print({name: written[name] for name in ("seed", "num_each", "version")})
print(", ".join(f"{name} {value}" for name, value in row.items()))
print("read back unchanged:", same)

# %% [markdown]
# The card also knows a checksum of every file, so that `load_shapes`
# refuses a folder in which something was changed.

# %% [markdown]
# ## Exercises
#
# **1.1** How many pictures are 50 of each shape in each color, with
# `shades=True`?

# %%
# TODO: 4 shapes; count the colors that ShapesConfig(shades=True) has.
### BEGIN SOLUTION
num_pictures = 50 * len(config.shapes) * len(config.palette)
### END SOLUTION

check("size of the data set", num_pictures)

# %% [markdown]
# **1.2** In how many places does a box of `size` times `size` pixels
# fit in a picture of `height` times `width`?


# %%
def num_places(height, width, size):
    # TODO: count the rows in which the box can start, and the columns.
    ### BEGIN SOLUTION
    return (height - size + 1) * (width - size + 1)
    ### END SOLUTION


check("places", num_places)

# %% [markdown]
# **1.3** A color is jittered by an integer m: each channel that is 255
# moves down by m, each channel that is 0 moves up by m. `rgb` is an
# array of three channels. One line of `sample_scene` above does this
# with products; write it with `np.where`.


# %%
def jitter(rgb, m):
    # TODO: np.where(condition, this, that) chooses channel by channel.
    ### BEGIN SOLUTION
    return np.where(rgb == 255, rgb - m, rgb + m)
    ### END SOLUTION


check("jitter", jitter)

# %% [markdown]
# **1.4** Make two pictures of noise from `key`, 64 by 64 with three
# channels, whole numbers from 0 to 255, independent of each other.
# `jax.random.randint(key, shape, low, below)` draws one.

# %%
key = jax.random.key(3)
# TODO: a key is used once. Make two of it first.
### BEGIN SOLUTION
one, other = jax.random.split(key)
first = jax.random.randint(one, (64, 64, 3), 0, 256)
second = jax.random.randint(other, (64, 64, 3), 0, 256)
### END SOLUTION

check("noise pair", (first, second))

# %% [markdown]
# **1.5** This generator hides its state. Write its pure twin, which
# takes a state and returns a pair: the new state, and the number drawn.


# %%
class Die:
    def __init__(self, state):
        self.state = state

    def roll(self):
        self.state = (5 * self.state + 3) % 16
        return self.state % 6 + 1


# %%
def roll(state):
    # TODO: compute the new state first; then return both.
    ### BEGIN SOLUTION
    state = (5 * state + 3) % 16
    return state, state % 6 + 1
    ### END SOLUTION


check("pure dice", roll)

# %% [markdown]
# ## What to take away
#
# - A pure function of a key gives the same picture wherever and
#   whenever it runs. That makes it easy to map over many pictures, to
#   compile and to test.
# - An object may hide its state; or it may, as here, make everything
#   from its arguments. Then it is as predictable as a function, and
#   still answers `dataset[5]`.
# - Use a key once. Report more than one seed.
