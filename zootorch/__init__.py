"""Shapes, sinusoids and the networks that learn them as objects: modules, data sets, trainers.

State stays inside and changes. ``zoojax`` does the same job with pure functions, under the
same names.
"""

from zoojax.spec.lazy import attach

_HOMES = {
    "zootorch.augment": ("Shrink",),
    "zootorch.cnn": ("CNN",),
    "zootorch.conformal": (
        "APS",
        "LAC",
        "RAPS",
        "SAPS",
        "SplitConformalClassifier",
        "SplitConformalRegressor",
        "TopK",
    ),
    "zootorch.data": ("split_indices", "standardise", "take", "windows"),
    "zootorch.ensemble": (
        "DeepEnsemble",
        "EnsembleTrainer",
        "init_ensemble",
        "mean_outputs",
    ),
    "zootorch.losses": ("cross_entropy", "mean_squared_error", "pinball"),
    "zootorch.metrics": (
        "F1",
        "MAE",
        "MSE",
        "R2",
        "Accuracy",
        "AveragePrecision",
        "ConfusionMatrix",
        "PearsonR",
        "Precision",
        "PrecisionRecallCurve",
        "Recall",
        "RocAuc",
        "RocCurve",
    ),
    "zootorch.mlp": ("MLP",),
    "zootorch.models": ("load_pretrained",),
    "zootorch.random": ("Generator",),
    "zootorch.rnn": ("RNN",),
    "zootorch.shapes": ("ShapesDataset", "shape_mask"),
    "zoojax.spec.checkpoints": ("Checkpoints",),
    "zoojax.spec.config": (
        "CNNConfig",
        "ConformalConfig",
        "MLPConfig",
        "RNNConfig",
        "ShapesConfig",
        "ShrinkConfig",
        "SinusoidsConfig",
        "TrainConfig",
    ),
    "zoojax.spec.history": ("History",),
    "zoojax.spec.records": (
        "Batch",
        "NonFiniteLossError",
        "ShapeBatch",
        "SinusoidBatch",
    ),
    "zootorch.evaluation": ("evaluate", "predict"),
    "zootorch.training": ("Trainer",),
    "zootorch.waves": ("SinusoidsDataset", "sinusoid"),
}

__getattr__, __dir__, __all__ = attach(__name__, _HOMES)
