"""What is measured: each model at the sizes of the workshop, and samples to train it on."""

import dataclasses

import numpy as np

from zoojax.spec.config import DEFAULT_RUNS, CNNConfig, RunConfig, ShapesConfig, TrainConfig
from zoojax.spec.records import Batch


def cnn(channels: int, size: int, num_each: int) -> RunConfig:
    """Return a run of the workshop's CNN on pictures of ``size`` x ``size``."""
    return RunConfig(
        data=ShapesConfig(size, size, size // 4, size // 2, shades=True),
        num_each=num_each,
        model=CNNConfig(num_cnn_channels=channels, num_cnn_layers=1),
        train=TrainConfig(batch_size=32),
    )


def waves(model: str) -> RunConfig:
    """Return the default run of a model of waves, on 2,000 waves."""
    return dataclasses.replace(DEFAULT_RUNS[model], num_each=5)


WORKLOADS: dict[str, RunConfig] = {
    "mlp": waves("mlp"),
    "rnn": waves("rnn"),
    "lstm": waves("lstm"),
    "cnn, 16 channels, 64 px": cnn(16, 64, 20),
    "cnn, 32 channels, 64 px": cnn(32, 64, 20),
    "cnn, 16 channels, 224 px": cnn(16, 224, 8),
    "cnn, 32 channels, 224 px": cnn(32, 224, 8),
}
"""By name. The workshop's own pictures have 224 pixels a side, its models 16 or 32 channels."""


def samples(config: RunConfig) -> Batch:
    """Return the training samples of a run, NumPy arrays."""
    from zootorch.experiments import pipeline

    train = pipeline.split(config, pipeline.simulate(config))["train"]
    return Batch(*(np.ascontiguousarray(field) for field in train))


def num_steps(config: RunConfig, num_samples: int) -> int:
    """Return the steps of an epoch."""
    return -(-num_samples // config.train.batch_size)
