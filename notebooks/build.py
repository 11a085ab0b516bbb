"""Make the notebooks from their sources: with solutions, executed, and as exercises.

python -m notebooks.build [NAME ...]   # such as 02_layers; all when none is named
python -m notebooks.build --check      # whether what is there is up to date; runs nothing
"""

import argparse
import ast
import copy
import os
import re
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from zoojax.common.teaching.exercises import RIGHT

FOLDER = Path(__file__).parent
SOURCES = FOLDER / "sources"
EXERCISES = FOLDER / "exercises"
SOLUTION = re.compile(
    r"^(?P<indent> *)### BEGIN SOLUTION\n(?P<code>.*?)^ *### END SOLUTION\n?", re.M | re.S
)
TODO = re.compile(r"^ *# TODO: .*\n(?: *#   .*\n)*", re.M)
SECONDS = 240


def names() -> list[str]:
    """Return the names of all notebooks, in their order."""
    return sorted(path.stem for path in SOURCES.glob("*.py"))


def with_solutions(name: str) -> NotebookNode:
    """Return a notebook as its source has it, without marks and hints."""
    return _notebook(name, lambda code: [_solved(code)])


def as_exercise(name: str) -> NotebookNode:
    """Return a notebook with dots in the place of each solution."""
    return _notebook(name, lambda code: [_asked(code)])


def as_read(name: str) -> NotebookNode:
    """Return a notebook as a reader runs it: each exercise with its dots first, then solved."""
    return _notebook(
        name,
        lambda code: [_asked(code), _solved(code)] if SOLUTION.search(code) else [code],
    )


def _solved(code: str) -> str:
    return TODO.sub("", SOLUTION.sub(r"\g<code>", code))


def _asked(code: str) -> str:
    return SOLUTION.sub(_dots, code)


def _notebook(name: str, edit: Callable[[str], list[str]]) -> NotebookNode:
    """Return a notebook of a source, with one or more cells for each cell of code."""
    notebook = jupytext.read(SOURCES / f"{name}.py")
    cells = []
    for cell in notebook.cells:
        edited = edit(cell.source + "\n") if cell.cell_type == "code" else [cell.source]
        for source in edited:
            cells.append(copy.deepcopy(cell))
            cells[-1].source = source.rstrip("\n")
            cells[-1].id = f"cell-{len(cells) - 1}"
    notebook.cells = cells
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def _dots(solution: re.Match[str]) -> str:
    """Return dots for a solution: for each name that it gives a value, or for a function's body."""
    indent = solution["indent"]
    if indent:
        return f"{indent}...\n"
    targets = []
    for statement in ast.parse(textwrap.dedent(solution["code"])).body:
        if isinstance(statement, ast.Assign):
            targets += [ast.unparse(target).strip("()") for target in statement.targets]
    dots = {target: ", ".join(["..."] * (target.count(",") + 1)) for target in targets}
    return "".join(f"{target} = {values}\n" for target, values in dots.items())


def execute(notebook: NotebookNode) -> NotebookNode:
    """Run a notebook in its folder and keep its outputs, but nothing of when and where.

    Raises:
        nbclient.exceptions.CellExecutionError: when a cell fails.
    """
    resources = {"metadata": {"path": str(FOLDER)}}
    client = NotebookClient(notebook, timeout=SECONDS, resources=resources)
    client.execute(env={**os.environ, "PYTHONPATH": str(FOLDER.parent)})  # this checkout's code
    for cell in notebook.cells:
        cell.metadata = {}
    notebook.metadata.pop("widgets", None)
    return notebook


def said(cell: NotebookNode) -> str | None:
    """Return what the check at the end of a cell printed; None where there is no check."""
    if cell.cell_type != "code" or "\ncheck(" not in f"\n{cell.source}":
        return None
    lines = "".join(output.get("text", "") for output in cell.outputs).splitlines()
    return lines[-1] if lines else ""


def check_solutions(notebook: NotebookNode) -> None:
    """See that every solution of an executed notebook is right.

    Raises:
        ValueError: when an exercise says that its solution is wrong.
    """
    for cell in notebook.cells:
        if said(cell) not in (None, RIGHT):
            raise ValueError(f"a solution is wrong: {cell.source}\n{said(cell)}")


def stale(name: str) -> list[Path]:
    """Return the files of a notebook that are not there or not of its source."""
    made = {
        FOLDER / f"{name}.ipynb": with_solutions(name),
        EXERCISES / f"{name}.ipynb": as_exercise(name),
    }
    return [path for path, notebook in made.items() if _sources(path) != _cells(notebook)]


def _sources(path: Path) -> list[tuple[str, str]] | None:
    return _cells(nbformat.read(path, as_version=4)) if path.exists() else None


def _cells(notebook: NotebookNode) -> list[tuple[str, str]]:
    return [(cell.cell_type, cell.source) for cell in notebook.cells]


def build(name: str) -> None:
    """Write both versions of a notebook."""
    EXERCISES.mkdir(exist_ok=True)
    solved = execute(with_solutions(name))
    check_solutions(solved)
    nbformat.write(solved, FOLDER / f"{name}.ipynb")
    nbformat.write(as_exercise(name), EXERCISES / f"{name}.ipynb")


def main() -> int:
    """Build, or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names())}")
    parser.add_argument("--check", action="store_true", help="only say what is out of date")
    options = parser.parse_args()
    if unknown := set(options.names) - set(names()):
        parser.error(f"no source is called {', '.join(sorted(unknown))}; there are {names()}")
    old = []
    for name in options.names or names():
        if options.check:
            old += stale(name)
        else:
            begin = time.monotonic()
            build(name)
            print(f"{name}: made in {time.monotonic() - begin:.0f} s", flush=True)
    for path in old:
        print(f"{path.relative_to(FOLDER.parent)} is not of its source: run make notebooks")
    return int(bool(old))


if __name__ == "__main__":
    sys.exit(main())
