"""Each exercise of the notebooks takes right answers, and says what is wrong with others."""

import re

import pytest

from parity_tests.notebooks.answers import (
    classifying,
    conformal,
    designs,
    evaluating,
    layers,
    loops,
    models,
    pretrained,
    simulating,
    sinusoids,
)
from zoojax.common.teaching.exercises import EXERCISES, NOT_YET, RIGHT, check, judge_answer
from zoojax.common.teaching.exercises.judging import numbers

ANSWERS = {
    **simulating.ANSWERS,
    **layers.ANSWERS,
    **models.ANSWERS,
    **loops.ANSWERS,
    **sinusoids.ANSWERS,
    **classifying.ANSWERS,
    **evaluating.ANSWERS,
    **conformal.ANSWERS,
    **designs.ANSWERS,
    **pretrained.ANSWERS,
}


def places(kind):
    """Return name and place of every answer of a kind."""
    return [(name, place) for name in ANSWERS for place in range(len(getattr(ANSWERS[name], kind)))]


def test_every_exercise_has_a_right_answer_and_three_wrong_ones():
    assert ANSWERS.keys() == EXERCISES.keys()
    for answers in ANSWERS.values():
        assert answers.right
        assert len({wrong.said for wrong in answers.wrong}) >= 3


@pytest.mark.parametrize(("name", "place"), places("right"))
def test_a_right_answer_is_right(name, place):
    assert judge_answer(name, ANSWERS[name].right[place]) == ""


@pytest.mark.parametrize(("name", "place"), places("wrong"))
def test_of_a_wrong_answer_is_said_what_is_wrong(name, place):
    wrong = ANSWERS[name].wrong[place]
    words = judge_answer(name, wrong.answer)
    assert wrong.said in words
    assert not gives_away(words, ANSWERS[name].right)


def gives_away(words, right):
    """Return whether words have a right answer in them that is a number."""
    said = {float(number) for number in re.findall(r"\d+(?:\.\d+)?", words)}
    found = [numbers(answer) for answer in right]
    return any(each is not None and each.ndim == 0 and float(each) in said for each in found)


def test_a_number_in_the_words_gives_a_number_away():
    assert gives_away("It is 1600, not less.", [1600])
    assert not gives_away("It is more than 16.", [1600, lambda x: x])


def test_check_prints_what_it_finds(capsys):
    name = "places"
    check(name, ANSWERS[name].right[0])
    check(name, ANSWERS[name].wrong[0].answer)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == RIGHT
    assert lines[1].startswith(NOT_YET)
    assert ANSWERS[name].wrong[0].said in lines[1]


def test_an_exercise_that_is_none_is_named_with_the_nearest():
    with pytest.raises(ValueError, match="no exercise is called 'place'; the nearest is 'places'"):
        check("place", 3)
