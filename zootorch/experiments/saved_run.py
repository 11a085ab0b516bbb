"""A run on disk used again: evaluated, calibrated, and asked for predictions, with objects."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from zoojax.common.storage.runs import SavedRun, load_data, member_folders
from zoojax.common.storage.user_files import resized
from zoojax.spec.config import CNNConfig, RNNConfig, RunConfig
from zoojax.spec.records import Batch, Results
from zootorch import evaluation
from zootorch.ensembles.ensemble import DeepEnsemble
from zootorch.experiments.pipeline import answer, best_device, cut, judge, simulate, split
from zootorch.models import Network, load_pretrained
from zootorch.models.cnn import CNN


def load_model(folder: Path) -> Network | DeepEnsemble:
    """Load the model of a run, on the best device; of an ensemble all its members, as one.

    Raises:
        FileNotFoundError: when a file is missing; names it.
        ValueError: when a file is damaged or does not fit the model; names it.
    """
    models = [load_pretrained(each).to(best_device()) for each in member_folders(folder)]
    if len(models) == 1:
        return models[0]
    return DeepEnsemble(models, classes=isinstance(models[0].config, CNNConfig))


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
    model = load_model(run.folder)
    if dataset is None:
        samples = split(run.config, simulate(run.config))[split_name]
        return judge(run.config, model, samples, split_name)
    return judge(run.config, model, load(run.config, dataset), str(dataset))


def load(config: RunConfig, folder: Path) -> Batch:
    """Return a data set on disk as samples of a run: see ``load_data``."""
    inputs, targets = load_data(config, folder)
    tensor = torch.from_numpy(np.array(inputs))
    return cut(config, tensor) if targets is None else Batch(tensor, torch.from_numpy(targets))


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
    model = load_model(run.folder)
    parts = split(run.config, simulate(run.config))
    name = "test" if "test" in parts else "validation"
    held = parts["calibration"] if dataset is None else load(run.config, dataset)
    source = "calibration" if dataset is None else str(dataset)
    return (
        answer(run.config, model, held, source),
        answer(run.config, model, parts[name], name),
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
    model = load_model(folder)
    for each in model.modules():
        if isinstance(each, CNN):
            each.config = resized(each.config, inputs)
    if isinstance(model.config, RNNConfig):
        inputs = inputs[..., None]
    outputs = evaluation.predict(model, torch.from_numpy(inputs))
    is_classifier = isinstance(model.config, CNNConfig)
    return (outputs.softmax(-1) if is_classifier else outputs).numpy(force=True)
