"""Figures of training and evaluation: what they draw is what they were given."""

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve, roc_curve

from zoojax.common import figures
from zoojax.spec.history import History

EPOCHS, STEPS = 4, 20
ENDS = [5, 10, 15, 20]
NAN = float("nan")


def make_history(**changes):
    losses = np.linspace(2.0, 0.5, STEPS)
    history = History(
        step_losses=losses,
        train_losses=losses.reshape(EPOCHS, -1).mean(axis=1),
        validation_losses=np.array([1.9, 1.2, 0.9, 1.4]),
        validation_accuracies=np.ones(EPOCHS),
        epoch_seconds=np.ones(EPOCHS),
        images_per_second=100.0,
        learning_rates=np.linspace(1e-3, 0, STEPS),
        largest_gradients={
            "conv_block.0": np.array([1e-6, 2e-6, 0.0, 0.0]),
            "rnn_l0": np.array([0.1, 0.2, np.inf, 0.3]),
        },
    )
    return dataclasses.replace(history, **changes)


def lines_of(panel):
    """Return the lines that the legend names, by their label."""
    return {line.get_label(): line for line in panel.get_lines() if line.get_label()[0] != "_"}


def at_edge(panel, edge):
    """Return x of the points on an edge of the axes: 0 is the bottom, 1 the top."""
    transform = panel.get_xaxis_transform()
    lines = [line for line in panel.get_lines() if line.get_transform() == transform]
    on_edge = [line for line in lines if set(line.get_ydata()) == {edge}]
    assert all(line.get_markerfacecolor() == "white" for line in on_edge)
    return [list(line.get_xdata()) for line in on_edge]


def legend_of(panel):
    return [text.get_text() for text in panel.get_legend().get_texts()]


@pytest.fixture
def scored():
    """Labels of two classes and scores: of one class well, of the other badly told apart."""
    labels = np.random.default_rng(0).integers(0, 2, 200)
    noise = np.random.default_rng(1).normal(size=(2, 200))
    return labels, {"circle": labels * 3 + noise[0], "square": labels * 0.3 + noise[1]}


def test_training_curves_show_losses_gap_best_epoch_and_rate():
    history = make_history()
    figure = figures.training_curves(history, title="a run")
    losses, rates, gradients = figure.axes
    lines = lines_of(losses)
    expected = {
        "training, each step": (range(STEPS), history.step_losses),
        "training, epoch's mean": (ENDS, history.train_losses),
        "validation": (ENDS, history.validation_losses),
    }
    for label, points in expected.items():
        np.testing.assert_array_equal(lines[label].get_data(), points)
    assert legend_of(losses) == [*expected, "gap between the two", "best epoch: 3 of 4"]
    np.testing.assert_array_equal(rates.get_lines()[0].get_ydata(), history.learning_rates)
    assert rates.get_ylim()[0] == 0
    labels = [panel.get_ylabel() for panel in figure.axes]
    assert labels == ["loss", "learning rate", "largest |gradient|\nof each layer"]
    assert gradients.get_xlabel() == "weight updates"
    assert losses.get_xlim() == rates.get_xlim() == gradients.get_xlim()
    assert figure.get_suptitle() == "a run"
    assert list(lines["best epoch: 3 of 4"].get_xdata()) == [15, 15]
    (gap,) = losses.collections
    corners = {tuple(corner) for corner in gap.get_paths()[0].vertices}
    for each in (history.train_losses, history.validation_losses):
        assert set(zip(ENDS, each.tolist(), strict=True)) <= corners


def test_without_validation_only_training_is_drawn():
    history = make_history(validation_losses=np.zeros(0), validation_accuracies=np.zeros(0))
    panel = figures.training_curves(history).axes[0]
    assert legend_of(panel) == ["training, each step", "training, epoch's mean"]
    assert not panel.collections


def test_gradients_of_zero_and_of_infinity_are_hollow_at_the_edges():
    panel = figures.training_curves(make_history(), problems={"conv_block.0": "vanishing"}).axes[2]
    assert panel.get_yscale() == "log"
    lines = lines_of(panel)
    sick, well = lines["conv_block.0 (vanishing)"], lines["rnn_l0"]
    np.testing.assert_array_equal(sick.get_ydata(), [1e-6, 2e-6, NAN, NAN])
    np.testing.assert_array_equal(well.get_ydata(), [0.1, 0.2, NAN, 0.3])
    np.testing.assert_array_equal(well.get_xdata(), [0, 5, 10, 15])
    assert sick.get_linewidth() > 2 * well.get_linewidth()
    assert sick.get_marker() != well.get_marker()
    assert at_edge(panel, 0) == [[10, 15]]
    assert at_edge(panel, 1) == [[10]]
    zero, infinite = legend_of(panel)[2:]
    assert zero == "hollow, at the bottom edge: zero"
    assert infinite == "hollow, at the top edge: not finite"
    assert panel.get_ylim()[0] < 1e-6 < 0.3 < panel.get_ylim()[1]


def test_fourteen_layers_look_different_even_when_all_are_zero():
    layers = {f"layer {i}": np.zeros(EPOCHS) for i in range(14)}
    figure = figures.training_curves(make_history(largest_gradients=layers))
    panel = figure.axes[2]
    assert at_edge(panel, 0) == [[0, 5, 10, 15]] * 14
    looks = {(line.get_color(), line.get_marker()) for line in lines_of(panel).values()}
    assert len(looks) == 14 + 1  # and the key to hollow markers
    assert figure._repr_png_()  # places everything
    assert panel.get_legend().get_window_extent().x0 > panel.get_window_extent().x1


@pytest.mark.parametrize(
    ("changes", "problems", "message"),
    [
        ({"train_losses": np.zeros(0)}, None, "got 0 epochs and 20 steps"),
        ({"learning_rates": np.zeros(3)}, None, r"shape \(20,\), one a step, got \(3,\)"),
        ({"validation_losses": np.zeros(3)}, None, "one an epoch, 4, or none, got 3"),
        ({"largest_gradients": {}}, None, "at least one layer"),
        ({"largest_gradients": {"fc": np.zeros(2)}}, None, r"'fc'\] must be of shape \(4,\)"),
        ({"largest_gradients": {"fc": np.full(4, -1.0)}}, None, "not under 0"),
        ({}, {"rnn_l0": "sleeping"}, "vanishing or exploding .* got 'sleeping' of 'rnn_l0'"),
        ({}, {"fc": "vanishing"}, "one of conv_block.0, rnn_l0, got 'vanishing' of 'fc'"),
    ],
)
def test_training_curves_refuse(changes, problems, message):
    with pytest.raises(ValueError, match=message):
        figures.training_curves(make_history(**changes), problems=problems)


def test_roc_curves_show_every_rate_area_and_chance(scored):
    labels, scores = scored
    curves = {name: roc_curve(labels == 1, each)[:2] for name, each in scores.items()}
    undefined = (np.full(3, NAN), np.linspace(0, 1, 3))  # no sample of another class
    areas = {"circle": 0.984, "square": 0.5, "star": NAN}
    (panel,) = figures.roc_curves(curves | {"star": undefined}, areas, title="validation").axes
    assert legend_of(panel) == [
        "chance (AUC = 0.50)",
        "circle (AUC = 0.98)",
        "square (AUC = 0.50)",
        "star (AUC undefined)",
    ]
    lines = lines_of(panel)
    for name, label in zip(curves, legend_of(panel)[1:3], strict=True):
        np.testing.assert_array_equal(lines[label].get_data(), curves[name])
        assert lines[label].get_drawstyle() == "default"
    assert not len(lines["star (AUC undefined)"].get_xdata())
    np.testing.assert_array_equal(lines["chance (AUC = 0.50)"].get_data(), [(0, 1), (0, 1)])
    assert panel.get_aspect() == 1
    assert panel.get_xlim()[0] < 0 < 1 < panel.get_xlim()[1] < 1.05
    labels = (panel.get_xlabel(), panel.get_ylabel(), panel.get_title())
    assert labels == ("false positive rate", "true positive rate", "validation")


def test_precision_recall_curves_are_steps(scored):
    labels, scores = scored
    curves = {name: precision_recall_curve(labels, each)[:2] for name, each in scores.items()}
    curves["star"] = (np.array([0.0, 1.0]), np.array([1.0, 0.0]))
    averages = {"circle": 0.984, "square": 0.5, "star": NAN}
    (panel,) = figures.precision_recall_curves(curves, averages).axes
    assert legend_of(panel) == ["circle (AP = 0.98)", "square (AP = 0.50)", "star (AP undefined)"]
    for name, line in zip(curves, panel.get_lines()[:2], strict=False):
        np.testing.assert_array_equal(line.get_data(), curves[name][::-1])
        assert line.get_drawstyle() == "steps-post"
    assert not len(panel.get_lines()[2].get_xdata())
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("recall", "precision")


def test_legend_of_twelve_curves_lies_beside_them():
    line = np.linspace(0, 1, 5)
    names = [f"class {i}" for i in range(12)]
    figure = figures.roc_curves(dict.fromkeys(names, (line, line)), dict.fromkeys(names, 0.5))
    (panel,) = figure.axes
    assert figure._repr_png_()  # places everything
    legend = panel.get_legend().get_window_extent()
    assert legend.x0 > panel.get_window_extent().x1
    assert legend.height < panel.get_window_extent().height
    looks = {(line.get_color(), line.get_marker()) for line in panel.get_lines()[1:]}
    assert len(looks) == 12


@pytest.mark.parametrize("draw", [figures.roc_curves, figures.precision_recall_curves])
@pytest.mark.parametrize(
    ("curves", "areas", "message"),
    [
        ({}, {}, "at least one class"),
        ({"a": ([0, 1], [0, 1])}, {"b": 0.5}, r"got \['a'\] and \['b'\]"),
        ({"a": ([0, 1], [0, 1])}, {"a": 1.5}, "'a' must be 0 to 1 or NaN, got 1.5"),
        ({"a": ([0, 1], [0, 1, 1])}, {"a": 0.5}, r"got shapes \(2,\) and \(3,\)"),
        ({"a": ([0, NAN], [0, 1])}, {"a": 0.5}, "numbers from 0 to 1, got nan"),
        ({"a": ([0.5, 0.7, 0.1], [0, 1, 0.5])}, {"a": 0.5}, "'a' (may ever fall|must never rise)"),
    ],
)
def test_curves_refuse(draw, curves, areas, message):
    with pytest.raises(ValueError, match=message):
        draw(curves, areas)


@pytest.mark.parametrize(
    ("outputs", "labels"),
    [
        ((), ["samples"]),
        ((1,), ["samples"]),
        ((2,), ["1 step ahead", "2 steps ahead"]),
        ((6,), ["1 step ahead", *(f"{n} steps ahead" for n in range(2, 7))]),
        ((7,), ["1 to 7 steps ahead"]),
    ],
)
def test_predictions_are_drawn_over_their_targets(outputs, labels):
    pair = np.random.default_rng(0).normal(size=(2, 30, *outputs))
    (panel,) = figures.predicted_vs_true(*pair, title="waves").axes
    assert legend_of(panel) == [*labels, "perfect prediction"]
    *series, diagonal = panel.get_lines()
    drawn = np.array([line.get_data() for line in series])
    expected = pair.reshape(2, 30, len(labels), -1).transpose(2, 0, 1, 3)
    np.testing.assert_array_equal(drawn, expected.reshape(len(labels), 2, -1))
    assert len({line.get_marker() for line in series}) == len(labels)
    np.testing.assert_array_equal(diagonal.get_xdata(), [pair.min(), pair.max()])
    np.testing.assert_array_equal(*diagonal.get_data())
    assert panel.get_xlim() == panel.get_ylim()
    assert panel.get_aspect() == 1
    texts = (panel.get_xlabel(), panel.get_ylabel(), panel.get_title())
    assert texts == ("true value", "predicted value", "waves")


def test_many_predictions_are_thinned_out_evenly():
    targets = np.arange(24_000).reshape(12_000, 2)
    (panel,) = figures.predicted_vs_true(targets, targets).axes
    labels = [f"{steps} ahead (2,500 of 12,000 samples)" for steps in ("1 step", "2 steps")]
    assert legend_of(panel)[:2] == labels
    for output, line in enumerate(panel.get_lines()[:2]):
        x = line.get_xdata()
        assert (len(x), x[0], x[-1]) == (2500, output, 23_998 + output)
        assert set(np.diff(x)) == {8, 10}


@pytest.mark.parametrize("columns", [1, 3, 9])
def test_forecasts_show_every_wave(columns):
    waves = np.random.default_rng(0).normal(size=(4, 10))
    inputs, targets = waves[:, :8], waves[:, 8:]
    figure = figures.forecasts(inputs, targets, targets + 1, columns=columns, title="waves")
    panels = [panel for panel in figure.axes if panel.lines]
    assert [panel.get_title() for panel in panels] == [f"wave {wave}" for wave in range(4)]
    for wave, panel in enumerate(panels):
        given, true, predicted = panel.get_lines()
        np.testing.assert_array_equal(given.get_data(), (range(8), inputs[wave]))
        np.testing.assert_array_equal(true.get_data(), ([8, 9], targets[wave]))
        np.testing.assert_array_equal(predicted.get_data(), ([8, 9], targets[wave] + 1))
        assert [line.get_marker() for line in panel.get_lines()] == ["None", "o", "x"]
        assert panel.get_xlim() == panels[0].get_xlim()
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["given", "true", "predicted"]
    assert legend.get_title().get_text() == "waves"
    assert (figure.get_supxlabel(), figure.get_supylabel()) == ("time step", "value")
    assert figure._repr_png_()  # places everything
    assert legend.get_window_extent().y0 > panels[0].get_window_extent().y1


@pytest.mark.parametrize(
    ("draw", "arrays", "options", "message"),
    [
        (figures.predicted_vs_true, [np.zeros(3), np.zeros(2)], {}, r"got \(3,\) and \(2,\)"),
        (figures.predicted_vs_true, [np.zeros((2, 2, 2))] * 2, {}, r"\(2, 2, 2\)"),
        (figures.predicted_vs_true, [np.zeros(0)] * 2, {}, "not empty"),
        (figures.predicted_vs_true, [np.zeros(2), np.full(2, NAN)], {}, "predictions .* got 2"),
        (figures.forecasts, [np.zeros((3, 5)), *[np.zeros((2, 1))] * 2], {}, r"\(3, 5\), \(2, 1"),
        (figures.forecasts, [np.zeros((3, 5)), *[np.zeros(3)] * 2], {}, "waves, next_steps"),
        (figures.forecasts, [np.full((3, 5), NAN), *[np.zeros((3, 1))] * 2], {}, "inputs .* 15"),
        (figures.forecasts, [np.zeros((3, 5))] * 3, {"columns": 0}, "at least 1, got 0"),
        (figures.activations, [np.zeros(3), {}, {}], {}, "at least one function"),
        (figures.activations, [[0], {"relu": [0]}, {"elu": [0]}], {}, r"\['relu'\] and \['elu'\]"),
        (figures.activations, [[0], {"relu": [0, 1]}, {"relu": [0]}], {}, r"\(1,\), \(2,\), \(1"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(draw, arrays, options, message):
    with pytest.raises(ValueError, match=message):
        draw(*arrays, **options)


def test_activations_are_drawn_beside_their_gradients():
    x = np.linspace(-2, 2, 9)
    values = {"relu": np.maximum(x, 0), "tanh": np.tanh(x)}
    gradients = {"tanh": 1 - np.tanh(x) ** 2, "relu": (x > 0).astype(float)}
    left, right = figures.activations(x, values, gradients).axes
    for panel, title, given in ((left, "activation", values), (right, "its gradient", gradients)):
        assert (panel.get_title(), panel.get_xlabel()) == (title, "x")
        lines = lines_of(panel)
        assert list(lines) == legend_of(right) == ["relu", "tanh"]
        for name, line in lines.items():
            np.testing.assert_array_equal(line.get_data(), (x, given[name]))
    assert lines["relu"].get_linestyle() != lines["tanh"].get_linestyle()
    assert (left.get_ylabel(), right.get_ylabel()) == ("f(x)", "df(x)/dx")
