"""Configurations: frozen dataclasses that are checked when they are made."""

from zoojax.spec.config.augment import ShrinkConfig
from zoojax.spec.config.checks import check_num_each
from zoojax.spec.config.conformal import ConformalConfig, conformal_of
from zoojax.spec.config.data import DataConfig, ShapesConfig, SinusoidsConfig
from zoojax.spec.config.models import CNNConfig, MLPConfig, ModelConfig, RNNConfig
from zoojax.spec.config.runs import DEFAULT_RUNS, ModelName, RunConfig
from zoojax.spec.config.training import TrainConfig

__all__ = [
    "DEFAULT_RUNS",
    "CNNConfig",
    "ConformalConfig",
    "DataConfig",
    "MLPConfig",
    "ModelConfig",
    "ModelName",
    "RNNConfig",
    "RunConfig",
    "ShapesConfig",
    "ShrinkConfig",
    "SinusoidsConfig",
    "TrainConfig",
    "check_num_each",
    "conformal_of",
]
