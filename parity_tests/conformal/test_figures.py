"""Figures of conformal prediction: what they draw is what they were given."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.colors import same_color

from zoojax.common import figures
from zoojax.common.figures import style
from zoojax.spec.conformal import Interval, coverage_band

INF, NAN = float("inf"), float("nan")
SHAPES = ("circle", "diamond", "square")
TICK, CROSS = "\N{CHECK MARK}", "\N{BALLOT X}"


def lines_of(panel):
    """Return the lines that the legend names, by their label."""
    return {line.get_label(): line for line in panel.get_lines() if line.get_label()[0] != "_"}


def legend_of(owner):
    legend = owner.get_legend() if hasattr(owner, "get_legend") else owner.legends[0]
    return [text.get_text() for text in legend.get_texts()]


def looks_of(lines):
    return {(line.get_linestyle(), line.get_marker()) for line in lines}


def corners_of(collection):
    return {tuple(corner) for corner in collection.get_paths()[0].vertices}


def points_of(panel, marker):
    """Return every (x, y) that a panel marks so."""
    lines = [line for line in panel.get_lines() if line.get_marker() == marker]
    return [tuple(point) for line in lines for point in zip(*line.get_data(), strict=True)]


# Coverage over alpha


@pytest.fixture
def alphas():
    return np.array([0.05, 0.1, 0.2, 0.3])


@pytest.fixture
def band(alphas):
    return tuple(np.array([coverage_band(50, 80, float(alpha)) for alpha in alphas]).T)


def test_coverage_curves_show_every_coverage_and_its_distance_from_the_aim(alphas, band):
    coverages = {"LAC": np.array([0.95, 0.91, 0.77, 0.7]), "APS": np.array([1.0, 0.9, 0.8, 0.65])}
    figure = figures.coverage_curves(alphas, coverages, band=band, title="test set")
    top, bottom = figure.axes
    for name, coverage in coverages.items():
        np.testing.assert_array_equal(lines_of(top)[name].get_data(), (alphas, coverage))
        x, distance = lines_of(bottom)[name].get_data()
        np.testing.assert_array_equal(x, alphas)
        np.testing.assert_allclose(distance, coverage - (1 - alphas), rtol=0, atol=1e-15)
    np.testing.assert_allclose(lines_of(bottom)["APS"].get_ydata(), [0.05, 0, 0, -0.05], atol=1e-15)
    assert len(looks_of(lines_of(top)[name] for name in coverages)) == 2
    theory, aim = "95% of test sets, in theory", r"aimed at: $1 - \alpha$"
    assert legend_of(top) == [*coverages, theory, aim]
    assert lines_of(top)[aim].get_slope() == -1
    assert lines_of(top)[aim].get_xy1() == pytest.approx((0.05, 0.95))
    assert bottom.get_lines()[-1].get_ydata() == [0, 0]
    assert (top.get_ylabel(), bottom.get_xlabel()) == ("coverage of the test set", r"$\alpha$")
    assert bottom.get_ylabel() == r"coverage $-\;(1 - \alpha)$"
    assert figure.get_suptitle() == "test set"


def test_the_band_of_theory_is_shaded_in_both_panels(alphas, band):
    coverages = {"LAC": 1 - alphas}
    for panel, aim in zip(
        figures.coverage_curves(alphas, coverages, band=band).axes, (0, 1 - alphas), strict=True
    ):
        (shade,) = panel.collections
        for ends in band:
            assert set(zip(alphas, ends - aim, strict=True)) <= corners_of(shade)


def test_one_alpha_and_one_method_have_a_band_and_an_aim_to_be_seen():
    figure = figures.coverage_curves([0.1], {"LAC": [0.92]}, band=([0.8], [0.99]))
    top, bottom = figure.axes
    np.testing.assert_array_equal(lines_of(top)["LAC"].get_data(), [[0.1], [0.92]])
    assert {panel.collections[0].get_linewidth()[0] for panel in (top, bottom)} == {7}
    low, high = top.get_xlim()
    assert 0.09 < low < 0.1 < high < 0.11
    assert figure._repr_png_()


def test_legend_of_twelve_methods_lies_beside_their_curves(alphas, band):
    names = [f"a method with a long name, number {i}" for i in range(12)]
    figure = figures.coverage_curves(alphas, dict.fromkeys(names, 1 - alphas), band=band)
    assert figure._repr_png_()  # places everything
    legend, panel = figure.axes[0].get_legend().get_window_extent(), figure.axes[0]
    assert legend.x0 > panel.get_window_extent().x1
    assert legend.height < panel.get_window_extent().height
    lines = [lines_of(panel)[name] for name in names]
    assert (
        len({(line.get_color(), line.get_linestyle(), line.get_marker()) for line in lines}) == 12
    )


@pytest.mark.parametrize(
    ("alphas", "coverages", "band", "message"),
    [
        ([], {"LAC": []}, ([], []), r"alphas .* \(num >= 1,\), got \(0,\)"),
        ([[0.1]], {"LAC": [0.9]}, ([0], [1]), r"alphas .* got \(1, 1\)"),
        ([0.0], {"LAC": [0.9]}, ([0], [1]), "over 0, under 1 and rising"),
        ([1.0], {"LAC": [0.9]}, ([0], [1]), "over 0, under 1 and rising"),
        ([NAN], {"LAC": [0.9]}, ([0], [1]), "rising, got .*nan"),
        ([0.2, 0.1], {"LAC": [0.8, 0.9]}, ([0, 0], [1, 1]), "rising, got .*0.2 0.1"),
        ([0.1], {}, ([0], [1]), "at least one method, got none"),
        ([0.1], {"LAC": [0.9, 0.8]}, ([0], [1]), r"'LAC' must be of shape \(1,\).* got \(2,\)"),
        ([0.1], {"LAC": [NAN]}, ([0], [1]), "'LAC' must be from 0 to 1, got nan"),
        ([0.1], {"LAC": [90.0]}, ([0], [1]), "'LAC' must be from 0 to 1, got 90.0"),
        ([0.1], {"LAC": [0.9]}, ([0],), "lowest and highest, got 1"),
        ([0.1], {"LAC": [0.9]}, ([0, 0], [1, 1]), r"lows of the band must be of shape \(1,\)"),
        ([0.1], {"LAC": [0.9]}, ([0], [1.5]), "highs of the band must be from 0 to 1"),
        ([0.1], {"LAC": [0.9]}, ([0.95], [0.9]), "must not be over its highs"),
    ],
)
def test_coverage_curves_refuse(alphas, coverages, band, message):
    with pytest.raises(ValueError, match=message):
        figures.coverage_curves(alphas, coverages, band=band)


# Sizes of sets


def test_set_sizes_are_bars_of_parts_with_means_and_empty_sets_in_the_legend():
    counts = {"LAC": np.array([2, 15, 3, 0]), "APS": np.array([0, 1, 1, 2], np.uint8)}
    (panel,) = figures.set_sizes(counts, title="shapes").axes
    groups = panel.containers
    heights = [[bar.get_height() for bar in group] for group in groups]
    np.testing.assert_array_equal(heights, [[0.1, 0.75, 0.15, 0], [0, 0.25, 0.25, 0.5]])
    middles = [[bar.get_x() + bar.get_width() / 2 for bar in group] for group in groups]
    np.testing.assert_allclose(middles, [[-0.2, 0.8, 1.8, 2.8], [0.2, 1.2, 2.2, 3.2]])
    assert legend_of(panel) == [
        "LAC\nmean size 1.05, 2 of 20 empty",
        "APS\nmean size 2.25, 0 of 4 empty",
    ]
    assert groups[0][0].get_hatch() != groups[1][0].get_hatch()
    ticks = [label.get_text() for label in panel.get_xticklabels()]
    assert ticks == ["0\n(empty)", "1", "2", "3"]
    assert panel.yaxis.get_major_formatter()(0.25) == "25%"
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("classes in the set", "part of the sets")
    assert panel.get_title() == "shapes"
    assert panel.get_ylim()[0] == 0


def test_the_ground_of_empty_sets_is_shaded():
    (panel,) = figures.set_sizes({"LAC": np.array([2, 15, 3])}).axes
    (ground,) = [patch for patch in panel.patches if patch not in panel.containers[0]]
    assert (ground.get_x(), ground.get_width()) == (-0.5, 1)


def test_no_sample_is_said_and_one_class_is_enough():
    (panel,) = figures.set_sizes({"none": np.zeros(2, int), "LAC": np.array([1, 3])}).axes
    assert legend_of(panel) == ["none (no sample)", "LAC\nmean size 0.75, 1 of 4 empty"]
    assert [bar.get_height() for bar in panel.containers[0]] == [0, 0]
    assert figures.set_sizes({"none": np.zeros(2, int)})._repr_png_()


def test_sizes_of_many_classes_are_points_with_few_ticks():
    counts = {name: np.arange(101) for name in ("LAC", "APS")}
    figure = figures.set_sizes(counts)
    (panel,) = figure.axes
    lines = panel.get_lines()
    for line in lines:
        np.testing.assert_array_equal(line.get_data(), (range(101), np.arange(101) / 5050))
    assert len(looks_of(lines)) == 2
    ticks = [label.get_text() for label in panel.get_xticklabels()]
    assert ticks == ["0\n(empty)", *map(str, range(7, 101, 7))]
    assert figure._repr_png_()
    boxes = [label.get_window_extent() for label in panel.get_xticklabels()]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({}, "at least one method, got none"),
        ({"LAC": [3]}, r"\(classes \+ 1 >= 2,\), got \(1,\) of 'LAC'"),
        ({"LAC": [[1, 2]]}, r"got \(1, 2\) of 'LAC'"),
        ({"LAC": [1, 2], "APS": [1, 2, 3]}, r"got \(2,\), \(3,\) of 'LAC', 'APS'"),
        ({"LAC": [0.5, 0.5]}, "'LAC' must be integers of at least 0, got float64"),
        ({"LAC": [NAN, 1.0]}, "'LAC' must be integers"),
        ({"LAC": [-1, 2]}, "'LAC' must be integers of at least 0, got int64 from -1 on"),
    ],
)
def test_set_sizes_refuse(counts, message):
    with pytest.raises(ValueError, match=message):
        figures.set_sizes({name: np.array(each) for name, each in counts.items()})


# Pictures with their sets


def make_images(num):
    return np.random.default_rng(0).integers(0, 256, (num, 6, 9, 3), np.uint8)


def frames_of(figure):
    return [panel.patches[0] for panel in figure.axes if panel.images]


def test_pictures_stand_under_their_sets_and_true_classes():
    images = make_images(4)
    sets = np.array([[1, 1, 0], [0, 0, 0], [0, 1, 1], [1, 1, 1]], bool)
    figure = figures.sample_sets(images, sets, np.array([1, 2, 0, 2]), SHAPES, title="alpha 0.1")
    panels = [panel for panel in figure.axes if panel.images]
    for panel, image in zip(panels, images, strict=True):
        np.testing.assert_array_equal(panel.images[0].get_array(), image)
    assert [panel.get_title() for panel in panels] == [
        f"circle, diamond\n{TICK} true: diamond",
        f"empty set\n{CROSS} true: square",
        f"diamond, square\n{CROSS} true: circle",
        f"circle, diamond,\nsquare\n{TICK} true: square",
    ]
    assert legend_of(figure) == ["set holds the true class", "set misses it"]
    assert figure.legends[0].get_title().get_text() == "alpha 0.1"


def test_a_miss_differs_from_a_hit_in_colour_and_in_line_style():
    sets = np.array([[1, 0, 0], [0, 1, 1]], bool)
    figure = figures.sample_sets(make_images(2), sets, np.array([0, 0]), SHAPES)
    hit, miss = frames_of(figure)
    assert same_color(hit.get_edgecolor(), style.GREEN)
    assert same_color(miss.get_edgecolor(), style.RED)
    assert hit.get_linestyle() == "-" != miss.get_linestyle()
    for key, frame in zip(figure.legends[0].get_patches(), (hit, miss), strict=True):
        assert same_color(key.get_edgecolor(), frame.get_edgecolor())


def test_of_a_large_set_some_classes_are_named_the_true_one_among_them():
    names = [f"class-{i}" for i in range(12)]
    figure = figures.sample_sets(make_images(2), np.ones((2, 12), bool), np.array([11, 2]), names)
    for panel, label, others in zip(
        figure.axes, (11, 2), ((0, 1, 2, 3), (0, 1, 3, 4)), strict=True
    ):
        text = panel.get_title().replace("\n", " ")
        named = ", ".join(names[i] for i in (label, *others))
        assert text == f"{named}, and 7 more {TICK} true: {names[label]}"
    few = figures.sample_sets(make_images(1), np.ones((1, 6), bool), np.array([5]), names[:6])
    assert "more" not in few.axes[0].get_title()


@pytest.mark.parametrize("num", [1, 2, 9])
def test_texts_of_sets_cover_no_picture_and_no_other_text(num):
    names = [f"dark-turquoise upside-down-triangle {i}" for i in range(12)]
    sets = np.random.default_rng(0).random((num, 12)) < 0.6
    figure = figures.sample_sets(make_images(num), sets, np.arange(num), names, title="long")
    figure.draw_without_rendering()  # places everything
    panels = [panel for panel in figure.axes if panel.images]
    boxes = [panel.title.get_window_extent() for panel in panels]
    boxes += [panel.get_window_extent() for panel in panels]
    boxes.append(figure.legends[0].get_window_extent())
    for index, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:index])


def test_one_class_has_a_set_with_it_or_without():
    figure = figures.sample_sets(make_images(2), [[True], [False]], [0, 0], ["circle"])
    titles = [panel.get_title() for panel in figure.axes]
    assert titles == [f"circle\n{TICK} true: circle", f"empty set\n{CROSS} true: circle"]


@pytest.mark.parametrize(
    ("images", "sets", "labels", "names", "message"),
    [
        (make_images(1), np.ones((1, 2), bool), [0], SHAPES, r"\(1, 3\) .* got bool of .*\(1, 2\)"),
        (make_images(2), np.ones((1, 3), bool), [0], SHAPES, r"\(2, 3\) .* got bool of .*\(1, 3\)"),
        (make_images(1), np.ones((1, 3)), [0], SHAPES, "must be bools .* got float64"),
        (make_images(1), np.ones((1, 0), bool), [0], [], "must be bools"),
        (make_images(1), np.ones((1, 3), bool), [3], SHAPES, "labels must be integers from 0 to 2"),
        (make_images(1), np.ones((1, 3), bool), [NAN], SHAPES, "labels must be integers"),
        (make_images(1), np.ones((1, 3), bool), [0, 1], SHAPES, r"labels .* \(1,\).* got \(2,\)"),
        (make_images(1) / 255, np.ones((1, 3), bool), [0], SHAPES, "images must be uint8"),
        (make_images(0), np.ones((0, 3), bool), [], SHAPES, "num >= 1"),
    ],
)
def test_sample_sets_refuse(images, sets, labels, names, message):
    with pytest.raises(ValueError, match=message):
        figures.sample_sets(images, sets, np.array(labels), names)


# Intervals of waves


@pytest.fixture
def waves():
    """Two waves of six points given and two to come, which 0.5 about them holds."""
    given = np.random.default_rng(0).normal(size=(2, 6))
    targets = np.array([[0.0, 1.0], [2.0, 3.0]])
    return given, targets, Interval(targets - 0.5, targets + 0.5)


def bars_of(panel):
    """Return x, lower and upper end of every bar."""
    (bars,) = panel.collections
    return [(path[0, 0], path[0, 1], path[1, 1]) for path in bars.get_segments()]


def test_intervals_are_bars_with_two_ends_at_the_next_steps(waves):
    given, targets, interval = waves
    figure = figures.interval_forecasts(
        given, targets, interval, predictions=targets + 0.1, title="a"
    )
    for wave, panel in enumerate(figure.axes):
        assert panel.get_title() == f"wave {wave}"
        lines = lines_of(panel)
        np.testing.assert_array_equal(lines["given"].get_data(), (range(6), given[wave]))
        np.testing.assert_array_equal(lines["true"].get_data(), ([6, 7], targets[wave]))
        np.testing.assert_array_equal(lines["predicted"].get_data(), ([6, 7], targets[wave] + 0.1))
        lower, upper = (end[wave] for end in interval)
        assert bars_of(panel) == list(zip((6, 7), lower, upper, strict=True))
        ends = list(zip((6, 7, 6, 7), [*lower, *upper], strict=True))
        assert points_of(panel, "_") == ends
        low, high = panel.get_ylim()
        assert low < min(lower) < max(upper) < high
    assert legend_of(figure) == ["given", "true", "predicted", "interval"]
    assert figure.legends[0].get_title().get_text() == "a"
    assert (figure.get_supxlabel(), figure.get_supylabel()) == ("time step", "value")


def test_true_points_outside_their_intervals_stand_in_squares(waves):
    given, targets, interval = waves
    interval.upper[0, 1] = targets[0, 1] - 0.1
    interval.upper[1, 0] = targets[1, 0]  # an end belongs to the interval
    figure = figures.interval_forecasts(given, targets, interval)
    assert [points_of(panel, "s") for panel in figure.axes] == [[(7, 1.0)], []]
    assert legend_of(figure) == ["given", "true", "missed", "interval"]


def test_infinite_ends_reach_the_edges_and_have_arrows_there(waves):
    given, targets, interval = waves
    interval.lower[0, 0], interval.upper[0] = -INF, INF
    figure = figures.interval_forecasts(given, targets, interval)
    panel, other = figure.axes
    low, high = panel.get_ylim()
    assert np.isfinite([low, high]).all()
    assert bars_of(panel) == [(6, low, high), (7, 0.5, high)]
    assert points_of(panel, "v") == [(6, low)]
    assert points_of(panel, "^") == [(6, high), (7, high)]
    assert points_of(panel, "_") == [(7, 0.5)]
    assert points_of(panel, "s") == points_of(other, "^") == []
    assert legend_of(figure) == ["given", "true", "interval", "infinite end"]


def test_waves_of_infinite_intervals_alone_can_be_drawn(waves):
    given, targets, _ = waves
    everything = (np.full((2, 2), -INF), np.full((2, 2), INF))
    figure = figures.interval_forecasts(given, targets, everything)
    assert figure._repr_png_()
    for panel in figure.axes:
        assert bars_of(panel) == [(x, *panel.get_ylim()) for x in (6, 7)]
        assert not points_of(panel, "s")


@pytest.mark.parametrize("ends", [(0.5, -0.5), (1e6, -1e6), (INF, -INF)])
def test_an_empty_interval_is_a_sign_at_the_bottom_and_a_miss(waves, ends):
    given, targets, interval = waves
    interval.lower[0, 0], interval.upper[0, 0] = ends
    figure = figures.interval_forecasts(given, targets, interval)
    panel = figure.axes[0]
    assert [bar[0] for bar in bars_of(panel)] == [7]
    (sign,) = [line for line in panel.get_lines() if "emptyset" in str(line.get_marker())]
    np.testing.assert_array_equal(sign.get_data(), [[6], [0.08]])
    assert sign.get_transform() == panel.get_xaxis_transform()
    assert points_of(panel, "s") == [(6, 0.0)]
    assert max(np.abs(panel.get_ylim())) < 10
    assert legend_of(figure) == ["given", "true", "missed", "interval", "empty interval"]
    assert figure._repr_png_()


def test_waves_of_empty_intervals_alone_can_be_drawn(waves):
    given, targets, interval = waves
    figure = figures.interval_forecasts(given, targets, interval[::-1])
    assert legend_of(figure) == ["given", "true", "missed", "empty interval"]
    assert not any(panel.collections for panel in figure.axes)


@pytest.mark.parametrize("num", [1, 4, 12, 45])
def test_at_most_twelve_waves_are_drawn_from_the_first_to_the_last(num):
    values = np.random.default_rng(0).normal(size=(num, 5))
    ends = (values[:, 4:] - 1, values[:, 4:] + 1)
    figure = figures.interval_forecasts(values[:, :4], values[:, 4:], ends, title="waves")
    panels = [panel for panel in figure.axes if panel.lines]
    shown = [int(panel.get_title().removeprefix("wave ")) for panel in panels]
    assert shown == ([*range(0, 41, 4), 44] if num == 45 else list(range(num)))
    for wave, panel in zip(shown, panels, strict=True):
        np.testing.assert_array_equal(lines_of(panel)["given"].get_ydata(), values[wave, :4])
        assert lines_of(panel)["true"].get_ydata() == values[wave, 4:]
    assert figure._repr_png_()  # places everything
    assert figure.legends[0].get_window_extent().y0 > panels[0].get_window_extent().y1


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((3, 5), (2, 1), (2, 1), (2, 1)), r"inputs \(3, 5\), targets \(2, 1\)"),
        (((3, 5), (3, 2), (3, 1), (3, 2)), r"lower ends \(3, 1\), upper ends \(3, 2\)"),
        (((3, 5), (3,), (3,), (3,)), r"\(waves, next_steps\).* targets \(3,\)"),
        (((5,), (3, 1), (3, 1), (3, 1)), r"got inputs \(5,\)"),
        (((), (3, 1), (3, 1), (3, 1)), r"got inputs \(\)"),
        (((0, 5), (0, 1), (0, 1), (0, 1)), "not empty"),
        (((3, 0), (3, 1), (3, 1), (3, 1)), "not empty"),
        (((3, 5), (3, 1), (3, 1), (3, 1), (3, 2)), r"predictions \(3, 2\)"),
    ],
)
def test_interval_forecasts_refuse_other_shapes(shapes, message):
    inputs, targets, lower, upper, *others = (np.zeros(shape) for shape in shapes)
    predictions = others[0] if others else None
    with pytest.raises(ValueError, match=message):
        figures.interval_forecasts(inputs, targets, (lower, upper), predictions=predictions)


@pytest.mark.parametrize(
    ("bad", "value", "message"),
    [
        (0, NAN, "inputs must be finite, got 1"),
        (1, INF, "targets must be finite, got 1"),
        (2, NAN, "lower ends must be numbers or infinite, got 1 that are NaN"),
        (3, NAN, "upper ends must be numbers or infinite, got 1 that are NaN"),
        (4, INF, "predictions must be finite, got 1"),
    ],
)
def test_interval_forecasts_refuse_other_values(waves, bad, value, message):
    given, targets, interval = waves
    arrays = [given, targets, *interval, targets.copy()]
    arrays[bad][1, 0] = value
    with pytest.raises(ValueError, match=message):
        figures.interval_forecasts(given, targets, arrays[2:4], predictions=arrays[4])


def test_interval_forecasts_refuse_one_end(waves):
    with pytest.raises(ValueError, match="lower and an upper end, got 1 arrays"):
        figures.interval_forecasts(*waves[:2], (waves[1],))


# Coverage over time


ERRORS = np.array([1, 0, 0, 1, 0, 0, 0, 0], bool)
LEVELS = np.array([0.1, 0.05, 0.06, 0.07, 0.03, 0.04, 0.05, 0.06])


def test_coverage_of_a_step_is_that_of_the_window_ending_there():
    others = {"fixed threshold": ~ERRORS}
    figure = figures.adaptive_coverage(
        ERRORS, LEVELS, alpha=0.1, window=4, others=others, title="sequence"
    )
    top, bottom = figure.axes
    lines = lines_of(top)
    adaptive, fixed = "adaptive (75.0% of all steps)", "fixed threshold (25.0% of all steps)"
    assert legend_of(top) == [adaptive, fixed, "aimed at: 0.9"]
    # By hand: of steps 0 to 3 two were missed, of 1 to 4 one, ..., of 4 to 7 none.
    expected = [0.5, 0.75, 0.75, 0.75, 1.0]
    np.testing.assert_array_equal(lines[adaptive].get_data(), (range(3, 8), expected))
    np.testing.assert_array_equal(lines[fixed].get_ydata(), 1 - np.array(expected))
    assert lines["aimed at: 0.9"].get_ydata() == [0.9, 0.9]
    assert len(looks_of([lines[adaptive], lines[fixed]])) == 2
    assert lines[adaptive].get_zorder() > lines[fixed].get_zorder()
    assert top.get_ylabel() == "coverage of\nthe last 4 steps"
    np.testing.assert_array_equal(bottom.get_lines()[0].get_data(), (range(8), LEVELS))
    assert legend_of(bottom) == [r"level used, $\alpha_t$", r"aimed at: $\alpha$ = 0.1"]
    assert bottom.get_lines()[1].get_ydata() == [0.1, 0.1]
    assert (bottom.get_xlabel(), bottom.get_ylabel()) == ("time step", r"level $\alpha_t$")
    assert figure.get_suptitle() == "sequence"
    assert top.get_xlim() == bottom.get_xlim()


def test_levels_that_leave_0_to_1_are_explained():
    levels = np.append(LEVELS[:-2], [-0.01, 1.2])
    figure = figures.adaptive_coverage(ERRORS, levels, alpha=Fraction(1, 10), window=1)
    top, bottom = figure.axes
    assert legend_of(bottom)[2:] == ["0 and under: all is predicted", "1 and over: nothing is"]
    zero, one = bottom.get_lines()[2:]
    assert (zero.get_ydata(), one.get_ydata()) == ([0, 0], [1, 1])
    assert zero.get_linestyle() != one.get_linestyle()
    np.testing.assert_array_equal(top.get_lines()[0].get_data(), (range(8), 1 - ERRORS))
    assert top.get_ylabel() == "coverage"


@pytest.mark.parametrize(("steps", "window"), [(1, 1), (8, 8), (3000, 100)])
def test_every_curve_has_a_marker_however_few_its_points(steps, window):
    errors = np.resize(ERRORS, steps)
    others = {f"other {i}": errors for i in range(6)}
    figure = figures.adaptive_coverage(
        errors, np.resize(LEVELS, steps), alpha=0.1, window=window, others=others
    )
    assert figure._repr_png_()  # places everything
    for line in figure.axes[0].get_lines()[:-1]:
        start, every = line.get_markevery()
        assert start < len(line.get_xdata()) == steps - window + 1
        assert every <= max(1, steps / 7)
    legend = figure.axes[0].get_legend().get_window_extent()
    assert legend.x0 > figure.axes[0].get_window_extent().x1


def test_rolling_coverage_of_a_long_sequence_is_exact():
    errors = np.random.default_rng(0).random(5000) < 0.1
    figure = figures.adaptive_coverage(errors, np.full(5000, 0.1), alpha=0.1, window=250)
    x, coverage = figure.axes[0].get_lines()[0].get_data()
    for index in (0, 1, 777, 4750):
        assert x[index] == index + 249
        assert coverage[index] == (250 - errors[index : index + 250].sum()) / 250


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"alpha": 1.0}, "alpha must be a number over 0 and under 1, got 1.0"),
        ({"alpha": NAN}, "alpha must be a number over 0 and under 1"),
        ({"window": 0}, "window must be an integer from 1 to 8, got 0"),
        ({"window": 9}, "window must be an integer from 1 to 8, got 9"),
        ({"window": 2.0}, "window must be an integer from 1 to 8, got 2.0"),
        ({"errors": np.zeros(8)}, "must be bools .* got float64 .* of 'adaptive'"),
        ({"errors": np.zeros(0, bool), "levels": np.zeros(0)}, r"steps >= 1,\), got .*\(0,\)"),
        ({"errors": np.zeros((8, 1), bool)}, r"got bool of shape \(8, 1\)"),
        ({"others": {"fixed": ERRORS[1:]}}, r"\(7,\) of 'fixed', beside \(8,\)"),
        ({"others": {"adaptive": ERRORS}}, r"names other than 'adaptive', got \['adaptive'\]"),
        ({"levels": LEVELS[1:]}, r"levels must be of shape \(8,\), one a step, got \(7,\)"),
        ({"levels": np.full(8, NAN)}, "levels must be finite, got 8"),
    ],
)
def test_adaptive_coverage_refuses(changes, message):
    given = {"errors": ERRORS, "levels": LEVELS, "alpha": 0.1, "window": 4} | changes
    with pytest.raises(ValueError, match=message):
        figures.adaptive_coverage(given.pop("errors"), given.pop("levels"), **given)
