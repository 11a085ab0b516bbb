"""Answers to the exercises of notebook 2."""

import jax
import jax.numpy as jnp
import numpy as np
import torch

from parity_tests.notebooks.answers import Answers, Wrong
from zoojax.common.teaching.exercises.layers import KERNEL, LAYERS, PATCH, PIXELS

X = np.array([[1, 2, 6], [3, 2.5, 1], [5, 9, 2], [7, -2, 4]], np.float32)
"""As the notebook has it."""


def convolution_by_torch(patch, kernel):
    return torch.conv2d(*(torch.tensor(each)[None, None] for each in (patch, kernel)))


def pixel_in_a_loop():
    total = 0
    for row in range(3):
        for column in range(3):
            total += int(PATCH[row][column]) * int(KERNEL[row][column])
    return total


def sizes(formula):
    full = ({"stride": 1, "padding": 0, "dilation": 1, **layer} for layer in LAYERS)
    return [
        formula(*(layer[name] for name in ("size", "kernel_size", "stride", "padding", "dilation")))
        for layer in full
    ]


def sizes_by_torch():
    found = []
    for layer in LAYERS:
        rest = {name: value for name, value in layer.items() if name != "size"}
        found.append(torch.nn.Conv1d(1, 1, **rest)(torch.ones(1, layer["size"])).shape[-1])
    return found


def pool_in_a_loop(choose):
    return [[choose(PIXELS[i : i + 2, j : j + 2].ravel().tolist()) for j in (0, 2)] for i in (0, 2)]


def leaky(x):
    return jnp.maximum(x, 0.01 * x)


def gradient_in_place(x):
    x[x > 0] = 1
    x[x <= 0] = 0.01
    return x


def gradient_in_place_twice(x):
    x[x <= 0] = 0.01
    x[x > 0] = 1
    return x


def gradient_in_a_loop(x):
    return [1 if each > 0 else 0.01 for each in x]


def gradient_of_one_number(x):
    return 1.0 if x > 0 else 0.01


def gradient_by_torch(x):
    leaf = torch.tensor(x, requires_grad=True)
    torch.nn.functional.leaky_relu(leaf, 0.01).sum().backward()
    return leaf.grad


def normed(axis, x=X, ddof=0):
    return (x - x.mean(axis, keepdims=True)) / x.std(axis, keepdims=True, ddof=ddof)


def centered(axis):
    return X - X.mean(axis, keepdims=True)


def normed_by_layers():
    x = torch.tensor(X)
    return torch.nn.BatchNorm1d(3)(x), torch.nn.LayerNorm(3)(x)


def normed_in_a_loop(rows):
    found = []
    for row in rows:
        mean = sum(row) / len(row)
        spread = (sum((each - mean) ** 2 for each in row) / len(row)) ** 0.5
        found.append([(each - mean) / spread for each in row])
    return found


def normed_by_torch(axis, **kind):
    x = torch.tensor(X)
    return (x - x.mean(axis, keepdim=True)) / x.std(axis, keepdim=True, **kind)


def drop_in_place(x, kept, rate):
    x[~kept] = 0
    x /= 1 - rate
    return x


def drop_in_a_loop(x, kept, rate):
    return [each / (1 - rate) if stays else 0 for each, stays in zip(x, kept, strict=True)]


def drop_by_torch(x, kept, rate):
    x = torch.tensor(x, requires_grad=True)
    return x * torch.tensor(kept) / (1 - rate)


ANSWERS = {
    "hand convolution": Answers(
        right=[
            (PATCH * KERNEL).sum(),
            pixel_in_a_loop(),
            jnp.vdot(PATCH, KERNEL),
            torch.tensor(5.0, requires_grad=True),
        ],
        wrong=[
            Wrong((PATCH * KERNEL[::-1, ::-1]).sum(), "turned the kernel around"),
            Wrong((PATCH * np.rot90(KERNEL, 2)).sum(), "turned the kernel around"),
            Wrong((PATCH.T * KERNEL).sum(), "transposed"),
            Wrong(np.dot(PATCH, KERNEL), "product of matrices"),
            Wrong((PATCH @ KERNEL).sum(), "product of matrices"),
            Wrong((PATCH * KERNEL).mean(), "mean"),
            Wrong(PATCH * KERNEL, "One more step"),
            Wrong((PATCH * KERNEL).tolist(), "One more step"),
            Wrong((PATCH * KERNEL).sum(0), "One number is asked for"),
            Wrong((PATCH * abs(KERNEL)).sum(), "signs"),
            Wrong((PATCH + KERNEL).sum(), "before you add"),
            Wrong(PATCH.sum() * KERNEL.sum(), "too large"),
            Wrong(convolution_by_torch(PATCH, KERNEL), "4 axes"),
            Wrong(convolution_by_torch, "a function, and numbers are asked for"),
            Wrong("5", "a str, and numbers are asked for"),
            Wrong(..., "dots"),
            Wrong(None, "dots"),
            Wrong(torch.Tensor, "numbers are asked for"),
        ],
    ),
    "output sizes": Answers(
        right=[
            sizes(lambda i, k, s, p, d: (i + 2 * p - d * (k - 1) - 1) // s + 1),
            sizes(lambda i, k, s, p, d: float(np.floor((i + 2 * p - d * (k - 1) - 1) / s + 1))),
            tuple(sizes_by_torch()),
            np.array(sizes_by_torch()),
            torch.tensor(sizes_by_torch()),
        ],
        wrong=[
            Wrong(sizes(lambda i, k, s, p, d: (i + 2 * p - k) // s + 1), "reaches over more"),
            Wrong(sizes(lambda i, k, s, p, d: (i + 2 * p - d * k) // s + 1), "after the last one"),
            Wrong(sizes(lambda i, k, s, p, d: (i - d * (k - 1) - 1) // s + 1), "larger on both"),
            Wrong(sizes(lambda i, k, s, p, d: (i + p - d * (k - 1) - 1) // s + 1), "counts twice"),
            Wrong(
                sizes(lambda i, k, s, p, d: (i + 2 * p - d * (k - 1) - 1) // s), "One is missing"
            ),
            Wrong(sizes(lambda i, k, s, p, d: (i + 2 * p - d * (k - 1)) // s + 1), "give two"),
            Wrong(
                sizes(lambda i, k, s, p, d: (i + 2 * p - d * (k - 1) - 1) / s + 1), "whole number"
            ),
            Wrong(
                sizes(lambda i, k, s, p, d: -((i + 2 * p - d * (k - 1) - 1) // -s) + 1),
                "left over at the edge",
            ),
            Wrong(sizes(lambda i, k, s, p, d: i + 2 * p - d * (k - 1)), "Mind the stride"),
            Wrong([224, 224, 32, 28, 7], "1 of 5 numbers is wrong"),
            Wrong(sizes_by_torch()[:-1], "too short"),
            Wrong([(each, each) for each in sizes_by_torch()], "2 axes"),
            Wrong(sizes_by_torch()[0], "one number"),
            Wrong(dict(enumerate(sizes_by_torch())), "a dict"),
            Wrong([222, 224, ..., ..., 7], "dots"),
            Wrong([], "too short"),
        ],
    ),
    "max pool": Answers(
        right=[
            pool_in_a_loop(max),
            PIXELS.reshape(2, 2, 2, 2).max((1, 3)),
            jax.lax.reduce_window(PIXELS, 0, jax.lax.max, (2, 2), (2, 2), "VALID"),
            torch.nn.MaxPool2d(2)(torch.tensor(PIXELS[None], dtype=torch.float32))[0],
            ((8, 7), (6, 9)),
        ],
        wrong=[
            Wrong(pool_in_a_loop(lambda window: sum(window) / 4), "average pool"),
            Wrong(pool_in_a_loop(min), "smallest"),
            Wrong(
                [[PIXELS[i : i + 2, j : j + 2].max() for j in range(3)] for i in range(3)], "overl"
            ),
            Wrong(PIXELS.reshape(2, 2, 2, 2).max(-1).max(-1), "largest of each row"),
            Wrong([max(row) for row in PIXELS], "largest of each row"),
            Wrong(PIXELS.max(axis=0), "largest of each column"),
            Wrong(PIXELS.max(), "largest pixel of all"),
            Wrong(np.ravel(pool_in_a_loop(max)), "1 axis"),
            Wrong(np.transpose(pool_in_a_loop(max)), "Rows and columns"),
            Wrong([[8, 7], [6, 8]], "1 of 4 numbers is wrong"),
            Wrong([[8, 7], [6]], "rows of different lengths"),
            Wrong(torch.nn.MaxPool2d(2)(torch.ones(1, 1, 4, 4)), "4 axes"),
            Wrong([[8, 7], ...], "dots"),
        ],
    ),
    "gradient of LeakyReLU": Answers(
        right=[
            lambda x: np.where(x > 0, 1, 0.01),
            lambda x: jnp.where(x <= 0, 0.01, 1.0),
            gradient_in_place,
            gradient_in_a_loop,
            gradient_by_torch,
            np.vectorize(gradient_of_one_number),
        ],
        wrong=[
            Wrong(lambda x: (x > 0) * 1.0, "derivative of ReLU"),
            Wrong(lambda x: np.maximum(x, 0.01 * x), "the function, not its derivative"),
            Wrong(lambda x: np.where(x > 0, x, 0.01), "Above 0"),
            Wrong(lambda x: np.where(x > 0, 1, 0.01 * x), "Below 0 the function is 0.01 x"),
            Wrong(lambda x: np.where(x > 0, 1, -0.01), "still rises"),
            Wrong(lambda x: np.where(x < 0, 1, 0.01), "changed places"),
            Wrong(lambda x: np.where(x <= 0, 1, 0.01), "changed places"),
            Wrong(lambda x: np.where(x >= 0, 1, 0.01), "At 0 itself"),
            Wrong(jax.grad(lambda x: jax.nn.leaky_relu(x).sum()), "At 0 itself"),
            Wrong(gradient_in_place_twice, "Every slope is the same"),
            Wrong(lambda x: np.where(x > 0, 1, 0.1), "2 of 4 numbers are wrong"),
            Wrong(gradient_of_one_number, "fails with ValueError"),
            Wrong(jax.grad(leaky), "fails with TypeError"),
            Wrong(print, "returns nothing"),
            Wrong(lambda x: ..., "dots"),
            Wrong(lambda x: "1 or 0.01", "a str"),
            Wrong(gradient_in_place(X[0].copy()), "a function is asked for"),
            Wrong(..., "dots"),
        ],
    ),
    "normalisation": Answers(
        right=[
            (normed(0), normed(1)),
            [jax.nn.standardize(X, axis=0), jax.nn.standardize(X, axis=1)],
            normed_by_layers(),
            (np.transpose(normed_in_a_loop(X.T)).tolist(), normed_in_a_loop(X)),
            (normed_by_torch(0, correction=0), normed_by_torch(1, correction=0)),
        ],
        wrong=[
            Wrong((normed(1), normed(0)), "changed places"),
            Wrong((normed(0), normed(0)), "layer_normed: Layer norm looks at all features"),
            Wrong((normed(1), normed(1)), "batch_normed: Batch norm looks at one feature"),
            Wrong((normed(None), normed(1)), "batch_normed: You took mean and spread of all"),
            Wrong((normed(0), (X - X.mean()) / X.std()), "layer_normed: You took mean and spread"),
            Wrong((normed(0), normed(1, ddof=1)), "layer_normed: Divide by n"),
            Wrong((normed_by_torch(0), normed_by_torch(1)), "batch_normed: Divide by n"),
            Wrong((centered(0), centered(1)), "batch_normed: The mean is 0"),
            Wrong((normed(0), centered(1)), "layer_normed: The mean is 0"),
            Wrong((centered(0) / X.var(0), normed(1)), "square root"),
            Wrong((X / X.std(0), normed(1)), "mean is not 0"),
            Wrong((X - X.mean(0) / X.std(0), normed(1)), "brackets"),
            Wrong((normed(0), normed(1).T), "layer_normed: The axes"),
            Wrong((normed(0), normed(0, X.T)), "layer_normed: The axes"),
            Wrong((normed(0)[0], normed(1)), "batch_normed: Your array has 1 axis"),
            Wrong(normed(0), "Give two arrays"),
            Wrong((normed(0),), "Give two arrays"),
            Wrong((normed(0), ...), "Give two arrays"),
            Wrong((..., ...), "Give two arrays"),
            Wrong((normed, normed), "batch_normed: This is a function"),
        ],
    ),
    "dropout": Answers(
        right=[
            lambda x, kept, rate: np.where(kept, x / (1 - rate), 0),
            lambda x, kept, rate: jnp.where(kept, x, 0) / (1 - rate),
            drop_in_place,
            drop_in_a_loop,
            drop_by_torch,
        ],
        wrong=[
            Wrong(lambda x, kept, rate: x * kept, "make up for what is dropped"),
            Wrong(lambda x, kept, rate: x * kept / rate, "not the part that is kept"),
            Wrong(lambda x, kept, rate: x * kept * (1 - rate), "yours shrinks"),
            Wrong(lambda x, kept, rate: x * kept * len(x) / kept.sum(), "on average"),
            Wrong(lambda x, kept, rate: np.where(kept, 0, x / (1 - rate)), "other way round"),
            Wrong(lambda x, kept, rate: np.where(kept, 0, x), "other way round"),
            Wrong(lambda x, kept, rate: x[kept] / (1 - rate), "stays in its place"),
            Wrong(lambda x, kept, rate: [a for a, b in zip(x, kept, strict=True) if b], "stays"),
            Wrong(lambda x, kept, rate: x / (1 - rate), "Nothing is dropped"),
            Wrong(lambda x, kept, rate: np.where(kept, x / (1 - rate), x), "Nothing is dropped"),
            Wrong(lambda x, kept, rate: x, "Nothing is dropped"),
            Wrong(lambda x, kept, rate: x * kept / (rate - 1), "wrong sign"),
            Wrong(lambda x, kept, rate: np.where(kept, x / (1 - rate), np.nan), "not a finite"),
            Wrong(lambda x, kept, rate: (x * kept / (1 - rate)).mean(), "one number"),
            Wrong(lambda x, rate: x / (1 - rate), "fails with TypeError"),
            Wrong(lambda x, kept, rate: x.where(kept, 0), "fails with AttributeError"),
            Wrong(lambda x, kept, rate: None, "returns nothing"),
            Wrong(np.zeros(5), "a function is asked for"),
        ],
    ),
}
