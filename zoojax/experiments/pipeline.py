"""One run from a seed to its results, as functions of a configuration."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from zoojax import data, evaluation, losses, random, training, weights
from zoojax.common.storage.checkpoints import Checkpoints
from zoojax.common.storage.fingerprint import sha256_of
from zoojax.data import lazy_images, shapes
from zoojax.data.waves import simulate_sinusoids
from zoojax.ensembles.ensemble import DeepEnsemble, fit_ensemble, init_ensemble
from zoojax.ensembles.stacked import member
from zoojax.experiments import calibration
from zoojax.metrics import reports
from zoojax.models import layer_shapes, model_of
from zoojax.spec.config import (
    ConformalConfig,
    RNNConfig,
    RunConfig,
    ShapesConfig,
    SinusoidsConfig,
    check_num_each,
)
from zoojax.spec.ensembles import member_runs
from zoojax.spec.quantiles import point_predictions
from zoojax.spec.records import Batch, Curves, Results, Run, ShapeBatch, SinusoidBatch
from zoojax.types import Predictor, Variables


def simulate_batches(
    config: ShapesConfig, num_each: int, seed: int, batch_size: int
) -> Iterator[ShapeBatch[Array]]:
    """Yield a data set of shapes batch by batch; memory is needed for one."""
    key = random.root_key(seed)
    num = check_num_each(num_each) * config.num_combinations
    for start in range(0, num, batch_size):
        indices = jnp.arange(start, min(start + batch_size, num))
        yield shapes.simulate_batch(key, config, indices)


def simulate_waves(
    config: SinusoidsConfig, num_each: int, seed: int, dtype: str = "float64"
) -> SinusoidBatch[Array]:
    """Return a data set of sinusoids."""
    return simulate_sinusoids(config, num_each, key=random.root_key(seed), dtype=dtype)


def simulate(config: RunConfig) -> Batch:
    """Return all samples of a run with their targets, NumPy arrays on the host."""
    seed = config.seed_of_data
    if isinstance(config.data, ShapesConfig):
        key = random.root_key(seed)
        if config.pictures != "stored":
            num = config.num_samples
            period = num if config.pictures == "fresh" else 0
            places = jnp.arange(num, dtype=jnp.int32)
            images = lazy_images.SimulatedImages(key, config.data, places, period=period)
            return Batch(images, config.data.labels(config.target, config.num_each))
        drawn = shapes.simulate_shapes(key, config.data, config.num_each)
        return Batch(np.asarray(drawn.images), np.asarray(getattr(drawn, config.target)))
    waves = simulate_waves(config.data, config.num_each, seed, config.train.dtype).waves
    return cut(config, np.asarray(waves))


def cut(config: RunConfig, waves: ArrayLike) -> Batch:
    """Return waves as samples of a run: the points given, and the next ones to predict.

    Args:
        config: of the run.
        waves: (waves, length) float.
    """
    assert isinstance(config.data, SinusoidsConfig)
    length, num_next_steps = config.data.length, config.data.num_next_steps
    inputs, targets = data.windows(jnp.asarray(waves), length, num_next_steps)
    if isinstance(config.model, RNNConfig):
        inputs = inputs[..., None]  # a time step has one feature
    return Batch(np.asarray(inputs), np.asarray(targets))


def split(config: RunConfig, dataset: Batch) -> dict[str, Batch]:
    """Return the parts of a run's samples by name: train, validation and what else it has."""
    parts = data.split_indices(
        random.root_key(config.seed_of_data),
        len(dataset.targets),
        tuple(config.fractions.values()),
        labels=dataset.targets if config.stratified else None,
    )
    named = zip(config.fractions, parts, strict=True)
    return {name: data.part(dataset, indices) for name, indices in named}


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

    model = model_of(config.model)
    example = jnp.zeros((1, *dataset.inputs.shape[1:]), config.train.dtype)
    variables = weights.init(random.root_key(config.train.seed), model, example)
    state, history = training.fit(
        model,
        variables,
        parts["train"],
        config=config.train,
        validation=parts["validation"],
        checkpoints=checkpoints,
        progress=progress,
    )
    results = judge(config, model, state.variables, parts["validation"], "validation")
    calibrated = predicted = None
    if "calibration" in parts:
        held = answer(config, model, state.variables, parts["calibration"], "calibration")
        calibrated = calibration.calibrate(ConformalConfig(), config, held)
        predicted = calibration.predict(calibrated, config, results)
    return Run(
        backend="jax",
        config=config,
        data_sha256=sha256_of(dataset.inputs),
        layer_shapes=layer_shapes(model),
        history=history,
        results=results,
        weights=weights.to_arrays(model, state.variables),
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

    model = model_of(config.model)
    example = jnp.zeros((1, *dataset.inputs.shape[1:]), config.train.dtype)
    variables = init_ensemble(config.train.seed, model, example, num_members=num_members)
    validation = parts["validation"]
    variables, histories = fit_ensemble(
        model,
        variables,
        parts["train"],
        config=config.train,
        validation=validation,
        progress=progress,
    )
    whole = DeepEnsemble(model, classes=bool(config.class_names))
    results = judge(config, whole, variables, validation, "validation")
    about: dict[str, Any] = {
        "backend": "jax",
        "data_sha256": sha256_of(dataset.inputs),
        "layer_shapes": layer_shapes(model),
    }
    made = []
    for place, own in enumerate(configs):
        numbers = member(variables, place)
        each = Run(
            config=own,
            history=histories[place],
            results=judge(own, model, numbers, validation, "validation"),
            weights=weights.to_arrays(model, numbers),
            **about,
        )
        made.append(each)
    return made, results


def answer(
    config: RunConfig, model: Predictor, variables: Variables, samples: Batch, name: str
) -> Results:
    """Return what a model gives for samples, not judged.

    Args:
        config: of the run that trained it.
        model: a zoojax model.
        variables: its parameters and running statistics.
        samples: inputs and targets.
        name: what to call them.
    """
    outputs = evaluation.predict(model, variables, samples.inputs)
    if config.class_names:
        outputs = jax.nn.softmax(outputs)
    inputs, targets = map(np.asarray, samples)
    return Results(name, inputs, targets, np.asarray(outputs))


def judge(
    config: RunConfig, model: Predictor, variables: Variables, samples: Batch, name: str
) -> Results:
    """Evaluate a model with every metric, of quantiles those of the middle one.

    Args:
        config: of the run that trained it.
        model: a zoojax model.
        variables: its parameters and running statistics.
        samples: inputs and targets.
        name: what to call them.
    """
    outputs = evaluation.predict(model, variables, samples.inputs)
    loss = losses.loss_of(config.train)(outputs, jnp.asarray(samples.targets))
    found = {"num_samples": len(outputs), "loss": float(loss)}
    curves: Curves = {}
    if config.class_names:
        outputs = jax.nn.softmax(outputs)
        found |= reports.classifier_scores(samples.targets, outputs)
        if len(config.class_names) > 1:
            curves = reports.classifier_curves(samples.targets, outputs, config.class_names)
    else:
        points = point_predictions(outputs, config.train.loss)
        found |= reports.regressor_scores(samples.targets, points)
    return Results(
        split=name,
        inputs=np.asarray(samples.inputs),
        targets=np.asarray(samples.targets),
        outputs=np.asarray(outputs),
        scores=found,
        curves={
            kind: {name: (np.asarray(x), np.asarray(y)) for name, (x, y) in drawn.items()}
            for kind, drawn in curves.items()
        },
    )
