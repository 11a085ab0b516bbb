"""One run from a seed to its results, with objects."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zoojax.spec.checkpoints import Checkpoints
from zoojax.spec.config import (
    CNNConfig,
    ConformalConfig,
    RNNConfig,
    RunConfig,
    ShapesConfig,
    SinusoidsConfig,
)
from zoojax.spec.quantiles import point_predictions
from zoojax.spec.records import Batch, Results, Run, ShapeBatch, SinusoidBatch
from zoojax.spec.runs import SavedRun, load_data
from zootorch import calibration, data, evaluation, losses, scores, training, weights
from zootorch.models import layer_shapes, load_pretrained, model_of
from zootorch.random import Generator
from zootorch.shapes import ShapesDataset
from zootorch.waves import SinusoidsDataset


def simulate_batches(
    config: ShapesConfig, num_each: int, seed: int, batch_size: int
) -> Iterator[ShapeBatch]:
    """Yield a data set of shapes batch by batch; memory is needed for one."""
    dataset = ShapesDataset(config, num_each, seed)
    for indices in torch.arange(len(dataset)).split(batch_size):
        yield dataset.batch(indices)


def simulate_waves(
    config: SinusoidsConfig, num_each: int, seed: int, dtype: str = "float64"
) -> SinusoidBatch:
    """Return a data set of sinusoids."""
    return SinusoidsDataset(config, num_each, seed, dtype=getattr(torch, dtype)).arrays()


def simulate(config: RunConfig) -> Batch:
    """Return all samples of a run with their targets, tensors on the host."""
    seed = config.train.seed
    if isinstance(config.data, ShapesConfig):
        drawn = ShapesDataset(config.data, config.num_each, seed).arrays()
        return Batch(drawn.images, getattr(drawn, config.target))
    waves = simulate_waves(config.data, config.num_each, seed, config.train.dtype).waves
    return cut(config, waves)


def cut(config: RunConfig, waves: Tensor) -> Batch:
    """Return waves as samples of a run: the points given, and the next ones to predict.

    Args:
        config: of the run.
        waves: (waves, length) float.
    """
    assert isinstance(config.data, SinusoidsConfig)
    length, num_next_steps = config.data.length, config.data.num_next_steps
    inputs, targets = data.windows(waves, length, num_next_steps)
    if isinstance(config.model, RNNConfig):
        inputs = inputs[..., None]  # a time step has one feature
    return Batch(inputs, targets)


def split(config: RunConfig, dataset: Batch) -> dict[str, Batch]:
    """Return the parts of a run's samples by name: train, validation and what else it has."""
    parts = data.split_indices(
        Generator(config.train.seed),
        len(dataset.targets),
        tuple(config.fractions.values()),
        labels=dataset.targets if config.stratified else None,
    )
    named = zip(config.fractions, parts, strict=True)
    return {name: data.take(dataset, indices) for name, indices in named}


def best_device() -> str:
    """Return "cuda" where there is a GPU, as JAX chooses by itself, else "cpu"."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def run(
    config: RunConfig, *, checkpoints: Checkpoints | None = None, progress: bool = False
) -> Run:
    """Simulate, split, initialise, train and evaluate.

    Args:
        config: what to run.
        checkpoints: where to save states to go on from, and to go on from the last one.
        progress: whether to draw a progress bar.
    """
    dataset = simulate(config)
    parts = split(config, dataset)

    model = model_of(config.model, Generator(config.train.seed)).to(best_device())
    trainer = training.Trainer(model, config.train)
    history = trainer.fit(
        parts["train"],
        validation=parts["validation"],
        checkpoints=checkpoints,
        progress=progress,
    )
    results = judge(config, model, parts["validation"], "validation")
    calibrated = predicted = None
    if "calibration" in parts:
        held = judge(config, model, parts["calibration"], "calibration")
        calibrated = calibration.calibrate(ConformalConfig(), config, held)
        predicted = calibration.predict(calibrated, config, results.outputs)
    return Run(
        backend="torch",
        config=config,
        data_sha256=hashlib.sha256(dataset.inputs.contiguous().numpy()).hexdigest(),
        layer_shapes=layer_shapes(model),
        history=history,
        results=results,
        weights=weights.to_arrays(model),
        calibration=calibrated,
        predicted=predicted,
    )


def judge(config: RunConfig, model: Any, samples: Batch, name: str) -> Results:
    """Evaluate a model with every metric, of quantiles those of the middle one.

    Args:
        config: of the run that trained it.
        model: a zootorch model.
        samples: inputs and targets.
        name: what to call them.
    """
    outputs = evaluation.predict(model, samples.inputs).cpu()
    loss = losses.loss_of(config.train)(outputs, samples.targets)
    found = {"num_samples": len(outputs), "loss": float(loss)}
    curves: Any = {}
    if config.class_names:
        outputs = outputs.softmax(-1)
        metrics: Any = scores.ClassifierScores(len(config.class_names))
        if len(config.class_names) > 1:
            curve = scores.ClassifierCurves(config.class_names)
            curve.update(samples.targets, outputs)
            curves = curve.compute()
    else:
        metrics = scores.RegressorScores(samples.targets.shape[1])
    metrics.update(samples.targets, point_predictions(outputs, config.train.loss))
    return Results(
        split=name,
        inputs=samples.inputs.numpy(),
        targets=samples.targets.numpy(),
        outputs=outputs.numpy(),
        scores=found | metrics.compute(),
        curves={
            kind: {name: tuple(each.numpy() for each in curve) for name, curve in drawn.items()}
            for kind, drawn in curves.items()
        },
    )


def first_images(config: RunConfig, num: int) -> np.ndarray:
    """Return the first pictures of a run, at most ``num``: (num, height, width, 3) uint8."""
    assert isinstance(config.data, ShapesConfig)
    dataset = ShapesDataset(config.data, config.num_each, config.train.seed)
    return dataset.batch(range(min(num, len(dataset)))).images.numpy()


def evaluate_run(run: SavedRun, split_name: str, dataset: Path | None = None) -> Results:
    """Evaluate a run on disk.

    Args:
        run: a run by either backend.
        split_name: which part of the run's own samples, which are simulated again; one of
            ``run.config.fractions``.
        dataset: folder of other samples to use instead.

    Raises:
        FileNotFoundError: when weights or data are missing; names the file.
        ValueError: when they are damaged, or data are not of the run's kind; names the file.
    """
    model = load_pretrained(run.folder).to(best_device())
    if dataset is None:
        samples = split(run.config, simulate(run.config))[split_name]
        return judge(run.config, model, samples, split_name)
    inputs, targets = load_data(run.config, dataset)
    tensor = torch.from_numpy(np.array(inputs))
    is_cut = targets is not None
    samples = Batch(tensor, torch.from_numpy(targets)) if is_cut else cut(run.config, tensor)
    return judge(run.config, model, samples, str(dataset))


def predict(folder: Path, inputs: np.ndarray) -> np.ndarray:
    """Return what a model on disk predicts.

    Args:
        folder: weights and ``config.json``, by either backend or the workshop.
        inputs: (samples, height, width, 3) uint8 pictures, or (samples, points) float.

    Returns:
        (samples, classes) float probabilities, or (samples, outputs) float.

    Raises:
        FileNotFoundError: when a file is missing; names it.
        ValueError: when a file is damaged, or the inputs are of another shape.
    """
    model = load_pretrained(folder).to(best_device())
    if isinstance(model.config, RNNConfig):
        inputs = inputs[..., None]
    outputs = evaluation.predict(model, torch.from_numpy(inputs))
    is_classifier = isinstance(model.config, CNNConfig)
    return (outputs.softmax(-1) if is_classifier else outputs).numpy(force=True)
