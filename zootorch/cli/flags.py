"""Configurations as flags: what the data decide is left out, since as flags it would be wrong."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import tyro

from zoojax.spec.config import DEFAULT_RUNS, CNNConfig, ConformalConfig, RunConfig
from zoojax.spec.types import Dataclass

Flags = Annotated[Any, tyro.conf.arg(name="")]
"""A parameter whose fields are flags without a prefix."""

DERIVED = (
    "num_classes",
    "height",
    "width",
    "num_input_channels",
    "input_dim",
    "output_dim",
    "input_size",
    "output_size",
    "cell",
)
OF_SHAPES = ("target", "stratified", "pictures")
"""Options of a run that waves have not."""
OF_WAVES = ("loss", "quantiles")
"""Options of training that classes have not: there is one loss of them."""
WaveLoss = Literal["mean_squared_error", "pinball"]


def flags_of(
    config: Dataclass,
    left_out: Sequence[str] = DERIVED,
    narrower: Mapping[str, Any] | None = None,
    **parts: Any,
) -> Any:
    """Return an object with a configuration's fields and values, from which flags are made.

    Args:
        config: a dataclass.
        left_out: names of fields that are no flags.
        narrower: types of fields that as flags allow less, by name.
        parts: what to have instead of some fields.
    """
    fields = [field for field in dataclasses.fields(config) if field.name not in left_out]
    types = {field.name: field.type for field in fields} | dict(narrower or {})
    types |= {name: type(part) for name, part in parts.items()}
    values = {field.name: getattr(config, field.name) for field in fields} | parts
    made = dataclasses.make_dataclass(
        f"{type(config).__name__}Flags",
        [(name, types[name], dataclasses.field(default=values[name])) for name in types],
        frozen=True,
    )
    made.__doc__ = type(config).__doc__
    return made()


def run_flags(default: RunConfig) -> Any:
    """Return the flags of a run, with its values as defaults."""
    parts = {"data": default.data, "model": flags_of(default.model)}
    if default.class_names:
        return flags_of(default, (), train=flags_of(default.train, OF_WAVES), **parts)
    train = flags_of(default.train, (), {"loss": WaveLoss})
    return flags_of(default, OF_SHAPES, train=train, **parts)


def run_config(flags: Any, default: RunConfig) -> RunConfig:
    """Return the configuration that flags describe.

    Args:
        flags: what ``run_flags(default)`` returned, or the like with other values.
        default: has the values that are no flags.
    """
    options = _values(flags)
    sizes = {}
    if isinstance(default.model, CNNConfig):
        # Known before the model is made, which checks that its layers fit the picture.
        sizes = {"height": flags.data.image_height, "width": flags.data.image_width}
    options["model"] = dataclasses.replace(default.model, **_values(flags.model), **sizes)
    options["train"] = dataclasses.replace(default.train, **_values(flags.train))
    return dataclasses.replace(default, **options)


def conformal_config(flags: Any) -> ConformalConfig:
    """Return the configuration that flags describe, made of ``flags_of(ConformalConfig())``."""
    return ConformalConfig(**_values(flags))


def _values(flags: Dataclass) -> dict[str, Any]:
    return {field.name: getattr(flags, field.name) for field in dataclasses.fields(flags)}


def chosen(args: Sequence[str], flag: str, choices: Sequence[str]) -> str:
    """Return the value of a flag on which other flags depend; the first choice unless given.

    Args:
        args: of the command line.
        flag: such as ``--model``.
        choices: its values; any other is left to the parser to refuse.
    """
    given = [arg.removeprefix(f"{flag}=") for arg in args if arg.startswith(f"{flag}=")]
    given += [value for arg, value in itertools.pairwise(args) if arg == flag]
    return given[-1] if given and given[-1] in choices else choices[0]


MODELS = tuple(DEFAULT_RUNS)
