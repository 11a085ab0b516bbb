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
import re
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypedDict

from zoojax.common.storage import files
from zoojax.common.storage.files import Arrays as Arrays
from zoojax.common.storage.fingerprint import check_same_data, data_fingerprint
from zoojax.spec.checks import check_shapes
from zoojax.spec.config import ModelConfig, TrainConfig
from zoojax.spec.history import Log
from zoojax.spec.layout import layout
from zoojax.spec.records import Batch

FORMAT = "training, 1"
OPTIMIZER = "optimizer.safetensors"
BEST = "best.safetensors"
TRAINING = "training.json"

NAME = re.compile(r"\.?step-(\d{9,})-epoch-(\d{5,})(\.\d+\.partial)?")
"""Names of checkpoints, and of those that were being written."""


class Stream(TypedDict):
    """State of a stream of random numbers: the key's two words, and the index of the next draw."""

    key: list[int]
    count: int


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
    random: dict[str, Stream]
    learning_rate: float
    log: Log


def optimizer_slots(config: TrainConfig) -> tuple[str, ...]:
    """Return the names of the arrays that an optimiser keeps of each parameter."""
    momentum = ("trace",) if config.momentum else ()
    slots = {"adam": ("mu", "nu"), "adamw": ("mu", "nu"), "sgd": momentum}
    return slots.get(config.optimizer, ("nu", *momentum))


class Saver(Protocol):
    """What a training loop needs for checkpoints: ``Checkpoints`` or ``NoCheckpoints``."""

    def is_due(self, step: int) -> bool:
        """Return whether to save after ``step`` steps."""

    def steps_left(self, step: int, largest: int) -> int:
        """Return how many steps may be made until a checkpoint is due: 1 to largest."""

    def open(
        self,
        backend: str,
        model_config: ModelConfig,
        config: TrainConfig,
        **datasets: Batch | None,
    ) -> Checkpoint | None:
        """Return the last checkpoint, if there is one."""

    def save(self, checkpoint: Checkpoint) -> None:
        """Save a checkpoint."""


class Checkpoints:
    """Writes checkpoints of one training now and then, and finds the last one.

    One process at a time may use a folder.

    Args:
        folder: where they are kept, made when needed.
        every_steps: steps after which the next checkpoint is due; None for any number.
        every_minutes: minutes after which it is; None for any time.
        resume: whether to go on from the last checkpoint, if there is one.
        run: what the training is part of, such as a ``RunConfig``; a checkpoint of another is
            refused here already, before any work is done.

    Raises:
        FileExistsError: when there is a checkpoint and it is not to be gone on from.
        FileNotFoundError: when a file of the checkpoint is missing; names it.
        ValueError: when a number is not over 0, or the checkpoint is damaged or of another run;
            names what differs.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        every_steps: int | None = None,
        every_minutes: float | None = None,
        resume: bool = False,
        run: object = None,
    ) -> None:
        for name, value in (("steps", every_steps), ("minutes", every_minutes)):
            if value is not None and not value > 0:
                raise ValueError(f"{name} from one checkpoint to the next must be over 0: {value}")
        self.folder, self.run = Path(folder), files.plain(run)
        self.every_steps, self.every_minutes = every_steps, every_minutes
        self._saved_step, self._saved_at = 0, time.monotonic()
        self._about: dict[str, Any] = {}
        self._saved: dict[str, Any] = {}
        self.last = newest(self.folder)
        if self.last is not None:
            if not resume:
                raise FileExistsError(
                    f"{self.last} is of an earlier training: resume it, or choose another folder"
                )
            self._saved = _read_training(self.last)
            check_same_config(self._saved["run"], self.run, str(self.last))

    def is_due(self, step: int) -> bool:
        """Return whether to save after ``step`` steps."""
        by_steps = self.every_steps is not None and step - self._saved_step >= self.every_steps
        minutes = (time.monotonic() - self._saved_at) / 60
        return by_steps or (self.every_minutes is not None and minutes >= self.every_minutes)

    def steps_left(self, step: int, largest: int) -> int:
        """Return how many steps may be made after ``step`` steps until one is due: 1 to largest."""
        if self.every_steps is None:
            return largest
        return min(largest, max(self._saved_step + self.every_steps - step, 1))

    def open(
        self, backend: str, model_config: ModelConfig, config: TrainConfig, **datasets: Batch | None
    ) -> Checkpoint | None:
        """Say what is trained on what, and read the last checkpoint.

        Args:
            backend: "jax" or "torch".
            model_config: of the model.
            config: how it is trained.
            datasets: ``Batch`` by name, arrays on the host, or None.

        Returns:
            the checkpoint, or None when there is none yet.

        Raises:
            ValueError: when arrays lack, or have names or shapes that the model has not, when
                configuration or data are others (names it), or when a training has these
                checkpoints already.
        """
        if self._about:
            raise ValueError(f"{self.folder}: each training needs Checkpoints of its own")
        self._model_config = model_config
        self._about = files.plain(
            {
                "backend": backend,
                "config": {"model": model_config, "train": config},
                "run": self.run,
                "data": data_fingerprint(**datasets),
            }
        )
        if self.last is None:
            return None
        content, source = self._saved, str(self.last)
        check_same_config(content["config"], self._about["config"], source)
        same_backend = content["backend"] == backend
        check_same_data(content["data"], self._about["data"], source, same_backend=same_backend)
        shapes = {leaf.name: leaf.shape for leaf in layout(model_config)}
        params = [leaf for leaf in layout(model_config) if leaf.path[0] == "params"]
        slots = optimizer_slots(config)
        moments = {f"{slot}/{leaf.name}": leaf.shape for slot in slots for leaf in params}
        log = Log.from_json(content["log"], model_config)
        self._saved_step = log.num_steps
        return Checkpoint(
            weights=_read(self.last / files.WEIGHTS, shapes),
            moments=_read(self.last / OPTIMIZER, moments),
            best=_read(self.last / BEST, shapes) if BEST in content["files"] else None,
            random=content["random"],
            learning_rate=content["learning_rate"],
            log=log,
        )

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint, then remove those before it.

        Raises:
            OSError: when it cannot be written; the last one is then as it was.
        """
        step, epoch = checkpoint.log.num_steps, checkpoint.log.num_epochs
        folder = self.folder / f"step-{step:09d}-epoch-{epoch:05d}"
        if folder == self.last:
            return  # resumed, and no step made since
        partial = self.folder / f".{folder.name}.{os.getpid()}.partial"
        shutil.rmtree(partial, ignore_errors=True)  # of a process that was killed
        partial.mkdir(parents=True)
        try:
            self._write(partial, checkpoint)
            partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        for other in self.folder.iterdir():
            if other != folder and NAME.fullmatch(other.name):
                shutil.rmtree(other, ignore_errors=True)
        self.last, self._saved_step, self._saved_at = folder, step, time.monotonic()

    def _write(self, folder: Path, checkpoint: Checkpoint) -> None:
        files.save_weights(folder, checkpoint.weights, self._model_config)
        files.write_arrays(folder / OPTIMIZER, checkpoint.moments)
        if checkpoint.best is not None:
            files.write_arrays(folder / BEST, checkpoint.best)
        about = {
            "format": FORMAT,
            "version": files.version(),
            **self._about,
            "learning_rate": checkpoint.learning_rate,
            "random": checkpoint.random,
            "log": checkpoint.log.to_json(),
            "files": {path.name: files.digest(path) for path in sorted(folder.iterdir())},
        }
        content = files.plain(about)
        files.write_json(folder / TRAINING, {**content, "sha256": _seal(content)})


class NoCheckpoints:
    """Saves nothing and finds nothing: for a training without checkpoints."""

    def is_due(self, step: int) -> bool:
        """Return False."""
        return False

    def steps_left(self, step: int, largest: int) -> int:
        """Return ``largest``: none is ever due."""
        return largest

    def open(
        self, backend: str, model_config: ModelConfig, config: TrainConfig, **datasets: Batch | None
    ) -> None:
        """Find nothing."""

    def save(self, checkpoint: Checkpoint) -> None:
        """Save nothing."""


def _seal(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what ``training.json`` says."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _read_training(folder: Path) -> dict[str, Any]:
    """Read what describes a checkpoint, and check it and every file."""
    path = folder / TRAINING
    content = files.read_json(path)
    if content.get("format") != FORMAT:
        raise ValueError(f"{path} has format {content.get('format')!r}, known is {FORMAT!r}")
    if content.pop("sha256", None) != _seal(content):
        raise ValueError(f"{path} is damaged: its SHA-256 is another than it says")
    for name in {files.WEIGHTS, files.CONFIG, OPTIMIZER, *content["files"]}:
        files.check_digest(folder / name, content["files"].get(name))
    return content


def _read(path: Path, expected: Mapping[str, tuple[int, ...]]) -> Arrays:
    arrays = files.read_arrays(path)
    check_shapes(arrays, expected, str(path))
    return arrays


def newest(folder: Path) -> Path | None:
    """Return the checkpoint of the most steps in a folder, or None."""
    found = {path: NAME.fullmatch(path.name) for path in folder.glob("step-*")}
    places = {path: (int(m[1]), int(m[2])) for path, m in found.items() if m and not m[3]}
    return max(places, key=places.__getitem__, default=None)


def check_same_config(saved: object, ours: object, source: str, name: str = "") -> None:
    """Raise ``ValueError`` at the first option that differs; names it, and both values."""
    if isinstance(saved, Mapping) and isinstance(ours, Mapping):
        for key in [*saved, *(key for key in ours if key not in saved)]:
            inner = f"{name}.{key}" if name else key
            check_same_config(saved.get(key), ours.get(key), source, inner)
    elif saved != ours:
        raise ValueError(
            f"{source} is of a run with another {name or 'configuration'}: it has {saved!r}, this "
            f"run {ours!r}"
        )
