"""Ensembles: each member is the run of its own seed alone, in either backend, to rounding."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import zoojax
import zoojax.ensembles.stacked
import zoojax.experiments.pipeline
import zoojax.weights
import zootorch
import zootorch.data
import zootorch.experiments.pipeline
import zootorch.weights
from parity_tests.helpers.builders import check_refused, idle_parameters, variants
from parity_tests.tolerances import ALLOWED, check, relative
from zoojax import data as jax_data
from zoojax import random as jax_random
from zoojax.models import model_of
from zoojax.spec.config import (
    CNNConfig,
    MLPConfig,
    RNNConfig,
    RunConfig,
    ShapesConfig,
    SinusoidsConfig,
    TrainConfig,
)
from zoojax.spec.draws import MAX_SEED
from zoojax.spec.ensembles import member_configs, member_runs, member_seeds
from zoojax.spec.records import Batch, NonFiniteLossError
from zootorch import random as torch_random
from zootorch.ensembles.stacked import StackedTrainer
from zootorch.models import model_of as torch_model_of

MEMBERS = "float64, members of ensembles against runs alone: losses, weights"
IDLE = "float64: idle parameters and running means"
SEED, NUM = 7, 3
RATES = (0.001, 0.004, 0.002)

# 36 waves to train on: two steps of 13 an epoch, and one of 10.
WAVES = RunConfig(
    data=SinusoidsConfig((0.5, 2), (0.5, 4), (1, 3), (-0.25, 0.5), 11, 2, noise=0.05),
    num_each=3,
    target="next_steps",
    validation_fraction=0.25,
    model=MLPConfig(num_layers=1, hidden_dim=8, dropout=0.2),
    train=TrainConfig(
        seed=SEED, num_epochs=8, batch_size=13, learning_rate=0.001, loss="mean_squared_error"
    ),
)
RUNS = {
    "mlp": WAVES,
    **{
        cell: dataclasses.replace(
            WAVES, model=RNNConfig(hidden_dim=6, num_layers=2, dropout=0.2, cell=cell)
        )
        for cell in ("rnn", "lstm", "gru")
    },
    "cnn": RunConfig(
        data=ShapesConfig(
            16, 16, 4, 12, ("circle", "diamond", "triangle"), ("red", "green"), shades=False
        ),
        num_each=8,
        validation_fraction=0.25,
        model=CNNConfig(num_cnn_channels=3, hidden_dim=6, num_cnn_layers=0, dropout=0.2),
        train=TrainConfig(seed=SEED, num_epochs=4, batch_size=13, learning_rate=0.001),
    ),
}
EACH = pytest.mark.parametrize("name", variants(RUNS, quick=("cnn",)))


def with_options(name, **options):
    """Return a run of ``RUNS`` that is trained otherwise."""
    config = RUNS[name]
    return dataclasses.replace(config, train=dataclasses.replace(config.train, **options))


def parts_of(config):
    """Return training and validation samples of zoojax, and the same of zootorch."""
    found = []
    for pipeline in (zoojax.experiments.pipeline, zootorch.experiments.pipeline):
        parts = pipeline.split(config, pipeline.simulate(config))
        found.append((parts["train"], parts["validation"]))
    return found


def jax_ensemble(config, num=NUM, rates=None):
    """Train an ensemble in zoojax; return each member's arrays by name, and the histories."""
    model, (train, validation) = model_of(config.model), parts_of(config)[0]
    example = jnp.zeros((1, *train.inputs.shape[1:]), config.train.dtype)
    variables = zoojax.init_ensemble(config.train.seed, model, example, num_members=num)
    options = {"config": config.train, "learning_rates": rates, "validation": validation}
    variables, histories = zoojax.fit_ensemble(model, variables, train, **options)
    members = [zoojax.ensembles.stacked.member(variables, place) for place in range(num)]
    return [zoojax.weights.to_arrays(model, each) for each in members], histories


def torch_ensemble(config, num=NUM, rates=None):
    """Train an ensemble in zootorch; return each member's arrays by name, and the histories."""
    train, validation = parts_of(config)[1]
    models = zootorch.init_ensemble(config.train.seed, config.model, num_members=num)
    trainer = zootorch.EnsembleTrainer(models, config.train, learning_rates=rates)
    histories = trainer.fit(train, validation=validation)
    return [zootorch.weights.to_arrays(model) for model in models], histories


def jax_alone(config, own):
    """Train one model in zoojax as ``own`` says, on the data of ``config``."""
    model, (train, validation) = model_of(config.model), parts_of(config)[0]
    example = jnp.zeros((1, *train.inputs.shape[1:]), own.dtype)
    variables = zoojax.init(jax.random.key(own.seed), model, example)
    state, history = zoojax.fit(model, variables, train, config=own, validation=validation)
    return zoojax.weights.to_arrays(model, state.variables), history


def torch_alone(config, own):
    """Train one model in zootorch as ``own`` says, on the data of ``config``."""
    train, validation = parts_of(config)[1]
    model = torch_model_of(config.model, zootorch.Generator(own.seed))
    history = zootorch.Trainer(model, own).fit(train, validation=validation)
    return zootorch.weights.to_arrays(model), history


ENSEMBLES = {"jax": jax_ensemble, "torch": torch_ensemble}
ALONE = {"jax": jax_alone, "torch": torch_alone}


@functools.cache
def ensemble(name, backend, dtype):
    with jax.enable_x64(dtype == "float64"):
        return ENSEMBLES[backend](with_options(name, dtype=dtype))


@functools.cache
def alone(name, backend, dtype, place):
    with jax.enable_x64(dtype == "float64"):
        config = with_options(name, dtype=dtype)
        return ALONE[backend](config, member_configs(config.train, NUM)[place])


def differences(config, found, expected):
    """Return the largest relative difference of losses, gradients and weights of two runs.

    Idle parameters (``builders.idle_parameters``) and the running means that contain them are
    checked here, as absolutes, and so are validation losses, which see them.
    """
    (ours, history), (theirs, other) = found, expected
    assert set(ours) == set(theirs)
    for place in ("step_losses", "validation_losses", "validation_accuracies"):
        assert len(getattr(history, place)) == len(getattr(other, place))
    np.testing.assert_array_equal(history.validation_accuracies, other.validation_accuracies)
    np.testing.assert_allclose(history.learning_rates, other.learning_rates, rtol=1e-13)
    idle = idle_parameters(config.model)
    if not idle:
        check(MEMBERS, relative(history.validation_losses, other.validation_losses))
    check(IDLE, np.abs(history.validation_losses - other.validation_losses).max())
    apart = [np.abs(history.step_losses / other.step_losses - 1).max()]
    assert list(history.largest_gradients) == list(other.largest_gradients)
    first = [relative(history.largest_gradients[k], v) for k, v in other.largest_gradients.items()]
    for name, array in theirs.items():
        if name in idle or name.endswith("running_mean"):
            check(IDLE, np.abs(ours[name] - array).max())
        else:
            apart.append(relative(ours[name], array))
    return max(*apart, *first)


@EACH
@pytest.mark.parametrize("backend", ENSEMBLES)
def test_members_begin_with_the_weights_of_their_seeds(name, backend):
    config = RUNS[name].model
    model, example = model_of(config), jnp.zeros((1, *parts_of(RUNS[name])[0][0].inputs.shape[1:]))
    if backend == "jax":
        variables = zoojax.init_ensemble(SEED, model, example, num_members=NUM)
        members = [zoojax.ensembles.stacked.member(variables, place) for place in range(NUM)]
        made = [zoojax.weights.to_arrays(model, each) for each in members]
    else:
        models = zootorch.init_ensemble(SEED, config, num_members=NUM)
        made = [zootorch.weights.to_arrays(each) for each in models]
    for place, arrays in enumerate(made):
        own = zoojax.init(jax.random.key(SEED + place), model, example)
        for key, array in zoojax.weights.to_arrays(model, own).items():
            np.testing.assert_array_equal(arrays[key], array)
    assert any((made[0][key] != made[1][key]).any() for key in made[0])


def test_members_take_the_samples_in_the_orders_of_their_seeds():
    keys = jnp.stack([jax_random.root_key(SEED + place) for place in range(NUM)])
    generators = [zootorch.Generator(SEED + place).stream("shuffle") for place in range(NUM)]
    stacked = torch_random.stack(generators)
    for epoch in range(3):
        orders = zoojax.ensembles.stacked.epoch_orders(keys, epoch, 36)
        batches = list(zootorch.data.batch_indices(stacked, 36, 16))
        assert [tuple(each.shape) for each in batches] == [(3, 16), (3, 16), (3, 4)]
        np.testing.assert_array_equal(torch.cat(batches, dim=1), orders)
        for place, generator in enumerate(generators):
            own = torch.cat(list(zootorch.data.batch_indices(generator, 36, 16)))
            np.testing.assert_array_equal(orders[place], own)


def test_members_drop_what_their_seeds_say():
    generators = [zootorch.Generator(SEED + place).stream("dropout") for place in range(NUM)]
    stacked = torch_random.stack(generators)
    for _ in range(3):
        keys = torch_random.fold_in(stacked.next_key(), 1)
        masks = torch_random.keep_mask(keys, (5, 4), 0.3)
        assert masks.shape == (NUM, 5, 4)
        for mask, generator in zip(masks, generators, strict=True):
            key = torch_random.fold_in(generator.next_key(), 1)
            assert (mask == torch_random.keep_mask(key, (5, 4), 0.3)).all()


def test_the_orders_of_members_are_cut_as_one_is():
    orders = np.arange(3 * 36).reshape(3, 36)
    together = jax_data.in_batches(orders, 16)
    assert [each.shape for each in together] == [(2, 3, 16), (1, 3, 4)]
    for place, order in enumerate(orders):
        alone = jax_data.in_batches(order, 16)
        assert [each.shape for each in alone] == [(2, 16), (1, 4)]
        for ours, theirs in zip(together, alone, strict=True):
            np.testing.assert_array_equal(ours[:, place], theirs)
    assert [each.shape for each in jax_data.in_batches(orders[0], 36)] == [(1, 36)]


@EACH
@pytest.mark.parametrize("backend", ENSEMBLES)
def test_float64_a_member_is_the_run_of_its_seed_alone(name, backend):
    members, histories = ensemble(name, backend, "float64")
    assert len(histories[0].step_losses) == (12 if name == "cnn" else 24)
    for place, found in enumerate(zip(members, histories, strict=True)):
        expected = alone(name, "torch", "float64", place)
        check(MEMBERS, differences(RUNS[name], found, expected))
    # JAX compiles each run anew: one of them is enough.
    check(MEMBERS, differences(RUNS[name], found, alone(name, backend, "float64", NUM - 1)))


@pytest.mark.parametrize("name", variants(["mlp", "lstm", "cnn"], quick=("mlp",)))
@pytest.mark.parametrize("backend", ENSEMBLES)
def test_float32_ten_steps_of_each_member(name, backend):
    _, histories = ensemble(name, backend, "float32")
    for place, history in enumerate(histories):
        _, other = alone(name, "torch", "float32", place)
        apart = np.abs(history.step_losses / other.step_losses - 1)
        check(f"{name}: float32, first step", apart[0])
        check(f"{name}: float32, ten steps", apart[:10].max())


@EACH
def test_members_are_not_one_run_many_times(name):
    members, histories = ensemble(name, "torch", "float64")
    expected = alone(name, "torch", "float64", 1)
    for place in (0, 2):
        assert relative(histories[place].step_losses, expected[1].step_losses) > 1e-3
        key = next(iter(members[place]))
        assert relative(members[place][key], expected[0][key]) > 1e-3


@pytest.mark.parametrize("change", ["dropout layer", "order of masks", "rate", "clipping of all"])
@pytest.mark.parametrize("name", ["mlp", "lstm"])
def test_a_perturbed_member_is_seen(name, change, monkeypatch):
    options = {"dtype": "float64", "num_epochs": 2, "clip_norm": 0.1}
    config = with_options(name, **options)
    train, _ = parts_of(config)[1]
    models = zootorch.init_ensemble(SEED, config.model, num_members=NUM)
    configs = member_configs(config.train, NUM)
    if change == "rate":
        configs = (*configs[:2], dataclasses.replace(configs[2], learning_rate=0.001 * (1 + 1e-8)))
    trainer = StackedTrainer(models, configs)
    if change == "dropout layer":
        for module in trainer.model.modules():
            if hasattr(module, "layer"):
                module.layer += 1
    if change == "order of masks":
        trainer.dropout.key = trainer.dropout.key.flip(0)
    if change == "clipping of all":
        monkeypatch.setattr(
            "zootorch.ensembles.stacked.clip_each",
            lambda grads, largest: torch.nn.utils.clip_grad_norm_(trainer.params.values(), largest),
        )
    (history, *_, last) = trainer.fit(train)
    if change == "rate":
        history, place = last, 2
    else:
        place = 0
    own = torch_model_of(config.model, zootorch.Generator(SEED + place))
    other = zootorch.Trainer(own, member_configs(config.train, NUM)[place]).fit(train)
    assert relative(history.step_losses, other.step_losses) > ALLOWED[MEMBERS]


SWEPT = {
    "adam, cosine, clipped": {"schedule": "cosine", "clip_norm": 0.2},
    "adamw, one_cycle": {"optimizer": "adamw", "schedule": "one_cycle", "weight_decay": 0.1},
    "nesterov": {"optimizer": "sgd", "momentum": 0.5, "nesterov": True, "weight_decay": 0.01},
    "rmsprop": {"optimizer": "rmsprop", "momentum": 0.3},
}


def check_sweep(make, options):
    """Train a sweep; check it against runs with those rates."""
    config = with_options("rnn", dtype="float64", num_epochs=4, **SWEPT[options])
    members, histories = make(config, rates=RATES)
    for place, own in enumerate(member_configs(config.train, NUM, RATES)):
        assert own.learning_rate == RATES[place]
        found = members[place], histories[place]
        check(MEMBERS, differences(config, found, torch_alone(config, own)))


@pytest.mark.parametrize("options", SWEPT)
def test_a_sweep_in_torch_is_runs_with_those_rates(options):
    check_sweep(torch_ensemble, options)


@pytest.mark.parametrize(
    "options", variants(["adam, cosine, clipped", "adamw, one_cycle"], slow=("adamw, one_cycle",))
)
def test_a_sweep_in_jax_is_runs_with_those_rates(options, x64):
    check_sweep(jax_ensemble, options)


@pytest.mark.parametrize("backend", variants(ENSEMBLES, slow=("jax",)))
def test_a_sweep_of_a_cnn_is_runs_with_those_rates(backend, x64):
    config = with_options("cnn", dtype="float64", num_epochs=2, schedule="cosine")
    members, histories = ENSEMBLES[backend](config, num=2, rates=RATES[:2])
    for place, own in enumerate(member_configs(config.train, 2, RATES[:2])):
        found = members[place], histories[place]
        check(MEMBERS, differences(config, found, torch_alone(config, own)))


def test_an_ensemble_of_one_is_the_run(x64):
    config = with_options("mlp", dtype="float64", num_epochs=2)
    for make in ENSEMBLES.values():
        members, histories = make(config, num=1)
        assert len(members) == len(histories) == 1
        expected = torch_alone(config, config.train)
        check(MEMBERS, differences(config, (members[0], histories[0]), expected))


def classified():
    """Return a training set too small to generalise from, and a validation set, with labels."""
    generator = np.random.default_rng(7)
    inputs = generator.normal(size=(60, 6))
    labels = (inputs[:, 0] + 0.5 * generator.normal(size=60) > 0).astype(np.int64)
    return Batch(inputs[:20], labels[:20]), Batch(inputs[20:], labels[20:])


@pytest.mark.parametrize("keep_best", [False, True])
def test_members_stop_and_keep_their_best_weights_each_on_its_own(keep_best, x64):
    model_config = MLPConfig(input_dim=6, output_dim=2, hidden_dim=8, num_layers=0, dropout=0.1)
    config = TrainConfig(seed=19, batch_size=10, learning_rate=0.2, num_epochs=30, optimizer="sgd")
    config = dataclasses.replace(config, patience=2, keep_best=keep_best, dtype="float64")
    (train, validation), model = classified(), model_of(model_config)
    variables = zoojax.init_ensemble(19, model, jnp.zeros((1, 6)), num_members=NUM)
    found, histories = zoojax.fit_ensemble(
        model, variables, train, config=config, validation=validation
    )
    tensors = [Batch(*map(torch.from_numpy, each)) for each in (train, validation)]
    models = zootorch.init_ensemble(19, model_config, num_members=NUM)
    twins = zootorch.EnsembleTrainer(models, config).fit(tensors[0], validation=tensors[1])
    run = dataclasses.replace(WAVES, model=model_config)  # says which parameters are idle
    for place, own in enumerate(member_configs(config, NUM)):
        alone = torch_model_of(model_config, zootorch.Generator(own.seed))
        history = zootorch.Trainer(alone, own).fit(tensors[0], validation=tensors[1])
        expected = zootorch.weights.to_arrays(alone), history
        arrays = zoojax.weights.to_arrays(model, zoojax.ensembles.stacked.member(found, place))
        check(MEMBERS, differences(run, (arrays, histories[place]), expected))
        arrays = zootorch.weights.to_arrays(models[place])
        check(MEMBERS, differences(run, (arrays, twins[place]), expected))
    first, *others = (len(each.train_losses) for each in histories)
    assert first + 1 < max(others) < 30  # they go on without the first, and stop as well


def test_the_first_variables_stay_usable():
    """A step's state is donated; what it was made of must not be."""
    config, model = with_options("mlp", dtype="float32"), model_of(RUNS["mlp"].model)
    train, _ = parts_of(config)[0]
    variables = zoojax.init_ensemble(SEED, model, jnp.asarray(train.inputs[:1]), num_members=NUM)
    before = jax.tree.map(np.array, variables)
    zoojax.fit_ensemble(model, variables, train, config=config.train)
    jax.tree.map(np.testing.assert_array_equal, variables, before)


def test_a_second_fit_goes_on_in_torch():
    config = with_options("gru", num_epochs=2, dtype="float64")
    train, _ = parts_of(config)[1]
    models = zootorch.init_ensemble(SEED, config.model, num_members=2)
    trainer = zootorch.EnsembleTrainer(models, config.train)
    own = torch_model_of(config.model, zootorch.Generator(SEED + 1))
    single = zootorch.Trainer(own, dataclasses.replace(config.train, seed=SEED + 1))
    for _ in range(2):
        (_, history), other = trainer.fit(train), single.fit(train)
        check(MEMBERS, relative(history.step_losses, other.step_losses))


@pytest.mark.parametrize(("name", "backend"), [("mlp", "jax"), ("mlp", "torch"), ("cnn", "torch")])
def test_a_member_that_diverges_is_named(name, backend):
    config = with_options(name, num_epochs=2)
    with pytest.raises(NonFiniteLossError) as caught:
        ENSEMBLES[backend](config, num=2, rates=(1e-3, 1e30))
    said = f"the loss of the member of seed {SEED + 1} and learning_rate 1e+30 is "
    assert str(caught.value).startswith(said)
    assert 0 < caught.value.step < 6
    assert not np.isfinite(caught.value.loss)
    assert len(caught.value.largest_gradients) > 2


def test_the_seeds_of_members_follow_one_another():
    assert member_seeds(5, 3) == (5, 6, 7)
    assert member_seeds(np.int64(MAX_SEED), np.int32(1)) == (MAX_SEED,)
    runs = member_runs(dataclasses.replace(WAVES, data_seed=1), 2)
    assert [each.train.seed for each in runs] == [SEED, SEED + 1]
    assert [each.seed_of_data for each in runs] == [1, 1]
    assert [each.seed_of_data for each in member_runs(WAVES, 2)] == [SEED, SEED]


def test_a_seed_of_its_own_decides_the_data_and_nothing_else():
    other = dataclasses.replace(WAVES, data_seed=3)
    of_seed_3 = with_options("mlp", seed=3)
    for ours, theirs in zip(parts_of(other), parts_of(of_seed_3), strict=True):
        for part, expected in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(part.inputs, expected.inputs)
    assert (np.asarray(parts_of(WAVES)[0][0].inputs) != parts_of(other)[0][0].inputs).any()
    with pytest.raises(ValueError, match=f"data_seed must be an integer from 0 to {MAX_SEED}"):
        dataclasses.replace(WAVES, data_seed=-1)


def makers(config, num, rates=None):
    """Return functions that make and train an ensemble in each backend."""
    return tuple(lambda make=make: make(config, num, rates) for make in ENSEMBLES.values())


@pytest.mark.parametrize("num", [0, -1, 1.5, True, None])
def test_a_number_of_members_that_is_none(num):
    model, example = model_of(WAVES.model), jnp.zeros((1, 9))
    check_refused(
        f"the number of members of an ensemble must be an integer >= 1, got {num!r}",
        lambda: zoojax.init_ensemble(SEED, model, example, num_members=num),
        lambda: zootorch.init_ensemble(SEED, WAVES.model, num_members=num),
        lambda: member_runs(WAVES, num),
    )


def test_a_seed_that_is_too_large():
    config = with_options("mlp", seed=MAX_SEED - 1)
    message = f"3 members from seed {MAX_SEED - 1} end at seed {MAX_SEED + 1}; the largest allowed"
    check_refused(message, *makers(config, 3), lambda: member_runs(config, 3))


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ((0.1, 0.2), "learning_rates must be 3 numbers, one a member, got 2"),
        ((), "learning_rates must be 3 numbers, one a member, got 0"),
        ((0.1, 0.0, 0.2), "learning_rate must be a number over 0"),
        ((0.1, "x", 0.2), "learning_rate must be a number over 0"),
    ],
)
def test_rates_that_do_not_fit_the_members(rates, message):
    check_refused(message, *makers(WAVES, 3, rates))


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_what_one_model_cannot_be_trained_on_nor_can_an_ensemble(name):
    config = with_options(name, batch_size=35)
    message = "36 training samples in batches of 35 leave a last batch of one"
    check_refused(message, *makers(config, 2))


def test_members_trained_together_have_no_mixed_precision():
    config = with_options("mlp", compute_dtype="bfloat16")
    check_refused("have no mixed precision; got compute_dtype bfloat16", *makers(config, 2))


def test_members_of_two_architectures():
    other = dataclasses.replace(WAVES.model, hidden_dim=9)
    models = [torch_model_of(each) for each in (WAVES.model, other)]
    message = "the members of an ensemble must be of one architecture"
    check_refused(
        message,
        lambda: zootorch.EnsembleTrainer(models, WAVES.train),
        lambda: zootorch.DeepEnsemble(models, classes=False),
    )
    check_refused(
        "an ensemble needs at least one member, got none",
        lambda: zootorch.EnsembleTrainer([], WAVES.train),
        lambda: zootorch.DeepEnsemble([], classes=False),
    )
