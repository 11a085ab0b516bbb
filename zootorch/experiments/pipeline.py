"""One run from a seed to its results, with objects."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from zoojax.common.storage.checkpoints import Checkpoints
from zoojax.common.storage.fingerprint import sha256_of
from zoojax.spec.config import (
    ConformalConfig,
    RNNConfig,
    RunConfig,
    ShapesConfig,
    SinusoidsConfig,
)
from zoojax.spec.ensembles import member_runs
from zoojax.spec.quantiles import point_predictions
from zoojax.spec.records import Batch, Curves, Results, Run, ShapeBatch, SinusoidBatch
from zootorch import data, evaluation, losses, training, weights
from zootorch.data import lazy_images
from zootorch.data.shapes import ShapesDataset
from zootorch.data.waves import SinusoidsDataset
from zootorch.ensembles.ensemble import DeepEnsemble, EnsembleTrainer, init_ensemble
from zootorch.experiments import calibration
from zootorch.metrics import reports
from zootorch.models import layer_shapes, model_of
from zootorch.random import Generator
from zootorch.types import Model


def simulate_batches(
    config: ShapesConfig, num_each: int, seed: int, batch_size: int
) -> Iterator[ShapeBatch[Tensor]]:
    """Yield a data set of shapes batch by batch; memory is needed for one."""
    dataset = ShapesDataset(config, num_each, seed)
    for indices in torch.arange(len(dataset)).split(batch_size):
        yield dataset.batch(indices)


def simulate_waves(
    config: SinusoidsConfig, num_each: int, seed: int, dtype: str = "float64"
) -> SinusoidBatch[Tensor]:
    """Return a data set of sinusoids."""
    return SinusoidsDataset(config, num_each, seed, dtype=getattr(torch, dtype)).arrays()


def simulate(config: RunConfig) -> Batch:
    """Return all samples of a run with their targets, tensors on the host."""
    seed = config.seed_of_data
    if isinstance(config.data, ShapesConfig):
        if config.pictures != "stored":
            num = config.num_samples
            period = num if config.pictures == "fresh" else 0
            places = torch.arange(num)
            images = lazy_images.SimulatedImages(seed, config.data, places, period=period)
            labels = config.data.labels(config.target, config.num_each)
            return Batch(images, torch.from_numpy(labels))
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
        Generator(config.seed_of_data),
        len(dataset.targets),
        tuple(config.fractions.values()),
        labels=dataset.targets if config.stratified else None,
    )
    named = zip(config.fractions, parts, strict=True)
    return {name: data.part(dataset, indices) for name, indices in named}


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
        held = answer(config, model, parts["calibration"], "calibration")
        calibrated = calibration.calibrate(ConformalConfig(), config, held)
        predicted = calibration.predict(calibrated, config, results)
    return Run(
        backend="torch",
        config=config,
        data_sha256=sha256_of(dataset.inputs),
        layer_shapes=layer_shapes(model),
        history=history,
        results=results,
        weights=weights.to_arrays(model),
        calibration=calibrated,
        predicted=predicted,
    )


def run_ensemble(
    config: RunConfig, num_members: int, *, progress: bool = False
) -> tuple[list[Run], Results]:
    """Simulate, split, and train and evaluate an ensemble.

    Args:
        config: what to run; its seed is the first member's, the next one's is one more. All are
            trained on the first one's data.
        num_members: members of the ensemble.
        progress: whether to draw a progress bar.

    Returns:
        each member as a run of its own, not calibrated; and how the mean of all does on the
        validation samples.
    """
    configs = member_runs(config, num_members)
    dataset = simulate(config)
    parts = split(config, dataset)

    models = init_ensemble(config.train.seed, config.model, num_members=num_members)
    models = [model.to(best_device()) for model in models]
    trainer = EnsembleTrainer(models, config.train)
    validation = parts["validation"]
    histories = trainer.fit(parts["train"], validation=validation, progress=progress)
    whole = DeepEnsemble(models, classes=bool(config.class_names))
    results = judge(config, whole, validation, "validation")
    about: dict[str, Any] = {
        "backend": "torch",
        "data_sha256": sha256_of(dataset.inputs),
        "layer_shapes": layer_shapes(models[0]),
    }
    made = []
    for own, model, history in zip(configs, models, histories, strict=True):
        each = Run(
            config=own,
            history=history,
            results=judge(own, model, validation, "validation"),
            weights=weights.to_arrays(model),
            **about,
        )
        made.append(each)
    return made, results


def answer(config: RunConfig, model: Model, samples: Batch, name: str) -> Results:
    """Return what a model gives for samples, not judged.

    Args:
        config: of the run that trained it.
        model: a zootorch model.
        samples: inputs and targets.
        name: what to call them.
    """
    outputs = evaluation.predict(model, samples.inputs).cpu()
    if config.class_names:
        outputs = outputs.softmax(-1)
    return Results(name, samples.inputs.numpy(), samples.targets.numpy(), outputs.numpy())


def judge(config: RunConfig, model: Model, samples: Batch, name: str) -> Results:
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
    curves: Curves = {}
    if config.class_names:
        outputs = outputs.softmax(-1)
        metrics: reports.ClassifierScores | reports.RegressorScores
        metrics = reports.ClassifierScores(len(config.class_names))
        if len(config.class_names) > 1:
            curve = reports.ClassifierCurves(config.class_names)
            curve.update(samples.targets, outputs)
            curves = curve.compute()
    else:
        metrics = reports.RegressorScores(samples.targets.shape[1])
    metrics.update(samples.targets, point_predictions(outputs, config.train.loss))
    return Results(
        split=name,
        inputs=samples.inputs.numpy(),
        targets=samples.targets.numpy(),
        outputs=outputs.numpy(),
        scores=found | metrics.compute(),
        curves={
            kind: {name: (x.numpy(), y.numpy()) for name, (x, y) in drawn.items()}
            for kind, drawn in curves.items()
        },
    )
