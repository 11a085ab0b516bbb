"""Weights on disk, in the workshop's names: safetensors beside a config.json."""

from pathlib import Path
from typing import Any

from zoojax.spec import files
from zootorch import weights


def save_pretrained(folder: str | Path, model: Any) -> None:
    """Write ``model.safetensors`` and ``config.json`` into ``folder``.

    Args:
        folder: where to; made when it is missing.
        model: a zootorch model.
    """
    files.save_weights(folder, weights.to_arrays(model), model.config)


def load_pretrained(folder: str | Path, model_type: type) -> Any:
    """Load what either backend, or the workshop, wrote.

    Args:
        folder: where from.
        model_type: the model's class, whose name with "Config" is its configuration's.

    Returns:
        the model, in eval mode.

    Raises:
        FileNotFoundError: when a file is missing.
        ValueError: when a file is damaged or does not fit the model; names it.
    """
    arrays, config = files.load_weights(folder)
    described = type(config).__name__.removesuffix("Config")
    if described != model_type.__name__:
        raise ValueError(
            f"{Path(folder) / files.CONFIG} describes an {described}, not an {model_type.__name__}"
        )
    model = model_type(config)
    weights.from_arrays(model, arrays, source=str(Path(folder) / files.WEIGHTS))
    return model.eval()
