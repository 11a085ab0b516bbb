"""Protocols: what the code that both backends share needs of an array or a configuration."""

from typing import Any, ClassVar, Protocol

from numpy.typing import ArrayLike


class Dataclass(Protocol):
    """An object of any dataclass, such as a configuration."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


class Shaped(Protocol):
    """An array of NumPy, JAX or torch: something with a shape and a dtype."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""

    @property
    def dtype(self) -> object:
        """Type of the numbers, which prints as its name."""


class Sliceable(Shaped, Protocol):
    """An array that can be sliced."""

    def __getitem__(self, index: Any, /) -> Any:
        """Return some of the numbers."""


class Reshapable(Shaped, Protocol):
    """An array that can be reshaped and transposed, as those of NumPy and JAX."""

    def reshape(self, shape: tuple[int, ...], /) -> Any:
        """Return the numbers in another shape."""


class Samples(Shaped, Protocol):
    """An array whose leading axis counts samples, or images that are made on demand."""

    def __len__(self) -> int:
        """Return the number of samples."""

    def __getitem__(self, rows: slice, /) -> ArrayLike:
        """Return some samples."""
