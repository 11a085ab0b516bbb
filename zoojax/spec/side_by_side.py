"""Source of functions beside that of their twins, highlighted, as a page shows it."""

import ast
import html
import inspect
import textwrap
from typing import Any

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer


class SideBySide:
    """A table with the source of two or more things beside each other.

    A notebook shows it when a cell ends with it.

    Args:
        things: functions, methods, classes or modules; their source is shown as it is.
        docs: whether docstrings are shown.
    """

    def __init__(self, *things: Any, docs: bool = False) -> None:
        self.sources = {title(thing): source(thing, docs=docs) for thing in things}

    def __repr__(self) -> str:
        return "\n\n".join(f"# {name}\n{text}" for name, text in self.sources.items())

    def _repr_html_(self) -> str:
        width = 100 // len(self.sources)
        style = f'style="width:{width}%; text-align:left; vertical-align:top"'
        heads = "".join(f"<th {style}>{html.escape(name)}</th>" for name in self.sources)
        cells = "".join(f"<td {style}>{highlighted(text)}</td>" for text in self.sources.values())
        table = 'style="width:100%; table-layout:fixed"'
        return f"<table {table}><tr>{heads}</tr><tr>{cells}</tr></table>"


def title(thing: Any) -> str:
    """Return the full name of a function, class or module."""
    thing = inspect.unwrap(thing) if callable(thing) else thing
    if inspect.ismodule(thing):
        return thing.__name__
    return f"{thing.__module__}.{thing.__qualname__}"


def source(thing: Any, *, docs: bool = False) -> str:
    """Return the source of something as its file has it, from the left margin.

    Args:
        thing: function, compiled or not, method, class or module.
        docs: whether docstrings stay.
    """
    thing = inspect.unwrap(thing) if callable(thing) else thing
    text = textwrap.dedent(inspect.getsource(thing)).rstrip()
    return text if docs else without_docstrings(text)


def without_docstrings(text: str) -> str:
    """Return source without its docstrings, and without the empty lines after them."""
    lines = text.splitlines()
    dropped: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
            continue
        if ast.get_docstring(node) is not None and len(node.body) > 1:
            said, following = node.body[:2]
            start = min((each.lineno for each in _decorators(following)), default=following.lineno)
            comments = (i for i in range(said.end_lineno or 0, start - 1) if lines[i].strip())
            dropped |= set(range(said.lineno - 1, next(comments, start - 1)))
    return "\n".join(line for i, line in enumerate(lines) if i not in dropped)


def _decorators(node: ast.stmt) -> list[ast.expr]:
    return getattr(node, "decorator_list", [])


def highlighted(text: str) -> str:
    """Return Python source as HTML, with its colors in the elements themselves."""
    formatter = HtmlFormatter(
        noclasses=True,
        style="friendly",
        nobackground=True,
        prestyles="white-space:pre-wrap; font-size:85%; margin:0",
    )
    return highlight(text, PythonLexer(), formatter)
