"""What `torch.nn.functional` has built in: the plain formula's values, faster on a CPU.

Everything that exists for the speed of XLA is in this room, each operation beside its plain
formula, ``*_reference``, which tests and FLOP counts use. A reader may stop at the door.
"""

from zoojax.ops.batch_sum import sum_over_batch
from zoojax.ops.conv import conv2d
from zoojax.ops.dispatch import references
from zoojax.ops.lstm import lstm, run_steps
from zoojax.ops.norm import batch_norm, norm_max_pool
from zoojax.ops.pooling import Window, avg_pool, max_pool

__all__ = [
    "Window",
    "avg_pool",
    "batch_norm",
    "conv2d",
    "lstm",
    "max_pool",
    "norm_max_pool",
    "references",
    "run_steps",
    "sum_over_batch",
]
