"""Answers to the exercises of notebook 9."""

import copy
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import torch

from parity_tests.notebooks.answers import Answers, Wrong


def average(carry, x):
    return 0.9 * carry + 0.1 * x


def twice(new):
    """Return a step that carries on and keeps the same."""
    return lambda carry, x: (new(carry, x),) * 2


def step_of_torch(carry, x):
    new = average(torch.tensor(carry, requires_grad=True), x)
    return new, new


def step_that_appends(carry, x):
    kept = []
    new = average(carry, x)
    return new, kept.append(new)


def step_in_place(carry, x):
    carry += 0.1 * (x - carry)
    return carry, carry


def fates(
    a="only the first call did it",
    b="an old value in the result",
    c="an old value in the result",
    d=None,
):
    return {"A": a, "B": b, "C": c, "D": d or "as without jit"}


def outputs_of(layers, x):
    outputs = []
    for layer in layers:
        x = layer(x)
        outputs.append(x)
    return outputs


def outputs_one_by_one(layers, x):
    while layers:
        x = layers.pop(0)(x)
        yield x


def outputs_by_name(layers, x):
    found = {}
    for place, layer in enumerate(layers):
        x = found[f"layer {place}"] = layer(x)
    return found


def outputs_that_return_too_early(layers, x):
    outputs = []
    for layer in layers:
        x = layer(x)
        outputs.append(x)
        return outputs
    return None


def outputs_before_the_layer(layers, x):
    outputs = []
    for layer in layers:
        outputs.append(x)
        x = layer(x)
    return outputs


def outputs_with_the_input(layers, x):
    outputs = [x]
    for layer in layers:
        outputs.append(layer(outputs[-1]))
    return outputs


def outputs_that_are_lost(layers, x):
    outputs = []
    for layer in layers:
        x = layer(x)
        outputs = outputs.append(x)
    return outputs


def copied_head(params, head):
    new = copy.deepcopy(params)
    new["head"] = head
    return new


def arrays(params, head):
    new = {**params, "head": head}
    return {
        name: {key: np.array(value) for key, value in part.items()} for name, part in new.items()
    }


def head_in_place(params, head):
    params["head"] = head
    return params


def other_name(params, head):
    new = params
    new["head"] = head
    return new


def shallow(params, head):
    new = dict(params)
    new["head"]["kernel"] = head["kernel"]
    return new


def array_in_place(params, head):
    params["body"]["kernel"] = np.array(params["body"]["kernel"]) + 1
    return {**params, "head": head}


def in_the_body(params, head):
    return {**params, "head": head, "body": head}


ANSWERS = {
    "in_axes": Answers(
        right=[(None, 1), [None, 1], (None, -1)],
        wrong=[
            Wrong(1, "One number"),
            Wrong(0, "One number"),
            Wrong((None, 0), "axis of the features"),
            Wrong((None, -2), "axis of the features"),
            Wrong((1, None), "changed places"),
            Wrong((0, None), "changed places"),
            Wrong((0, 1), "the same for all samples"),
            Wrong((0, 0), "the same for all samples"),
            Wrong((None, None), "where are the samples"),
            Wrong((None, 2), "2 is none of them"),
            Wrong((None, 1.0), "you give a float"),
            Wrong((None, "1"), "you give a str"),
            Wrong((None, (1,)), "you give a tuple"),
            Wrong((None, np.ones((2, 3))), "you give an ndarray"),
            Wrong((np.ones(3), torch.ones(2)), "the same for all samples"),
            Wrong((None, 1, 1), "Give a pair"),
            Wrong((1,), "Give a pair"),
            Wrong(None, "Give a pair"),
            Wrong("None, 1", "Give a pair"),
            Wrong({"weights": None, "xs": 1}, "Give a pair"),
            Wrong((None, ...), "dots"),
            Wrong((..., 1), "dots"),
            Wrong(..., "dots"),
        ],
    ),
    "step of a scan": Answers(
        right=[
            twice(average),
            step_in_place,
            step_of_torch,
            lambda c, x: [average(c, x)] * 2,
            lambda c, x: (average(jnp.array(c), x), average(jnp.array(c), x)),
        ],
        wrong=[
            Wrong(average, "A step returns a pair"),
            Wrong(lambda c, x: jnp.stack([jnp.array(average(c, x))] * 2), "A step returns a pair"),
            Wrong(lambda c, x: (average(c, x),) * 3, "A step returns a pair"),
            Wrong(lambda c, x: {"carry": average(c, x)}, "A step returns a pair"),
            Wrong(lambda c, x: (average(c, x), None), "Nothing is kept"),
            Wrong(step_that_appends, "Nothing is kept"),
            Wrong(twice(lambda c, x: 0.1 * c + 0.9 * x), "weights have changed places"),
            Wrong(lambda c, x: (average(c, x), x), "the input here"),
            Wrong(lambda c, x: (average(c, x), c), "the old average here"),
            Wrong(lambda c, x: (c, average(c, x)), "it never changes"),
            Wrong(lambda c, x: (x, average(c, x)), "The input goes on"),
            Wrong(twice(lambda c, x: c + 0.1 * x), "has to fade"),
            Wrong(twice(lambda c, x: 0.9 * c + x), "at its full size"),
            Wrong(twice(lambda c, x: np.mean([c, x])), "not have the same weight"),
            Wrong(twice(lambda c, x: str(average(c, x))), "not a number"),
            Wrong(lambda c, x: ((average(c, x),), average(c, x)), "not a number"),
            Wrong(lambda c, x: (average(c, x), ...), "dots"),
            Wrong(lambda c, x: None, "returns nothing"),
            Wrong(lambda c: (c, c), "fails with TypeError"),
            Wrong((2.3, 2.3), "a function is asked for"),
            Wrong(..., "dots"),
        ],
    ),
    "under jit": Answers(
        right=[fates(), {name: np.str_(fate) for name, fate in fates().items()}],
        wrong=[
            Wrong(fates(a="as without jit"), "In A"),
            Wrong(fates(a="an old value in the result"), "In A"),
            Wrong(fates(b="as without jit"), "In B"),
            Wrong(fates(b="only the first call did it"), "In B"),
            Wrong(fates(c="as without jit"), "In C"),
            Wrong(fates(c="only the first call did it"), "In C"),
            Wrong(fates(d="only the first call did it"), "In D"),
            Wrong(fates(d="an old value in the result"), "In D"),
            Wrong(fates(..., ..., ..., ...), "no answer for 'A' yet"),
            Wrong(fates(d=...), "no answer for 'D' yet"),
            Wrong({}, "no answer for 'A' yet"),
            Wrong(fates(a="once"), "'once' is none of"),
            Wrong(fates(a=2), "'2' is none of"),
            Wrong(fates(b=np.ones(2)), "is none of"),
            Wrong(list(fates().values()), "Give a dictionary"),
            Wrong(..., "Give a dictionary"),
        ],
    ),
    "outputs of each layer": Answers(
        right=[
            outputs_of,
            lambda layers, x: list(outputs_one_by_one(layers, x)),
            lambda layers, x: np.array(outputs_of(layers, x)),
            lambda layers, x: tuple(outputs_of(layers, jnp.asarray(x))),
            lambda layers, x: outputs_of(layers, torch.tensor(x, requires_grad=True)),
            lambda layers, x: list(
                itertools.accumulate(layers, lambda x, layer: layer(x), initial=x)
            )[1:],
        ],
        wrong=[
            Wrong(lambda layers, x: [layer(x) for layer in layers], "the first input"),
            Wrong(lambda layers, x: outputs_of(layers, x)[-1], "what the last layer gave"),
            Wrong(outputs_that_return_too_early, "inside the loop"),
            Wrong(outputs_before_the_layer, "the inputs of the layers"),
            Wrong(outputs_with_the_input, "One too many"),
            Wrong(lambda layers, x: outputs_of(reversed(layers), x), "from the last to the first"),
            Wrong(lambda layers, x: outputs_of(layers, x)[::-1], "in the wrong order"),
            Wrong(outputs_that_are_lost, "fails with AttributeError"),
            Wrong(lambda layers, x: [None for layer in layers], "None, or dots"),
            Wrong(outputs_one_by_one, "Return a list"),
            Wrong(outputs_by_name, "Return a list"),
            Wrong(lambda layers, x: layers, "not a number"),
            Wrong(lambda layers, x: [], "1 axis"),
            Wrong(lambda layers, x: np.array(outputs_of(layers, x)).T, "transposed"),
            Wrong(lambda layers, x: layers(x), "fails with TypeError"),
            Wrong(lambda layers, x: None, "returns nothing"),
            Wrong([[2, -4], [5, -1], [25, 1]], "a function is asked for"),
            Wrong(..., "dots"),
        ],
    ),
    "new head": Answers(
        right=[
            lambda params, head: {**params, "head": head},
            lambda params, head: params | {"head": head},
            lambda params, head: dict(params, head=head),
            lambda params, head: {
                name: head if name == "head" else part for name, part in params.items()
            },
            lambda params, head: jax.tree.map(lambda leaf: leaf, {**params, "head": head}),
            copied_head,
            arrays,
        ],
        wrong=[
            Wrong(head_in_place, "changed the dictionary"),
            Wrong(other_name, "changed the dictionary"),
            Wrong(shallow, "changed the dictionary"),
            Wrong(array_in_place, "changed the dictionary"),
            Wrong(lambda params, head: params.update(head=head), "changed the dictionary"),
            Wrong(lambda params, head: params.pop("norm"), "changed the dictionary"),
            Wrong(lambda params, head: {"head": head, **params}, "still the old one"),
            Wrong(lambda params, head: copy.deepcopy(params), "still the old one"),
            Wrong(lambda params, head: {**params, **head}, "no 'kernel' before"),
            Wrong(lambda params, head: {**params, "new head": head}, "no 'new head' before"),
            Wrong(lambda params, head: {**params, "head": {"head": head}}, "neither the old one"),
            Wrong(lambda params, head: {**params, "head": [head]}, "neither the old one"),
            Wrong(lambda params, head: {"head": head}, "'body' got lost"),
            Wrong(lambda params, head: head, "'body' got lost"),
            Wrong(in_the_body, "More than the head"),
            Wrong(lambda params, head: [params, head], "this is a list"),
            Wrong(lambda params, head: {**params, head: head}, "fails with TypeError"),
            Wrong(lambda params, head: None, "returns nothing"),
            Wrong({"head": 1}, "Write a function"),
            Wrong(..., "Write a function"),
        ],
    ),
}
