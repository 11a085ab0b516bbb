"""The workshop's benchmark: its recipes, and what several seeds come to, by hand."""

import json
import math

import numpy as np
import pytest
import torch

import zootorch
from parity_tests.helpers.builders import check_refused
from zoojax.common.shape_benchmark import (
    NUM_TEST_EACH,
    RECIPES,
    TEST,
    TRAINING,
    seed_of_test,
    summarise,
    table,
)
from zoojax.metrics.reports import classifier_scores
from zoojax.spec.config import ShapesConfig
from zootorch.metrics.reports import ClassifierScores

ALL = [(name, target) for name, recipes in RECIPES.items() for target in recipes]
MEGABYTE = 1e6


def test_the_data_are_the_workshops():
    both = {"image_height": 224, "image_width": 224, "magnitude": 50, "shades": True}
    assert ShapesConfig(min_size=20, max_size=100, **both) == TRAINING
    assert ShapesConfig(min_size=10, max_size=50, **both) == TEST
    assert NUM_TEST_EACH * TEST.num_combinations == 640
    for recipe in RECIPES["workshop"].values():
        assert recipe.num_each * TRAINING.num_combinations == 64_000
        assert recipe.train.optimizer == "adam"
        assert recipe.shrink is None


def test_no_test_pictures_are_those_of_a_training():
    seeds = range(100)
    assert not {seed_of_test(seed) for seed in seeds} & set(seeds)


def count(model):
    return sum(parameter.numel() for parameter in model.parameters())


def test_the_workshops_model_has_its_22852_parameters():
    config = RECIPES["workshop"]["shape"].model_of(testing=True)
    assert count(zootorch.CNN(config)) == 22_852


@pytest.mark.parametrize(("name", "target"), ALL)
def test_a_model_trained_on_small_pictures_takes_those_of_the_test(name, target):
    recipe = RECIPES[name][target]
    trained, tested = (recipe.model_of(testing=testing) for testing in (False, True))
    assert (tested.height, tested.width) == (TEST.image_height, TEST.image_width)
    assert tested.num_classes == len(TEST.class_names(target))
    pictures = recipe.shrink or TRAINING
    assert (trained.height, trained.width) == (pictures.image_height, pictures.image_width)
    small, large = zootorch.CNN(trained), zootorch.CNN(tested)
    large.load_state_dict(small.state_dict())
    # Its weights are published, each file in under 2 MB.
    assert 4 * sum(each.numel() for each in small.state_dict().values()) < 2 * MEGABYTE


@pytest.mark.parametrize(("name", "target"), ALL)
def test_what_is_shrunk_are_training_pictures(name, target):
    shrink = RECIPES[name][target].shrink
    if shrink is not None:
        assert shrink.max_height <= TRAINING.image_height
        # The smallest test shapes occur, in pixels of the shrunk pictures.
        smallest = TRAINING.min_size * shrink.min_height / TRAINING.image_height
        assert smallest < TEST.min_size


# Of class b one picture is taken for c, and with the second seed none.
LABELS = np.array([0, 0, 1, 1, 2, 2, 2, 2])
RIGHT = np.eye(3)[LABELS]
ONE_WRONG = RIGHT.copy()
ONE_WRONG[3] = (0.0, 0.25, 0.75)
NAMES = ("a", "b", "c")


def jax_scores(labels, probs):
    return classifier_scores(labels, probs)


def torch_scores(labels, probs):
    scores = ClassifierScores(probs.shape[1])
    scores.update(torch.from_numpy(labels), torch.from_numpy(probs))
    return scores.compute()


BACKENDS = pytest.mark.parametrize(
    "scores_of", [jax_scores, torch_scores], ids=["zoojax", "zootorch"]
)


@BACKENDS
def test_a_summary_is_mean_and_spread_of_the_seeds(scores_of):
    summary = summarise([scores_of(LABELS, probs) for probs in (ONE_WRONG, RIGHT)], NAMES)
    # 7 and 8 of 8 right; of two numbers the deviation is their distance over sqrt(2).
    half = math.sqrt(0.5)
    expected = {
        "accuracy": (7 / 8, 1),
        # Each b, each c still scores higher than all others.
        "macro ROC AUC": (1, 1),
        "precision of a": (1, 1),
        "precision of b": (1, 1),
        "precision of c": (4 / 5, 1),
        "recall of a": (1, 1),
        "recall of b": (1 / 2, 1),
        "recall of c": (1, 1),
    }
    assert list(summary) == list(expected)
    for name, (first, second) in expected.items():
        figure = summary[name]
        assert figure["values"] == [first, second], name
        assert figure["mean"] == pytest.approx((first + second) / 2, abs=1e-15)
        assert figure["deviation"] == pytest.approx((second - first) * half, abs=1e-15)
    assert json.loads(json.dumps(summary)) == summary


def test_a_class_never_predicted_has_no_precision():
    never = {
        "accuracy": 0.5,
        "roc_auc": {"macro": 0.5},
        "precision": {"each": [0.5, math.nan]},
        "recall": {"each": [1.0, 0.0]},
    }
    summary = summarise([never, never], ("a", "b"))
    assert math.isnan(summary["precision of b"]["mean"])
    assert "nan" in table({"one": summary}).splitlines()[5]


TABLE = """\
| %, mean ± standard deviation | first         | second seeds  |
| ---------------------------- | ------------- | ------------- |
| accuracy                     | 93.75 ± 8.84  | 100.00 ± 0.00 |
| macro ROC AUC                | 100.00 ± 0.00 | 100.00 ± 0.00 |
| precision of a               | 100.00 ± 0.00 | 100.00 ± 0.00 |
| precision of b               | 100.00 ± 0.00 | 100.00 ± 0.00 |
| precision of c               | 90.00 ± 14.14 | 100.00 ± 0.00 |
| recall of a                  | 100.00 ± 0.00 | 100.00 ± 0.00 |
| recall of b                  | 75.00 ± 35.36 | 100.00 ± 0.00 |
| recall of c                  | 100.00 ± 0.00 | 100.00 ± 0.00 |
"""


def test_a_table_is_written_by_hand():
    first, second = (jax_scores(LABELS, probs) for probs in (ONE_WRONG, RIGHT))
    columns = {
        "first": summarise([first, second], NAMES),
        "second seeds": summarise([second, second], NAMES),
    }
    assert table(columns) == TABLE


def test_too_few_seeds_and_other_classes_are_refused():
    right = jax_scores(LABELS, RIGHT)
    check_refused(
        "a spread needs the scores of at least two seeds, got 1", lambda: summarise([right], NAMES)
    )
    check_refused(
        "scores must be of the 2 classes a, b, got 3", lambda: summarise([right] * 2, ("a", "b"))
    )
    check_refused("one or more summaries of the same classes, got 0 of 0 kinds", lambda: table({}))
    one = summarise([right] * 2, NAMES)
    other = summarise([right] * 2, ("x", "y", "z"))
    check_refused(
        "one or more summaries of the same classes, got 2 of 2 kinds",
        lambda: table({"one": one, "other": other}),
    )
