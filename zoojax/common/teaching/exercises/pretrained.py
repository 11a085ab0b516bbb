"""Exercises of notebook 10: using pretrained weights."""

import copy

import numpy as np

from zoojax.common.teaching.exercises.judging import (
    Numbers,
    Words,
    article,
    judge_function,
    numbers,
    unanswered,
)
from zoojax.spec.data import IMAGENET_MEAN, IMAGENET_STD

MEAN, STD = np.array(IMAGENET_MEAN), np.array(IMAGENET_STD)


def prepared(answer: object) -> Words:
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


def told(answer: object) -> Words:
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


EXERCISES = {
    "standardised picture": prepared,
    "names from outputs": told,
}
