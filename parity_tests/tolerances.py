"""Every tolerance of the suite, in one place; `measured.json` holds the largest values seen.

All are relative differences. `pytest --record` writes what it meets to `measured.json`, from
which the table in the README is made; remove the file to measure anew.
"""

import json
from pathlib import Path

import numpy as np

MEASURED = Path(__file__).with_name("measured.json")

MODELS = ("cnn", "mlp", "rnn", "lstm", "gru")

OF_EACH_MODEL = {
    # Against the workshop's own numbers, which are float32.
    "workshop's outputs": 1e-5,
    # torch itself moves by 1.5e-5 here when it sums in two threads instead of one.
    "workshop's gradients": 5e-5,
    "workshop's ten Adam steps": 1e-5,
    # Twin against twin: the losses.
    "float32, first step": 1e-6,
    "float32, ten steps": 1e-5,
    "float64, whole run": 1e-12,
    # One number in 256 is what a rounding to bfloat16 may move; most roundings agree.
    "bfloat16, first step": 4e-3,
    "bfloat16, ten steps": 3e-2,
}
"""What the README shows of every model; the workshop has no numbers of a GRU."""

ALLOWED = {
    **{
        f"{model}: {what}": allowed
        for model in MODELS
        for what, allowed in OF_EACH_MODEL.items()
        if not (model == "gru" and "workshop" in what)
    },
    "reference, ten Adam steps, running statistics": 1e-5,
    # Idle parameters (builders.idle_parameters) wander by up to the learning rate a step, and
    # running means follow late: torch itself moves by 1.5e-2 with another number of threads.
    "reference, ten Adam steps, running means": 1e-2,
    "reference, ten Adam steps, eval output": 3e-2,
    "float64, gradients by hand against JAX's own": 1e-12,
    "float64, recurrent cells by hand": 1e-12,
    "float64, layers on their own: outputs, gradients": 1e-12,
    "float64, metrics against scikit-learn": 1e-12,
    "float64, coverage and sizes of sets and intervals, by hand": 1e-12,
    "float64, losses by hand: values, gradients": 1e-12,
    # Twin against twin.
    "float64, one step: loss, gradients, moments, statistics, weights": 1e-12,
    # Drawn at random, some models are badly conditioned: where a feature is nearly the same for
    # all pictures, the BatchNorm after it divides by almost nothing.
    "float64, one step of random configurations: loss, gradients": 1e-9,
    "float64, one pass of random MLPs and RNNs: outputs, gradients": 1e-11,
    "float64, ten steps: moments, statistics, weights": 1e-12,
    "float64, steps in a compiled loop: losses, weights": 1e-12,
    "float64, whole run: losses, weights": 1e-12,
    "float64, members of ensembles against runs alone: losses, weights": 1e-12,
    "float64, optimisers and schedules against torch's own": 1e-12,
    "float64, 40 steps of every optimiser: losses": 1e-12,
    # Idle parameters take steps of rounding noise (builders.idle_parameters). Training losses
    # do not depend on them; running means contain them and eval mode sees both.
    "float64: idle parameters and running means": 1e-9,
    "float64, tiny runs: every score": 1e-9,
    "float64, whole run: validation losses": 1e-11,
    # Of these only the MLP has idle parameters.
    "float64, 520 steps of mlp: validation losses, weights": 1e-9,
    "float64, 520 steps of rnn: validation losses, weights": 1e-12,
    "float64, 520 steps of lstm: validation losses, weights": 1e-12,
    "float64, 520 steps of gru: validation losses, weights": 1e-12,
    "float32, one pass: forward": 1e-5,
    "float32, one pass: gradients": 5e-5,
    # Where float32 sums differ in their last bit, one may be rounded up and the other down: then
    # they are 2^-7 apart. Relative to the largest number, and the part of all that differ.
    "bfloat16, layers on their own: outputs, gradients": 1e-2,
    "bfloat16, layers on their own: part of the outputs that differ": 1e-2,
    # torch, where oneDNN has no bfloat16 for the CPU, adds up a kernel's gradient sample by
    # sample and an input's place by place, and rounds each sum: of a batch of 200 it is 3e-2 off.
    "bfloat16, convolutions by torch on a CPU without it: gradients": 4e-2,
    "bfloat16, recurrent layers on their own: outputs, gradients": 2e-2,
    # Length of the difference of two gradients, of all parameters in one. With other seeds, so
    # with other roundings, up to 0.09 between the backends.
    "bfloat16, one step: gradient": 2e-1,
    "bfloat16 beside float32, one step: gradient": 2e-1,
    "bfloat16 beside float32, one step: loss": 1e-2,
    # As they are, not relative. In float32 the two backends have up to 0.012 between them.
    "bfloat16 beside float32, 600 steps: R2": 1e-2,
    "bfloat16 beside float32, 960 steps: accuracy": 4e-2,
}

_met: dict[str, float] = {}


def relative(first, second) -> float:
    """Return max |first - second| / max |second|: the distance on the array's own scale.

    An element near zero is a sum that cancelled; its own size says nothing of the rounding
    that went into it.
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    assert first.shape == second.shape, f"shapes {first.shape} and {second.shape}"
    scale = np.abs(second).max(initial=0.0)
    distance = np.abs(first - second).max(initial=0.0)
    return float(distance / scale) if scale else float(distance)


def check(name: str, difference: float) -> None:
    """Assert that a difference is allowed; remember the largest of its name."""
    assert difference <= ALLOWED[name], f"{name}: {difference:.3g}, allowed {ALLOWED[name]:.0e}"
    _met[name] = max(float(difference), _met.get(name, 0.0))


def record() -> None:
    """Merge what was met into `measured.json`."""
    known = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
    largest = {name: max(known.get(name, 0.0), value) for name, value in _met.items()}
    known |= largest
    ordered = {name: known[name] for name in ALLOWED if name in known}
    MEASURED.write_text(json.dumps(ordered, indent=1) + "\n")
