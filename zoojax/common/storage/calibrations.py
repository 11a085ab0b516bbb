"""Calibrations as files: the threshold of a run."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from zoojax.common.storage import files
from zoojax.common.storage.fingerprint import data_fingerprint
from zoojax.common.storage.runs import CALIBRATION, SavedRun, weights_digest
from zoojax.spec.config import ConformalConfig, RunConfig, conformal_of
from zoojax.spec.draws import is_integer
from zoojax.spec.records import Batch, Calibrated, Calibration


def save_calibration(run: SavedRun, made: Calibrated, backend: str) -> Path:
    """Write a calibration into the folder of its run, whole or not at all.

    Args:
        run: the run.
        made: what to write.
        backend: which of the two calibrated.
    """
    content = {
        "backend": backend,
        "version": files.version(),
        "config": made.calibration.config,
        "threshold": _texts_for_infinity(made.calibration.threshold.tolist()),
        "num_samples": made.calibration.num_samples,
        "samples": made.held.split,
        "fingerprint": data_fingerprint(calibration=Batch(made.held.inputs, made.held.targets)),
        # Of these weights and no others.
        "weights": weights_digest(run.folder),
        "evaluation": {"samples": made.tests.split, **made.scores},
    }
    return files.write_json(run.folder / CALIBRATION, files.without_nan(content))


def _texts_for_infinity(value: Any) -> Any:
    """Return numbers as they are, and infinite ones as texts, since JSON has none."""
    if isinstance(value, list):
        return [_texts_for_infinity(each) for each in value]
    return str(value) if math.isinf(value) else value


def load_calibration(folder: str | Path, run: RunConfig) -> Calibration | None:
    """Read what ``save_calibration`` wrote.

    Returns:
        the calibration, or None where there is none.

    Raises:
        ValueError: when the file is damaged, or the weights are others than were calibrated;
            names the file.
    """
    path = Path(folder) / CALIBRATION
    if not path.exists():
        return None
    content = files.read_json(path)
    try:
        config = files.make_config(ConformalConfig, content["config"], str(path))
        if conformal_of(config, run) != config:
            raise ValueError("its score has no name")
        threshold = np.array(content["threshold"], np.float64)
        num_samples = content["num_samples"]
        weights = content["weights"]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    is_whole = is_integer(num_samples) and threshold.shape == _shape(config, run)
    if not is_whole or np.isnan(threshold).any():
        raise ValueError(f"{path} is damaged: its threshold is not one of this run")
    if weights_digest(folder) != weights:
        raise ValueError(
            f"{path} was made for other weights; run zoo calibrate --folder {folder} again"
        )
    return Calibration(config, threshold.astype(run.train.dtype), num_samples)


def _shape(config: ConformalConfig, run: RunConfig) -> tuple[int, ...]:
    """Return the shape that a threshold has."""
    if run.class_names:
        return (len(run.class_names),) if config.per_class else ()
    num_steps = getattr(run.data, "num_next_steps", 0)
    return (num_steps, 2) if config.score == "asymmetric_cqr" else (num_steps,)
