# %% [markdown]
# # 10 Using pretrained weights
#
# Somebody has trained a network, and you have a folder with its
# numbers. This notebook says what is in the folder, loads it into both
# designs, shows what goes wrong without any error message, and teaches
# the network something new with a handful of pictures.
#
# You will learn
#
# - what has to be in the folder, and why it is not a pickle;
# - to move weights from one design to the other;
# - four mistakes that raise no error: swapped names, other inputs,
#   train mode, a frozen layer that moves;
# - to train a new head on a frozen body, in both designs.
#
# Time: 90 minutes. Read notebooks 4 and 6 first.

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
import json
import pickle
import textwrap

import jax
import matplotlib.pyplot as plt
import numpy as np
import optax
import torch

import zoojax
import zootorch
import zootorch.weights
from zoojax import Batch, CNNConfig, ShapesConfig, TrainConfig
from zoojax.common import figures
from zoojax.common.storage import files, pretrained
from zoojax.common.teaching.exercises import check, weights
from zoojax.common.teaching.source_view import SideBySide
from zoojax.spec.data import IMAGENET_MEAN, IMAGENET_STD
from zoojax.spec.layout import layout

# These models are small: a second thread waits more than it works.
torch.set_num_threads(1)

# %% [markdown]
# ## What is in the folder
#
# Two classifiers come with the package, in a folder each: one tells
# shapes, the other colors.

# %%
folder = pretrained.FOLDER / "shape"
for path in sorted(folder.iterdir()):
    print(f"{path.name:18} {path.stat().st_size:6,} bytes")
print((folder / "config.json").read_text())

# %% [markdown]
# `config.json` says in words which network it is. `model.safetensors`
# has its numbers: eight bytes that say how long the header is; the
# header, which is text; and then numbers, nothing else. So simple a
# file can be read by hand:

# %%
content = (folder / "model.safetensors").read_bytes()
length = int.from_bytes(content[:8], "little")
header = json.loads(content[8 : 8 + length])
numbers = content[8 + length :]
for name, entry in list(header.items())[1:4]:
    print(f"{name}\n  {entry}")

entry = header["conv_block.0.weight"]
begin, end = entry["data_offsets"]
by_hand = np.frombuffer(numbers[begin:end], np.float32)
by_hand = by_hand.reshape(entry["shape"])
arrays, config = files.load_weights(folder)
same = np.array_equal(by_hand, arrays["conv_block.0.weight"])
print("as the package reads it:", same)

# %% [markdown]
# **Why not a pickle?** Python's own format for objects, which
# `torch.save` writes too, is a small program that makes the object
# again. Whoever reads such a file runs what its author wrote:


# %%
class Surprise:
    def __reduce__(self):
        return print, ("This was in the file, and it was run.",)


pickle.loads(pickle.dumps(Surprise()))

# %% [markdown]
# It could have been any function, not only `print`. (Since version 2.6
# `torch.load` refuses all but a short list of harmless functions,
# unless it is told `weights_only=False`. `pickle.load` does not.)
# Numbers and text can be wrong, but they cannot run.
#
# ## The card
#
# How was it trained, with what, and how good is it? A folder that does
# not say is a riddle. `card.json` says, and it knows the SHA-256 of the
# other files: it is about these bytes and no others.

# %%
card = files.read_json(folder / pretrained.CARD)
print(*textwrap.wrap(card["about"], 72), sep="\n")
print("classes:", ", ".join(card["class_names"]))
for name in ("training pictures", "test pictures"):
    low, high = card[name]["min_size"], card[name]["max_size"]
    print(f"{name}: shapes of {low} to {high} pixels")
shrink = card["recipe"]["shrink"]
low, high = shrink["min_height"], shrink["max_height"]
print(f"shrunk in training, from 224 to {low}..{high} pixels of height")
print(f"accuracy: {card['accuracy of these weights']:.2%}")
of_all = card["results of all seeds"]["zoojax"]["accuracy"]["values"]
print("of five seeds:", *(f"{each:.2%}" for each in of_all))
for name, digest in card["files"].items():
    files.check_digest(folder / name, digest)  # an error if they differ

# %% [markdown]
# So the network has seen shapes of 5 to 32 pixels. And look at the
# seeds: these are the weights of the first, chosen before any was
# tested, and not those of the best.
#
# ## One file, two designs
#
# The function returns a description and its variables. The object holds
# its numbers, and is in eval mode.

# %%
SideBySide(zoojax.load_pretrained, zootorch.weights.load_pretrained)

# %%
models, modules, classes = {}, {}, {}
for target in pretrained.TARGETS:
    place = pretrained.FOLDER / target
    models[target] = zoojax.load_pretrained(place)
    modules[target] = zootorch.CNN.from_pretrained(place)
    classes[target] = np.array(pretrained.class_names(target))

key = jax.random.key(20)
drawn = zoojax.simulate_shapes(key, ShapesConfig(224, 224, 10, 50), 2)
images = np.asarray(drawn.images)
told = {}
for target in pretrained.TARGETS:
    first = np.asarray(zoojax.predict(*models[target], images))
    second = zootorch.predict(modules[target], torch.tensor(images))
    second = second.numpy()
    difference = np.abs(first - second).max() / np.abs(second).max()
    assert difference < 1e-5
    assert np.array_equal(first.argmax(1), second.argmax(1))
    right = (first.argmax(1) == getattr(drawn, target)).mean()
    print(f"{target}: {right:.1%} right,", end=" ")
    print(f"largest relative difference {difference:.1e}")
    told[target] = classes[target][first.argmax(1)]

# %%
some = np.arange(0, 64, 11)
named = [f"{told['color'][i]} {told['shape'][i]}" for i in some]
figures.sample_images(images[some], named, columns=6)

# %% [markdown]
# ## Names and axes
#
# The file has torch's names and torch's order of axes. Flax has the
# same numbers in a tree, with axes in another order. The package has a
# table of both; here are the first blocks:

# %%
print(f"{'in the file':26}{'shape':16}in Flax")
for leaf in layout(config)[:8]:
    print(f"{leaf.name:26}{leaf.shape!s:16}{'/'.join(leaf.path)}")
    print(f"{'':42}{leaf.merged}")

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
print("torch:", weight[output, channel, row, column], weight.shape)
print("Flax: ", kernel[row, column, channel, output], kernel.shape)

# %% [markdown]
# This layer has 32 inputs and 32 outputs, and the two could be swapped
# without an error. Shapes that fit prove nothing. Outputs that agree
# do, as above.
#
# ## Pictures of other sizes
#
# The configuration says 224 by 224, and both designs refuse others:

# %%
sizes = {(72, 120): 30, (224, 224): 45, (300, 200): 25}
key = jax.random.key(3)
scenes = {
    size: zoojax.simulate_shapes(key, ShapesConfig(*size, n, n), 1)
    for size, n in sizes.items()
}
try:
    model.apply(variables, zoojax.standardise(scenes[72, 120].images))
except ValueError as error:
    print(error)

# %% [markdown]
# But these classifiers end in `head="max"`: of each channel, the
# largest number in the whole picture, wherever it is. That makes 32
# numbers of a picture of any size, and no weight depends on the size.
# So another description can take the same variables, and another object
# a copy of the state.


# %%
def sized(target, height, width):
    model, variables = models[target]
    size = {"height": height, "width": width}
    config = dataclasses.replace(model.config, **size)
    return zoojax.CNN(config), variables


def sized_object(target, height, width):
    other = zootorch.CNN(sized(target, height, width)[0].config)
    other.load_state_dict(modules[target].state_dict())
    return other.eval()


figure, panels = plt.subplots(
    1, 3, figsize=(8, 2.8), layout="constrained"
)
for panel, (size, scene) in zip(panels, scenes.items(), strict=True):
    picture = np.asarray(scene.images[13:14])
    words = []
    for target in ("color", "shape"):
        first = zoojax.predict(*sized(target, *size), picture)
        other = sized_object(target, *size)
        second = zootorch.predict(other, torch.tensor(picture))
        assert np.allclose(first, second, rtol=1e-4, atol=1e-4)
        words.append(classes[target][first.argmax()])
    panel.imshow(picture[0])
    about = f"{size[0]} high, {size[1]} wide"
    panel.set_title(
        f"{about}:\n{' '.join(words)}", fontsize=10, loc="left"
    )
    panel.set(xlim=(0, 300), ylim=(300, 0))
    panel.set_axis_off()
plt.show()

# %% [markdown]
# With `head="flatten"`, every pixel that is left has weights of its
# own, and for another size it is another network:

# %%
for size in (224, 64):
    flat = CNNConfig(height=size, width=size, head="flatten")
    shapes = {leaf.name: leaf.shape for leaf in layout(flat)}
    print(f"{size} pixels:", shapes["linear_block.0.weight"])

# %% [markdown]
# ## Labels have an order
#
# A network says 3. Nothing in its weights says what 3 is. Here labels
# number the names in alphabetical order, as label encoders do. Suppose
# somebody writes the names down as a painter would:

# %%
key = jax.random.key(11)
small = zoojax.simulate_shapes(key, ShapesConfig(64, 64, 12, 40), 10)
pictures = np.asarray(small.images)
truth = {
    target: np.asarray(getattr(small, target))
    for target in pretrained.TARGETS
}
outputs = zoojax.predict(*sized("color", 64, 64), pictures)
predicted = np.asarray(outputs).argmax(1)

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
    name: np.asarray(zoojax.confusion_matrix(truth["color"], said, 8))
    for name, said in (
        ("in label order", predicted),
        ("in the painter's order", misnamed),
    )
}
figures.confusion_matrices(counts, classes["color"])

# %% [markdown]
# Nothing is right any more, and nothing is wrong with the network: each
# class has one name, and it is the wrong one. A bad network would have
# spread its errors. **One full box in each row, off the diagonal, means
# swapped names.** (The accuracy need not be 0: two swapped names of
# eight leave 75%.) So class names belong in the folder.
#
# ## Inputs must be what they were in training
#
# These networks were trained with pictures scaled to 0..1, from which a
# mean was subtracted, and which were divided by a standard deviation:
# fixed numbers, three of each. `predict` does this to bytes (uint8).
# Floats it takes as they are, whatever they are:

# %%
scaled = np.float32(pictures / 255)
standardised = np.asarray(zoojax.standardise(pictures))
inputs = {
    "standardised": standardised,
    "0..255": np.float32(pictures),
    "0..1": scaled,
    "0..1, less the mean": np.float32(scaled - IMAGENET_MEAN),
    "-1..1": 2 * scaled - 1,
    "blue, green, red": zoojax.standardise(pictures[..., ::-1]),
}
print("accuracy                shape   color")
for name, each in inputs.items():
    rates = []
    for target in pretrained.TARGETS:
        outputs = zoojax.predict(*sized(target, 64, 64), each)
        said = np.asarray(outputs).argmax(1)
        rates.append((said == truth[target]).mean())
    print("{:22} {:6.1%}  {:6.1%}".format(name, *rates))
print(f"{'chance':22} {1 / 4:6.1%}  {1 / 8:6.1%}")

# %% [markdown]
# No error, no warning, and numbers that look like outputs. The last
# case happens often: some libraries read the channels as blue, green,
# red. The classifier of shapes does not notice. The other one is right
# for half of the colors: for which ones?
#
# ## Train mode is not for predicting
#
# In train mode, dropout drops, and a BatchNorm takes mean and variance
# of its batch instead of those it has learned. Then what is said of one
# picture depends on the pictures beside it. We ask for all 320
# pictures, 32 at a time, once in mixed order and once sorted by shape:

# %%
model, variables = sized("shape", 64, 64)
orders = {
    "mixed": np.random.default_rng(0).permutation(len(pictures)),
    "sorted": np.argsort(truth["shape"], kind="stable"),
}


@jax.jit
def in_train_mode(images):
    return model.apply(
        variables, images, train=True, mutable=["batch_stats"]
    )[0]


print("accuracy   eval mode   train mode")
for name, order in orders.items():
    right = []
    for part in np.split(order, 10):
        images, labels = standardised[part], truth["shape"][part]
        eval_mode = model.apply(variables, images).argmax(1)
        train_mode = in_train_mode(images).argmax(1)
        right.append([eval_mode == labels, train_mode == labels])
    rates = np.mean(right, axis=(0, 2))
    print("{:8} {:11.1%} {:12.1%}".format(name, *rates))

# %% [markdown]
# In mixed order a batch has about the statistics of the training set,
# and nobody notices. The function has to be asked for train mode, each
# time. The object remembers its mode. Worse: in train mode it changes
# while it predicts. Here it looks at a gray wall, twenty times:

# %%
module = sized_object("shape", 64, 64)


def accuracy_of(module):
    outputs = zootorch.predict(module, torch.tensor(pictures))
    return (outputs.argmax(1).numpy() == truth["shape"]).mean()


print(f"before: {accuracy_of(module):.1%}")  # predict uses eval mode
wall = torch.full((32, 64, 64, 3), 128, dtype=torch.uint8)
module.train()
with torch.no_grad():
    for _ in range(20):
        module(zootorch.standardise(wall))
print(f"after:  {accuracy_of(module):.1%}, and nobody trained it")

# %% [markdown]
# Behind the maximum, one picture is one number in each channel. That
# has no variance, and torch refuses it in train mode:

# %%
module.train()
try:
    module(zootorch.standardise(wall[:1]))
except ValueError as error:
    print(*textwrap.wrap(str(error), 72), sep="\n")

# %% [markdown]
# ## Something new: where does a triangle point?
#
# The classifier of shapes has seen 256,000 pictures, and was never told
# where a triangle points. Its convolutions, the **body**, may know all
# the same: they find corners. The layers behind it, the **head**, make
# classes of what the body found. So keep the body as it is, **frozen**,
# and train a new head with 32 pictures.

# %%
triangles = ShapesConfig(32, 32, 12, 24, shapes=("triangle",))


def pointing(seed, num_each):
    key = jax.random.key(seed)
    drawn = zoojax.simulate_shapes(key, triangles, num_each)
    lying = np.where(drawn.upside_down, "right", "left")
    standing = np.where(drawn.upside_down, "down", "up")
    names = np.where(drawn.sideways, lying, standing)
    directions, labels = np.unique(names, return_inverse=True)
    return directions, Batch(np.asarray(drawn.images), labels)


directions, pool = pointing(seed=5, num_each=32)
_, tests = pointing(seed=99, num_each=25)
few = Batch(pool.inputs[:32], pool.targets[:32])
for name, num in zip(directions, np.bincount(few.targets), strict=True):
    print(f"{name:5} {num:2} pictures")
figures.sample_images(
    few.inputs[:6], directions[few.targets[:6]], columns=6
)

# %% [markdown]
# ### With functions
#
# Parameters are a dictionary, so body and head are two dictionaries.
# `jax.grad` differentiates with respect to the first argument only: to
# freeze something, leave it out of that argument. All stays in eval
# mode, so that the statistics do not move either. (The BatchNorm of the
# new head stays at mean 0 and variance 1, and only scales and shifts.)

# %%
RATE, NUM_STEPS = 0.01, 60
smaller = {"num_classes": 4, "height": 32, "width": 32}
to_learn = dataclasses.replace(config, **smaller)
network = zoojax.CNN(to_learn)
images = zoojax.standardise(few.inputs)

old = models["shape"][1]
fresh = zoojax.init(jax.random.key(3), network, images)


def is_body(name):
    return name.startswith("conv_block")


def merged(kind):
    names = fresh[kind]
    return {n: (old if is_body(n) else fresh)[kind][n] for n in names}


params, stats = merged("params"), merged("batch_stats")
body = {n: each for n, each in params.items() if is_body(n)}
head = {n: each for n, each in params.items() if not is_body(n)}
for name, part in (("body", body), ("head", head)):
    num = sum(leaf.size for leaf in jax.tree.leaves(part))
    print(f"{name}: {num:6,} numbers in", *part)


# %%
def loss_of(head, body):
    variables = {"params": {**body, **head}, "batch_stats": stats}
    outputs = network.apply(variables, images)
    return zoojax.cross_entropy(outputs, few.targets)


optimizer = optax.adam(RATE)


@jax.jit
def step(head, opt_state):
    loss, grads = jax.value_and_grad(loss_of)(head, body)
    updates, opt_state = optimizer.update(grads, opt_state)
    return optax.apply_updates(head, updates), opt_state, loss


new, opt_state, by_function = head, optimizer.init(head), []
for _ in range(NUM_STEPS):
    new, opt_state, loss = step(new, opt_state)
    by_function.append(float(loss))

learned = {"params": {**body, **new}, "batch_stats": stats}
accuracy = zoojax.evaluate(network, learned, tests).accuracy
print(f"last loss {by_function[-1]:.4f}")
print(f"right: {accuracy:.1%} of {len(tests.targets)} new pictures")

# %% [markdown]
# Where parameters have to stay in one tree, the optimiser can be told
# which of them to leave alone. Then the gradients of all are computed,
# and those of the body are thrown away.

# %%
labels = {n: "body" if is_body(n) else "head" for n in params}
rules = {"body": optax.set_to_zero(), "head": optax.adam(RATE)}
by_parts = optax.multi_transform(rules, labels)


def loss_of_all(params):
    return loss_of(params, {})


grads = jax.jit(jax.grad(loss_of_all))(params)
updates, _ = by_parts.update(grads, by_parts.init(params))
for name, tree in updates.items():
    largest = max(np.abs(leaf).max() for leaf in tree.values())
    print(f"{name:15} largest update {largest:.4f}")

# %% [markdown]
# ### With objects
#
# Each parameter of torch knows whether it wants a gradient.
# `requires_grad = False` freezes it, and the optimiser is given the
# others.

# %%
body_state = modules["shape"].conv_block.state_dict()
module = zootorch.CNN(to_learn, zootorch.Generator(3))
module.conv_block.load_state_dict(body_state)
for parameter in module.conv_block.parameters():
    parameter.requires_grad = False


def trainable(module):
    return [each for each in module.parameters() if each.requires_grad]


module.eval()
optimizer = torch.optim.Adam(trainable(module), lr=RATE)
torch_images = zootorch.standardise(torch.tensor(few.inputs))
torch_labels = torch.tensor(few.targets)

by_object = []
for _ in range(NUM_STEPS):
    optimizer.zero_grad()
    loss = zootorch.cross_entropy(module(torch_images), torch_labels)
    loss.backward()
    optimizer.step()
    by_object.append(loss.item())

difference = np.abs(np.array(by_object) / by_function - 1).max()
assert difference < 1e-3
print(f"last loss {by_object[-1]:.4f}")
print(f"largest relative difference of the losses: {difference:.1e}")

# %% [markdown]
# ### A frozen layer that moves
#
# `requires_grad = False` stops gradients. But it is not gradients that
# move the running statistics of a BatchNorm. One step in each mode, and
# what it changed in the body:


# %%
def changed_by_a_step(module):
    before = copy.deepcopy(module.state_dict())
    optimizer = torch.optim.Adam(trainable(module), lr=RATE)
    loss = zootorch.cross_entropy(module(torch_images), torch_labels)
    loss.backward()
    optimizer.step()
    return [
        name
        for name, value in module.state_dict().items()
        if is_body(name) and not torch.equal(value, before[name])
    ]


print("eval mode: ", changed_by_a_step(copy.deepcopy(module).eval()))
moved = changed_by_a_step(copy.deepcopy(module).train())
print("train mode:", *moved, sep="\n  ")

# %% [markdown]
# The function cannot do that. New statistics are returned beside the
# outputs, and whoever does not hand them on has kept the old ones.
#
# ## Is it worth it?
#
# Three ways to learn the directions from 8, 32 or 128 pictures, with
# three seeds each: a new head on the frozen body, trained on all
# pictures at each step; the same start, with nothing frozen
# (**fine-tuning**), on 16 pictures a step; and everything from scratch,
# with three times as many steps. All are tested on 200 other pictures.


# %%
def start(seed, pretrained):
    module = zootorch.CNN(to_learn, zootorch.Generator(seed))
    if pretrained:
        module.conv_block.load_state_dict(body_state)
    return module


def train_head(module, data):
    module.conv_block.requires_grad_(False)
    module.eval()
    images = zootorch.standardise(data.inputs)
    optimizer = torch.optim.Adam(trainable(module), lr=RATE)
    for _ in range(NUM_STEPS):
        optimizer.zero_grad()
        loss = zootorch.cross_entropy(module(images), data.targets)
        loss.backward()
        optimizer.step()
    return module


def train_all(module, data, num_steps):
    num = len(data.targets)
    batch_size = min(16, num)
    settings = TrainConfig(
        num_epochs=num_steps * batch_size // num,
        batch_size=batch_size,
        learning_rate=RATE,
    )
    zootorch.Trainer(module, settings).fit(data)
    return module


nums, seeds = (8, 32, 128), (0, 1, 2)
held_out = Batch(*map(torch.tensor, tests))
found = {"frozen body": [], "fine-tuned": [], "from scratch": []}
for num in nums:
    for seed in seeds:
        order = np.random.default_rng(seed).permutation(
            len(pool.targets)
        )
        data = Batch(
            *(torch.tensor(each[order[:num]]) for each in pool)
        )
        trained = (
            train_head(start(seed, True), data),
            train_all(start(seed, True), data, NUM_STEPS),
            train_all(start(seed, False), data, 3 * NUM_STEPS),
        )
        for way, each in zip(found.values(), trained, strict=True):
            way.append(zootorch.evaluate(each, held_out).accuracy)

# %%
figure, panel = plt.subplots(figsize=(8, 3.2), layout="constrained")
for index, (name, way) in enumerate(found.items()):
    rates = np.reshape(way, (len(nums), len(seeds)))
    line = figures.style.line_style(index)
    points = figures.style.marker_style(index)
    panel.plot(nums, rates.mean(1), label=name, **line)
    panel.plot(nums, rates, linestyle="none", markersize=5, **points)
    print(f"{name:13} {rates.mean(1).round(3)}")
panel.axhline(1 / 4, color="black", linewidth=1, label="chance")
panel.set_xscale("log", base=2)
panel.set_xticks(nums, nums)
panel.set(xlabel="training pictures", ylim=(0, 1.03))
panel.set_ylabel("accuracy on 200 new pictures")
figures.style.legend_beside(panel)
plt.show()

# %% [markdown]
# From scratch, 128 pictures and three times the steps do not get far;
# on what another network has learned, 8 pictures are a start. A point
# is one seed, a line their mean. With 8 pictures the frozen body does
# better on average; a reason may be that it has less to learn by heart.
# From 32 on, fine-tuning does: the body, too, adapts. Look at the
# points: the seed decides which pictures there are and where the head
# begins, and among 8 pictures one direction may be missing altogether.

# %% [markdown]
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
    # TODO: which column is the largest?
    #   Which name does that label stand for?
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
    # TODO: weight.transpose(...) takes the old place of each new axis,
    #   the first one first.
    ### BEGIN SOLUTION
    return (
        weight.T if weight.ndim == 2 else weight.transpose(2, 3, 1, 0)
    )
    ### END SOLUTION


check("weights for Flax", to_flax)

# %% [markdown]
# **10.4** How many bytes do all numbers of the classifier of colors
# take in its file? They are float32; the header does not count.

# %%
arrays_of_color, _ = files.load_weights(pretrained.FOLDER / "color")
for name, array in sorted(arrays_of_color.items()):
    print(f"{name:30} {array.dtype} {array.shape}")

# %%
# TODO: count the numbers; how many bytes has each?
### BEGIN SOLUTION
num_bytes = sum(4 * array.size for array in arrays_of_color.values())
### END SOLUTION

check("bytes of weights", num_bytes)

# %% [markdown]
# **10.5** In a network of torch, everything but the last layer is
# frozen with `requires_grad = False`. Then somebody calls
# `model.train()` and makes one training step. Which of these change?

# %%
print(*weights.ENTRIES, sep="\n")

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
# - To freeze is to leave out of what is differentiated, in the
#   function; it is `requires_grad = False` *and* eval mode, in the
#   object.
# - With few pictures, begin with a network that has seen many.
