# %% [markdown]
# # 8 Conformal prediction: saying how sure
#
# A network says "circle, 97%". Is it right 97 times in 100? Nobody has
# promised that. Conformal prediction makes a promise: **sets** of
# labels that hold the truth with the chance that you ask for, whatever
# the network. All it needs is a few samples that the network has not
# seen.

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
import numpy as np
import torch

import zoojax
import zoojax.conformal
import zootorch
from zoojax import (
    Batch,
    CNNConfig,
    MLPConfig,
    ShapesConfig,
    SinusoidsConfig,
    TrainConfig,
)
from zoojax.spec import figures
from zoojax.spec.conformal import coverage_band
from zoojax.spec.exercises import check
from zoojax.spec.quantiles import quantile_parts
from zoojax.spec.side_by_side import SideBySide

# %% [markdown]
# ## A network and its probabilities

# %%
config = ShapesConfig(
    image_height=32,
    image_width=32,
    min_size=10,
    max_size=28,
    shades=False,
)
names = config.class_names("shape")


def simulated(seed, num_each, config=config):
    made = zoojax.simulate_shapes(
        jax.random.key(seed), config, num_each
    )
    return Batch(np.asarray(made.images), np.asarray(made.shape))


train, calibration, test = (
    simulated(7, 100),
    simulated(8, 15),
    simulated(9, 40),
)
blocks = {
    "num_cnn_channels": 16,
    "num_cnn_layers": 1,
    "conv_activation": "relu",
    "head": "max",
}
model = zoojax.CNN(
    CNNConfig(num_classes=4, height=32, width=32, dropout=0.1, **blocks)
)
start = zoojax.init(
    jax.random.key(3), model, zoojax.standardise(train.inputs[:1])
)
settings = TrainConfig(
    seed=3, num_epochs=8, batch_size=20, learning_rate=3e-3
)
state, _ = zoojax.fit(model, start, train, config=settings)


def probabilities(batch):
    return np.asarray(
        jax.nn.softmax(
            zoojax.predict(model, state.variables, batch.inputs)
        )
    )


probs, test_probs = probabilities(calibration), probabilities(test)
sure = test_probs.max(1) > 0.95
right = test_probs.argmax(1) == test.targets
print(f"right: {right.mean():.1%} of {len(right)}")
print(
    f"where it says more than 95%: {right[sure].mean():.1%} of {sure.sum()}"
)

# %% [markdown]
# ## Split conformal prediction, in three lines
#
# 1. Take samples that were not trained on, and a **score** of how badly
#    each true label fits: here 1 - its probability.
# 2. The threshold is the k-th smallest score, k = ceil((n + 1)(1 -
#    alpha)).
# 3. The set of a new picture holds all labels whose score is not over
#    the threshold.
#
# If old and new samples are exchangeable, the new one's score is
# equally likely to take any place among the others: so it is among the
# k smallest with a chance of k/(n + 1), which is 1 - alpha or a bit
# more. Nothing is asked of the network.

# %%
SideBySide(
    zoojax.conformal.calibrate, zootorch.SplitConformalClassifier
)

# %%
alpha = 0.1

scores = zoojax.label_scores(zoojax.lac(probs), calibration.targets)
threshold = zoojax.calibrate(scores, alpha)
sets = zoojax.prediction_sets(test_probs, threshold)

predictor = zootorch.SplitConformalClassifier(alpha)
predictor.calibrate(
    torch.tensor(probs), torch.tensor(calibration.targets)
)
assert np.array_equal(
    sets, predictor.predict_sets(torch.tensor(test_probs))
)

held = np.asarray(zoojax.conformal.coverage(sets, test.targets))
print(
    f"sets that hold the truth: {held:.1%} (asked for: {1 - alpha:.0%})"
)
print(
    "sets with 0, 1, 2, ... labels:",
    zoojax.conformal.set_size_counts(sets),
)

# %%
sizes = np.asarray(sets).sum(1)
shown = np.concatenate(
    [np.flatnonzero(sizes == size)[:6] for size in (1, 2)]
)
figures.sample_sets(
    test.inputs[shown],
    np.asarray(sets)[shown],
    test.targets[shown],
    names,
)

# %% [markdown]
# Where it is sure, the set is small; where it is not, the set says so.

# %% [markdown]
# ## Does the promise hold?
#
# For every alpha, with two scores: `lac` is 1 - probability, `aps` adds
# up the probabilities of all labels that are as likely or likelier, and
# so asks for more labels where they are close together. The band is
# where theory puts 95 of 100 test sets of this size.

# %%
alphas = np.linspace(0.02, 0.4, 20)
coverages = {}
for name, score in (("lac", zoojax.lac), ("aps", zoojax.aps)):
    own = zoojax.label_scores(score(probs), calibration.targets)
    coverages[name] = np.array(
        [
            zoojax.conformal.coverage(
                zoojax.prediction_sets(
                    test_probs, zoojax.calibrate(own, each), score=score
                ),
                test.targets,
            )
            for each in alphas
        ]
    )
ends = [
    coverage_band(len(calibration.targets), len(test.targets), each)
    for each in alphas
]
figures.coverage_curves(
    alphas, coverages, band=tuple(np.transpose(ends))
)

# %% [markdown]
# ## On average is not for each
#
# 90% of all may be 99% of the triangles and 75% of the circles. A
# threshold for each class makes the promise to each of them, and costs
# labels.

# %%
thresholds = zoojax.conformal.calibrate_groups(
    scores, calibration.targets, alpha, num_groups=len(names)
)
for_each = zoojax.prediction_sets(test_probs, thresholds)
print("coverage of   one threshold   one a class")
by_class = [
    zoojax.conformal.class_coverage(each, test.targets)
    for each in (sets, for_each)
]
for name, one, own in zip(names, *by_class, strict=True):
    print(f"{name:12} {one:14.1%} {own:13.1%}")
mean_sizes = [
    zoojax.conformal.mean_set_size(each) for each in (sets, for_each)
]
print(f"labels a set {mean_sizes[0]:14.2f} {mean_sizes[1]:13.2f}")

# %% [markdown]
# ## Where the promise ends
#
# "Exchangeable" is all it asks for, and that is a lot. On shapes
# smaller than those that it was calibrated with, nothing is promised
# any more:

# %%
small = ShapesConfig(
    image_height=32,
    image_width=32,
    min_size=6,
    max_size=12,
    shades=False,
)
other = simulated(10, 20, small)
missed = zoojax.prediction_sets(probabilities(other), threshold)
found = zoojax.conformal.coverage(missed, other.targets)
print(
    f"coverage of shapes of 6 to 12 pixels: {found:.1%} (asked for: 90%)"
)

# %% [markdown]
# ## Numbers: intervals
#
# The same three lines, with the distance from the prediction as the
# score. A network trained with the pinball loss says a lower, a middle
# and an upper quantile; `cqr` moves both ends as far as calibration
# asks for.

# %%
waves = zoojax.simulate_sinusoids(
    SinusoidsConfig(frequencies=(0.5, 1.0, 2.0), noise=0.15),
    num_each=12,
    key=jax.random.key(4),
)
inputs, targets = map(np.asarray, zoojax.windows(waves.waves, 50, 1))
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
of_quantiles = TrainConfig(
    seed=4, num_epochs=12, learning_rate=3e-3, loss="pinball"
)
trained, _ = zoojax.fit(network, begin, learn, config=of_quantiles)


def quantiles(batch):
    return quantile_parts(
        zoojax.predict(network, trained.variables, batch.inputs)
    )


lower, middle, upper = quantiles(hold)
new_lower, new_middle, new_upper = quantiles(ask)

cqr, absolute = zoojax.conformal.cqr, zoojax.conformal.absolute
intervals = {
    "quantiles as they are": (new_lower, new_upper),
    "cqr": cqr.interval(
        zoojax.calibrate(
            cqr.score(hold.targets, lower, upper)[:, 0], alpha
        ),
        new_lower,
        new_upper,
    ),
    "absolute": absolute.interval(
        zoojax.calibrate(
            absolute.score(hold.targets, middle)[:, 0], alpha
        ),
        new_middle,
    ),
}
for name, (low, high) in intervals.items():
    inside = np.mean((ask.targets >= low) & (ask.targets <= high))
    print(
        f"{name:22} coverage {inside:.1%}, mean width {np.mean(high - low):.2f}"
    )

# %%
shown = slice(0, 6)
figures.interval_forecasts(
    ask.inputs[shown],
    ask.targets[shown],
    tuple(np.asarray(end)[shown] for end in intervals["cqr"]),
)

# %% [markdown]
# ## A sequence that drifts
#
# Errors double halfway. A fixed threshold misses too often from then
# on; an adaptive one becomes more careful with each miss, and less with
# each hit. As a function it is a scan over a state; as an object,
# `update` after each step.

# %%
generator = np.random.default_rng(3)
errors = np.abs(generator.normal(size=1500)) * np.where(
    np.arange(1500) < 700, 1.0, 2.0
)
before = np.abs(generator.normal(size=200))
steps = zoojax.conformal.adaptive(
    errors, before, alpha=alpha, step_size=0.02
)
fixed = errors > np.asarray(zoojax.calibrate(before, alpha))
figures.adaptive_coverage(
    np.asarray(steps.error),
    np.asarray(steps.level),
    alpha=alpha,
    window=150,
    others={"fixed": fixed},
)

# %% [markdown]
# ## Exercises
#
# **8.1** Which rank k has the threshold among `n` calibration scores?


# %%
def rank(n, alpha):
    # TODO: the formula above, as an integer; np.ceil rounds up.
    ### BEGIN SOLUTION
    return int(np.ceil((n + 1) * (1 - alpha)))
    ### END SOLUTION


check("rank", rank)

# %% [markdown]
# **8.2** Return the threshold: the k-th smallest of `scores`, and
# infinity where k is over their number: then no finite threshold can
# promise that much.


# %%
def threshold_of(scores, alpha):
    # TODO: np.sort, and count places from 0.
    ### BEGIN SOLUTION
    k = rank(len(scores), alpha)
    return np.inf if k > len(scores) else np.sort(scores)[k - 1]
    ### END SOLUTION


check("threshold", threshold_of)

# %% [markdown]
# **8.3** The sets: `probs` (samples, classes). A label is in the set
# where its score, 1 - its probability, is not over the threshold.
# Return an array of True and False.


# %%
def sets_of(probs, threshold):
    # TODO: one comparison of the whole array.
    ### BEGIN SOLUTION
    return 1 - probs <= threshold
    ### END SOLUTION


check("prediction sets", sets_of)

# %% [markdown]
# **8.4** Which part of the `sets` (samples, classes) holds its label?
# `labels` are (samples,).


# %%
def coverage_of(sets, labels):
    # TODO: sets[np.arange(n), labels] picks one column from each row.
    ### BEGIN SOLUTION
    return sets[np.arange(len(labels)), labels].mean()
    ### END SOLUTION


check("coverage", coverage_of)

# %% [markdown]
# **8.5** Are these promises made by split conformal prediction at alpha
# = 0.1? True or False.

# %%
# TODO: True or False for each.
### BEGIN SOLUTION
average, each_class, bad_network, other_pictures = (
    True,
    False,
    True,
    False,
)
### END SOLUTION
promises = {
    "90% of new samples are held, on average": average,
    "90% of each class are held": each_class,
    "it holds for a bad network too, with larger sets": bad_network,
    "it holds for pictures from another camera": other_pictures,
}

check("promises", promises)

# %% [markdown]
# ## What to take away
#
# - A probability of a network is an opinion; a conformal set is a
#   promise, on average, for samples like those it was calibrated with.
# - The network decides how large the sets are, not whether the promise
#   holds.
# - Never calibrate with samples that were trained on.
