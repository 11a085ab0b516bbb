"""What a whole run is, from simulation to evaluation."""

import dataclasses
from typing import Literal, TypedDict, get_args

import numpy as np

from zoojax.spec.config.checks import (
    check_choice,
    check_class_weights,
    check_num_each,
    check_number,
)
from zoojax.spec.config.data import DataConfig, ShapesConfig, SinusoidsConfig
from zoojax.spec.config.models import CNNConfig, MLPConfig, ModelConfig, RNNConfig
from zoojax.spec.config.training import TrainConfig
from zoojax.spec.data import deal
from zoojax.spec.draws import check_seed
from zoojax.spec.quantiles import outputs_of

Pictures = Literal["stored", "simulated", "fresh"]
Target = Literal["shape", "color", "next_steps"]
ModelName = Literal["cnn", "mlp", "rnn", "lstm", "gru"]

SPLITS = ("train", "validation", "test", "calibration")
"""The parts of a data set, in the order in which samples are dealt to them."""


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """One run from simulation to evaluation.

    Args:
        data: what is simulated: shapes for a CNN, sinusoids for the other models.
        num_each: pictures of each combination of shape and color, or waves of each of
            amplitude, frequency, phase and shift.
        target: what the model tells: shape or color of a picture; next_steps of a wave.
        validation_fraction: part of the samples evaluated after each epoch, over 0 and under 1.
        test_fraction: part of the samples kept for evaluation at the end, 0 up to under 1.
        calibration_fraction: part of the samples kept for calibration, 0 up to under 1.
        stratified: whether each class gives the same part of its pictures to each split.
        pictures: stored in memory once made; simulated again whenever a step needs them; or
            fresh, other ones in each epoch.
        model: its sizes of input and output follow the data, and the loss: pinball takes three
            outputs for each next step.
        train: how it is trained; its seed decides the data and the splits as well.
        data_seed: integer from 0 to 2^32 - 1 that decides data and splits instead; None for the
            seed of the training.

    Raises:
        ValueError: when a value is not allowed; says what was given and what is allowed.
    """

    data: DataConfig = ShapesConfig(
        image_height=32, image_width=32, min_size=16, max_size=28, shades=False
    )
    num_each: int = 100
    target: Target = "shape"
    validation_fraction: float = 0.2
    test_fraction: float = 0.0
    calibration_fraction: float = 0.0
    stratified: bool = False
    pictures: Pictures = "stored"
    model: ModelConfig = CNNConfig(
        num_cnn_channels=16,
        num_cnn_layers=2,
        dropout=0.1,
        conv_activation="relu",
    )
    train: TrainConfig = TrainConfig(batch_size=20, learning_rate=0.003)
    data_seed: int | None = None

    def __post_init__(self) -> None:
        if self.data_seed is not None:
            object.__setattr__(self, "data_seed", check_seed(self.data_seed, "data_seed"))
        object.__setattr__(self, "num_each", check_num_each(self.num_each))
        check_choice(self, "target", get_args(Target))
        check_number(self, "validation_fraction", 0, 1, open_low=True)
        for name in ("test_fraction", "calibration_fraction"):
            check_number(self, name, 0, 1, open_low=False)
        if not isinstance(self.stratified, bool):
            raise ValueError(f"stratified must be True or False, got {self.stratified!r}")
        check_choice(self, "pictures", get_args(Pictures))
        self._check_fit()
        object.__setattr__(self, "model", self._fitted_model())
        self._check_splits()

    def _check_fit(self) -> None:
        """Raise ``ValueError`` unless data, target, model and loss belong together."""
        has_classes = isinstance(self.data, ShapesConfig)
        if has_classes != isinstance(self.model, CNNConfig):
            model, data = (type(each).__name__ for each in (self.model, self.data))
            raise ValueError(
                f"a CNN is for shapes, an MLP or RNN for sinusoids; got {model} and {data}"
            )
        if has_classes == (self.target == "next_steps"):
            allowed = "shape or color" if has_classes else "next_steps"
            raise ValueError(
                f"target of {type(self.data).__name__} must be {allowed}, got {self.target}"
            )
        if has_classes and self.train.loss != "cross_entropy":
            raise ValueError(f"shapes and colors are classes, not numbers: got {self.train.loss}")
        if not has_classes and self.train.loss == "cross_entropy":
            raise ValueError(f"points of a wave are numbers, not classes: got {self.train.loss}")
        if not has_classes and self.stratified:
            raise ValueError("waves have no classes to stratify by")
        if not has_classes and self.pictures != "stored":
            raise ValueError(f"waves are stored, pictures is of shapes, got {self.pictures}")
        if "micro" in self.class_names:
            raise ValueError("no color can be named micro: it is an average of all classes")
        if has_classes:
            check_class_weights(self.train.class_weights, len(self.class_names))

    def _fitted_model(self) -> ModelConfig:
        """Return the model with sizes of input and output that follow the data."""
        match self.model, self.data:
            case CNNConfig() as cnn, ShapesConfig() as shapes:
                return dataclasses.replace(
                    cnn,
                    height=shapes.image_height,
                    width=shapes.image_width,
                    num_classes=len(self.class_names),
                    num_input_channels=3,
                )
            case MLPConfig() as mlp, SinusoidsConfig() as waves:
                num_given = waves.length - waves.num_next_steps
                num_outputs = outputs_of(waves.num_next_steps, self.train.loss)
                return dataclasses.replace(mlp, input_dim=num_given, output_dim=num_outputs)
            case RNNConfig() as rnn, SinusoidsConfig() as waves:
                num_outputs = outputs_of(waves.num_next_steps, self.train.loss)
                return dataclasses.replace(rnn, input_size=1, output_size=num_outputs)
        raise AssertionError("_check_fit accepts no other pair of model and data")

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes in label order; of waves none."""
        if isinstance(self.data, ShapesConfig):
            return self.data.class_names(self.target)
        return ()

    @property
    def seed_of_data(self) -> int:
        """The seed that decides the data and the splits."""
        return self.train.seed if self.data_seed is None else self.data_seed

    @property
    def num_samples(self) -> int:
        """Number of pictures or waves."""
        return self.num_each * self.data.num_combinations

    @property
    def fractions(self) -> dict[str, float]:
        """Part of the samples in each split that is not empty, by its name in ``SPLITS``."""
        held = {name: getattr(self, f"{name}_fraction") for name in SPLITS[1:]}
        kept = {name: part for name, part in held.items() if part}
        return {"train": 1 - sum(kept.values()), **kept}

    def _check_splits(self) -> None:
        """Raise ``ValueError`` when a split would be empty or, stratified, lack a class."""
        if self.fractions["train"] <= 0:
            raise ValueError(f"the fractions must leave samples to train on, got {self.fractions}")
        labels = None
        if self.stratified and isinstance(self.data, ShapesConfig):
            labels = self.data.labels(self.target, self.num_each)
        places = np.arange(self.num_samples)
        deal(places, tuple(self.fractions.values()), labels, self.class_names)


class Held(TypedDict):
    """Options of a run that say how many samples are kept from training."""

    validation_fraction: float
    calibration_fraction: float


HELD = Held(validation_fraction=0.1, calibration_fraction=0.1)
"""As many samples to validate with as to calibrate with."""

WAVES = RunConfig(
    data=SinusoidsConfig(noise=0.05),
    num_each=2,
    target="next_steps",
    **HELD,
    model=MLPConfig(num_layers=1, hidden_dim=32, dropout=0.1),
    train=TrainConfig(num_epochs=30, batch_size=32, learning_rate=0.003, loss="mean_squared_error"),
)

DEFAULT_RUNS: dict[str, RunConfig] = {
    "cnn": RunConfig(**HELD),
    "mlp": WAVES,
    **{
        cell: dataclasses.replace(
            WAVES, model=RNNConfig(hidden_dim=32, num_layers=2, dropout=0.1, cell=cell)
        )
        for cell in ("rnn", "lstm", "gru")
    },
}
"""A run of each model that takes a minute or so on two CPU cores."""
