"""A training killed at any moment, mid-write included, goes on and ends as one that was not."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from parity_tests.helpers import killed_training
from zoojax.common.storage import checkpoints, files
from zoojax.common.storage.runs import CHECKPOINTS, HISTORY

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
TIMES = ("epoch_seconds", "images_per_second")
ZOO = "from zootorch.cli import main; main()"
FLAGS = (
    *("--model", "mlp", "--num-each", "1", "--data.length", "12", "--checkpoint-steps", "1"),
    *("--train.num-epochs", "6", "--train.keep-best", "--model.hidden-dim", "8"),
)


def assert_same_files(first, second):
    """Assert that two runs left the same weights and history, wall times aside."""
    assert (first / files.WEIGHTS).read_bytes() == (second / files.WEIGHTS).read_bytes()
    histories = [files.read_json(folder / HISTORY) for folder in (first, second)]
    for history in histories:
        for name in TIMES:
            history.pop(name)
    assert histories[0] == histories[1]
    newest = [checkpoints.newest(folder / CHECKPOINTS) for folder in (first, second)]
    for name in (checkpoints.OPTIMIZER, checkpoints.BEST):
        assert (newest[0] / name).read_bytes() == (newest[1] / name).read_bytes()


@pytest.mark.parametrize(
    ("seed", "name"),
    [
        (0, "short"),
        pytest.param(0, "long", marks=pytest.mark.slow),
        pytest.param(1, "long", marks=pytest.mark.slow),
    ],
)
def test_killed_at_many_random_moments_it_ends_the_same(tmp_path, seed, name):
    length = killed_training.LENGTHS[name]
    killed_training.train(tmp_path / "whole", length.num_epochs)
    command = [sys.executable, killed_training.__file__, str(tmp_path / "run"), str(seed), name]
    options = {"capture_output": True, "text": True, "timeout": 300}
    done = subprocess.run(command, env=ENVIRONMENT, check=False, **options)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["in_write"] >= length.min_in_write
    assert_same_files(tmp_path / "whole", tmp_path / "run")
    assert [path.name[:4] for path in (tmp_path / "run" / CHECKPOINTS).iterdir()] == ["step"]


def zoo(folder, backend, *more):
    """Start `zoo train` in a process of its own."""
    command = [sys.executable, "-c", ZOO, "train", "--out", str(folder), "--backend", backend]
    return subprocess.Popen(
        [*command, *FLAGS, *more], env=ENVIRONMENT, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_zoo_train_killed_and_resumed_ends_the_same(tmp_path, backend):
    whole = zoo(tmp_path / "whole", backend)
    run, chance, killed = tmp_path / "run", random.Random(7), 0
    for attempt in range(40):
        process = zoo(run, backend, *(["--resume"] if attempt else []))
        before = checkpoints.newest(run / CHECKPOINTS)
        while process.poll() is None and checkpoints.newest(run / CHECKPOINTS) == before:
            time.sleep(0.01)
        if killed < 4:
            time.sleep(chance.uniform(0, 0.05))
            process.send_signal(signal.SIGKILL)
        _, errors = process.communicate(timeout=120)
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, errors.decode()
        killed += 1
    assert killed >= 3
    assert whole.wait() == 0, whole.communicate()[1].decode()
    assert_same_files(tmp_path / "whole", run)
    losses = files.read_json(run / HISTORY)["step_losses"]
    assert len(losses) == 60
    assert np.isfinite(losses).all()
