"""What models, training and metrics refuse, and how they say so: alike in both backends."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import ArrayLike

from zoojax.spec.config import ModelConfig, RNNConfig, TrainConfig
from zoojax.spec.layout import IGNORED, Leaf, has_batch_norm, num_outputs
from zoojax.spec.quantiles import outputs_of
from zoojax.spec.records import Batch
from zoojax.spec.types import Shaped


def check_same_shape(predictions: tuple[int, ...], targets: tuple[int, ...]) -> None:
    """Raise ``ValueError`` unless predictions and targets have one shape."""
    if tuple(predictions) != tuple(targets):
        raise ValueError(
            "predictions and targets must have one shape, got "
            f"{tuple(predictions)} and {tuple(targets)}"
        )


def check_classes(
    labels: ArrayLike, predictions: ArrayLike, num_classes: int | None = None
) -> None:
    """Raise ``ValueError`` unless labels and predictions can be compared.

    Args:
        labels: (samples,) integers.
        predictions: (samples,) integers.
        num_classes: labels and predictions are 0 to num_classes - 1; not checked when None.
    """
    if np.ndim(labels) != 1 or np.shape(labels) != np.shape(predictions):
        raise ValueError(
            "labels and predictions must be two lists of one length, got shapes "
            f"{tuple(np.shape(labels))} and {tuple(np.shape(predictions))}"
        )
    if num_classes is None or not np.shape(labels)[0]:
        return
    for name, classes in (("labels", labels), ("predictions", predictions)):
        given = np.asarray(classes)
        if not 0 <= given.min() <= given.max() < num_classes:
            raise ValueError(
                f"{name} must be from 0 to {num_classes - 1}, got {given.min()} to {given.max()}"
            )


def check_batch_size(num_samples: int, batch_size: int) -> None:
    """Raise ``ValueError`` unless there are samples and a positive number of them at a time."""
    if num_samples < 1 or batch_size < 1:
        raise ValueError(
            "prediction needs at least one sample, and at least one at a time; got "
            f"{num_samples} samples in batches of {batch_size}"
        )


def check_targets(loss: str, targets: ArrayLike, num_outputs: int) -> None:
    """Raise ``ValueError`` unless targets are what a loss compares a model's outputs with.

    Args:
        loss: cross_entropy, of (samples,) integers from 0 to num_outputs - 1;
            mean_squared_error, of (samples, num_outputs) numbers; or pinball, of (samples,
            num_outputs / 3) numbers.
        targets: array on the host.
        num_outputs: outputs of the model.
    """
    targets = np.asarray(targets)
    if loss != "cross_entropy":
        num_each = outputs_of(1, loss)
        if num_outputs % num_each:
            raise ValueError(
                f"{loss} needs a model of {num_each} outputs for each target, got {num_outputs} "
                "outputs"
            )
        num = num_outputs // num_each
        if targets.ndim != 2 or targets.shape[1] != num:
            raise ValueError(
                f"targets of {loss} must have shape (samples, {num}), got {targets.shape}"
            )
        return
    if targets.ndim != 1 or not np.issubdtype(targets.dtype, np.integer):
        raise ValueError(
            f"targets of cross_entropy must be (samples,) integers, got {targets.dtype} of shape "
            f"{targets.shape}"
        )
    if len(targets) and not 0 <= targets.min() <= targets.max() < num_outputs:
        raise ValueError(
            f"targets of cross_entropy must be from 0 to {num_outputs - 1}, got {targets.min()} "
            f"to {targets.max()}"
        )


def check_num_steps(schedule: str, num_steps: int | None) -> None:
    """Raise ``ValueError`` when a schedule does not know where it ends, or is too short."""
    if schedule == "constant":
        return
    # one_cycle goes up and down, which takes 4 steps.
    least = 4 if schedule == "one_cycle" else 1
    if num_steps is None or num_steps < least:
        raise ValueError(
            f"the schedule {schedule} needs num_steps, the steps of the whole run, of at least "
            f"{least}; got {num_steps}"
        )


def check_last_batch(num_samples: int, batch_size: int, *, has_batch_norm: bool) -> None:
    """Raise ``ValueError`` when there are no samples, or the last batch would hold a single one.

    BatchNorm needs two: one sample's variance is zero, and its unbiased one undefined.
    """
    if num_samples < 1:
        raise ValueError("training needs samples, got none")
    if has_batch_norm and num_samples % batch_size == 1:
        raise ValueError(
            f"{num_samples} training samples in batches of {batch_size} leave a last batch of "
            "one, and BatchNorm needs two; choose another batch_size or number of samples"
        )


def check_training(
    config: TrainConfig, model_config: ModelConfig, train: Batch, validation: Batch | None
) -> None:
    """Raise ``ValueError`` unless a model can be trained on these data.

    Args:
        config: how it is trained.
        model_config: of the model.
        train: samples to train on, their targets on the host.
        validation: samples to evaluate after each epoch.
    """
    if validation is None and (config.patience is not None or config.keep_best):
        raise ValueError("patience and keep_best need a validation set, got none")
    if validation is not None and not len(validation.targets):
        raise ValueError("a validation set needs samples, got none")
    for dataset in (train, validation):
        if dataset is not None:
            if len(dataset.inputs) != len(dataset.targets):
                raise ValueError(
                    f"there must be as many targets as inputs, got {len(dataset.targets)} targets "
                    f"and {len(dataset.inputs)} inputs"
                )
            check_targets(config.loss, dataset.targets, num_outputs(model_config))
    normalised = has_batch_norm(model_config)
    check_last_batch(len(train.targets), config.batch_size, has_batch_norm=normalised)


def check_arrays(arrays: Mapping[str, Shaped], leaves: Iterable[Leaf], source: str) -> None:
    """Check names, shapes and number types of a weight file against a model.

    Raises:
        ValueError: when a name is missing or extra, or a shape differs (names it, and both
            shapes), or when not all are float32, or all float64.
    """
    expected = {leaf.name: leaf.shape for leaf in leaves}
    check_shapes(arrays, expected, source)
    dtypes = {name: str(arrays[name].dtype).removeprefix("torch.") for name in expected}
    first = dtypes[next(iter(expected))]
    for name, dtype in dtypes.items():
        if dtype not in ("float32", "float64") or dtype != first:
            raise ValueError(
                f"{source}: {name} is of {dtype}; all must be of float32, or all of float64"
            )


def check_shapes(
    arrays: Mapping[str, Shaped], expected: Mapping[str, tuple[int, ...]], source: str
) -> None:
    """Check names and shapes of a file of arrays.

    Args:
        arrays: what the file holds, by name.
        expected: the shape of each array it must hold.
        source: what error messages call the file.

    Raises:
        ValueError: when a name is missing or extra, or a shape differs; names it, and both
            shapes.
    """
    given = {name for name in arrays if not name.endswith(IGNORED)}
    if missing := [name for name in expected if name not in given]:
        raise ValueError(f"{source} lacks {', '.join(missing)}")
    if extra := sorted(given - set(expected)):
        raise ValueError(f"{source} holds {', '.join(extra)}, which the model has not")
    for name, shape in expected.items():
        if tuple(arrays[name].shape) != shape:
            raise ValueError(
                f"{source}: {name} has shape {tuple(arrays[name].shape)}, the model needs {shape}"
            )


def is_batch_of(shape: tuple[int, ...], expected: tuple[int | str, ...]) -> bool:
    """Return whether ``shape`` is that of a batch of samples of the ``expected`` shape.

    Args:
        shape: what was given, with the batch.
        expected: of one sample; a text such as "time" stands for any size of at least 1.
    """
    return len(shape) == len(expected) + 1 and all(
        given == size or (isinstance(size, str) and given > 0)
        for given, size in zip(shape[1:], expected, strict=True)
    )


def check_input(shape: tuple[int, ...], expected: tuple[int | str, ...]) -> None:
    """Raise ``ValueError`` unless ``is_batch_of(shape, expected)``."""
    if not is_batch_of(shape, expected):
        wanted = ", ".join(map(str, expected))
        raise ValueError(f"inputs must have shape (batch, {wanted}), got {tuple(shape)}")


def check_state(shapes: list[tuple[int, ...]], config: RNNConfig, batch_size: int) -> None:
    """Raise ``ValueError`` unless a recurrent state has as many parts as the cell, and their shape.

    Args:
        shapes: shape of each part: (hidden,), or (hidden, cell) of an lstm.
        config: of the network.
        batch_size: samples of the input.
    """
    expected = (config.num_layers, batch_size, config.hidden_dim)
    num_parts = 2 if config.cell == "lstm" else 1
    if [tuple(shape) for shape in shapes] != [expected] * num_parts:
        wanted = f"{num_parts} arrays" if num_parts > 1 else "one array"
        given = ", ".join(str(tuple(shape)) for shape in shapes)
        raise ValueError(f"the state of {config.cell} is {wanted} of shape {expected}, got {given}")
