"""What numbers depend on: the machine, its ceilings, versions and settings."""

import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flax
import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch
from jax import Array

from zoojax.common.memory import keep_freed_memory

# What changes the numbers from outside: glibc's allocator, XLA and the number of threads.
SETTINGS = (
    *("MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_ARENA_MAX"),
    *("GLIBC_TUNABLES", "XLA_FLAGS", "OMP_NUM_THREADS", "OMP_WAIT_POLICY"),
)


KEEP = "BENCHMARKS_KEEP_MEMORY"
"""Environment variable, not empty where freed memory is to be kept; processes inherit it."""


def prepare() -> bool:
    """Set what is the same in all processes: full precision, and whether memory is kept.

    Returns:
        whether it is.
    """
    jax.config.update("jax_default_matmul_precision", "highest")
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    return bool(os.environ.get(KEEP)) and keep_freed_memory()


def processor() -> str:
    """Return the name of the processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def commit() -> str:
    """Return the commit of this checkout, with a mark where files were changed since."""
    command = ["git", "describe", "--always", "--dirty"]
    folder = Path(__file__).parent
    found = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)
    return found.stdout.strip() or "unknown"


def machine() -> dict[str, Any]:
    """Return what the numbers depend on."""
    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "torch threads": torch.get_num_threads(),
        "precision": "float32, TF32 off",
        "load before": round(os.getloadavg()[0], 2),
        "settings": {name: os.environ[name] for name in SETTINGS if name in os.environ},
        "commit": commit(),
        "python": platform.python_version(),
        **{p.__name__: p.__version__ for p in (jax, flax, optax, torch, np)},
    }


def ceilings() -> dict[str, float]:
    """Measure what the device can do at most: bytes copied and products made a second.

    Returns:
        "bytes": read and written a second by a sum of an array and a number, in its own memory;
        "flops": of a product of float32 matrices.
    """
    values = jnp.ones(2**26, jnp.float32)
    num_bytes = values.nbytes
    moved = _median(jax.jit(lambda x: x + 1, donate_argnums=0), values)
    side = 4096 if jax.default_backend() != "cpu" else 1536
    matrix = jnp.ones((side, side), jnp.float32)
    made = _median(jax.jit(lambda x: x @ x / side), matrix)
    return {"bytes": 2 * num_bytes / moved, "flops": 2 * side**3 / made}


def _median(function: Callable[[Array], Array], value: Array) -> float:
    """Return the seconds of a call that is given what the last one returned."""
    seconds = []
    for _ in range(12):
        before = time.perf_counter()
        value = jax.block_until_ready(function(value))
        seconds.append(time.perf_counter() - before)
    return statistics.median(seconds[2:])
