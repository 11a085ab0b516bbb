"""Exercises of notebook 6: a CNN for shapes and colors."""

import numpy as np

from zoojax.common.teaching.exercises.judging import Mistake, Numbers, Words, judge, judge_function

CHANNELS, SIZE, BLOCKS = 16, 64, 3
"""Of the network whose flattened features are counted."""

KERNEL, COLORS = 3, 3
"""Of the convolution whose parameters are counted."""


def _pictures() -> Numbers:
    """Return pictures (batch, height, width, channels), each number another and none 0."""
    return 1 + np.random.default_rng(6).permutation(4 * 5 * 6 * 3).reshape(4, 5, 6, 3)


def channels_first(answer: object) -> Words:
    """Judge ``channels_first(images)``: (batch, channels, height, width)."""
    mistakes = [
        (
            lambda x: x.reshape(len(x), x.shape[3], *x.shape[1:3]),
            "The shape is right, but the pixels are mixed up: a reshape keeps them in their old "
            "order. Move the axes instead.",
        ),
        (lambda x: x.transpose(0, 3, 2, 1), "Height and width have changed places."),
        (lambda x: x.transpose(3, 0, 1, 2), "The batch stays in front: channels come second."),
        (lambda x: x.transpose(3, 1, 2, 0), "The batch stays in front: it has gone to the end."),
        (lambda x: x.transpose(3, 2, 1, 0), "All axes have been reversed."),
        (lambda x: x.transpose(0, 2, 3, 1), "The axes went round in the other direction."),
        (lambda x: x, "Nothing has moved."),
    ]
    return judge_function(
        answer, lambda x: x.transpose(0, 3, 1, 2), mistakes, cases=[(_pictures(),)]
    )


def flattened_features(answer: object) -> Words:
    """Judge the features after blocks that each halve height and width."""
    size = SIZE // 2**BLOCKS
    pools = "Count the pools: each block has one, and each halves height and width."
    mistakes = [
        *(Mistake(CHANNELS * (SIZE // 2**num) ** 2, pools) for num in (0, 1, 2, 4)),
        Mistake(size**2, "This is one channel: there are more."),
        Mistake(CHANNELS * size, "A picture has a height and a width."),
        Mistake(CHANNELS * SIZE * size, "A pool halves both height and width."),
        Mistake(3 * size**2, "The colors are mixed in the first block: count its channels."),
        Mistake(
            3 * CHANNELS * size**2,
            "Flatten what the last block returns: colors and blocks do not multiply it.",
        ),
        Mistake(
            CHANNELS**BLOCKS * size**2,
            "Each block mixes all channels that it gets: their number does not multiply.",
        ),
        Mistake(
            CHANNELS * 6**2,  # 64, 62, 31, 29, 14, 12, 6
            "With a padding of 1, a convolution with kernel 3 keeps height and width.",
        ),
    ]
    return judge(answer, CHANNELS * size**2, mistakes)


def convolution_parameters(answer: object) -> Words:
    """Judge the number of trainable numbers of a convolution with bias."""
    window = KERNEL**2
    weights = CHANNELS * window * COLORS
    right = weights + CHANNELS
    # Kernel and colors are as many here: a kernel that is a row is told from no other mistake.
    kernel = "A kernel is a square of pixels in each input channel"
    mistakes = [
        Mistake(weights, "The bias is missing: each output channel has one."),
        Mistake(weights + 1, "Each output channel has a bias of its own."),
        Mistake(weights + COLORS, "A bias is added to each output channel, not to each input."),
        Mistake(
            CHANNELS * COLORS * (window + 1),
            "An output channel has one bias, not one for each input channel.",
        ),
        Mistake(CHANNELS * (window + 1), f"{kernel}."),
        Mistake(CHANNELS * window, f"{kernel}, and has a bias."),
        Mistake(CHANNELS * (COLORS + 1), f"{kernel}, not a single pixel."),
        Mistake(window * COLORS + 1, "This is one kernel; each output channel has its own."),
        Mistake(window * COLORS, "This is one kernel without its bias; each output has its own."),
        *(
            Mistake(right * size**2, "All places of a picture use the same kernels.")
            for size in (SIZE, SIZE // 2)
        ),
    ]
    return judge(answer, right, mistakes)


def mirrored(answer: object) -> Words:
    """Judge ``mirrored(images)``: left and right change places."""
    mistakes = [
        (lambda x: x[:, ::-1], "These are upside down: that was the axis of the rows."),
        (lambda x: x[:, ::-1, ::-1], "These are upside down as well: turn one axis only."),
        (
            lambda x: x[..., ::-1],
            "Red and blue have changed places: that was the axis of the channels.",
        ),
        (lambda x: x[::-1], "The pictures come in another order, and each is as it was."),
        (
            lambda x: x[::-1, ::-1, ::-1, ::-1],
            "All axes have been reversed: np.flip does so unless told which.",
        ),
        (lambda x: x.swapaxes(1, 2), "Rows and columns have changed places."),
        (lambda x: x, "Nothing has moved."),
    ]
    return judge_function(answer, lambda x: x[:, :, ::-1], mistakes, cases=[(_pictures(),)])


def accuracy_of_each(answer: object) -> Words:
    """Judge ``accuracy_of_each(right, group, num_groups)``."""
    right = np.array([True, False, True, True, False, True, True, False, False])
    group = np.array([0, 0, 0, 0, 1, 1, 2, 2, 2])

    def counts(right: Numbers, group: Numbers, num: int) -> Numbers:
        return np.bincount(group, right, num)

    def of_each(right: Numbers, group: Numbers, num: int) -> Numbers:
        return counts(right, group, num) / np.bincount(group, minlength=num)

    other = "Divide by how many samples are in the group, and by no other number."
    mistakes = [
        (counts, "These are counts: divide by how many samples are in the group."),
        (lambda r, g, n: counts(r, g, n) / len(r), other),
        (lambda r, g, n: counts(r, g, n) / n, other),
        (lambda r, g, n: 1 - of_each(r, g, n), "These are the fractions that are wrong."),
        (
            lambda r, g, n: counts(r, g, n) / r.sum(),
            "This says in which group the right ones are, but groups differ in size.",
        ),
        (
            lambda r, g, n: np.append(of_each(r, g, n)[1:], np.nan),
            "Groups are numbered from 0: the last of yours is empty.",
        ),
        (lambda r, g, n: r.mean(), "This is the accuracy of all: each group has its own."),
    ]
    return judge_function(answer, of_each, mistakes, cases=[(right, group, 3)])


EXERCISES = {
    "channels first": channels_first,
    "flattened features": flattened_features,
    "parameters of a convolution": convolution_parameters,
    "mirrored pictures": mirrored,
    "accuracy of each group": accuracy_of_each,
}
