"""Where the time of a step goes, on one core: of zoojax by layer, of zootorch by operation.

python -m benchmarks.where CONTENDER WORKLOAD
"""

import collections
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import jax
import torch

from benchmarks.contenders import Jax, Torch
from benchmarks.machine import prepare
from benchmarks.workloads import WORKLOADS, samples

NUM_STEPS = 5
BODY = re.compile(r"^(?:ENTRY )?%([\w.\-]+) \(.*\{$")
OPERATION = re.compile(r"^ +(?:ROOT )?%([\w.\-]+) = .*? [\w\-]+\((.*?)\)(?:, |$)")
NAME = re.compile(r"metadata=\{[^}]*op_name=\"([^\"]*)\"")
CALLED = re.compile(r"calls=%([\w.\-]+)")
OPERAND = re.compile(r"%([\w.\-]+)")
LAYER = re.compile(r"\b(\w*block_\d+|rnn_l\d+|fc|head)\b")

REST = "all else"

CONTAINERS = ("while", "call", "conditional")
"""Operations whose time is that of others within them."""

Shares = dict[str, float]
"""Part of the time by what it goes into, the largest first; what is small together."""


def measure(contender: str, workload: str) -> Shares:
    """Return the shares of a step, measured in a process of its own.

    On one core of a CPU: XLA gives the parts of an operation to other threads, where its
    profiler does not see them.
    """
    command = [sys.executable, "-m", "benchmarks.where", contender, workload]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: Shares = json.loads(done.stdout.splitlines()[-1])
    return found


def jax_shares(contender: Jax) -> Shares:
    """Return the share of each layer, forward and backward, by the names XLA keeps."""
    layers = layers_of(contender.compiled().as_text() or "")
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


def layers_of(program: str) -> dict[str, str]:
    """Return the layer of each operation of a program that XLA has compiled.

    XLA drops the names of some: these belong where most operations in their bodies do, those of
    the backward pass first, since it may make anew what the forward pass has not kept; or else
    where the last operand does that belongs to a layer, as of a convolution that makes the
    gradient of its weights from its input and the gradient of its output.
    """
    layers: dict[str, str] = {}
    bodies: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    body = ""
    for line in program.splitlines():
        if start := BODY.match(line):
            body = start[1]
        if not (operation := OPERATION.match(line)):
            continue
        name, called = NAME.search(line), CALLED.search(line)
        found = [layer_of(name[1])] if name else []
        if called:
            common = [layer for layer, _ in bodies[called[1]].most_common()]
            found += sorted(common, key=lambda layer: not layer.endswith("backward"))
        if not name:
            found += [layers.get(each, REST) for each in reversed(OPERAND.findall(operation[2]))]
        layers[operation[1]] = next((each for each in found if each != REST), REST)
        bodies[body][layers[operation[1]]] += 1
    return layers


def layer_of(path: str) -> str:
    """Return the layer that an operation belongs to, and whether it is of the backward pass.

    Args:
        path: such as ``jit(train_step)/transpose(jvp(CNN))/conv_block_0/add``.
    """
    found = LAYER.search(path)
    if found is None:
        return REST
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
        elif event.device_type == torch.profiler.DeviceType.CUDA:  # kernels, not who called them
            seconds[event.key] += event.self_device_time_total
    return shares(seconds)


def shares(seconds: collections.Counter[str], smallest: float = 0.02) -> Shares:
    """Return parts of the whole, those under ``smallest`` as one."""
    whole = sum(seconds.values())
    found = {name: each / whole for name, each in seconds.most_common()}
    kept = {name: part for name, part in found.items() if part >= smallest and name != REST}
    return {**kept, REST: 1 - sum(kept.values())}


def main() -> None:
    """Print the shares of one contender's step as JSON."""
    contender, workload = sys.argv[1:]
    if not torch.cuda.is_available():
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before JAX starts its threads
        torch.set_num_threads(1)
    prepare()
    config = WORKLOADS[workload]
    train = samples(config)
    if contender == "zoojax":
        found = jax_shares(Jax(config, train))
    else:
        found = torch_shares(Torch(config, train))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
