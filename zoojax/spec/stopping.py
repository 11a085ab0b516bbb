"""When training has gone on long enough, and which epoch was best: from losses alone."""

import math
from collections.abc import Sequence


def best_epoch(validation_losses: Sequence[float]) -> int:
    """Return the epoch of the lowest validation loss, counted from 0; NaN is the highest.

    Args:
        validation_losses: of each epoch so far, at least one.
    """
    losses = [math.inf if math.isnan(loss) else loss for loss in validation_losses]
    return losses.index(min(losses))


def is_over(validation_losses: Sequence[float], patience: int | None) -> bool:
    """Return whether ``patience`` epochs have passed since the best one.

    Args:
        validation_losses: of each epoch so far.
        patience: epochs; None to go on whatever the losses are.
    """
    if patience is None or not validation_losses:
        return False
    return len(validation_losses) - 1 - best_epoch(validation_losses) >= patience
