"""Exercises of notebook 1: simulating data."""

import numpy as np

from zoojax.common.teaching.exercises.judging import (
    Mistake,
    Numbers,
    Words,
    judge,
    judge_function,
    numbers,
    unanswered,
)

NOISE_SHAPE = (64, 64, 3)


def noise_pair(answer: object) -> Words:
    """Judge two pictures of noise that are to be independent."""
    if unanswered(answer):
        return "The dots are still there: give two pictures, first, second."
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        return "Two pictures are asked for, as first, second."
    first, second = (numbers(each) for each in answer)
    for picture in (first, second):
        if picture is None:
            return "Numbers are asked for, and one of the two is something else."
        if picture.shape != NOISE_SHAPE:
            return judge(picture, np.zeros(NOISE_SHAPE))
        if picture.max() <= 1:
            return "These are numbers from 0 to 1, and a channel of a picture goes from 0 to 255."
        if picture.min() < 0 or picture.max() > 255:
            return "A channel of a picture goes from 0 to 255, and some of yours are outside."
        if (picture != picture.round()).any():
            return "A channel of a picture is a whole number, and some of yours are not."
    if (first == second).all():
        return "Both pictures are the same: one key was used twice. Split it first."
    if abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) > 0.05:
        return "The two pictures are not independent: one can be told from the other."
    if (abs(np.mean([first, second]) - 127.5) > 3) or (np.max([first, second]) < 250):
        return "Not every value from 0 to 255 is equally likely here."
    return ""


def jitter(answer: object) -> Words:
    """Judge ``jitter(rgb, m)``: channels of 255 move down by m, channels of 0 move up by m."""

    def right(rgb: Numbers, m: int) -> Numbers:
        return np.where(rgb == 255, rgb - m, rgb + m)

    return judge_function(
        answer,
        right,
        [
            (lambda rgb, m: rgb - m, "Channels that are 0 have to move up: a color has no -1."),
            (lambda rgb, m: rgb + m, "Channels that are 255 have to move down: 255 is the most."),
            (
                lambda rgb, m: np.where(rgb == 255, rgb - m, rgb),
                "Channels that are 0 do not move yet.",
            ),
            (
                lambda rgb, m: np.where(rgb == 255, rgb, rgb + m),
                "Channels that are 255 do not move yet.",
            ),
            (lambda rgb, m: rgb, "Nothing has moved."),
        ],
        cases=[
            (np.array([255, 255, 0]), 20),
            (np.array([0, 0, 0]), 7),
            (np.array([0, 255, 255]), 0),
        ],
    )


def places(answer: object) -> Words:
    """Judge ``num_places(height, width, size)``: in how many places a box fits."""
    return judge_function(
        answer,
        lambda height, width, size: (height - size + 1) * (width - size + 1),
        [
            (
                lambda height, width, size: (height - size) * (width - size),
                "One is missing on each axis: a box as large as the picture fits in one place.",
            ),
            (
                lambda height, width, size: (height - size + 1) + (width - size + 1),
                "Each row of places goes with each column of places: that is no sum.",
            ),
            (
                lambda height, width, size: height * width,
                "This lets the box hang over the edge.",
            ),
            (
                lambda height, width, size: (height - size + 1) ** 2,
                "A picture need not be a square: width counts as well.",
            ),
            (
                lambda height, width, size: height - size + 1,
                "This counts one axis; the box moves along the other as well.",
            ),
        ],
        cases=[(224, 224, 100), (30, 40, 30), (12, 20, 5)],
    )


def dataset_size(answer: object) -> Words:
    """Judge how many pictures 50 of each of 4 shapes in 6 colors and 2 shades are."""
    return judge(
        answer,
        50 * 4 * 8,
        [
            Mistake(50 * 4 * 6, "shades=True adds two colors: black and white."),
            Mistake(4 * 8, "Of each combination there are several pictures."),
            Mistake(50 * 4, "Each shape comes in each color."),
            Mistake(50 * 8, "Each color comes in each shape."),
            Mistake(50 * (4 + 8), "Each shape comes in each color: that is no sum."),
        ],
    )


def pure_dice(answer: object) -> Words:
    """Judge ``roll(state)``, which returns the new state and the number drawn."""

    def after(state: int) -> int:
        return (5 * state + 3) % 16

    def number(state: int) -> int:
        return state % 6 + 1

    return judge_function(
        answer,
        lambda state: [after(state), number(after(state))],
        [
            (
                lambda state: number(after(state)),
                "The number is there, and the new state has to come out as well: a pair.",
            ),
            (
                after,
                "The new state is there, and the number has to come out as well: a pair.",
            ),
            (
                lambda state: [number(after(state)), after(state)],
                "The state comes first, then the number.",
            ),
            (
                lambda state: [state, number(after(state))],
                "The old state comes out again, so that every roll would be the same.",
            ),
            (
                lambda state: [after(state), number(state)],
                "The object moves its state first, and makes the number of the new one.",
            ),
            (
                lambda state: [5 * state + 3, number(5 * state + 3)],
                "Without the remainder by 16, the state grows and grows.",
            ),
            (
                lambda state: [after(state), after(state) % 6],
                "The sides of the dice are numbered from 1, not from 0.",
            ),
        ],
        cases=[(7,), (0,), (12,)],
    )


EXERCISES = {
    "noise pair": noise_pair,
    "jitter": jitter,
    "places": places,
    "size of the data set": dataset_size,
    "pure dice": pure_dice,
}
