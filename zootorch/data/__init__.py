"""Everything between a seed and a batch: simulation, transforms, splits, order."""

from zoojax.spec.batches import of_epoch, part, take
from zootorch.data.augment import Shrink
from zootorch.data.lazy_images import SimulatedImages
from zootorch.data.sampling import batch_indices, check_indices, split_indices
from zootorch.data.shapes import ShapesDataset, shape_mask
from zootorch.data.transforms import as_inputs, standardise, windows
from zootorch.data.waves import SinusoidsDataset, sinusoid

__all__ = [
    "ShapesDataset",
    "Shrink",
    "SimulatedImages",
    "SinusoidsDataset",
    "as_inputs",
    "batch_indices",
    "check_indices",
    "of_epoch",
    "part",
    "shape_mask",
    "sinusoid",
    "split_indices",
    "standardise",
    "take",
    "windows",
]
