"""Answers to the exercises of notebook 3."""

import jax
import jax.numpy as jnp
import numpy as np
import torch

from parity_tests.notebooks.answers import Answers, Wrong
from zoojax.common.teaching.exercises.models import RIGHT_KINDS

LINEARS = [10 * 16, 16 * 4]
BIASES = [16, 4]


def described(dtype=torch.float64):
    return torch.nn.Sequential(
        torch.nn.Linear(10, 16, dtype=dtype),
        torch.nn.BatchNorm1d(16, dtype=dtype),
        torch.nn.ReLU(),
        torch.nn.Linear(16, 4, dtype=dtype),
    )


def kinds(**changed):
    """Return the right kinds, but for those of names whose first word is given."""
    return {name: changed.get(name.split()[0], kind) for name, kind in RIGHT_KINDS.items()}


def relu(x):
    return np.maximum(x, 0)


def linear(params, x, place):
    return x @ params[f"w{place}"] + params[f"b{place}"]


def network_by_torch(params, x):
    p = {name: torch.tensor(value, requires_grad=True) for name, value in params.items()}
    return torch.relu(torch.tensor(x) @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"]


def network_by_jax(params, x):
    params = jax.tree.map(jnp.asarray, params)
    return jax.nn.relu(linear(params, jnp.asarray(x), 1)) @ params["w2"] + params["b2"]


def network_in_place(params, x):
    hidden = linear(params, x, 1)
    hidden[hidden < 0] = 0
    return linear(params, hidden, 2)


def network_in_loops(params, x):
    def dot(a, b):
        return sum(each * other for each, other in zip(a, b, strict=True))

    found = []
    for row in x:
        columns = zip(params["w1"].T, params["b1"], strict=True)
        hidden = [max(dot(row, column) + bias, 0) for column, bias in columns]
        columns = zip(params["w2"].T, params["b2"], strict=True)
        found.append([dot(hidden, column) + bias for column, bias in columns])
    return found


def updated(new_mean):
    """Return an update that counts right, with a mean of the old count, the old mean and x."""

    def update(state, x):
        count = state["count"]
        return {"count": count + 1, "mean": new_mean(count, state["mean"], x)}

    return update


mean_after = updated(lambda n, mean, x: (n * mean + x) / (n + 1))


def update_a_copy(state, x):
    new = state.copy()
    new["count"] += 1
    new["mean"] += (x - new["mean"]) / new["count"]
    return new


def update_in_place(state, x):
    state["count"] += 1
    state["mean"] += (x - state["mean"]) / state["count"]
    return state


def update_by_another_name(state, x):
    new = state
    new["count"] += 1
    return {**new, "mean": new["mean"] + (x - new["mean"]) / new["count"]}


def update_and_keep(state, x):
    new = mean_after(state, x)
    state["numbers"] = [x]
    return new


def update_without_return(state, x):
    new = mean_after(state, x)
    print(new)


def update_mean_first(state, x):
    return {**state, "mean": mean_after(state, x)["mean"]}


ANSWERS = {
    "number of parameters": Answers(
        right=[
            sum(LINEARS) + sum(BIASES) + 2 * 16,
            sum(each.numel() for each in described().parameters()),
            np.float64(276),
            torch.tensor(276),
        ],
        wrong=[
            Wrong(sum(LINEARS), "biases and the BatchNorm"),
            Wrong(10 * 16 + 16 + 2 * 16, "second Linear"),
            Wrong(sum(LINEARS) + sum(BIASES), "scale and a shift"),
            Wrong(sum(LINEARS) + 2 * 16, "Each Linear has a bias"),
            Wrong(sum(LINEARS) + 16 + 2 * 16, "last Linear has a bias"),
            Wrong(sum(LINEARS) + 4 + 2 * 16, "Count again for each hidden feature"),
            Wrong(sum(LINEARS) + sum(BIASES) + 16, "Count again for each hidden feature"),
            Wrong(sum(LINEARS) + sum(BIASES) + 4 * 16, "no gradient trains them"),
            Wrong(
                sum(each.numel() for each in described().state_dict().values()),
                "the count of batches",
            ),
            Wrong(sum(LINEARS) + 10 + 16 + 2 * 16, "not for each of its inputs"),
            Wrong(sum(LINEARS) + sum(BIASES) + 2 * 10, "how many features reach it"),
            Wrong(10 * 16 * 4, "too large"),
            Wrong([LINEARS[0] + 16, 2 * 16, LINEARS[1] + 4], "One number is asked for"),
            Wrong(described().parameters(), "a generator, and numbers are asked for"),
            Wrong(..., "dots"),
        ],
    ),
    "kinds of state": Answers(
        right=[kinds(), dict(RIGHT_KINDS), {**kinds(), "shift of a BatchNorm": "parameter"}],
        wrong=[
            Wrong(kinds(weight="buffer"), "Does a gradient change the weight"),
            Wrong(kinds(scale="buffer"), "scale of a BatchNorm is learned"),
            Wrong(kinds(running="parameter"), "no gradient changes it"),
            Wrong(kinds(running="neither"), "saved with the weights"),
            Wrong(kinds(learning="parameter"), "optimizer has the learning rate"),
            Wrong(kinds(number="buffer"), "configuration"),
            Wrong(kinds(weight="Parameter"), "'Parameter' is none of"),
            Wrong(kinds(learning="hyperparameter"), "'hyperparameter' is none of"),
            Wrong(kinds(weight=torch.nn.Parameter(torch.ones(2))), "is none of"),
            Wrong(kinds(weight=np.array(["parameter", "buffer"])), "is none of"),
            Wrong(kinds(weight=["parameter"]), "is none of"),
            Wrong(kinds(scale=...), "no answer for 'scale of a BatchNorm'"),
            Wrong({"weight": "parameter"}, "no answer for 'weight of a Linear'"),
            Wrong(list(RIGHT_KINDS.values()), "Give a dictionary"),
            Wrong("parameter", "Give a dictionary"),
            Wrong(..., "Give a dictionary"),
        ],
    ),
    "network as a function": Answers(
        right=[
            lambda p, x: relu(x @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"],
            network_by_torch,
            network_by_jax,
            jax.jit(network_by_jax),
            network_in_place,
            network_in_loops,
        ],
        wrong=[
            Wrong(lambda p, x: linear(p, linear(p, x, 1), 2), "two linear layers are one"),
            Wrong(lambda p, x: linear(p, linear(p, relu(x), 1), 2), "not before them"),
            Wrong(lambda p, x: relu(linear(p, linear(p, x, 1), 2)), "not after them"),
            Wrong(lambda p, x: relu(linear(p, relu(linear(p, x, 1)), 2)), "without an activation"),
            Wrong(lambda p, x: linear(p, relu(x @ p["w1"]), 2), "bias of the first layer is"),
            Wrong(lambda p, x: relu(linear(p, x, 1)) @ p["w2"], "bias of the last layer"),
            Wrong(lambda p, x: relu(x @ p["w1"]) @ p["w2"], "Both biases"),
            Wrong(lambda p, x: linear(p, relu(x @ p["w1"]) + p["b1"], 2), "before the activation"),
            Wrong(lambda p, x: relu(linear(p, x, 1)), "the last layer is missing"),
            Wrong(lambda p, x: linear(p, x, 1), "the last layer is missing"),
            Wrong(lambda p, x: linear(p, np.max(linear(p, x, 1), 0), 2), "np.maximum"),
            Wrong(lambda p, x: linear(p, np.tanh(linear(p, x, 1)), 2), "tanh"),
            Wrong(lambda p, x: linear(p, abs(linear(p, x, 1)), 2), "numbers are wrong"),
            Wrong(lambda p, x: linear(p, relu(linear(p, x, 1)), 2).T, "transposed"),
            Wrong(lambda p, x: linear(p, relu(linear(p, x, 1)), 2)[0], "1 axis"),
            Wrong(lambda p, x: p["w2"] @ relu(p["w1"] @ x + p["b1"]), "fails with ValueError"),
            Wrong(lambda p, x: x @ p["W1"] + p["b1"], "fails with KeyError"),
            Wrong(lambda p, x: x @ p.w1 + p.b1, "fails with AttributeError"),
            Wrong(lambda x: x, "fails with TypeError"),
            Wrong(lambda p, x: p.update(x=x), "returns nothing"),
            Wrong(lambda p, x: (linear(p, x, 1), ...), "dots"),
            Wrong(torch.ones(7, 2), "a function is asked for"),
        ],
    ),
    "running mean": Answers(
        right=[
            mean_after,
            update_a_copy,
            jax.jit(mean_after),
            lambda state, x: dict(
                zip(("count", "mean"), mean_after(state, x).values(), strict=True)
            ),
            updated(lambda n, mean, x: torch.tensor((n * mean + x) / (n + 1), requires_grad=True)),
            updated(lambda n, mean, x: np.mean([mean] * n + [x])),
        ],
        wrong=[
            Wrong(update_in_place, "changed the state"),
            Wrong(update_by_another_name, "changed the state"),
            Wrong(update_and_keep, "changed the state"),
            Wrong(lambda state, x: state.update(mean_after(state, x)), "changed the state"),
            Wrong(update_without_return, "returns nothing"),
            Wrong(lambda state, x: ..., "returns nothing"),
            Wrong(lambda state, x: (5, 3.0), "a dictionary, not a tuple"),
            Wrong(lambda state, x: mean_after(state, x)["mean"], "a dictionary, not a float"),
            Wrong(lambda state, x: {"mean": 3.0}, "count and mean, and nothing else"),
            Wrong(lambda state, x: {**mean_after(state, x), "sum": 15}, "nothing else"),
            Wrong(lambda state, x: {**mean_after(state, x), "mean": ...}, "not complete"),
            Wrong(update_mean_first, "One more number has been seen"),
            Wrong(lambda state, x: {**state, "count": state["count"] + x}, "count: Not this"),
            Wrong(lambda state, x: {**state, "count": np.arange(2)}, "count: One number"),
            Wrong(updated(lambda n, mean, x: mean), "still the old one"),
            Wrong(updated(lambda n, mean, x: x), "the last number"),
            Wrong(updated(lambda n, mean, x: mean + (x - mean)), "the last number"),
            Wrong(updated(lambda n, mean, x: (mean + x) / 2), "do not weigh them alike"),
            Wrong(updated(lambda n, mean, x: (mean + x) / (n + 1)), "it is not their sum"),
            Wrong(updated(lambda n, mean, x: mean + (x - mean) / n), "there are now"),
            Wrong(updated(lambda n, mean, x: (n * mean + x) / n), "there are now"),
            Wrong(updated(lambda n, mean, x: n * mean + x), "sum of all"),
            Wrong(updated(lambda n, mean, x: mean + (mean - x) / (n + 1)), "too small"),
            Wrong(updated(lambda n, mean, x: [mean, x]), "One number is asked for"),
            Wrong(lambda state: state, "fails with TypeError"),
            Wrong(lambda state, x: {"count": state.count + 1}, "fails with AttributeError"),
            Wrong({"count": 5, "mean": 3.0}, "Write a function"),
            Wrong(..., "Write a function"),
        ],
    ),
}
