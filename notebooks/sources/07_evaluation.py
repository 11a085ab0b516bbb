# %% [markdown]
# # 7 Evaluation: what a number says, and what it hides
#
# How good is a classifier? Accuracy is one answer, and often a poor
# one. We look at confusion matrices, precision and recall, ROC and
# precision-recall curves, and meet a classifier with an accuracy of 98%
# that is of no use.
#
# You will learn
#
# - to read a confusion matrix, precision, recall and F1;
# - what the two kinds of curves show, and what their areas mean;
# - when accuracy misleads, and how sure a test makes you;
# - how a metric is written as a function, and as an object.
#
# Time: 60 minutes. Read notebook 6 first.

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
import matplotlib.pyplot as plt
import numpy as np
import torch

import zoojax
import zootorch
from zoojax import Batch, CNNConfig, ShapesConfig, TrainConfig
from zoojax.common import figures
from zoojax.common.teaching.exercises import check
from zoojax.common.teaching.source_view import SideBySide

# %% [markdown]
# ## A classifier, and a test that is harder than its training
#
# The classifier is trained on shapes of 12 to 28 pixels, and tested on
# shapes of 9 to 16.

# %%
wide = ShapesConfig(32, 32, 12, 28, shades=False)
small = ShapesConfig(32, 32, 9, 16, shades=False)
names = wide.class_names("shape")


def simulated(seed, config, num_each):
    key = jax.random.key(seed)
    made = zoojax.simulate_shapes(key, config, num_each)
    return Batch(np.asarray(made.images), np.asarray(made.shape))


train = simulated(7, wide, num_each=80)
test = simulated(8, small, num_each=15)
architecture = CNNConfig(
    num_classes=4,
    height=32,
    width=32,
    num_cnn_channels=16,
    num_cnn_layers=1,
    conv_activation="relu",
    head="max",
    dropout=0.1,
)
model = zoojax.CNN(architecture)
example = zoojax.standardise(train.inputs[:1])
variables = zoojax.init(jax.random.key(3), model, example)
settings = TrainConfig(
    seed=3, num_epochs=10, batch_size=20, learning_rate=3e-3
)
state, _ = zoojax.fit(model, variables, train, config=settings)

logits = zoojax.predict(model, state.variables, test.inputs)
probs = np.asarray(jax.nn.softmax(logits))
labels, predictions = test.targets, probs.argmax(1)
accuracy = zoojax.accuracy(labels, predictions)
print(f"accuracy: {accuracy:.1%} of {len(labels)} pictures")

# %% [markdown]
# ## The confusion matrix
#
# Rows: what a picture was. Columns: what it was called. The diagonal is
# right, and all else says *how* it is wrong. As a function, a metric is
# given all samples at once and returns the result. As an object it
# counts batch after batch, and computes when it is asked.

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
# Each class has its own. **Precision**: what fraction of all that were
# called circles are circles? That is a column of the matrix.
# **Recall**: what fraction of all circles were called so? That is a
# row. **F1** is their harmonic mean, which is low when either is low.

# %%
num = len(names)
precision = zoojax.precision(labels, predictions, num)
recall = zoojax.recall(labels, predictions, num)
f1 = zoojax.f1(labels, predictions, num)
print("             precision  recall     F1")
for name, *each in zip(names, precision, recall, f1, strict=True):
    print("{:12} {:9.1%} {:7.1%} {:6.1%}".format(name, *each))
macro = zoojax.f1(labels, predictions, num, average="macro")
micro = zoojax.f1(labels, predictions, num, average="micro")
print(f"macro, the mean of the classes: F1 {macro:.1%}")
print(f"micro, of all samples at once:  F1 {micro:.1%}")

# %% [markdown]
# Look for a class with a high recall and a low precision: it is found
# nearly always, and much that is called so is something else. Its
# column of the matrix says what.
#
# With one label a sample, micro F1 is the accuracy. Macro counts every
# class alike, however rare it is. Here each class has 90 pictures, and
# the two come out nearly the same; where a class is rare they part.

# %% [markdown]
# ## Curves: every threshold at once
#
# A class is called when its score is over a threshold, and the
# threshold is ours to choose. For every threshold, an ROC curve shows
# what fraction of the class is found, against what fraction of the
# others is taken for it. A precision-recall curve shows precision
# against recall: how pure the catch is. Each class is set against the
# rest.

# %%
roc, catch = {}, {}
for place, name in enumerate(names):
    ones = (labels == place).astype(int)
    false, true, _ = zoojax.roc_curve(ones, probs[:, place])
    roc[name] = np.asarray(false), np.asarray(true)
    pure, found, _ = zoojax.precision_recall_curve(
        ones, probs[:, place]
    )
    catch[name] = np.asarray(pure), np.asarray(found)
areas = map(float, zoojax.roc_auc(labels, probs, average=None))
areas = dict(zip(names, areas, strict=True))
figures.roc_curves(roc, areas)

# %%
means = map(
    float, zoojax.average_precision(labels, probs, average=None)
)
figures.precision_recall_curves(
    catch, dict(zip(names, means, strict=True))
)

# %% [markdown]
# AUC is the area under an ROC curve; AP (average precision) is that
# under a precision-recall curve: the mean precision, over all recalls.
# By chance AUC is 0.5, and AP is the share of the class, here a
# quarter. Compare two classes: one can have a larger AUC than another,
# and a smaller AP, when all of it is found, but many others are taken
# for it.
#
# AUC is also a chance: that a picture of the class has a higher score
# than a picture of another class. Draw a hundred thousand such pairs,
# and count. (Exercise 7.4 takes all pairs.)

# %%
pick = np.random.default_rng(1)
circles = pick.choice(probs[labels == 0, 0], 100_000)
others = pick.choice(probs[labels != 0, 0], 100_000)
higher = (circles > others).mean()
area = areas[names[0]]
print(f"part of the pairs: {higher:.3f}, area: {area:.3f}")
assert abs(higher - area) < 0.01

# %% [markdown]
# ## When accuracy misleads
#
# Something rare: 2% of 5,000 samples. One "classifier" always says no.
# Another one has scores that are somewhat higher for the rare ones.

# %%
generator = np.random.default_rng(2)
rare = (generator.random(5000) < 0.02).astype(int)
scores = generator.normal(size=5000) + 1.8 * rare
said = {
    "always no": np.zeros(5000, int),
    "score over 1.0": (scores > 1).astype(int),
}
print("               accuracy  recall")
for name, each in said.items():
    accuracy = zoojax.accuracy(rare, each)
    recall = zoojax.recall(rare, each, 2)[1]
    print(f"{name:14} {accuracy:8.1%} {recall:7.1%}")

called = said["score over 1.0"]
precision = zoojax.precision(rare, called, 2)[1]
print(f"of {called.sum()} called rare, {precision:.1%} are")
print(
    f"of the common ones, {called[rare == 0].mean():.1%} are called so"
)

# %% [markdown]
# By accuracy the useless one wins. But the other one is no good either,
# at this threshold: it takes 16% of the common ones for rare. That
# sounds like little, and is ten times as many as the rare ones that it
# finds. An ROC curve shows the 16%. A precision-recall curve shows the
# false alarms.

# %%
area = float(zoojax.roc_auc(rare, scores))
mean = float(zoojax.average_precision(rare, scores))
false, true, _ = zoojax.roc_curve(rare, scores)
pure, found, _ = zoojax.precision_recall_curve(rare, scores)

figure, (left, right) = plt.subplots(
    1, 2, figsize=(8, 3.6), layout="constrained"
)
left.plot(false, true, label=f"area {area:.2f}")
left.plot((0, 1), (0, 1), color="black", linestyle=":", label="chance")
left.set(xlabel="false positive rate", ylabel="true positive rate")
steps = {"drawstyle": "steps-post"}
right.plot(found, pure, label=f"average precision {mean:.2f}", **steps)
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
# are on *a* straight line; R² asks whether they are on *the* line where
# prediction and truth are equal.

# %%
generator = np.random.default_rng(3)
truth = generator.normal(size=400)
guesses = {
    "with noise": truth + 0.4 * generator.normal(size=400),
    "half as large": 0.5 * truth,
    "1 too high": truth + 1,
}
print("               Pearson's r      R²   mean absolute error")
for name, guess in guesses.items():
    r, r2 = zoojax.pearson_r(truth, guess), zoojax.r2(truth, guess)
    error = zoojax.mae(truth, guess)
    print(f"{name:14} {r:11.3f} {r2:7.3f} {error:21.3f}")

# %% [markdown]
# R² is 1 for a perfect prediction, and 0 for one that always says the
# mean; below 0 it is worse than that. A correlation of 1 allows any
# rising line: half as large, or 1 too high.

# %% [markdown]
# ## A test set is a draw
#
# Would another test set give the same accuracy? We can simulate some,
# of three sizes.

# %%
drawn = simulated(9, small, num_each=150)
logits = zoojax.predict(model, state.variables, drawn.inputs)
right = np.asarray(logits).argmax(1) == drawn.targets
right = np.random.default_rng(0).permutation(right)

figure, panel = plt.subplots(figsize=(7, 2.6), layout="constrained")
for place, size in enumerate((30, 100, 300)):
    rates = right[: 12 * size].reshape(12, size).mean(1)
    where = np.full(12, place)
    panel.plot(where, rates, "o", alpha=0.6, color=figures.style.BLUE)
whole = {"linestyle": "--", "label": "all 3,600 pictures"}
panel.axhline(right.mean(), color="black", **whole)
panel.set_xticks(range(3), ["30", "100", "300"])
panel.set(xlabel="pictures in the test set", xlim=(-0.5, 2.5))
panel.set_ylabel("accuracy")
figures.style.legend_beside(panel)
plt.show()

# %% [markdown]
# If test sets are drawn again and again, the standard deviation of an
# accuracy $a$ of $n$ pictures is about $\sqrt{a(1 - a)/n}$. For an
# accuracy of 72% of 360 pictures that is 2.4%: 68% or 77% would be no
# surprise. Say how large the test set was.
#
# On the command line, `zoo evaluate --folder run` does all of this,
# with the figures, for a run that `zoo train --out run` has saved.

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
# **7.2** From such a matrix, return the precision and the recall of
# each class, as a pair of arrays (classes,): precision first.


# %%
def precision_and_recall(counts):
    # TODO: the diagonal is right. What is summed: rows or columns?
    ### BEGIN SOLUTION
    right = np.diag(counts)
    return right / counts.sum(0), right / counts.sum(1)
    ### END SOLUTION


check("precision and recall", precision_and_recall)

# %% [markdown]
# **7.3** From the precision and the recall of a class, return its F1.


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
# **7.5** Which number would you look at first? One of `"accuracy"`,
# `"precision"`, `"recall"`, `"R²"` (`"R2"` will do as well).

# %%
# TODO: a word for each.
### BEGIN SOLUTION
mines = "recall"
mail = "precision"
balanced = "accuracy"
price = "R²"
### END SOLUTION
choices = {
    "no mine may be overlooked": mines,
    "no good mail may be thrown away as spam": mail,
    "ten classes of one size, all mistakes cost the same": balanced,
    "the price of a house": price,
}

check("which metric", choices)

# %% [markdown]
# ## What to take away
#
# - Look at the confusion matrix before any single number.
# - Where a class is rare, accuracy is high for free, and an ROC curve
#   hides how many false alarms there are: look at precision and recall.
# - As a function, a metric is given all samples. As an object it has to
#   be filled with all of them, and a new one made for the next test.
