"""MLP and RNN: the cells by hand, states given and returned, both backends on any configuration."""

import copy
import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch._dynamo.testing import CompileCounter

import zoojax.models
import zoojax.weights
import zootorch
import zootorch.models
from parity_tests.helpers.builders import (
    SMALL_CNN,
    check_refused,
    example_shape,
    few_examples,
    first,
    twins,
)
from parity_tests.tolerances import check, relative
from zoojax.spec.config import MLPConfig, RNNConfig
from zoojax.spec.layer_shapes import layer_shapes
from zoojax.spec.layout import num_parameters

CELLS = ("rnn", "lstm", "gru")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_hand(config, arrays, inputs):
    """Return outputs and last states of a recurrent network, in float64 NumPy, step by step."""
    hidden = np.zeros((config.num_layers, len(inputs), config.hidden_dim))
    cell = np.zeros_like(hidden)
    for below in inputs.swapaxes(0, 1):
        x = below
        for layer in range(config.num_layers):
            names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            w_ih, w_hh, b_ih, b_hh = (arrays[f"rnn.{name}_l{layer}"] for name in names)
            given, kept = x @ w_ih.T + b_ih, hidden[layer] @ w_hh.T + b_hh
            if config.cell == "rnn":
                hidden[layer] = np.tanh(given + kept)
            elif config.cell == "lstm":
                i, f, g, o = np.split(given + kept, 4, axis=1)
                cell[layer] = sigmoid(f) * cell[layer] + sigmoid(i) * np.tanh(g)
                hidden[layer] = sigmoid(o) * np.tanh(cell[layer])
            else:
                gr, gz, gn = np.split(given, 3, axis=1)
                kr, kz, kn = np.split(kept, 3, axis=1)
                new = np.tanh(gn + sigmoid(gr + kr) * kn)
                update = sigmoid(gz + kz)
                hidden[layer] = (1 - update) * new + update * hidden[layer]
            x = hidden[layer]
    outputs = x @ arrays["fc.weight"].T + arrays["fc.bias"]
    return outputs, (hidden, cell) if config.cell == "lstm" else (hidden,)


def parts(state):
    return [np.asarray(each) for each in (state if isinstance(state, tuple) else (state,))]


def samples(config, batch=4, num_steps=6, seed=0):
    generator = np.random.default_rng(seed)
    return generator.normal(size=(batch, *example_shape(config, num_steps)))


@pytest.mark.parametrize("cell", CELLS)
def test_the_cells_are_those_of_the_papers(x64, cell):
    config = RNNConfig(input_size=2, output_size=3, hidden_dim=5, num_layers=3, cell=cell)
    model, variables, twin = twins(config, dtype="float64")
    inputs = samples(config)
    expected, states = by_hand(config, zoojax.weights.to_arrays(model, variables), inputs)
    with torch.no_grad():
        results = (model.apply(variables, inputs), twin.eval()(torch.from_numpy(inputs)))
    for outputs, state in results:
        check("float64, recurrent cells by hand", relative(outputs, expected))
        for ours, theirs in zip(parts(state), states, strict=True):
            check("float64, recurrent cells by hand", relative(ours, theirs))


@pytest.mark.parametrize("cell", CELLS)
def test_a_state_passed_on_continues_the_sequence(x64, cell):
    config = RNNConfig(hidden_dim=4, num_layers=2, cell=cell)
    model, variables, twin = twins(config, dtype="float64")
    inputs = samples(config, num_steps=9)
    tensor = torch.from_numpy(inputs)
    for call in (
        lambda x, *state: model.apply(variables, np.asarray(x), *state),
        twin.eval(),
    ):
        whole, last = call(tensor)
        _, middle = call(tensor[:, :4])
        outputs, end = call(tensor[:, 4:], middle)
        as_arrays = [x.detach() if isinstance(x, torch.Tensor) else x for x in (outputs, whole)]
        np.testing.assert_allclose(*as_arrays, rtol=0, atol=1e-14)
        for ours, theirs in zip(*(_detached(s) for s in (end, last)), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-14)


def _detached(state):
    whole = state if isinstance(state, tuple) else (state,)
    return [x.detach().numpy() if isinstance(x, torch.Tensor) else np.asarray(x) for x in whole]


RNNS = st.builds(
    RNNConfig,
    input_size=st.integers(1, 4),
    output_size=st.integers(1, 3),
    hidden_dim=st.integers(1, 9),
    num_layers=st.integers(1, 3),
    dropout=st.sampled_from((0.0, 0.4)),
    cell=st.sampled_from(CELLS),
)
MLPS = st.builds(
    MLPConfig,
    input_dim=st.integers(1, 20),
    output_dim=st.integers(1, 5),
    num_layers=st.integers(0, 3),
    hidden_dim=st.integers(1, 9),
    dropout=st.sampled_from((0.0, 0.4)),
    activation=st.sampled_from(("relu", "leaky_relu", "elu", "gelu")),
)


def train_pass(config, seed, num_steps):
    """Return outputs and gradients of one pass in train mode, dropout on, of both backends."""
    model, variables, twin = twins(config, seed=seed, dtype="float64")
    inputs = samples(config, batch=7, num_steps=num_steps, seed=seed)
    trainer = zootorch.Trainer(twin, zootorch.TrainConfig(seed=seed, dtype="float64"))
    state = zoojax.create_state(model, variables, zoojax.TrainConfig(seed=seed, dtype="float64"))

    def total(params):
        outputs, _ = model.apply(
            {**variables, "params": params},
            inputs,
            train=True,
            key=jax.random.fold_in(state.dropout_key, 0),
            mutable=["batch_stats"],
        )
        return jnp.sum(jnp.sin(first(outputs))), first(outputs)

    grads, outputs = jax.jit(jax.grad(total, has_aux=True))(variables["params"])
    theirs = first(trainer.model.train()(torch.from_numpy(inputs)))
    theirs.sin().sum().backward()
    named = {name: p.grad.numpy() for name, p in twin.named_parameters()}
    return outputs, zoojax.weights.to_arrays(model, {"params": grads}), theirs.detach(), named


@few_examples(25)
@given(st.one_of(RNNS, MLPS), st.integers(0, 2**32 - 1), st.integers(1, 8))
def test_one_pass_of_random_configurations(config, seed, num_steps):
    jax.config.update("jax_enable_x64", True)
    try:
        outputs, grads, twin_outputs, twin_grads = train_pass(config, seed, num_steps)
    finally:
        jax.config.update("jax_enable_x64", False)
    assert set(grads) == set(twin_grads)
    name = "float64, one pass of random MLPs and RNNs: outputs, gradients"
    check(name, relative(outputs, twin_outputs))
    largest = max(np.abs(grad).max() for grad in twin_grads.values())
    for key, grad in twin_grads.items():
        check(name, np.abs(grads[key] - grad).max() / max(largest, 1e-300))


@few_examples(10)
@given(st.one_of(RNNS, MLPS))
def test_the_table_of_layers_is_what_both_models_produce(config):
    rows = layer_shapes(config)
    expected = {row.name: row.shape for row in rows}
    assert len(expected) == len(rows)
    assert zoojax.models.layer_shapes(zoojax.models.model_of(config)) == expected
    assert zootorch.models.layer_shapes(zootorch.models.model_of(config)) == expected
    other = dataclasses.replace(config, hidden_dim=config.hidden_dim + 1)
    assert zootorch.models.layer_shapes(zootorch.models.model_of(other)) != expected


@pytest.mark.parametrize("config", [RNNConfig(cell="lstm"), MLPConfig(), SMALL_CNN])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_variables_have_the_examples_dtype(x64, config, dtype):
    model, variables, twin = twins(config, dtype=dtype)
    assert {leaf.dtype.name for leaf in jax.tree.leaves(variables)} == {dtype}
    _, exact, _ = twins(config, dtype="float64")
    jax.tree.map(np.testing.assert_array_equal, variables, exact)
    arrays = zoojax.weights.to_arrays(model, variables)
    for name, parameter in twin.named_parameters():
        np.testing.assert_array_equal(arrays[name], parameter.detach().numpy())


def test_an_example_of_integers_is_refused():
    message = "the example must be of floats, got uint8; pictures are standardised first"
    images = jnp.zeros((1, 32, 32, 3), jnp.uint8)
    check_refused(message, lambda: zoojax.init(jax.random.key(0), zoojax.CNN(SMALL_CNN), images))


def test_parameters_are_counted_as_in_torch():
    for config in (RNNConfig(2, 3, 5, 2, cell="gru"), RNNConfig(cell="lstm"), MLPConfig()):
        _, _, twin = twins(config)
        assert num_parameters(config) == sum(p.numel() for p in twin.parameters())


def test_recurrent_weights_follow_torchs_distribution():
    config = RNNConfig(input_size=50, hidden_dim=64, cell="lstm")
    _, _, twin = twins(config)
    for name, parameter in twin.named_parameters():
        bound = 1 / math.sqrt(64)
        assert parameter.abs().max() <= bound, name
        if parameter.numel() > 1000:
            assert parameter.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.05)


@pytest.mark.parametrize("config", [RNNConfig(2, 3, 5, 2, cell="gru"), MLPConfig(7, 2, 1)])
@pytest.mark.parametrize("writer", ["zoojax", "zootorch"])
def test_weights_of_one_backend_load_in_the_other(config, writer, tmp_path):
    model, variables, twin = twins(config)
    if writer == "zoojax":
        zoojax.save_pretrained(tmp_path, model, variables)
    else:
        twin.save_pretrained(tmp_path)
    loaded, back = zoojax.load_pretrained(tmp_path)
    other = type(twin).from_pretrained(tmp_path)
    assert loaded.config == other.config == config
    inputs = samples(config).astype(np.float32)
    ours = first(loaded.apply(back, inputs))
    theirs = first(other(torch.from_numpy(inputs))).detach()
    check("float32, one pass: forward", relative(ours, theirs))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int64])
def test_weights_of_other_numbers_are_refused_by_name(dtype, tmp_path):
    model = zootorch.MLP(MLPConfig(7, 2, 1))
    model.save_pretrained(tmp_path)
    arrays = {name: array.to(dtype) for name, array in model.state_dict().items()}
    mixed = dict(model.state_dict()) | {"block.4.bias": model.state_dict()["block.4.bias"].double()}
    for content in (arrays, mixed):
        safetensors.torch.save_file(content, tmp_path / "model.safetensors")
        check_refused(
            f"{tmp_path / 'model.safetensors'}",
            lambda: zoojax.load_pretrained(tmp_path),
            lambda: zootorch.MLP.from_pretrained(tmp_path),
            lambda: zootorch.load_pretrained(tmp_path),
        )


@pytest.mark.parametrize(
    ("config", "shape", "allowed"),
    [
        (RNNConfig(2), (4, 6, 3), "(batch, time, 2)"),
        (RNNConfig(2), (4, 0, 2), "(batch, time, 2)"),
        (RNNConfig(2), (4, 2), "(batch, time, 2)"),
        (MLPConfig(7), (4, 6), "(batch, 7)"),
        (MLPConfig(7), (7,), "(batch, 7)"),
    ],
)
def test_inputs_of_another_shape(config, shape, allowed):
    model, variables, twin = twins(config)
    check_refused(
        f"inputs must have shape {allowed}, got {shape}",
        lambda: model.apply(variables, np.zeros(shape, np.float32)),
        lambda: twin(torch.zeros(shape)),
    )


@pytest.mark.parametrize(
    ("cell", "shapes", "message"),
    [
        ("rnn", [(2, 1, 5)], "one array of shape (2, 4, 5), got (2, 1, 5)"),
        ("gru", [(2, 4, 5), (2, 4, 5)], "one array of shape (2, 4, 5), got (2, 4, 5), (2, 4, 5)"),
        ("lstm", [(2, 4, 5)], "2 arrays of shape (2, 4, 5), got (2, 4, 5)"),
        ("lstm", [(2, 4, 5), (1, 4, 5)], "2 arrays of shape (2, 4, 5), got (2, 4, 5), (1, 4, 5)"),
    ],
)
def test_states_of_another_shape(cell, shapes, message):
    model, variables, twin = twins(RNNConfig(2, 3, 5, 2, cell=cell))
    arrays = [np.zeros(shape, np.float32) for shape in shapes]
    tensors = [torch.from_numpy(array) for array in arrays]
    check_refused(
        f"the state of {cell} is {message}",
        lambda: model.apply(
            variables, np.zeros((4, 6, 2)), tuple(arrays) if len(arrays) > 1 else arrays[0]
        ),
        lambda: twin(torch.zeros(4, 6, 2), tuple(tensors) if len(tensors) > 1 else tensors[0]),
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RNNConfig(cell="tanh"), "cell must be one of rnn, lstm, gru, got 'tanh'"),
        (lambda: RNNConfig(num_layers=0), "num_layers must be an integer >= 1, got 0"),
        (lambda: RNNConfig(dropout=1.0), "dropout must be a number at least 0 and under 1"),
        (lambda: MLPConfig(input_dim=0), "input_dim must be an integer >= 1, got 0"),
        (lambda: MLPConfig(num_layers=-1), "num_layers must be an integer >= 0, got -1"),
        (lambda: MLPConfig(activation="tanh"), "activation must be one of relu, leaky_relu"),
    ],
)
def test_configurations_that_cannot_be(make, message):
    check_refused(message, make)


def test_a_compiled_model_is_compiled_once_and_drops_other_units_each_time():
    model = zootorch.MLP(MLPConfig(dropout=0.5)).train()
    inputs = torch.ones(4, model.config.input_dim)
    expected = [copy.deepcopy(model)(inputs)]
    counter = CompileCounter()
    model.compile(backend=counter)
    outputs = [model(inputs)]
    num_frames = counter.frame_count
    outputs += [model(inputs) for _ in range(4)]
    assert counter.frame_count == num_frames
    torch.testing.assert_close(outputs[0], expected[0])
    assert not torch.allclose(outputs[1], outputs[0])
