"""Shapes, sinusoids and the networks that learn them as pure functions: JAX, Flax, optax.

State goes in and comes out; nothing is remembered. ``zootorch`` does the same job with
objects, under the same names.
"""

from zoojax.spec.lazy import attach

_HOMES = {
    "zoojax.augment": ("shrink",),
    "zoojax.checkpoint": ("load_pretrained", "save_pretrained"),
    "zoojax.cnn": ("CNN",),
    "zoojax.conformal": (
        "aps",
        "calibrate",
        "label_scores",
        "lac",
        "prediction_sets",
        "raps",
        "saps",
        "top_k",
    ),
    "zoojax.data": ("split_indices", "standardise", "take", "windows"),
    "zoojax.ensemble": (
        "DeepEnsemble",
        "fit_ensemble",
        "init_ensemble",
        "mean_outputs",
    ),
    "zoojax.losses": ("cross_entropy", "mean_squared_error", "pinball"),
    "zoojax.metrics": (
        "accuracy",
        "average_precision",
        "confusion_matrix",
        "f1",
        "mae",
        "mse",
        "pearson_r",
        "precision",
        "precision_recall_curve",
        "r2",
        "recall",
        "roc_auc",
        "roc_curve",
    ),
    "zoojax.mlp": ("MLP",),
    "zoojax.rnn": ("RNN",),
    "zoojax.shapes": ("shape_mask", "simulate_batch", "simulate_shapes"),
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
    "zoojax.evaluation": ("evaluate", "predict"),
    "zoojax.stacked": ("predict_members",),
    "zoojax.training": ("create_state", "fit", "train_step"),
    "zoojax.waves": ("simulate_sinusoids", "sinusoid"),
    "zoojax.weights": ("init",),
}

__getattr__, __dir__, __all__ = attach(__name__, _HOMES)
