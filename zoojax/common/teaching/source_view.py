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
    """A table with the source of two or more things, beside each other where the page is wide.

    A notebook shows it when a cell ends with it.

    Args:
        things: functions, methods, classes or modules; their source is shown as it is.
        docs: whether docstrings are shown.
    """

    def __init__(self, *things: object, docs: bool = False) -> None:
        self.sources = {title(thing): source(thing, docs=docs) for thing in things}

    def __repr__(self) -> str:
        return "\n\n".join(f"# {name}\n{text}" for name, text in self.sources.items())

    def _repr_html_(self) -> str:
        columns = "".join(_column(name, text) for name, text in self.sources.items())
        row = f'<tr style="display:flex; flex-wrap:wrap; {PLAIN}">{columns}</tr>'
        return f'<table style="display:block; width:100%; {PLAIN}">{row}</table>'


PLAIN = "background:none; break-inside:auto"
"""No stripes; and where printed, a table begins on the page where it stands."""


def _column(name: str, text: str) -> str:
    """Return a column of the table; on a narrow page it goes below the one before it."""
    style = f"flex:1 1 52ch; min-width:0; text-align:left; font-size:80%; {PLAIN}"
    head = f"<p><b><code>{html.escape(name)}</code></b></p>"
    code = f'<pre style="margin:0; font-family:monospace; {PLAIN}">{highlighted(text)}</pre>'
    return f'<td style="{style}">{head}{code}</td>'


def title(thing: object) -> str:
    """Return the full name of a function, class or module; the short one of a notebook's own."""
    original = _original(thing)
    if inspect.ismodule(original):
        return original.__name__
    name: str = original.__qualname__
    return name if original.__module__ == "__main__" else f"{original.__module__}.{name}"


def source(thing: object, *, docs: bool = False) -> str:
    """Return the source of something as its file has it, from the left margin.

    Args:
        thing: function, compiled or not, method, class or module.
        docs: whether docstrings stay.
    """
    text = textwrap.dedent(inspect.getsource(_original(thing))).rstrip()
    return text if docs else without_docstrings(text)


def _original(thing: object) -> Any:
    """Return the function that was decorated or compiled, and anything else as it is."""
    return inspect.unwrap(thing) if callable(thing) else thing


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
    """Return Python source as lines of HTML, with its colors in the elements themselves."""
    formatter = HtmlFormatter(nowrap=True, noclasses=True, style="friendly")
    lines = highlight(text, PythonLexer(), formatter).splitlines()
    return "".join(map(_line, text.splitlines(), lines))


def _line(plain: str, colored: str) -> str:
    """Return a line of HTML whose rest, where it is too long, stands further to the right."""
    indent = len(plain) - len(plain.lstrip()) + 4
    hanging = f"padding-left:{indent}ch; text-indent:-{indent}ch"
    wrapping = "white-space:pre-wrap; word-break:normal; overflow-wrap:anywhere"
    return f'<div style="{hanging}; {wrapping}">{colored or "&nbsp;"}</div>'
