"""The command line: ``zoo simulate``, ``train``, ``evaluate`` and more."""

import contextlib
import dataclasses
import functools
import inspect
import io
import itertools
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, get_args

import tyro

from zoojax.spec.config import DEFAULT_RUNS, ConformalConfig, ShapesConfig, SinusoidsConfig
from zoojax.spec.records import NonFiniteLossError
from zootorch.cli import benchmarking, commands, evaluating
from zootorch.cli.flags import MODELS, chosen, flags_of, run_flags

Command = Callable[..., Callable[[], None]]


def _commands(args: Sequence[str]) -> dict[str, Command]:
    """Return the commands by name, with the flags of the model or data that ``args`` choose."""
    kind = chosen(args, "--data", get_args(commands.Kind))
    model = chosen(args, "--model", MODELS)
    default = DEFAULT_RUNS[model]
    exact = dataclasses.replace(default, train=dataclasses.replace(default.train, dtype="float64"))
    data = ShapesConfig() if kind == "shapes" else SinusoidsConfig()
    return {
        "simulate": _later(commands.simulate, kind=kind, data=data),
        "train": _later(commands.train, model=model, run=run_flags(default)),
        "evaluate": _later(evaluating.evaluate),
        "calibrate": _later(evaluating.calibrate, conformal=flags_of(ConformalConfig())),
        "predict": _later(evaluating.predict),
        "compare": _later(commands.compare, model=model, run=run_flags(exact)),
        "benchmark-shapes": _later(benchmarking.benchmark_shapes),
    }


def _later(command: Callable[..., None], **defaults: Any) -> Command:
    """Return a command that is bound to its arguments instead of run: parsing comes first.

    Args:
        command: what to run.
        defaults: of parameters that depend on the model or data chosen.
    """

    @functools.wraps(command)
    def bind(*args: Any, **kwargs: Any) -> Callable[[], None]:
        return functools.partial(command, *args, **kwargs)

    # Where a parameter is Any, the parser makes flags of its default's fields.
    signature = inspect.signature(command)
    parameters = [
        each.replace(default=defaults.get(name, each.default))
        for name, each in signature.parameters.items()
    ]
    vars(bind)["__signature__"] = signature.replace(parameters=parameters)
    return bind


def _fail(message: str) -> NoReturn:
    """Write one line to standard error and exit with 2."""
    print(f"zoo: error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)


def _first_paragraph(box: str) -> str:
    """Return what tyro's error box says between its title and the next rule, unframed."""
    lines = [line.strip(" │") for line in box.splitlines()[1:]]
    # Where the terminal knows no frames, dashes are the rules and one follows the title.
    groups = itertools.groupby(lines, key=lambda line: set(line) <= set("─╰╯-"))
    text = next((" ".join(group) for is_rule, group in groups if not is_rule), "")
    return text.split("__tyro-dummy-inner__.")[-1]


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line: exit code 0, 1 when runs differ, 2 for bad input, 130 when stopped."""
    args = sys.argv[1:] if args is None else args
    errors = io.StringIO()
    try:
        with contextlib.redirect_stderr(errors):
            run = tyro.extras.subcommand_cli_from_dict(
                _commands(args),
                prog="zoo",
                description="Coloured shapes, sinusoids and their models, in JAX and in torch.",
                args=args,
            )
    except SystemExit as stop:
        if stop.code == 2:
            _fail(_first_paragraph(errors.getvalue()))
        raise
    except BrokenPipeError:
        _stop_writing()
    try:
        run()
        sys.stdout.flush()
    except BrokenPipeError:
        _stop_writing()
    except (ValueError, OSError, NonFiniteLossError) as error:
        _fail(str(error))
    except KeyboardInterrupt as stop:
        print(f"zoo: stopped. {stop}".rstrip(), file=sys.stderr)
        sys.exit(130)


def _stop_writing() -> NoReturn:
    """End well: a reader such as ``head`` has seen enough, and what is left goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(0)
