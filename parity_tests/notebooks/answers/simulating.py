"""Answers to the exercises of notebook 1."""

import jax
import numpy as np
import torch

from parity_tests.notebooks.answers import Answers, Wrong

NOISE = (64, 64, 3)


def noise(seed, shape=NOISE, low=0, below=256):
    return jax.random.randint(jax.random.key(seed), shape, low, below)


def with_state():
    generator = np.random.default_rng(3)
    return generator.integers(0, 256, NOISE), generator.integers(0, 256, NOISE)


def with_torch():
    generator = torch.Generator().manual_seed(3)
    first, second = (torch.randint(0, 256, NOISE, generator=generator) for _ in range(2))
    return [first, second]


def jitter_in_a_loop(rgb, m):
    return [channel - m if channel == 255 else channel + m for channel in rgb]


def jitter_in_place(rgb, m):
    rgb[rgb == 255] -= m
    rgb[rgb == 0] += m
    return rgb


def jitter_there_and_back(rgb, m):
    moved = rgb.copy()
    moved[moved == 255] -= m
    moved[moved != 0] += m
    return moved


def places_by_counting(height, width, size):
    return len([1 for _ in range(height - size + 1) for _ in range(width - size + 1)])


def rolled(state):
    state = (5 * state + 3) % 16
    return state, state % 6 + 1


class Dice:
    def __init__(self, state):
        self.state = state

    def roll(self):
        self.state, number = rolled(self.state)
        return number


def with_an_object(state):
    dice = Dice(state)
    number = dice.roll()
    return dice.state, number


def without_a_remainder(state):
    state = 5 * state + 3
    return state, state % 6 + 1


ANSWERS = {
    "size of the data set": Answers(
        right=[1600, 50 * 4 * 8, np.int64(1600), torch.tensor(1600.0)],
        wrong=[
            Wrong(1200, "black and white"),
            Wrong(32, "several pictures"),
            Wrong(200, "each color"),
            Wrong(400, "each shape"),
            Wrong(600, "no sum"),
            Wrong(50, "too small"),
            Wrong("many", "numbers are asked for"),
            Wrong(..., "dots"),
        ],
    ),
    "places": Answers(
        right=[lambda h, w, s: (h - s + 1) * (w - s + 1), places_by_counting],
        wrong=[
            Wrong(lambda h, w, s: (h - s) * (w - s), "One is missing on each axis"),
            Wrong(lambda h, w, s: h - s + 1 + w - s + 1, "no sum"),
            Wrong(lambda h, w, s: h * w, "over the edge"),
            Wrong(lambda h, w, s: (h - s + 1) ** 2, "need not be a square"),
            Wrong(lambda h, w, s: h - s + 1, "one axis"),
            Wrong(lambda h, w, s: None, "returns nothing"),
            Wrong(lambda h, w: h * w, "fails with TypeError"),
            Wrong(125 * 125, "a function is asked for"),
            Wrong(..., "dots"),
        ],
    ),
    "jitter": Answers(
        right=[
            lambda rgb, m: np.where(rgb == 255, rgb - m, rgb + m),
            jitter_in_a_loop,
            jitter_in_place,
            lambda rgb, m: np.clip(rgb, m, 255 - m),
        ],
        wrong=[
            Wrong(lambda rgb, m: rgb - m, "have to move up"),
            Wrong(lambda rgb, m: rgb + m, "have to move down"),
            Wrong(lambda rgb, m: np.where(rgb == 255, rgb - m, rgb), "0 do not move"),
            Wrong(lambda rgb, m: np.where(rgb == 255, rgb, rgb + m), "255 do not move"),
            Wrong(lambda rgb, m: np.minimum(rgb + m, 255), "255 do not move"),
            Wrong(lambda rgb, m: rgb, "Nothing has moved"),
            Wrong(jitter_there_and_back, "Nothing has moved"),
            Wrong(lambda rgb, m: print(m), "returns nothing"),
        ],
    ),
    "noise pair": Answers(
        right=[(noise(1), noise(2)), with_state(), with_torch()],
        wrong=[
            Wrong((noise(3), noise(3)), "one key was used twice"),
            Wrong((noise(1), 255 - noise(1)), "not independent"),
            Wrong(
                tuple(jax.random.uniform(jax.random.key(seed), NOISE) for seed in (1, 2)),
                "from 0 to 1",
            ),
            Wrong((noise(1, (3, 64, 64)), noise(2, (3, 64, 64))), "transposed"),
            Wrong((noise(1, (64, 64)), noise(2, (64, 64))), "2 axes"),
            Wrong((noise(1, below=100), noise(2, below=100)), "equally likely"),
            Wrong((noise(1, low=-255), noise(2, low=-255)), "outside"),
            Wrong((noise(1, below=255) + 0.5, noise(2)), "whole number"),
            Wrong(noise(1), "Two pictures"),
            Wrong((noise(1), "noise"), "something else"),
            Wrong((noise(1), ...), "dots"),
        ],
    ),
    "pure dice": Answers(
        right=[rolled, with_an_object, lambda state: np.array(rolled(state))],
        wrong=[
            Wrong(lambda state: rolled(state)[1], "new state has to come out as well"),
            Wrong(lambda state: rolled(state)[0], "number has to come out as well"),
            Wrong(lambda state: rolled(state)[::-1], "state comes first"),
            Wrong(lambda state: (state, rolled(state)[1]), "every roll would be the same"),
            Wrong(lambda state: (rolled(state)[0], state % 6 + 1), "of the new one"),
            Wrong(without_a_remainder, "remainder by 16"),
            Wrong(lambda state: (rolled(state)[0], rolled(state)[0] % 6), "numbered from 1"),
            Wrong(lambda state: None, "returns nothing"),
            Wrong(Dice, "numbers are asked for"),
        ],
    ),
}
