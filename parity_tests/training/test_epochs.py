"""Many steps as one program: the same as step by step, wherever an epoch is cut."""

import jax
import numpy as np
import pytest

import zoojax
from parity_tests.helpers.builders import variants
from parity_tests.tolerances import check, relative
from zoojax import compiled_loop, training, weights
from zoojax.common.storage.checkpoints import Checkpoints, NoCheckpoints
from zoojax.spec.config import CNNConfig, MLPConfig, RNNConfig, TrainConfig
from zoojax.spec.records import Batch

pytestmark = pytest.mark.usefixtures("x64")

NUM, BATCH, LENGTH = 44, 8, 6
TRAIN = TrainConfig(
    num_epochs=2, batch_size=BATCH, loss="mean_squared_error", dtype="float64", schedule="cosine"
)
MODELS = {
    "mlp": zoojax.MLP(MLPConfig(input_dim=LENGTH)),
    "lstm": zoojax.RNN(RNNConfig(cell="lstm", hidden_dim=4, num_layers=2)),
}
GENERATOR = np.random.default_rng(4)
WAVES = GENERATOR.normal(size=(NUM, LENGTH))
TARGETS = GENERATOR.normal(size=(NUM, 1))
ORDER = GENERATOR.permutation(NUM)[: NUM // BATCH * BATCH].reshape(-1, BATCH).astype(np.int32)


def start(name):
    """Return a state before the first step, and the samples."""
    inputs = WAVES if name == "mlp" else WAVES[..., None]
    model = MODELS[name]
    variables = zoojax.init(jax.random.key(0), model, inputs[:1])
    return zoojax.create_state(model, variables, TRAIN, num_steps=10), Batch(inputs, TARGETS)


def step_by_step(name):
    state, train = start(name)
    losses = []
    for indices in ORDER:
        batch = Batch(train.inputs[indices], train.targets[indices])
        state, metrics = zoojax.train_step(state, batch)
        losses.append(float(metrics["loss"]))
    return state, losses


def bits(state):
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves((state.params, state.opt_state))]


EACH = pytest.mark.parametrize("name", variants(MODELS, quick=("mlp",)))


@EACH
def test_a_loop_makes_the_steps_that_calls_make(name):
    expected, losses = step_by_step(name)
    state, train = start(name)
    state, metrics = compiled_loop.steps_in_loop(
        zoojax.train_step, state, train, ORDER, 0, len(ORDER)
    )
    row = "float64, steps in a compiled loop: losses, weights"
    check(row, relative(metrics["loss"], losses))
    for found, other in zip(
        jax.tree.leaves(state.params), jax.tree.leaves(expected.params), strict=True
    ):
        check(row, relative(found, other))
    assert int(state.step) == len(ORDER)
    assert len(set(losses)) == len(losses)


def test_another_order_is_another_training():
    _, losses = step_by_step("mlp")
    state, train = start("mlp")
    turned = ORDER[::-1]
    _, metrics = compiled_loop.steps_in_loop(zoojax.train_step, state, train, turned, 0, len(ORDER))
    assert relative(metrics["loss"], losses) > 1e-3


@EACH
def test_it_does_not_matter_where_an_epoch_is_cut(name):
    state, train = start(name)
    whole, metrics = compiled_loop.make_steps(zoojax.train_step, state, train, ORDER, slice(0, 5))
    for cuts in ([1], [2, 3], [4]):
        state, _ = start(name)
        losses = []
        for span in zip([0, *cuts], [*cuts, len(ORDER)], strict=True):
            state, made = compiled_loop.make_steps(
                zoojax.train_step, state, train, ORDER, slice(*span)
            )
            losses.extend(made["loss"])
        assert bits(state) == bits(whole)
        np.testing.assert_array_equal(losses, metrics["loss"])


def test_what_was_not_made_is_zero():
    state, train = start("mlp")
    _, metrics = compiled_loop.steps_in_loop(zoojax.train_step, state, train, ORDER, 1, 3)
    np.testing.assert_array_equal(np.asarray(metrics["loss"]) != 0, [0, 1, 1, 0, 0])


PARTS = [ORDER, GENERATOR.permutation(NUM)[None, : NUM % BATCH].astype(np.int32)]


def chunks_of(name, limits, *, start=0):
    """Make an epoch in chunks of at most these sizes; return bits, losses, sizes, limits asked."""
    state, train = start_at(name, start)
    limits, sizes, losses, asked = iter(limits), [], [], []

    def steps_left(limit):
        asked.append((limit, len(losses)))
        return next(limits)

    chunks = compiled_loop.run_in_chunks(
        zoojax.train_step, state, train, PARTS, start=start, steps_left=steps_left
    )
    for state, metrics in chunks:
        sizes.append(len(metrics["loss"]))
        losses.extend(metrics["loss"])
        assert int(state.step) == start + len(losses)
    return bits(state), losses, sizes, asked


def start_at(name, num_steps):
    """Return the state after so many steps of an epoch, and the samples."""
    state, train = start(name)
    for part, num in ((PARTS[0], min(num_steps, 5)), (PARTS[1], max(num_steps - 5, 0))):
        state, _ = compiled_loop.make_steps(zoojax.train_step, state, train, part, slice(0, num))
    return state, train


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("limits", "sizes"),
    [
        ([256, 256], [5, 1]),  # the last batch is smaller: another program
        ([1] * 6, [1] * 6),
        ([2, 2, 2, 2], [2, 2, 1, 1]),
        ([4, 9, 1], [4, 1, 1]),
    ],
)
def test_it_does_not_matter_in_which_chunks_an_epoch_is_made(name, limits, sizes):
    state, train = start(name)
    state, whole = compiled_loop.make_steps(zoojax.train_step, state, train, PARTS[0], slice(0, 5))
    state, last = compiled_loop.make_steps(zoojax.train_step, state, train, PARTS[1], slice(0, 1))
    found, losses, made, asked = chunks_of(name, limits)
    assert found == bits(state)
    np.testing.assert_array_equal(losses, [*whole["loss"], *last["loss"]])
    assert made == sizes
    # Asked before each chunk, when the caller has seen all steps before it.
    assert asked == [(256, sum(sizes[:index])) for index in range(len(sizes))]


@pytest.mark.parametrize(("first", "sizes"), [(1, [3, 1, 1]), (4, [1, 1]), (5, [1]), (6, [])])
def test_an_epoch_goes_on_in_chunks_from_any_step(first, sizes):
    whole, losses, _, _ = chunks_of("mlp", [256] * 2)
    found, rest, made, _ = chunks_of("mlp", [3] * 6, start=first)
    assert found == whole
    np.testing.assert_array_equal(rest, losses[first:])
    assert made == sizes


def test_unless_limited_chunks_are_as_long_as_the_loss_may_go_unread(monkeypatch):
    state, train = start("mlp")
    monkeypatch.setattr(compiled_loop, "num_at_once", lambda config: 2)
    chunks = compiled_loop.run_in_chunks(zoojax.train_step, state, train, PARTS)
    assert [len(metrics["loss"]) for _, metrics in chunks] == [2, 2, 1, 1]


def test_what_is_read_of_a_chunk_is_of_each_step_in_turn(monkeypatch):
    model = MODELS["mlp"]
    state, train = start("mlp")
    expected = []
    for indices in ORDER:
        state, metrics = zoojax.train_step(state, zoojax.take(train, indices))
        gradients = weights.name_scalars(model, metrics["largest_gradients"])
        expected.append((float(metrics["loss"]), float(metrics["learning_rate"]), gradients))
    assert len({each[2]["block.0.weight"] for each in expected}) == len(ORDER)
    state, train = start("mlp")
    monkeypatch.setattr(compiled_loop, "is_looped", lambda config: False)
    _, metrics = compiled_loop.make_steps(zoojax.train_step, state, train, ORDER, slice(0, 5))
    found = [(loss, rate, read()) for loss, rate, read in training.read_steps(model, metrics)]
    assert found == expected


@pytest.mark.parametrize("every_steps", [1, 2, 3, 4, 7, 100])
def test_checkpoints_are_saved_at_the_steps_that_are_due(tmp_path, every_steps):
    saved = []

    class Recorder(Checkpoints):
        def save(self, checkpoint):
            saved.append(checkpoint.log.num_steps)
            super().save(checkpoint)

    model, inputs = MODELS["mlp"], WAVES
    variables = zoojax.init(jax.random.key(0), model, inputs[:1])
    saver = Recorder(tmp_path, every_steps=every_steps)
    zoojax.fit(model, variables, Batch(inputs, TARGETS), config=TRAIN, checkpoints=saver)
    # Two epochs of 6 steps, and once more after the last.
    assert saved == [*range(every_steps, 13, every_steps), 12]


def test_convolutions_on_a_cpu_are_not_looped_over(monkeypatch):
    configs = (CNNConfig(height=8, width=8), MLPConfig(), RNNConfig())
    monkeypatch.setattr(jax, "default_backend", lambda: "cpu")
    assert [compiled_loop.is_looped(each) for each in configs] == [False, True, True]
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert all(map(compiled_loop.is_looped, configs))


@pytest.mark.slow
def test_convolutions_on_a_gpu_are_looped_over_with_the_same_result(monkeypatch):
    model = zoojax.CNN(CNNConfig(height=8, width=8, num_cnn_channels=2))
    train = TrainConfig(num_epochs=2, batch_size=8, dtype="float64")
    images = GENERATOR.integers(0, 256, (20, 8, 8, 3), np.uint8)
    data = Batch(images, GENERATOR.integers(0, 4, 20, np.int32))
    variables = zoojax.init(jax.random.key(0), model, np.zeros((1, 8, 8, 3)))
    losses = []
    for looped in (False, True):
        monkeypatch.setattr(compiled_loop, "is_looped", lambda config, looped=looped: looped)
        _, history = zoojax.fit(model, variables, data, config=train)
        losses.append(history.step_losses)
    assert len(losses[0]) == 6
    check("float64, steps in a compiled loop: losses, weights", relative(*losses))


def test_a_checkpoint_cuts_an_epoch_where_it_is_due(tmp_path):
    saver = Checkpoints(tmp_path, every_steps=3)
    assert [saver.steps_left(step, 256) for step in range(4)] == [3, 2, 1, 1]
    assert Checkpoints(tmp_path, every_minutes=1.0).steps_left(7, 256) == 256
    assert NoCheckpoints().steps_left(7, 4) == 4
