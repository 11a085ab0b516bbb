"""Runs as folders: weights, configuration, history, and what made them.

A folder holds ``model.safetensors`` and ``config.json``, as the workshop publishes models;
``run.json``, the whole configuration, the backend and the version; ``history.json``; and
``losses.png``.
"""

from pathlib import Path
from typing import Any, NamedTuple

from zoojax.spec import figures, files
from zoojax.spec.config import CNNConfig, RunConfig, ShapesConfig, TrainConfig
from zoojax.spec.records import Run

RUN = "run.json"
HISTORY = "history.json"
EVALUATION = "evaluation.json"
CONFUSION = "confusion.png"


class SavedRun(NamedTuple):
    """A run on disk.

    Attributes:
        folder: where it is; its weights load with ``load_pretrained``.
        config: what was run.
        backend: "jax" or "torch", which of the two ran it.
    """

    folder: Path
    config: RunConfig
    backend: str


def save_run(folder: str | Path, run: Run) -> None:
    """Write a run into ``folder``, made when it is missing; each file whole or not at all."""
    folder = Path(folder)
    for name in (EVALUATION, CONFUSION):
        (folder / name).unlink(missing_ok=True)  # of a run that was here before
    files.save_weights(folder, run.weights, run.config.model)
    files.write_json(folder / HISTORY, run.history)
    figure = figures.loss_curves({f"zoo{run.backend}": run.history})
    figures.save_figure(figure, folder / "losses.png")
    about = {"backend": run.backend, "version": files.version()}
    files.write_json(folder / RUN, {**about, "config": run.config})


def load_run(folder: str | Path) -> SavedRun:
    """Read what ``save_run`` wrote, the weights left aside.

    Raises:
        FileNotFoundError: when there is no run in the folder.
        ValueError: when ``run.json`` is damaged; names it.
    """
    path = Path(folder) / RUN
    content = files.read_json(path)
    parts = {"data": ShapesConfig, "model": CNNConfig, "train": TrainConfig}
    options: Any = content.get("config")
    is_whole = isinstance(options, dict) and all(isinstance(options.get(n), dict) for n in parts)
    if content.get("backend") not in ("jax", "torch") or not is_whole:
        raise ValueError(f"{path} is damaged: it lacks a backend or a configuration")
    for name, config_type in parts.items():
        options[name] = files.make_config(config_type, options[name], str(path))
    config = files.make_config(RunConfig, options, str(path))
    return SavedRun(Path(folder), config, content["backend"])


def check_same_classes(config: RunConfig, data: ShapesConfig, source: str) -> None:
    """Raise ``ValueError`` unless a data set has a run's picture size and class names."""
    ours = (config.data.image_height, config.data.image_width)
    theirs = (data.image_height, data.image_width)
    if ours != theirs:
        raise ValueError(f"{source} has pictures of {theirs} pixels, the model takes {ours}")
    names, given = (each.class_names(config.target) for each in (config.data, data))
    if names != given:
        raise ValueError(f"{source} has classes {', '.join(given)}; the model has {names}")
