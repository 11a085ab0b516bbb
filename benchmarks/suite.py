"""All that is measured, section by section: plain data that `render.py` turns into tables."""

import tempfile
from collections.abc import Iterator
from typing import Any, NamedTuple

from benchmarks import alone, machine, payoffs, simulation, where
from benchmarks.contenders import CONTENDERS, Jax
from benchmarks.timing import Timing, interleave
from benchmarks.workloads import WORKLOADS, samples


class Preset(NamedTuple):
    """How much is measured.

    Attributes:
        workloads: their names.
        contenders: their names.
        num_rounds: how often each contender is timed.
        least: seconds of each such round.
        members: sizes of ensembles.
    """

    workloads: tuple[str, ...]
    contenders: tuple[str, ...]
    num_rounds: int
    least: float
    members: tuple[int, ...] = (1, 4, 16, 64, 256)


EAGER = ("plain", "zootorch", "zoojax")
PRESETS = {
    "cpu": Preset(tuple(WORKLOADS), tuple(CONTENDERS), num_rounds=15, least=0.05),
    "gpu": Preset(tuple(WORKLOADS), tuple(CONTENDERS), num_rounds=30, least=0.05),
    "quick": Preset(
        ("mlp", "cnn, 16 channels, 64 px"), EAGER, num_rounds=3, least=0.0, members=(1, 4)
    ),
}
Rows = dict[str, dict[str, Any]]


def rows(timings: dict[str, Timing], num: int) -> Rows:
    """Return seconds, rates and ratios to the first contender, of ``num`` samples a call."""
    first = next(iter(timings.values())).median
    return {
        name: {
            "seconds": list(timing),
            "samples/s": num / timing.median,
            "times the first": first / timing.median,
        }
        for name, timing in timings.items()
    }


def simulate(preset: Preset) -> Iterator[tuple[str, str, Rows]]:
    """Measure the simulation of pictures."""
    timings = interleave(simulation.simulators(), num_rounds=preset.num_rounds)
    yield "simulation", "pictures of 224 px", rows(timings, simulation.NUM)


def train(preset: Preset) -> Iterator[tuple[str, str, Rows]]:
    """Measure a forward pass, a step and an epoch of each model."""
    ceilings = machine.ceilings()
    for workload in preset.workloads:
        config = WORKLOADS[workload]
        dataset = samples(config)
        made = {name: CONTENDERS[name](config, dataset) for name in preset.contenders}
        batch_size, num = config.train.batch_size, len(dataset.targets)
        for section, count in (("forward", batch_size), ("step", batch_size), ("epoch", num)):
            calls = {name: getattr(each, section) for name, each in made.items()}
            timings = interleave(calls, num_rounds=preset.num_rounds, least=preset.least)
            found = rows(timings, count)
            if section == "step" and isinstance(functional := made["zoojax"], Jax):
                add_shares(found, functional.cost(), ceilings)
            yield section, workload, found


def add_shares(found: Rows, cost: dict[str, float], ceilings: dict[str, float]) -> None:
    """Add what a step needs, and how near each contender comes to the least time for it.

    S. Williams, A. Waterman and D. Patterson, Roofline, 2009: no less than FLOPs over the
    most FLOPs a second, and no less than bytes over the most bytes a second.
    """
    least = max(cost["flops"] / ceilings["flops"], cost["bytes"] / ceilings["bytes"])
    for row in found.values():
        row.update(cost, share=least / row["seconds"][0])


def start(preset: Preset) -> Iterator[tuple[str, str, Rows]]:
    """Measure what a new process needs: import, the first step, and the memory of steps."""
    imports = {
        name: {"seconds": sorted(alone.import_seconds(name) for _ in range(3))}
        for name in alone.IMPORTS
    }
    yield (
        "import",
        "a new process",
        {
            name: {"seconds": [row["seconds"][1], row["seconds"][0], row["seconds"][2]]}
            for name, row in imports.items()
        },
    )
    for workload in preset.workloads:
        found = {name: alone.measure(name, workload) for name in preset.contenders}
        with tempfile.TemporaryDirectory() as cache:
            alone.measure("zoojax", workload, cache)
            found["zoojax, compiled before"] = alone.measure("zoojax", workload, cache)
        yield "start", workload, found


def pay_off(preset: Preset) -> Iterator[tuple[str, str, Rows]]:
    """Measure what functions make easy, beside its counterparts in torch."""
    for timed in payoffs.payoffs(preset):
        timings = interleave(timed.calls, num_rounds=timed.num_rounds, num_warm=1)
        yield timed.section, timed.workload, rows(timings, timed.num)


def explain(preset: Preset) -> Iterator[tuple[str, str, Rows]]:
    """Measure where the time of a step goes."""
    for workload in preset.workloads:
        yield (
            "where",
            workload,
            {name: {"shares": where.measure(name, workload)} for name in ("zoojax", "zootorch")},
        )


SECTIONS = {
    "simulation": simulate,
    "training": train,
    "payoffs": pay_off,
    "where": explain,
    "start": start,
}


def measure(preset: Preset, sections: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Yield everything that has been measured: nothing at first, then after each table."""
    results: dict[str, Any] = {
        "machine": machine.machine(),
        "ceilings": machine.ceilings(),
        "rounds": preset.num_rounds,
        "sections": {},
    }
    yield results
    for name in sections:
        for section, workload, found in SECTIONS[name](preset):
            results["sections"].setdefault(section, {})[workload] = found
            print(describe(section, workload, found), flush=True)
            yield results


def describe(section: str, workload: str, found: Rows) -> str:
    """Return one table as text."""
    lines = [f"\n{section}: {workload}"]
    for name, row in found.items():
        if "shares" in row:
            lines += [f"  {name:22s} {part:5.1%} {what}" for what, part in row["shares"].items()]
            continue
        if "seconds" not in row:
            lines.append(f"  {name:22s}" + "".join(f" {k} {v:.4g}" for k, v in row.items()))
            continue
        milliseconds = " ".join(f"{1e3 * each:9.3f}" for each in row["seconds"])
        rest = ""
        if "samples/s" in row:
            rest = f"{row['samples/s']:12.0f}/s  x {row['times the first']:.2f}"
        if "share" in row:
            rest += f"  {row['share']:.0%} of the roofline"
        lines.append(f"  {name:22s} {milliseconds} ms {rest}")
    return "\n".join(lines)
