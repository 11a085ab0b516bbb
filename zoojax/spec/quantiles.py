"""What a model of quantiles gives: three numbers for each one that it learns."""

from typing import TypeVar

from zoojax.spec.types import Sliceable

A = TypeVar("A", bound=Sliceable)
"""An array of a backend."""

NUM_QUANTILES = 3
"""Lower, middle and upper, in the order in which a model's outputs hold them."""


def quantile_parts(outputs: A) -> tuple[A, A, A]:
    """Return the lower, the middle and the upper quantiles.

    Nothing keeps a model from giving a lower one over an upper one: they are returned as they are.

    Args:
        outputs: (batch, 3 * outputs) numbers of any backend: all lower, all middle, all upper.

    Returns:
        three arrays or tensors, (batch, outputs) each.

    Raises:
        ValueError: when the outputs are not of such a shape.
    """
    shape = tuple(outputs.shape)
    if len(shape) != 2 or shape[1] % NUM_QUANTILES:
        raise ValueError(f"quantiles must have shape (batch, 3 * outputs), got {shape}")
    num = shape[1] // NUM_QUANTILES
    return outputs[:, :num], outputs[:, num : 2 * num], outputs[:, 2 * num :]


def point_predictions(outputs: A, loss: str) -> A:
    """Return one prediction for each target: of quantiles the middle one.

    Args:
        outputs: (batch, 3 * outputs) numbers where the loss is pinball, else (batch, outputs).
        loss: that the model learned by.

    Returns:
        (batch, outputs) numbers.
    """
    return quantile_parts(outputs)[1] if loss == "pinball" else outputs


def outputs_of(num_targets: int, loss: str) -> int:
    """Return how many outputs a model needs for ``num_targets`` numbers of a sample."""
    return num_targets * NUM_QUANTILES if loss == "pinball" else num_targets


def check_quantile_shapes(predictions: tuple[int, ...], targets: tuple[int, ...]) -> None:
    """Raise ``ValueError`` unless there are three predictions for each target."""
    predictions, targets = tuple(predictions), tuple(targets)
    if len(targets) != 2 or predictions != (targets[0], NUM_QUANTILES * targets[1]):
        raise ValueError(
            "pinball needs predictions of shape (batch, 3 * outputs) and targets of (batch, "
            f"outputs), got {predictions} and {targets}"
        )
