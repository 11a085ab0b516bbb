"""What can be said of an answer without giving the right one away."""

import copy
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

Words = str
"""What is wrong with an answer; empty where nothing is."""

Numbers = Any
"""A number, or numbers in an array, tensor or list of any framework."""


class Mistake(NamedTuple):
    """A wrong answer that is often given.

    Attributes:
        value: the answer.
        words: what went wrong.
    """

    value: Numbers
    words: Words


def judge(
    answer: Numbers,
    right: Numbers,
    mistakes: Sequence[Mistake] = (),
    *,
    rtol: float = 1e-5,
    atol: float = 1e-7,
) -> Words:
    """Say what is wrong with numbers.

    Args:
        answer: given.
        right: what it should be.
        mistakes: wrong answers that have a name.
        rtol: relative difference allowed.
        atol: absolute difference allowed.
    """
    if unanswered(answer):
        return "The dots are still there: put your answer in their place."
    found, wanted = numbers(answer), numbers(right)
    if found is None and isinstance(answer, tuple | list):
        return "Your list has something in it that is not a number, or rows of different lengths."
    if found is None:
        return f"This is {article(type(answer).__name__)}, and numbers are asked for."
    for mistake in mistakes:
        if _close(found, numbers(mistake.value), rtol, atol):
            return mistake.words
    if found.shape != wanted.shape:
        return _shapes(found.shape, wanted.shape)
    if not np.isfinite(found).all() and np.isfinite(wanted).all():
        return "Some of it is not a finite number: look for a division by zero or a logarithm of 0."
    if _close(found, wanted, rtol, atol):
        return ""
    return _differences(found, wanted, rtol, atol)


def judge_function(
    answer: object,
    right: Callable[..., Numbers],
    mistakes: Sequence[tuple[Callable[..., Numbers], Words]] = (),
    *,
    cases: Sequence[tuple[Any, ...]],
    atol: float = 1e-7,
) -> Words:
    """Say what is wrong with a function, by what it returns for a few arguments.

    Args:
        answer: the function.
        right: what it should do.
        mistakes: functions that are often written instead, and what went wrong.
        cases: arguments of each call.
        atol: absolute difference allowed.
    """
    if unanswered(answer):
        return "The dots are still there: write the function in their place."
    if not callable(answer):
        return f"This is {article(type(answer).__name__)}, and a function is asked for."
    for case in cases:
        try:
            found = answer(*map(copy.deepcopy, case))
        except Exception as error:
            return f"Your function fails with {type(error).__name__}: {error}"
        if found is None:
            return "Your function returns nothing: are its dots still there, or is return missing?"
        if unanswered(found):
            return "There is a None, or dots, in what your function returns."
        known = [Mistake(mistake(*case), words) for mistake, words in mistakes]
        known = [each for each in known if not _close_to(each.value, right(*case))]
        if words := judge(found, right(*case), known, atol=atol):
            return words
    return ""


def judge_choices(
    answer: object, right: dict[str, str], hints: dict[str, Words], choices: Sequence[str]
) -> Words:
    """Say what is wrong with a dictionary that chooses a word for each name.

    Args:
        answer: the dictionary.
        right: by name, the word to choose.
        hints: by name, what is said of another word.
        choices: the words to choose from.
    """
    if unanswered(answer) or not isinstance(answer, dict):
        return (
            f"Give a dictionary from {', '.join(map(repr, right))} to one of: {'; '.join(choices)}."
        )
    for name, wanted in right.items():
        found = answer.get(name)
        if unanswered(found):
            return f"There is no answer for {name!r} yet."
        if not isinstance(found, str) or found not in choices:
            return f"{str(found)!r} is none of: {'; '.join(choices)}."
        if found != wanted:
            return hints[name]
    return ""


def unanswered(answer: object) -> bool:
    """Return whether an answer, or a part of it, is still to be given."""
    if isinstance(answer, tuple | list):
        return any(unanswered(each) for each in answer)
    return answer is ... or answer is None


def numbers(values: Numbers) -> Any:
    """Return numbers of any framework as a float64 array; None where they are something else."""
    try:
        found = np.asarray(_without_torch(values))
        return None if found.dtype.kind in "US" else found.astype(np.float64)
    except Exception:  # a ragged list, a number too large, whatever a class does on conversion
        return None


def _without_torch(values: Numbers) -> Any:
    """Take tensors of torch, also those in lists, out of their graph: NumPy refuses them there."""
    if isinstance(values, tuple | list):
        return [_without_torch(each) for each in values]
    return values.detach().cpu().double().numpy() if hasattr(values, "detach") else values


def article(noun: str) -> str:
    """Return a noun after its indefinite article."""
    vowel = noun[:1].lower() in "aeiou" or noun == "ndarray"
    return f"{'an' if vowel else 'a'} {noun}"


def _close(found: np.ndarray | None, wanted: np.ndarray | None, rtol: float, atol: float) -> bool:
    return (
        found is not None
        and wanted is not None
        and found.shape == wanted.shape
        and np.allclose(found, wanted, rtol, atol, equal_nan=True)
    )


def _close_to(mistake: Numbers, right: Numbers) -> bool:
    """Return whether a mistake does no harm in this case."""
    return _close(numbers(mistake), numbers(right), rtol=1e-5, atol=1e-7)


def _shapes(found: tuple[int, ...], wanted: tuple[int, ...]) -> Words:
    """Say how shapes differ."""
    if not found and wanted:
        return f"This is one number, and an array with {_axes(len(wanted))} is asked for."
    if not wanted:
        return f"One number is asked for, and yours is an array with {_axes(len(found))}."
    if len(found) != len(wanted):
        return f"Your array has {_axes(len(found))}, and one with {len(wanted)} is asked for."
    if sorted(found) == sorted(wanted):
        return f"The axes of your shape {found} are in another order: something is transposed."
    axis = next(i for i, (a, b) in enumerate(zip(found, wanted, strict=True)) if a != b)
    size = "too long" if found[axis] > wanted[axis] else "too short"
    return f"Axis {axis} of your shape {found} is {size}."


def _axes(count: int) -> str:
    return f"{count or 'no'} {'axis' if count == 1 else 'axes'}"


def _differences(found: np.ndarray, wanted: np.ndarray, rtol: float, atol: float) -> Words:
    """Say where numbers of one shape differ, and whether by a factor, a sign or an offset."""
    if found.ndim == 2 and found.shape[0] == found.shape[1] and _close(found.T, wanted, rtol, atol):
        return "Rows and columns have changed places: it is transposed."
    if _close(-found, wanted, rtol, atol):
        return "It has the wrong sign."
    if found.ndim == 0:
        return f"Not this number: it is too {'large' if found > wanted else 'small'}."
    wrong = ~np.isclose(found, wanted, rtol, atol)
    if wrong.all() and _constant(found - wanted):
        return "All numbers are off by the same amount."
    if wrong.sum() > 1 and (wanted != 0).all() and _constant(found / wanted):
        return "All numbers are off by the same factor."
    first = tuple(int(each) for each in np.argwhere(wrong)[0])
    place = first[0] if len(first) == 1 else first
    if wrong.sum() == 1:
        return f"1 of {wrong.size} numbers is wrong, the one at index {place}."
    return f"{wrong.sum()} of {wrong.size} numbers are wrong, the first at index {place}."


def _constant(values: np.ndarray) -> bool:
    return np.allclose(values, values.flat[0], rtol=1e-3, atol=1e-9)
