# %% [markdown]
# # 10 Using pretrained weights
#
# Somebody has trained a network; you have a folder with its numbers.
# This notebook says what is in the folder, loads it into both designs,
# shows what goes wrong without an error message, and teaches the
# network something new with a handful of pictures.

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
import copy
import dataclasses
import json
import pickle

import jax
import matplotlib.pyplot as plt
import numpy as np
import optax
import torch

import zoojax
import zoojax.checkpoint
import zootorch
import zootorch.checkpoint
from zoojax import Batch, CNNConfig, ShapesConfig, TrainConfig
from zoojax.spec import figures, files, published
from zoojax.spec.data import IMAGENET_MEAN, IMAGENET_STD
from zoojax.spec.exercises import check, pretrained
from zoojax.spec.layout import layout
from zoojax.spec.side_by_side import SideBySide

# %% [markdown]
# ## What is in the folder
#
# Two classifiers come with the package: one tells shapes, the other
# colors. A folder each.

# %%
folder = published.FOLDER / "shape"
for path in sorted(folder.iterdir()):
    print(f"{path.name:18} {path.stat().st_size:6,} bytes")
print((folder / "config.json").read_text())

# %% [markdown]
# `config.json` says which network it is, in words. `model.safetensors`
# has its numbers: eight bytes that say how long the header is, the
# header, which is text, and then numbers, nothing else. So little is in
# it that it can be read by hand:

# %%
content = (folder / "model.safetensors").read_bytes()
length = int.from_bytes(content[:8], "little")
header, numbers = (
    json.loads(content[8 : 8 + length]),
    content[8 + length :],
)
for name, entry in list(header.items())[:4]:
    print(name, entry)

entry = header["conv_block.0.weight"]
start, stop = entry["data_offsets"]
by_hand = np.frombuffer(numbers[start:stop], np.float32).reshape(
    entry["shape"]
)
arrays, config = files.load_weights(folder)
print(
    "as the package reads it:",
    np.array_equal(by_hand, arrays["conv_block.0.weight"]),
)

# %% [markdown]
# **Why no pickle?** Python's own format for objects, which `torch.save`
# writes as well, is a program that makes the object again. Whoever
# reads such a file runs what its author wrote:


# %%
class Surprise:
    def __reduce__(self):
        return print, (
            "This was in the file, and ran while it was read.",
        )


file = pickle.dumps(Surprise())
pickle.loads(file)

# %% [markdown]
# It could have been any other function. Numbers and text can only be
# wrong.
#
# ## The card
#
# How was it trained, how well does it do, and on what? A folder without
# an answer is a riddle. `card.json` also knows the SHA-256 of the other
# files: a card is about these bytes and no others.

# %%
card = files.read_json(folder / published.CARD)
print(card["about"])
print("classes:          ", ", ".join(card["class_names"]))
for name in ("training pictures", "test pictures"):
    pictures = card[name]
    print(
        f"{name + ':':18} shapes of {pictures['min_size']} to {pictures['max_size']} pixels"
    )
print("accuracy of these:", card["accuracy of these weights"])
print(
    "of five seeds:    ",
    card["results of all seeds"]["zoojax"]["accuracy"]["values"],
)
for name, digest in card["files"].items():
    files.check_digest(
        folder / name, digest
    )  # raises an error where a file is another

# %% [markdown]
# Note the seeds: this is the first of five, chosen before any of them
# was tested, and not the best of them.
#
# ## One file, two designs
#
# The function returns a description and its variables. The object has
# its numbers inside, and is in eval mode.

# %%
SideBySide(
    zoojax.checkpoint.load_pretrained,
    zootorch.checkpoint.load_pretrained,
)

# %%
models = {
    target: zoojax.load_pretrained(published.FOLDER / target)
    for target in published.TARGETS
}
modules = {
    target: zootorch.load_pretrained(published.FOLDER / target)
    for target in published.TARGETS
}
classes = {
    target: np.array(published.class_names(target))
    for target in published.TARGETS
}

drawn = zoojax.simulate_shapes(
    jax.random.key(20), ShapesConfig(min_size=10, max_size=50), 2
)
told = {}
for target in published.TARGETS:
    model, variables = models[target]
    by_function = np.asarray(
        zoojax.predict(model, variables, drawn.images)
    )
    by_object = zootorch.predict(
        modules[target], torch.tensor(np.asarray(drawn.images))
    ).numpy()
    difference = (
        np.abs(by_function - by_object).max() / np.abs(by_object).max()
    )
    assert difference < 1e-5
    assert np.array_equal(by_function.argmax(1), by_object.argmax(1))
    right = (by_function.argmax(1) == getattr(drawn, target)).mean()
    print(
        f"{target}: {right:.1%} right; largest difference of the two designs {difference:.1e}"
    )
    told[target] = classes[target][by_function.argmax(1)]

# %%
some = np.arange(0, 64, 4)[:16]
titles = [f"{told['color'][i]} {told['shape'][i]}" for i in some]
figures.sample_images(np.asarray(drawn.images)[some], titles)

# %% [markdown]
# ## Names and axes
#
# The file has torch's names and torch's order of axes. Flax has the
# same numbers in another order, in a tree. The package has a table of
# both:

# %%
print(f"{'in the file':30}{'shape':17}{'in Flax':35}shape")
for leaf in layout(config):
    print(
        f"{leaf.name:30}{leaf.shape!s:17}{'/'.join(leaf.path):35}{leaf.merged}"
    )

# %% [markdown]
# | | torch | Flax |
# |---|---|---|
# | a picture | (batch, channels, height, width) | (batch, height, width, channels) |
# | kernels of a convolution | (outputs, inputs, height, width) | (height, width, inputs, outputs) |
# | weight of a Linear | (outputs, inputs) | (inputs, outputs) |
# | scale of a BatchNorm | `weight` | `scale`, under `params` |
# | its running mean | `running_mean`, a buffer | `mean`, under `batch_stats` |

# %%
model, variables = models["shape"]
weight = modules["shape"].conv_block[3].weight.detach().numpy()
kernel = np.asarray(variables["params"]["conv_block_3"]["kernel"])
output, channel, row, column = 7, 2, 0, 1
print("torch", weight.shape, weight[output, channel, row, column])
print("Flax ", kernel.shape, kernel[row, column, channel, output])

# %% [markdown]
# Here 32 inputs meet 32 outputs, and the two could be swapped without
# an error. Shapes that fit are no proof: only outputs that agree are,
# as above.
#
# ## Pictures of other sizes
#
# The configuration says 224 by 224, and both designs refuse others:

# %%
sizes = {(72, 120): 30, (224, 224): 45, (300, 200): 25}
scenes = {
    size: zoojax.simulate_shapes(
        jax.random.key(3), ShapesConfig(*size, each, each), 1
    )
    for size, each in sizes.items()
}
try:
    model.apply(variables, zoojax.standardise(scenes[72, 120].images))
except ValueError as error:
    print(error)

# %% [markdown]
# But these classifiers end in `head="max"`: of each channel the largest
# number in the whole picture, wherever it is. That makes 32 numbers of
# a picture of any size, and no weight knows the size. Another
# description takes the same variables; another object takes a copy of
# the state.


# %%
def sized(target, height, width):
    model, variables = models[target]
    return zoojax.CNN(
        dataclasses.replace(model.config, height=height, width=width)
    ), variables


def sized_object(target, height, width):
    module = modules[target]
    other = zootorch.CNN(
        dataclasses.replace(module.config, height=height, width=width)
    )
    other.load_state_dict(module.state_dict())
    return other.eval()


figure, panels = plt.subplots(
    1, 3, figsize=(9, 3.2), layout="constrained"
)
for panel, (size, scene) in zip(panels, scenes.items(), strict=True):
    picture = scene.images[13:14]
    words = []
    for target in ("color", "shape"):
        outputs = zoojax.predict(*sized(target, *size), picture)
        twin = zootorch.predict(
            sized_object(target, *size),
            torch.tensor(np.asarray(picture)),
        )
        assert np.allclose(outputs, twin, rtol=1e-4, atol=1e-4)
        words.append(classes[target][outputs.argmax()])
    panel.imshow(picture[0])
    panel.set(
        title=f"{size[1]} x {size[0]}: {' '.join(words)}",
        xlim=(0, 300),
        ylim=(300, 0),
    )
    panel.set_axis_off()
plt.show()

# %% [markdown]
# With `head="flatten"`, as in the workshop, every pixel that is left
# has its own weights, and another size is another network:

# %%
for size in (224, 64):
    flat = CNNConfig(height=size, width=size, head="flatten")
    print(
        size,
        next(
            leaf.shape
            for leaf in layout(flat)
            if leaf.name == "linear_block.0.weight"
        ),
    )

# %% [markdown]
# ## Labels have an order
#
# A network says 3. What 3 is stands nowhere in its weights. Here labels
# count the names in alphabetical order, as label encoders do. Suppose
# somebody writes them down as a painter would:

# %%
small = zoojax.simulate_shapes(
    jax.random.key(11), ShapesConfig(64, 64, 12, 40), num_each=10
)
truth = {
    target: np.asarray(getattr(small, target))
    for target in published.TARGETS
}
predicted = np.asarray(
    zoojax.predict(*sized("color", 64, 64), small.images)
).argmax(1)

painter = [
    "red",
    "yellow",
    "green",
    "cyan",
    "blue",
    "purple",
    "black",
    "white",
]
label_of = {name: label for label, name in enumerate(classes["color"])}
misnamed = np.array([label_of[painter[label]] for label in predicted])

counts = {
    name: np.asarray(zoojax.confusion_matrix(truth["color"], labels, 8))
    for name, labels in {
        "label order": predicted,
        "painter's order": misnamed,
    }.items()
}
figures.confusion_matrices(counts, classes["color"])

# %% [markdown]
# Nothing is right any more, and nothing is wrong with the network: each
# class has one name, the wrong one. That is how to tell it from a bad
# network, whose errors are spread. **An accuracy far below chance is a
# sign of swapped names**, and the class names belong into the folder.
#
# ## Inputs must be what they were in training
#
# These networks learned with pictures scaled to 0..1, of which a mean
# was taken off and which were divided by a standard deviation, three
# fixed numbers each. `predict` does so with bytes (uint8); floats it
# takes as they are. Any floats:

# %%
pictures = np.asarray(small.images)
inputs = {
    "standardised": np.asarray(zoojax.standardise(pictures)),
    "0..255": np.float32(pictures),
    "0..1": pictures / np.float32(255),
    "0..1, mean taken off": np.float32(pictures / 255 - IMAGENET_MEAN),
    "-1..1": pictures / np.float32(127.5) - 1,
    "blue, green, red": np.asarray(
        zoojax.standardise(pictures[..., ::-1])
    ),
}
found = {}
for target in published.TARGETS:
    for name, each in inputs.items():
        outputs = np.asarray(
            zoojax.predict(*sized(target, 64, 64), each)
        )
        found[name, target] = (
            outputs.argmax(1) == truth[target]
        ).mean()

print(f"{'accuracy':22} {'shape':>6} {'color':>6}")
for name in inputs:
    print(
        f"{name:22} {found[name, 'shape']:6.1%} {found[name, 'color']:6.1%}"
    )
print(f"{'chance':22} {1 / 4:6.1%} {1 / 8:6.1%}")

# %% [markdown]
# No error, no warning, numbers that look like outputs. And see the last
# row: other libraries read channels as blue, green, red. The one
# classifier does not notice, the other is right for half of the colors:
# which are they?
#
# ## Train mode is not for predicting
#
# In train mode dropout drops, and a BatchNorm takes mean and variance
# of its batch instead of those that it has learned. Then what is said
# of a picture depends on the pictures beside it. The published
# classifiers have no dropout, but they have BatchNorms. We ask for all
# 320 pictures, 32 at a time, well mixed or sorted by shape:

# %%
model, variables = sized("shape", 64, 64)
orders = {
    "mixed": np.random.default_rng(0).permutation(len(pictures)),
    "sorted": np.argsort(truth["shape"], kind="stable"),
}
apply_in_train_mode = jax.jit(
    lambda images: model.apply(
        variables, images, train=True, mutable=["batch_stats"]
    )[0]
)
for name, order in orders.items():
    right = {"eval": [], "train": []}
    for part in np.split(order, 10):
        images, labels = (
            inputs["standardised"][part],
            truth["shape"][part],
        )
        right["eval"].append(
            model.apply(variables, images).argmax(1) == labels
        )
        right["train"].append(
            apply_in_train_mode(images).argmax(1) == labels
        )
    rates = {mode: np.mean(each) for mode, each in right.items()}
    print(
        f"{name:7} eval mode: {rates['eval']:.1%}   train mode: {rates['train']:.1%}"
    )

# %% [markdown]
# Mixed, a batch has the statistics of the training set and nobody
# notices. The function has to be asked for train mode, at each call.
# The object remembers its mode, and worse: in train mode it changes
# while it predicts.

# %%
module = sized_object("shape", 64, 64)
by_torch = torch.tensor(pictures)


def rate_of(module):
    outputs = zootorch.predict(
        module, by_torch
    )  # which puts it into eval mode
    return (outputs.argmax(1).numpy() == truth["shape"]).mean()


print(f"before: {rate_of(module):.1%}")
module.train()
with torch.no_grad():
    for _ in range(20):
        module(zootorch.standardise(by_torch[-32:]))  # triangles alone
print(
    f"after:  {rate_of(module):.1%}, though no gradient was ever computed"
)

# %% [markdown]
# And one picture alone has no variance:

# %%
module.train()
try:
    module(zootorch.standardise(by_torch[:1]))
except ValueError as error:
    print(error)

# %% [markdown]
# ## Something new: where does a triangle point?
#
# The classifier of shapes has seen 256,000 pictures, and never was told
# where a triangle points. Its convolutions, the **body**, may know
# anyway: they find corners. What comes behind the body, the **head**,
# makes classes of what the body found. So keep the body as it is,
# **frozen**, and train a new head with 32 pictures.

# %%
triangles = ShapesConfig(32, 32, 12, 24, shapes=("triangle",))


def pointing(seed, num_each):
    drawn = zoojax.simulate_shapes(
        jax.random.key(seed), triangles, num_each
    )
    lying = np.where(drawn.upside_down, "right", "left")
    names = np.where(
        drawn.sideways, lying, np.where(drawn.upside_down, "down", "up")
    )
    directions, labels = np.unique(
        names, return_inverse=True
    )  # in alphabetical order
    return directions, Batch(np.array(drawn.images), labels)


directions, pool = pointing(seed=5, num_each=32)
_, tests = pointing(seed=99, num_each=25)
few = Batch(pool.inputs[:32], pool.targets[:32])
print(
    "pictures of each class:",
    dict(zip(directions, np.bincount(few.targets), strict=True)),
)
figures.sample_images(few.inputs[:8], directions[few.targets[:8]])

# %% [markdown]
# ### With functions
#
# Parameters are a dictionary, so body and head are two dictionaries.
# `jax.grad` differentiates with respect to the first argument alone: to
# freeze something is to leave it out of that argument. All stays in
# eval mode, so the statistics do not move either.

# %%
RATE, NUM_STEPS = 0.01, 60
to_learn = dataclasses.replace(
    config, num_classes=4, height=32, width=32
)
network = zoojax.CNN(to_learn)
images = zoojax.standardise(few.inputs)

published_variables = models["shape"][1]
fresh = zoojax.init(jax.random.key(3), network, images)


def is_body(name):
    return name.startswith("conv_block")


def with_body(kind):
    """Return the fresh parameters, or statistics, with the body of the published ones."""
    return {
        name: (published_variables if is_body(name) else fresh)[kind][
            name
        ]
        for name in fresh[kind]
    }


params, stats = with_body("params"), with_body("batch_stats")
body = {name: each for name, each in params.items() if is_body(name)}
head = {
    name: each for name, each in params.items() if not is_body(name)
}
for name, part in {"body": body, "head": head}.items():
    print(
        name,
        sum(each.size for each in jax.tree.leaves(part)),
        "numbers in",
        ", ".join(part),
    )


# %%
def loss_of(head, body, images, labels):
    outputs = network.apply(
        {"params": {**body, **head}, "batch_stats": stats}, images
    )
    return zoojax.cross_entropy(outputs, labels)


optimizer = optax.adam(RATE)


@jax.jit
def step(head, state, images, labels):
    loss, grads = jax.value_and_grad(loss_of)(
        head, body, images, labels
    )
    updates, state = optimizer.update(grads, state)
    return optax.apply_updates(head, updates), state, loss


state, by_function = optimizer.init(head), []
for _ in range(NUM_STEPS):
    head, state, loss = step(head, state, images, few.targets)
    by_function.append(float(loss))

learned = {"params": {**body, **head}, "batch_stats": stats}
right = zoojax.evaluate(network, learned, tests).accuracy
print(
    f"last loss {by_function[-1]:.4f}, right for {right:.1%} of {len(tests.targets)} new pictures"
)

# %% [markdown]
# Where parameters must stay in one tree, the optimiser can be told
# which of them to leave alone: gradients of all are computed then, and
# those of the body thrown away.

# %%
parts = {name: "body" if is_body(name) else "head" for name in params}
by_parts = optax.multi_transform(
    {"body": optax.set_to_zero(), "head": optax.adam(RATE)}, parts
)
grads = jax.grad(
    lambda params: zoojax.cross_entropy(
        network.apply({"params": params, "batch_stats": stats}, images),
        few.targets,
    )
)(params)
updates, _ = by_parts.update(grads, by_parts.init(params))
largest = {
    name: max(np.abs(each).max() for each in tree.values())
    for name, tree in updates.items()
}
print({name: f"{each:.4f}" for name, each in largest.items()})

# %% [markdown]
# ### With objects
#
# Each parameter of torch knows whether it wants a gradient.
# `requires_grad = False` freezes it, and the optimiser is given the
# others.

# %%
module = zootorch.CNN(to_learn, zootorch.Generator(3))
module.conv_block.load_state_dict(
    modules["shape"].conv_block.state_dict()
)
for parameter in module.conv_block.parameters():
    parameter.requires_grad = False

module.eval()
trained = [
    parameter
    for parameter in module.parameters()
    if parameter.requires_grad
]
optimizer = torch.optim.Adam(trained, lr=RATE)
inputs_of_torch = zootorch.standardise(torch.tensor(few.inputs))
labels_of_torch = torch.tensor(few.targets)

by_object = []
for _ in range(NUM_STEPS):
    optimizer.zero_grad()
    loss = zootorch.cross_entropy(
        module(inputs_of_torch), labels_of_torch
    )
    loss.backward()
    optimizer.step()
    by_object.append(loss.item())

difference = np.abs(np.array(by_object) / by_function - 1).max()
assert difference < 1e-3
print(
    f"last loss {by_object[-1]:.4f}; largest relative difference of the losses {difference:.1e}"
)

# %% [markdown]
# ### A frozen layer that moves
#
# `requires_grad = False` stops gradients. The running statistics of a
# BatchNorm are not moved by gradients. One step of each kind, and what
# it changed:


# %%
def changed_by_a_step(module):
    before = copy.deepcopy(module.state_dict())
    optimizer = torch.optim.Adam(
        [p for p in module.parameters() if p.requires_grad], lr=RATE
    )
    zootorch.cross_entropy(
        module(inputs_of_torch), labels_of_torch
    ).backward()
    optimizer.step()
    return [
        name
        for name, value in module.state_dict().items()
        if is_body(name) and not torch.equal(value, before[name])
    ]


print("eval mode: ", changed_by_a_step(copy.deepcopy(module).eval()))
print(
    "train mode:",
    changed_by_a_step(copy.deepcopy(module).train())[:3],
    "and so on",
)

# %% [markdown]
# The function cannot do that: new statistics come back beside the
# outputs, and whoever does not hand them on has kept the old ones.
#
# ## Is it worth it?
#
# Three ways to learn the directions from 8, 32 or 128 pictures, three
# seeds each: a new head on the frozen body; the same start with nothing
# frozen (**fine-tuning**); all from scratch, with three times as many
# steps. Tested on 200 other pictures.


# %%
def start(seed, from_scratch):
    module = zootorch.CNN(to_learn, zootorch.Generator(seed))
    if not from_scratch:
        module.conv_block.load_state_dict(
            modules["shape"].conv_block.state_dict()
        )
    return module


def train_head(module, data):
    module.conv_block.requires_grad_(False)
    module.eval()
    images = zootorch.standardise(data.inputs)
    optimizer = torch.optim.Adam(
        [p for p in module.parameters() if p.requires_grad], lr=RATE
    )
    for _ in range(NUM_STEPS):
        optimizer.zero_grad()
        zootorch.cross_entropy(module(images), data.targets).backward()
        optimizer.step()


def train_all(module, data, num_steps, seed):
    batch_size = min(16, len(data.targets))
    num_epochs = num_steps * batch_size // len(data.targets)
    settings = TrainConfig(
        seed=seed,
        num_epochs=num_epochs,
        batch_size=batch_size,
        learning_rate=RATE,
    )
    zootorch.Trainer(module, settings).fit(data)


ways = ("new head, frozen body", "fine-tuned", "from scratch")
nums, seeds = (8, 32, 128), (0, 1, 2)
on_test, on_train = np.zeros((2, len(ways), len(nums), len(seeds)))
for place, seed in np.ndindex(len(nums), len(seeds)):
    chosen = np.random.default_rng(seed).permutation(len(pool.targets))[
        : nums[place]
    ]
    data = Batch(*(torch.tensor(each[chosen]) for each in pool))
    for way, name in enumerate(ways):
        module = start(seed, from_scratch=name == "from scratch")
        if name == "new head, frozen body":
            train_head(module, data)
        else:
            train_all(
                module,
                data,
                NUM_STEPS * (3 if name == "from scratch" else 1),
                seed,
            )
        on_train[way, place, seed] = zootorch.evaluate(
            module, data
        ).accuracy
        held_out = Batch(*map(torch.tensor, tests))
        on_test[way, place, seed] = zootorch.evaluate(
            module, held_out
        ).accuracy

# %%
figure, panel = plt.subplots(figsize=(8, 3.4), layout="constrained")
for way, name in enumerate(ways):
    style = {
        **figures.style.line_style(way),
        **figures.style.marker_style(way),
    }
    panel.plot(nums, on_test[way].mean(1), label=name, **style)
    panel.plot(
        nums,
        on_test[way],
        linestyle="none",
        alpha=0.5,
        markersize=4,
        **{
            key: value
            for key, value in style.items()
            if key != "linestyle"
        },
    )
panel.axhline(1 / 4, color="black", linewidth=1, label="chance")
panel.set_xscale("log", base=2)
panel.set_xticks(nums, nums)
panel.set(
    xlabel="training pictures",
    ylabel="accuracy on 200 new pictures",
    ylim=(0, 1.03),
)
figures.style.legend_beside(panel)
plt.show()

for way, name in enumerate(ways):
    print(
        f"{name:22} on its training pictures: {on_train[way].mean(1).round(2)}"
    )

# %% [markdown]
# PLACEHOLDER
#
# ## Exercises
#
# **10.1** Standardise a picture, an array of bytes (height, width, 3):
# scale it to 0..1, take the mean off, divide by the standard deviation.
# Channels stay last.

# %%
mean, std = np.array(IMAGENET_MEAN), np.array(IMAGENET_STD)


def prepare(picture):
    # TODO: three steps, and brackets where they are needed.
    ### BEGIN SOLUTION
    return (picture / 255 - mean) / std
    ### END SOLUTION


check("standardised picture", prepare)

# %% [markdown]
# **10.2** `outputs` has a row for each picture and a column for each
# class, in label order. `names` is a list of the class names as
# somebody wrote them down, in any order. Return a list with the name of
# each picture's class.


# %%
def tell(outputs, names):
    # TODO: which column is the largest, and which name does that label stand for?
    ### BEGIN SOLUTION
    in_label_order = sorted(names)
    return [in_label_order[label] for label in outputs.argmax(1)]
    ### END SOLUTION


check("names from outputs", tell)

# %% [markdown]
# **10.3** Take a weight from torch's order of axes to Flax's. A Linear
# has two axes, a convolution four: `weight.ndim` says how many there
# are.


# %%
def to_flax(weight):
    # TODO: weight.transpose(...) takes the old place of each new axis, the first one first.
    ### BEGIN SOLUTION
    return (
        weight.T if weight.ndim == 2 else weight.transpose(2, 3, 1, 0)
    )
    ### END SOLUTION


check("weights for Flax", to_flax)

# %% [markdown]
# **10.4** How many bytes are all numbers of the classifier of colors
# together, in its file? They are float32; the header does not count.

# %%
arrays_of_color, _ = files.load_weights(published.FOLDER / "color")
for name, array in arrays_of_color.items():
    print(f"{name:30} {array.dtype} {array.shape}")

# %%
# TODO: count the numbers; how many bytes has each?
### BEGIN SOLUTION
num_bytes = sum(4 * array.size for array in arrays_of_color.values())
### END SOLUTION

check("bytes of weights", num_bytes)

# %% [markdown]
# **10.5** Of a network of torch all is frozen but its last layer, with
# `requires_grad = False`; then somebody calls `model.train()`, and
# makes one step. Which of these change?

# %%
print(*pretrained.ENTRIES, sep="\n")

# %%
# TODO: a list of names.
### BEGIN SOLUTION
changed = [
    "conv_block.1.running_mean",
    "linear_block.1.running_mean",
    "output_block.weight",
    "output_block.bias",
]
### END SOLUTION

check("what changes in a step", changed)

# %% [markdown]
# ## What to take away
#
# - Weights are numbers with names. Keep them in a file that can hold
#   nothing else, beside the configuration, the class names and a card.
# - Before you trust a loaded network, compare its outputs with known
#   ones: shapes that fit prove nothing.
# - Swapped names, inputs on another scale and train mode raise no
#   error. Look at the accuracy.
# - Frozen means: left out of what is differentiated in the function,
#   `requires_grad = False` and eval mode in the object.
# - With few pictures, begin with a network that has seen many.
