"""Exercises of notebook 2: layers."""

import numpy as np

from zoojax.common.teaching.exercises.judging import (
    Mistake,
    Numbers,
    Words,
    judge,
    judge_function,
    unanswered,
)
from zoojax.spec.conv import conv_output_size

PATCH = np.array([[5, 2, 6], [4, 3, 4], [3, 9, 2]])
KERNEL = np.array([[-1, 0, 1], [2, 1, 2], [1, -2, 0]])
LAYERS = (
    {"size": 224, "kernel_size": 3},
    {"size": 224, "kernel_size": 3, "padding": 1},
    {"size": 64, "kernel_size": 5, "stride": 2, "padding": 2},
    {"size": 32, "kernel_size": 3, "dilation": 2},
    {"size": 15, "kernel_size": 2, "stride": 2},
)
"""Rows of the table of output sizes."""

PIXELS = np.array([[1, 8, 3, 0], [4, 2, 7, 5], [3, 1, 2, 2], [0, 6, 9, 4]])
SAMPLES = np.array([[1.0, 2.0, 6.0], [3.0, 2.5, 1.0], [5.0, 9.0, 2.0], [7.0, -2.0, 4.0]])
"""Four samples of three features, to be normalized."""


def hand_convolution(answer: object) -> Words:
    """Judge one pixel of a convolution: products element by element, added up."""
    matrices = "This is a product of matrices. Multiply each number with the one at its own place."
    return judge(
        answer,
        (PATCH * KERNEL).sum(),
        [
            Mistake(
                (PATCH * KERNEL[::-1, ::-1]).sum(),
                "You turned the kernel around, as the convolution of mathematics does. Networks "
                "leave it as it is.",
            ),
            Mistake((PATCH * KERNEL.T).sum(), "The kernel is transposed: its rows became columns."),
            Mistake((PATCH @ KERNEL).sum(), matrices),
            Mistake(PATCH @ KERNEL, matrices),
            Mistake((PATCH * KERNEL).mean(), "Add the products up; do not take their mean."),
            Mistake(PATCH * KERNEL, "These are the products. One more step makes a pixel of them."),
            Mistake(np.abs(PATCH * KERNEL).sum(), "Mind the signs: some products are negative."),
            Mistake((PATCH + KERNEL).sum(), "Multiply the numbers before you add them up."),
        ],
    )


def output_sizes(answer: object) -> Words:
    """Judge the output size of each of ``LAYERS`` along one axis."""

    def column(name: str, default: int = 1) -> Numbers:
        return np.array([layer.get(name, default) for layer in LAYERS])

    kernel, dilation, stride = column("kernel_size"), column("dilation"), column("stride")
    padding = column("padding", 0)
    room = column("size") - dilation * (kernel - 1) - 1
    exact = (room + 2 * padding) / stride + 1
    rounded = "A size is a whole number: drop what is left over at the edge."
    return judge(
        answer,
        [conv_output_size(**layer) for layer in LAYERS],
        [
            Mistake(
                (column("size") - kernel + 2 * padding) // stride + 1,
                "A dilated kernel reaches over more pixels than it has.",
            ),
            Mistake(
                (column("size") - dilation * kernel + 2 * padding) // stride + 1,
                "Dilation puts gaps between the kernel's pixels, and none after the last one.",
            ),
            Mistake(room // stride + 1, "Padding makes the input larger on both sides."),
            Mistake(
                (room + padding) // stride + 1, "Padding counts twice: it is added on both sides."
            ),
            Mistake(
                (room + 2 * padding) // stride,
                "One is missing: a kernel as large as its input gives one pixel.",
            ),
            Mistake(
                (room + 1 + 2 * padding) // stride + 1,
                "A kernel as large as its input gives one pixel; yours would give two.",
            ),
            Mistake(exact, rounded),
            Mistake(np.ceil(exact), rounded),
            Mistake(room + 2 * padding + 1, "Mind the stride: it leaves places out."),
        ],
    )


def max_pool(answer: object) -> Words:
    """Judge a max pool of ``PIXELS``, 2 by 2 with stride 2."""
    blocks = PIXELS.reshape(2, 2, 2, 2)
    windows = np.lib.stride_tricks.sliding_window_view(PIXELS, (2, 2))
    rows = "These are the largest of each row: a window reaches over two rows and two columns."
    return judge(
        answer,
        blocks.max((1, 3)),
        [
            Mistake(blocks.mean((1, 3)), "This is an average pool."),
            Mistake(windows.max((2, 3)), "The stride is 2: windows do not overlap."),
            Mistake(blocks.min((1, 3)), "These are the smallest; a max pool takes the largest."),
            Mistake(blocks.max((2, 3)), rows),
            Mistake(PIXELS.max(1), rows),
            Mistake(PIXELS.max(0), "These are the largest of each column: a window is two wide."),
            Mistake(PIXELS.max(), "This is the largest pixel of all: there are four windows."),
        ],
    )


def leaky_relu_gradient(answer: object) -> Words:
    """Judge ``gradient(x)``, the derivative of LeakyReLU with slope 0.01, as 0.01 at 0."""
    return judge_function(
        answer,
        lambda x: np.where(x > 0, 1.0, 0.01),
        [
            (
                lambda x: np.where(x > 0, 1.0, 0.0),
                "This is the derivative of ReLU, which lets nothing through below 0.",
            ),
            (lambda x: np.where(x > 0, x, 0.01 * x), "This is the function, not its derivative."),
            (lambda x: np.where(x > 0, x, 0.01), "Above 0 the function is x: what is its slope?"),
            (
                lambda x: np.where(x > 0, 1.0, 0.01 * x),
                "Below 0 the function is 0.01 x: what is its slope?",
            ),
            (lambda x: np.where(x > 0, 1.0, -0.01), "Below 0 the function still rises."),
            (lambda x: np.where(x > 0, 0.01, 1.0), "The two sides have changed places."),
            (lambda x: np.where(x >= 0, 1.0, 0.01), "At 0 itself, take the slope below it."),
            (
                np.ones_like,
                "Every slope is the same: if you replace numbers one side after the other, the "
                "second line sees what the first one wrote.",
            ),
        ],
        cases=[(np.array([-3.0, -0.5, 0.25, 2.0]),), (np.array([1.0, 0.0, -1.0, 4.0]),)],
    )


def normalise(answer: object) -> Words:
    """Judge ``batch_norm, layer_norm`` of x (batch, features), without scale and shift."""
    if unanswered(answer) or not isinstance(answer, tuple | list) or len(answer) != 2:
        return "Give two arrays: batch_normed, layer_normed."
    batch, layer = answer
    if _is_normal(batch, axis=1) and _is_normal(layer, axis=0):
        return "The two have changed places: batch norm works down the batch."
    if _is_normal(batch, axis=1):
        return "batch_normed: Batch norm looks at one feature of all samples, so at another axis."
    if _is_normal(layer, axis=0):
        return "layer_normed: Layer norm looks at all features of one sample, so at another axis."
    if words := _judge_normal(batch, axis=0):
        return f"batch_normed: {words}"
    if words := _judge_normal(layer, axis=1):
        return f"layer_normed: {words}"
    return ""


def _normal(axis: int | None, *, ddof: int = 0) -> Numbers:
    centered = SAMPLES - SAMPLES.mean(axis, keepdims=True)
    return centered / SAMPLES.std(axis, ddof=ddof, keepdims=True)


def _is_normal(answer: Numbers, axis: int) -> bool:
    return not _judge_normal(answer, axis)


def _judge_normal(answer: Numbers, axis: int) -> Words:
    """Judge ``SAMPLES`` with mean 0 and standard deviation 1 along an axis.

    A layer adds a small epsilon to the variance: that may be there or not.
    """
    spread = SAMPLES.std(axis, keepdims=True)
    centered = SAMPLES - SAMPLES.mean(axis, keepdims=True)
    return judge(
        answer,
        _normal(axis),
        [
            Mistake(_normal(None), "You took mean and spread of all numbers: name an axis."),
            Mistake(_normal(axis, ddof=1), "Divide by n, not by n - 1, in the variance."),
            Mistake(centered, "The mean is 0 now, but the spread is not 1 yet."),
            Mistake(
                centered / spread**2,
                "Divide by the standard deviation, the square root of the variance.",
            ),
            Mistake(SAMPLES / spread, "The spread is 1 now, but the mean is not 0 yet."),
            Mistake(
                SAMPLES - SAMPLES.mean(axis, keepdims=True) / spread,
                "Subtract the mean before you divide: brackets are missing.",
            ),
        ],
        rtol=1e-3,
        atol=1e-4,
    )


def dropout(answer: object) -> Words:
    """Judge ``dropout(x, kept, rate)``: kept where true, scaled so that the mean stays."""
    kept = np.array([True, False, True, True, False])
    x = np.array([1.0, -2.0, 3.0, 0.5, 4.0])
    swapped = "What was to be kept is dropped, and the other way round."
    stays = "What is dropped stays in its place, as 0."
    whole = "Nothing is dropped."
    return judge_function(
        answer,
        lambda x, kept, rate: np.where(kept, x / (1 - rate), 0.0),
        [
            (
                lambda x, kept, rate: np.where(kept, x, 0.0),
                "What is kept has to make up for what is dropped, or else the mean shrinks.",
            ),
            (
                lambda x, kept, rate: np.where(kept, x / rate, 0.0),
                "rate is the part that is dropped, not the part that is kept.",
            ),
            (
                lambda x, kept, rate: np.where(kept, x * (1 - rate), 0.0),
                "What is kept has to grow, but yours shrinks.",
            ),
            (
                lambda x, kept, rate: np.where(kept, x / kept.mean(), 0.0),
                "Scale by the part that is kept on average, not by what this mask keeps.",
            ),
            (lambda x, kept, rate: np.where(kept, 0.0, x / (1 - rate)), swapped),
            (lambda x, kept, rate: np.where(kept, 0.0, x), swapped),
            (lambda x, kept, rate: x[kept] / (1 - rate), stays),
            (lambda x, kept, rate: x[kept], stays),
            (lambda x, kept, rate: x / (1 - rate), whole),
            (lambda x, kept, rate: np.where(kept, x / (1 - rate), x), whole),
            (lambda x, kept, rate: x, whole),
        ],
        cases=[(x, kept, 0.4), (x, ~kept, 0.1)],
    )


EXERCISES = {
    "hand convolution": hand_convolution,
    "output sizes": output_sizes,
    "max pool": max_pool,
    "gradient of LeakyReLU": leaky_relu_gradient,
    "normalisation": normalise,
    "dropout": dropout,
}
