"""Checkpoints: a training that was stopped ends as one that was not, bit for bit."""

import hashlib
import json
import math
import shutil

import jax
import numpy as np
import pytest
import torch

import zoojax
import zootorch
from parity_tests.helpers.builders import jax_weights, torch_weights, train_config, twins, variants
from parity_tests.tolerances import check, relative
from zoojax.common.storage import checkpoints, files
from zoojax.common.storage.checkpoints import Checkpoints
from zoojax.spec.config import CNNConfig, MLPConfig, RNNConfig
from zoojax.spec.history import Log
from zoojax.spec.records import Batch

MODELS = {
    "mlp": MLPConfig(input_dim=6, output_dim=2, hidden_dim=8),
    "lstm": RNNConfig(output_size=2, hidden_dim=4, num_layers=2, cell="lstm"),
    "cnn": CNNConfig(num_classes=2, height=8, width=8, num_cnn_channels=2, hidden_dim=4),
}
OPTIMIZERS = {
    "adam": {},
    "adamw, cosine": {"optimizer": "adamw", "schedule": "cosine", "weight_decay": 0.1},
    "sgd": {"optimizer": "sgd", "learning_rate": 0.05},
    "nesterov, one_cycle, clipped": {
        "optimizer": "sgd",
        "momentum": 0.9,
        "nesterov": True,
        "schedule": "one_cycle",
        "clip_norm": 0.1,
    },
    "rmsprop": {"optimizer": "rmsprop", "momentum": 0.5},
    "best, stopped early": {"keep_best": True, "patience": 1, "learning_rate": 0.1},
}
NUM_STEPS = 12  # 40 samples in batches of 16, 4 epochs
EACH_BACKEND = pytest.mark.parametrize("backend", ["jax", "torch"])
EACH_OPTIMIZER = pytest.mark.parametrize(
    "optimizer",
    variants(OPTIMIZERS, quick=("adam", "best, stopped early")),
)


def datasets(config):
    """Return training and validation samples as NumPy arrays."""
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(60, 6)).astype(np.float32)
    labels = (inputs[:, 0] > 0).astype(np.int64)
    if isinstance(config, RNNConfig):
        inputs = inputs[..., None]
    if isinstance(config, CNNConfig):
        inputs = generator.integers(0, 256, (60, 8, 8, 3), np.uint8)
    return Batch(inputs[:40], labels[:40]), Batch(inputs[40:], labels[40:])


class Stopped(BaseException):
    """What ends a training in the middle; nothing catches it."""


class StoppingCheckpoints(Checkpoints):
    """Ends the training after the checkpoint of a step; None for never."""

    stop_at = None

    def save(self, checkpoint):
        super().save(checkpoint)
        if self.stop_at is not None and checkpoint.log.num_steps >= self.stop_at:
            raise Stopped


def train(backend, model_name, options, folder, *, stop_at=None, every_steps=1, resume=False):
    """Train, from a checkpoint where there is one; return weights and history."""
    config = train_config(**{"num_epochs": 4, **options})
    model_config = MODELS[model_name]
    saver = StoppingCheckpoints(folder, every_steps=every_steps, resume=resume)
    saver.stop_at = stop_at
    model, variables, twin = twins(model_config, dtype=config.dtype)
    train_set, validation = datasets(model_config)
    if backend == "jax":
        state, history = zoojax.fit(
            model, variables, train_set, config=config, validation=validation, checkpoints=saver
        )
        return jax_weights.to_arrays(model, state.variables), history
    train_set, validation = (Batch(*map(torch.from_numpy, b)) for b in (train_set, validation))
    trainer = zootorch.Trainer(twin, config)
    history = trainer.fit(train_set, validation=validation, checkpoints=saver)
    return torch_weights.to_arrays(twin), history


def assert_same(first, second):
    """Assert that weights and histories are equal bit for bit, wall times aside."""
    (weights, history), (others, other) = first, second
    assert set(weights) == set(others)
    for name, array in weights.items():
        np.testing.assert_array_equal(array, others[name])
    for field in ("step_losses", "train_losses", "validation_losses", "learning_rates"):
        np.testing.assert_array_equal(getattr(history, field), getattr(other, field))
    np.testing.assert_array_equal(history.validation_accuracies, other.validation_accuracies)
    assert {k: v.tolist() for k, v in history.largest_gradients.items()} == {
        k: v.tolist() for k, v in other.largest_gradients.items()
    }
    assert len(history.epoch_seconds) == len(other.epoch_seconds)


@EACH_BACKEND
@EACH_OPTIMIZER
def test_stopped_anywhere_it_ends_as_if_it_had_not_been(tmp_path, backend, optimizer):
    options = OPTIMIZERS[optimizer]
    whole = train(backend, "mlp", options, tmp_path / "whole", every_steps=1000)
    num_steps = len(whole[1].step_losses)
    for stop_at in {1, 2, 3, 7, num_steps - 1, num_steps}:
        folder = tmp_path / str(stop_at)
        with pytest.raises(Stopped):
            train(backend, "mlp", options, folder, stop_at=stop_at)
        again = train(backend, "mlp", options, folder, every_steps=5, resume=True)
        assert_same(whole, again)


@EACH_BACKEND
@pytest.mark.parametrize("model", variants(["lstm", "cnn"], slow=("lstm",)))
def test_every_model_goes_on(tmp_path, backend, model):
    whole = train(backend, model, {}, tmp_path / "whole", every_steps=1000)
    with pytest.raises(Stopped):
        train(backend, model, {}, tmp_path / "stopped", stop_at=5)
    assert_same(whole, train(backend, model, {}, tmp_path / "stopped", resume=True))


@EACH_BACKEND
def test_a_training_stopped_again_and_again_ends_the_same(tmp_path, backend):
    whole = train(backend, "mlp", {}, tmp_path / "whole", every_steps=1000)
    for step in range(1, NUM_STEPS + 1):
        with pytest.raises(Stopped):
            train(backend, "mlp", {}, tmp_path / "run", stop_at=step, resume=True)
    assert_same(whole, train(backend, "mlp", {}, tmp_path / "run", resume=True))
    # And once more: there is nothing left to do.
    assert_same(whole, train(backend, "mlp", {}, tmp_path / "run", resume=True))


@EACH_OPTIMIZER
@pytest.mark.parametrize("backends", [("jax", "torch"), ("torch", "jax")], ids="->".join)
def test_a_run_begun_in_one_backend_ends_the_same_in_the_other(tmp_path, backends, optimizer):
    options = OPTIMIZERS[optimizer] | {"dtype": "float64"}
    with jax.enable_x64(True):
        whole = train(backends[0], "mlp", options, tmp_path / "whole")
        with pytest.raises(Stopped):
            train(backends[0], "mlp", options, tmp_path / "run", stop_at=4)
        weights, history = train(backends[1], "mlp", options, tmp_path / "run", resume=True)
    check(
        "float64, whole run: losses, weights", relative(history.step_losses, whole[1].step_losses)
    )
    for name in ("block.4.weight", "block.1.weight", "block.1.running_var"):
        check("float64, whole run: losses, weights", relative(weights[name], whole[0][name]))


@EACH_BACKEND
def test_another_state_ends_elsewhere(tmp_path, backend):
    """The perturbed case: each part of the state matters."""
    whole = train(backend, "mlp", {}, tmp_path / "whole", every_steps=1000)
    with pytest.raises(Stopped):
        train(backend, "mlp", {}, tmp_path / "run", stop_at=4)

    def zero_a_moment(folder):
        arrays = files.read_arrays(folder / checkpoints.OPTIMIZER)
        arrays["mu/block.0.weight"] *= 0
        files.write_arrays(folder / checkpoints.OPTIMIZER, arrays)

    def other_dropout(folder):
        content = files.read_json(folder / checkpoints.TRAINING)
        content["random"]["dropout"]["key"][0] ^= 1
        files.write_json(folder / checkpoints.TRAINING, content)

    for number, perturb in enumerate((zero_a_moment, other_dropout)):
        folder = tmp_path / str(number)
        shutil.copytree(tmp_path / "run", folder)
        perturb(checkpoints.newest(folder))
        vouch(checkpoints.newest(folder))
        _, history = train(backend, "mlp", {}, folder, resume=True)
        np.testing.assert_array_equal(history.step_losses[:4], whole[1].step_losses[:4])
        assert history.step_losses[-1] != whole[1].step_losses[-1]


def vouch(folder):
    """Write the sums of a checkpoint's files anew, as somebody would who changed them."""
    content = files.read_json(folder / checkpoints.TRAINING)
    content["files"] = {name: files.digest(folder / name) for name in content["files"]}
    del content["sha256"]
    said = json.dumps(content, sort_keys=True).encode()
    content["sha256"] = hashlib.sha256(said).hexdigest()
    files.write_json(folder / checkpoints.TRAINING, content)


@pytest.fixture
def stopped(tmp_path):
    """A folder with the checkpoint of a stopped training, and its newest checkpoint."""
    with pytest.raises(Stopped):
        train("jax", "mlp", {}, tmp_path / "run", stop_at=4)
    return tmp_path / "run", checkpoints.newest(tmp_path / "run")


def assert_refused(folder, *parts, error=ValueError, model="mlp", **options):
    """Assert that neither backend goes on, and that what is there stays as it is."""
    before = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for backend in ("jax", "torch"):
        with pytest.raises(error) as caught:
            train(backend, model, options, folder, resume=True)
        for part in parts:
            assert part in str(caught.value)
    assert before == {p.name: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    "name", [files.WEIGHTS, files.CONFIG, checkpoints.OPTIMIZER, checkpoints.TRAINING]
)
def test_a_truncated_or_missing_file_is_refused_by_name(stopped, name):
    folder, newest = stopped
    whole = (newest / name).read_bytes()
    for length in (0, 1, len(whole) // 2, len(whole) - 2):
        (newest / name).write_bytes(whole[:length])
        assert_refused(folder, name, "is damaged")
    (newest / name).unlink()
    assert_refused(folder, name, error=FileNotFoundError)


@pytest.mark.parametrize("name", [files.WEIGHTS, checkpoints.OPTIMIZER])
def test_a_flipped_bit_is_refused_by_name(stopped, name):
    folder, newest = stopped
    content = bytearray((newest / name).read_bytes())
    content[-1] ^= 1
    (newest / name).write_bytes(content)
    assert_refused(folder, name, "is damaged: its SHA-256 is")


@pytest.mark.parametrize(
    ("file", "changed", "to", "message"),
    [
        (files.WEIGHTS, "block.0.weight", (8, 7), "has shape (8, 7), the model needs (8, 6)"),
        (files.WEIGHTS, "extra.weight", (1,), "holds extra.weight, which the model has not"),
        (files.WEIGHTS, "block.1.running_var", None, "lacks block.1.running_var"),
        (
            checkpoints.OPTIMIZER,
            "mu/block.0.weight",
            (6, 8),
            "shape (6, 8), the model needs (8, 6)",
        ),
        (checkpoints.OPTIMIZER, "trace/block.0.weight", (8, 6), "holds trace/block.0.weight"),
        (checkpoints.OPTIMIZER, "nu/block.0.bias", None, "lacks nu/block.0.bias"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_by_name(stopped, file, changed, to, message):
    folder, newest = stopped
    arrays = files.read_arrays(newest / file)
    arrays.pop(changed, None)
    if to is not None:
        arrays[changed] = np.zeros(to, np.float32)
    files.write_arrays(newest / file, arrays)
    vouch(newest)
    assert_refused(folder, file, message)


def test_another_configuration_is_refused_by_name_with_both_values(stopped):
    folder, _ = stopped
    assert_refused(folder, "train.learning_rate: it has 0.001, this run 0.01", learning_rate=0.01)
    assert_refused(folder, "another train.seed: it has 5, this run 6", seed=6)
    assert_refused(folder, "another model.input_dim: it has 6, this run None", model="lstm")


def test_other_data_are_refused(stopped, monkeypatch):
    folder, _ = stopped
    (inputs, labels), validation = datasets(MODELS["mlp"])
    changed = {
        "train inputs: their sha256": (Batch(inputs + 1e-6, labels), validation),
        "train inputs: their shape": (Batch(inputs[:39], labels[:39]), validation),
        "train targets: their sha256": (Batch(inputs, 1 - labels), validation),
        "validation inputs": (Batch(inputs, labels), Batch(validation[0] * 2, validation[1])),
    }
    for message, data in changed.items():
        monkeypatch.setitem(globals(), "datasets", lambda config, data=data: data)
        with pytest.raises(ValueError, match=message):
            train("jax", "mlp", {}, folder, resume=True)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format", "training, 0", "has format 'training, 0', known is 'training, 1'"),
        ("log", 5, "is damaged"),
        ("random", {}, "is damaged"),
        ("learning_rate", 0.5, "is damaged"),
        ("sha256", None, "is damaged"),
    ],
)
def test_a_description_that_was_changed_is_refused(stopped, key, value, message):
    folder, newest = stopped
    content = files.read_json(newest / checkpoints.TRAINING)
    files.write_json(newest / checkpoints.TRAINING, {**content, key: value})
    assert_refused(folder, checkpoints.TRAINING, message)


def test_a_new_training_does_not_overwrite_an_old_one(stopped):
    folder, newest = stopped
    with pytest.raises(FileExistsError, match="resume it, or choose another folder"):
        train("jax", "mlp", {}, folder)
    assert newest.is_dir()


@pytest.mark.parametrize("option", ["every_steps", "every_minutes"])
def test_a_number_that_is_not_over_zero_is_refused(tmp_path, option):
    for value in (0, -1, float("nan")):
        name = option.removeprefix("every_")
        with pytest.raises(ValueError, match=f"{name} from one .* must be over 0: {value}"):
            Checkpoints(tmp_path, **{option: value})


def test_a_checkpoint_is_due_after_steps_or_minutes(tmp_path, monkeypatch):
    now = 1000.0
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: now)
    by_steps = Checkpoints(tmp_path / "a", every_steps=3)
    by_time = Checkpoints(tmp_path / "b", every_minutes=2)
    never = Checkpoints(tmp_path / "c")
    assert [by_steps.is_due(step) for step in (1, 2, 3, 4)] == [False, False, True, True]
    assert not by_time.is_due(100)
    now += 119
    assert not by_time.is_due(100)
    now += 1
    assert by_time.is_due(1)
    assert not never.is_due(10**9)


@EACH_BACKEND
def test_what_a_killed_process_left_is_in_nobodys_way(tmp_path, backend, monkeypatch):
    """Its number may well be that of the process that goes on: in a container it often is."""
    monkeypatch.setattr(checkpoints.os, "getpid", lambda: 1)
    whole = train(backend, "mlp", {}, tmp_path / "whole", every_steps=1000)
    with pytest.raises(Stopped):
        train(backend, "mlp", {}, tmp_path / "run", stop_at=4)
    for step, epoch in ((5, 1), (9, 2)):
        (tmp_path / "run" / f".step-{step:09d}-epoch-{epoch:05d}.1.partial").mkdir()
    (tmp_path / "run" / "notes").mkdir()
    (tmp_path / "run" / "step-notes").mkdir()
    assert_same(whole, train(backend, "mlp", {}, tmp_path / "run", resume=True))
    names = sorted(path.name for path in (tmp_path / "run").iterdir())
    # What is not a checkpoint is not touched.
    assert names == ["notes", "step-000000012-epoch-00004", "step-notes"]


@EACH_BACKEND
def test_a_checkpoint_that_cannot_be_written_leaves_the_last(tmp_path, backend, monkeypatch):
    with pytest.raises(Stopped):
        train(backend, "mlp", {}, tmp_path / "run", stop_at=4)
    before = checkpoints.newest(tmp_path / "run")

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files, "write_json", full)
        with pytest.raises(OSError, match="No space left"):
            train(backend, "mlp", {}, tmp_path / "run", resume=True)
    assert list((tmp_path / "run").iterdir()) == [before]
    whole = train(backend, "mlp", {}, tmp_path / "whole", every_steps=1000)
    assert_same(whole, train(backend, "mlp", {}, tmp_path / "run", resume=True))


def test_the_newest_checkpoint_is_the_one_of_most_steps(tmp_path):
    names = ["step-000000009-epoch-99999", "step-000000010-epoch-99999"]
    names += ["step-000000010-epoch-100000", "step-000000011-epoch-100000"]
    for name in names:
        (tmp_path / name).mkdir()
        assert checkpoints.newest(tmp_path) == tmp_path / name
        assert checkpoints.NAME.fullmatch(name)
    (tmp_path / "step-1000000000-epoch-100000").mkdir()
    assert checkpoints.newest(tmp_path).name == "step-1000000000-epoch-100000"


def test_a_log_is_the_same_after_it_was_json():
    log = Log(2, [1.0, 2.0], [0.1, 0.1], [math.inf, math.nan], [math.nan, 0.5], [1.0, 2.0])
    log.largest_gradients = [{"fc": math.inf}, {"fc": 1e-300}]
    text = json.dumps(log.to_json(), allow_nan=False)
    assert repr(Log.from_json(json.loads(text))) == repr(log)


def test_a_second_fit_goes_on_in_torch_alone(tmp_path):
    """A trainer's generators move on; a function of the configuration starts anew."""
    train_set, _ = datasets(MODELS["mlp"])
    tensors = Batch(*map(torch.from_numpy, train_set))
    _, _, twin = twins(MODELS["mlp"])
    config = train_config(num_epochs=4)
    trainer = zootorch.Trainer(twin, config)
    trainer.fit(tensors)
    trainer.fit(tensors, checkpoints=Checkpoints(tmp_path))
    model, variables, _ = twins(MODELS["mlp"])
    with pytest.raises(ValueError, match="of a trainer's second fit"):
        zoojax.fit(
            model,
            variables,
            train_set,
            config=config,
            checkpoints=Checkpoints(tmp_path, resume=True),
        )


def test_another_run_is_refused_before_any_work(stopped):
    folder, _ = stopped
    with pytest.raises(ValueError, match="another configuration: it has None, this run"):
        Checkpoints(folder, resume=True, run={"data": "shapes"})


@EACH_BACKEND
def test_each_training_needs_checkpoints_of_its_own(tmp_path, backend):
    saver = Checkpoints(tmp_path)
    saver.open(backend, MODELS["mlp"], train_config())
    with pytest.raises(ValueError, match="each training needs Checkpoints of its own"):
        saver.open(backend, MODELS["mlp"], train_config())


def test_only_the_last_checkpoint_is_kept(stopped):
    folder, newest = stopped
    assert list(folder.iterdir()) == [newest]
    assert newest.name == "step-000000004-epoch-00001"
    assert zootorch.load_pretrained(newest).config == MODELS["mlp"]
    assert zoojax.load_pretrained(newest)[0].config == MODELS["mlp"]
