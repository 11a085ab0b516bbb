# %% [markdown]
# # 1 Simulating data
#
# A network learns from examples, and a simulation makes as many as we like, with every answer
# known. This notebook makes pictures of coloured shapes twice: with **pure functions** of a key
# (`zoojax`) and with an **object** that holds hidden state (`zootorch`). Both make the same pixels,
# bit for bit.
#
# You will learn
# - what a pure function of a key is, and what a generator with state is;
# - what a picture is made from, and that the simulation keeps it;
# - why a seed matters, and what goes wrong when a key is used twice.

# %%
# Installs the packages where they are missing, as on a hosted notebook.
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("zoojax") is None:
    wanted = "zooparity[jax,torch,notebooks]"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", wanted], check=True)

# %%
import jax
import matplotlib.pyplot as plt
import numpy as np
import torch

import zoojax
import zootorch
from zoojax import ShapesConfig
from zoojax.spec import figures
from zoojax.spec.exercises import check
from zoojax.spec.side_by_side import SideBySide

# %% [markdown]
# ## The same pictures from a function and from an object
#
# `ShapesConfig` says what there is to draw. The function takes it with a key and returns all
# pictures as arrays. The object takes it with a seed, draws what each picture is to show, and
# renders a picture when somebody asks for it.

# %%
config = ShapesConfig(image_height=64, image_width=64, min_size=16, max_size=48, shades=True)

by_function = zoojax.simulate_shapes(jax.random.key(7), config, num_each=2)

by_object = zootorch.ShapesDataset(config, num_each=2, seed=7)
rendered = by_object.arrays()

print("pictures:", by_function.images.shape, by_function.images.dtype)
print("same pixels:", np.array_equal(by_function.images, rendered.images))

# %%
order = np.arange(0, len(by_function.images), 5)
names = [
    f"{config.class_names('color')[color]} {config.shapes[shape]}"
    for shape, color in zip(by_function.shape, by_function.color, strict=True)
]
figures.sample_images(np.asarray(by_function.images)[order][:12], [names[i] for i in order][:12])

# %% [markdown]
# ## Two designs
#
# Left: a function from a key to what one picture shows; `vmap` makes it one for all, and nothing is
# kept. Right: the object, which draws all scenes when it is made, keeps them in `self`, and renders
# when it is asked. Both sources come from the packages themselves.

# %%
SideBySide(zoojax.shapes.sample_scene, zootorch.ShapesDataset)

# %% [markdown]
# ## Factors: what a picture was made from
#
# A simulation knows more than the label. Every factor is kept: size, place, color, whether a
# triangle stands on its tip. They say later *where* a classifier fails.

# %%
fields = ("shape", "color", "magnitude", "size", "top", "left", "upside_down", "sideways")
for i in (0, 40, 63):
    print({name: np.asarray(getattr(by_function, name))[i].item() for name in fields})

# %%
many = zoojax.simulate_shapes(jax.random.key(0), config, num_each=40)
figure, panels = plt.subplots(1, 3, figsize=(10, 2.8), layout="constrained")
for panel, name in zip(panels, ("size", "left", "magnitude"), strict=True):
    values = np.asarray(getattr(many, name))
    panel.hist(values, bins=np.arange(values.min(), values.max() + 2) - 0.5, color="tab:blue")
    panel.set(xlabel=f"{name} (pixels)" if name != "magnitude" else name, ylabel="pictures")
plt.show()

# %% [markdown]
# Sizes and magnitudes are uniform. `left` is not: a large shape fits in fewer places, and small
# values are where every shape fits. **A factor can be uniform given another and still not
# uniform.**

# %% [markdown]
# ## State, hidden and open
#
# torch's own generator remembers how much it has given. Ask twice, get two answers; ask after
# somebody else has asked, get another one still.

# %%
torch.manual_seed(0)
first, second = torch.rand(3), torch.rand(3)
print("one seed, two calls:  ", first.numpy(), second.numpy())

torch.manual_seed(0)
torch.rand(1)  # somebody asks before us
print("after another call:   ", torch.rand(3).numpy())

# %% [markdown]
# A key of JAX is a value. The same key gives the same numbers, however often and whenever. For
# other numbers you need another key, and `split` and `fold_in` make them.

# %%
key = jax.random.key(0)
print("one key, two calls:   ", jax.random.uniform(key, 3), jax.random.uniform(key, 3))

left, right = jax.random.split(key)
print("two keys made from it:", jax.random.uniform(left, 3), jax.random.uniform(right, 3))

# %% [markdown]
# Both backends here take the second way inside: what picture number 5 shows depends on the seed and
# on the number 5 alone. So it does not matter how many pictures there are, who asks first, or how
# many workers load them.

# %%
alone = zootorch.ShapesDataset(config, num_each=1, seed=7)
print("the first picture, of 64 or of 32:", np.array_equal(alone[0][0], by_object[0][0]))

# %% [markdown]
# ## Why seeds matter
#
# A result with one seed is one draw. How much do 30 pictures tell about the mean size of a shape?

# %%
means = [
    np.asarray(zoojax.simulate_shapes(jax.random.key(seed), config, num_each=1).size)[:30].mean()
    for seed in range(40)
]
figure, panel = plt.subplots(figsize=(7, 2.4), layout="constrained")
panel.plot(means, "o", label="30 pictures, one seed each")
panel.axhline((config.min_size + config.max_size) / 2, color="black", linestyle="--", label="truth")
panel.set(xlabel="seed", ylabel="mean size (pixels)")
figures.style.legend_beside(panel)
plt.show()

# %% [markdown]
# Whoever reports the best of 40 seeds reports luck. Report the mean and the spread.

# %% [markdown]
# ## Exercises
#
# **1.1** How many pictures are 50 of each shape in each color, with `shades=True`?

# %%
# TODO: 4 shapes; count the colors that ShapesConfig(shades=True) has.
### BEGIN SOLUTION
num_pictures = 50 * len(config.shapes) * len(config.palette)
### END SOLUTION

check("size of the data set", num_pictures)

# %% [markdown]
# **1.2** In how many places does a box of `size` times `size` pixels fit in a picture? The top left
# corner is uniform over all of them.


# %%
def num_places(height, width, size):
    # TODO: count the rows in which the box can start, and the columns.
    ### BEGIN SOLUTION
    return (height - size + 1) * (width - size + 1)
    ### END SOLUTION


check("places", num_places)

# %% [markdown]
# **1.3** A color is jittered by an integer m: each channel that is 255 moves down by m, each
# channel that is 0 moves up by m. `rgb` is an array of three channels.


# %%
def jitter(rgb, m):
    # TODO: np.where(condition, this, that) chooses channel by channel.
    ### BEGIN SOLUTION
    return np.where(rgb == 255, rgb - m, rgb + m)
    ### END SOLUTION


check("jitter", jitter)

# %% [markdown]
# **1.4** Make two pictures of noise from `key`, 64 by 64 with three channels, whole numbers from 0
# to 255, independent of each other. `jax.random.randint(key, shape, low, below)` draws one.

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
# ## What to take away
#
# - A pure function of a key gives the same picture wherever and whenever it runs; that is what
#   makes it easy to map, to compile and to test.
# - An object can hide its state, or, as here, make it of its arguments alone; then it is as
#   predictable as a function, and still answers `dataset[5]`.
# - Use a key once. Report more than one seed.
