"""Measure both backends: `python -m benchmarks [cpu | gpu | quick] [--out FILE]`."""

import argparse
import json
import os
from pathlib import Path

# JAX would otherwise take three quarters of a GPU's memory at once.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import torch

from benchmarks import machine, render
from benchmarks.suite import PRESETS, SECTIONS, measure


def main() -> None:
    """Measure, print, write results as JSON after each table; make tables and figure anew."""
    parser = argparse.ArgumentParser(description=__doc__)
    usual = "gpu" if torch.cuda.is_available() else "cpu"
    parser.add_argument("preset", nargs="?", choices=PRESETS, default=usual)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=tuple(SECTIONS))
    parser.add_argument("--keep-memory", action="store_true", help="as the program zoo does")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    options = parser.parse_args()
    os.environ[machine.KEEP] = "1" if options.keep_memory else ""
    kept = machine.prepare()
    about = {"preset": options.preset, "memory kept": kept}
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
    for results in measure(PRESETS[options.preset], options.only):
        if options.out:
            options.out.write_text(json.dumps({**about, **results}, indent=1) + "\n")
    if options.out and options.out.parent.resolve() == render.RESULTS.resolve():
        render.main()


if __name__ == "__main__":
    main()
