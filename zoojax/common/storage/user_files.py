"""Pictures and waves of the user's own: read from files, and what was predicted for them."""

import dataclasses
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from zoojax.spec.checks import is_batch_of
from zoojax.spec.config import CNNConfig, MLPConfig, ModelConfig, RNNConfig
from zoojax.spec.types import Shaped

CHANNELS = 3
BIT_DEPTH = 24
"""Place of the byte in a PNG file that says of how many bits its channels are."""


def read_samples(paths: Sequence[Path], config: ModelConfig) -> tuple[list[str], NDArray[Any]]:
    """Read files as samples of a model.

    Args:
        paths: PNG or ``.npy`` files.
        config: of the model.

    Returns:
        a name of each sample, and (samples, height, width, 3) uint8 or (samples, points) float.

    Raises:
        FileNotFoundError: when a file is missing.
        ValueError: when there is none, or when one is damaged, of another kind or of another
            size than the model takes, or of another size than those before; names it.
    """
    if not paths:
        raise ValueError("files must name at least one PNG or .npy file")
    if isinstance(config, CNNConfig) and config.num_input_channels != CHANNELS:
        channels = config.num_input_channels
        raise ValueError(f"only pictures of 3 channels can be read; the model takes {channels}")
    if isinstance(config, RNNConfig) and config.input_size != 1:
        raise ValueError(
            f"only waves of one number a time step can be read; the model takes {config.input_size}"
        )
    names: list[str] = []
    parts: list[NDArray[Any]] = []
    for path in map(Path, paths):
        part = _read(path, config)
        parts.append(part)
        if part.shape[1:] != parts[0].shape[1:]:
            has, first = ("x".join(map(str, each.shape[1:3])) for each in (part, parts[0]))
            what, unit = ("pictures", "pixels") if part.ndim == 4 else ("waves", "points")
            raise ValueError(
                f"{path} has {what} of {has} {unit}, {paths[0]} of {first}; files given together "
                f"need {what} of one size"
            )
        numbers = [f"[{i}]" for i in range(len(part))] if path.suffix == ".npy" else [""]
        names += [f"{path.name}{number}" for number in numbers]
    return names, np.concatenate(parts)


@overload
def resized(config: CNNConfig, inputs: Shaped) -> CNNConfig: ...
@overload
def resized(config: ModelConfig, inputs: Shaped) -> ModelConfig: ...
def resized(config: ModelConfig, inputs: Shaped) -> ModelConfig:
    """Return a model's configuration for pictures of another size, which a global head allows.

    Args:
        config: of a model.
        inputs: (samples, height, width, 3) pictures, where the model is a CNN.

    Raises:
        ValueError: when its layers do not fit pictures of that size.
    """
    if not isinstance(config, CNNConfig) or config.head == "flatten":
        return config
    height, width = inputs.shape[1:3]
    return dataclasses.replace(config, height=height, width=width)


def _read(path: Path, config: ModelConfig) -> NDArray[Any]:
    """Return the samples in one file."""
    if isinstance(config, CNNConfig):
        images = _read_npy(path) if path.suffix == ".npy" else read_png(path)
        images = images[None] if images.ndim == 3 else images
        expected: tuple[int | str, ...] = (config.height, config.width, CHANNELS)
        if config.head != "flatten":
            expected = ("height", "width", CHANNELS)
        if images.dtype != np.uint8 or not len(images) or not is_batch_of(images.shape, expected):
            wanted = ", ".join(map(str, expected))
            raise ValueError(
                f"{path} holds {images.dtype} of shape {images.shape}; the model takes uint8 "
                f"pictures of shape ({wanted})"
            )
        try:
            resized(config, images)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        return images
    if path.suffix != ".npy":
        raise ValueError(f"{path} is no .npy file, and this model takes waves")
    waves = _read_npy(path)
    waves = waves[None] if waves.ndim == 1 else waves
    points = config.input_dim if isinstance(config, MLPConfig) else None
    fits = waves.ndim == 2 and waves.size and points in (None, waves.shape[1])
    if not fits or waves.dtype.kind not in "fiu" or not np.isfinite(waves).all():
        raise ValueError(
            f"{path} holds {waves.dtype} of shape {waves.shape}; the model takes finite numbers "
            f"of shape (waves, {points or 'points'})"
        )
    return waves.astype(np.float64)


def _read_npy(path: Path) -> NDArray[Any]:
    with path.open("rb") as file:
        try:
            return np.asarray(np.load(file, allow_pickle=False))
        # NumPy raises what its parsers of headers and of ZIP files raise.
        except Exception as error:
            raise ValueError(f"{path} is damaged, or no array of numbers: {error}") from None


def read_png(path: Path) -> NDArray[np.uint8]:
    """Read a PNG file as (height, width, 3) uint8.

    Grey pictures get three equal channels.

    Raises:
        FileNotFoundError: when the file is missing.
        ValueError: when it is damaged or no PNG, when it has transparent pixels, or channels of
            more than 8 bits; names it.
    """
    # Here and not above: matplotlib brings it, and only this needs it.
    from PIL import Image, UnidentifiedImageError

    content = path.read_bytes()
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            picture.load()
    except UnidentifiedImageError:
        raise ValueError(f"{path} is no PNG file, or damaged") from None
    # Pillow raises much: OSError, SyntaxError, ValueError, an error of its own for huge pictures.
    except Exception as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    # Not told by Pillow's mode: of 16-bit RGB it keeps 8.
    if (depth := content[BIT_DEPTH]) > 8:
        raise ValueError(f"{path} has channels of {depth} bits; allowed are 8-bit RGB or grey")
    # A palette or one color can be transparent without a channel of its own.
    if (np.asarray(picture.convert("RGBA"))[..., 3] < 255).any():
        raise ValueError(f"{path} has transparent pixels; put it on a background first")
    return np.asarray(picture.convert("RGB"))
