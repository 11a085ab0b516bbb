"""A run on disk used again: evaluated, calibrated, and asked for predictions, as functions."""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from zoojax import evaluation
from zoojax.common.storage.runs import SavedRun, load_data, member_folders
from zoojax.common.storage.user_files import resized
from zoojax.ensembles.ensemble import DeepEnsemble
from zoojax.experiments.pipeline import answer, cut, judge, simulate, split
from zoojax.models import Network, load_pretrained, model_of
from zoojax.spec.config import CNNConfig, RNNConfig, RunConfig
from zoojax.spec.records import Batch, Results
from zoojax.types import Variables


def load_model(folder: Path) -> tuple[Network | DeepEnsemble, Variables]:
    """Load the model of a run and its variables; of an ensemble all its members, as one.

    Raises:
        FileNotFoundError: when a file is missing; names it.
        ValueError: when a file is damaged or does not fit the model; names it.
    """
    loaded = [load_pretrained(each) for each in member_folders(folder)]
    model, variables = loaded[0]
    if len(loaded) == 1:
        return model, variables
    is_classifier = isinstance(model.config, CNNConfig)
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(own for _, own in loaded))
    return DeepEnsemble(model, classes=is_classifier), stacked


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
    model, variables = load_model(run.folder)
    if dataset is None:
        samples = split(run.config, simulate(run.config))[split_name]
        return judge(run.config, model, variables, samples, split_name)
    return judge(run.config, model, variables, load(run.config, dataset), str(dataset))


def load(config: RunConfig, folder: Path) -> Batch:
    """Return a data set on disk as samples of a run: see ``load_data``."""
    inputs, targets = load_data(config, folder)
    return cut(config, inputs) if targets is None else Batch(inputs, targets)


def answer_held_out(run: SavedRun, dataset: Path | None = None) -> tuple[Results, Results]:
    """Return what the model of a run on disk gives for samples that it was not trained on.

    Args:
        run: a run by either backend.
        dataset: folder of samples to take as the first part.

    Returns:
        of the calibration samples; and of the test samples, or where there are none of the
        validation samples.

    Raises:
        FileNotFoundError: when weights or data are missing; names the file.
        ValueError: when they are damaged, or data are not of the run's kind; names the file.
    """
    model, variables = load_model(run.folder)
    parts = split(run.config, simulate(run.config))
    name = "test" if "test" in parts else "validation"
    held = parts["calibration"] if dataset is None else load(run.config, dataset)
    source = "calibration" if dataset is None else str(dataset)
    return (
        answer(run.config, model, variables, held, source),
        answer(run.config, model, variables, parts[name], name),
    )


def predict(folder: Path, inputs: NDArray[Any]) -> NDArray[np.floating]:
    """Return what a model on disk predicts.

    Args:
        folder: weights and ``config.json``, by either backend or the workshop, or an ensemble.
        inputs: (samples, height, width, 3) uint8 pictures, of any size where the model has a
            global head, or (samples, points) float.

    Returns:
        (samples, classes) float probabilities, or (samples, outputs) float.

    Raises:
        FileNotFoundError: when a file is missing; names it.
        ValueError: when a file is damaged, or the inputs are of another shape.
    """
    model, variables = load_model(folder)
    sized = model_of(resized(model.config, inputs))
    model = dataclasses.replace(model, model=sized) if isinstance(model, DeepEnsemble) else sized
    if isinstance(model.config, RNNConfig):
        inputs = inputs[..., None]
    outputs = evaluation.predict(model, variables, jnp.asarray(inputs))
    is_classifier = isinstance(model.config, CNNConfig)
    return np.asarray(jax.nn.softmax(outputs) if is_classifier else outputs)
