"""Everything between a seed and a batch: simulation, transforms, splits, order."""

from zoojax.data.augment import shrink
from zoojax.data.lazy_images import SimulatedImages
from zoojax.data.sampling import batch_indices, epoch_order, in_batches, split_indices
from zoojax.data.shapes import shape_mask, simulate_batch, simulate_shapes
from zoojax.data.transforms import as_inputs, standardise, windows
from zoojax.data.waves import simulate_sinusoids, sinusoid
from zoojax.spec.batches import of_epoch, part, take

__all__ = [
    "SimulatedImages",
    "as_inputs",
    "batch_indices",
    "epoch_order",
    "in_batches",
    "of_epoch",
    "part",
    "shape_mask",
    "shrink",
    "simulate_batch",
    "simulate_shapes",
    "simulate_sinusoids",
    "sinusoid",
    "split_indices",
    "standardise",
    "take",
    "windows",
]
