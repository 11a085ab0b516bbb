"""Exercises of notebook 10: weights in files, in two designs, and frozen."""

import math
from collections.abc import Callable, Iterable

import numpy as np

from zoojax.common.shape_benchmark import Target
from zoojax.common.storage import files, pretrained
from zoojax.common.teaching.exercises.judging import (
    Mistake,
    Numbers,
    Words,
    article,
    judge,
    judge_function,
)
from zoojax.spec.layout import Leaf, layout

COUNTED: Target = "color"
"""The published classifier whose bytes are counted."""


def to_flax(answer: object) -> Words:
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


def num_bytes(answer: object) -> Words:
    """Judge how many bytes the numbers of the ``COUNTED`` classifier take in its file."""
    folder = pretrained.FOLDER / COUNTED
    leaves = layout(files.load_config(folder))

    def count(leaves: Iterable[Leaf]) -> int:
        return sum(math.prod(leaf.shape) for leaf in leaves)

    every = count(leaves)
    trained = count(leaf for leaf in leaves if leaf.path[0] == "params")
    weights = count(leaf for leaf in leaves if leaf.name.endswith(".weight"))
    lengths = sum(leaf.shape[0] for leaf in leaves)
    file_size = (folder / files.WEIGHTS).stat().st_size
    other = count(layout(files.load_config(pretrained.FOLDER / "shape")))
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


def changes(answer: object) -> Words:
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
    "weights for Flax": to_flax,
    "bytes of weights": num_bytes,
    "what changes in a step": changes,
}
