"""Answers to the exercises of notebook 10."""

import jax.numpy as jnp
import numpy as np
import torch

import zoojax
import zootorch
from parity_tests.notebooks.answers import Answers, Wrong
from zoojax.common.storage import files, pretrained
from zoojax.spec.data import IMAGENET_MEAN, IMAGENET_STD

MEAN, STD = np.array(IMAGENET_MEAN), np.array(IMAGENET_STD)
COLOR, _ = files.load_weights(pretrained.FOLDER / "color")
SHAPE, _ = files.load_weights(pretrained.FOLDER / "shape")
FILE = (pretrained.FOLDER / "color" / files.WEIGHTS).read_bytes()


def prepare(picture):
    return (picture / 255 - MEAN) / STD


def prepare_in_loops(picture):
    made = np.zeros(picture.shape)
    for row, column, channel in np.ndindex(*picture.shape):
        share = picture[row, column, channel] / 255
        made[row, column, channel] = (share - MEAN[channel]) / STD[channel]
    return made.tolist()


def prepare_with_torch(picture):
    mean, std = torch.tensor(MEAN, requires_grad=True), torch.tensor(STD)
    return (torch.tensor(picture) / 255 - mean) / std


def prepare_in_place(picture):
    picture /= 255
    return (picture - MEAN) / STD


def tell(outputs, names):
    return [sorted(names)[label] for label in outputs.argmax(1)]


def tell_in_loops(outputs, names):
    return tuple(sorted(names)[row.index(max(row))] for row in outputs.tolist())


def tell_in_place(outputs, names):
    names.sort()
    return [names[label] for label in outputs.argmax(1)]


def tell_by_looking_names_up(outputs, names):
    return [sorted(names).index(names[label]) for label in outputs.argmax(1)]


def tell_all(outputs, names):
    return [[sorted(names)[label] for label in row.argsort()] for row in outputs]


def to_flax(weight):
    return weight.T if weight.ndim == 2 else weight.transpose(2, 3, 1, 0)


def to_flax_with_torch(weight):
    weight = torch.tensor(weight, requires_grad=True)
    return weight.T if weight.ndim == 2 else weight.permute(2, 3, 1, 0)


def to_flax_in_loops(weight):
    if weight.ndim == 2:
        return [list(column) for column in zip(*weight, strict=True)]
    outputs, inputs, height, width = weight.shape
    return [
        [
            [[weight[o, i, h, w] for o in range(outputs)] for i in range(inputs)]
            for w in range(width)
        ]
        for h in range(height)
    ]


def of_two_kinds(linear, conv):
    """Return a function that moves axes of a Linear and of a convolution."""
    return lambda weight: weight.transpose(linear if weight.ndim == 2 else conv)


def reshaped(weight):
    if weight.ndim == 2:
        return weight.T
    outputs, inputs, height, width = weight.shape
    return weight.reshape(height, width, inputs, outputs)


def bytes_by_hand():
    length = int.from_bytes(FILE[:8], "little")
    return len(FILE[8 + length :])


def counted(arrays, kind=""):
    return sum(array.size for name, array in arrays.items() if kind in name)


CHANGED = [
    "conv_block.1.running_mean",
    "linear_block.1.running_mean",
    "output_block.weight",
    "output_block.bias",
]
RUNNING, LAST = CHANGED[:2], CHANGED[2:]
TRAINED = counted(COLOR) - counted(COLOR, "running")


ANSWERS = {
    "standardised picture": Answers(
        right=[
            prepare,
            prepare_in_loops,
            prepare_with_torch,
            lambda x: (np.float32(x) / 255 - np.float32(MEAN)) / np.float32(STD),
            lambda x: (jnp.asarray(x) / 255 - jnp.array(MEAN)) / jnp.array(STD),
            lambda x: (x - 255 * MEAN) / (255 * STD),
            zoojax.standardise,
            lambda x: zootorch.standardise(torch.tensor(x)[None])[0].permute(1, 2, 0),
        ],
        wrong=[
            Wrong(lambda x: x, "Nothing has changed"),
            Wrong(lambda x: x / 255, "from 0 to 1"),
            Wrong(lambda x: (x - MEAN) / STD, "scale first"),
            Wrong(lambda x: x / 255 - MEAN, "Now divide"),
            Wrong(lambda x: x / 255 / STD, "not taken off yet"),
            Wrong(lambda x: x / 255 / STD - MEAN, "divide afterwards"),
            Wrong(lambda x: x / 255 - MEAN / STD, "brackets"),
            Wrong(lambda x: (x / 255 - MEAN) * STD, "You multiply"),
            Wrong(lambda x: (x / 256 - MEAN) / STD, "The largest byte"),
            Wrong(lambda x: (x // 255 - MEAN) / STD, "rounds down"),
            Wrong(lambda x: (x / 255 - STD) / MEAN, "changed places"),
            Wrong(lambda x: x / 127.5 - 1, "From -1 to 1"),
            Wrong(lambda x: 2 * (x / 255) - 1, "From -1 to 1"),
            Wrong(lambda x: (x / 255 - MEAN[::-1]) / STD[::-1], "Red and blue"),
            Wrong(lambda x: prepare(x[:, :, [2, 1, 0]]), "Red and blue"),
            Wrong(lambda x: prepare(x)[..., ::-1], "105 numbers are wrong"),
            Wrong(lambda x: (x / 255 - 0.449) / 0.226, "of its own"),
            Wrong(lambda x: (x - x.mean()) / x.std(), "this picture's own"),
            Wrong(lambda x: (x / 255 - (x / 255).mean((0, 1))) / (x / 255).std((0, 1)), "own"),
            Wrong(lambda x: prepare(x).transpose(2, 0, 1), "channels stay last"),
            Wrong(lambda x: prepare(x).transpose(1, 0, 2), "transposed"),
            Wrong(lambda x: prepare(x)[None], "axis of a batch"),
            Wrong(lambda x: (x - 255 * MEAN) / STD, "the same factor"),
            Wrong(lambda x: (MEAN - x / 255) / STD, "wrong sign"),
            Wrong(lambda x: prepare(x).astype(np.uint8), "105 numbers are wrong"),
            Wrong(lambda x: prepare(x.transpose(2, 0, 1)), "fails with ValueError"),
            Wrong(lambda x: prepare(x).mean(), "This is one number"),
            Wrong(prepare_in_place, "fails with"),
            Wrong(lambda x: None, "returns nothing"),
            Wrong(MEAN, "a function is asked for"),
            Wrong(..., "dots"),
        ],
    ),
    "names from outputs": Answers(
        right=[
            tell,
            tell_in_loops,
            lambda outputs, names: np.sort(names)[outputs.argmax(1)],
            lambda outputs, names: list(np.array(sorted(names))[outputs.argmax(1)]),
            lambda outputs, names: [sorted(names)[int(i)] for i in jnp.argmax(outputs, axis=-1)],
            lambda outputs, names: [sorted(names)[i] for i in torch.tensor(outputs).argmax(1)],
        ],
        wrong=[
            Wrong(lambda o, names: [names[i] for i in o.argmax(1)], "order of this list"),
            Wrong(lambda o, names: tell(o[:, ::-1], names), "sorted backwards"),
            Wrong(lambda o, names: [sorted(names)[i] for i in o.argmin(1)], "smallest outputs"),
            Wrong(lambda o, names: tell(abs(o), names), "with their signs"),
            Wrong(lambda o, names: [sorted(names)[i] for i in o.argmax(0)], "down the columns"),
            Wrong(lambda o, names: [names[i] for i in o.argmax(0)], "get a name each"),
            Wrong(lambda o, names: sorted(names), "in label order"),
            Wrong(lambda o, names: names, "you return 4"),
            Wrong(lambda o, names: [sorted(names)[i] for i in np.argsort(o)[:, -2]], "picture 0"),
            Wrong(lambda o, names: [name.title() for name in tell(o, names)], "none of the names"),
            Wrong(lambda o, names: o.argmax(1), "These are labels"),
            Wrong(lambda o, names: torch.tensor(o).argmax(1), "These are labels"),
            Wrong(tell_by_looking_names_up, "something else"),
            Wrong(tell_all, "something else"),
            Wrong(lambda o, names: np.array(tell_all(o, names)), "something else"),
            Wrong(lambda o, names: [None] * 5, "something else"),
            Wrong(lambda o, names: [*tell(o, names)[:4], ...], "something else"),
            Wrong(lambda o, names: sorted(names)[o[0].argmax()], "This is one name"),
            Wrong(lambda o, names: np.array("circle"), "This is one name"),
            Wrong(lambda o, names: o[0].argmax(), "not an int64"),
            Wrong(lambda o, names: jnp.argmax(o, axis=0), "A list of names"),
            Wrong(lambda o, names: sorted(names)[o.argmax()], "fails with IndexError"),
            Wrong(lambda o, names: map(str, tell(o, names)), "not a map"),
            Wrong(lambda o, names: set(tell(o, names)), "not a set"),
            Wrong(lambda o, names: dict(enumerate(tell(o, names))), "not a dict"),
            Wrong(tell_in_place, "changed the list"),
            Wrong(lambda o, names: [names.sort()[i] for i in o.argmax(1)], "fails with TypeError"),
            Wrong(lambda o, names: None, "returns nothing"),
            Wrong(["circle"], "a function is asked for"),
            Wrong("circle", "a function is asked for"),
            Wrong(..., "dots"),
        ],
    ),
    "weights for Flax": Answers(
        right=[
            to_flax,
            to_flax_with_torch,
            to_flax_in_loops,
            lambda weight: jnp.moveaxis(weight, (0, 1), (-1, -2)),
            lambda weight: np.einsum("oi...->...io", weight),
        ],
        wrong=[
            Wrong(lambda weight: weight, "have not moved"),
            Wrong(of_two_kinds((0, 1), (2, 3, 1, 0)), "have not moved"),
            Wrong(of_two_kinds((1, 0), (0, 1, 2, 3)), "have not moved"),
            Wrong(lambda weight: weight.transpose(2, 3, 1, 0), "fails with ValueError"),
            Wrong(lambda weight: weight.T, "All axes are reversed"),
            Wrong(of_two_kinds((1, 0), (2, 3, 0, 1)), "inputs and outputs are not yet"),
            Wrong(of_two_kinds((1, 0), (3, 2, 0, 1)), "the new one of each old"),
            Wrong(of_two_kinds((1, 0), (0, 2, 3, 1)), "a batch of pictures"),
            Wrong(of_two_kinds((1, 0), (1, 0, 2, 3)), "height and width did not move"),
            Wrong(of_two_kinds((1, 0), (1, 2, 3, 0)), "something is transposed"),
            Wrong(reshaped, "cuts the same row"),
            Wrong(lambda weight: weight.reshape(weight.shape[::-1]), "cuts the same row"),
            Wrong(of_two_kinds((1, 0), (1, 0)), "fails with ValueError"),
            Wrong(lambda weight: to_flax(weight).shape, "Your array has 1 axis"),
            Wrong(lambda weight: -to_flax(weight), "wrong sign"),
            Wrong(lambda weight: to_flax(weight) if weight.ndim == 4 else None, "returns nothing"),
            Wrong(lambda weight: weight.permute(1, 0), "fails with AttributeError"),
            Wrong(np.zeros((2, 3)), "a function is asked for"),
            Wrong(..., "dots"),
        ],
    ),
    "bytes of weights": Answers(
        right=[
            sum(array.nbytes for array in COLOR.values()),
            float(4 * counted(COLOR)),
            bytes_by_hand(),
            jnp.array(4 * counted(COLOR)),
            torch.tensor(4.0 * counted(COLOR), requires_grad=True),
        ],
        wrong=[
            Wrong(counted(COLOR), "how many numbers there are"),
            Wrong(TRAINED, "not bytes, and running statistics"),
            Wrong(8 * counted(COLOR), "float64"),
            Wrong(2 * counted(COLOR), "float16"),
            Wrong(32 * counted(COLOR), "bits"),
            Wrong(4 * TRAINED, "running statistics are missing"),
            Wrong(4 * counted(COLOR, "weight"), "called weight"),
            Wrong(len(FILE), "the whole file"),
            Wrong(len(FILE[8:]), "header is still in it"),
            Wrong(len(COLOR), "how many arrays"),
            Wrong(sum(map(len, COLOR.values())), "len counts"),
            Wrong(sum(4 * len(array) for array in COLOR.values()), "len counts"),
            Wrong([array.nbytes for array in COLOR.values()], "One number is asked for"),
            Wrong(sum(array.nbytes for array in SHAPE.values()), "classifier of shapes"),
            Wrong(4 * counted(COLOR) / 1000, "too small"),
            Wrong(4 * counted(COLOR) + 1, "too large"),
            Wrong({name: array.nbytes for name, array in COLOR.items()}, "This is a dict"),
            Wrong("15 kB", "This is a str"),
            Wrong(None, "dots"),
            Wrong(..., "dots"),
        ],
    ),
    "what changes in a step": Answers(
        right=[CHANGED, tuple(CHANGED[::-1]), set(CHANGED), frozenset(CHANGED), 2 * CHANGED],
        wrong=[
            Wrong(LAST, "This is what gradients change"),
            Wrong([], "Something does change"),
            Wrong(set(), "Something does change"),
            Wrong(RUNNING, "Is output_block.weight frozen?"),
            Wrong(CHANGED[:3], "Is output_block.bias frozen?"),
            Wrong(CHANGED[1:], "more than one BatchNorm"),
            Wrong([CHANGED[0], *LAST], "more than one BatchNorm"),
            Wrong([*CHANGED, "conv_block.1.weight"], "conv_block.1.weight is frozen"),
            Wrong({*CHANGED, "linear_block.0.weight"}, "linear_block.0.weight is frozen"),
            Wrong(
                [
                    *CHANGED,
                    *("conv_block.0.weight", "conv_block.0.bias", "conv_block.1.weight"),
                    "linear_block.0.weight",
                ],
                "nothing would be frozen",
            ),
            Wrong("output_block.weight", "This is what gradients change"),
            Wrong("\n".join(CHANGED), "none of the names"),
            Wrong(["output_block"], "'output_block' is none of the names"),
            Wrong([CHANGED], "none of the names"),
            Wrong([*CHANGED, None], "'None' is none of the names"),
            Wrong([*CHANGED, ...], "none of the names"),
            Wrong(dict.fromkeys(CHANGED, True), "not a dict"),
            Wrong(4, "not an int"),
            Wrong(None, "not a NoneType"),
            Wrong(..., "dots"),
        ],
    ),
}
