"""Two runs of one configuration side by side, a row a number: what agrees, and how far."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import numpy as np

from zoojax.common import figures
from zoojax.common.reporting.report import Row, judge
from zoojax.spec.config import TrainConfig
from zoojax.spec.layer_shapes import layer_shapes
from zoojax.spec.records import Run

T = TypeVar("T")

ALLOWED = {"float64": 1e-12, "float32": 1e-5, "bfloat16": 1e-1}
"""Largest relative difference of losses that counts as rounding, which in bfloat16 takes off up
to 2^-9 of every number, and grows from step to step."""

ALLOWED_INITIAL = ALLOWED | {"bfloat16": 5e-3}
"""The same for the loss before the first update."""

ALLOWED_VALIDATION = {"float64": 1e-9, "float32": None, "bfloat16": None}
"""The same for the validation loss. A bias before a BatchNorm has gradient zero on paper and
rounding noise in practice, of which Adam makes steps: the training loss does not depend on
it, but eval mode does, since the running mean follows the bias a little late. In float32
the steps of noise are as large as any, and the row is for information."""

JUDGED_STEPS = {"float64": 1000, "float32": 10, "bfloat16": 10}
"""Steps up to which losses are judged. Rounding grows with each step as in any chaotic
system: float32 runs of one program on two machines part within hundreds of steps too."""

JUDGED_RUNS = JUDGED_STEPS | {"bfloat16": 0}
"""Steps of a run up to which its results are judged: sets and counts of pictures have to be the
same, and rounding to bfloat16 moves some at once."""


def relative_difference(first: float, second: float) -> float:
    """Return |first - second| as a part of the larger of the two, 0 when they are equal."""
    return float(figures.relative_difference(np.array([first]), np.array([second]))[0])


def coarsest_dtype(config: TrainConfig) -> str:
    """Return the type of a training's least exact numbers."""
    return config.compute_dtype or config.dtype


def compare(first: Run, second: Run) -> list[Row]:
    """Set two runs side by side, a row a number."""
    return [
        _data_row(first, second),
        *_layer_rows(first, second),
        *_loss_rows(first, second),
        *_end_rows(first, second),
    ]


def _data_row(first: Run, second: Run) -> Row:
    """Compare the data: pictures to the last bit, waves to rounding."""
    if first.config.class_names:
        digests = (first.data_sha256, second.data_sha256)
        return _exact("pixels, SHA-256", *digests, show=_short_digest)
    waves, others = (run.results.inputs for run in (first, second))
    apart = float(np.abs(waves - others).max() / np.abs(waves).max())
    allowed = ALLOWED[first.config.train.dtype]
    cells = (_times(waves.shape), _times(others.shape), f"{apart:.1e}")
    return Row("validation waves", *cells, f"{allowed:.0e}", judge(apart, allowed))


def _layer_rows(first: Run, second: Run) -> Iterable[Row]:
    """Compare what each layer gives for one sample."""
    for layer in layer_shapes(first.config.model):
        shapes = (run.layer_shapes[layer.name] for run in (first, second))
        yield _exact(f"{layer.name} {layer.kind}", *shapes, show=_times)


def _loss_rows(first: Run, second: Run) -> Iterable[Row]:
    """Compare training losses before the first and after some updates."""
    dtype = coarsest_dtype(first.config.train)
    names = {0: "initial loss", 1: "loss after 1 step"}
    last = min(len(run.history.step_losses) for run in (first, second)) - 1
    for step in (s for s in (0, 1, 10, 100, 1000) if s <= last):
        losses = (float(run.history.step_losses[step]) for run in (first, second))
        name = names.get(step, f"loss after {step} steps")
        allowed = (ALLOWED if step else ALLOWED_INITIAL)[dtype]
        is_judged = step <= JUDGED_STEPS[dtype]
        yield _close(name, *losses, allowed=allowed if is_judged else None)


def _end_rows(first: Run, second: Run) -> Iterable[Row]:
    """Compare the validation set at the end, or at the epoch that is kept, and the speeds."""
    dtype, num_steps = coarsest_dtype(first.config.train), len(first.history.step_losses)
    judged = num_steps <= JUDGED_RUNS[dtype]
    kept = first.config.train.keep_best
    losses = (
        float(run.history.validation_losses[run.history.best_epoch if kept else -1])
        for run in (first, second)
    )
    allowed = ALLOWED_VALIDATION[dtype] if judged else None
    yield _close("validation loss", *losses, allowed=allowed)

    if first.config.class_names:
        yield from _class_rows(first, second, judged)
    else:
        errors = (run.results.scores["mse"]["all"] for run in (first, second))
        yield _close("validation MSE", *errors, allowed=allowed)
        scores = (run.results.scores["r2"]["all"] for run in (first, second))
        # On a scale of 1, since it may well be near 0.
        yield _close("validation R2", *scores, allowed=allowed, scale=1.0)

    yield from _conformal_rows(first, second, allowed)

    speeds = [run.history.images_per_second for run in (first, second)]
    ratio = f"× {speeds[0] / speeds[1]:.2f}"
    yield Row("training, samples/s", f"{speeds[0]:.0f}", f"{speeds[1]:.0f}", ratio, "—", "—")


def _class_rows(first: Run, second: Run, judged: bool) -> Iterable[Row]:
    """Compare the classes predicted for the validation set."""
    counts = [np.array(run.results.scores["confusion_matrix"]) for run in (first, second)]
    num, right = int(counts[0].sum()), [int(np.trace(each)) for each in counts]
    moved = int(np.abs(counts[0] - counts[1]).sum()) // 2

    def row(name: str, shown: Callable[[int], str], apart: int) -> Row:
        verdict = judge(float(apart), 0.0) if judged else "—"
        cells = (shown(right[0]), shown(right[1]), f"{apart} pictures")
        return Row(name, *cells, "0" if judged else "—", verdict)

    yield row("validation accuracy", lambda n: f"{n / num:.2%}", abs(right[0] - right[1]))
    yield row("confusion matrix", lambda n: f"{n} of {num} right", moved)


def _conformal_rows(first: Run, second: Run, allowed: float | None) -> Iterable[Row]:
    """Compare thresholds, and the sets or intervals that they make of the validation set."""
    if first.calibration is None or second.calibration is None:
        what = "prediction sets" if first.config.class_names else "intervals"
        yield Row(what, "—", "—", "no calibration samples", "—", "—")
        return
    name = f"{100 * (1 - first.calibration.config.alpha):g}%"
    thresholds = [float(each.threshold.max()) for each in (first.calibration, second.calibration)]
    sets, others = np.array(first.predicted), np.array(second.predicted)
    if first.config.class_names:
        # On a scale of 1, that of probabilities.
        yield _close("conformal threshold", *thresholds, allowed=allowed, scale=1.0)
        moved = int((sets != others).any(1).sum())
        sizes = [f"{each.sum(1).mean():.4f} labels" for each in (sets, others)]
        verdict = "—" if allowed is None else judge(float(moved), 0.0)
        within = "—" if allowed is None else "0"
        cells = (sizes[0], sizes[1], f"{moved} of {len(sets)} sets")
        yield Row(f"prediction sets, {name}", *cells, within, verdict)
        return
    scale = float(np.abs(first.results.targets).max())
    yield _close("conformal threshold", *thresholds, allowed=allowed, scale=scale)
    apart = np.abs(sets - others, out=np.zeros_like(sets), where=sets != others)
    yield _apart(
        f"mean interval, {name}",
        *(float(np.diff(each).mean()) for each in (sets, others)),
        difference=float(apart.max()) / scale,
        allowed=allowed,
    )


def _exact(name: str, first: T, second: T, *, show: Callable[[T], str]) -> Row:
    same = first == second
    verdict = judge(0.0 if same else float("inf"), 0.0)
    return Row(name, show(first), show(second), "0" if same else "not equal", "0", verdict)


def _close(
    name: str, first: float, second: float, *, allowed: float | None, scale: float | None = None
) -> Row:
    difference = abs(first - second) / scale if scale else relative_difference(first, second)
    if first == second or (np.isnan(first) and np.isnan(second)):
        difference = 0.0  # infinite or undefined in both, too
    return _apart(name, first, second, difference=difference, allowed=allowed)


def _apart(
    name: str, first: float, second: float, *, difference: float, allowed: float | None
) -> Row:
    cells = (f"{first:.10g}", f"{second:.10g}", f"{difference:.1e}")
    if allowed is None:
        return Row(name, *cells, "—", "—")
    return Row(name, *cells, f"{allowed:.0e}", judge(difference, allowed))


def _short_digest(digest: str) -> str:
    return f"{digest[:8]}…{digest[-4:]}"


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
