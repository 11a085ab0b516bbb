# %% [markdown]
# # 8 Conformal prediction: saying how sure
#
# A network says "circle, 97%". Is it right 97 times in 100? Nobody
# promised that. Conformal prediction makes a promise: **sets** of
# labels that hold the truth as often as you ask for, whatever the
# network. All it needs is some samples that the network has not seen.
#
# You will learn
#
# - how a threshold makes sets with a promise, in three lines;
# - what is promised: on average, for samples like those before;
# - what to do for classes, for numbers, and for sequences that drift.
#
# Time: 75 minutes. Read notebook 7 first.

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
import numpy as np
import torch

import zoojax
import zoojax.conformal
import zootorch
import zootorch.conformal
from zoojax import (
    Batch,
    CNNConfig,
    MLPConfig,
    ShapesConfig,
    SinusoidsConfig,
    TrainConfig,
)
from zoojax.common import figures
from zoojax.common.teaching.exercises import check
from zoojax.common.teaching.source_view import SideBySide
from zoojax.spec.conformal import coverage_band
from zoojax.spec.quantiles import quantile_parts

# %% [markdown]
# ## A network and its probabilities

# %%
config = ShapesConfig(32, 32, 10, 28, shades=False)
names = config.class_names("shape")


def simulated(seed, num_each, config=config):
    key = jax.random.key(seed)
    made = zoojax.simulate_shapes(key, config, num_each)
    return Batch(np.asarray(made.images), np.asarray(made.shape))


train = simulated(7, num_each=80)
calibration = simulated(8, num_each=15)
test = simulated(9, num_each=40)

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
start = zoojax.init(jax.random.key(3), model, example)
settings = TrainConfig(
    seed=3, num_epochs=8, batch_size=20, learning_rate=3e-3
)
state, _ = zoojax.fit(model, start, train, config=settings)


def probabilities(batch):
    logits = zoojax.predict(model, state.variables, batch.inputs)
    return np.asarray(jax.nn.softmax(logits))


probs, test_probs = probabilities(calibration), probabilities(test)
right = test_probs.argmax(1) == test.targets
sure = test_probs.max(1) > 0.95
print(f"right: {right.mean():.1%} of {len(right)} pictures")
print(f"surer than 95%: {sure.sum()} pictures")
print(f"of these are right: {right[sure].mean():.1%}")

# %% [markdown]
# Are those right as often as they say? This network may be right more
# often, another one less. The number alone does not tell which.

# %% [markdown]
# ## Split conformal prediction, in three lines
#
# 1. Take samples that were not trained on, and give each a **score**
#    that says how badly its true label fits: here, 1 - its probability.
# 2. The threshold is the k-th smallest of the n scores, where k =
#    ceil((n + 1)(1 - alpha)).
# 3. The set of a new picture holds every label whose score is not over
#    the threshold.
#
# Why does that work? If old and new samples are exchangeable, then the
# new sample's score is equally likely to take any of the n + 1 places
# among the others. The chance that it is among the k smallest is k/(n +
# 1), which is 1 - alpha or a bit more. Nothing is asked of the network.

# %%
SideBySide(zoojax.prediction_sets, zootorch.SplitConformalClassifier)

# %%
alpha = 0.1

scores = zoojax.label_scores(zoojax.lac(probs), calibration.targets)
threshold = zoojax.calibrate(scores, alpha)
sets = np.asarray(zoojax.prediction_sets(test_probs, threshold))

predictor = zootorch.SplitConformalClassifier(alpha)
predictor.calibrate(
    torch.tensor(probs), torch.tensor(calibration.targets)
)
also = predictor.predict_sets(torch.tensor(test_probs))
print("same sets:", np.array_equal(sets, also))

held = np.asarray(zoojax.conformal.coverage(sets, test.targets))
print(f"sets that hold the truth: {held:.1%}, asked for: 90%")
sizes = sets.sum(1)
for size in range(sizes.max() + 1):
    print(f"sets of {size} labels: {np.sum(sizes == size)}")

# %% [markdown]
# (With n = 9 and alpha = 0.7, k is 3. In floating point numbers `10 *
# (1 - 0.7)` is a little over 3, and rounds up to 4. So the packages
# count with fractions.)
#
# Some pictures with a set of one label, and some with two:

# %%
mixed = np.random.default_rng(0).permutation(len(sizes))
shown = np.concatenate(
    [mixed[sizes[mixed] == size][:6] for size in (1, 2)]
)
figures.sample_sets(
    test.inputs[shown], sets[shown], test.targets[shown], names
)

# %% [markdown]
# ## Does the promise hold?
#
# For every alpha, with two scores. `lac` is 1 - probability. `aps` adds
# up the probabilities of all labels that are as likely or likelier. For
# each alpha alone, theory expects 95 of 100 draws of a calibration set
# and a test set, of these sizes, inside the band.

# %%
alphas = np.linspace(0.02, 0.4, 20)


def coverage_at(score, own, alpha):
    threshold = zoojax.calibrate(own, alpha)
    sets = zoojax.prediction_sets(test_probs, threshold, score=score)
    return zoojax.conformal.coverage(sets, test.targets)


coverages = {}
for name, score in (("lac", zoojax.lac), ("aps", zoojax.aps)):
    own = zoojax.label_scores(score(probs), calibration.targets)
    found = [coverage_at(score, own, each) for each in alphas]
    coverages[name] = np.array(found)
nums = len(calibration.targets), len(test.targets)
ends = [coverage_band(*nums, each) for each in alphas]
figures.coverage_curves(
    alphas, coverages, band=tuple(np.transpose(ends))
)

# %% [markdown]
# Both scores keep the promise. One calibration set makes all points of
# a curve, so a curve that starts on one side tends to stay there.

# %% [markdown]
# ## On average is not for each
#
# 90% of all pictures may be 99% of the triangles and 75% of the
# circles. A threshold for each class makes the promise to each class.
# The price: each threshold rests on a quarter of the samples, and so it
# is less certain.

# %%
thresholds = zoojax.conformal.calibrate_groups(
    scores, calibration.targets, alpha, num_groups=len(names)
)
by_class = zoojax.prediction_sets(test_probs, thresholds)
both = {"one threshold": sets, "one per class": np.asarray(by_class)}
print(f"{'':14} {'coverage of each class':42} labels per set")
for name, each in both.items():
    of_class = zoojax.conformal.class_coverage(each, test.targets)
    row = "  ".join(
        f"{label[:4]} {value:.0%}"
        for label, value in zip(names, of_class, strict=True)
    )
    print(f"{name:14} {row:42} {each.sum(1).mean():.2f}")

# %% [markdown]
# With one threshold, some classes get more than they were promised, and
# some less. A class that comes out a bit under 90% with a threshold of
# its own is no broken promise: 90 calibration pictures are few.

# %% [markdown]
# ## Where the promise ends
#
# "Exchangeable" is all that is asked for, and that is a lot. For shapes
# smaller than those it was calibrated with, nothing is promised:

# %%
smaller = ShapesConfig(32, 32, 6, 12, shades=False)
other = simulated(10, 20, smaller)
other_sets = zoojax.prediction_sets(probabilities(other), threshold)
found = zoojax.conformal.coverage(other_sets, other.targets)
print(f"shapes of 6 to 12 pixels: {found:.1%} held, asked for: 90%")

# %% [markdown]
# ## Numbers: intervals
#
# The same three lines make intervals, when the score is the distance
# from the prediction: all of one width. Where some predictions are less
# certain than others, the width should follow. So a network is trained
# to predict three quantiles, of 5%, 50% and 95% (the pinball loss
# punishes a lower and a higher guess unequally), and `cqr` moves both
# ends as far as the calibration samples ask for.

# %%
waves = zoojax.simulate_sinusoids(
    SinusoidsConfig(frequencies=(0.5, 1.0, 2.0), noise=0.15),
    num_each=12,
    key=jax.random.key(4),
).waves
inputs, targets = map(np.asarray, zoojax.windows(waves, 50, 1))
parts = zoojax.split_indices(
    jax.random.key(4), len(inputs), (0.6, 0.2, 0.2)
)
learn, hold, ask = (
    Batch(inputs[part], targets[part]) for part in parts
)

network = zoojax.MLP(
    MLPConfig(output_dim=3, hidden_dim=32, num_layers=1, dropout=0.0)
)
begin = zoojax.init(jax.random.key(4), network, learn.inputs[:1])
settings = TrainConfig(
    seed=4, num_epochs=12, learning_rate=3e-3, loss="pinball"
)
trained, _ = zoojax.fit(network, begin, learn, config=settings)


def quantiles(batch):
    outputs = zoojax.predict(network, trained.variables, batch.inputs)
    return quantile_parts(outputs)


cqr, absolute = zoojax.conformal.cqr, zoojax.conformal.absolute
lower, middle, upper = quantiles(hold)
cqr_scores = cqr.score(hold.targets, lower, upper)[:, 0]
absolute_scores = absolute.score(hold.targets, middle)[:, 0]

lower, middle, upper = quantiles(ask)
intervals = {
    "quantiles as they are": (lower, upper),
    "cqr": cqr.interval(
        zoojax.calibrate(cqr_scores, alpha), lower, upper
    ),
    "absolute": absolute.interval(
        zoojax.calibrate(absolute_scores, alpha), middle
    ),
}
print("                       coverage   mean width")
for name, (low, high) in intervals.items():
    inside = np.mean((ask.targets >= low) & (ask.targets <= high))
    print(f"{name:22} {inside:8.1%} {np.mean(high - low):12.2f}")

# %% [markdown]
# The quantiles alone are far too wide. Both ways of calibrating mend
# that. Here the noise is the same everywhere, so that `cqr` gains
# nothing over one width for all.

# %%
figures.interval_forecasts(
    ask.inputs[:6],
    ask.targets[:6],
    tuple(np.asarray(end)[:6] for end in intervals["cqr"]),
)

# %% [markdown]
# ## A sequence that drifts
#
# The errors double after 700 steps. From then on a fixed threshold
# misses too often. An adaptive one learns in two ways. It takes its
# quantile from the last 200 scores only. And it moves the level: `level
# = alpha + step_size * (alpha * steps - misses)`, lower with each miss,
# a little higher with each hit. As a function, this is a loop that
# hands its state on; as an object, a call of `update` after each step.

# %%
SideBySide(
    zoojax.conformal.adaptive_step,
    zootorch.conformal.AdaptiveConformalRegressor.update,
)

# %%
generator = np.random.default_rng(3)
scale = np.where(np.arange(1500) < 700, 1.0, 2.0)
errors = scale * np.abs(generator.normal(size=1500))
before = np.abs(generator.normal(size=200))

steps = zoojax.conformal.adaptive(
    errors, before, alpha=alpha, step_size=0.02
)

regressor = zootorch.conformal.AdaptiveConformalRegressor(
    alpha, step_size=0.02
)
zeros = torch.zeros(200)  # errors are distances from 0
regressor.calibrate(torch.tensor(before, dtype=torch.float32), zeros)
missed = [
    regressor.update(torch.tensor([each]), zeros[:1])
    for each in np.float32(errors)
]
print("missed:", f"{np.mean(missed):.1%}, aimed at: {alpha:.0%}")
print("same steps missed:", np.array_equal(missed, steps.error))

fixed = errors > np.asarray(zoojax.calibrate(before, alpha))
figures.adaptive_coverage(
    np.asarray(steps.error),
    np.asarray(steps.level),
    alpha=alpha,
    window=150,
    others={"fixed": fixed},
)

# %% [markdown]
# In the lower panel the level falls at once after step 700. It comes
# back when large errors have filled the window.

# %% [markdown]
# ## Exercises
#
# **8.1** Which rank k does the threshold have among `n` calibration
# scores?


# %%
def rank(n, alpha):
    # TODO: the formula above, rounded up with np.ceil and made an int:
    #   you index with it below.
    ### BEGIN SOLUTION
    return int(np.ceil((n + 1) * (1 - alpha)))
    ### END SOLUTION


check("rank", rank)

# %% [markdown]
# **8.2** Return the threshold: the k-th smallest of `scores`. Where k
# is larger than their number, return infinity: no finite threshold can
# promise that much.


# %%
def threshold_of(scores, alpha):
    # TODO: np.sort, and Python counts places from 0.
    ### BEGIN SOLUTION
    k = rank(len(scores), alpha)
    return np.inf if k > len(scores) else np.sort(scores)[k - 1]
    ### END SOLUTION


check("threshold", threshold_of)

# %% [markdown]
# **8.3** The sets, from `probs` (samples, classes): a label is in the
# set where its score, 1 - its probability, is not over the threshold.
# Return an array of True and False.


# %%
def sets_of(probs, threshold):
    # TODO: one comparison of the whole array.
    ### BEGIN SOLUTION
    return 1 - probs <= threshold
    ### END SOLUTION


check("prediction sets", sets_of)

# %% [markdown]
# **8.4** What part of the `sets` (samples, classes) holds the right
# label, as a number from 0 to 1? `labels` (samples,) are the right
# ones.


# %%
def coverage_of(sets, labels):
    # TODO: one column from each row: index with two arrays.
    ### BEGIN SOLUTION
    return sets[np.arange(len(labels)), labels].mean()
    ### END SOLUTION


check("coverage", coverage_of)

# %% [markdown]
# **8.5** Does split conformal prediction at alpha = 0.1 promise this?
# True or False.

# %%
# TODO: True or False for each.
### BEGIN SOLUTION
average = True
each_class = False
bad_network = True
other_pictures = False
### END SOLUTION
promises = {
    "90% of new samples are held, on average": average,
    "90% of each class are held": each_class,
    "it holds for a bad network too": bad_network,
    "it holds for pictures from another camera": other_pictures,
}

check("promises", promises)

# %% [markdown]
# ## What to take away
#
# - A network's probability is an opinion. A conformal set is a promise:
#   on average, for samples like those it was calibrated with.
# - The network decides how large the sets are, not whether the promise
#   holds.
# - Never calibrate with samples that were trained on.
