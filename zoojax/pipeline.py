"""One run from a seed to its results, as functions of a configuration."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from zoojax import (
    calibration,
    data,
    evaluation,
    losses,
    random,
    scores,
    shapes,
    simulated,
    training,
    weights,
)
from zoojax.layers import Variables
from zoojax.models import layer_shapes, model_of
from zoojax.spec.checkpoints import Checkpoints
from zoojax.spec.config import (
    ConformalConfig,
    RNNConfig,
    RunConfig,
    ShapesConfig,
    SinusoidsConfig,
    check_num_each,
)
from zoojax.spec.fingerprint import sha256_of
from zoojax.spec.quantiles import point_predictions
from zoojax.spec.records import Batch, Results, Run, ShapeBatch, SinusoidBatch
from zoojax.waves import simulate_sinusoids


def simulate_batches(
    config: ShapesConfig, num_each: int, seed: int, batch_size: int
) -> Iterator[ShapeBatch]:
    """Yield a data set of shapes batch by batch; memory is needed for one."""
    key = random.root_key(seed)
    num = check_num_each(num_each) * config.num_combinations
    for start in range(0, num, batch_size):
        indices = jnp.arange(start, min(start + batch_size, num))
        yield shapes.simulate_batch(key, config, indices)


def simulate_waves(
    config: SinusoidsConfig, num_each: int, seed: int, dtype: str = "float64"
) -> SinusoidBatch:
    """Return a data set of sinusoids."""
    return simulate_sinusoids(config, num_each, key=random.root_key(seed), dtype=dtype)


def simulate(config: RunConfig) -> Batch:
    """Return all samples of a run with their targets, NumPy arrays on the host."""
    seed = config.train.seed
    if isinstance(config.data, ShapesConfig):
        if config.pictures != "stored":
            num, key = config.num_samples, random.root_key(seed)
            period = num if config.pictures == "fresh" else 0
            places = jnp.arange(num, dtype=jnp.int32)
            images = simulated.SimulatedImages(key, config.data, places, period=period)
            return Batch(images, config.data.labels(config.target, config.num_each))
        drawn = shapes.simulate_shapes(random.root_key(seed), config.data, config.num_each)
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
        random.root_key(config.train.seed),
        len(dataset.targets),
        tuple(config.fractions.values()),
        labels=dataset.targets if config.stratified else None,
    )
    named = zip(config.fractions, parts, strict=True)
    return {name: simulated.part(dataset, indices) for name, indices in named}


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


def answer(
    config: RunConfig, model: Any, variables: Variables, samples: Batch, name: str
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
    config: RunConfig, model: Any, variables: Variables, samples: Batch, name: str
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
    curves: Any = {}
    if config.class_names:
        outputs = jax.nn.softmax(outputs)
        found |= scores.classifier_scores(samples.targets, outputs)
        if len(config.class_names) > 1:
            curves = scores.classifier_curves(samples.targets, outputs, config.class_names)
    else:
        points = point_predictions(outputs, config.train.loss)
        found |= scores.regressor_scores(samples.targets, points)
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
