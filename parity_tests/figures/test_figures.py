"""Figures, report and progress bar: what they draw and write is what they were given."""

import base64
import html
import io
import re

import matplotlib.image
import numpy as np
import pytest
from rich.console import Console

from zoojax.common import figures
from zoojax.common.progress import progress_bar
from zoojax.common.reporting import report
from zoojax.common.storage import files
from zoojax.spec.history import History

CLASS_NAMES = ("blue", "green", "red")


def make_history(losses, epochs=2):
    losses = np.asarray(losses, np.float64)
    each = losses.reshape(epochs, -1).mean(axis=1)
    return History(
        step_losses=losses,
        train_losses=each,
        validation_losses=each + 0.1,
        validation_accuracies=np.ones(epochs),
        epoch_seconds=np.ones(epochs),
        images_per_second=100.0,
        learning_rates=np.full(len(losses), 1e-3),
        largest_gradients={},
    )


def make_row(name="initial loss", verdict="identical"):
    return report.Row(name, "2.17", "2.17", "0", "1e-06", verdict)


@pytest.fixture
def losses():
    return np.linspace(2.0, 0.5, 20)


def test_sample_images_are_drawn_unchanged_in_order():
    images = np.random.default_rng(0).integers(0, 256, (5, 6, 9, 3), np.uint8)
    figure = figures.sample_images(images, list("abcde"), columns=3)
    panels = [panel for panel in figure.axes if panel.images]
    assert [panel.get_title() for panel in panels] == list("abcde")
    for panel, image in zip(panels, images, strict=True):
        np.testing.assert_array_equal(panel.images[0].get_array(), image)


@pytest.mark.parametrize(
    ("images", "titles", "columns", "message"),
    [
        (np.zeros((1, 4, 4, 3)), ["a"], 8, "float64"),
        (np.zeros((0, 4, 4, 3), np.uint8), [], 8, "num >= 1"),
        (np.zeros((2, 4, 4, 3), np.uint8), ["a"], 8, "2, got 1"),
        (np.zeros((1, 4, 4, 3), np.uint8), ["a"], 0, "columns"),
    ],
)
def test_sample_images_refuse(images, titles, columns, message):
    with pytest.raises(ValueError, match=message):
        figures.sample_images(images, titles, columns=columns)


def test_relative_difference_against_hand_computed_values():
    first, second = np.array([2.0, 0.0, 1.0, 0.0, np.nan]), np.array([1.0, 0.0, 1.0, -4.0, 1.0])
    expected = [0.5, 0.0, 0.0, 1.0, np.nan]
    np.testing.assert_array_equal(figures.relative_difference(first, second), expected)


def test_loss_curves_show_every_number(losses):
    other = losses * (1 + np.where(np.arange(20) < 5, 0, 1e-7))
    pair = {"jax": make_history(losses), "torch": make_history(other)}
    top, bottom = figures.loss_curves(pair, title="two runs").axes
    lines = {line.get_label(): line for line in top.get_lines()}
    np.testing.assert_array_equal(lines["jax: training step"].get_ydata(), losses)
    np.testing.assert_array_equal(lines["torch: training step"].get_ydata(), other)
    np.testing.assert_array_equal(lines["torch: validation"].get_xdata(), [10, 20])
    drawn = bottom.get_lines()[0].get_ydata()
    np.testing.assert_array_equal(drawn, np.abs(losses - other) / np.maximum(losses, other))
    low, high = bottom.get_ylim()
    assert low < drawn.min() == 0
    assert drawn.max() < high
    assert top.get_ylabel() == "loss"
    assert bottom.get_xlabel() == "weight updates"


def test_equal_curves_can_both_be_seen(losses):
    history = make_history(losses)
    figure = figures.loss_curves({"jax": history, "torch": history})
    below, _, above, _ = figure.axes[0].get_lines()
    assert below.get_linewidth() > 2 * above.get_linewidth()
    assert above.is_dashed()
    assert "identical" in figure.axes[1].texts[0].get_text()


def test_losses_that_are_not_numbers_are_not_called_identical(losses):
    runs = {"jax": make_history(losses), "torch": make_history(losses * np.nan)}
    assert not figures.loss_curves(runs).axes[1].texts


@pytest.mark.parametrize("num_runs", [1, 3])
def test_only_two_runs_have_a_difference(losses, num_runs):
    runs = {str(run): make_history(losses) for run in range(num_runs)}
    assert len(figures.loss_curves(runs).axes) == 1


def test_loss_curves_refuse_no_run():
    with pytest.raises(ValueError, match="at least one run"):
        figures.loss_curves({})


def test_confusion_matrices_write_counts_and_colour_rates():
    matrix = np.array([[3, 1, 0], [0, 0, 0], [0, 2, 8]])
    pair = {"jax": matrix, "torch": matrix}
    left, right, bar = figures.confusion_matrices(pair, CLASS_NAMES).axes
    for panel in (left, right):
        counts = {text.get_position(): text.get_text() for text in panel.texts}
        assert counts == {(c, r): str(matrix[r, c]) for r in range(3) for c in range(3)}
        rates = [[0.75, 0.25, 0], [0, 0, 0], [0, 0.2, 0.8]]
        np.testing.assert_allclose(panel.images[0].get_array(), rates)
        assert panel.get_xlabel() == "predicted class"
        assert [label.get_text() for label in panel.get_xticklabels()] == list(CLASS_NAMES)
    assert left.get_ylabel() == "true class"
    assert left.get_title() == "jax: 78.6% of 14 correct"
    assert bar.get_ylabel() == "rate within the true class"


def test_normalized_confusion_matrix_writes_rates():
    matrix = np.array([[3, 1, 0], [0, 0, 0], [0, 2, 8]])
    panel = figures.confusion_matrices({"jax": matrix}, CLASS_NAMES, normalized=True).axes[0]
    texts = {text.get_position(): text.get_text() for text in panel.texts}
    dash = "\N{EN DASH}"
    expected = [["0.75", "0.25", "0.00"], [dash] * 3, ["0.00", "0.20", "0.80"]]
    assert texts == {(c, r): expected[r][c] for r in range(3) for c in range(3)}
    np.testing.assert_allclose(panel.images[0].get_array()[2], [0, 0.2, 0.8])


@pytest.mark.parametrize("num_classes", [1, 11])
def test_confusion_matrix_of_few_and_of_many_classes(num_classes):
    matrix = 3 * np.eye(num_classes, dtype=np.int32)
    names = [f"class {i}" for i in range(num_classes)]
    figure = figures.confusion_matrices({"torch": matrix}, names)
    assert len(figure.axes[0].texts) == num_classes**2
    assert figure._repr_png_()


@pytest.mark.parametrize(
    ("matrices", "message"),
    [
        ({}, "at least one"),
        ({"jax": np.eye(2, dtype=int)}, r"'jax' must be of shape \(3, 3\)"),
        ({"jax": np.eye(3)}, "integers of at least 0, got float64"),
        ({"jax": -np.eye(3, dtype=int)}, "from -1 on"),
    ],
)
def test_confusion_matrices_refuse(matrices, message):
    with pytest.raises(ValueError, match=message):
        figures.confusion_matrices(matrices, CLASS_NAMES)


def test_confusion_matrices_refuse_no_class():
    with pytest.raises(ValueError, match="got 1 and 0"):
        figures.confusion_matrices({"jax": np.zeros((0, 0), int)}, ())


def test_save_figure_writes_a_png_and_nothing_else(tmp_path, losses):
    path = tmp_path / "loss.png"
    path.write_text("old")
    figure = figures.loss_curves({"jax": make_history(losses)})
    assert figures.save_figure(figure, path) == path
    assert matplotlib.image.imread(path).shape[1] > 800
    assert list(tmp_path.iterdir()) == [path]
    # What a notebook shows, with no pyplot at hand.
    assert figure._repr_png_().startswith(report.PNG_SIGNATURE)


def test_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")
    monkeypatch.setattr(type(path), "replace", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        files.write_whole(path, b"new")
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


@pytest.mark.parametrize(
    ("difference", "allowed", "verdict"),
    [
        (0.0, 0.0, "identical"),
        (1e-7, 1e-7, "within rounding"),
        (-2e-7, 1e-7, "DIFFERS"),
        (float("nan"), 1.0, "DIFFERS"),
    ],
)
def test_judge(difference, allowed, verdict):
    assert report.judge(difference, allowed) == verdict


def test_report_holds_all_it_was_given_escaped(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3), np.uint8)
    png = figures.save_figure(figures.sample_images(image, ["a"]), tmp_path / "samples.png")
    rows = [
        make_row("<script>alert('x')</script> & more"),
        *(make_row(f"row {verdict}", verdict) for verdict in report.VERDICT_STYLES),
    ]
    settings = {"model": {"head": "flatten", "kernels": (3, 5)}, "seed": "<7>"}
    arguments = {"lead": "a < b", "rows": rows, "figures": {'A "caption"': png}}
    path = tmp_path / "report.html"
    report.write_report(path, title="Q & A", settings=settings, **arguments)
    page = path.read_text(encoding="utf-8")

    for row in rows:
        assert f'<th scope="row">{html.escape(row.name)}</th>' in page
    for text in ("Q &amp; A", "a &lt; b", "&lt;7&gt;", "3, 5", "✓ identical", "✗ DIFFERS"):
        assert text in page
    assert "<script" not in page
    assert "http" not in page
    assert not re.search(r'(?:src|href)="(?!data:)|url\(|@import', page)
    ((alt, data),) = re.findall(r'<img alt="(.*?)" src="data:image/png;base64,(.*?)"', page)
    assert html.unescape(alt) == 'A "caption"'
    assert base64.b64decode(data) == png.read_bytes()


def test_report_refuses_bad_verdict_and_bad_figure(tmp_path):
    arguments = {"title": "t", "lead": "l", "settings": {}}
    with pytest.raises(ValueError, match=r"verdict must be one of identical, .* got 'fine'"):
        report.write_report(
            tmp_path / "r.html", rows=[make_row(verdict="fine")], figures={}, **arguments
        )
    (tmp_path / "x.png").write_text("no picture")
    with pytest.raises(ValueError, match=r"x\.png' is not a PNG"):
        report.write_report(
            tmp_path / "r.html", rows=[], figures={"x": tmp_path / "x.png"}, **arguments
        )
    assert not (tmp_path / "r.html").exists()


def test_table_fits_100_columns_and_reads_without_colour():
    rows = [
        report.Row("output of conv 2 [layer]", *["(32, 16, 64, 64)"] * 2, "0", "0", "identical"),
        report.Row("loss after 100 steps", "0.32", "0.34", "6.2e-02", "1e-02", "DIFFERS"),
    ]
    stream = io.StringIO()
    Console(file=stream, width=100, color_system=None).print(report.table(rows))
    lines = stream.getvalue().splitlines()
    assert max(map(len, lines)) <= 100
    for row, verdict in zip(rows, ("✓ identical", "✗ DIFFERS"), strict=True):
        (line,) = [line for line in lines if row.name in line]
        assert all(cell in line for cell in (*row[:-1], verdict))


def test_progress_bar_writes_one_line_where_there_is_no_terminal(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress_bar(300, "training [jax]", enabled=True) as advance:
        for step in range(300):
            advance(step / 100, "epoch 3/3" if step == 200 else "")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "\r" not in err
    for text in ("training [jax]", "300/300", "loss 2.9900", "epoch 3/3"):
        assert text in err


def test_progress_bar_closes_when_an_exception_passes(capsys):
    def interrupted():
        with progress_bar(10, "training", enabled=True) as advance:
            advance(1.5)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert "1/10" in capsys.readouterr().err


def test_disabled_progress_bar_writes_nothing(capsys):
    with progress_bar(10, "training", enabled=False) as advance:
        advance(1.0, note="x")
    assert capsys.readouterr() == ("", "")
