"""What a calibration found and what was predicted, as lines and columns of text."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoojax.common.reporting.run_figures import band
from zoojax.spec.config import (
    CNNConfig,
    ModelConfig,
    RunConfig,
)
from zoojax.spec.quantiles import quantile_parts
from zoojax.spec.records import Calibrated, Calibration


def describe_calibration(made: Calibrated, run: RunConfig) -> Iterator[str]:
    """Yield what a calibration found, line by line."""
    config, scores = made.calibration.config, made.scores
    thresholds = [f"{each:.6g}" for each in np.ravel(made.calibration.threshold)]
    num = made.calibration.num_samples
    shown = "of each class, below," if config.per_class else ", ".join(thresholds)
    yield f"threshold {shown} from {num} samples ({config.score}, alpha {config.alpha:g})"
    if np.isinf(made.calibration.threshold).any():
        yield "an infinite threshold holds everything: so small an alpha needs more samples"
    ends, num = band(made, run, config.alpha), len(made.tests.targets)
    theory = f" (theory: {ends[0]:.2%} to {ends[1]:.2%}, 95 times in 100)" if ends else ""
    if not run.class_names:
        for step, (part, width) in enumerate(zip(scores["coverage"], scores["width"], strict=True)):
            covered = f"{part:.2%} of {num} covered{theory}, mean width {width:.4g}"
            yield f"{made.tests.split}, {step + 1} ahead: {covered}"
        return
    sizes = np.array(scores["set_sizes"])
    mean = sizes @ np.arange(len(sizes)) / num
    covered = f"{scores['coverage']:.2%} of {num} covered{theory}"
    yield f"{made.tests.split}: {covered}, {mean:.2f} labels a set, {sizes[0]} empty sets"
    for i, (name, part) in enumerate(zip(run.class_names, scores["class_coverage"], strict=True)):
        covered = "no samples" if math.isnan(part) else f"{part:.2%} covered"
        own = f", threshold {thresholds[i]}" if config.per_class else ""
        yield f"{name:>12} {covered}{own}"


def prediction_columns(
    calibration: Calibration, predicted: NDArray[Any], class_names: Sequence[str]
) -> list[list[str]]:
    """Return sets or intervals as columns of text, each with its name first.

    Args:
        calibration: that made them.
        predicted: (samples, classes) bool, or (samples, outputs, 2) float.
        class_names: in label order; of waves none.
    """
    sure = f"{100 * (1 - calibration.config.alpha):g}%"
    if class_names:
        sets = (np.array(class_names)[held] for held in predicted)
        return [[f"{sure} set", *(", ".join(held) or "(empty)" for held in sets)]]
    return [
        [f"{step + 1} ahead, {sure} {end}", *(f"{value:.6g}" for value in predicted[:, step, i])]
        for step in range(predicted.shape[1])
        for i, end in enumerate(("from", "to"))
    ]


def prediction_table(
    names: Sequence[str],
    outputs: NDArray[np.floating],
    config: ModelConfig,
    class_names: Sequence[str],
    *,
    loss: str | None = None,
) -> list[list[str]]:
    """Return what was predicted as rows of text, the first with the columns' names.

    Args:
        names: of the samples.
        outputs: (samples, classes) probabilities, or (samples, outputs) numbers.
        config: of the model.
        class_names: in label order; when there are none, classes are counted from 0.
        loss: that the model learned by. Of pinball each step ahead has three columns: lower,
            middle and upper quantile. None where it is not known: the numbers as they are.
    """
    if not isinstance(config, CNNConfig):
        kinds = [""]
        if loss == "pinball":
            # Those of one step side by side; the model has all lower ones first.
            kinds = [" lower", "", " upper"]
            outputs = np.stack(quantile_parts(outputs), axis=-1).reshape(outputs.shape)
        steps = range(1, outputs.shape[1] // len(kinds) + 1)
        heads = [f"{step} ahead{kind}" for step in steps for kind in kinds]
        rows = [[f"{value:.6g}" for value in row] for row in outputs]
        return [["wave", *heads], *([n, *row] for n, row in zip(names, rows, strict=True))]
    classes = class_names or [f"class {i}" for i in range(outputs.shape[1])]
    table = [["picture", "label", *classes]]
    for name, probs in zip(names, outputs, strict=True):
        table.append([name, classes[int(probs.argmax())], *(f"{prob:.4f}" for prob in probs)])
    return table
