"""Answers to the exercises of notebook 5."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import torch

from parity_tests.notebooks.answers import Answers, Wrong

# a wave


def wave_by_jax(amplitude, frequency, phase, shift, length):
    x = jnp.linspace(0, 2 * jnp.pi * frequency, length)
    return amplitude * jnp.sin(x + phase) + shift


def wave_by_torch(amplitude, frequency, phase, shift, length):
    amplitude = torch.tensor(amplitude, requires_grad=True)
    x = torch.linspace(0, 2 * torch.pi * frequency, length)
    return amplitude * torch.sin(x + phase) + shift


def wave_in_a_loop(amplitude, frequency, phase, shift, length):
    step = 2 * math.pi * frequency / (length - 1)
    return [amplitude * math.sin(step * place + phase) + shift for place in range(length)]


def on(x_of):
    """Return a wave over another x."""
    return lambda a, f, p, s, n: a * np.sin(x_of(f, n) + p) + s


def x(f, n):
    return np.linspace(0, 2 * np.pi * f, n)


# step of an RNN


def step(weights, h, x):
    return np.tanh(x @ weights["W"] + weights["b"] + h @ weights["U"] + weights["c"])


def step_by_jax(weights, h, x):
    w = {name: jnp.asarray(weight) for name, weight in weights.items()}
    return jnp.tanh(jnp.dot(x, w["W"]) + w["b"] + jnp.dot(h, w["U"]) + w["c"])


def step_by_torch(weights, h, x):
    w = {name: torch.tensor(weight, requires_grad=True) for name, weight in weights.items()}
    return torch.tanh(torch.tensor(x) @ w["W"] + w["b"] + torch.tensor(h) @ w["U"] + w["c"])


def step_in_loops(weights, h, x):
    new = []
    for state, point in zip(h, x, strict=True):
        row = []
        for j in range(len(state)):
            total = weights["b"][j] + weights["c"][j]
            total += sum(point[i] * weights["W"][i, j] for i in range(len(point)))
            total += sum(state[i] * weights["U"][i, j] for i in range(len(state)))
            row.append(math.tanh(total))
        new.append(row)
    return new


def step_in_place(weights, h, x):
    h[:] = step(weights, h, x)
    return h


def step_with_sigmoid(weights, h, x):
    return 1 / (1 + np.exp(-(x @ weights["W"] + weights["b"] + h @ weights["U"] + weights["c"])))


def step_with_softmax(weights, h, x):
    e = np.exp(x @ weights["W"] + weights["b"] + h @ weights["U"] + weights["c"])
    return e / e.sum(-1, keepdims=True)


def step_with_relu(weights, h, x):
    return np.maximum(0, x @ weights["W"] + weights["b"] + h @ weights["U"] + weights["c"])


def step_like_scan(weights, h, x):
    h = step(weights, h, x)
    return h, h


# a whole sequence


def run_as_a_list(step, weights, h, xs):
    states = [h]
    for t in range(len(xs)):
        states.append(step(weights, states[-1], xs[t]))
    return states[1:]


def run_filling(step, weights, h, xs):
    states = np.zeros((len(xs), *h.shape))
    for t, x in enumerate(xs):
        h[:] = step(weights, h, x)
        states[t] = h
    return states


def run_by_scan(step, weights, h, xs):
    def one(h, x):
        h = step(weights, h, x)
        return h, h

    return jax.lax.scan(one, h, xs)[1]


def run_by_scan_with_its_pair(step, weights, h, xs):
    return jax.lax.scan(lambda h, x: (step(weights, h, x),) * 2, h, xs)


def run_by_torch(step, weights, h, xs):
    weights = {name: torch.tensor(weight, requires_grad=True) for name, weight in weights.items()}
    h, states = torch.tensor(h), []
    for x in torch.tensor(xs):
        h = step(weights, h, x)
        states.append(h)
    return torch.stack(states)


def run_to_its_end(step, weights, h, xs):
    for x in xs:
        h = step(weights, h, x)
    return h


def run_forgetting(step, weights, h, xs):
    states = []
    for x in xs:
        states.append(step(weights, h, x))  # noqa: PERF401
    return np.stack(states)


def run_keeping_before(step, weights, h, xs):
    states = []
    for x in xs:
        states.append(h)
        h = step(weights, h, x)
    return np.stack(states)


def run_keeping_one_more(step, weights, h, xs):
    states = [h]
    for x in xs:
        h = step(weights, h, x)
        states.append(h)
    return np.stack(states)


def run_keeping_one_array(step, weights, h, xs):
    states = []
    for x in xs:
        h[:] = step(weights, h, x)
        states.append(h)
    return np.stack(states)


def run_returning_early(step, weights, h, xs):
    states = []
    for x in xs:
        h = step(weights, h, x)
        states.append(h)
        return np.stack(states)
    return None


def run_returning_a_state(step, weights, h, xs):
    for x in xs:
        return step(weights, h, x)
    return None


def run_from_zero(step, weights, h, xs):
    return run_as_a_list(step, weights, np.zeros_like(h), xs)


def run_with_a_step_of_its_own(_, weights, h, xs):
    return run_as_a_list(step, weights, h, xs)


def run_inserting(step, weights, h, xs):
    return run_as_a_list(step, weights, h, xs)[::-1]


def run_of_none(step, weights, h, xs):
    states = []
    return [states.append(step(weights, h, x)) for x in xs]


def shapes(mlp=(20, 47), rnn=(20, 47, 1), targets=(20, 3)):
    return {"mlp": mlp, "rnn": rnn, "targets": targets}


ANSWERS = {
    "a wave": Answers(
        right=[
            lambda a, f, p, s, n: a * np.sin(x(f, n) + p) + s,
            wave_by_jax,
            jax.jit(wave_by_jax, static_argnums=4),
            wave_by_torch,
            wave_in_a_loop,
        ],
        wrong=[
            Wrong(on(lambda f, n: 2 * np.pi * f * np.arange(n) / n), "one step early"),
            Wrong(on(lambda f, n: np.linspace(0, f, n)), "period of 2 pi"),
            Wrong(on(lambda f, n: np.linspace(0, 2 * np.pi, n)), "does the frequency go"),
            Wrong(on(lambda f, n: np.linspace(0, np.pi * f, n)), "half as many"),
            Wrong(lambda a, f, p, s, n: a * np.sin(f * x(f, n) + p) + s, "used twice"),
            Wrong(lambda a, f, p, s, n: a * np.sin(x(f, n) + p + s), "not along"),
            Wrong(lambda a, f, p, s, n: a * (np.sin(x(f, n) + p) + s), "not the shift"),
            Wrong(lambda a, f, p, s, n: a * np.sin(x(f, n)) + p + s, "inside the sine"),
            Wrong(lambda a, f, p, s, n: a * np.sin(f * (x(1, n) + p)) + s, "not multiply the"),
            Wrong(lambda a, f, p, s, n: a * np.sin(x(f, n) - p) + s, "not subtracted"),
            Wrong(lambda a, f, p, s, n: a * np.sin(x(f, n)) + s, "phase is missing"),
            Wrong(lambda a, f, p, s, n: a * np.sin(x(f, n) + p), "shift is missing"),
            Wrong(lambda a, f, p, s, n: np.sin(x(f, n) + p) + s, "amplitude is missing"),
            Wrong(lambda a, f, p, s, n: a * np.cos(x(f, n) + p) + s, "cosine"),
            Wrong(on(lambda f, n: np.linspace(0, 2 * np.pi * f)), "too long"),
            Wrong(on(lambda f, n: np.arange(0, 2 * np.pi * f, n)), "too short"),
            Wrong(lambda a, f, p, s, n: (x(f, n), a * np.sin(x(f, n) + p) + s), "2 axes"),
            Wrong(lambda a, f, p, s, n: a * np.sin(x(f, n) + p)[:, None] + s, "2 axes"),
            Wrong(lambda a, f, p, s, n: a * math.sin(x(f, n) + p) + s, "fails with TypeError"),
            Wrong(lambda a, f, p, s: a, "fails with TypeError"),
            Wrong(lambda a, f, p, s, n: a * math.sin(f + p) + s, "one number"),
            Wrong(lambda a, f, p, s, n: None, "returns nothing"),
            Wrong(lambda a, f, p, s, n: [print(a)] * n, "a None"),
            Wrong(lambda a, f, p, s, n: "sin", "numbers are asked for"),
            Wrong(np.zeros(50), "a function is asked for"),
            Wrong(..., "dots"),
        ],
    ),
    "shapes of windows": Answers(
        right=[
            shapes(),
            shapes([20, 47], (20, 50 - 3, 1), torch.zeros(20, 3).shape),
            shapes(targets=np.array([20, 3])),
        ],
        wrong=[
            Wrong(shapes(mlp=(20, 50)), "all of a wave"),
            Wrong(shapes(rnn=(20, 50, 1)), "all of a wave"),
            Wrong(shapes(mlp=(20, 49)), "More than one point"),
            Wrong(shapes(rnn=(20, 49, 1)), "More than one point"),
            Wrong(shapes(mlp=(47, 20)), "batch comes first"),
            Wrong(shapes(rnn=(47, 20, 1)), "batch comes first"),
            Wrong(shapes(rnn=(20, 1, 47)), "then time"),
            Wrong(shapes(targets=(3, 20)), "of targets are in another order"),
            Wrong(shapes(mlp=(20, 47, 1)), "all points of a wave are features"),
            Wrong(shapes(rnn=(20, 47)), "even with one feature"),
            Wrong(shapes(rnn=(20, 47, 3)), "How many numbers"),
            Wrong(shapes(rnn=(20, 47, 16)), "How many numbers"),
            Wrong(shapes(rnn=(20, 20, 47, 1)), "too many axes"),
            Wrong(shapes(rnn=(20,)), "too few axes"),
            Wrong(shapes(mlp=(47,)), "Where is the batch"),
            Wrong(shapes(rnn=(47, 1)), "Where is the batch"),
            Wrong(shapes(targets=(3,)), "Where is the batch in the shape of targets"),
            Wrong(shapes(targets=(20,)), "More than one point"),
            Wrong(shapes(targets=(20, 1)), "More than one point"),
            Wrong(shapes(targets=(20, 47)), "not the next ones"),
            Wrong(shapes(targets=(20, 50)), "targets is a part"),
            Wrong(shapes(targets=(20, 3, 1)), "no axis for features"),
            Wrong(shapes(mlp=(20, 46)), "axis 1 of mlp"),
            Wrong(shapes(targets=(20, 4)), "axis 1 of targets"),
            Wrong(shapes(mlp=47), "A shape is a tuple"),
            Wrong(shapes(mlp="(20, 47)"), "A shape is a tuple"),
            Wrong(shapes(rnn=np.zeros((20, 47, 1))), "look at rnn"),
            Wrong(shapes(targets=([20], [3])), "look at targets"),
            Wrong(shapes(targets=(20, np.zeros((20, 3)))), "look at targets"),
            Wrong(shapes(targets=...), "no shape for targets"),
            Wrong(shapes(mlp=(20, ...)), "no shape for mlp"),
            Wrong({"mlp": (20, 47)}, "no shape for rnn"),
            Wrong((20, 47), "Give a dictionary"),
            Wrong(..., "Give a dictionary"),
        ],
    ),
    "step of an RNN": Answers(
        right=[
            step,
            step_by_jax,
            jax.jit(step_by_jax),
            step_by_torch,
            step_in_loops,
            step_in_place,
        ],
        wrong=[
            Wrong(
                lambda w, h, x: x @ w["W"] + w["b"] + h @ w["U"] + w["c"], "activation is missing"
            ),
            Wrong(lambda w, h, x: np.tanh(x @ w["W"] + w["b"]), "old state is not used, nor"),
            Wrong(lambda w, h, x: np.tanh(h @ w["U"] + w["c"]), "new input is not used, nor"),
            Wrong(lambda w, h, x: np.tanh(x @ w["W"] + w["b"] + w["c"]), "old state is not used."),
            Wrong(lambda w, h, x: np.tanh(w["b"] + h @ w["U"] + w["c"]), "new input is not used."),
            Wrong(lambda w, h, x: np.tanh(x @ w["W"] + h @ w["U"]), "Both biases"),
            Wrong(lambda w, h, x: np.tanh(x @ w["W"] + w["b"] + h @ w["U"]), "One of the two"),
            Wrong(lambda w, h, x: np.tanh(x @ w["W"] + h @ w["U"] + w["c"]), "One of the two"),
            Wrong(
                lambda w, h, x: np.tanh(x @ w["W"] + w["b"] + h @ w["U"].T + w["c"]),
                "no transpose",
            ),
            Wrong(
                lambda w, h, x: np.tanh(x @ w["W"] + w["b"] + (w["U"] @ h.T).T + w["c"]),
                "no transpose",
            ),
            Wrong(
                lambda w, h, x: np.tanh(x @ w["W"] + w["b"]) + np.tanh(h @ w["U"] + w["c"]),
                "one tanh",
            ),
            Wrong(lambda w, h, x: np.tanh(x @ w["W"] + w["b"]) + h @ w["U"] + w["c"], "one tanh"),
            Wrong(lambda w, h, x: x @ w["W"] + w["b"] + np.tanh(h @ w["U"] + w["c"]), "one tanh"),
            Wrong(step_with_sigmoid, "another activation"),
            Wrong(step_with_relu, "another activation"),
            Wrong(step_with_softmax, "8 of 8 numbers are wrong"),
            Wrong(step_like_scan, "not in a pair"),
            Wrong(lambda w, h, x: h, "the old state"),
            Wrong(lambda w, h, x: -step(w, h, x), "wrong sign"),
            Wrong(lambda w, h, x: step(w, h, x).T, "transposed"),
            Wrong(lambda w, h, x: step(w, h, x)[0], "1 axis"),
            Wrong(lambda w, h, x: np.tanh(w["W"] @ x + w["U"] @ h), "fails with ValueError"),
            Wrong(lambda w, h, x: np.tanh(x * w["W"] + h * w["U"]), "fails with ValueError"),
            Wrong(lambda w, h, x: w["V"], "fails with KeyError"),
            Wrong(lambda w, h, x: None, "returns nothing"),
            Wrong(lambda w, h, x: {"h": h}, "a dict, and numbers"),
            Wrong(0.5, "a function is asked for"),
            Wrong(..., "dots"),
        ],
    ),
    "a whole sequence": Answers(
        right=[run_as_a_list, run_filling, run_by_scan, run_by_torch],
        wrong=[
            Wrong(run_forgetting, "hand the new one on"),
            Wrong(run_from_zero, "not from zero"),
            Wrong(run_to_its_end, "last state alone"),
            Wrong(run_keeping_before, "not the one before"),
            Wrong(run_keeping_one_more, "One too many"),
            Wrong(run_keeping_one_array, "changed in place"),
            Wrong(run_returning_early, "after the loop"),
            Wrong(run_returning_a_state, "after the loop"),
            Wrong(run_with_a_step_of_its_own, "that is handed in"),
            Wrong(run_inserting, "backwards in time"),
            Wrong(lambda *given: np.stack(run_as_a_list(*given), axis=1), "time comes first"),
            Wrong(lambda *given: np.concatenate(run_as_a_list(*given)), "axis of its own"),
            Wrong(lambda s, w, h, xs: run_as_a_list(s, w, h, xs[:-1]), "too short"),
            Wrong(lambda s, w, h, xs: run_as_a_list(s, w, h, xs[::-1]), "numbers are wrong"),
            Wrong(lambda *given: np.stack(run_as_a_list(*given), axis=-1), "transposed"),
            Wrong(run_by_scan_with_its_pair, "different lengths"),
            Wrong(lambda s, w, h, xs: s(w, xs, h), "fails with ValueError"),
            Wrong(run_of_none, "a None"),
            Wrong(lambda s, w, h, xs: None, "returns nothing"),
            Wrong(np.zeros((5, 2, 4)), "a function is asked for"),
            Wrong(..., "dots"),
        ],
    ),
    "parameters of an LSTM": Answers(
        right=[
            4 * (3 * 8 + 8 * 8 + 8 + 8),
            torch.tensor(416.0, requires_grad=True),
            jnp.int32(416),
            sum(p.numel() for p in torch.nn.LSTM(3, 8).parameters()),
        ],
        wrong=[
            Wrong(3 * 8 + 8 * 8 + 8 + 8, "one part"),
            Wrong(sum(p.numel() for p in torch.nn.GRU(3, 8).parameters()), "GRU"),
            Wrong(4 * (3 * 8 + 8 * 8 + 8), "two biases"),
            Wrong(4 * (8 * 8 + 8 + 8), "W is missing"),
            Wrong(4 * (3 + 8) * 8, "biases are missing"),
            Wrong(4 * (3 * 8 + 8 + 8), "U is missing"),
            Wrong(4 * (3 * 8 + 8 + 8 + 8), "U is a matrix"),
            Wrong(4 * (3 * 8 + 8 * 8 + 1 + 1), "a number for each hidden feature"),
            Wrong(4 * 3 * 8 + 8 * 8 + 8 + 8, "for U and the biases"),
            Wrong(416 + 9, "output layer"),
            Wrong(50 * 416, "count them once"),
            Wrong(49 * 416, "count them once"),
            Wrong(47 * 416, "count them once"),
            Wrong(-416, "wrong sign"),
            Wrong(417, "too large"),
            Wrong(400, "too small"),
            Wrong(math.nan, "not a finite number"),
            Wrong([4, 8, 8], "One number"),
            Wrong("416", "numbers are asked for"),
            Wrong(lambda: 416, "numbers are asked for"),
            Wrong(None, "dots"),
            Wrong(..., "dots"),
        ],
    ),
}
