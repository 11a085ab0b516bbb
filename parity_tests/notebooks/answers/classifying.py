"""Answers to the exercises of notebook 6."""

import jax.numpy as jnp
import numpy as np
import torch

from parity_tests.notebooks.answers import Answers, Wrong

# channels first


def move_channels_in_loops(images):
    return [
        [[[pixel[channel] for pixel in row] for row in image] for channel in range(3)]
        for image in images
    ]


# mirrored pictures


def mirrored_in_place(images):
    images[...] = images[:, :, ::-1].copy()
    return images


def mirrored_one_by_one(images):
    return [[row[::-1] for row in image] for image in images]


def mirrored_through_a_view(images):
    """Mirror half of a picture onto the other: the second half is read when it is overwritten."""
    for place in range(images.shape[2]):
        images[:, :, place] = images[:, :, -1 - place]
    return images


# accuracy of each group


def accuracies(right, group, num_groups):
    return np.array([right[group == place].mean() for place in range(num_groups)])


def accuracies_in_loops(right, group, num_groups):
    hits, all_of_it = [0] * num_groups, [0] * num_groups
    for one, place in zip(right, group, strict=True):
        hits[place] += bool(one)
        all_of_it[place] += 1
    return [hit / of for hit, of in zip(hits, all_of_it, strict=True)]


def accuracies_by_jax(right, group, num_groups):
    one_hot = jnp.arange(num_groups) == group[:, None]
    return (one_hot * right[:, None]).sum(0) / one_hot.sum(0)


def accuracies_by_torch(right, group, num_groups):
    right = torch.tensor(right, dtype=torch.float32, requires_grad=True)
    return [right[torch.tensor(group) == place].mean() for place in range(num_groups)]


def counted(right, group, num_groups):
    return np.array([right[group == place].sum() for place in range(num_groups)])


def accuracies_from_one(right, group, num_groups):
    rates = []
    for place in range(1, num_groups + 1):
        inside = right[group == place]
        rates.append(inside.mean() if len(inside) else np.nan)
    return rates


ANSWERS = {
    "channels first": Answers(
        right=[
            lambda images: np.transpose(images, (0, 3, 1, 2)),
            lambda images: np.moveaxis(images, -1, 1),
            lambda images: jnp.asarray(images).swapaxes(2, 3).swapaxes(1, 2),
            lambda images: torch.tensor(images).permute(0, 3, 1, 2),
            lambda images: torch.tensor(images * 1.0, requires_grad=True).permute(0, 3, 1, 2),
            move_channels_in_loops,
        ],
        wrong=[
            Wrong(lambda images: images.reshape(4, 3, 5, 6), "mixed up"),
            Wrong(lambda images: images.swapaxes(1, 3), "Height and width"),
            Wrong(lambda images: np.transpose(images, (3, 0, 1, 2)), "channels come second"),
            Wrong(lambda images: images.swapaxes(0, 3), "gone to the end"),
            Wrong(np.transpose, "reversed"),
            Wrong(lambda images: np.moveaxis(images, 1, -1), "other direction"),
            Wrong(lambda images: images, "Nothing has moved"),
            Wrong(lambda images: images.swapaxes(2, 3), "in another order"),
            Wrong(lambda images: images[0].transpose(2, 0, 1), "3 axes"),
            Wrong(lambda images: images.transpose(0, 3, 1, 2)[:, ::-1], "numbers are wrong"),
            Wrong(lambda images: images.transpose(0, 3, 1, 2) / 255, "the same factor"),
            Wrong(lambda images: images.transpose(2, 0, 1), "fails with ValueError"),
            Wrong(lambda images: images.permute(0, 3, 1, 2), "fails with AttributeError"),
            Wrong(lambda images: images.shape, "1 axis"),
            Wrong(lambda images: None, "returns nothing"),
            Wrong((0, 3, 1, 2), "a function is asked for"),
            Wrong(..., "dots"),
        ],
    ),
    "flattened features": Answers(
        right=[16 * 8 * 8, jnp.prod(jnp.array([16, 8, 8])), torch.zeros(16, 8, 8).numel()],
        wrong=[
            Wrong(16 * 64 * 64, "Count the pools"),
            Wrong(16 * 32 * 32, "Count the pools"),
            Wrong(16 * 16 * 16, "Count the pools"),
            Wrong(16 * 4 * 4, "Count the pools"),
            Wrong(8 * 8, "one channel"),
            Wrong(16 * 8, "a height and a width"),
            Wrong(16 * 64 * 64 // 8, "both height and width"),
            Wrong(3 * 8 * 8, "count its channels"),
            Wrong(3 * 16 * 8 * 8, "what the last block returns"),
            Wrong(16**3 * 8 * 8, "does not multiply"),
            Wrong(
                torch.nn.Sequential(
                    *(
                        torch.nn.Sequential(torch.nn.Conv2d(c, 16, 3), torch.nn.MaxPool2d(2))
                        for c in (3, 16, 16)
                    )
                )(torch.zeros(1, 3, 64, 64)).numel(),
                "padding of 1",
            ),
            Wrong(8, "too small"),
            Wrong(16 * 9 * 9, "too large"),
            Wrong((16, 8, 8), "One number is asked for"),
            Wrong(torch.zeros(16, 8, 8), "One number is asked for"),
            Wrong("16 * 8 * 8", "numbers are asked for"),
            Wrong(..., "dots"),
        ],
    ),
    "parameters of a convolution": Answers(
        right=[
            16 * (3 * 3 * 3 + 1),
            np.prod((3, 3, 3, 16)) + 16,
            sum(p.numel() for p in torch.nn.Conv2d(3, 16, 3).parameters()),
            torch.tensor(448.0, requires_grad=True),
        ],
        wrong=[
            Wrong(torch.nn.Conv2d(3, 16, 3).weight.numel(), "bias is missing"),
            Wrong(16 * 3 * 3 * 3 + 1, "a bias of its own"),
            Wrong(16 * 3 * 3 * 3 + 3, "not to each input"),
            Wrong(3 * 16 * (3 * 3 + 1), "one bias, not one for each"),
            Wrong(16 * (3 * 3 + 1), "in each input channel."),
            Wrong(16 * 3 * 3, "in each input channel, and has a bias"),
            Wrong(3 * 16 + 16, "not a single pixel"),
            Wrong(3 * 3 * 3 + 1, "one kernel; each"),
            Wrong(3 * 3 * 3, "one kernel without its bias"),
            Wrong(448 * 64 * 64, "the same kernels"),
            Wrong(448 * 32 * 32, "the same kernels"),
            Wrong(16 * (5 * 5 * 3 + 1), "too large"),
            Wrong(16, "too small"),
            Wrong((16, 3, 3, 3), "One number is asked for"),
            Wrong(torch.nn.Conv2d(3, 16, 3), "numbers are asked for"),
            Wrong(..., "dots"),
        ],
    ),
    "mirrored pictures": Answers(
        right=[
            lambda images: images[:, :, ::-1],
            lambda images: np.flip(images, axis=2),
            lambda images: jnp.flip(images, -2),
            lambda images: torch.tensor(images).flip(2),
            mirrored_one_by_one,
            mirrored_in_place,
        ],
        wrong=[
            Wrong(np.fliplr, "axis of the rows"),
            Wrong(lambda images: [image[::-1] for image in images], "axis of the rows"),
            Wrong(lambda images: images[:, ::-1, ::-1], "upside down as well"),
            Wrong(lambda images: images[..., ::-1], "Red and blue"),
            Wrong(lambda images: images[::-1], "another order"),
            Wrong(np.flip, "unless told which"),
            Wrong(lambda images: np.transpose(images, (0, 2, 1, 3)), "Rows and columns"),
            Wrong(lambda images: images[:, :, :], "Nothing has moved"),
            Wrong(mirrored_through_a_view, "numbers are wrong"),
            Wrong(lambda images: images[:, :, 1:][:, :, ::-1], "too short"),
            Wrong(lambda images: images[0, :, ::-1], "3 axes"),
            Wrong(lambda images: torch.tensor(images)[:, :, ::-1], "fails with ValueError"),
            Wrong(lambda images: images.reverse(), "fails with AttributeError"),
            Wrong(reversed, "numbers are asked for"),
            Wrong(lambda images: None, "returns nothing"),
            Wrong(2, "a function is asked for"),
            Wrong(..., "dots"),
        ],
    ),
    "accuracy of each group": Answers(
        right=[accuracies, accuracies_in_loops, accuracies_by_jax, accuracies_by_torch],
        wrong=[
            Wrong(counted, "These are counts"),
            Wrong(lambda r, g, n: [(r & (g == i)).mean() for i in range(n)], "by no other number"),
            Wrong(lambda r, g, n: counted(r, g, n) / n, "by no other number"),
            Wrong(lambda r, g, n: [(~r[g == i]).mean() for i in range(n)], "that are wrong"),
            Wrong(lambda r, g, n: counted(r, g, n) / r.sum(), "differ in size"),
            Wrong(accuracies_from_one, "numbered from 0"),
            Wrong(lambda r, g, n: np.mean(r), "accuracy of all"),
            Wrong(lambda r, g, n: np.mean(accuracies(r, g, n)), "one number"),
            Wrong(lambda r, g, n: accuracies(r, g, n - 1), "too short"),
            Wrong(lambda r, g, n: 100 * accuracies(r, g, n), "same factor"),
            Wrong(lambda r, g, n: accuracies(r, g, n)[:, None], "2 axes"),
            Wrong(lambda r, g, n: [r[g == i] for i in range(n)], "different lengths"),
            Wrong(lambda r, g, n: dict(enumerate(accuracies(r, g, n))), "a dict"),
            Wrong(lambda r, g, n: (r[g == i].mean() for i in range(n)), "a generator"),
            Wrong(lambda r, g, n: r[g].mean(1), "fails with"),
            Wrong(lambda r, g, n: print(accuracies(r, g, n)), "returns nothing"),
            Wrong([0.5, 0.5, 0.5], "a function is asked for"),
            Wrong(..., "dots"),
        ],
    ),
}
