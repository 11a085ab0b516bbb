"""The workshop's benchmark, one seed of it, as a function of a recipe."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zoojax import evaluation, random, training, weights
from zoojax.common.shape_benchmark import (
    NUM_TEST_EACH,
    TEST,
    TRAINING,
    Recipe,
    Tested,
    seed_of_test,
)
from zoojax.common.storage.checkpoints import Arrays, Checkpoints
from zoojax.data import shapes
from zoojax.data.lazy_images import SimulatedImages
from zoojax.metrics.reports import classifier_scores
from zoojax.models import model_of
from zoojax.spec.records import Batch


def train_and_test(
    recipe: Recipe, seed: int, *, checkpoints: Checkpoints | None = None, progress: bool = False
) -> Tested:
    """Train a classifier, and test it on pictures with smaller shapes.

    Args:
        recipe: how to train.
        seed: decides the training pictures, the weights and the order; the test pictures are
            of another one that follows from it.
        checkpoints: where to save states to go on from, and to go on from the last one.
        progress: whether to draw a progress bar.
    """
    key = random.root_key(seed)
    labels = TRAINING.labels(recipe.target, recipe.num_each)
    places = jnp.arange(len(labels), dtype=jnp.int32)
    images = SimulatedImages(key, TRAINING, places, shrink=recipe.shrink)

    model = model_of(recipe.model_of(testing=False))
    variables = weights.init(key, model, jnp.zeros((1, *images.shape[1:])))
    state, history = training.fit(
        model,
        variables,
        Batch(images, labels),
        config=recipe.train_of(seed),
        checkpoints=checkpoints,
        progress=progress,
    )
    arrays = weights.to_arrays(model, state.variables)
    return Tested(history, arrays, score(recipe, arrays, seed))


def score(recipe: Recipe, arrays: Arrays, seed: int) -> dict[str, Any]:
    """Return every metric of a classifier on the test pictures that belong to a seed.

    Args:
        recipe: by which it was trained.
        arrays: its weights by name, in torch's axis orders.
        seed: with which it was trained.
    """
    model = model_of(recipe.model_of(testing=True))
    variables = weights.from_arrays(model, arrays)
    drawn = shapes.simulate_shapes(random.root_key(seed_of_test(seed)), TEST, NUM_TEST_EACH)
    probs = jax.nn.softmax(evaluation.predict(model, variables, drawn.images))
    return classifier_scores(np.asarray(getattr(drawn, recipe.target)), probs)
