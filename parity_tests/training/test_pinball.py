"""Quantiles of waves: the pinball loss by hand, and runs with it from configuration to figures."""

import csv
import dataclasses
import shutil

import jax
import numpy as np
import pytest
import sklearn.metrics as sk
import torch
from hypothesis import given
from hypothesis import strategies as st

import zoojax
import zoojax.experiments.pipeline
import zoojax.experiments.saved_run
import zootorch
import zootorch.experiments.pipeline
import zootorch.experiments.saved_run
from parity_tests.helpers.builders import (
    check_refused,
    idle_parameters,
    score_difference,
    train_config,
    twins,
    variants,
)
from parity_tests.helpers.command_line import read, succeed, zoo
from parity_tests.tolerances import check, relative
from zoojax import losses as jax_losses
from zoojax.common.reporting.run_figures import draw_results
from zoojax.common.reporting.tables import prediction_table
from zoojax.common.storage import files
from zoojax.common.storage.runs import load_run, save_run
from zoojax.spec.config import (
    DEFAULT_RUNS,
    MLPConfig,
    RNNConfig,
    RunConfig,
    SinusoidsConfig,
    TrainConfig,
)
from zoojax.spec.quantiles import quantile_parts
from zoojax.spec.records import Batch
from zootorch import losses as torch_losses

BY_HAND = "float64, losses by hand: values, gradients"
WHOLE_RUN = "float64, whole run: losses, weights"
BACKENDS = {"jax": zoojax.experiments.pipeline, "torch": zootorch.experiments.pipeline}
SAVED = {"jax": zoojax.experiments.saved_run, "torch": zootorch.experiments.saved_run}
LEVELS = (0.1, 0.5, 0.8)

RUN = RunConfig(
    data=SinusoidsConfig((0.5, 2), (0.5, 4), (1, 3), (-0.25, 0.5), 11, 2, noise=0.05),
    num_each=3,
    target="next_steps",
    validation_fraction=0.25,
    test_fraction=0.25,
    model=MLPConfig(num_layers=1, hidden_dim=8, dropout=0.1),
    train=TrainConfig(
        seed=3, num_epochs=3, batch_size=9, dtype="float64", loss="pinball", quantiles=LEVELS
    ),
)
RUNS = {
    "mlp": RUN,
    "lstm": dataclasses.replace(RUN, model=RNNConfig(hidden_dim=8, cell="lstm")),
}
EACH = pytest.mark.parametrize("name", variants(RUNS, slow=("lstm",)))


def by_hand(predictions, targets, quantiles):
    """Return the loss and its gradient, number by number."""
    num_outputs = targets.shape[1]
    total, gradient = 0.0, np.zeros_like(predictions)
    for row, column in np.ndindex(predictions.shape):
        level = quantiles[column // num_outputs]
        error = targets[row, column % num_outputs] - predictions[row, column]
        total += max(level * error, (level - 1) * error)
        gradient[row, column] = -level if error > 0 else 1 - level if error < 0 else 0.0
    return total / predictions.size, gradient / predictions.size


def both(predictions, targets, quantiles):
    """Return value and gradient of zoojax and of zootorch."""
    with jax.enable_x64(True):
        grads = jax.jit(jax.value_and_grad(lambda p: zoojax.pinball(p, targets, quantiles)))
        ours = grads(predictions)
    tensor = torch.from_numpy(predictions.copy()).requires_grad_()
    value = zootorch.pinball(tensor, torch.from_numpy(targets), quantiles)
    value.backward()
    return ours, (value.detach(), tensor.grad)


@given(st.integers(0, 10**6), st.integers(1, 4), st.floats(0.01, 0.49), st.floats(0.51, 0.99))
def test_the_loss_is_that_of_scikit_learn(seed, num_outputs, lower, upper):
    generator, quantiles = np.random.default_rng(seed), (lower, 0.5, upper)
    targets = generator.normal(size=(5, num_outputs))
    parts = generator.normal(size=(3, 5, num_outputs))
    each = [
        sk.mean_pinball_loss(targets, part, alpha=level)
        for level, part in zip(quantiles, parts, strict=True)
    ]
    predictions = np.concatenate(parts, axis=1)
    _, gradient = by_hand(predictions, targets, quantiles)
    for value, slopes in both(predictions, targets, quantiles):
        check(BY_HAND, abs(float(value) - np.mean(each)))
        check(BY_HAND, np.abs(np.asarray(slopes) - gradient).max())
    # The perturbed case: lower and upper in each other's place.
    for value, _ in both(np.concatenate(parts[::-1], axis=1), targets, quantiles):
        assert abs(float(value) - np.mean(each)) > 1e-9


def test_the_loss_of_numbers_worked_out_on_paper():
    targets = np.array([[1.0, 4.0]])
    predictions = np.array([[0.0, 5.0, 1.0, 2.0, 3.0, 4.0]])  # two lower, two middle, two upper
    # 0.1 * 1, 0.9 * 1; 0, 0.5 * 2; 0.2 * 2, 0.
    for value, slopes in both(predictions, targets, LEVELS):
        assert float(value) == pytest.approx(2.4 / 6, rel=1e-15)
        np.testing.assert_allclose(
            6 * np.asarray(slopes), [[-0.1, 0.9, 0, -0.5, 0.2, 0]], rtol=1e-14
        )


def test_at_a_tie_the_slope_is_0_in_both():
    generator = np.random.default_rng(0)
    predictions = generator.integers(0, 3, (20, 6)).astype(float)
    targets = generator.integers(0, 3, (20, 2)).astype(float)
    is_tie = predictions == np.tile(targets, 3)
    assert 0.2 < is_tie.mean() < 0.5
    loss, gradient = by_hand(predictions, targets, LEVELS)
    for value, slopes in both(predictions, targets, LEVELS):
        check(BY_HAND, abs(float(value) - loss))
        check(BY_HAND, np.abs(np.asarray(slopes) - gradient).max())
        np.testing.assert_array_equal(np.asarray(slopes) == 0, is_tie)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_loss_is_of_the_predictions_type(dtype, x64):
    predictions, targets = np.ones((2, 3), dtype), np.zeros((2, 1))
    assert zoojax.pinball(predictions, targets, LEVELS).dtype == dtype
    theirs = zootorch.pinball(torch.from_numpy(predictions), torch.from_numpy(targets), LEVELS)
    assert theirs.dtype == getattr(torch, dtype)


def test_the_constant_that_loses_least_is_the_quantile():
    """What the loss is for; it needs nothing of this project but the loss."""
    numbers = np.random.default_rng(1).exponential(size=(501, 1))
    best = np.quantile(numbers, LEVELS)
    with jax.enable_x64(True):
        least, *others = (
            float(zoojax.pinball(np.tile(best + shift, (501, 1)), numbers, LEVELS))
            for shift in (0, *(sign * 0.02 * np.eye(3)[i] for i in range(3) for sign in (1, -1)))
        )
    assert all(other > least for other in others)


@pytest.mark.parametrize(
    ("predictions", "targets"),
    [((5, 4), (5, 2)), ((5, 3), (5,)), ((4, 6), (5, 2)), ((5, 3), (5, 3))],
)
def test_other_than_three_predictions_for_each_target_are_refused(predictions, targets):
    arrays = np.zeros(predictions), np.zeros(targets)
    check_refused(
        "pinball needs predictions of shape (batch, 3 * outputs) and targets of (batch, outputs), "
        f"got {predictions} and {targets}",
        lambda: zoojax.pinball(*arrays, LEVELS),
        lambda: zootorch.pinball(*map(torch.from_numpy, arrays), LEVELS),
        lambda: jax.jit(lambda p, y: zoojax.pinball(p, y, LEVELS))(*arrays),
    )


BAD_LEVELS = [
    (0.05, 0.95),
    (0.05, 0.5, 0.9, 0.95),
    (0.95, 0.5, 0.05),
    (0.05, 0.4, 0.95),
    (0.5, 0.5, 0.95),
    (0, 0.5, 0.95),
    (0.05, 0.5, 1),
    (0.05, 0.5, float("nan")),
    (0.05, "0.5", 0.95),
    (False, 0.5, 0.95),
    "abc",
    0.5,
    None,
]


@pytest.mark.parametrize("levels", BAD_LEVELS)
def test_levels_that_cannot_be_are_refused(levels):
    zeros = np.zeros((2, 3)), np.zeros((2, 1))
    check_refused(
        "quantiles must be three rising numbers over 0 and under 1, the middle one 0.5, got "
        f"{levels!r}",
        lambda: TrainConfig(loss="pinball", quantiles=levels),
        lambda: TrainConfig(quantiles=levels),
        lambda: zoojax.pinball(*zeros, levels),
        lambda: zootorch.pinball(*map(torch.from_numpy, zeros), levels),
    )


def test_levels_become_a_tuple_of_floats():
    config = TrainConfig(loss="pinball", quantiles=[np.float64(0.25), 0.5, np.array(0.75)[()]])
    assert config.quantiles == (0.25, 0.5, 0.75)
    assert all(type(each) is float for each in config.quantiles)
    assert hash(config) == hash(TrainConfig(loss="pinball", quantiles=(0.25, 0.5, 0.75)))
    assert TrainConfig().quantiles == (0.05, 0.5, 0.95)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"loss": "mean_squared_error", "quantiles": LEVELS},
            "quantiles are of pinball, got (0.1, 0.5, 0.8) with mean_squared_error",
        ),
        (
            {"loss": "pinball", "label_smoothing": 0.1},
            "label_smoothing and class_weights are not of pinball",
        ),
    ],
)
def test_options_of_other_losses_are_refused(options, message):
    check_refused(message, lambda: TrainConfig(**options))


def test_classes_have_no_quantiles():
    train = dataclasses.replace(RUN.train, dtype="float32")
    check_refused(
        "shapes and colors are classes, not numbers: got pinball",
        lambda: dataclasses.replace(DEFAULT_RUNS["cnn"], train=train),
    )


def test_a_model_has_three_outputs_for_each_next_step():
    assert RUNS["mlp"].model.output_dim == RUNS["lstm"].model.output_size == 6
    train = TrainConfig(loss="mean_squared_error")
    assert dataclasses.replace(RUN, train=train).model.output_dim == 2


def test_parts_are_thirds_of_arrays_and_tensors():
    array = np.arange(12).reshape(2, 6)
    for module, outputs in ((jax_losses, array), (torch_losses, torch.from_numpy(array))):
        parts = [np.asarray(part).tolist() for part in module.quantile_parts(outputs)]
        assert parts == [[[0, 1], [6, 7]], [[2, 3], [8, 9]], [[4, 5], [10, 11]]]
    for wrong in (array[:, :4], array[0]):
        check_refused("shape (batch, 3 * outputs), got", lambda wrong=wrong: quantile_parts(wrong))


@pytest.mark.parametrize(
    ("num_outputs", "targets", "message"),
    [
        (6, (8, 6), "targets of pinball must have shape (samples, 2), got (8, 6)"),
        (6, (8,), "targets of pinball must have shape (samples, 2), got (8,)"),
        (4, (8, 4), "pinball needs a model of 3 outputs for each target, got 4 outputs"),
    ],
)
def test_training_refuses_targets_that_are_no_third_of_the_outputs(num_outputs, targets, message):
    model, variables, twin = twins(MLPConfig(input_dim=5, output_dim=num_outputs))
    batch = Batch(np.ones((8, 5), np.float32), np.ones(targets, np.float32))
    config = train_config(loss="pinball", batch_size=4)
    check_refused(
        message,
        lambda: zoojax.fit(model, variables, batch, config=config),
        lambda: zootorch.Trainer(twin, config).fit(Batch(*map(torch.from_numpy, batch))),
    )


class Runs(dict):
    """Runs by name and backend, each made when a test needs it."""

    def __missing__(self, key):
        name, backend = key
        with jax.enable_x64(True):
            self[key] = BACKENDS[backend].run(RUNS[name])
        return self[key]


@pytest.fixture(scope="module")
def made():
    return Runs()


@EACH
def test_whole_runs_agree(made, name):
    ours, theirs = (made[name, backend] for backend in BACKENDS)
    assert len(ours.history.step_losses) == 9
    check(WHOLE_RUN, relative(ours.history.step_losses, theirs.history.step_losses))
    pair = ours.history.validation_losses, theirs.history.validation_losses
    check("float64, whole run: validation losses", relative(*pair))
    for key in set(ours.weights) - idle_parameters(RUNS[name].model):
        if not key.endswith("running_mean"):
            check(WHOLE_RUN, relative(ours.weights[key], theirs.weights[key]))
    check(
        "float64, tiny runs: every score",
        score_difference(ours.results.scores, theirs.results.scores),
    )


@EACH
def test_a_run_of_other_levels_is_another(made, name):
    run = made[name, "torch"]
    train = dataclasses.replace(RUN.train, quantiles=(0.1, 0.5, 0.81))
    other = zootorch.experiments.pipeline.run(dataclasses.replace(RUNS[name], train=train))
    assert relative(other.history.step_losses, run.history.step_losses) > 1e-4


@EACH
@pytest.mark.parametrize("backend", BACKENDS)
def test_results_hold_all_quantiles_and_scores_are_of_the_middle(made, name, backend):
    results = made[name, backend].results
    targets, outputs = results.targets, results.outputs
    assert (targets.shape, outputs.shape) == ((12, 2), (12, 6))
    middle = outputs[:, 2:4]
    for metric, oracle in (("mse", sk.mean_squared_error), ("mae", sk.mean_absolute_error)):
        found = results.scores[metric]
        assert found["all"] == pytest.approx(oracle(targets, middle), rel=1e-12)
        assert found["each"] == pytest.approx(
            oracle(targets, middle, multioutput="raw_values"), rel=1e-12
        )
        assert found["all"] != pytest.approx(oracle(targets, outputs[:, :2]), rel=1e-6)
    losses = [
        sk.mean_pinball_loss(targets, outputs[:, 2 * i : 2 * i + 2], alpha=level)
        for i, level in enumerate(LEVELS)
    ]
    assert results.scores["loss"] == pytest.approx(np.mean(losses), rel=1e-12)


def test_figures_are_of_the_middle(made):
    results = made["mlp", "jax"].results
    drawn = draw_results(results, RUN, "zoojax")
    for wave in (0, 11):
        *_, predicted = drawn["forecasts"].axes[wave].lines
        np.testing.assert_array_equal(predicted.get_ydata(), results.outputs[wave, 2:4])
    first, second, *_ = drawn["predicted_vs_true"].axes[0].lines
    np.testing.assert_array_equal(first.get_ydata(), results.outputs[:, 2])
    np.testing.assert_array_equal(second.get_ydata(), results.outputs[:, 3])


@EACH
def test_a_saved_run_is_evaluated_by_either_backend(made, name, tmp_path, x64):
    run = made[name, "jax"]
    save_run(tmp_path, run)
    saved = load_run(tmp_path)
    assert saved.config == RUNS[name]
    for each in SAVED.values():
        found = each.evaluate_run(saved, "validation").scores
        check("float64, tiny runs: every score", score_difference(found, run.results.scores))


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("levels", [(0.05, 0.5, 0.95), (0.25, 0.5, 0.75)])
def test_learned_quantiles_hold_about_as_many_new_waves_as_they_say(backend, levels):
    """Of 9,600 waves a fraction has a standard error of up to 0.005; so has what was learned."""
    config = RunConfig(
        data=SinusoidsConfig((1, 2), (1, 2), (1, 2, 3, 4), (-0.5, 0.0, 0.5), 21, noise=0.3),
        num_each=400,
        target="next_steps",
        validation_fraction=0.5,
        model=MLPConfig(num_layers=1, hidden_dim=16, dropout=0.0),
        train=TrainConfig(
            seed=1,
            num_epochs=30,
            batch_size=512,
            learning_rate=0.01,
            schedule="cosine",
            loss="pinball",
            quantiles=levels,
        ),
    )
    results = BACKENDS[backend].run(config).results
    assert len(results.targets) == 9600
    parts = quantile_parts(results.outputs)
    below = [float((results.targets <= part).mean()) for part in parts]
    assert below == pytest.approx(levels, abs=0.02)
    assert below[2] - below[0] == pytest.approx(levels[2] - levels[0], abs=0.02)
    assert (parts[0] <= parts[2]).mean() > 0.99


WAVES = ["--data.amplitudes", "1", "2", "--data.frequencies", "1", "3", "--data.length", "13"]
WAVES += ["--data.num-next-steps", "2", "--num-each", "2", "--test-fraction", "0.2"]
TINY = [*WAVES, "--train.num-epochs", "2", "--model.hidden-dim", "6", "--train.batch-size", "16"]
PINBALL = [*TINY, "--train.loss", "pinball", "--train.quantiles", "0.1", "0.5", "0.9"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of an MLP by zoojax, and one of an LSTM by zootorch."""
    folder = tmp_path_factory.mktemp("runs")
    for model, backend in (("mlp", "jax"), ("lstm", "torch")):
        options = ["--model", model, "--backend", backend, "--out", folder / model]
        assert "R2" in succeed("train", *options, *PINBALL).out
    return folder


@EACH
def test_the_command_line_trains_and_evaluates(trained, name):
    folder, found = trained / name, []
    train = load_run(folder).config.train
    assert (train.loss, train.quantiles) == ("pinball", (0.1, 0.5, 0.9))
    assert files.load_config(folder) == load_run(folder).config.model
    for backend in BACKENDS:
        said = succeed("evaluate", "--folder", folder, "--backend", backend).out
        found.append(read(folder / "evaluation.json"))
        assert "2 ahead" in said
        assert "3 ahead" not in said
    for metric in ("mse", "mae", "r2", "pearson_r"):
        first, second = (each[metric]["each"] for each in found)
        assert len(first) == 2
        assert first == pytest.approx(second, rel=1e-4)
    assert found[0]["loss"] == pytest.approx(found[1]["loss"], rel=1e-5)
    assert {path.name for path in folder.glob("*.png")} >= {
        "forecasts.png",
        "predicted_vs_true.png",
    }


@EACH
def test_predict_gives_three_columns_for_each_step(trained, tmp_path, name):
    waves = np.random.default_rng(2).normal(size=(4, 11))
    np.save(tmp_path / "waves.npy", waves)
    tables = []
    for backend in BACKENDS:
        place = ["--out", tmp_path / "out.csv", "--backend", backend]
        options = ["--folder", trained / name, "--files", tmp_path / "waves.npy", *place]
        succeed("predict", *options)
        with (tmp_path / "out.csv").open(encoding="utf-8") as file:
            heads, *rows = csv.reader(file)
        steps = ["1 ahead lower", "1 ahead", "1 ahead upper"]
        assert heads == ["wave", *steps, *(head.replace("1", "2") for head in steps)]
        tables.append(np.array([row[1:] for row in rows], float))
        outputs = SAVED[backend].predict(trained / name, waves)
        np.testing.assert_allclose(tables[-1], outputs[:, [0, 2, 4, 1, 3, 5]], rtol=1e-5)
    np.testing.assert_allclose(*tables, rtol=1e-4, atol=1e-6)
    # Weights and config.json alone do not say that these are quantiles.
    for file in (files.WEIGHTS, files.CONFIG):
        shutil.copy(trained / name / file, tmp_path)
    said = succeed("predict", "--folder", tmp_path, "--files", tmp_path / "waves.npy").out
    assert "6 ahead" in said
    assert "upper" not in said


def test_a_table_puts_the_quantiles_of_a_step_side_by_side():
    outputs = np.arange(6.0)[None]
    table = prediction_table(["w"], outputs, RUN.model, (), loss="pinball")
    assert table[1] == ["w", "0", "2", "4", "1", "3", "5"]
    assert prediction_table(["w"], outputs, RUN.model, ())[1] == ["w", *"012345"]


@pytest.mark.slow  # test_cli_models.py compares runs of another loss
@EACH
def test_compare_finds_nothing_beyond_rounding(tmp_path, name):
    said = succeed("compare", "--model", name, "--out", tmp_path, *PINBALL).out
    rows = {row["name"]: row["verdict"] for row in read(tmp_path / "comparison.json")["rows"]}
    assert rows.pop("training, samples/s") == "—"
    assert set(rows.values()) <= {"identical", "within rounding"}
    assert "0 differ" in said


def test_only_models_of_waves_have_these_flags(tmp_path):
    for flag in ("--train.loss", "--train.quantiles"):
        assert flag in succeed("train", "--model", "lstm", "--help").out
        assert flag not in succeed("train", "--help").out
    assert "cross_entropy}" not in succeed("train", "--model", "mlp", "--help").out
    for options in (
        ["--model", "cnn", "--train.loss", "pinball"],
        ["--model", "mlp", "--train.loss", "cross_entropy"],
        ["--model", "mlp", "--train.quantiles", "0.1", "0.5", "0.9"],
        ["--model", "mlp", "--train.loss", "pinball", "--train.quantiles", "0.1", "0.4", "0.9"],
    ):
        result = zoo("train", "--backend", "torch", "--out", tmp_path / "run", *options)
        assert result.code == 2
        assert "Traceback" not in result.err
    assert "quantiles must be three rising numbers" in result.err
