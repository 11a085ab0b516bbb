"""One run from a seed to a confusion matrix, as one function."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from zoojax import checkpoint, data, losses, metrics, random, shapes, training, weights
from zoojax.cnn import CNN, layer_shapes
from zoojax.spec.config import RunConfig, ShapesConfig, check_num_each
from zoojax.spec.datasets import load_shapes
from zoojax.spec.records import Batch, Run, ShapeBatch
from zoojax.spec.runs import SavedRun, check_same_classes


def simulate_batches(
    config: ShapesConfig, num_each: int, seed: int, batch_size: int
) -> Iterator[ShapeBatch]:
    """Yield a data set batch by batch; memory is needed for one."""
    key = random.root_key(seed)
    num = check_num_each(num_each) * config.num_combinations
    for start in range(0, num, batch_size):
        indices = jnp.arange(start, min(start + batch_size, num))
        yield shapes.simulate_batch(key, config, indices)


def simulate(config: RunConfig) -> Batch:
    """Return all pictures of a run with their labels, NumPy arrays on the host."""
    key = random.root_key(config.train.seed)
    drawn = shapes.simulate_shapes(key, config.data, config.num_each)
    return Batch(np.asarray(drawn.images), np.asarray(getattr(drawn, config.target)))


def split(config: RunConfig, dataset: Batch) -> tuple[Batch, Batch]:
    """Return the training and the validation part of a run's pictures."""
    key = random.root_key(config.train.seed)
    train, validation = data.split_indices(key, len(dataset.targets), config.fractions)
    return data.take(dataset, train), data.take(dataset, validation)


def run(config: RunConfig, *, progress: bool = False) -> Run:
    """Simulate, split, initialise, train and evaluate.

    Args:
        config: what to run.
        progress: whether to draw a progress bar.
    """
    dataset = simulate(config)
    train, validation = split(config, dataset)

    model = CNN(config.model)
    example = jnp.zeros((1, *dataset.inputs.shape[1:]), config.train.dtype)
    variables = weights.init(random.root_key(config.train.seed), model, example)
    state, history = training.fit(
        model, variables, train, config=config.train, validation=validation, progress=progress
    )

    predictions = training.evaluate(model, state.variables, validation).predictions
    counts = metrics.confusion_matrix(validation.targets, predictions, config.model.num_classes)
    return Run(
        backend="jax",
        config=config,
        pixels_sha256=hashlib.sha256(dataset.inputs).hexdigest(),
        layer_shapes=layer_shapes(model),
        history=history,
        confusion_matrix=np.asarray(counts),
        weights=weights.to_arrays(model, jax.device_get(state.variables)),
    )


def evaluate_run(run: SavedRun, dataset: Path | None = None) -> tuple[float, float, np.ndarray]:
    """Evaluate a run on disk.

    Args:
        run: a run by either backend.
        dataset: folder of the pictures; the run's own validation pictures unless given.

    Returns:
        mean loss in nats, accuracy 0..1, and (num_classes, num_classes) int32 confusion
        matrix.
    """
    model, variables = checkpoint.load_pretrained(run.folder)
    if dataset is None:
        _, pictures = split(run.config, simulate(run.config))
    else:
        drawn, card = load_shapes(dataset)
        check_same_classes(run.config, card.config, str(dataset))
        pictures = Batch(drawn.images, getattr(drawn, run.config.target))
    result = training.evaluate(model, variables, pictures, loss=losses.loss_of(run.config.train))
    counts = metrics.confusion_matrix(
        pictures.targets, result.predictions, run.config.model.num_classes
    )
    return result.loss, result.accuracy, np.asarray(counts)
