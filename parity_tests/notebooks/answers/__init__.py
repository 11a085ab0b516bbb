"""Answers to exercises: right ones, and wrong ones with what is to be said of them."""

from typing import Any, NamedTuple


class Wrong(NamedTuple):
    """A wrong answer that a reader would give.

    Attributes:
        answer: what is handed to ``check``.
        said: a part of what is said of it.
    """

    answer: Any
    said: str


class Answers(NamedTuple):
    """Answers to one exercise.

    Attributes:
        right: answers of several kinds, all right.
        wrong: typical mistakes, three or more.
    """

    right: list[Any]
    wrong: list[Wrong]
