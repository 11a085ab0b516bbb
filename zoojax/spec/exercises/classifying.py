"""Exercises of notebook 6: a CNN for shapes and colours."""

from typing import Any

import numpy as np

from zoojax.spec.exercises.judging import Mistake, Numbers, Words, judge, judge_function

CHANNELS, SIZE, BLOCKS = 16, 64, 3
"""Of the network whose flattened features are counted."""

KERNEL, INPUT_CHANNELS = 3, 3
"""Of the convolution whose parameters are counted."""


def _pictures() -> Numbers:
    """Return pictures (batch, height, width, channels), each number another."""
    return np.random.default_rng(6).permutation(4 * 5 * 6 * 3).reshape(4, 5, 6, 3)


def channels_first(answer: Any) -> Words:
    """Judge ``channels_first(images)``: (batch, channels, height, width)."""
    return judge_function(
        answer,
        lambda x: x.transpose(0, 3, 1, 2),
        [
            (
                lambda x: x.reshape(len(x), x.shape[3], *x.shape[1:3]),
                "The shape is right and the pixels are mixed up: reshape reads them in their old "
                "order. Move the axes.",
            ),
            (lambda x: x.transpose(0, 3, 2, 1), "Height and width have changed places."),
            (lambda x: x.transpose(3, 0, 1, 2), "The batch stays in front: channels come second."),
            (lambda x: x.transpose(3, 2, 1, 0), "All axes are turned around."),
            (lambda x: x.transpose(0, 2, 3, 1), "The axes went round in the other direction."),
            (lambda x: x, "Nothing has moved."),
        ],
        cases=[(_pictures(),)],
    )


def flattened_features(answer: Any) -> Words:
    """Judge the features after blocks that each halve height and width."""
    size = SIZE // 2**BLOCKS
    return judge(
        answer,
        CHANNELS * size**2,
        [
            Mistake(CHANNELS * SIZE**2, "Each pool halves height and width."),
            Mistake(size**2, "There are several channels."),
            Mistake(CHANNELS * size, "A picture has a height and a width."),
            Mistake(CHANNELS * (2 * size) ** 2, "One block more has its pool."),
            Mistake(CHANNELS * (size // 2) ** 2, "One block less has its pool."),
            Mistake(3 * size**2, "The colours are mixed in the first block: count its channels."),
            Mistake(
                CHANNELS * 6**2,
                "With a padding of 1, a convolution with kernel 3 leaves the size as it is.",
            ),
            Mistake(
                CHANNELS**BLOCKS * size**2,
                "A block mixes all channels that it is given: their number does not multiply.",
            ),
        ],
    )


def convolution_parameters(answer: Any) -> Words:
    """Judge the number of trainable numbers of a convolution with bias."""
    window = KERNEL**2
    return judge(
        answer,
        CHANNELS * (window * INPUT_CHANNELS + 1),
        [
            Mistake(CHANNELS * window * INPUT_CHANNELS, "Each output channel has a bias, too."),
            Mistake(CHANNELS * (window + 1), "A kernel looks at every input channel."),
            Mistake(CHANNELS * window, "A kernel looks at every input channel, and has a bias."),
            Mistake(window * INPUT_CHANNELS + 1, "This is one kernel; each output has its own."),
            Mistake(
                CHANNELS * INPUT_CHANNELS * (window + 1),
                "A bias belongs to an output channel, not to each input channel of it.",
            ),
            Mistake(
                CHANNELS * window * INPUT_CHANNELS + 1, "Each output channel has a bias of its own."
            ),
            Mistake(
                CHANNELS * window * INPUT_CHANNELS + INPUT_CHANNELS,
                "A bias is added to each output channel, not to each input channel.",
            ),
            Mistake(
                CHANNELS * (KERNEL * INPUT_CHANNELS + 1), "A kernel is a square of pixels, no row."
            ),
        ],
    )


def mirrored(answer: Any) -> Words:
    """Judge ``mirrored(images)``: left and right change places."""
    return judge_function(
        answer,
        lambda x: x[:, :, ::-1],
        [
            (lambda x: x[:, ::-1], "These stand on their heads: that was the axis of the rows."),
            (lambda x: x[:, ::-1, ::-1], "Turned by half: one axis too many was turned around."),
            (
                lambda x: x[..., ::-1],
                "Red and blue have changed places: that was the axis of the channels.",
            ),
            (lambda x: x[::-1], "The pictures come in another order, and each is as it was."),
            (lambda x: x.swapaxes(1, 2), "Rows and columns have changed places."),
            (lambda x: x, "Nothing has moved."),
        ],
        cases=[(_pictures(),)],
    )


def accuracy_of_each(answer: Any) -> Words:
    """Judge ``accuracy_of_each(right, group, num_groups)``."""
    right = np.array([True, False, True, True, False, True, True, False, False])
    group = np.array([0, 0, 0, 0, 1, 1, 2, 2, 2])

    def counts(right: Numbers, group: Numbers, num: int) -> Numbers:
        return np.bincount(group, right, num)

    return judge_function(
        answer,
        lambda r, g, n: counts(r, g, n) / np.bincount(g, minlength=n),
        [
            (counts, "These are counts: divide by how many are in the group."),
            (
                lambda r, g, n: counts(r, g, n) / len(r),
                "Divide by how many are in the group, not by how many there are in all.",
            ),
            (
                lambda r, g, n: 1 - counts(r, g, n) / np.bincount(g, minlength=n),
                "These are the parts that are wrong.",
            ),
            (
                lambda r, g, n: counts(r, g, n) / counts(r, g, n).sum(),
                "This says in which group the right ones are; groups differ in size.",
            ),
            (lambda r, g, n: r.mean(), "This is the accuracy of all: each group has one."),
        ],
        cases=[(right, group, 3)],
    )


EXERCISES = {
    "channels first": channels_first,
    "flattened features": flattened_features,
    "parameters of a convolution": convolution_parameters,
    "mirrored pictures": mirrored,
    "accuracy of each group": accuracy_of_each,
}
