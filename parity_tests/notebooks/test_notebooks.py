"""Notebooks run, their exercises say what is missing, and their files are of their sources."""

import re
import resource
from pathlib import Path

import nbformat
import pytest

from notebooks import build
from parity_tests.helpers.builders import variants
from zoojax.common.teaching.exercises import EXERCISES, NOT_YET, RIGHT

WIDTH = 72
"""Characters of code that a printed page has room for."""


def cells(path):
    return nbformat.read(path, as_version=4).cells


def kinds_of_outputs(cell):
    """Return of what kinds the outputs of a cell are; text that is printed comes in any pieces."""
    return {
        (output.output_type, output.get("name"), *sorted(output.get("data", {})))
        for output in cell.get("outputs", [])
    }


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize("name", variants(build.names(), quick=["02_layers"]))
def test_it_runs_and_each_exercise_asks_first_and_is_right_then(name):
    before = cpu_seconds()
    notebook = build.execute(build.as_read(name))
    assert cpu_seconds() - before < 2 * 120  # 2 minutes on 2 cores

    said = [words for cell in notebook.cells if (words := build.said(cell)) is not None]
    assert len(said) > 6
    assert said[1::2] == [RIGHT] * (len(said) // 2)
    assert all(words.startswith(NOT_YET) for words in said[::2])

    stored = {cell.source: cell for cell in cells(build.FOLDER / f"{name}.ipynb")}
    for cell in notebook.cells:
        if cell.source in stored:  # not those with dots
            assert kinds_of_outputs(cell) == kinds_of_outputs(stored[cell.source])


@pytest.mark.parametrize("name", build.names())
def test_files_are_of_their_source(name):
    assert build.stale(name) == []


@pytest.mark.parametrize("name", build.names())
def test_a_stored_notebook_says_that_its_solutions_are_right_and_shows_no_warning(name):
    stored = nbformat.read(build.FOLDER / f"{name}.ipynb", as_version=4)
    build.check_solutions(stored)
    for cell in stored.cells:
        for output in cell.get("outputs", []):
            assert output.get("name") != "stderr"
            assert output.output_type != "error"


@pytest.mark.parametrize("name", build.names())
def test_an_exercise_version_has_dots_and_hints_for_solutions(name):
    solved, asked = (build.with_solutions(name), build.as_exercise(name))
    source = (build.SOURCES / f"{name}.py").read_text()
    num = source.count("### BEGIN SOLUTION")
    assert num == source.count("### END SOLUTION") == source.count("# TODO: ") > 2
    for notebook in (solved, asked):
        assert not any("SOLUTION" in cell.source for cell in notebook.cells)
    assert not any("# TODO: " in cell.source for cell in solved.cells)
    given = "\n".join(cell.source for cell in asked.cells)
    assert given.count("# TODO: ") == num
    for solution in build.SOLUTION.finditer(source):
        assert solution["code"] not in given


def test_every_exercise_is_asked_once():
    sources = ((build.SOURCES / f"{name}.py").read_text() for name in build.names())
    asked = [
        name for source in sources for name in re.findall(r'^check\(\s*"([^"]+)"', source, re.M)
    ]
    assert sorted(asked) == sorted(EXERCISES)


@pytest.mark.parametrize("name", build.names())
def test_code_fits_a_printed_page(name):
    for cell in build.as_read(name).cells:  # with hints and with solutions
        if cell.cell_type == "code":
            assert max(map(len, cell.source.splitlines())) <= WIDTH


def test_every_notebook_begins_by_installing_what_is_missing():
    first = {
        next(cell.source for cell in build.with_solutions(name).cells if cell.cell_type == "code")
        for name in build.names()
    }
    (source,) = first
    assert "except ImportError" in source


def test_the_teachers_page_lists_every_notebook_with_its_title_and_time():
    page = (build.FOLDER / "README.md").read_text()
    rows = re.findall(r"^\| (\d+) \| \[(.*)\]\((.*)\) \| (\d+) \|.*\((.*)\) \|$", page, re.M)
    assert [Path(notebook).stem for _, _, notebook, _, _ in rows] == build.names()
    for number, title, notebook, minutes, exercise in rows:
        text = build.with_solutions(Path(notebook).stem).cells[0].source
        assert text.startswith(f"# {number} {title}\n")
        assert f"Time: {minutes} minutes." in text
        assert (build.FOLDER / notebook).exists()
        assert exercise == f"exercises/{notebook}"
    for text in (page, (build.FOLDER.parent / "README.md").read_text()):
        assert f"{len(EXERCISES)} exercises" in text


def test_a_source_that_has_changed_is_told(tmp_path, monkeypatch):
    name = build.names()[0]
    source = (build.SOURCES / f"{name}.py").read_text()
    (tmp_path / f"{name}.py").write_text(source.replace("pure function", "poor function", 1))
    monkeypatch.setattr(build, "SOURCES", tmp_path)
    assert [path.parent.name for path in build.stale(name)] == ["notebooks", "exercises"]


def test_a_wrong_solution_is_told():
    source = "from zoojax.common.teaching.exercises import check\ncheck('hand convolution', 4)"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    with pytest.raises(ValueError, match="a solution is wrong"):
        build.check_solutions(build.execute(notebook))
