"""Notebooks are of their sources, and their exercise versions hold no solution."""

import nbformat
import pytest

from notebooks import build


def cells(path):
    return nbformat.read(path, as_version=4).cells


@pytest.mark.parametrize("name", build.names())
def test_files_are_of_their_source(name):
    assert build.stale(name) == []


@pytest.mark.parametrize("name", build.names())
def test_an_executed_notebook_says_that_its_solutions_are_right(name):
    checks = [cell for cell in cells(build.FOLDER / f"{name}.ipynb") if "\ncheck(" in cell.source]
    assert checks
    for cell in checks:
        assert [output.text for output in cell.outputs] == ["Right.\n"]


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


def test_a_source_that_has_changed_is_told(tmp_path, monkeypatch):
    name = build.names()[0]
    source = (build.SOURCES / f"{name}.py").read_text()
    (tmp_path / f"{name}.py").write_text(source.replace("pure function", "poor function", 1))
    monkeypatch.setattr(build, "SOURCES", tmp_path)
    assert [path.parent.name for path in build.stale(name)] == ["notebooks", "exercises"]


def test_a_wrong_solution_is_told():
    source = "from zoojax.spec.exercises import check\ncheck('hand convolution', 4)"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    with pytest.raises(ValueError, match="a solution is wrong"):
        build.execute(notebook)
