"""Checkpoints: all that a stopped training needs to go on, whole or not at all.

A checkpoint is a folder ``step-000000120-epoch-00003`` that appears under its name only when it is
complete, after which older ones go. It holds ``model.safetensors`` and ``config.json``, as
``load_pretrained`` reads them; ``optimizer.safetensors``, the optimiser's moments as
``mu/NAME``; ``best.safetensors`` where a run keeps its best weights; and ``training.json``:
the configuration, the backend, the log, the random state, a fingerprint of the data, and of
every other file its size and its SHA-256. Nothing in it is a pickle.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from zoojax.spec import files
from zoojax.spec.config import TrainConfig
from zoojax.spec.fingerprint import check_same_data, data_fingerprint
from zoojax.spec.history import Log
from zoojax.spec.layout import check_shapes, layout

FORMAT = "training, 1"
OPTIMIZER = "optimizer.safetensors"
BEST = "best.safetensors"
TRAINING = "training.json"

Arrays = dict[str, np.ndarray]


class Checkpoint(NamedTuple):
    """All that a training needs to go on, as both backends understand it.

    Attributes:
        weights: parameters and running statistics by name, in torch's axis orders.
        moments: the optimiser's arrays by slot and name, such as ``mu/fc.weight``.
        best: the weights of the best epoch so far, where the run keeps them.
        random: by stream the key's two words and the count of its next draw: of dropout the
            step's, of the order of samples the epoch's that is under way.
        learning_rate: size of the next step.
        log: what was written down.
    """

    weights: Arrays
    moments: Arrays
    best: Arrays | None
    random: dict[str, dict[str, Any]]
    learning_rate: float
    log: Log


def optimizer_slots(config: TrainConfig) -> tuple[str, ...]:
    """Return the names of the arrays that an optimiser keeps of each parameter."""
    momentum = ("trace",) if config.momentum else ()
    slots = {"adam": ("mu", "nu"), "adamw": ("mu", "nu"), "sgd": momentum}
    return slots.get(config.optimizer, ("nu", *momentum))


class Checkpoints:
    """Writes checkpoints of one run now and then, and finds the last one.

    Args:
        folder: where they are kept, made when needed; of one run only.
        config: the configuration of the run, a dataclass or a mapping; a checkpoint of
            another is refused.
        backend: "jax" or "torch".
        every_steps: steps after which the next checkpoint is due; None for any number.
        every_minutes: minutes after which it is; None for any time.
        resume: whether to go on from the last checkpoint, if there is one.

    Raises:
        FileExistsError: when there is a checkpoint and it is not to be gone on from.
        ValueError: when a number is not over 0, or the checkpoint is of another configuration;
            names what differs.
    """

    def __init__(
        self,
        folder: str | Path,
        config: Any,
        *,
        backend: str,
        every_steps: int | None = None,
        every_minutes: float | None = None,
        resume: bool = False,
    ) -> None:
        for name, value in (("every_steps", every_steps), ("every_minutes", every_minutes)):
            if value is not None and value <= 0:
                raise ValueError(f"{name} must be over 0, got {value}")
        self.folder, self.config, self.backend = Path(folder), files.plain(config), backend
        self.every_steps, self.every_minutes = every_steps, every_minutes
        self._saved_step, self._saved_at = 0, time.monotonic()
        self._model_config: Any = None
        self._data: dict[str, Any] = {}
        self.last = newest(self.folder)
        if self.last is not None:
            if not resume:
                raise FileExistsError(
                    f"{self.last} is of an earlier training: resume it, or choose another folder"
                )
            self._read_training(self.last / TRAINING)  # before any work is done

    def is_due(self, step: int) -> bool:
        """Return whether to save after ``step`` steps."""
        by_steps = self.every_steps is not None and step - self._saved_step >= self.every_steps
        minutes = (time.monotonic() - self._saved_at) / 60
        return by_steps or (self.every_minutes is not None and minutes >= self.every_minutes)

    def open(self, model_config: Any, config: TrainConfig, **datasets: Any) -> Checkpoint | None:
        """Say what is trained on what, and read the last checkpoint.

        Args:
            model_config: of the model.
            config: how it is trained.
            datasets: ``Batch`` by name, arrays on the host, or None.

        Returns:
            the checkpoint, or None when there is none yet.

        Raises:
            FileNotFoundError: when a file is missing; names it.
            ValueError: when a file is damaged, when arrays lack, or have names or shapes that
                the model has not, or when configuration or data are others; names it.
        """
        self._model_config, self._data = model_config, data_fingerprint(**datasets)
        if self.last is None:
            return None
        content = self._read_training(self.last / TRAINING)
        same_backend = content.get("backend") == self.backend
        check_same_data(content["data"], self._data, str(self.last), same_backend=same_backend)
        shapes = {leaf.name: leaf.shape for leaf in layout(model_config)}
        params = [leaf for leaf in layout(model_config) if leaf.path[0] == "params"]
        slots = optimizer_slots(config)
        moments = {f"{slot}/{leaf.name}": leaf.shape for slot in slots for leaf in params}
        self._saved_step = len(content["log"]["step_losses"])
        return Checkpoint(
            weights=_read(self.last / files.WEIGHTS, shapes),
            moments=_read(self.last / OPTIMIZER, moments),
            best=_read(self.last / BEST, shapes) if BEST in content["files"] else None,
            random=content["random"],
            learning_rate=float(content["learning_rate"]),
            log=Log(**content["log"]),
        )

    def _read_training(self, path: Path) -> dict[str, Any]:
        """Read what describes a checkpoint, and check it and every file."""
        content = files.read_json(path)
        if content.get("format") != FORMAT:
            raise ValueError(f"{path} has format {content.get('format')!r}, known is {FORMAT!r}")
        if content.pop("sha256", None) != _seal(content):
            raise ValueError(f"{path} is damaged: its SHA-256 is another than it says")
        check_same_config(content["config"], self.config, str(path.parent))
        for name in {files.WEIGHTS, files.CONFIG, OPTIMIZER, *content["files"]}:
            files.check_digest(path.parent / name, content["files"].get(name))
        return content

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint, then remove all others."""
        step, epoch = checkpoint.log.num_steps, checkpoint.log.num_epochs
        folder = self.folder / f"step-{step:09d}-epoch-{epoch:05d}"
        if folder == self.last:
            return  # resumed, and no step made since
        partial = self.folder / f".{folder.name}.{os.getpid()}.partial"
        partial.mkdir(parents=True)
        files.save_weights(partial, checkpoint.weights, self._model_config)
        files.write_arrays(partial / OPTIMIZER, checkpoint.moments)
        if checkpoint.best is not None:
            files.write_arrays(partial / BEST, checkpoint.best)
        content = {
            "format": FORMAT,
            "version": files.version(),
            "backend": self.backend,
            "config": self.config,
            "data": self._data,
            "learning_rate": checkpoint.learning_rate,
            "random": checkpoint.random,
            "log": checkpoint.log,
            "files": {path.name: files.digest(path) for path in sorted(partial.iterdir())},
        }
        content = files.plain(content)
        files.write_json(partial / TRAINING, {**content, "sha256": _seal(content)})
        partial.rename(folder)
        for other in self.folder.iterdir():
            if other != folder:
                shutil.rmtree(other, ignore_errors=True)
        self.last, self._saved_step, self._saved_at = folder, step, time.monotonic()


class NoCheckpoints:
    """Saves nothing and finds nothing: for a training without checkpoints."""

    def is_due(self, step: int) -> bool:
        """Return False."""
        return False

    def open(self, model_config: Any, config: TrainConfig, **datasets: Any) -> None:
        """Find nothing."""

    def save(self, checkpoint: Checkpoint) -> None:
        """Save nothing."""


def _seal(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what ``training.json`` says."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _read(path: Path, expected: Mapping[str, tuple[int, ...]]) -> Arrays:
    arrays = files.read_arrays(path)
    check_shapes(arrays, expected, str(path))
    return arrays


def newest(folder: Path) -> Path | None:
    """Return the checkpoint of the most steps in a folder, or None."""
    return max(folder.glob("step-*"), default=None)


def check_same_config(saved: Any, ours: Any, source: str, name: str = "") -> None:
    """Raise ``ValueError`` at the first option that differs; names it, and both values."""
    if isinstance(saved, Mapping) and isinstance(ours, Mapping):
        for key in [*saved, *(key for key in ours if key not in saved)]:
            inner = f"{name}.{key}" if name else key
            check_same_config(saved.get(key), ours.get(key), source, inner)
    elif saved != ours:
        raise ValueError(
            f"{source} is of a run with another {name}: it has {saved!r}, this run {ours!r}"
        )
