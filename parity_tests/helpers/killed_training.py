"""Train in child processes, each killed at a random moment, then in one that comes to its end.

A program of its own, since it forks: `python killed_training.py FOLDER SEED`. It prints how many
children were killed while they wrote a checkpoint.
"""

import json
import os
import random
import select
import signal
import sys
import time
from pathlib import Path

import numpy as np
import torch

import zootorch
from zoojax.common.storage import files
from zoojax.common.storage.checkpoints import Checkpoints, newest
from zoojax.common.storage.runs import CHECKPOINTS, HISTORY
from zoojax.spec.config import MLPConfig, TrainConfig
from zoojax.spec.records import Batch

MODEL = MLPConfig(input_dim=6, output_dim=2, hidden_dim=8)
TRAIN = TrainConfig(num_epochs=120, batch_size=16, keep_best=True)
NUM_KILLED, MAX_KILLED = 15, 60
MIN_IN_WRITE = 3
"""On a busy machine fewer are met while they write: then more are killed."""


class TellingCheckpoints(Checkpoints):
    """Tells the parent each step that was saved."""

    pipe = None

    def save(self, checkpoint):
        super().save(checkpoint)
        if self.pipe is not None:
            os.write(self.pipe, checkpoint.log.num_steps.to_bytes(4, "big"))


def train(folder, pipe=None):
    """Train, from the last checkpoint on where there is one, and write the weights."""
    generator = np.random.default_rng(0)
    inputs = torch.from_numpy(generator.normal(size=(60, 6)).astype(np.float32))
    labels = (inputs[:, 0] > 0).long()
    model = zootorch.MLP(MODEL, zootorch.Generator(0))
    saver = TellingCheckpoints(folder / CHECKPOINTS, every_steps=1, resume=True)
    saver.pipe = pipe
    history = zootorch.Trainer(model, TRAIN).fit(
        Batch(inputs[:40], labels[:40]),
        validation=Batch(inputs[40:], labels[40:]),
        checkpoints=saver,
    )
    model.save_pretrained(folder)
    files.write_json(folder / HISTORY, history)


def start(folder):
    """Start to train in a child; return its number and where it tells what it saved."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        train(folder, writer)
        os._exit(0)
    os.close(writer)
    return child, reader


def main(folder, seed):
    """Kill as many children as asked for, then let one come to its end."""
    chance, in_write = random.Random(seed), 0
    for killed in range(MAX_KILLED):
        if killed >= NUM_KILLED and in_write >= MIN_IN_WRITE:
            break
        child, reader = start(folder)
        if chance.random() < 0.8:  # else it may be killed before it has saved anything
            select.select([reader], [], [], 60)
        time.sleep(chance.uniform(0, 0.02))
        os.kill(child, signal.SIGKILL)
        assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL, "it was over before"
        with os.fdopen(reader, "rb") as pipe:
            told = pipe.read()
        in_write += any((folder / CHECKPOINTS).glob(f".*.{child}.partial"))
        if told:
            # Nothing that was saved is lost.
            saved = int(newest(folder / CHECKPOINTS).name.split("-")[1])
            assert saved >= int.from_bytes(told[-4:], "big"), (saved, told[-4:])
    train(folder)
    print(json.dumps({"in_write": in_write}))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]), int(sys.argv[2]))
