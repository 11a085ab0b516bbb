"""What training and evaluation need of a model."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, Self

import torch
from torch import nn

from zoojax.spec.config import ModelConfig


class Model(Protocol):
    """A module with a configuration, such as CNN, MLP, RNN or an ensemble of these.

    Python has no type for "an ``nn.Module`` with one more attribute", so the methods of
    ``nn.Module`` that training and evaluation use are listed here.
    """

    training: bool

    @property
    def config(self) -> ModelConfig:
        """The architecture; of an ensemble, that of each member."""

    __call__: Callable[..., Any]

    def train(self, mode: bool = True) -> Self:
        """Switch to train mode."""

    def eval(self) -> Self:
        """Switch to eval mode."""

    def to(self, dtype: torch.dtype, /) -> Self:
        """Change the dtype of all numbers, in place."""

    def modules(self) -> Iterator[nn.Module]:
        """Yield the module and all modules within it."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """Yield what training changes."""

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Yield what training changes, with names as in weight files."""

    def state_dict(self) -> dict[str, Any]:
        """Return parameters and running statistics by name."""

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> Any:
        """Copy numbers into the parameters and running statistics."""
