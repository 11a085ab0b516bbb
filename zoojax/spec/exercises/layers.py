"""Exercises of notebook 2: layers."""

from typing import Any

import numpy as np

from zoojax.spec.conv import conv_output_size
from zoojax.spec.exercises.judging import Mistake, Numbers, Words, judge, judge_function

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


def hand_convolution(answer: Any) -> Words:
    """Judge one pixel of a convolution: products element by element, added up."""
    return judge(
        answer,
        (PATCH * KERNEL).sum(),
        [
            Mistake(
                (PATCH * KERNEL[::-1, ::-1]).sum(),
                "The kernel was turned around: that is the convolution of mathematics. Networks "
                "leave it as it is.",
            ),
            Mistake((PATCH * KERNEL.T).sum(), "The kernel is transposed: its rows became columns."),
            Mistake(
                (PATCH @ KERNEL).sum(),
                "This is a product of matrices; here each number meets the one at its own place.",
            ),
            Mistake((PATCH * KERNEL).mean(), "Add the products up; do not take their mean."),
            Mistake(PATCH * KERNEL, "These are the products: one more step makes a pixel of them."),
            Mistake(np.abs(PATCH * KERNEL).sum(), "Some products are negative."),
            Mistake((PATCH + KERNEL).sum(), "The numbers are multiplied before they are added up."),
        ],
    )


def output_sizes(answer: Any) -> Words:
    """Judge the output size of each of ``LAYERS`` along one axis."""

    def sizes(**changed: int) -> Numbers:
        return [conv_output_size(**{**layer, **changed}) for layer in LAYERS]

    def by_formula(formula: Any) -> Numbers:
        full = ({"stride": 1, "padding": 0, "dilation": 1, **layer} for layer in LAYERS)
        return [formula(**layer) for layer in full]

    return judge(
        answer,
        sizes(),
        [
            Mistake(sizes(dilation=1), "A dilated kernel reaches over more pixels than it has."),
            Mistake(sizes(padding=0), "Padding adds pixels on both sides."),
            Mistake(
                by_formula(
                    lambda size, kernel_size, stride, padding, dilation: (
                        (size + padding - dilation * (kernel_size - 1) - 1) // stride + 1
                    )
                ),
                "Padding is added on both sides, and counts twice.",
            ),
            Mistake(
                by_formula(
                    lambda size, kernel_size, stride, padding, dilation: (
                        (size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride
                    )
                ),
                "One is missing: a kernel as large as its input gives one pixel.",
            ),
            Mistake(
                by_formula(
                    lambda size, kernel_size, stride, padding, dilation: (
                        (size + 2 * padding - dilation * (kernel_size - 1) - 1) / stride + 1
                    )
                ),
                "A size is a whole number: what is left at the edge is dropped.",
            ),
            Mistake(sizes(stride=1), "A stride of 2 leaves out every second place."),
        ],
    )


def max_pool(answer: Any) -> Words:
    """Judge a max pool of ``PIXELS``, 2 by 2 with stride 2."""
    blocks = PIXELS.reshape(2, 2, 2, 2)
    windows = np.lib.stride_tricks.sliding_window_view(PIXELS, (2, 2))
    return judge(
        answer,
        blocks.max((1, 3)),
        [
            Mistake(blocks.mean((1, 3)), "This is an average pool."),
            Mistake(windows.max((2, 3)), "The stride is 2: windows do not overlap."),
            Mistake(blocks.min((1, 3)), "These are the smallest; a max pool takes the largest."),
            Mistake(
                PIXELS.reshape(2, 2, 2, 2).max((2, 3)),
                "These are the largest of rows cut up, not of squares: reshape keeps rows whole.",
            ),
            Mistake(PIXELS.max(), "This is the largest pixel of all: there are four windows."),
        ],
    )


def leaky_relu_gradient(answer: Any) -> Words:
    """Judge ``gradient(x)``, the derivative of LeakyReLU with slope 0.01, as 0.01 at 0."""
    return judge_function(
        answer,
        lambda x: np.where(x > 0, 1.0, 0.01),
        [
            (lambda x: np.where(x > 0, 1.0, 0.0), "This is the derivative of ReLU: it leaks not."),
            (lambda x: np.where(x > 0, x, 0.01 * x), "This is the function, not its derivative."),
            (lambda x: np.where(x > 0, x, 0.01), "Above 0 the function is x: what is its slope?"),
            (lambda x: np.where(x > 0, 1.0, -0.01), "Below 0 the function still rises."),
            (lambda x: np.where(x < 0, 1.0, 0.01), "The two sides have changed places."),
        ],
        cases=[(np.array([-3.0, -0.5, 0.25, 2.0]),), (np.array([[1.0, -1.0], [0.5, 4.0]]),)],
    )


def normalise(answer: Any) -> Words:
    """Judge ``batch_norm, layer_norm`` of x (batch, features), without scale and shift."""
    x = np.array([[1.0, 2.0, 6.0], [3.0, 2.5, 1.0], [5.0, 9.0, 2.0], [7.0, -2.0, 4.0]])

    def normal(axis: int, ddof: int = 0) -> Numbers:
        spread = x.std(axis, ddof=ddof, keepdims=True)
        return (x - x.mean(axis, keepdims=True)) / spread

    def centred(axis: int) -> Numbers:
        return x - x.mean(axis, keepdims=True)

    def variance(axis: int) -> Numbers:
        return centred(axis) / x.var(axis, keepdims=True)

    pair = [normal(0), normal(1)]
    return judge(
        answer if not isinstance(answer, tuple) else list(map(np.asarray, answer)),
        pair,
        [
            Mistake(pair[::-1], "The two have changed places: batch norm works down the batch."),
            Mistake(
                [normal(0), normal(0)], "Layer norm looks at one sample at a time: another axis."
            ),
            Mistake([normal(1), normal(1)], "Batch norm looks at one feature of all samples."),
            Mistake(
                [normal(0, 1), normal(1, 1)],
                "The variance is that of these numbers: divide by n, not by n - 1.",
            ),
            Mistake([centred(0), centred(1)], "The mean is 0 now, and the spread is not 1 yet."),
            Mistake(
                [variance(0), variance(1)],
                "Divide by the standard deviation, the square root of the variance.",
            ),
        ],
        rtol=1e-3,
        atol=1e-4,
    )


def dropout(answer: Any) -> Words:
    """Judge ``dropout(x, kept, rate)``: kept where true, scaled so that the mean stays."""
    kept = np.array([True, False, True, True, False])
    x = np.array([1.0, -2.0, 3.0, 0.5, 4.0])
    return judge_function(
        answer,
        lambda x, kept, rate: np.where(kept, x / (1 - rate), 0.0),
        [
            (
                lambda x, kept, rate: np.where(kept, x, 0.0),
                "What is kept has to grow, so that the sum of all stays the same on average.",
            ),
            (
                lambda x, kept, rate: np.where(kept, x / rate, 0.0),
                "rate is the part that is dropped, not the part that is kept.",
            ),
            (
                lambda x, kept, rate: np.where(kept, x * (1 - rate), 0.0),
                "What is kept has to grow, and yours shrinks.",
            ),
            (
                lambda x, kept, rate: np.where(kept, 0.0, x / (1 - rate)),
                "What was to be kept is dropped, and the other way round.",
            ),
            (lambda x, kept, rate: x / (1 - rate), "Nothing is dropped."),
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
