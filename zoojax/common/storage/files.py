"""Files: written whole or not at all, and refused by name when they are damaged."""

import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from zoojax.spec.config import CNNConfig, MLPConfig, ModelConfig, RNNConfig
from zoojax.spec.types import Dataclass

C = TypeVar("C", bound=Dataclass)

Arrays = dict[str, NDArray[Any]]
"""Arrays by name."""

WEIGHTS = "model.safetensors"
CONFIG = "config.json"

# A model's configuration is told by a key that no other model has.
MODEL_KEYS: dict[str, type[ModelConfig]] = {
    "num_cnn_channels": CNNConfig,
    "input_dim": MLPConfig,
    "input_size": RNNConfig,
}

# Written only where they differ from the default: the workshop has no such options.
OWN_OPTIONS = ("dilation", "conv_activation", "linear_activation", "head", "activation")


def write_whole(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file so that it appears whole or not at all.

    Raises:
        OSError: when it cannot be written; a file there before is then as it was.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def version() -> str:
    """Return the version of this program, or that it runs from its source alone."""
    try:
        return metadata.version("zooparity")
    except metadata.PackageNotFoundError:
        return "(not installed)"


def sha256(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what vouches for a file: its size in bytes and its SHA-256."""
    return {"bytes": Path(path).stat().st_size, "sha256": sha256(path)}


def check_digest(path: str | os.PathLike[str], expected: object) -> None:
    """Check a file against what ``digest`` returned when it was written.

    Raises:
        FileNotFoundError: when it is missing.
        ValueError: when it is another; names it.
    """
    if not isinstance(expected, Mapping) or not {"bytes", "sha256"} <= set(expected):
        raise ValueError(f"nothing vouches for {path}: bytes and sha256 are not known")
    size = Path(path).stat().st_size
    if size != expected["bytes"]:
        raise ValueError(f"{path} is damaged: it has {size} bytes of {expected['bytes']}")
    if (given := sha256(path)) != expected["sha256"]:
        raise ValueError(f"{path} is damaged: its SHA-256 is {given}, it was {expected['sha256']}")


def plain(value: object) -> Any:
    """Return dataclasses, arrays and texts, nested in any way, as what JSON can hold."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return value


def write_json(path: str | os.PathLike[str], content: object) -> Path:
    """Write what ``plain`` understands as JSON, whole or not at all."""
    return write_whole(path, (json.dumps(plain(content), indent=1) + "\n").encode())


def read_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it holds no JSON object; names it.
    """
    try:
        content = json.loads(Path(path).read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is damaged: it is no JSON ({error})") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path} is damaged: it holds no JSON object")
    return content


def without_nan(content: object) -> Any:
    """Return what JSON can hold with None for numbers that are not finite: JSON has no NaN."""
    content = plain(content)
    if isinstance(content, dict):
        return {key: without_nan(each) for key, each in content.items()}
    if isinstance(content, list):
        return [without_nan(each) for each in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def write_arrays(path: str | os.PathLike[str], arrays: Mapping[str, NDArray[Any]]) -> Path:
    """Write arrays by name as safetensors, whole or not at all."""
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    return write_whole(path, safetensors.numpy.save(contiguous, metadata={"format": "pt"}))


def read_arrays(path: str | os.PathLike[str]) -> Arrays:
    """Read what ``write_arrays`` wrote.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it is damaged; names it.
    """
    content = Path(path).read_bytes()
    try:
        return safetensors.numpy.load(content)
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    except KeyError as error:
        raise ValueError(f"{path} holds numbers of type {error}, which NumPy has not") from None


def save_weights(
    folder: str | Path, arrays: Mapping[str, NDArray[Any]], config: ModelConfig
) -> None:
    """Write ``model.safetensors`` and ``config.json`` into ``folder``, made when missing.

    Args:
        folder: where to.
        arrays: by name, in torch's axis orders.
        config: configuration of the model.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_arrays(folder / WEIGHTS, arrays)
    default = {field.name: field.default for field in dataclasses.fields(config)}
    options = dataclasses.asdict(config)
    kept = {k: v for k, v in options.items() if k not in OWN_OPTIONS or v != default[k]}
    write_json(folder / CONFIG, kept)


def load_weights(folder: str | Path) -> tuple[Arrays, ModelConfig]:
    """Read what ``save_weights``, or the workshop, wrote.

    Returns:
        the arrays by name, and the configuration of the model.

    Raises:
        FileNotFoundError: when a file is missing.
        ValueError: when a file is damaged or describes no model known here; names it.
    """
    folder = Path(folder)
    options = read_json(folder / CONFIG)
    arrays = read_arrays(folder / WEIGHTS)
    if cell := _cell(arrays):
        # The workshop's own files do not say which cell they are of.
        options.setdefault("cell", cell)
    return arrays, config_from_json(options, source=str(folder / CONFIG))


def load_config(folder: str | Path) -> ModelConfig:
    """Read the configuration of a model, but for what only its weights tell: a missing cell.

    Raises:
        FileNotFoundError: when the file is missing.
        ValueError: when it is damaged or describes no model known here; names it.
    """
    path = Path(folder) / CONFIG
    return config_from_json(read_json(path), source=str(path))


def _cell(arrays: Mapping[str, NDArray[Any]]) -> str | None:
    """Return which cell recurrent weights belong to, by the number of their gates."""
    weight = arrays.get("rnn.weight_hh_l0")
    if weight is None or weight.ndim != 2 or not weight.size:
        return None
    return {1: "rnn", 3: "gru", 4: "lstm"}.get(weight.shape[0] // weight.shape[1])


def config_from_json(options: Mapping[str, Any], source: str) -> ModelConfig:
    """Make a model's configuration of its options, telling the model by its keys.

    Raises:
        ValueError: when no model has these options, or one is not allowed; names the source.
    """
    for key, config_type in MODEL_KEYS.items():
        if key in options:
            return make_config(config_type, options, source)
    raise ValueError(
        f"{source} describes no model known here: it has none of the options "
        f"{', '.join(MODEL_KEYS)}; it has {', '.join(options) or 'none'}"
    )


def make_config(config_type: type[C], options: Mapping[str, Any], source: str) -> C:
    """Make a configuration of options read from JSON, where tuples have become lists.

    Raises:
        ValueError: when an option is unknown or not allowed; names the source.
    """
    names = [field.name for field in dataclasses.fields(config_type)]
    if unknown := sorted(set(options) - set(names)):
        raise ValueError(
            f"{source} has unknown options {', '.join(unknown)}; known are {', '.join(names)}"
        )
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
    try:
        return config_type(**values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{source}: {error}") from None
