"""Output sizes of convolutions and pools, by arithmetic alone."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from zoojax.spec.config import CNNConfig


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


def _next_size(
    name: str, size: tuple[int, int], *, kernel_size: int, **spacing: int
) -> tuple[int, int]:
    """Apply ``conv_output_size`` to (height, width); a failure names the layer."""
    try:
        height, width = (conv_output_size(n, kernel_size, **spacing) for n in size)
    except ValueError as error:
        raise ValueError(f"layer {name}, reached by {size[0]}x{size[1]} pixels: {error}") from None
    return height, width


def cnn_layer_shapes(config: "CNNConfig") -> tuple[LayerShape, ...]:
    """Return every layer's output shape, in the order of the forward pass.

    Raises:
        ValueError: when a kernel or a pool exceeds its input; names the layer and the size
            that reached it.
    """
    rows: list[LayerShape] = []
    size = (config.height, config.width)
    channels = config.num_cnn_channels
    num_blocks = config.num_cnn_layers + 2
    for block in range(num_blocks):
        conv, norm, pool = (f"conv_block.{3 * block + i}" for i in range(3))
        size = _next_size(
            conv,
            size,
            kernel_size=config.kernel_size,
            stride=config.stride,
            padding=config.padding,
            dilation=config.dilation,
        )
        rows.append(LayerShape(conv, "Conv2d", (channels, *size)))
        rows.append(LayerShape(norm, "BatchNorm2d", (channels, *size)))
        size = _next_size(pool, size, kernel_size=config.pooling, stride=config.pooling)
        kind = "MaxPool2d" if block < num_blocks - 1 else "AvgPool2d"
        rows.append(LayerShape(pool, kind, (channels, *size)))

    features = channels * size[0] * size[1] if config.head == "flatten" else channels
    kinds = {"flatten": "Flatten", "max": "GlobalMaxPool2d", "average": "GlobalAvgPool2d"}
    rows.append(LayerShape("head", kinds[config.head], (features,)))
    for block in range(config.num_layers + 1):
        for i, kind in enumerate(("Linear", "BatchNorm1d", "Activation", "Dropout")):
            rows.append(LayerShape(f"linear_block.{4 * block + i}", kind, (config.hidden_dim,)))
    rows.append(LayerShape("output_block", "Linear", (config.num_classes,)))
    return tuple(rows)
