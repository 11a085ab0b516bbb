"""Simulation and the CNN's training step: zoojax, zootorch and what they are measured against.

    python -m benchmarks.speed [--out benchmarks/results/NAME.json]

Everything runs in one process, in turn; the table shows medians with their range. Memory is
measured in a process of its own for each contender. See `timing.py` and `contenders.py`.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

# JAX would otherwise take three quarters of a GPU's memory at once.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import flax
import jax
import numpy as np
import torch

from benchmarks.contenders import BATCH, NUM_SIMULATED, SIZE, memory_of, simulators, steps
from benchmarks.timing import Timing, interleave

# What changes the numbers from outside: glibc's allocator, XLA and the number of threads.
SETTINGS = (
    *("MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_ARENA_MAX"),
    *("GLIBC_TUNABLES", "XLA_FLAGS", "OMP_NUM_THREADS"),
)


def processor() -> str:
    """Return the name of the processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def machine() -> dict[str, Any]:
    """Return what the numbers depend on."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "gpu": gpu,
        "torch threads": torch.get_num_threads(),
        "precision": "float32, TF32 off",
        "settings": {name: os.environ[name] for name in SETTINGS if name in os.environ},
        "python": platform.python_version(),
        **{p.__name__: p.__version__ for p in (jax, flax, torch, np)},
    }


def report(title: str, timings: dict[str, Timing], unit: str, num: int) -> dict[str, Any]:
    """Print one table and return it as plain data: rates, and ratios to the first."""
    print(f"\n{title}")
    first = next(iter(timings.values())).median
    rows: dict[str, Any] = {}
    for name, timing in timings.items():
        rates = [num / each for each in (timing.median, timing.high, timing.low)]
        rows[name] = {
            "milliseconds": [round(1e3 * each, 3) for each in timing],
            unit: [round(rate, 1) for rate in rates],
            "times the first": round(first / timing.median, 3),
        }
        low, high = rows[name]["milliseconds"][1:]
        print(
            f"  {name:42s} {rows[name]['milliseconds'][0]:9.1f} ms ({low:.1f} to {high:.1f})"
            f"{rates[0]:10.0f} {unit}   x {rows[name]['times the first']:.2f}"
        )
    return rows


def measure_memory(name: str) -> float:
    """Return the megabytes that steps of a contender need, from a process of its own."""
    command = [sys.executable, "-m", "benchmarks.speed", "--memory-of", name]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1])


def main() -> None:
    """Measure, print, and write the results as JSON when asked."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, help="JSON file to write")
    parser.add_argument("--rounds", type=int, default=15, help="rounds of each contender")
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    options = parser.parse_args()
    jax.config.update("jax_default_matmul_precision", "highest")
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    if options.memory_of:
        print(memory_of(options.memory_of) / 1e6)
        return

    results: dict[str, Any] = {"machine": machine(), "rounds": options.rounds}
    print("\n".join(f"{key}: {value}" for key, value in results["machine"].items()))
    timings = interleave(simulators(), num_rounds=options.rounds)
    title = f"Simulation of {NUM_SIMULATED} pictures of {SIZE}x{SIZE}"
    results[title] = report(title, timings, "pictures/s", NUM_SIMULATED)
    contenders = {name: make() for name, make in steps().items()}
    timings = interleave(contenders, num_rounds=options.rounds)
    title = f"Training step, {BATCH} pictures of {SIZE}x{SIZE}, 16 channels, 1 extra convolution"
    results[title] = report(title, timings, "pictures/s", BATCH)
    print("\nPeak memory of steps beyond what the process held before, MB")
    results["peak memory of a step, MB"] = {}
    for name in contenders:
        megabytes = measure_memory(name)
        results["peak memory of a step, MB"][name] = round(megabytes)
        print(f"  {name:42s} {megabytes:9.0f}")
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
