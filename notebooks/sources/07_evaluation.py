# %% [markdown]
# # 7 Evaluation: what a number says, and what it hides
#
# How good is a classifier? Accuracy is one answer, and often a poor
# one. We look at confusion matrices, precision and recall, ROC and
# precision-recall curves, and see a network of 98% accuracy that is of
# no use.

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
import matplotlib.pyplot as plt
import numpy as np
import torch

import zoojax
import zootorch
from zoojax import Batch, CNNConfig, ShapesConfig, TrainConfig
from zoojax.spec import figures
from zoojax.spec.exercises import check
from zoojax.spec.side_by_side import SideBySide

# %% [markdown]
# ## A classifier, and a test that is harder than its training
#
# It is trained on shapes of 12 to 28 pixels, and tested on shapes of 9
# to 16.

# %%
wide = ShapesConfig(
    image_height=32,
    image_width=32,
    min_size=12,
    max_size=28,
    shades=False,
)
small = ShapesConfig(
    image_height=32,
    image_width=32,
    min_size=9,
    max_size=16,
    shades=False,
)
names = wide.class_names("shape")

made = zoojax.simulate_shapes(jax.random.key(7), wide, num_each=100)
held_out = zoojax.simulate_shapes(jax.random.key(8), small, num_each=15)
train = Batch(np.asarray(made.images), np.asarray(made.shape))
test = Batch(np.asarray(held_out.images), np.asarray(held_out.shape))

model = zoojax.CNN(
    CNNConfig(
        num_classes=4,
        height=32,
        width=32,
        num_cnn_channels=16,
        num_cnn_layers=1,
        dropout=0.1,
        conv_activation="relu",
        head="max",
    )
)
variables = zoojax.init(
    jax.random.key(3), model, zoojax.standardise(train.inputs[:1])
)
settings = TrainConfig(
    seed=3, num_epochs=10, batch_size=20, learning_rate=3e-3
)
state, _ = zoojax.fit(model, variables, train, config=settings)

logits = zoojax.predict(model, state.variables, test.inputs)
probs = np.asarray(jax.nn.softmax(logits))
labels, predictions = test.targets, probs.argmax(1)
print(
    f"accuracy: {zoojax.accuracy(labels, predictions):.1%} of {len(labels)} pictures"
)

# %% [markdown]
# ## The confusion matrix
#
# Rows: what it was. Columns: what was said. The diagonal is right, and
# all else says *how* it is wrong. A metric as a function takes all at
# once and returns a number. As an object it counts, batch after batch,
# and computes when asked.

# %%
SideBySide(zoojax.confusion_matrix, zootorch.ConfusionMatrix)

# %%
counts = zoojax.confusion_matrix(labels, predictions, len(names))

counter = zootorch.ConfusionMatrix(len(names))
for start in range(0, len(labels), 100):
    part = slice(start, start + 100)
    counter.update(
        torch.tensor(labels[part]), torch.tensor(predictions[part])
    )
assert np.array_equal(counts, counter.compute())

figures.confusion_matrices(
    {"shapes of 9 to 16 pixels": np.asarray(counts)}, names
)

# %% [markdown]
# ## Precision and recall
#
# Of each class. **Precision**: of those called circles, which part are
# circles (a column of the matrix). **Recall**: of the circles, which
# part are called so (a row). **F1** is their harmonic mean: it is low
# when either is.

# %%
precision = zoojax.precision(labels, predictions, len(names))
recall = zoojax.recall(labels, predictions, len(names))
f1 = zoojax.f1(labels, predictions, len(names))
print("             precision  recall     F1")
for place, name in enumerate(names):
    print(
        f"{name:12} {precision[place]:9.1%} {recall[place]:7.1%} {f1[place]:6.1%}"
    )
macro = zoojax.f1(labels, predictions, len(names), average="macro")
print(f"F1, mean of the classes (macro): {macro:.1%}")

# %% [markdown]
# ## Curves: every threshold at once
#
# A class is called when its score is over a threshold, and the
# threshold is ours to choose. An ROC curve shows, for all of them,
# which part of the class is found against which part of the others is
# taken for it. A precision-recall curve shows how pure the catch is.

# %%
of_class = {
    name: (labels == place).astype(int)
    for place, name in enumerate(names)
}
roc = {
    name: zoojax.roc_curve(ones, probs[:, i])[:2]
    for i, (name, ones) in enumerate(of_class.items())
}
areas = dict(
    zip(
        names,
        map(float, zoojax.roc_auc(labels, probs, average=None)),
        strict=True,
    )
)
figures.roc_curves(
    {name: tuple(map(np.asarray, each)) for name, each in roc.items()},
    areas,
)

# %%
curves = {
    name: zoojax.precision_recall_curve(ones, probs[:, i])[:2]
    for i, (name, ones) in enumerate(of_class.items())
}
averages = zoojax.average_precision(labels, probs, average=None)
figures.precision_recall_curves(
    {
        name: tuple(map(np.asarray, each))
        for name, each in curves.items()
    },
    dict(zip(names, map(float, averages), strict=True)),
)

# %% [markdown]
# The area under the ROC curve is a chance: that a picture of the class
# has a higher score than one of another class. Count all pairs, a tie
# as half, and it comes out:

# %%
ones, zeros = probs[labels == 0, 0], probs[labels != 0, 0]
pairs = (ones[:, None] > zeros).mean() + 0.5 * (
    ones[:, None] == zeros
).mean()
print(f"of all pairs: {pairs:.6f}, area: {areas[names[0]]:.6f}")
assert abs(pairs - areas[names[0]]) < 1e-6

# %% [markdown]
# ## When accuracy misleads
#
# Something rare: 2% of 5,000 samples. One "classifier" always says no.
# Another has scores that are a bit higher for the rare ones.

# %%
generator = np.random.default_rng(2)
rare = (generator.random(5000) < 0.02).astype(int)
always_no = np.zeros(5000, int)
scores = generator.normal(size=5000) + 1.8 * rare

print("                     accuracy  recall")
for name, said in (
    ("always no", always_no),
    ("score over 1.0", (scores > 1).astype(int)),
):
    recall_of_rare = zoojax.recall(rare, said, 2)[1]
    print(
        f"{name:20} {zoojax.accuracy(rare, said):9.1%} {recall_of_rare:7.1%}"
    )

# %% [markdown]
# By accuracy the useless one wins. And a good ROC curve is not enough
# either: of the 98% that are not rare, even a small part is many. The
# precision-recall curve shows it.

# %%
area, average = (
    float(zoojax.roc_auc(rare, scores)),
    float(zoojax.average_precision(rare, scores)),
)
false, true, _ = map(np.asarray, zoojax.roc_curve(rare, scores))
purity, found, _ = map(
    np.asarray, zoojax.precision_recall_curve(rare, scores)
)
figure, (left, right) = plt.subplots(
    1, 2, figsize=(8, 3.6), layout="constrained"
)
left.plot(false, true, label=f"AUC {area:.2f}")
left.plot((0, 1), (0, 1), color="black", linestyle=":", label="chance")
left.set(xlabel="false positive rate", ylabel="true positive rate")
right.plot(
    found,
    purity,
    drawstyle="steps-post",
    label=f"average precision {average:.2f}",
)
right.axhline(rare.mean(), color="black", linestyle=":", label="chance")
right.set(xlabel="recall", ylabel="precision")
for panel in (left, right):
    panel.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    panel.legend()
plt.show()

# %% [markdown]
# ## Numbers: R² and correlation are not the same
#
# Three predictors of one target. Pearson's r asks whether the points
# are on *a* line, R² whether they are on *the* line where both are
# equal.

# %%
truth = generator.normal(size=400)
guesses = {
    "with noise": truth + 0.4 * generator.normal(size=400),
    "half too small": 0.5 * truth,
    "1 too high": truth + 1,
}
for name, guess in guesses.items():
    r, r2 = zoojax.pearson_r(truth, guess), zoojax.r2(truth, guess)
    print(
        f"{name:15} Pearson's r {r:6.3f}   R² {r2:6.3f}   mean error {zoojax.mae(truth, guess):.3f}"
    )

# %% [markdown]
# ## A test set is a draw
#
# Would another test set give the same accuracy? We can simulate some,
# of several sizes.

# %%
drawn = zoojax.simulate_shapes(jax.random.key(9), small, num_each=150)
right_ones = np.asarray(
    zoojax.predict(
        model, state.variables, np.asarray(drawn.images)
    ).argmax(1)
    == drawn.shape
)
order = np.random.default_rng(0).permutation(len(right_ones))
figure, panel = plt.subplots(figsize=(7, 2.8), layout="constrained")
for place, size in enumerate((30, 100, 300)):
    accuracies = (
        right_ones[order][: 3600 // size * size]
        .reshape(-1, size)[:12]
        .mean(1)
    )
    panel.plot(
        [place] * len(accuracies),
        accuracies,
        "o",
        alpha=0.6,
        color="tab:blue",
    )
panel.axhline(
    right_ones.mean(),
    color="black",
    linestyle="--",
    label="all 3,600 pictures",
)
panel.set_xticks(range(3), ["30 pictures", "100", "300"])
panel.set(ylabel="accuracy of a test set", xlim=(-0.5, 2.5))
figures.style.legend_beside(panel)
plt.show()

# %% [markdown]
# The spread is about the square root of a(1 - a)/n. Say how large the
# test set was.

# %% [markdown]
# ## Exercises
#
# **7.1** Count the confusion matrix: `labels` and `predictions`
# (samples,) are integers from 0 to `num` - 1. Rows are true classes,
# columns predicted ones.


# %%
def confusion(labels, predictions, num):
    # TODO: zeros of (num, num), and a loop that adds 1 to a cell.
    ### BEGIN SOLUTION
    counts = np.zeros((num, num), int)
    for label, prediction in zip(labels, predictions, strict=True):
        counts[label, prediction] += 1
    return counts
    ### END SOLUTION


check("confusion matrix", confusion)

# %% [markdown]
# **7.2** From such a matrix, return precision and recall of each class,
# as a pair of arrays.


# %%
def precision_and_recall(counts):
    # TODO: the diagonal is right. What is summed: rows or columns?
    ### BEGIN SOLUTION
    right = np.diag(counts)
    return right / counts.sum(0), right / counts.sum(1)
    ### END SOLUTION


check("precision and recall", precision_and_recall)

# %% [markdown]
# **7.3** F1 of a class, from its precision and recall.


# %%
def f1_of(precision, recall):
    # TODO: the harmonic mean: the inverse of the mean of the inverses.
    ### BEGIN SOLUTION
    return 2 * precision * recall / (precision + recall)
    ### END SOLUTION


check("F1", f1_of)

# %% [markdown]
# **7.4** The area under the ROC curve by pairs: `ones` are scores of
# the class, `zeros` those of the others. A tie counts as half.


# %%
def area_by_pairs(ones, zeros):
    # TODO: ones[:, None] > zeros compares all pairs at once.
    ### BEGIN SOLUTION
    above = (ones[:, None] > zeros).mean()
    return above + 0.5 * (ones[:, None] == zeros).mean()
    ### END SOLUTION


check("area by pairs", area_by_pairs)

# %% [markdown]
# **7.5** Which number would you look at first? One of "accuracy",
# "precision", "recall", "R²".

# %%
# TODO: a word for each.
### BEGIN SOLUTION
mines, mail, balanced, price = "recall", "precision", "accuracy", "R²"
### END SOLUTION
choices = {
    "no mine may be overlooked": mines,
    "no good mail may be thrown away as spam": mail,
    "ten classes, equally many of each, all mistakes cost the same": balanced,
    "the price of a house": price,
}

check("which metric", choices)

# %% [markdown]
# ## What to take away
#
# - Look at the confusion matrix before any single number.
# - With rare classes, accuracy and even ROC look good for free: use
#   precision and recall.
# - A metric is a function of all samples; where it is an object, it has
#   to be filled with all of them, and emptied before the next use.
