"""Training in bfloat16: what is rounded and what is not, twin against twin, beside float32."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import zoojax
import zoojax.data
import zootorch
import zootorch.parity
from parity_tests.helpers.builders import (
    check_refused,
    idle_parameters,
    jax_arrays,
    torch_arrays,
    train_config,
    twin_trainers,
    variants,
)
from parity_tests.tolerances import ALLOWED, check, relative
from parity_tests.training.test_checkpoints import EACH_BACKEND, MODELS, Stopped, assert_same, train
from parity_tests.training.test_training_parity import CONFIGS as CNNS
from parity_tests.training.test_training_parity import batches, copies, gradients, small_dataset
from parity_tests.training.test_wave_runs import CONFIGS as OF_WAVES
from parity_tests.training.test_wave_runs import datasets
from zoojax.common.reporting.comparison import compare
from zoojax.ops.batch_sum import CHUNK
from zoojax.spec.config import DEFAULT_RUNS, TrainConfig

MIXED = {"compute_dtype": "bfloat16"}
CONFIGS = {**{f"cnn, {name}": config for name, config in CNNS.items()}, **OF_WAVES}
QUICK = ("cnn, gelu, average head", "mlp", "lstm")
EACH = pytest.mark.parametrize("name", variants(CONFIGS, quick=QUICK))
# One of each kind of layer.
SOME = pytest.mark.parametrize(
    "name", variants(["cnn, gelu, average head", *OF_WAVES], quick=QUICK)
)
# The others have a kink, at which rounding may send a gradient another way.
SMOOTH = ("cnn, gelu, average head", "rnn", "lstm", "gru")
PRODUCTS = ("conv_general_dilated", "dot_general")
TORCH_PRODUCTS = ("convolution", "convolution_backward", "mm", "addmm", "mkldnn_rnn_layer")


def some_batches(name, num_steps):
    """Return the same batches for both backends."""
    if name.startswith("cnn"):
        return list(batches(small_dataset(), num_steps))
    (ours, _), (theirs, _) = datasets(name, "float32")
    rows = [np.arange(16 * step, 16 * (step + 1)) % 64 for step in range(num_steps)]
    return [(zoojax.take(ours, r), zootorch.take(theirs, torch.from_numpy(r))) for r in rows]


def trainers(name, **options):
    """Return a zoojax state and a zootorch trainer before their first step."""
    if not name.startswith("cnn"):
        options = {"loss": "mean_squared_error", "learning_rate": 0.003} | options
    return twin_trainers(CONFIGS[name], train_config(**options))


@functools.cache
def run_steps(name, num_steps=10, **options):
    """Run both twins; return their losses, and their arrays after the first step."""
    state, trainer = trainers(name, **options)
    losses, arrays = [], None
    for ours, theirs in some_batches(name, num_steps):
        state, metrics = zoojax.train_step(state, ours)
        assert metrics["loss"].dtype == jnp.float32
        loss = trainer.step(theirs)
        assert loss.dtype == torch.float32
        losses.append((float(metrics["loss"]), float(loss)))
        arrays = arrays or (copies(jax_arrays(state)), copies(torch_arrays(trainer)))
    return np.array(losses), arrays


def gradient(arrays, config):
    """Return the gradient of the first step as one vector, idle parameters left out."""
    grads = gradients(arrays)
    names = sorted(set(grads) - idle_parameters(config))
    return np.concatenate([grads[name].ravel() for name in names])


def length_apart(first, second):
    """Return the length of the difference of two vectors as a part of the second's."""
    return float(np.linalg.norm(first - second) / np.linalg.norm(second))


@EACH
def test_both_backends_agree_for_ten_steps(name):
    losses, arrays = run_steps(name, **MIXED)
    apart = np.abs(losses[:, 0] / losses[:, 1] - 1)
    model = name.partition(",")[0]
    check(f"{model}: bfloat16, first step", apart[0])
    check(f"{model}: bfloat16, ten steps", apart.max())
    ours, theirs = (gradient(each, CONFIGS[name]) for each in arrays)
    check("bfloat16, one step: gradient", length_apart(ours, theirs))


@EACH
def test_a_step_is_near_that_of_float32_but_not_it(name):
    (losses, arrays), (exact, exact_arrays) = run_steps(name, **MIXED), run_steps(name)
    for backend in (0, 1):
        apart = abs(losses[0, backend] / exact[0, backend] - 1)
        check("bfloat16 beside float32, one step: loss", apart)
        pair = (gradient(each[backend], CONFIGS[name]) for each in (arrays, exact_arrays))
        far = length_apart(*pair)
        assert far > 1e-3
        if name in SMOOTH:
            check("bfloat16 beside float32, one step: gradient", far)


@SOME
def test_all_that_is_kept_is_float32(name):
    _, pair = run_steps(name, **MIXED)
    for arrays in pair:
        kinds = {array.dtype for kind in arrays.values() for array in kind.values()}
        assert kinds <= {np.dtype("float32"), np.dtype("int64")}
        weights = arrays["weights"]
        parts = [weights[name] != weights[name].astype(jnp.bfloat16) for name in weights]
        assert np.mean(np.concatenate([part.ravel() for part in parts])) > 0.5
    _, trainer = trainers(name, **MIXED)
    ((_, batch),) = some_batches(name, 1)
    trainer.step(batch)
    assert {p.grad.dtype for p in trainer.model.parameters()} == {torch.float32}


def is_program(value):
    return hasattr(getattr(value, "jaxpr", value), "eqns")


def equations(jaxpr):
    """Return all operations of a program, and of the programs inside it."""
    params = [list(eqn.params.values()) for eqn in jaxpr.eqns]
    inner = filter(is_program, jax.tree.leaves(params, is_leaf=is_program))
    programs = [getattr(program, "jaxpr", program) for program in inner]
    return [*jaxpr.eqns, *(eqn for program in programs for eqn in equations(program))]


def types(eqns):
    """Return the names of the types that operations take and give."""
    return {str(v.aval.dtype) for eqn in eqns for v in (*eqn.invars, *eqn.outvars)}


@SOME
def test_products_of_zoojax_are_bfloat16_and_its_sums_are_not(name):
    for options, expected in (({}, "float32"), (MIXED, "bfloat16")):
        state, _ = trainers(name, **options)
        ((batch, _),) = some_batches(name, 1)
        step = equations(jax.make_jaxpr(zoojax.train_step)(state, batch).jaxpr)
        products = [eqn for eqn in step if eqn.primitive.name in PRODUCTS]
        # On a CPU the gradient of a convolution's weights is made of few pictures at a time, in
        # float32 like its sum.
        parts = [eqn for eqn in products if eqn.invars[0].aval.shape[0] <= CHUNK < 16]
        in_parts = [eqn for eqn in parts if eqn.primitive.name == "conv_general_dilated"]
        assert types(in_parts) <= {"float32"}
        products = [eqn for eqn in products if eqn not in in_parts]
        assert len(products) >= 6
        assert types(products) == {expected}
        names = ("reduce_sum", "cumsum", "reduce_window_sum", "reduce_window")
        sums = [eqn for eqn in step if eqn.primitive.name in names]
        assert len(sums) >= 3
        assert types(sums) == {"float32"}


class Products(TorchDispatchMode):
    """Notes the types that torch's products take and give, forwards and backwards."""

    def __init__(self):
        super().__init__()
        self.met = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        results = func(*args, **(kwargs or {}))
        if func.overloadpacket.__name__ in TORCH_PRODUCTS:
            tensors = [each for each in tree_leaves((args, results)) if torch.is_tensor(each)]
            # oneDNN's workspace is bytes.
            self.met.append({str(t.dtype) for t in tensors if t.is_floating_point()})
        return results


@SOME
def test_products_and_layers_of_zootorch_are_bfloat16(name):
    for options, expected in (({}, "torch.float32"), (MIXED, "torch.bfloat16")):
        _, trainer = trainers(name, **options)
        ((_, batch),) = some_batches(name, 1)
        given = {}

        def note(module, _, outputs, given=given):
            given[module] = str(outputs.dtype)

        leaves = [m for m in trainer.model.modules() if not list(m.children())]
        layers = [m for m in leaves if not isinstance(m, torch.nn.RNNBase)]
        for layer in layers:
            layer.register_forward_hook(note)
        with Products() as products:
            trainer.step(batch)
        assert len(products.met) >= 6 or name == "lstm"
        assert set().union(*products.met) == {expected}
        assert set(given) == set(layers)
        assert set(given.values()) == {expected}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ["cnn, gelu, average head", "mlp"])
def test_layers_of_zoojax_are_bfloat16(name, dtype):
    state, _ = trainers(name)
    ((batch, _),) = some_batches(name, 1)
    model = state.model.clone(dtype=None if dtype == "float32" else dtype)
    inputs = zoojax.data.as_inputs(batch.inputs, jnp.float32)
    kept = ["batch_stats", "intermediates"]
    options = {"train": True, "mutable": kept, "capture_intermediates": True}
    _, kept = jax.eval_shape(lambda x: model.apply(state.variables, x, **options), inputs)
    given = jax.tree.leaves(kept["intermediates"])
    assert len(given) > 10
    assert {str(array.dtype) for array in given} == {dtype}


@SOME
def test_evaluation_after_it_is_in_float32(name):
    state, trainer = trainers(name, **MIXED)
    ((ours, theirs),) = some_batches(name, 1)
    state, _ = zoojax.train_step(state, ours)
    trainer.step(theirs)
    twin = zootorch.parity.to_torch(state.model, state.variables)
    predictions = zoojax.predict(state.model, state.variables, ours.inputs)
    assert predictions.dtype == jnp.float32
    apart = relative(predictions, zootorch.predict(twin, theirs.inputs))
    check("float32, one pass: forward", apart)
    twin_predictions = zootorch.predict(trainer.model, theirs.inputs).numpy()
    for outputs in (np.asarray(predictions), twin_predictions):
        assert outputs.dtype == np.float32
        assert (outputs != outputs.astype(jnp.bfloat16)).mean() > 0.9


@pytest.mark.parametrize("change", ["dropout layer", "batch order", "eval mode"])
def test_a_perturbed_twin_is_seen(change):
    name = "cnn, gelu, average head"
    _, trainer = trainers(name, **MIXED)
    ((_, batch),) = some_batches(name, 1)
    if change == "batch order":
        batch = zootorch.take(batch, torch.arange(16).roll(1))
    for module in trainer.model.modules():
        if change == "dropout layer" and hasattr(module, "layer"):
            module.layer += 1
        if change == "eval mode" and hasattr(module, "momentum"):
            module.register_forward_pre_hook(lambda module, _: module.eval() and None)
    trainer.step(batch)
    arrays = torch_arrays(trainer)
    ours = run_steps(name, **MIXED)[1][0]
    ours, theirs = (gradient(each, CONFIGS[name]) for each in (ours, arrays))
    assert length_apart(ours, theirs) > ALLOWED["bfloat16, one step: gradient"]


@EACH_BACKEND
@pytest.mark.parametrize("model", variants(MODELS, quick=("mlp",)))
def test_stopped_it_ends_as_if_it_had_not_been(tmp_path, backend, model):
    whole = train(backend, model, MIXED, tmp_path / "whole", every_steps=1000)
    with pytest.raises(Stopped):
        train(backend, model, MIXED, tmp_path / "stopped", stop_at=5)
    assert_same(whole, train(backend, model, MIXED, tmp_path / "stopped", resume=True))


@EACH_BACKEND
def test_it_does_not_go_on_in_another_type(tmp_path, backend):
    with pytest.raises(Stopped):
        train(backend, "mlp", MIXED, tmp_path, stop_at=5)
    with pytest.raises(ValueError, match=r"another train\.compute_dtype: it has 'bfloat16', this"):
        train(backend, "mlp", {}, tmp_path, resume=True)


def test_what_cannot_be_computed_in_is_refused():
    check_refused(
        "compute_dtype bfloat16 needs dtype float32, got float64",
        lambda: TrainConfig(dtype="float64", compute_dtype="bfloat16"),
    )
    for value in ("float16", "float32", True, 16):
        check_refused(
            f"compute_dtype must be one of bfloat16, got {value!r}",
            lambda value=value: TrainConfig(compute_dtype=value),
        )
    assert TrainConfig().compute_dtype is None


def default_run(name, **train):
    """Return the default run of a model, in mixed precision or as ``train`` says."""
    config = DEFAULT_RUNS[name]
    return dataclasses.replace(config, train=dataclasses.replace(config.train, **train))


@functools.cache
def both_runs(name, **train):
    return zootorch.parity.run_both(default_run(name, **train))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mlp", "lstm"])
def test_it_learns_waves_as_well_as_float32(name):
    exact, mixed = (both_runs(name, compute_dtype=dtype) for dtype in (None, "bfloat16"))
    for ours, theirs in zip(mixed, exact, strict=True):
        assert len(ours.history.step_losses) == 600
        scores = (run.results.scores["r2"]["all"] for run in (theirs, ours))
        check("bfloat16 beside float32, 600 steps: R2", abs(np.subtract(*scores)))
        assert ours.results.scores["r2"]["all"] > 0.97
        loss = ours.results.scores["loss"]
        assert loss == pytest.approx(ours.history.validation_losses[-1], rel=1e-6)


@pytest.mark.slow
def test_it_classifies_shapes_as_well_as_float32():
    options = {"schedule": "one_cycle"}
    exact, mixed = (
        both_runs("cnn", compute_dtype=dtype, **options) for dtype in (None, "bfloat16")
    )
    for ours, theirs in zip(mixed, exact, strict=True):
        assert len(ours.history.step_losses) == 960
        scores = (run.results.scores["accuracy"] for run in (theirs, ours))
        check("bfloat16 beside float32, 960 steps: accuracy", abs(np.subtract(*scores)))
        assert ours.results.scores["accuracy"] > 0.95


def test_a_comparison_allows_what_rounding_to_bfloat16_moves():
    first, second = both_runs("mlp", compute_dtype="bfloat16")
    rows = {row.name: row for row in compare(first, second)}
    assert rows["initial loss"].allowed == "5e-03"
    assert rows["loss after 1 step"].allowed == rows["loss after 10 steps"].allowed == "1e-01"
    for name in ("loss after 100 steps", "validation loss", "validation MSE", "mean interval, 90%"):
        assert rows[name].verdict == "—"
    assert {row.verdict for row in rows.values()} == {"identical", "within rounding", "—"}
    other = second.history.step_losses.copy()
    other[[0, 10]] *= 1.006, 1.12
    history = dataclasses.replace(second.history, step_losses=other)
    rows = compare(first, dataclasses.replace(second, history=history))
    differing = [row.name for row in rows if row.verdict == "DIFFERS"]
    assert differing == ["initial loss", "loss after 10 steps"]
