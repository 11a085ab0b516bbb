"""What conformal prediction refuses, and how it says so: alike in both backends."""

import math
import numbers
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

T = TypeVar("T")


def is_number(values: ArrayLike) -> bool:
    """Return whether no value is NaN: infinite scores are allowed, undefined ones are not."""
    return not np.isnan(np.asarray(values)).any()


def check_scores(scores: ArrayLike, *, values: bool = True) -> None:
    """Raise ``ValueError`` unless there are scores to calibrate with.

    Args:
        scores: (calibration, ...) numbers.
        values: whether to look at the numbers, not at the shape alone.
    """
    shape = tuple(np.shape(scores))
    if not shape or not shape[0]:
        raise ValueError(f"calibration needs scores of at least one sample, got shape {shape}")
    if values and not is_number(scores):
        raise ValueError("scores must be numbers, got NaN among them")


def check_sequence(scores: ArrayLike, *, values: bool = True) -> None:
    """Raise ``ValueError`` unless scores are one or more finite numbers in a row: (steps,)."""
    check_scores(scores, values=values)
    if np.ndim(scores) != 1:
        raise ValueError(f"a sequence has one score a step, got shape {tuple(np.shape(scores))}")
    if values and not np.isfinite(np.asarray(scores)).all():
        raise ValueError("scores of a sequence must be finite, got an infinite one among them")


def check_probs(probs: ArrayLike, *, values: bool = True) -> None:
    """Raise ``ValueError`` unless probabilities are (samples, classes) numbers from 0 to 1."""
    shape = tuple(np.shape(probs))
    _check_probs_shape(shape)
    if not values or not shape[0]:
        return
    given = np.asarray(probs)
    # Put so that NaN fails too; a softmax in float32 may pass 1 by a rounding.
    if not (given.min() >= 0 and given.max() <= 1 + 1e-5):
        raise ValueError(f"probs must be from 0 to 1, got {given.min()} to {given.max()}")
    sums = given.sum(1, dtype=np.float64)
    # That of half precision is off by some thousandths.
    if abs(sums - 1).max() > 0.01:
        raise ValueError(
            f"probs of a sample must add up to 1, got sums from {sums.min()} to {sums.max()}"
        )


def _check_probs_shape(shape: tuple[int, ...]) -> None:
    if len(shape) != 2 or not shape[1]:
        raise ValueError(f"probs must have shape (samples, classes), got {shape}")


def check_score_option(name: str, value: float) -> None:
    """Raise ``ValueError`` unless an option of a score is a finite number of at least 0."""
    if not isinstance(value, numbers.Real) or not 0 <= value < math.inf:
        raise ValueError(f"{name} must be a finite number of at least 0, got {value!r}")


def calibrated(value: T | None) -> T:
    """Return what calibration has set, or raise ``ValueError`` where it has not."""
    if value is None:
        raise ValueError("calibrate has to be called before anything can be predicted")
    return value


def check_set_threshold(threshold: tuple[int, ...], probs: tuple[int, ...]) -> None:
    """Raise ``ValueError`` unless a threshold is one number, one a class, or one a sample.

    Args:
        threshold: its shape.
        probs: shape of the probabilities, (samples, classes).
    """
    _check_probs_shape(probs)
    samples, classes = probs
    allowed = ((), (classes,), (samples, 1), (samples, classes))
    if tuple(threshold) not in allowed:
        raise ValueError(
            f"threshold must have one of the shapes {', '.join(map(str, allowed))}, got "
            f"{tuple(threshold)}"
        )


def check_indices(
    name: str, indices: ArrayLike, sizes: tuple[int, ...], *, values: bool = True
) -> None:
    """Raise ``ValueError`` unless indices are integers, one a sample, each of something there is.

    Args:
        name: what they are, such as "groups".
        indices: (samples,) integers from 0 on.
        sizes: how many samples there are, and how many things to point at.
        values: whether to look at the numbers, not at the shape alone.
    """
    if len(sizes) != 2:
        raise ValueError(f"{name} go with an array (samples, classes), got shape {tuple(sizes)}")
    num_samples, num = sizes
    if tuple(np.shape(indices)) != (num_samples,):
        raise ValueError(
            f"{name} must have shape ({num_samples},), one a sample, got {tuple(np.shape(indices))}"
        )
    if not values or not num_samples:
        return
    given = np.asarray(indices)
    if given.dtype.kind not in "iu" or not 0 <= given.min() <= given.max() < num:
        raise ValueError(
            f"{name} must be integers from 0 to {num - 1}, got {given.dtype} from {given.min()} "
            f"to {given.max()}"
        )


def check_weights(
    name: str, weights: ArrayLike, shape: tuple[int, ...] | None = None, *, values: bool = True
) -> None:
    """Raise ``ValueError`` unless weights are finite, not negative, and of the shape given.

    Args:
        name: what they are called.
        weights: numbers.
        shape: what their shape must be; None for one number or any list of them.
        values: whether to look at the numbers, not at the shape alone.
    """
    given = tuple(np.shape(weights))
    if (shape is None and len(given) > 1) or shape not in (None, given):
        raise ValueError(f"{name} must have shape {shape or '() or (tests,)'}, got {given}")
    if not values:
        return
    numbers_given = np.asarray(weights)
    if not np.isfinite(numbers_given).all() or (numbers_given < 0).any():
        raise ValueError(f"{name} must be finite numbers of at least 0")
    if shape is not None and not numbers_given.any():
        raise ValueError(f"{name} must not all be 0")


def _one_shape(
    names: str, *given: ArrayLike, axes: str = "(samples, ...)", ndim: int = 1
) -> tuple[int, ...]:
    """Return the shape that all arrays have, or raise ``ValueError``.

    Args:
        names: what they are.
        given: arrays.
        axes: what the shape must be like.
        ndim: how many axes it has at least.
    """
    shapes = [tuple(np.shape(each)) for each in given]
    if len(set(shapes)) != 1 or len(shapes[0]) < ndim:
        said = ", ".join(map(str, shapes))
        raise ValueError(f"{names} must have one shape {axes}, got {said}")
    return shapes[0]


def check_predictions(*given: ArrayLike) -> None:
    """Raise ``ValueError`` unless targets and all that is predicted for them have one shape."""
    _one_shape("targets and predictions", *given)


def check_interval_threshold(
    threshold: tuple[int, ...], predictions: tuple[int, ...], num_tails: int
) -> None:
    """Raise ``ValueError`` unless a threshold is one number, of one sample, or of all.

    Another shape might still broadcast, to something else than was meant.

    Args:
        threshold: its shape.
        predictions: shape of what is predicted, (samples, ...).
        num_tails: 2 where the last axis is of both ends, else 1.
    """
    tails = (2,) * (num_tails == 2)
    first, *others = predictions
    shapes = [(), tuple(others), tuple(predictions), (first, 1, *others[1:])]
    allowed = list(dict.fromkeys((*shape, *tails) for shape in shapes[: 3 + bool(others)]))
    if tuple(threshold) not in allowed:
        said = ", ".join(map(str, allowed))
        raise ValueError(f"threshold must have one of the shapes {said}, got {tuple(threshold)}")


def check_spread(spread: ArrayLike) -> None:
    """Raise ``ValueError`` unless every spread is a finite number over 0."""
    given = np.asarray(spread)
    # Put so that NaN fails too.
    if given.size and not (given.min() > 0 and given.max() < math.inf):
        raise ValueError(f"spread must be finite and over 0, got {given.min()} to {given.max()}")


def check_cross(
    scores: ArrayLike,
    folds: ArrayLike,
    *predictions: ArrayLike,
    num_tails: int | None,
    values: bool = True,
) -> None:
    """Raise ``ValueError`` unless scores, folds and the predictions of all models fit together.

    Args:
        scores: (samples, ...) numbers, with two tails (samples, ..., 2); of sets (samples,).
        folds: (samples,) integers from 0 to models - 1.
        predictions: (models, tests, ...) numbers each.
        num_tails: 1 or 2 scores of each number predicted; None of sets.
        values: whether to look at the numbers, not at the shapes alone.
    """
    num_models, _, *others = _one_shape(
        "predictions", *predictions, axes="(models, tests, ...)", ndim=2
    )
    check_scores(scores, values=values)
    check_indices("folds", folds, (np.shape(scores)[0], num_models), values=values)
    of_sample = () if num_tails is None else (*others, *(2,) * (num_tails == 2))
    # Arrays of other shapes might still broadcast, to something else than was meant.
    if (shape := tuple(np.shape(scores)))[1:] != of_sample:
        raise ValueError(f"scores must have shape {(shape[0], *of_sample)}, got {shape}")
    for each in predictions:
        check_scores(each, values=values)


def check_sets(shape: tuple[int, ...], dtype: object, num_classes: int | None = None) -> None:
    """Raise ``ValueError`` unless prediction sets are (samples, classes) bool.

    Args:
        shape: their shape.
        dtype: their type.
        num_classes: how many classes there must be; None for any number.
    """
    name = str(dtype).removeprefix("torch.")
    is_right = len(shape) == 2 and shape[1] and num_classes in (None, shape[1])
    if not is_right or name != "bool":
        classes = "classes" if num_classes is None else num_classes
        raise ValueError(
            f"sets must be (samples, {classes}) bool, got {name} of shape {tuple(shape)}"
        )


def check_covered(shape: tuple[int, ...], dtype: object) -> None:
    """Raise ``ValueError`` unless it is said of each sample whether it is covered."""
    name = str(dtype).removeprefix("torch.")
    if len(shape) != 1 or name != "bool":
        raise ValueError(f"covered must be (samples,) bool, got {name} of shape {tuple(shape)}")


def check_ends(names: str, *given: ArrayLike, values: bool = True) -> None:
    """Raise ``ValueError`` unless ends of intervals, and targets, have one shape, (samples, ...).

    Args:
        names: what is given.
        given: numbers; infinite ones are allowed.
        values: whether to look at the numbers, not at the shapes alone.
    """
    _one_shape(names, *given)
    if values and not all(is_number(each) for each in given):
        raise ValueError(f"{names} must be numbers, got NaN among them")
