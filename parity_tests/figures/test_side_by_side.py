"""Source that notebooks show in two columns is the package's own, to the letter."""

import html
import inspect
import re
import textwrap

import pytest

import zoojax
import zoojax.spec.conv
import zootorch
from zoojax.common.teaching.source_view import (
    SideBySide,
    highlighted,
    source,
    title,
    without_docstrings,
)

THINGS = (
    zoojax.train_step,  # compiled
    zootorch.Trainer.step,
    zootorch.Trainer,
    zoojax.MLP,
    zoojax.spec.conv,
)


def text_of(page):
    """Return the text of HTML, a line for each division."""
    lines = re.sub(r"<[^>]*>", "", page.replace("</div>", "\n"))
    return html.unescape(lines).replace("\N{NO-BREAK SPACE}", "").rstrip("\n")


@pytest.mark.parametrize("thing", THINGS, ids=title)
def test_source_is_what_the_file_has(thing):
    whole = inspect.getsource(inspect.unwrap(thing) if callable(thing) else thing)
    assert source(thing, docs=True) == textwrap.dedent(whole).rstrip()
    kept = iter(source(thing, docs=True).splitlines())
    assert all(line in kept for line in source(thing).splitlines())  # in their order
    assert '"""' not in source(thing)


@pytest.mark.parametrize("thing", THINGS, ids=title)
def test_colors_change_no_letter(thing):
    assert text_of(highlighted(source(thing))) == source(thing)


def test_a_table_has_a_column_for_each_under_its_full_name():
    page = SideBySide(zoojax.train_step, zootorch.Trainer.step)._repr_html_()
    assert page.count("<td ") == page.count("</td>") == page.count("<pre ") == 2
    assert page.index("zoojax.training.train_step") < page.index("zootorch.training.Trainer.step")
    assert text_of(highlighted(source(zootorch.Trainer.step))) in text_of(page)


def test_it_shows_as_text_where_no_page_is():
    shown = repr(SideBySide(zoojax.accuracy, zootorch.Accuracy))
    assert source(zoojax.accuracy) in shown
    assert "class Accuracy" in shown


def test_docstrings_go_and_comments_stay():
    given = '''\
    class Thing:
        """What it is."""

        # Why it is so.
        size = 3

        def double(self):
            """Return twice its size.

            At length.
            """
            return 2 * self.size

        def nothing(self):
            """Do nothing."""
    '''
    wanted = '''\
    class Thing:
        # Why it is so.
        size = 3

        def double(self):
            return 2 * self.size

        def nothing(self):
            """Do nothing."""
    '''
    assert without_docstrings(textwrap.dedent(given)) == textwrap.dedent(wanted).rstrip()


def test_signs_of_html_are_written_out():
    assert text_of(highlighted("a < b and c > d  # <b>&amp;</b>")) == (
        "a < b and c > d  # <b>&amp;</b>"
    )
