"""What is measured in a process of its own: import, first step, peak memory.

python -m benchmarks.alone CONTENDER WORKLOAD
"""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

# What the first lines of a program for training take; packages load their parts when asked for.
IMPORTS = {
    "zoojax": "from zoojax import CNN, fit",
    "zootorch": "from zootorch import CNN, Trainer",
    "plain": "import torch, torch.utils.data",
}
NUM_MEASURED = 3


def import_seconds(name: str) -> float:
    """Return the seconds in which a new process imports what a contender needs."""
    before = time.perf_counter()
    subprocess.run([sys.executable, "-c", IMPORTS[name]], check=True)
    return time.perf_counter() - before


def measure(contender: str, workload: str, cache: str | None = None) -> dict[str, float]:
    """Return the seconds until the first step is made, of a step after, and its peak memory.

    Args:
        contender: name.
        workload: name.
        cache: folder in which JAX keeps what it compiles, and finds it again.
    """
    command = [sys.executable, "-m", "benchmarks.alone", contender, workload]
    settings = {}
    if cache is not None:
        settings["JAX_COMPILATION_CACHE_DIR"] = cache
        settings["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    environment = {**os.environ, **settings}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def resident(field: str) -> int:
    """Return VmRSS or VmHWM, resident memory of this process now or at most, in bytes."""
    (kibibytes,) = re.findall(rf"{field}:\s+(\d+)", Path("/proc/self/status").read_text())
    return 1024 * int(kibibytes)


def main() -> None:
    """Make a few steps and print what they took as JSON."""
    import jax
    import torch

    from benchmarks.contenders import CONTENDERS
    from benchmarks.machine import prepare
    from benchmarks.workloads import WORKLOADS, samples

    prepare()
    name, workload = sys.argv[1:]
    config = WORKLOADS[workload]
    train = samples(config)
    before = resident("VmRSS")
    start = time.perf_counter()
    contender = CONTENDERS[name](config, train)
    contender.step()
    first = time.perf_counter() - start
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    for _ in range(NUM_MEASURED):
        contender.step()
    step = (time.perf_counter() - start) / NUM_MEASURED
    memory = resident("VmHWM") - before
    if torch.cuda.is_available() and name != "zoojax":
        memory = torch.cuda.max_memory_allocated()
    elif torch.cuda.is_available():
        memory = jax.devices()[0].memory_stats()["peak_bytes_in_use"]
    print(json.dumps({"first step": first, "step": step, "memory": memory}))


if __name__ == "__main__":
    main()
