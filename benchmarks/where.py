"""Where the time of a step goes: of zoojax by layer, of zootorch by operation."""

import collections
import re
import tempfile
from pathlib import Path

import jax
import torch

from benchmarks.backends import Jax, Torch

NUM_STEPS = 5
NAMED = re.compile(r"%?([\w.\-]+) = .*metadata=\{[^}]*op_name=\"([^\"]*)\"")
LAYER = re.compile(r"\b(\w*block_\d+|rnn_l\d+|fc|head)\b")

CONTAINERS = ("while", "call", "conditional")
"""Operations whose time is that of others within them."""

Shares = dict[str, float]
"""Part of the time by what it goes into, the largest first; what is small together."""


def jax_shares(contender: Jax) -> Shares:
    """Return the share of each layer, forward and backward, by the names XLA keeps."""
    named = NAMED.findall(contender.compiled().as_text())
    layers = {name: layer_of(path) for name, path in named}
    contender.step()
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            for _ in range(NUM_STEPS):
                contender.step()
        (path,) = Path(folder).rglob("*.xplane.pb")
        profile = jax.profiler.ProfileData.from_file(str(path))
    seconds: collections.Counter[str] = collections.Counter()
    for plane in profile.planes:
        for line in plane.lines:
            for event in line.events:
                # On a GPU an event is a kernel, which says what it is a part of.
                name = str(dict(event.stats).get("hlo_op", event.name))
                if name in layers and not name.startswith(CONTAINERS):
                    seconds[layers[name]] += event.duration_ns
    return shares(seconds)


def layer_of(path: str) -> str:
    """Return the layer that an operation belongs to, and whether it is of the backward pass.

    Args:
        path: such as ``jit(train_step)/transpose(jvp(CNN))/conv_block_0/add``.
    """
    found = LAYER.search(path)
    if found is None:
        return "all else"
    return f"{found[1]}, {'backward' if 'transpose(' in path else 'forward'}"


def torch_shares(contender: Torch) -> Shares:
    """Return the share of each operation of torch, as its profiler sees them."""
    contender.step()
    with torch.profiler.profile() as profile:
        for _ in range(NUM_STEPS):
            contender.step()
    seconds: collections.Counter[str] = collections.Counter()
    for event in profile.key_averages():
        if not torch.cuda.is_available():
            seconds[event.key] += event.self_cpu_time_total
        elif event.device_type == torch.autograd.DeviceType.CUDA:  # kernels, not who called them
            seconds[event.key] += event.self_device_time_total
    return shares(seconds)


def shares(seconds: collections.Counter[str], smallest: float = 0.02) -> Shares:
    """Return parts of the whole, those under ``smallest`` as one."""
    whole = sum(seconds.values())
    found = {name: each / whole for name, each in seconds.most_common()}
    kept = {name: part for name, part in found.items() if part >= smallest and name != "all else"}
    return {**kept, "all else": 1 - sum(kept.values())}
