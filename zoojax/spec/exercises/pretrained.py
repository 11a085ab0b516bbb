"""Exercises of notebook 10: using pretrained weights."""

import copy
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from zoojax.spec import files, published
from zoojax.spec.data import IMAGENET_MEAN, IMAGENET_STD
from zoojax.spec.exercises.judging import (
    Mistake,
    Numbers,
    Words,
    article,
    judge,
    judge_function,
    numbers,
    unanswered,
)
from zoojax.spec.layout import Leaf, layout

MEAN, STD = np.array(IMAGENET_MEAN), np.array(IMAGENET_STD)

COUNTED: published.Target = "color"
"""The published classifier whose bytes are counted."""


def prepared(answer: Any) -> Words:
    """Judge ``prepare(picture)``: (height, width, 3) uint8 standardised for the classifiers."""
    picture = np.random.default_rng(1).integers(0, 256, (5, 7, 3), np.uint8)
    own = (
        "These are this picture's own mean and standard deviation. The network learned with fixed "
        "ones, the same for every picture."
    )
    swapped = "Red and blue have changed places, in the picture or in the mean."

    def right(x: Numbers) -> Numbers:
        return (x / 255 - MEAN) / STD

    return judge_function(
        answer,
        right,
        [
            (lambda x: x, "Nothing has changed yet."),
            (lambda x: x / 255, "This goes from 0 to 1, and is still to be standardised."),
            (lambda x: (x - MEAN) / STD, "This mean is one of pictures from 0 to 1: scale first."),
            (lambda x: x / 255 - MEAN, "The mean is taken off. Now divide."),
            (lambda x: x / 255 / STD, "The mean is not taken off yet."),
            (lambda x: x / 255 / STD - MEAN, "Take the mean off first, and divide afterwards."),
            (lambda x: x / 255 - MEAN / STD, "Python divides before it subtracts: use brackets."),
            (lambda x: (x / 255 - MEAN) * STD, "You multiply by the standard deviation; divide."),
            (lambda x: (x / 256 - MEAN) / STD, "The largest byte is 255, and it should become 1."),
            (lambda x: (x // 255 - MEAN) / STD, "// rounds down: every byte below 255 becomes 0."),
            (lambda x: (x / 255 - STD) / MEAN, "Mean and standard deviation have changed places."),
            (lambda x: x / 127.5 - 1, "From -1 to 1 is how other networks want it, not these."),
            (lambda x: (x / 255 - MEAN[::-1]) / STD[::-1], swapped),
            (lambda x: right(x[..., ::-1]), swapped),
            (
                lambda x: (x / 255 - MEAN.mean()) / STD.mean(),
                "Each channel has a mean and a standard deviation of its own.",
            ),
            (lambda x: (x - x.mean((0, 1))) / x.std((0, 1)), own),
            (lambda x: (x - x.mean()) / x.std(), own),
            (
                lambda x: np.moveaxis(right(x), -1, 0),
                "The numbers are right, but here the channels stay last.",
            ),
            (lambda x: right(x)[None], "One picture is asked for, without the axis of a batch."),
        ],
        cases=[(picture,)],
    )


def told(answer: Any) -> Words:
    """Judge ``tell(outputs, names)``: the names of the largest outputs, in alphabetical labels."""
    if unanswered(answer):
        return "The dots are still there: write the function in their place."
    if not callable(answer):
        return f"This is {article(type(answer).__name__)}, and a function is asked for."
    names = ["triangle", "rectangle", "circle", "diamond"]  # none where its label is
    # Such that the largest of all, of each row and of each column are different classes.
    outputs = np.array(
        [[-1, 0.5, 2, 1], [4, -0.2, 0, 3], [0.3, 0.2, -5, 6], [-3, -1, -2, -4], [0, -1, 0.7, -9]]
    )
    given = copy.copy(names)
    try:
        found = answer(outputs.copy(), given)
    except Exception as error:
        return f"Your function fails with {type(error).__name__}: {error}"
    if list(map(str, given)) != names:
        return "Your function changed the list that it was given: sorted makes a new one."
    if found is None:
        return "Your function returns nothing: are its dots still there, or is return missing?"
    labels = numbers(found)
    if labels is not None and np.array_equal(labels, outputs.argmax(1)):
        return "These are labels; each of them stands for a name."
    if isinstance(found, np.ndarray):
        found = found.tolist()
    if isinstance(found, str):
        return "This is one name, and each picture has one."
    if not isinstance(found, list | tuple):
        return f"A list of names is asked for, not {article(type(found).__name__)}."
    if not all(isinstance(each, str) for each in found):
        return "Each picture gets a name, as text, and some of yours are something else."
    return _names(list(map(str, found)), outputs, names)


def _names(found: list[str], outputs: Numbers, names: list[str]) -> Words:
    """Judge a list of names, those of the largest outputs when all is well."""
    places, ordered = outputs.argmax(1), sorted(names)

    def picked(indices: Numbers, names: list[str]) -> list[str]:
        return [names[place] for place in indices]

    for wrong, words in (
        (
            picked(places, names),
            "The right outputs, but the wrong names: labels do not follow the order of this list.",
        ),
        (picked(places, ordered[::-1]), "The names are sorted backwards, from z to a."),
        (picked(outputs.argmin(1), ordered), "These belong to the smallest outputs."),
        (
            picked(abs(outputs).argmax(1), ordered),
            "Compare outputs with their signs: a negative one is small.",
        ),
        (
            picked(outputs.argmax(0), ordered),
            "This looks down the columns, and each picture has a row.",
        ),
        (ordered, "These are the names in label order. Which of them belongs to each picture?"),
    ):
        if found == wrong:
            return words
    if unknown := sorted(set(found) - set(names)):
        return f"{unknown[0]!r} is none of the names."
    if len(found) != len(outputs):
        return f"{len(outputs)} pictures get a name each, and you return {len(found)}."
    right = picked(places, ordered)
    wrong_places = [i for i, (a, b) in enumerate(zip(found, right, strict=True)) if a != b]
    return f"The name of picture {wrong_places[0]} is wrong." if wrong_places else ""


def to_flax(answer: Any) -> Words:
    """Judge ``to_flax(weight)``, from torch's axes to Flax's: of a Linear, and of a Conv2d."""
    generator = np.random.default_rng(3)
    # No two axes are of one length, so that none can take another's place unseen.
    cases = [generator.normal(size=(6, 4)), generator.normal(size=(5, 3, 2, 4))]

    def conv(*axes: int) -> Callable[[Numbers], Numbers]:
        return lambda weight: weight.transpose(axes) if weight.ndim == 4 else weight.T

    right = conv(2, 3, 1, 0)
    cut_anew = "reshape cuts the same row of numbers anew. To move axes, use transpose."
    return judge_function(
        answer,
        right,
        [
            (
                lambda weight: weight,
                "The axes of a Linear's weight, or of a convolution's, have not moved yet.",
            ),
            (lambda weight: weight.reshape(right(weight).shape), cut_anew),
            (lambda weight: weight.reshape(weight.shape[::-1]), cut_anew),
            (
                conv(3, 2, 1, 0),
                "All axes are reversed, and so height and width have changed places, too.",
            ),
            (
                conv(2, 3, 0, 1),
                "Height and width are where they belong; inputs and outputs are not yet.",
            ),
            (
                conv(3, 2, 0, 1),
                "transpose takes the old place of each new axis, not the new one of each old.",
            ),
            (
                conv(0, 2, 3, 1),
                "This is right for a batch of pictures. The first axis of a kernel is no batch.",
            ),
            (
                conv(1, 0, 2, 3),
                "Inputs and outputs have changed places, and height and width did not move.",
            ),
        ],
        cases=[(weight,) for weight in cases],
    )


def num_bytes(answer: Any) -> Words:
    """Judge how many bytes the numbers of the ``COUNTED`` classifier take in its file."""
    folder = published.FOLDER / COUNTED
    leaves = layout(files.load_config(folder))

    def count(leaves: Iterable[Leaf]) -> int:
        return sum(math.prod(leaf.shape) for leaf in leaves)

    every = count(leaves)
    trained = count(leaf for leaf in leaves if leaf.path[0] == "params")
    weights = count(leaf for leaf in leaves if leaf.name.endswith(".weight"))
    lengths = sum(leaf.shape[0] for leaf in leaves)
    file_size = (folder / files.WEIGHTS).stat().st_size
    other = count(layout(files.load_config(published.FOLDER / "shape")))
    length = "len counts along the first axis only: use size."
    return judge(
        answer,
        4 * every,
        [
            Mistake(every, "This is how many numbers there are; each takes several bytes."),
            Mistake(trained, "These are numbers, not bytes, and running statistics are missing."),
            Mistake(8 * every, "A float32 takes fewer bytes: this would be float64."),
            Mistake(2 * every, "A float32 takes more bytes: this would be float16."),
            Mistake(32 * every, "These are bits, and eight of them make a byte."),
            Mistake(4 * trained, "The running statistics are missing: they are in the file, too."),
            Mistake(4 * weights, "These are the arrays called weight; the file has others, too."),
            Mistake(file_size, "This is the whole file: its header is text, not numbers."),
            Mistake(file_size - 8, "The header is still in it: that is text, not numbers."),
            Mistake(len(leaves), "This is how many arrays there are; each has many numbers."),
            Mistake(lengths, length),
            Mistake(4 * lengths, length),
            Mistake(4 * other, "These are the bytes of the classifier of shapes."),
        ],
        rtol=1e-9,  # it is counted, not measured
    )


ENTRIES = (
    "conv_block.0.weight",
    "conv_block.0.bias",
    "conv_block.1.weight",
    "conv_block.1.running_mean",
    "linear_block.0.weight",
    "linear_block.1.running_mean",
    "output_block.weight",
    "output_block.bias",
)
"""Some of what an object of torch holds, by its name in weight files."""

TRAINED_PART = "output_block"
"""What is not frozen in the exercise about a step in train mode."""


def changes(answer: Any) -> Words:
    """Judge which of ``ENTRIES`` a step changes: train mode, all but the output block frozen."""
    if answer is ...:
        return "The dots are still there: give a list of names."
    if isinstance(answer, str):
        answer = [answer]
    if not isinstance(answer, list | tuple | set | frozenset):
        return f"A list of names is asked for, not {article(type(answer).__name__)}."
    if unknown := [each for each in answer if not isinstance(each, str) or each not in ENTRIES]:
        return f"{str(unknown[0])!r} is none of the names that were printed."
    given = set(answer)
    if not given:
        return "Something does change: a part of the network is trained."
    if given == set(ENTRIES):
        return "All of them? Then nothing would be frozen."
    frozen = [name for name in ENTRIES if not name.startswith(TRAINED_PART)]
    running = {name for name in frozen if name.endswith("running_mean")}
    if wrong := [name for name in frozen if name in given and name not in running]:
        return f"{wrong[0]} is frozen: it has no gradient, and the optimiser leaves it as it is."
    if not running & given:
        return (
            "This is what gradients change. In train mode, some layers change something without "
            "gradients, too: which?"
        )
    if running - given:
        return "There is more than one BatchNorm, and all of them are in train mode."
    missing = [name for name in ENTRIES if name not in frozen and name not in given]
    return f"Is {missing[0]} frozen?" if missing else ""


EXERCISES = {
    "standardised picture": prepared,
    "names from outputs": told,
    "weights for Flax": to_flax,
    "bytes of weights": num_bytes,
    "what changes in a step": changes,
}
