"""Measure both backends: `python -m benchmarks [cpu | gpu | quick] [--out FILE]`."""

import argparse
import json
import os
from pathlib import Path
from typing import Any

# JAX would otherwise take three quarters of a GPU's memory at once.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import torch

from benchmarks import machine, render
from benchmarks.suite import PRESETS, SECTIONS, measure


def with_earlier(results: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """Return results with the tables that were measured before and not again.

    Args:
        results: measured now.
        before: what the file holds, or nothing.

    Raises:
        ValueError: when that is of another machine, preset, or number of rounds.
    """
    if not before:
        return results
    changing = {"commit", "load before"}
    for name in ("preset", "memory kept", "rounds", "machine"):
        old, new = before[name], results[name]
        if name == "machine":
            old, new = ({k: v for k, v in each.items() if k not in changing} for each in (old, new))
        if old != new:
            raise ValueError(f"the file holds results of another {name}, {old}; this is {new}")
    kept = {k: v for k, v in before["sections"].items() if k not in results["sections"]}
    commits = dict.fromkeys(kept, before["machine"]["commit"]) | before.get("commits", {})
    commits = {name: commit for name, commit in commits.items() if name in kept}
    return {**results, "sections": {**kept, **results["sections"]}, "commits": commits}


def main() -> None:
    """Measure, print, write results as JSON after each table; make tables and figure anew."""
    parser = argparse.ArgumentParser(description=__doc__)
    usual = "gpu" if torch.cuda.is_available() else "cpu"
    parser.add_argument("preset", nargs="?", choices=PRESETS, default=usual)
    parser.add_argument(
        "--only",
        nargs="+",
        choices=SECTIONS,
        default=tuple(SECTIONS),
        help="the file keeps what it has of other sections",
    )
    parser.add_argument("--keep-memory", action="store_true", help="as the program zoo does")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    options = parser.parse_args()
    os.environ[machine.KEEP] = "1" if options.keep_memory else ""
    kept = machine.prepare()
    about = {"preset": options.preset, "memory kept": kept}
    before: dict[str, Any] = {}
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        if set(options.only) < set(SECTIONS) and options.out.exists():
            before = json.loads(options.out.read_text())
    for results in measure(PRESETS[options.preset], options.only):
        if options.out:
            whole = with_earlier({**about, **results}, before)
            options.out.write_text(json.dumps(whole, indent=1) + "\n")
    if options.out and options.out.parent.resolve() == render.RESULTS.resolve():
        render.main()


if __name__ == "__main__":
    main()
