"""Output sizes of convolutions and pools, by arithmetic alone."""

from typing import NamedTuple


class LayerShape(NamedTuple):
    """Output of one layer for one sample.

    Attributes:
        name: the layer's name in weight files, such as ``conv_block.0``.
        kind: what the layer is, such as ``Conv2d``.
        shape: (channels, height, width) or (features,): torch's order, without the batch.
    """

    name: str
    kind: str
    shape: tuple[int, ...]


def conv_output_size(
    size: int, kernel_size: int, *, stride: int = 1, padding: int = 0, dilation: int = 1
) -> int:
    """Return the output size of a convolution or pool along one axis.

    floor((size + 2 * padding - dilation * (kernel_size - 1) - 1) / stride + 1), as in the
    shape section of ``torch.nn.Conv2d``.

    Raises:
        ValueError: when the kernel, spread by its dilation, exceeds the padded input.
    """
    reach = dilation * (kernel_size - 1) + 1
    padded = size + 2 * padding
    if reach > padded:
        raise ValueError(
            f"a kernel of size {kernel_size} with dilation {dilation} reaches over {reach} "
            f"pixels, but the input of size {size} with padding {padding} has {padded}"
        )
    return (padded - reach) // stride + 1
