"""One run from a seed to a confusion matrix, with objects."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from zoojax.spec.config import RunConfig, ShapesConfig
from zoojax.spec.datasets import load_shapes
from zoojax.spec.records import Batch, Run, ShapeBatch
from zoojax.spec.runs import SavedRun, check_same_classes
from zootorch import data, losses, training, weights
from zootorch.cnn import CNN, layer_shapes
from zootorch.metrics import ConfusionMatrix
from zootorch.random import Generator
from zootorch.shapes import ShapesDataset


def simulate_batches(
    config: ShapesConfig, num_each: int, seed: int, batch_size: int
) -> Iterator[ShapeBatch]:
    """Yield a data set batch by batch; memory is needed for one."""
    dataset = ShapesDataset(config, num_each, seed)
    for indices in torch.arange(len(dataset)).split(batch_size):
        yield dataset.batch(indices)


def simulate(config: RunConfig) -> Batch:
    """Return all pictures of a run with their labels, tensors on the host."""
    dataset = ShapesDataset(config.data, config.num_each, config.train.seed)
    drawn = dataset.arrays()
    return Batch(drawn.images, getattr(drawn, config.target))


def split(config: RunConfig, dataset: Batch) -> tuple[Batch, Batch]:
    """Return the training and the validation part of a run's pictures."""
    generator = Generator(config.train.seed)
    train, validation = data.split_indices(generator, len(dataset.targets), config.fractions)
    return data.take(dataset, train), data.take(dataset, validation)


def best_device() -> str:
    """Return "cuda" where there is a GPU, as JAX chooses by itself, else "cpu"."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def run(config: RunConfig, *, progress: bool = False) -> Run:
    """Simulate, split, initialise, train and evaluate.

    Args:
        config: what to run.
        progress: whether to draw a progress bar.
    """
    dataset = simulate(config)
    train, validation = split(config, dataset)

    model = CNN(config.model, Generator(config.train.seed)).to(best_device())
    trainer = training.Trainer(model, config.train)
    history = trainer.fit(train, validation=validation, progress=progress)

    predictions = training.evaluate(model, validation).predictions
    counts = ConfusionMatrix(config.model.num_classes)
    counts.update(validation.targets, torch.from_numpy(predictions))
    return Run(
        backend="torch",
        config=config,
        pixels_sha256=hashlib.sha256(dataset.inputs.numpy()).hexdigest(),
        layer_shapes=layer_shapes(model),
        history=history,
        confusion_matrix=counts.compute().numpy(),
        weights=weights.to_arrays(model),
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
    model = CNN.from_pretrained(run.folder).to(best_device())
    if dataset is None:
        _, pictures = split(run.config, simulate(run.config))
    else:
        drawn, card = load_shapes(dataset)
        check_same_classes(run.config, card.config, str(dataset))
        drawn = ShapeBatch(*(torch.from_numpy(np.array(field)) for field in drawn))
        pictures = Batch(drawn.images, getattr(drawn, run.config.target))
    result = training.evaluate(model, pictures, loss=losses.loss_of(run.config.train))
    counts = ConfusionMatrix(run.config.model.num_classes)
    counts.update(pictures.targets, torch.from_numpy(result.predictions))
    return result.loss, result.accuracy, counts.compute().numpy()
