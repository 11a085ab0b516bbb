"""Answers to the exercises of notebook 4."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch

from parity_tests.notebooks.answers import Answers, Wrong
from zoojax.common.teaching.exercises.loops import LINE_X, LINE_Y, NUM_STEPS, RATE
from zoojax.common.teaching.exercises.runs import PROBLEMS, RIGHT_PROBLEMS, RIGHT_SAVED

ORDER = ["zero_grad", "forward", "loss", "backward", "step"]


def mean_squared_error(weights, x, y):
    return ((weights[0] * x + weights[1] - y) ** 2).mean()


def sum_of_squares(weights, x, y):
    return len(x) * mean_squared_error(weights, x, y)


def losses_by_torch(lines, *, loss_of=mean_squared_error, rate=RATE, steps=NUM_STEPS, item=True):
    """Run a loop of the lines that are named, in their order."""
    x, y = torch.tensor(LINE_X), torch.tensor(LINE_Y)
    weights = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([weights], lr=rate)
    losses = []
    for _ in range(steps):
        for line in lines.split():
            if line == "zero_grad":
                optimizer.zero_grad()
            elif line == "forward":
                loss = loss_of(weights, x, y)
            elif line == "backward":
                loss.backward()
            elif line == "step":
                optimizer.step()
            elif line == "append":
                losses.append(loss.item() if item else loss)
    return losses


RIGHT_LINES = "zero_grad forward backward step append"


def losses_by_jax(next_weights=None, *, loss_of=mean_squared_error, steps=NUM_STEPS):
    """Run a loop; the next weights are of the old ones and their gradient."""
    loss_of = functools.partial(loss_of, x=LINE_X, y=LINE_Y)
    weights, losses = jnp.zeros(2), []
    for _ in range(steps):
        loss, gradient = jax.value_and_grad(loss_of)(weights)
        weights = (next_weights or descend)(weights, gradient)
        losses.append(float(loss))
    return losses


def descend(weights, gradient):
    return weights - RATE * gradient


def losses_by_scan():
    def step(weights, _):
        loss, gradient = jax.value_and_grad(mean_squared_error)(weights, LINE_X, LINE_Y)
        return descend(weights, gradient), loss

    return jax.lax.scan(step, jnp.zeros(2), length=NUM_STEPS)[1]


def losses_after_each_step():
    weights, losses = jnp.zeros(2), []
    for _ in range(NUM_STEPS):
        weights = descend(weights, jax.grad(mean_squared_error)(weights, LINE_X, LINE_Y))
        losses.append(float(mean_squared_error(weights, LINE_X, LINE_Y)))
    return losses


def losses_of_one_gradient():
    gradient = jax.grad(mean_squared_error)(jnp.zeros(2), LINE_X, LINE_Y)
    return losses_by_jax(lambda weights, _: descend(weights, gradient))


def losses_in_plain_python():
    slope, offset, losses = 0.0, 0.0, []
    for _ in range(NUM_STEPS):
        errors = [slope * x + offset - y for x, y in zip(LINE_X, LINE_Y, strict=True)]
        losses.append(sum(each**2 for each in errors) / len(errors))
        to_slope = sum(2 * each * x for each, x in zip(errors, LINE_X, strict=True)) / len(errors)
        slope, offset = slope - RATE * to_slope, offset - RATE * 2 * sum(errors) / len(errors)
    return losses


def norm_of(gradients):
    return float(np.sqrt(sum((each**2).sum() for each in gradients)))


def clip_in_place(gradients, largest):
    norm = norm_of(gradients)
    for each in gradients:
        if norm > largest:
            np.multiply(each, largest / norm, out=each)
    return gradients


def clip_without_return(gradients, largest):
    clip_in_place(gradients, largest)


def clip_by_torch(gradients, largest):
    found = [torch.nn.Parameter(torch.zeros(each.shape).double()) for each in gradients]
    for each, gradient in zip(found, gradients, strict=True):
        each.grad = torch.tensor(gradient)
    torch.nn.utils.clip_grad_norm_(found, largest)
    return [each.grad for each in found]


def clip_by_torch_in_a_graph(gradients, largest):
    gradients = [torch.tensor(each, requires_grad=True) for each in gradients]
    norm = torch.sqrt(sum((each**2).sum() for each in gradients))
    return tuple(each * torch.clamp(largest / norm, max=1) for each in gradients)


def clip_by_optax(gradients, largest):
    clipper = optax.clip_by_global_norm(largest)
    return clipper.update([*map(jnp.float32, gradients)], clipper.init(gradients))[0]


def clip_in_loops(gradients, largest):
    norm = sum(float(each) ** 2 for array in gradients for each in array.ravel()) ** 0.5
    factor = largest / norm if norm > largest else 1
    return [(each * factor).tolist() for each in gradients]


def clip_joined(gradients, largest):
    joined = np.concatenate([each.ravel() for each in gradients])
    return joined * min(1, largest / np.linalg.norm(joined))


def scaled(factor):
    """Return a function that scales all gradients by a factor of the norm and the largest one."""
    return lambda g, largest: [each * factor(norm_of(g), largest) for each in g]


def clip_each(gradients, largest):
    return [each * min(1, largest / np.linalg.norm(each)) for each in gradients]


right_clip = scaled(lambda norm, largest: min(1, largest / norm))


def problems(**changed):
    return {**RIGHT_PROBLEMS, **changed}


def saved(**changed):
    """Return what is to be saved, but for names whose first word is given."""
    return {name: changed.get(name.split()[0], word) for name, word in RIGHT_SAVED.items()}


OF_BOTH_LOOPS = [
    Wrong(losses_by_torch(RIGHT_LINES, steps=NUM_STEPS - 1), "24 losses"),
    Wrong(losses_by_jax(steps=NUM_STEPS + 1), "26 losses"),
    Wrong([], "no losses yet"),
    Wrong(losses_by_jax(lambda w, g: w + RATE * g), "goes up the gradient"),
    Wrong(losses_by_torch(RIGHT_LINES, loss_of=sum_of_squares), "take their mean"),
    Wrong(20 * np.array(losses_by_scan()), "take their mean"),
    Wrong(losses_after_each_step(), "before the step, not after"),
    Wrong(losses_of_one_gradient(), "gradient of the start"),
    Wrong(losses_by_jax(lambda w, g: w - RATE * g.at[1].set(0)), "train both"),
    Wrong(losses_by_jax(lambda w, g: w - RATE * g.at[0].set(0)), "train both"),
    Wrong(losses_by_torch(RIGHT_LINES, rate=0.03), "numbers are wrong, the first at index 1"),
    Wrong([[each] for each in losses_by_jax()], "2 axes"),
    Wrong(losses_by_jax()[-1], "one number"),
    Wrong(losses_by_jax, "a function, and numbers are asked for"),
    Wrong(None, "dots"),
    Wrong(..., "dots"),
    Wrong([None] * NUM_STEPS, "dots"),
    Wrong(["loss"] * NUM_STEPS, "not a number"),
]

ANSWERS = {
    "order of steps": Answers(
        right=[
            ORDER,
            ("forward", "loss", "zero_grad", "backward", "step"),
            ["forward", "zero_grad", "loss", "backward", "step"],
            ["forward", "loss", "backward", "step", "zero_grad"],
        ],
        wrong=[
            Wrong(["zero_grad", "loss", "forward", "backward", "step"], "outputs come from"),
            Wrong(["zero_grad", "forward", "backward", "loss", "step"], "starts from a loss"),
            Wrong(["zero_grad", "forward", "loss", "step", "backward"], "not computed yet"),
            Wrong(["step", "zero_grad", "forward", "loss", "backward"], "not computed yet"),
            Wrong(["forward", "loss", "backward", "zero_grad", "step"], "clear the gradients"),
            Wrong(["forward", "loss", "backward", "step"], "each of these words once"),
            Wrong([*ORDER, "zero_grad"], "each of these words once"),
            Wrong([f"{each}()" for each in ORDER], "each of these words once"),
            Wrong([1, 2, 3, "backward", torch.ones(2)], "each of these words once"),
            Wrong(" ".join(ORDER), "Give a list"),
            Wrong(set(ORDER), "Give a list"),
            Wrong(["zero_grad", ..., ..., ..., "step"], "Give a list"),
            Wrong(..., "Give a list"),
        ],
    ),
    "loop in torch": Answers(
        right=[
            losses_by_torch(RIGHT_LINES),
            losses_by_torch("forward append backward step zero_grad"),
            losses_by_torch(RIGHT_LINES, item=False),
            torch.tensor(losses_by_torch(RIGHT_LINES), requires_grad=True),
            losses_in_plain_python(),
        ],
        wrong=[
            Wrong(losses_by_torch("forward append backward step"), "was zero_grad forgotten"),
            Wrong(losses_by_torch("forward append step zero_grad backward"), "comes too early"),
            Wrong(losses_by_torch("forward append backward zero_grad step"), "never changes"),
            Wrong(losses_by_torch("zero_grad forward append step backward"), "never changes"),
            Wrong(losses_by_torch("zero_grad forward append backward"), "does step run"),
            Wrong(losses_by_torch("zero_grad forward append step", item=False), "gradients when"),
            Wrong(losses_by_torch(RIGHT_LINES, rate=1e30), "beyond all bounds"),
            *OF_BOTH_LOOPS,
        ],
    ),
    "loop in JAX": Answers(
        right=[
            losses_by_jax(),
            losses_by_scan(),
            losses_by_scan().tolist(),
            list(losses_by_scan()),
            losses_in_plain_python(),
        ],
        wrong=[
            Wrong(losses_by_jax(lambda w, g: w), "handed on"),
            Wrong([losses_after_each_step()[0]] * NUM_STEPS, "handed on"),
            Wrong(losses_by_jax(lambda w, g: -RATE * g), "starts at the first weights"),
            Wrong(losses_by_jax(loss_of=sum_of_squares), "beyond all bounds"),
            *OF_BOTH_LOOPS,
        ],
    ),
    "clipping": Answers(
        right=[
            right_clip,
            clip_in_place,
            clip_by_torch,
            clip_by_torch_in_a_graph,
            clip_by_optax,
            clip_in_loops,
        ],
        wrong=[
            Wrong(scaled(lambda norm, largest: largest / norm), "stay as they are"),
            Wrong(scaled(lambda norm, largest: 1 / norm if norm > largest else 1), "becomes 1"),
            Wrong(scaled(lambda norm, largest: min(1, largest / norm**2)), "root is missing"),
            Wrong(scaled(lambda norm, largest: max(1, largest / norm)), "Nothing is clipped"),
            Wrong(scaled(lambda norm, largest: min(1, norm / largest)), "Nothing is clipped"),
            Wrong(scaled(lambda norm, largest: norm / largest), "the same factor"),
            Wrong(lambda g, largest: g, "Nothing is clipped"),
            Wrong(clip_each, "array by array"),
            Wrong(
                lambda g, largest: [np.clip(a, -largest, largest) for a in g], "number by number"
            ),
            Wrong(lambda g, largest: [np.minimum(a, largest) for a in g], "number by number"),
            Wrong(clip_joined, "Return a list"),
            Wrong(lambda g, largest: norm_of(g), "Return a list"),
            Wrong(lambda g, largest: [clip_joined(g, largest)], "Return a list"),
            Wrong(lambda g, largest: (each for each in right_clip(g, largest)), "Return a list"),
            Wrong(lambda g, largest: [a.ravel() for a in right_clip(g, largest)], "its shape"),
            Wrong(lambda g, largest: [a.sum() for a in g], "its shape"),
            Wrong(lambda g, largest: ["clipped", "clipped"], "not a number"),
            Wrong(lambda g, largest: [a / np.linalg.norm(g) for a in g], "fails with ValueError"),
            Wrong(lambda g: g, "fails with TypeError"),
            Wrong(clip_without_return, "returns nothing"),
            Wrong(lambda g, largest: [a.fill(0) for a in g], "None"),
            Wrong(right_clip([np.ones(3)], 1), "a function is asked for"),
            Wrong(..., "dots"),
        ],
    ),
    "diagnosis": Answers(
        right=[problems(), dict(reversed(problems().items()))],
        wrong=[
            Wrong(problems(A="healthy"), "In A"),
            Wrong(problems(A=PROBLEMS[0]), "which of them goes on falling"),
            Wrong(problems(B="overfits"), "settle anywhere"),
            Wrong(problems(C="overfits"), "stay together"),
            Wrong(problems(D="healthy"), "In D"),
            Wrong(problems(D=PROBLEMS[0]), "way down"),
            Wrong(problems(B="too large"), "'too large' is none of"),
            Wrong(problems(B=torch.ones(2)), "is none of"),
            Wrong(problems(C=np.array(PROBLEMS)), "is none of"),
            Wrong(problems(B=...), "no answer for 'B'"),
            Wrong({"a": "overfits"}, "no answer for 'A'"),
            Wrong(list(RIGHT_PROBLEMS.values()), "Give a dictionary"),
            Wrong(..., "Give a dictionary"),
        ],
    ),
    "what to save": Answers(
        right=[saved(), dict(reversed(saved().items()))],
        wrong=[
            Wrong(saved(weights="make again"), "Every step has changed the weights"),
            Wrong(saved(moments="make again"), "gradients so far"),
            Wrong(saved(number="make again"), "how far the run has come"),
            Wrong(saved(simulated="save"), "drawn from"),
            Wrong(saved(dropout="save"), "a second time"),
            Wrong(saved(running="make again"), "moved those statistics"),
            Wrong(saved(weights=True), "'True' is none of"),
            Wrong(saved(simulated="again"), "'again' is none of"),
            Wrong(saved(running=...), "no answer for 'running statistics"),
            Wrong(["weights", "moments of Adam"], "Give a dictionary"),
            Wrong(..., "Give a dictionary"),
        ],
    ),
}
