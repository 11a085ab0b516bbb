"""Runs as folders: weights, configuration, history, and what made them.

A folder holds ``model.safetensors`` and ``config.json``, as the workshop publishes models;
``run.json``, the whole configuration, the backend and the version; ``history.json``;
``checkpoints``, with the last state to resume from; once it was evaluated,
``evaluation.json``, and once it was calibrated, ``conformal.json``. The program ``zoo`` adds
figures. The folder of an ensemble holds, instead of weights, the folders of its members:
``member-0``, ``member-1`` and so on, each a run of its own.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from zoojax.common.storage import files
from zoojax.common.storage.datasets import load_shapes, load_sinusoids
from zoojax.common.storage.datasets.card import CARD
from zoojax.spec.config import DataConfig, RunConfig, ShapesConfig, SinusoidsConfig, TrainConfig
from zoojax.spec.draws import is_integer
from zoojax.spec.records import Run

RUN = "run.json"
HISTORY = "history.json"
EVALUATION = "evaluation.json"
CALIBRATION = "conformal.json"
CHECKPOINTS = "checkpoints"
MEMBER = "member-{}"
"""Name of the folder of a member of an ensemble."""

# A data set's configuration is told by a key that no other has.
DATA_KEYS: dict[str, type[DataConfig]] = {
    "image_height": ShapesConfig,
    "amplitudes": SinusoidsConfig,
}


class SavedRun(NamedTuple):
    """A run on disk.

    Attributes:
        folder: where it is; ``member_folders`` says where its weights are.
        config: what was run.
        backend: "jax" or "torch", which of the two ran it.
    """

    folder: Path
    config: RunConfig
    backend: str


def save_run(folder: str | Path, run: Run) -> None:
    """Write a run into ``folder``, made when it is missing; each file whole or not at all."""
    folder = Path(folder)
    for stale in (RUN, CALIBRATION):
        (folder / stale).unlink(missing_ok=True)
    files.save_weights(folder, run.weights, run.config.model)
    files.write_json(folder / HISTORY, files.without_nan(run.history))
    _save_about(folder, run.config, run.backend)


def save_ensemble(folder: str | Path, config: RunConfig, members: Sequence[Run]) -> None:
    """Write the members of an ensemble into folders of their own in ``folder``.

    Args:
        folder: where to, made when it is missing.
        config: of the ensemble.
        members: runs by one backend.
    """
    folder = Path(folder)
    for place, run in enumerate(members):
        save_run(folder / MEMBER.format(place), run)
    _save_about(folder, config, members[0].backend, members=len(members))


def _save_about(folder: Path, config: RunConfig, backend: str, **more: int) -> None:
    """Write ``run.json``, the last file: a folder that has it holds a whole run."""
    vouched = {name: files.digest(folder / name) for name in _weight_files(more.get("members"))}
    about = {"backend": backend, "version": files.version(), **more}
    files.write_json(folder / RUN, {**about, "config": config, "files": vouched})


def _places(num_members: int | None) -> list[str]:
    """Return where in a run's folder its weights are: None of one model, that has no members."""
    return ["."] if num_members is None else [MEMBER.format(k) for k in range(num_members)]


def _weight_files(num_members: int | None) -> list[str]:
    """Return the names of the files that hold a run's weights, within its folder."""
    names = (files.WEIGHTS, files.CONFIG)
    return [(Path(place) / name).as_posix() for place in _places(num_members) for name in names]


def _num_members(content: Mapping[str, Any], path: Path) -> int | None:
    """Return how many members an ensemble has by its ``run.json``; None where it is none."""
    num_members = content.get("members")
    if num_members is not None and not (is_integer(num_members) and num_members > 0):
        raise ValueError(f"{path} is damaged: it has {num_members!r} members")
    return num_members


def member_folders(folder: str | Path) -> list[Path]:
    """Return the folders with the weights of a run: its own, or of an ensemble its members'.

    Raises:
        ValueError: when ``run.json`` is damaged; names it.
    """
    folder = Path(folder)
    path = folder / RUN
    num_members = _num_members(files.read_json(path), path) if path.exists() else None
    return [folder / place for place in _places(num_members)]


def weights_digest(folder: str | Path) -> dict[str, Any]:
    """Return what vouches for a run's weights; of an ensemble for ``run.json``, which vouches."""
    folders = member_folders(folder)
    vouched = files.WEIGHTS if folders == [Path(folder)] else RUN
    return files.digest(Path(folder) / vouched)


def load_run(folder: str | Path) -> SavedRun:
    """Read what ``save_run`` wrote; weights are checked and left aside.

    Raises:
        FileNotFoundError: when there is no finished run in the folder.
        ValueError: when ``run.json`` is damaged, or weights or their configuration are not those
            of the run; names the file.
    """
    path = Path(folder) / RUN
    content = files.read_json(path)
    options: Any = content.get("config")
    parts = ("data", "model", "train")
    is_whole = isinstance(options, dict) and all(isinstance(options.get(n), dict) for n in parts)
    if content.get("backend") not in ("jax", "torch") or not is_whole:
        raise ValueError(f"{path} is damaged: it lacks a backend or a configuration")
    data = next((t for key, t in DATA_KEYS.items() if key in options["data"]), ShapesConfig)
    options["data"] = files.make_config(data, options["data"], str(path))
    options["model"] = files.config_from_json(options["model"], str(path))
    options["train"] = files.make_config(TrainConfig, options["train"], str(path))
    config = files.make_config(RunConfig, options, str(path))
    vouched = content.get("files")
    for name in _weight_files(_num_members(content, path)):
        expected = vouched.get(name) if isinstance(vouched, dict) else None
        files.check_digest(path.parent / name, expected)
    return SavedRun(Path(folder), config, content["backend"])


def load_data(config: RunConfig, folder: Path) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Read a data set for a run to be evaluated on, or calibrated with.

    Returns:
        (samples, height, width, 3) uint8 pictures and their (samples,) int32 labels; or
        (waves, length) float, of the run's dtype, and None.

    Raises:
        FileNotFoundError: when there is no data set of the run's kind.
        ValueError: when it is damaged, or its samples or classes are not those of the run.
    """
    if isinstance(config.data, ShapesConfig):
        drawn, card = load_shapes(folder)
        check_same_classes(config, card.config, str(folder))
        return drawn.images, getattr(drawn, config.target)
    waves, about = load_sinusoids(folder)
    if about.config.length != config.data.length:
        raise ValueError(
            f"{folder} has waves of {about.config.length} points, the run has {config.data.length}"
        )
    return waves.waves.astype(config.train.dtype), None


def check_other_seed(config: RunConfig, folder: Path) -> None:
    """Raise ``ValueError`` when a data set has the seed of a run, which trained on such samples."""
    path = folder / CARD
    if files.read_json(path).get("seed") == config.seed_of_data:
        raise ValueError(
            f"{path} has the seed of the run, {config.seed_of_data}: the model was trained on such "
            "samples; simulate others with another seed"
        )


def check_same_classes(config: RunConfig, data: ShapesConfig, source: str) -> None:
    """Raise ``ValueError`` unless a data set has a run's picture size and class names."""
    own = config.data
    assert isinstance(own, ShapesConfig)
    ours, theirs = ((each.image_height, each.image_width) for each in (own, data))
    if ours != theirs:
        raise ValueError(f"{source} has pictures of {theirs} pixels, the model takes {ours}")
    names, given = (", ".join(each.class_names(config.target)) for each in (own, data))
    if names != given:
        raise ValueError(f"{source} has classes {given}; the model has {names}")
