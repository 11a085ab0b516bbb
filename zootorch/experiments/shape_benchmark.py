"""The workshop's benchmark, one seed of it, with objects that a recipe describes."""

from typing import Any

import torch

from zoojax.common.shape_benchmark import (
    NUM_TEST_EACH,
    TEST,
    TRAINING,
    Recipe,
    Tested,
    seed_of_test,
)
from zoojax.common.storage.checkpoints import Arrays, Checkpoints
from zoojax.spec.records import Batch
from zootorch import evaluation, training, weights
from zootorch.data.lazy_images import SimulatedImages
from zootorch.data.shapes import ShapesDataset
from zootorch.experiments.pipeline import best_device
from zootorch.metrics.reports import ClassifierScores
from zootorch.models import model_of
from zootorch.random import Generator


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
    labels = TRAINING.labels(recipe.target, recipe.num_each)
    places = torch.arange(len(labels))
    images = SimulatedImages(seed, TRAINING, places, shrink=recipe.shrink)

    model = model_of(recipe.model_of(testing=False), Generator(seed)).to(best_device())
    trainer = training.Trainer(model, recipe.train_of(seed))
    history = trainer.fit(
        Batch(images, torch.from_numpy(labels)), checkpoints=checkpoints, progress=progress
    )
    arrays = weights.to_arrays(model)
    return Tested(history, arrays, score(recipe, arrays, seed))


def score(recipe: Recipe, arrays: Arrays, seed: int) -> dict[str, Any]:
    """Return every metric of a classifier on the test pictures that belong to a seed.

    Args:
        recipe: by which it was trained.
        arrays: its weights by name, in torch's axis orders.
        seed: with which it was trained.
    """
    model = model_of(recipe.model_of(testing=True))
    weights.from_arrays(model, arrays)
    drawn = ShapesDataset(TEST, NUM_TEST_EACH, seed_of_test(seed)).arrays()
    probs = evaluation.predict(model.to(best_device()), drawn.images).cpu().softmax(-1)
    scores = ClassifierScores(probs.shape[1])
    scores.update(getattr(drawn, recipe.target), probs)
    return scores.compute()
