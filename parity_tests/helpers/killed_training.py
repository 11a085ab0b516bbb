"""Train in child processes, each killed at a random moment, then in one that comes to its end.

A program of its own, since it forks: `python killed_training.py FOLDER SEED LENGTH`, with one of
LENGTHS. It prints how many children were killed while they wrote a checkpoint.
"""

import json
import os
import random
import select
import signal
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

import zootorch
from zoojax.common.storage import files
from zoojax.common.storage.checkpoints import Checkpoints, newest
from zoojax.common.storage.runs import CHECKPOINTS, HISTORY
from zoojax.spec.config import MLPConfig, TrainConfig
from zoojax.spec.records import Batch

MODEL = MLPConfig(input_dim=6, output_dim=2, hidden_dim=8)
MAX_KILLED = 60


class Length(NamedTuple):
    """How long to train, and how often to kill.

    On a busy machine few children are met while they write: then more are killed.
    """

    num_epochs: int
    num_killed: int
    min_in_write: int


LENGTHS = {"short": Length(40, 5, 1), "long": Length(120, 15, 3)}


class TellingCheckpoints(Checkpoints):
    """Tells the parent each step that was saved."""

    pipe = None

    def save(self, checkpoint):
        super().save(checkpoint)
        if self.pipe is not None:
            os.write(self.pipe, checkpoint.log.num_steps.to_bytes(4, "big"))


def train(folder, num_epochs, pipe=None):
    """Train, from the last checkpoint on where there is one, and write the weights."""
    generator = np.random.default_rng(0)
    inputs = torch.from_numpy(generator.normal(size=(60, 6)).astype(np.float32))
    labels = (inputs[:, 0] > 0).long()
    model = zootorch.MLP(MODEL, zootorch.Generator(0))
    saver = TellingCheckpoints(folder / CHECKPOINTS, every_steps=1, resume=True)
    saver.pipe = pipe
    config = TrainConfig(num_epochs=num_epochs, batch_size=16, keep_best=True)
    history = zootorch.Trainer(model, config).fit(
        Batch(inputs[:40], labels[:40]),
        validation=Batch(inputs[40:], labels[40:]),
        checkpoints=saver,
    )
    model.save_pretrained(folder)
    files.write_json(folder / HISTORY, history)


def start(folder, num_epochs):
    """Start to train in a child; return its number and where it tells what it saved."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        train(folder, num_epochs, writer)
        os._exit(0)
    os.close(writer)
    return child, reader


def main(folder, seed, length):
    """Kill as many children as asked for, then let one come to its end."""
    chance, in_write = random.Random(seed), 0
    for killed in range(MAX_KILLED):
        if killed >= length.num_killed and in_write >= length.min_in_write:
            break
        child, reader = start(folder, length.num_epochs)
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
    train(folder, length.num_epochs)
    print(json.dumps({"in_write": in_write}))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]), int(sys.argv[2]), LENGTHS[sys.argv[3]])
