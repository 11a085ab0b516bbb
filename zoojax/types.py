"""What training and evaluation need of a model. A model holds no numbers: see ``Variables``."""

from typing import Any, Protocol, Self, TypeVar

from jax import Array
from jax.typing import DTypeLike

from zoojax.spec.config import ModelConfig

Tree = TypeVar("Tree")
"""Variables, a state or another tree of arrays."""

Variables = dict[str, Any]
"""Flax variables: ``{"params": {module: {leaf: array}}, "batch_stats": {...}}``."""


class Predictor(Protocol):
    """What ``predict`` and ``evaluate`` take: a model, or an ensemble of models."""

    @property
    def config(self) -> ModelConfig:
        """The architecture; of an ensemble, that of each member."""

    def apply(self, variables: Variables, inputs: Array, /) -> Any:
        """Return the outputs in eval mode; a recurrent network returns its last state as well."""


class Model(Protocol):
    """What ``fit`` takes: a Flax module with a configuration, such as CNN, MLP and RNN."""

    @property
    def config(self) -> ModelConfig:
        """The architecture."""

    def init(self, rngs: Array, /, *args: Any) -> Any:
        """Return variables of the right shapes."""

    def apply(self, variables: Variables, /, *args: Any, **options: Any) -> Any:
        """Return the outputs, and with ``mutable`` the new running statistics as well."""

    def clone(self, *, dtype: DTypeLike | None) -> Self:
        """Return a model of the same architecture that computes in ``dtype``."""
