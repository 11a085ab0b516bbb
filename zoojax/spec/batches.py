"""Some samples of a data set, as arrays of either backend or as images rendered on demand."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from zoojax.spec.records import Batch
from zoojax.spec.types import Shaped


@runtime_checkable
class LazyInputs(Protocol):
    """Inputs that are made when rows of them are asked for, such as ``SimulatedImages``."""

    def __getitem__(self, rows: Any) -> Any:
        """Make some rows."""
        ...

    def part(self, rows: Any) -> "LazyInputs":
        """Return some rows without making them."""
        ...

    def of_epoch(self, epoch: int) -> "LazyInputs":
        """Return the inputs of an epoch, counted from 0."""
        ...


def take(batch: Batch, indices: Shaped | Sequence[int]) -> Batch:
    """Return the samples of ``batch`` at ``indices``, an array of integers of its backend."""
    return Batch(batch.inputs[indices], batch.targets[indices])


def part(dataset: Batch, rows: Shaped | Sequence[int]) -> Batch:
    """Return some samples of a data set; lazy inputs stay lazy.

    Args:
        dataset: inputs (samples, ...) and their targets (samples, ...).
        rows: (rows,) integers, an array of the data set's backend.
    """
    inputs = dataset.inputs
    some = inputs.part(rows) if isinstance(inputs, LazyInputs) else inputs[rows]
    return Batch(some, dataset.targets[rows])


def of_epoch(dataset: Batch, epoch: int) -> Batch:
    """Return the samples of an epoch: new ones if images are rendered again for each.

    Args:
        dataset: inputs (samples, ...) and their targets (samples, ...).
        epoch: counted from 0.
    """
    if not isinstance(dataset.inputs, LazyInputs):
        return dataset
    return Batch(dataset.inputs.of_epoch(epoch), dataset.targets)
